"""Configs of one-stream trackers are what their names and OSTrack's recipe say."""

import re

import pytest
import torch
from mmengine.registry import WEIGHT_INITIALIZERS

from tests.config_models import EVERYTHING, built_on_meta, optimizer_of, read

pytestmark = pytest.mark.slow  # models at full size

CONFIGS = [name for name in EVERYTHING if re.match(r'\w+/tracking/.*_one-stream', name)]
OWN = [name for name in CONFIGS if name.startswith('mae/')]
NAME = re.compile(
    r'(?P<method>mae|mff)/tracking/vit-base-p16_one-stream(?P<fewer>-elimination)?'
    r'_4xb(?P<batch>\d+)-amp-(?P<epochs>\d+)e_(?P<data>[\w-]+?)-(?P<size>\d+)px\.py'
)
FOUR = 'lasot-got10k-trackingnet-coco'
# search window and jitter, by its pixels
WINDOWS = {256: (4.0, 3.0, 0.25), 384: (5.0, 4.5, 0.5)}
# epochs, and those before the rate falls
LENGTHS = {FOUR: (300, 240), 'got10k': (100, 80)}
SOURCES = {FOUR: ['LaSOT', 'GOT10k', 'TrackingNet', 'COCOPairs'], 'got10k': ['GOT10k']}


def told_by(name: str) -> re.Match:
    told = NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    return told


def test_there_are_configs() -> None:
    """Breaks when one is missing, so that a published figure has no config."""
    kinds = [(t['data'], int(t['size']), bool(t['fewer'])) for t in map(told_by, OWN)]
    plain = [(data, size, False) for data in LENGTHS for size in WINDOWS]
    assert sorted(kinds) == sorted([*plain, (FOUR, 384, True)])
    assert {f'mff{name[3:]}' for name in OWN} | set(OWN) == set(CONFIGS)


@pytest.mark.parametrize('name', OWN)
def test_name_tells_what_is_trained(name: str) -> None:
    """Breaks when a file was copied and its name, or only its name, was changed; or when a
    tracker searches in other windows than it is trained with."""
    told, cfg = told_by(name), read(name)
    size, model = int(told['size']), cfg.model
    factor, centre, scale = WINDOWS[size]
    assert (model.backbone.arch, model.backbone.img_size) == ('base', size)
    (crop,) = (
        step
        for step in cfg.train_dataloader.dataset.pipeline
        if step.type == 'mim_secrets.CropPair'
    )
    for part in (model, crop):
        assert (part.template_size, part.search_size) == (size // 2, size)
        assert (part.template_factor, part.search_factor) == (2.0, factor)
    assert (crop.centre_jitter, crop.scale_jitter) == (centre, scale)
    data = cfg.train_dataloader.dataset
    kinds = [f'mim_secrets.{kind}' for kind in SOURCES[told['data']]]
    assert [source.type for source in data.sources] == kinds
    assert len({source.get('quota', 1) for source in data.sources}) == 1
    assert (data.pairs_per_epoch, data.max_gap) == (60_000, 200)
    excluded = [source.get('exclude') for source in data.sources if 'GOT10k' in source.type]
    assert excluded == (['data/got10k/vot.txt'] if told['data'] == FOUR else [None])
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    assert cfg.auto_scale_lr.base_batch_size == 4 * int(told['batch']) == 128
    assert cfg.val_dataloader.dataset == dict(
        type='mim_secrets.GOT10k', root='data/got10k', split='val'
    )
    tested = cfg.test_dataloader.dataset
    if told['data'] == FOUR:
        assert tested == dict(type='mim_secrets.LaSOT', root='data/lasot', split='test')
        assert cfg.test_evaluator.type == 'mim_secrets.OPEMetric'
    else:
        assert (tested.type, tested.split) == ('mim_secrets.GOT10k', 'test')
        assert cfg.test_evaluator == []


@pytest.mark.parametrize('name', OWN)
def test_the_recipe_is_the_published_one(name: str) -> None:
    """Breaks when a rate, a length or a weight differs from OSTrack's."""
    cfg, told = read(name), told_by(name)
    epochs, fall = LENGTHS[told['data']]
    assert int(told['epochs']) == cfg.train_cfg.max_epochs == epochs
    assert (cfg.param_scheduler.milestones, cfg.param_scheduler.gamma) == ([fall], 0.1)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 4e-4, 1e-4)
    assert cfg.optim_wrapper.clip_grad.max_norm == 0.1
    assert cfg.model.backbone.drop_path_rate == 0.1
    assert cfg.model.window_penalty == 1.0 and 'template_update' not in cfg.model


@pytest.mark.parametrize('name', OWN[:1])
def test_the_encoder_learns_at_a_tenth_of_the_rate_on_average(name: str) -> None:
    """Breaks when the layer decay is another than the schedule says, or something is not
    trained."""
    cfg = read(name)
    model = built_on_meta(cfg)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rates = {
        names[id(parameter)]: group['lr'] / 4e-4
        for group in optimizer_of(cfg, model).optimizer.param_groups
        for parameter in group['params']
    }
    assert rates.keys() == set(names.values())
    blocks = [rates[f'backbone.layers.{block}.attn.qkv.weight'] for block in range(12)]
    assert blocks == pytest.approx([0.7 ** (12 - block) for block in range(12)])
    assert torch.tensor(blocks).log().mean().exp() == pytest.approx(0.1, abs=0.003)
    assert rates['head.score_branch.0.weight'] == 1


@pytest.mark.parametrize('name', OWN)
def test_a_pair_goes_through(name: str) -> None:
    """Breaks when widths, sizes or blocks of a full-size model do not fit."""
    cfg = read(name)
    model, size = built_on_meta(cfg).eval(), int(told_by(name)['size'])
    with torch.no_grad(), torch.device('meta'):
        maps = model(
            dict(
                template=torch.empty(2, 3, size // 2, size // 2),
                search=torch.empty(2, 3, size, size),
            )
        )
    assert maps.score.shape == (2, size // 16, size // 16)
    assert maps.boxes.shape == (2, size // 16, size // 16, 4)


def test_elimination_is_all_that_its_config_adds() -> None:
    """Breaks when fewer tokens come with another change, or from the first epoch on."""
    (name,) = (name for name in OWN if 'elimination' in name)
    fewer, plain = read(name), read(name.replace('-elimination', ''))
    assert fewer.model.pop('elimination') == dict(blocks=[3, 6, 9], share=0.7)
    hook = dict(type='mim_secrets.CandidateEliminationHook', begin=20, length=80)
    assert fewer.custom_hooks.pop() == hook
    assert fewer.to_dict() == plain.to_dict()


def test_methods_are_measured_alike() -> None:
    """Breaks when MFF is fine-tuned otherwise than MAE, which it is compared with."""
    for name in OWN:
        assert read(f'mff{name[3:]}').to_dict() == read(name).to_dict()


@pytest.mark.parametrize('name', OWN)
def test_a_run_asks_for_its_checkpoint(name: str) -> None:
    """Breaks when a run without a checkpoint trains from random weights."""
    with pytest.raises(ValueError, match='init_cfg.checkpoint=FILE'):
        WEIGHT_INITIALIZERS.build(read(name).model.backbone.init_cfg)
