"""Configs of depth estimation are what their names and the second paper say."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import WEIGHT_INITIALIZERS, DefaultScope
from mmengine.runner import Runner

from tests.config_models import ROOT, built_on_meta, optimizer_of, read

pytestmark = pytest.mark.slow  # models at full size

CONFIGS = sorted(
    path.relative_to(ROOT / 'configs').as_posix()
    for path in (ROOT / 'configs').glob('*/depth/*.py')
)
NAME = re.compile(
    r'(?P<method>\w+)/depth/(?P<encoder>vit|swinv2)-(?P<arch>base|large)(-p16)?'
    r'(-w(?P<window>\d+))?_deconv_8xb3-25e_(?P<data>nyu|kitti)-(?P<size>\d+)x(?P=size)'
    r'(?P<compat>-compat)?\.py'
)
OWN = [name for name in CONFIGS if 'compat' not in name and not name.startswith('mff/')]
# width of the last map, pixels per cell of it, channels at full resolution
HEADS = {
    ('swinv2', 'base'): (1024, 32, 128),
    ('swinv2', 'large'): (1536, 32, 192),
    ('vit', 'base'): (768, 16, 128),
}
DATA = dict(  # depth in metres, windows, squares of the test, crop of the metric, frames
    nyu=(10.0, [30, 30, 30, 15], 2, 'nyu', (24231, 654)),
    kitti=(80.0, [22, 22, 22, 11], 16, 'garg', (23158, 652)),
)
DECAYS = {('swinv2', 'base'): 0.9, ('swinv2', 'large'): 0.85, ('vit', 'base'): 0.8}


def told_by(name: str) -> re.Match:
    told = NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    return told


def test_there_are_configs() -> None:
    """Breaks when one is missing, so that a published figure has no config."""
    kinds = [(t['method'], t['encoder'], t['arch'], t['data']) for t in map(told_by, CONFIGS)]
    swins = [('simmim', 'swinv2', arch, data) for arch in ('base', 'large') for data in DATA]
    vits = [(method, 'vit', 'base', data) for method in ('mae', 'mff') for data in DATA]
    assert sorted(kinds) == sorted(2 * swins + vits)


@pytest.mark.parametrize('name', CONFIGS)
def test_name_tells_what_is_trained(name: str) -> None:
    """Breaks when a file was copied and its name, or only its name, was changed."""
    told, cfg = told_by(name), read(name)
    size = int(told['size'])
    max_depth, windows, squares, crop, (train, test) = DATA[told['data']]
    encoder, head = cfg.model.backbone, cfg.model.decode_head
    assert cfg.default_scope == 'mmseg'
    assert encoder.arch == told['arch']
    assert encoder.img_size == size
    assert cfg.model.data_preprocessor['size'] == (size, size)
    kind = told['encoder'], told['arch']
    assert (head.in_channels, head.stride, head.channels) == HEADS[kind]
    assert encoder.drop_path_rate == (0.5 if told['arch'] == 'large' else 0.3)
    if told['encoder'] == 'swinv2':
        assert encoder.type == 'mim_secrets.SwinV2'
        assert encoder.window_size == windows and windows[0] == int(told['window'])
        assert windows[2:] == [size // 16, size // 32]  # one window for the whole map
        assert encoder.pretrained_window_sizes == [12, 12, 12, 6]
    metric, pipeline = cfg.val_evaluator, cfg.train_dataloader.dataset.pipeline
    steps = {step.type: step for step in pipeline}
    assert head.max_depth == metric.max_depth == max_depth
    assert steps['mim_secrets.CutDepth'].max_depth == max_depth
    assert metric.crop == crop
    assert steps['RandomCrop'].crop_size == (size, size)
    assert cfg.model.test_cfg.windows == squares and cfg.model.test_cfg.flip
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 24
    assert cfg.train_dataloader.drop_last
    assert cfg.train_dataloader.dataset.count == train
    assert cfg.val_dataloader.dataset.count == cfg.test_dataloader.dataset.count == test
    if told['data'] == 'kitti':
        test_steps = [step.type for step in cfg.test_dataloader.dataset.pipeline]
        kinds = list(steps)
        assert kinds.index('mim_secrets.KBCrop') < kinds.index('mim_secrets.CutDepth')
        assert 'mim_secrets.KBCrop' in test_steps


@pytest.mark.parametrize('name', OWN)
def test_the_recipe_is_the_published_one(name: str) -> None:
    """Breaks when a rate, a length or a decay differs from the second paper's, or a run
    ends before its schedule does."""
    cfg = read(name)
    optimizer, schedule = cfg.optim_wrapper.optimizer, cfg.param_scheduler
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 5e-4, 0.05)
    assert optimizer.betas == (0.9, 0.999)
    assert cfg.optim_wrapper.type == 'OptimWrapper' and 'clip_grad' not in cfg.optim_wrapper
    assert cfg.train_cfg.max_epochs == 25
    assert (schedule.type, schedule.peak, schedule.power) == ('mim_secrets.RiseAndFallLR', 12, 0.9)
    assert schedule.low_ratio * optimizer.lr == pytest.approx(3e-5)
    assert schedule.convert_to_iter_based
    assert cfg.default_hooks.checkpoint.save_best == 'depth/rmse'
    assert cfg.default_hooks.checkpoint.rule == 'less'


def depth_of(name: str, depths: list[int]) -> int:
    """Layers of a parameter, as the second paper's code counts them."""
    if name.startswith(('backbone.patch_embed', 'backbone.pos_embed', 'backbone.cls_token')):
        return 0
    if block := re.match(r'backbone\.layers\.(\d+)', name):
        return int(block[1]) + 1
    mergings = len(depths) - 1
    if not (place := re.match(r'backbone\.stages\.(\d)\.(downsample|blocks\.(\d+))', name)):
        return sum(depths) + mergings + 1
    stage = int(place[1])
    before = sum(depths[:stage]) + stage  # blocks, and a merging before each stage but the first
    return before if place[2] == 'downsample' else before + int(place[3]) + 1


