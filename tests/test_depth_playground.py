"""Depth on the playground: the real runs, made small."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mim_secrets.apis.starting_weights import set_starting_weights
from mim_secrets.datasets.playground import KittiPlayground, NyuPlayground, fill
from mim_secrets.models import ViT
from tests.config_models import EVERYTHING, ROOT, read
from tests.test_dense_playground import leaves

pytestmark = pytest.mark.slow  # they build models and train

CONFIGS = [name for name in EVERYTHING if re.match('playground/.*_deconv_', name)]
NAME = re.compile(
    r'playground/vit-nano-p(?P<patch>\d+)_deconv_1xb(?P<batch>\d+)-(?P<epochs>\d+)e'
    r'_playground-(?P<data>nyu|kitti)-(?P<size>\d+)px\.py'
)
REAL = dict(
    nyu='mae/depth/vit-base-p16_deconv_8xb3-25e_nyu-480x480.py',
    kitti='mae/depth/vit-base-p16_deconv_8xb3-25e_kitti-352x352.py',
)
WORLDS = dict(nyu=NyuPlayground, kitti=KittiPlayground)
# Sizes, data, and how fast and far is trained; `windows` are squares that a test lays.
CHANGED = {
    *('arch', 'img_size', 'patch_size', 'position', 'in_channels', 'stride', 'channels'),
    *('size', 'crop_size', 'windows', 'data_root', 'count', 'indices', 'batch_size'),
    *('num_workers', 'base_batch_size', 'max_epochs', 'val_interval', 'interval', 'lr', 'peak'),
    *('drop_path_rate', 'embed_dims', 'num_layers', 'num_heads', 'feedforward_channels'),
}


def told_by(name: str) -> re.Match:
    told = NAME.fullmatch(name)
    assert told, f'{name} is not named like the other'
    return told


def test_there_is_one_of_each() -> None:
    """Breaks when a config is renamed, and every other test here finds nothing."""
    assert sorted(told_by(name)['data'] for name in CONFIGS) == ['kitti', 'nyu']


@pytest.mark.parametrize('name', CONFIGS)
def test_name_tells_what_is_trained(name: str) -> None:
    """Breaks when a size or a length was changed and the name was not, or data are not those
    of the layout."""
    told, cfg = told_by(name), read(name)
    size, epochs, encoder = int(told['size']), int(told['epochs']), cfg.model.backbone
    assert (encoder.img_size, encoder.patch_size) == (size, int(told['patch']))
    assert cfg.model.decode_head.stride == encoder.patch_size
    assert cfg.model.data_preprocessor['size'] == (size, size)
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    assert cfg.auto_scale_lr.base_batch_size == int(told['batch'])
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert steps['RandomCrop'].crop_size == (size, size)
    assert cfg.train_cfg.max_epochs == cfg.train_cfg.val_interval == epochs
    assert cfg.default_hooks.checkpoint.interval == epochs
    assert cfg.param_scheduler.peak == epochs // 2
    world = WORLDS[told['data']].of('small')
    shape = min(world.image_shape(index) for index in range(4))
    for key, count in (('train', world.train), ('val', world.val), ('test', world.val)):
        dataset = cfg[f'{key}_dataloader'].dataset
        assert dataset.data_root == f'data/playground_{told["data"]}'
        assert dataset.count == count and dataset.get('indices', count) <= count
        crops = [tuple(step.size) for step in dataset.pipeline if 'KBCrop' in step.type]
        assert [(size, 3 * size)] * len(crops) == crops
        assert len(crops) == (told['data'] == 'kitti') and (size <= shape[0])


@pytest.mark.parametrize('name', CONFIGS)
def test_it_is_the_real_run_in_small(name: str) -> None:
    """Breaks when the playground trains another model, with other augmentation, by other
    rules or by another measure than the run that it stands for."""
    ours, real = read(name), read(REAL[told_by(name)['data']])
    for cfg in (ours, real):
        for key in ('crop_size', 'kb_crop', 'max_epochs', 'train_pipeline', 'test_pipeline'):
            cfg.pop(key, None)  # what has a name there stands where it is used, too
        for key in ('train', 'val', 'test'):
            dataset = cfg[f'{key}_dataloader'].dataset
            dataset.pipeline = {f'step {i}': step for i, step in enumerate(dataset.pipeline)}
    parts = [dict(leaves(cfg.to_dict())) for cfg in (ours, real)]
    differ = {k for k in parts[0].keys() | parts[1].keys() if parts[0].get(k) != parts[1].get(k)}
    assert {path.split('.')[-1] for path in differ} <= CHANGED
    assert {'model.backbone.arch', 'param_scheduler.peak'} & differ


class Start(Hook):
    """Notes which weights a run begins with."""

    def before_train(self, runner: Runner) -> None:
        self.weights = {k: v.detach().clone() for k, v in runner.model.state_dict().items()}


def train(cfg: Config, root: Path, work_dir: Path, pretrained: str) -> tuple[dict, Runner]:
    """One step and a validation, as ``tools/train.py`` would; the weights that it began with."""
    cfg.update(work_dir=str(work_dir), log_level='ERROR', experiment_name=work_dir.as_posix())
    cfg.visualizer.name = work_dir.as_posix()
    for key in ('train_dataloader', 'val_dataloader'):
        cfg[key].update(num_workers=0, persistent_workers=False)
        cfg[key].dataset.update(data_root=str(root), count=None, indices=None)
    cfg.train_dataloader.batch_size = 4
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.param_scheduler.peak = 1
    cfg.test_dataloader = cfg.val_dataloader
    with DefaultScope.overwrite_default_scope('mmseg'):
        set_starting_weights(cfg, pretrained)
        runner = Runner.from_cfg(cfg)
        start = Start()
        runner.register_hook(start)
        runner.train()
    return start.weights, runner


@pytest.mark.parametrize('name', CONFIGS)
def test_a_checkpoint_changes_the_encoder_only(name: str, tmp_path: Path) -> None:
    """Breaks when --pretrained does not reach the encoder, or a head begins elsewhere than
    from scratch; or when a step of training or the validation fails."""
    world = WORLDS[told_by(name)['data']].of('small')
    fill(tmp_path / 'world', replace(world, train=4, val=2))
    arch = read(name).model.backbone.arch
    plain = ViT(arch=arch, position='sincos', img_size=32, patch_size=4, final_norm=False)
    file, state = tmp_path / 'pretrained.pth', plain.state_dict()
    torch.save({f'backbone.{key}': value for key, value in state.items()}, file)
    (scratch, _), (loaded, runner) = (
        train(read(name), tmp_path / 'world', tmp_path / start, pretrained)
        for start, pretrained in (('scratch', 'none'), ('loaded', str(file)))
    )
    heads = [key for key in scratch if not key.startswith('backbone.')]
    assert heads and all(scratch[key].equal(loaded[key]) for key in heads)
    qkv = 'layers.0.attn.qkv.weight'
    assert loaded[f'backbone.{qkv}'].equal(state[qkv])
    assert not scratch[f'backbone.{qkv}'].equal(state[qkv])
    moved = runner.model.state_dict()[f'backbone.{qkv}']
    assert runner.iter == 1 and not moved.equal(loaded[f'backbone.{qkv}'])
    metrics = runner.message_hub.log_scalars
    assert (
        torch.tensor([metrics[f'val/depth/{key}'].current() for key in ('rmse', 'd1')])
        .isfinite()
        .all()
    )


def test_the_page_names_configs_that_exist() -> None:
    """Breaks when a config is renamed and the page on depth is not."""
    page = (ROOT / 'docs/en/depth.md').read_text()
    named = re.findall(r'configs/[\w/.-]+\.py', page)
    assert {f'configs/{name}' for name in CONFIGS} < set(named)
    assert all((ROOT / path).is_file() for path in named)
