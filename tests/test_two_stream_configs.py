"""Configs of two-stream trackers are what their names and SwinTrack's recipe say."""

import re

import pytest
import torch
from mmengine.registry import WEIGHT_INITIALIZERS

from tests.config_models import EVERYTHING, built_on_meta, optimizer_of, read

pytestmark = pytest.mark.slow  # models at full size

CONFIGS = [name for name in EVERYTHING if re.match(r'\w+/tracking/.*_two-stream', name)]
NAME = re.compile(
    r'simmim/tracking/swinv2-(?P<arch>base|large)-w(?P<window>\d+)_two-stream'
    r'_8xb(?P<batch>\d+)-amp-(?P<epochs>\d+)e_(?P<data>[\w-]+?)-(?P<size>\d+)px\.py'
)
FOUR = 'lasot-got10k-trackingnet-coco'
SOURCES = {FOUR: ['LaSOT', 'GOT10k', 'TrackingNet', 'COCOPairs'], 'got10k': ['GOT10k']}


def told_by(name: str) -> re.Match:
    told = NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    return told


def test_there_are_configs() -> None:
    """Breaks when one is missing, so that a published figure has no config."""
    kinds = sorted((t['arch'], t['data']) for t in map(told_by, CONFIGS))
    assert kinds == sorted((arch, data) for arch in ('base', 'large') for data in SOURCES)


@pytest.mark.parametrize('name', CONFIGS)
def test_name_tells_what_is_trained(name: str) -> None:
    """Breaks when a file was copied and its name, or only its name, was changed; or when a
    tracker searches in other windows than it is trained with."""
    told, cfg = told_by(name), read(name)
    size, model, encoder = int(told['size']), cfg.model, cfg.model.backbone
    assert (encoder.arch, encoder.img_size) == (told['arch'], size)
    assert encoder.window_size == [12, 12, 12, 6] and int(told['window']) == 12
    (crop,) = (s for s in cfg.train_dataloader.dataset.pipeline if s.type.endswith('CropPair'))
    for part in (model, crop):
        assert (part.template_size, part.search_size) == (size // 2, size)
        assert (part.template_factor, part.search_factor) == (2.0, 4.0)
    assert (crop.centre_jitter, crop.scale_jitter) == (3.0, 0.25)
    data = cfg.train_dataloader.dataset
    kinds = [f'mim_secrets.{kind}' for kind in SOURCES[told['data']]]
    assert [source.type for source in data.sources] == kinds
    assert len({source.get('quota', 1) for source in data.sources}) == 1
    assert (data.pairs_per_epoch, data.max_gap) == (60_000, 100)
    excluded = [source.get('exclude') for source in data.sources if 'GOT10k' in source.type]
    assert excluded == (['data/got10k/vot.txt'] if told['data'] == FOUR else [None])
    assert 8 * cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == 128
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    tested = cfg.test_dataloader.dataset
    if told['data'] == FOUR:
        assert (tested.type, tested.split) == ('mim_secrets.LaSOT', 'test')
        assert cfg.test_evaluator.type == 'mim_secrets.OPEMetric'
    else:
        assert (tested.type, tested.split) == ('mim_secrets.GOT10k', 'test')
        assert cfg.test_evaluator == []


@pytest.mark.parametrize('name', CONFIGS)
def test_the_recipe_is_the_published_one(name: str) -> None:
    """Breaks when a rate, a length or a depth differs from SwinTrack-B's."""
    cfg, fusion = read(name), read(name).model.fusion
    assert int(told_by(name)['epochs']) == cfg.train_cfg.max_epochs == 300
    warm_up, fall = cfg.param_scheduler
    assert (warm_up.end, fall.milestones, fall.gamma) == (3, [210], 0.1)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 5e-4, 1e-4)
    assert cfg.optim_wrapper.clip_grad.max_norm == 0.1
    assert (fusion.dims, fusion.depth, fusion.num_heads, fusion.drop_path_rate) == (512, 8, 8, 0.1)
    assert cfg.model.backbone.drop_path_rate == 0.1
    assert cfg.model.window_penalty == 0.49 and 'template_update' not in cfg.model


@pytest.mark.parametrize('name', [name for name in CONFIGS if FOUR in name])
def test_a_pair_goes_through_a_model_that_learns_everywhere(name: str) -> None:
    """Breaks when widths, sizes or windows of a full-size model do not fit, when windows cut
    maps into unequal parts, or the encoder's rates have another mean than the schedule says."""
    cfg = read(name)
    model = built_on_meta(cfg).eval()
    with torch.no_grad(), torch.device('meta'):
        pair = dict(template=torch.empty(2, 3, 192, 192), search=torch.empty(2, 3, 384, 384))
        maps = model(pair)
    assert maps.score.shape == (2, 24, 24) and maps.boxes.shape == (2, 24, 24, 4)
    assert model.fusion.template_grid == (12, 12)
    sides = [size // stride for size in (192, 384) for stride in model.backbone.level_strides]
    assert all(side % 12 == 0 for side in sides)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rates = {
        names[id(parameter)]: group['lr'] / 5e-4
        for group in optimizer_of(cfg, model).optimizer.param_groups
        for parameter in group['params']
    }
    assert rates.keys() == set(names.values())
    blocks = [rate for name, rate in rates.items() if name.endswith('attn.w_msa.proj.weight')]
    assert len(blocks) == 22
    assert torch.tensor(blocks).log().mean().exp() == pytest.approx(0.1, abs=0.003)
    assert {rate for name, rate in rates.items() if not name.startswith('backbone')} == {1.0}


@pytest.mark.parametrize('name', CONFIGS)
def test_a_run_asks_for_its_checkpoint(name: str) -> None:
    """Breaks when a run without a checkpoint trains from random weights."""
    with pytest.raises(ValueError, match='init_cfg.checkpoint=FILE'):
        WEIGHT_INITIALIZERS.build(read(name).model.backbone.init_cfg)
