"""Every method, trained for a moment on the CPU, and what comes after training.

A method is a config in configs/playground that masks; a new one is found by itself.
Configs that differ in data or length alone are tried once.
"""

import functools
import importlib.util
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mim_secrets.apis.launch import build_runner
from mim_secrets.checkpoint.reading import read_checkpoint
from mim_secrets.models import MaskedImageModel
from mim_secrets.registry import MODELS as OURS
from tests.config_models import CONFIGS, ROOT, model_cfg, optimizer_of, read

pytestmark = pytest.mark.slow

TOOL = ROOT / 'tools' / 'visualization' / 'reconstruct.py'
PLAYGROUND = [name for name in CONFIGS if name.startswith('playground/')]
MASKED = [name for name in PLAYGROUND if 'masking' in read(name).model]
SIDE, STEPS = 64, 12


def different(names: list[str]) -> list[str]:
    """The first config of each model, preprocessor and set of hooks."""
    found: dict[str, str] = {}
    for name in names:
        cfg = read(name)
        hooks = [hook for hook in cfg.custom_hooks if 'Reconstruction' not in hook.type]
        found.setdefault(json.dumps([cfg.model, cfg.data_preprocessor, hooks]), name)
    return list(found.values())


METHODS = [
    pytest.param(name, id=Path(name).stem.split('_playground')[0]) for name in different(MASKED)
]


@pytest.fixture(autouse=True, scope='module')
def one_thread():
    """The models are so small that a second thread is only waited for."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_every_registered_method_has_a_config() -> None:
    """Breaks when a method is registered that nobody can try on a CPU."""
    registered = {
        name
        for name, kind in OURS.module_dict.items()
        if isinstance(kind, type) and issubclass(kind, MaskedImageModel)
    }
    assert {'MAE', 'MFF', 'PixMIM', 'SimMIM'} <= registered
    assert registered - {'MaskedImageModel'} == {read(name).model.type for name in MASKED}


def soft_images(count: int) -> torch.Tensor:
    """uint8 (count, 3, SIDE, SIDE) with shapes a model can learn in a few steps."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(count, 3, 8, 8, generator=generator)
    return (255 * F.interpolate(noise, SIDE, mode='bicubic').clamp(0, 1)).byte()


@functools.cache
def trained(name: str) -> tuple[Config, MaskedImageModel, list[float]]:
    """A config at 64 px, its model after a few steps on one batch, and the losses."""
    cfg = read(name)
    cfg.model.backbone.img_size = SIDE
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(model_cfg(cfg))
        model.init_weights()
        optimizer = optimizer_of(cfg, model)
    model.train()
    batch = dict(inputs=soft_images(2), data_samples=[None] * 2)
    losses = []
    for _ in range(STEPS):
        model.masking.reseed(0)
        losses.append(model.train_step(batch, optimizer)['loss'].item())
    return cfg, model.eval(), losses


@pytest.mark.parametrize('name', METHODS)
def test_the_loss_falls(name: str) -> None:
    """Breaks when gradients do not reach the weights, or point the wrong way."""
    _, model, losses = trained(name)
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.95 * losses[0], losses
    assert all(p.isfinite().all() for p in model.parameters())


def preprocessed(model: MaskedImageModel) -> torch.Tensor:
    return model.data_preprocessor(dict(inputs=soft_images(2), data_samples=None))['inputs']


@pytest.mark.parametrize('name', METHODS)
def test_its_checkpoint_starts_a_fresh_encoder(name: str, tmp_path: Path) -> None:
    """Breaks when the initializer does not find the encoder of a method, or loses a
    parameter or a statistic that its features depend on."""
    cfg, model, _ = trained(name)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'epoch_1.pth')
    init_cfg = dict(type='SharedCheckpoint', checkpoint=str(tmp_path))
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        encoder = MODELS.build(dict(cfg.model.backbone, init_cfg=init_cfg))
    encoder.init_weights()
    images = preprocessed(model)
    with torch.no_grad():
        expected, actual = model.extract_feat(images)[-1], encoder.eval()(images)[-1]
    assert expected.std() > 0.01
    assert torch.equal(actual, expected)