@pytest.mark.parametrize('name', [name for name in OWN if 'nyu' in name])
def test_every_parameter_has_its_rate(name: str) -> None:
    """Breaks when a width does not fit, a parameter is not trained, or a block, a merging
    or the head learns at another rate than its layer says."""
    cfg, told = read(name), told_by(name)
    model = built_on_meta(cfg)
    with DefaultScope.overwrite_default_scope('mmseg'):
        groups = optimizer_of(cfg, model).optimizer.param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    settings = {
        names[id(parameter)]: (group['lr'], group['weight_decay'], parameter)
        for group in groups
        for parameter in group['params']
    }
    assert settings.keys() == {name for name, p in model.named_parameters()}
    depths = [2, 2, 18, 2] if told['encoder'] == 'swinv2' else [12]
    last = 28 if told['encoder'] == 'swinv2' else 13
    decay = DECAYS[told['encoder'], told['arch']]
    for name, (rate, weight_decay, parameter) in settings.items():
        assert rate == pytest.approx(5e-4 * decay ** (last - depth_of(name, depths))), name
        free = parameter.ndim == 1 or name.endswith(('.bias', 'pos_embed', 'cls_token'))
        free = free or any(part in name for part in ('cpb_mlp', 'logit_scale'))
        assert weight_decay == (0 if free else 0.05), name
    patches = settings['backbone.patch_embed.projection.weight'][0] / 5e-4
    published = {0.9: 0.0523, 0.85: 0.0106, 0.8: 0.055}  # the last is ours
    assert patches == pytest.approx(published[decay], abs=5e-5)
    assert settings['decode_head.prediction.2.weight'][0] == pytest.approx(5e-4)


@pytest.mark.parametrize('name', OWN)
def test_a_crop_has_depth_at_full_resolution(name: str) -> None:
    """Breaks when windows, stride or widths of a full-size model do not fit its crops."""
    model, size = built_on_meta(read(name)), int(told_by(name)['size'])
    with torch.no_grad():
        depth = model(torch.empty(1, 3, size, size, device='meta'))
    assert depth.shape == (1, 1, size, size)


def test_methods_are_measured_alike() -> None:
    """Breaks when MFF is fine-tuned otherwise than MAE, which it is compared with."""
    for name in (name for name in CONFIGS if name.startswith('mff/')):
        assert read(name).to_dict() == read(name.replace('mff/', 'mae/')).to_dict()


@pytest.mark.parametrize('name', [name for name in CONFIGS if 'compat' in name])
def test_the_released_models_ways_are_all_that_compat_changes(name: str) -> None:
    """Breaks when a quirk of the reference is missing where it is asked for, is there
    where it is not, or comes with another change."""
    compat, ours = read(name), read(name.replace('-compat', ''))
    assert compat.model.data_preprocessor.pop('mean') == [0.0] * 3
    assert compat.model.data_preprocessor.pop('std') == [255.0] * 3
    assert ours.model.data_preprocessor.pop('mean') == [123.675, 116.28, 103.53]
    assert ours.model.data_preprocessor.pop('std') == [58.395, 57.12, 57.375]
    assert compat.model.test_cfg.pop('reference_compat') is True
    for pipeline in (compat.train_pipeline, compat.train_dataloader.dataset.pipeline):
        (strip,) = (step for step in pipeline if step.type == 'mim_secrets.CutDepth')
        assert strip.pop('reference_compat') is True
    assert compat.to_dict() == ours.to_dict()


@pytest.mark.parametrize('name', OWN)
def test_a_run_asks_for_its_checkpoint(name: str) -> None:
    """Breaks when a run without a checkpoint trains from random weights."""
    with pytest.raises(ValueError, match='init_cfg.checkpoint=FILE'):
        WEIGHT_INITIALIZERS.build(read(name).model.backbone.init_cfg)


