"""The two-stream tracker on the playground: the real run, made small."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mim_secrets.apis.starting_weights import set_starting_weights
from mim_secrets.datasets.playground import LasotPlayground, fill
from mim_secrets.models import SwinV2
from tests.config_models import EVERYTHING, read
from tests.test_dense_playground import leaves

pytestmark = pytest.mark.slow  # they build models and train

CONFIGS = [name for name in EVERYTHING if re.match('playground/.*_two-stream_', name)]
NAME = re.compile(
    r'playground/swinv2-nano-w(?P<window>\d+)_two-stream_1xb(?P<batch>\d+)-(?P<epochs>\d+)e'
    r'_playground-lasot-(?P<size>\d+)px\.py'
)
REAL = (
    'simmim/tracking/'
    'swinv2-base-w12_two-stream_8xb16-amp-300e_lasot-got10k-trackingnet-coco-384px.py'
)
# Sizes, data, and how fast and far is trained.
CHANGED = {
    *('arch', 'embed_dims', 'depths', 'num_heads', 'extra_norm_every_n_blocks', 'img_size'),
    *('patch_size', 'window_size', 'out_indices', 'drop_last', 'drop_path_rate', 'in_channels'),
    *('dims', 'depth', 'template_size', 'search_size', 'least_side', 'root', 'sources'),
    *('batch_size', 'num_workers', 'pairs_per_epoch', 'max_gap', 'max_epochs'),
    *('base_batch_size', 'interval', 'val_interval'),
}
# other validations, no mixed precision; what has a name in a file stands where it is used, too
REPLACED = ('val_', 'optim_wrapper', 'data_root', 'sync_bn', 'max_epochs', 'train_pipeline')


def told_by(name: str) -> re.Match:
    told = NAME.fullmatch(name)
    assert told, f'{name} is not named like the other'
    return told


def test_there_is_one() -> None:
    """Breaks when the config is renamed, and every other test here finds nothing."""
    assert len(CONFIGS) == 1


@pytest.mark.parametrize('name', CONFIGS)
def test_name_tells_what_is_trained(name: str) -> None:
    """Breaks when a size or a length was changed and the name was not, or a tracker searches
    in other windows than it is trained with."""
    told, cfg = told_by(name), read(name)
    size, epochs, model = int(told['size']), int(told['epochs']), cfg.model
    assert (model.backbone.img_size, model.backbone.window_size) == (size, int(told['window']))
    (crop,) = (s for s in cfg.train_dataloader.dataset.pipeline if s.type.endswith('CropPair'))
    for part in (model, crop):
        assert (part.template_size, part.search_size) == (size // 2, size)
    assert (model.template_factor, model.search_factor) == (2.0, 4.0)
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    assert cfg.auto_scale_lr.base_batch_size == int(told['batch'])
    assert cfg.train_cfg.max_epochs == cfg.default_hooks.checkpoint.interval == epochs
    assert cfg.param_scheduler[-1].end == cfg.param_scheduler[-1].T_max == epochs
    (source,) = cfg.train_dataloader.dataset.sources
    assert source.root == cfg.test_dataloader.dataset.root == 'data/playground_lasot'


@pytest.mark.parametrize('name', CONFIGS)
def test_it_is_the_real_run_in_small(name: str) -> None:
    """Breaks when the playground trains another model, with other augmentation or another loss
    than the run that it stands for."""
    ours, real = read(name), read(REAL)
    for cfg in (ours, real):
        for key in [key for key in cfg if key.startswith(REPLACED)]:
            cfg.pop(key)
        data = cfg.train_dataloader.dataset
        data.pipeline = {f'step {i}': step for i, step in enumerate(data.pipeline)}
    parts = [dict(leaves(cfg.to_dict())) for cfg in (ours, real)]
    differ = {k for k in parts[0].keys() | parts[1].keys() if parts[0].get(k) != parts[1].get(k)}
    assert {path.split('.')[-1] for path in differ if 'param_scheduler' not in path} <= CHANGED
    assert 'model.search_size' in differ


@pytest.mark.parametrize('name', CONFIGS)
def test_it_trains_from_a_checkpoint_and_tracks(name: str, tmp_path: Path) -> None:
    """Breaks when --pretrained does not reach the encoder, or a step or a test fails."""
    world = LasotPlayground.of('tiny')
    fill(tmp_path / 'world', replace(world, train=4, test=2, frames=4, image_size=48))
    cfg = read(name)
    encoder = dict(arch=cfg.model.backbone.arch, patch_size=2, window_size=4, out_indices=[2])
    plain = SwinV2(**encoder, img_size=32)
    file, state = tmp_path / 'pretrained.pth', plain.state_dict()
    torch.save({f'backbone.{key}': value for key, value in state.items()}, file)
    cfg.update(work_dir=str(tmp_path / 'run'), log_level='ERROR', experiment_name=str(tmp_path))
    cfg.visualizer.name = str(tmp_path)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False, batch_size=2)
    data = cfg.train_dataloader.dataset
    data.update(pairs_per_epoch=4)
    for part in (data.sources[0], cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
        part.root = str(tmp_path / 'world')
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.optim_wrapper.optimizer.lr = 0.0
    with DefaultScope.overwrite_default_scope('mim_secrets'):
        set_starting_weights(cfg, str(file))
        runner = Runner.from_cfg(cfg)
        runner.train()
        metrics = runner.test()
    qkv = 'stages.2.blocks.0.attn.w_msa.qkv.weight'
    torch.testing.assert_close(runner.model.state_dict()[f'backbone.{qkv}'], state[qkv])
    assert 0 < metrics['ope/success_auc'] < 100 and metrics['tracking/skipped'] == 0
