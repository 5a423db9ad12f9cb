"""The trackers on the playground: the real runs, made small."""

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mim_secrets.datasets.playground import Got10kPlayground, LasotPlayground, fill
from mim_secrets.models import SwinV2, ViT
from mim_secrets.visualization.report.logs import Run
from tests.config_models import EVERYTHING, read
from tests.test_dense_playground import leaves

pytestmark = pytest.mark.slow  # they build models and train

NAME = re.compile(
    r'playground/(vit-nano-p(?P<patch>\d+)|swinv2-nano-w(?P<window>\d+))_(?P<kind>one|two)-stream_'
    r'1xb(?P<batch>\d+)-(?P<epochs>\d+)e_playground-(?P<data>lasot|got10k)-(?P<size>\d+)px\.py'
)
CONFIGS = [name for name in EVERYTHING if re.match('playground/.*-stream_', name)]
SMALLER = dict(train=4, val=2, test=2, frames=4, image_size=48)
WORLDS = dict(lasot=LasotPlayground, got10k=Got10kPlayground)
METRICS = dict(lasot='ope/success_auc', got10k='got10k/AO')
# Sizes, data, and how fast and far is trained.
CHANGED = {
    *('arch', 'num_heads', 'img_size', 'patch_size', 'in_channels', 'drop_path_rate'),
    *('template_size', 'search_size', 'least_side', 'root', 'sources', 'batch_size'),
    *('num_workers', 'pairs_per_epoch', 'max_gap', 'max_epochs', 'base_batch_size', 'interval'),
    'val_interval',
}
# Data of validations, and no mixed precision, which is for GPUs.
# what has a name in a file stands where it is used, too
REPLACED = ('val_', 'optim_wrapper', 'data_root', 'sync_bn', 'max_epochs', 'train_pipeline')


@dataclass(frozen=True)
class Tracker:
    """What is particular to a tracker.

    Attributes:
        real: The run that the playground's stands for.
        changed: What else is changed for size.
        replaced: What else is not compared.
        encoder: Builds the encoder of a model's config, as pre-training would.
        loaded: A weight of it.
    """

    real: str
    changed: frozenset[str]
    replaced: tuple[str, ...]
    loaded: str

    def encoder(self, backbone: dict) -> nn.Module:
        if 'window_size' in backbone:
            kept = ('arch', 'patch_size', 'window_size', 'out_indices')
            return SwinV2(**{key: backbone[key] for key in kept}, img_size=32)
        kept = ('arch', 'patch_size')
        return ViT(**{key: backbone[key] for key in kept}, position='sincos', img_size=32)


TRACKERS = dict(
    one=Tracker(
        'mae/tracking/vit-base-p16_one-stream_4xb32-amp-300e_lasot-got10k-trackingnet-coco-256px.py',
        frozenset(
            {'embed_dims', 'num_layers', 'feedforward_channels', 'position', 'channels', 'split'}
        ),
        ('test_dataloader', 'test_evaluator'),
        'layers.0.attn.qkv.weight',
    ),
    two=Tracker(
        'simmim/tracking/'
        'swinv2-base-w12_two-stream_8xb16-amp-300e_lasot-got10k-trackingnet-coco-384px.py',
        frozenset(
            {'embed_dims', 'depths', 'extra_norm_every_n_blocks', 'window_size', 'out_indices'}
            | {'drop_last', 'dims', 'depth'}
        ),
        (),
        'stages.2.blocks.0.attn.w_msa.qkv.weight',
    ),
)


def told_by(name: str) -> re.Match:
    told = NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    return told


def test_there_is_one_of_each() -> None:
    """Breaks when a config is renamed, and every other test here finds nothing."""
    there = Counter(told_by(name).group('kind', 'data') for name in CONFIGS)
    assert there == {('one', 'lasot'): 1, ('one', 'got10k'): 1, ('two', 'lasot'): 1}