def test_readmes_lead_to_every_config() -> None:
    """Breaks when a config is added or renamed, and nobody finds it in its folder's README."""
    for name in CONFIGS:
        method, _, rest = name.partition('/')
        link = f'- [{Path(rest).stem}]({rest})'
        assert link in (ROOT / f'configs/{method}/README.md').read_text().splitlines(), name


def write_world(root: Path, data: str) -> None:
    """Four pairs in the layout of ``data``, small, and the list of both splits."""
    random, lines = np.random.default_rng(0), []
    drive = '2011_09_26/2011_09_26_drive_0001_sync'
    for index in range(4):
        size = (64, 96) if data == 'nyu' else (70, 200)
        steps = random.integers(1, 10, size) * (1000 if data == 'nyu' else 256)
        steps[random.random(size) < 0.3] = 0
        if data == 'nyu':
            image, depth = f'room/rgb_{index}.jpg', f'room/sync_depth_{index}.png'
            folders = [('sync', 'sync'), ('official_splits/test', 'official_splits/test')]
        else:
            image = f'{drive}/image_02/data/{index:010d}.png'
            depth = f'{drive.split("/")[1]}/proj_depth/groundtruth/image_02/{index:010d}.png'
            folders = [('raw', 'data_depth_annotated/train')]
        pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        for images, depths in folders:
            for path, content in (
                (root / images / image, pixels),
                (root / depths / depth, steps.astype(np.uint16)),
            ):
                path.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(path), content)
        lines.append(f'{image} {depth} 500.0\n')
    for name in ('nyudepthv2_{}', 'kitti_eigen_{}'):
        for split in ('train', 'test'):
            path = root / f'{name.format(split)}_files_with_gt.txt'
            path.write_text(''.join(lines))


def shrunk(cfg: Config, root: Path) -> Config:
    """Few narrow blocks and small images on the CPU; all else as it is."""
    encoder, head, size = cfg.model.backbone, cfg.model.decode_head, (64, 64)
    encoder.update(img_size=64, init_cfg=None)
    if encoder.type == 'mim_secrets.SwinV2':
        arch = dict(embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2])
        encoder.arch = dict(arch, extra_norm_every_n_blocks=0)
        encoder.window_size = [8, 8, 4, 2]
    else:
        encoder.arch = dict(embed_dims=64, num_layers=2, num_heads=2, feedforward_channels=64)
    head.update(in_channels=64, channels=8)
    cfg.model.data_preprocessor['size'] = size
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.update(data_root=str(root), count=None)
    cfg.val_dataloader.dataset.indices = 2
    cfg.model.test_cfg.windows = min(cfg.model.test_cfg.windows, 4)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        for step in loader.dataset.pipeline:
            if step.type == 'RandomCrop':
                step.crop_size = size
            if step.type == 'mim_secrets.KBCrop':
                step.size = (64, 192)
    cfg.train_dataloader.batch_size = 2
    cfg.test_dataloader = cfg.val_dataloader
    cfg.train_cfg.update(max_epochs=2, val_interval=2)
    cfg.param_scheduler.peak = 2
    return cfg


@pytest.mark.parametrize('name', [OWN[1], OWN[2]])
def test_a_small_run_trains_and_is_scored(name: str, tmp_path: Path) -> None:
    """Breaks when data, model, optimizer, schedule, hooks and metric of a config cannot
    work together."""
    told = told_by(name)
    write_world(tmp_path / 'data', told['data'])
    cfg = shrunk(read(name), tmp_path / 'data')
    cfg.work_dir = str(tmp_path / 'run')
    cfg.experiment_name = cfg.visualizer.name = f'depth_{told["data"]}_{tmp_path.name}'
    with DefaultScope.overwrite_default_scope('mmseg'):
        runner = Runner.from_cfg(cfg)
        runner.train()
    rates = [group['lr'] for group in runner.optim_wrapper.param_groups]
    # of four steps, the last before the peak
    assert max(rates) == pytest.approx(5e-4 * (0.06 + 0.94 * 0.75**0.9))
    scalars = (tmp_path / 'run').rglob('scalars.json')
    (log,) = (path.read_text() for path in scalars)
    assert 'decode.loss_silog' in log and 'depth/pixel_rmse' in log
    values = re.findall(r'"depth/(\w+)": ([^,}]+)', log)
    assert len(values) == 22
    assert all(np.isfinite(float(value)) for _, value in values)
    assert list((tmp_path / 'run').glob('best_depth_rmse_epoch_*.pth'))
    state = torch.load(tmp_path / 'run/epoch_2.pth', weights_only=False)['state_dict']
    assert all(tensor.isfinite().all() for tensor in state.values())