@pytest.mark.parametrize('name', METHODS)
def test_its_reconstructions_are_drawn(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when the tool does not know an encoder's size, a decoder that reads the
    whole map, a target, or more than one mask for each image."""
    cfg, model, _ = trained(name)
    cfg.dump(tmp_path / 'config.py')
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    for number, image in enumerate(soft_images(2)):
        pixels = image.permute(1, 2, 0).numpy()
        cv2.imwrite(str(tmp_path / f'{number}.png'), cv2.resize(pixels, (90, 70)))
    files = [tmp_path / file for file in ('config.py', 'model.pth', '0.png', '1.png')]
    out = tmp_path / 'out.png'
    monkeypatch.setattr(sys, 'argv', ['reconstruct.py', *map(str, files), '-o', str(out)])
    spec = importlib.util.spec_from_file_location('reconstruct', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    tool.main()
    picture = cv2.imread(str(out))
    assert picture.shape[0] > 2 * SIDE and picture.shape[1] > 4 * SIDE
    assert picture.std() > 10


@pytest.fixture(scope='module')
def eight_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight images in the layout of ImageNet, with the playground's first class."""
    root = tmp_path_factory.mktemp('eight')
    (root / 'train' / 'ball').mkdir(parents=True)
    (root / 'meta').mkdir()
    names = [f'ball/{number}.png' for number in range(8)]
    for name, image in zip(names, soft_images(8), strict=True):
        cv2.imwrite(str(root / 'train' / name), image.permute(1, 2, 0).numpy())
    (root / 'meta' / 'train.txt').write_text(''.join(f'{name} 0\n' for name in names))
    return root


@pytest.fixture
def unformatted_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    """mmengine puts a config into six files, each time formatted in a third of a second."""
    text = property(lambda cfg: json.dumps(cfg.to_dict(), default=str))
    monkeypatch.setattr(Config, 'pretty_text', text)


def train_two_epochs(name: str, data: Path, work_dir: Path, resume_from: Path | None) -> dict:
    """The weights after two epochs of two steps each, or after the second alone."""
    cfg = read(name)
    cfg.launcher, cfg.work_dir = 'none', str(work_dir)
    cfg.experiment_name = '-'.join(work_dir.parts[-2:])  # mmengine shares loggers by name
    cfg.log_level = 'ERROR'
    cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if 'Reconstruction' not in hook.type]
    cfg.default_hooks.checkpoint.max_keep_ckpts = 2
    cfg.train_dataloader.update(batch_size=4, num_workers=0, persistent_workers=False)
    cfg.train_dataloader.dataset.data_root = str(data)
    for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
        cfg[key] = None
    cfg.train_cfg.max_epochs = 2
    if resume_from:
        cfg.load_from, cfg.resume = str(resume_from), True
    build_runner(cfg).train()
    return read_checkpoint(work_dir / 'epoch_2.pth')


@pytest.mark.usefixtures('unformatted_configs')
@pytest.mark.parametrize('name', METHODS)
def test_a_resumed_run_ends_with_the_same_weights(
    name: str, eight_images: Path, tmp_path: Path
) -> None:
    """Breaks when a mask, a dropped path, a running statistic, a size or a moment of the
    optimizer is not found again after the first epoch: weights agree bit for bit."""
    expected = train_two_epochs(name, eight_images, tmp_path / 'whole', None)
    halfway = tmp_path / 'whole' / 'epoch_1.pth'
    actual = train_two_epochs(name, eight_images, tmp_path / 'resumed', halfway)
    before = read_checkpoint(halfway)
    assert expected.keys() == actual.keys()
    assert any(not torch.equal(before[key], tensor) for key, tensor in expected.items())
    for key, tensor in expected.items():
        assert torch.equal(actual[key], tensor), key