@pytest.mark.parametrize('name', CONFIGS)
def test_name_tells_what_is_trained(name: str) -> None:
    """Breaks when a size or a length was changed and the name was not, when data are not those
    of the layout, or a tracker searches in other windows than it is trained with."""
    told, cfg = told_by(name), read(name)
    size, epochs, model = int(told['size']), int(told['epochs']), cfg.model
    cell = 'window_size' if told['window'] else 'patch_size'
    assert model.backbone.img_size == size
    assert model.backbone[cell] == int(told['window'] or told['patch'])
    (crop,) = (s for s in cfg.train_dataloader.dataset.pipeline if s.type.endswith('CropPair'))
    for part in (model, crop):
        assert (part.template_size, part.search_size) == (size // 2, size)
    assert (model.template_factor, model.search_factor) == (2.0, 4.0)
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    assert cfg.auto_scale_lr.base_batch_size == int(told['batch'])
    assert cfg.train_cfg.max_epochs == cfg.default_hooks.checkpoint.interval == epochs
    assert cfg.param_scheduler[-1].end == cfg.param_scheduler[-1].T_max == epochs
    (source,), tested = cfg.train_dataloader.dataset.sources, cfg.test_dataloader.dataset
    kind = dict(lasot='LaSOT', got10k='GOT10k')[told['data']]
    assert source.type == tested.type == f'mim_secrets.{kind}'
    assert source.root == tested.root == f'data/playground_{told["data"]}'
    assert tested.split == dict(lasot='test', got10k='val')[told['data']]
    metric = dict(lasot='OPEMetric', got10k='GOT10kMetric')[told['data']]
    assert cfg.test_evaluator.type == f'mim_secrets.{metric}'


@pytest.mark.parametrize('name', CONFIGS)
def test_it_is_the_real_run_in_small(name: str) -> None:
    """Breaks when the playground trains another model, with other augmentation or another loss
    than the run that it stands for."""
    tracker = TRACKERS[told_by(name)['kind']]
    ours, real = read(name), read(tracker.real)
    for cfg in (ours, real):
        for key in [key for key in cfg if key.startswith(REPLACED + tracker.replaced)]:
            cfg.pop(key)
        data = cfg.train_dataloader.dataset
        data.pipeline = {f'step {i}': step for i, step in enumerate(data.pipeline)}
    parts = [dict(leaves(cfg.to_dict())) for cfg in (ours, real)]
    differ = {k for k in parts[0].keys() | parts[1].keys() if parts[0].get(k) != parts[1].get(k)}
    named = {path.split('.')[-1] for path in differ if 'param_scheduler' not in path}
    assert named <= CHANGED | tracker.changed
    assert 'model.search_size' in differ


@pytest.mark.parametrize('name', CONFIGS)
def test_the_tools_train_and_test_it(tool, name: str, tmp_path: Path) -> None:
    """Breaks when --pretrained does not reach the encoder, what tools/train.py adds to every
    loader ends the validation, a validation ends the training, or a step or a test fails."""
    told, cfg = told_by(name), read(name)
    tracker, metric = TRACKERS[told['kind']], METRICS[told['data']]
    fill(tmp_path / 'world', replace(WORLDS[told['data']].of('tiny'), **SMALLER))
    state = tracker.encoder(cfg.model.backbone).state_dict()
    torch.save({f'backbone.{key}': value for key, value in state.items()}, 'pretrained.pth')
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False, batch_size=2)
    data = cfg.train_dataloader.dataset
    data.update(pairs_per_epoch=4)
    for part in (data.sources[0], cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
        part.root = 'world'
    cfg.train_cfg.update(max_epochs=2, val_interval=1)
    cfg.default_hooks.checkpoint.interval = 2
    cfg.optim_wrapper.optimizer.lr = 0.0
    cfg.dump('small.py')
    tool('train.py', 'small.py', '--work-dir', 'run', '--pretrained', 'pretrained.pth')
    assert Run(Path('run')).last(metric), 'a validation cannot be found in the log'
    trained = torch.load('run/epoch_2.pth', weights_only=False)['state_dict']
    loaded = trained[f'backbone.{tracker.loaded}']
    torch.testing.assert_close(loaded, state[tracker.loaded])
    tool('test.py', 'small.py', 'run', '--work-dir', 'tested')
    (scores,) = Path('tested').glob('*/*.json')
    metrics = json.loads(scores.read_text())
    assert 0 < metrics[metric] < 100 and metrics['tracking/skipped'] == 0
