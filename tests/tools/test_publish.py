"""tools/model_converters/publish.py: three files that say and hold the same."""

import hashlib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import mmengine
import pytest
import safetensors
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

import mim_secrets
from mim_secrets.checkpoint.reading import read_checkpoint
from mim_secrets.checkpoint.writing import write_checkpoint
from tests import tiny_run

pytestmark = pytest.mark.slow  # they write files and start processes

TOOL = Path(__file__).parents[2] / 'tools' / 'model_converters' / 'publish.py'


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location('publish', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def publish(tool, monkeypatch: pytest.MonkeyPatch, capsys) -> Callable[..., str]:
    """Run the tool in this process; what it prints."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, 'argv', ['publish.py', *map(str, arguments)])
        tool.main()
        return capsys.readouterr().out

    return run


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs with a probe after each, as mmengine leaves it."""
    root = tmp_path_factory.mktemp('run')
    images = tiny_run.write_images(root / 'images')
    bank = tiny_run.loader(images)
    run = tiny_run.runner(
        root / 'work',
        cfg=Config(dict(model=tiny_run.MODEL)),
        custom_hooks=[dict(type='ProbeHook', bank=bank, query=bank, interval=1)],
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
        **tiny_run.training(images),
    )
    run.train()
    return root / 'work'


@pytest.fixture
def copy(work_dir: Path, tmp_path: Path) -> Path:
    return shutil.copytree(work_dir, tmp_path / 'work')


def files_in(folder: Path) -> tuple[Path, Path, dict]:
    """The two files of weights in a folder, and the description beside them."""
    (pth,) = folder.glob('*.pth')
    described = json.loads(pth.with_suffix('.json').read_text())
    assert len(list(folder.iterdir())) == 3
    return pth, pth.with_suffix('.safetensors'), described


@pytest.mark.slow
def test_a_run_is_published(work_dir: Path, tmp_path: Path, publish) -> None:
    """Breaks when the two files differ in a bit, hold more than weights, or are
    described by hashes of something else than their bytes."""
    said = publish(work_dir, tmp_path / 'zoo' / 'tiny')
    pth, twin, described = files_in(tmp_path / 'zoo')
    expected = torch.load(work_dir / 'epoch_2.pth')['state_dict']
    for file, entry in zip((pth, twin), described['files'], strict=True):
        actual = read_checkpoint(file)
        assert actual.keys() == expected.keys()
        assert all(torch.equal(actual[name], expected[name]) for name in expected)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert entry == dict(file=file.name, bytes=file.stat().st_size, sha256=digest)
    assert pth.name == f'tiny-{described["files"][0]["sha256"][:8]}.pth'
    assert torch.serialization.get_unsafe_globals_in_checkpoint(pth) == []
    assert pth.stat().st_size < 0.5 * (work_dir / 'epoch_2.pth').stat().st_size

    assert described['source'] == 'epoch_2.pth'
    assert described['dropped'] == ['message_hub', 'optimizer']
    assert described['tensors'] == len(expected)
    assert described['parameters'] == sum(tensor.numel() for tensor in expected.values())
    assert described['versions'] == dict(
        torch=str(torch.__version__),
        mmengine=mmengine.__version__,
        mim_secrets=mim_secrets.__version__,
    )
    for shown in ('message_hub', 'optimizer', pth.name, twin.name, 'probe/knn_top1'):
        assert shown in said


@pytest.mark.slow
def test_the_weights_tell_where_they_are_from(work_dir: Path, tmp_path: Path, publish) -> None:
    """Breaks when a file that was moved no longer knows its config and metrics, or
    the two do not know the same."""
    publish(work_dir, tmp_path / 'zoo' / 'tiny')
    pth, twin, described = files_in(tmp_path / 'zoo')
    meta = torch.load(pth, weights_only=True)['meta']
    assert {'cfg', 'metrics', 'versions', 'epoch', 'iter'} <= meta.keys()
    assert meta['epoch'] == 2
    assert "'mim_secrets.MAE'" in meta['cfg']
    assert described == {**described, **meta}
    with safetensors.safe_open(twin, 'pt') as file:
        header = file.metadata()
    assert header['cfg'] == meta['cfg']
    assert json.loads(header['metrics']) == meta['metrics']


@pytest.mark.parametrize('epoch', [1, 2])
def test_metrics_are_those_of_the_weights(copy: Path, tmp_path: Path, publish, epoch) -> None:
    """Breaks when an early checkpoint is adorned with the numbers of a later one, or
    a log that a killed run left unfinished stops everything."""
    (log,) = copy.glob('*/vis_data/scalars.json')
    probed = [json.loads(line) for line in log.read_text().splitlines() if 'probe' in line]
    assert [line['step'] for line in probed] == [1, 2]
    with log.open('a') as file:
        file.write('{"probe/knn_top1": 9')
    publish(copy / f'epoch_{epoch}.pth', tmp_path / 'zoo' / 'tiny')
    _, _, described = files_in(tmp_path / 'zoo')
    expected = {k: v for k, v in probed[epoch - 1].items() if k.startswith('probe')}
    assert described['metrics'] == expected


def test_metrics_and_config_may_be_named(tmp_path: Path, publish) -> None:
    """Breaks when weights without a run cannot be described, or are silently
    published without a word on what is missing."""
    torch.save({'w': torch.ones(3)}, tmp_path / 'bare.pth')
    said = publish(tmp_path / 'bare.pth', '--out-dir', tmp_path / 'a')
    assert '--config FILE' in said and '--metrics FILE' in said
    assert files_in(tmp_path / 'a')[0].name.startswith('bare-')

    (tmp_path / 'config.py').write_text('depth = 3\n')
    (tmp_path / 'metrics.json').write_text('{"top1": 83.6}')
    named = ['--config', tmp_path / 'config.py', '--metrics', tmp_path / 'metrics.json']
    said = publish(tmp_path / 'bare.pth', '--out-dir', tmp_path / 'b', *named)
    _, _, described = files_in(tmp_path / 'b')
    assert described['cfg'] == 'depth = 3\n'
    assert described['metrics'] == dict(top1=83.6)
    assert 'FILE' not in said


def test_publishing_again_changes_nothing(work_dir: Path, tmp_path: Path, publish) -> None:
    """Breaks when a hash depends on the clock, or what was published once loses its
    metrics on the next station."""
    publish(work_dir, tmp_path / 'a' / 'tiny')
    first, _, _ = files_in(tmp_path / 'a')
    publish(first, tmp_path / 'b' / 'tiny')
    publish(first, tmp_path / 'b' / 'tiny')
    second, _, _ = files_in(tmp_path / 'b')
    assert second.read_bytes() == first.read_bytes()


def test_the_encoder_alone(work_dir: Path, tmp_path: Path, publish) -> None:
    """Breaks when a decoder travels along, or the encoder does not start from the
    file by init_cfg alone."""
    said = publish(work_dir, tmp_path / 'zoo' / 'tiny', '--encoder-only')
    pth, twin, described = files_in(tmp_path / 'zoo')
    assert any(part.startswith('neck.*') for part in described['dropped'])
    assert 'neck.*' in said
    expected = torch.load(work_dir / 'epoch_2.pth')['state_dict']
    for file in (pth, twin):
        init_cfg = dict(type='SharedCheckpoint', checkpoint=str(file))
        encoder = MODELS.build({**tiny_run.BACKBONE, 'init_cfg': init_cfg})
        encoder.init_weights()
        for name, tensor in encoder.state_dict().items():
            assert torch.equal(tensor, expected[f'backbone.{name}']), name


def test_the_averaged_copy_is_kept(tmp_path: Path, publish) -> None:
    """Breaks when the raw weights are published although the file has better ones."""
    raw, averaged = {'w': torch.zeros(2)}, {'w': torch.ones(2)}
    torch.save(dict(state_dict=raw, state_dict_ema=averaged, lr=1), tmp_path / 'a.pth')
    publish(tmp_path / 'a.pth', tmp_path / 'zoo' / 'a')
    pth, _, described = files_in(tmp_path / 'zoo')
    assert read_checkpoint(pth)['w'].tolist() == [1, 1]
    assert described['weights'] == 'state_dict_ema'
    assert described['dropped'] == ['state_dict', 'lr']


@pytest.mark.parametrize('moment', ['write_checkpoint', 'check_same', 'replace'])
def test_nothing_is_left_half_done(
    work_dir: Path, tmp_path: Path, monkeypatch, tool, publish, moment: str
) -> None:
    """Breaks when Ctrl-C leaves one or two files of three."""
    zoo = tmp_path / 'zoo'
    zoo.mkdir()
    (zoo / 'mine.txt').write_text('keep')
    place = os if moment == 'replace' else tool
    original = getattr(place, moment)
    calls = []

    def interrupt(first: Path, second: object, *more: object) -> None:
        # of all that is moved, only what is moved to where it stays
        calls.extend([first] if moment != 'replace' or Path(second).parent == zoo else [])
        if len(calls) == 2:
            raise KeyboardInterrupt
        original(first, second, *more)

    monkeypatch.setattr(place, moment, interrupt)
    with pytest.raises(KeyboardInterrupt):
        publish(work_dir, zoo / 'tiny')
    assert len(calls) == 2
    assert [path.name for path in zoo.iterdir()] == ['mine.txt']


def test_a_file_that_does_not_come_back_is_not_published(
    tmp_path: Path, monkeypatch, tool, publish
) -> None:
    """Breaks when the comparison after writing compares nothing."""
    torch.save({'w': torch.tensor([1.0, float('nan')])}, tmp_path / 'a.pth')

    def forgetful(path: Path, tensors: dict, meta: dict) -> None:
        write_checkpoint(path, {'w': torch.tensor([1.0, 2.0])}, meta)

    monkeypatch.setattr(tool, 'write_checkpoint', forgetful)
    with pytest.raises(RuntimeError, match='w does not come back from weights.pth'):
        publish(tmp_path / 'a.pth', tmp_path / 'zoo' / 'a')
    assert list((tmp_path / 'zoo').iterdir()) == []


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['a.pth'], 'Say where to write'),
        (['a.pth', 'zoo/a', '--out-dir', 'zoo'], 'Say where to write'),
        (['gone.pth', 'zoo/a'], 'There is no checkpoint at gone.pth'),
        (['empty', 'zoo/a'], 'There is no .pth file in empty'),
        (['a.pth', 'zoo/a', '--metrics', 'bad.json'], 'bad.json is not JSON'),
        (['a.pth', 'zoo/a', '--metrics', 'list.json'], 'list.json holds no names'),
        (['a.pth', 'zoo/a', '--encoder-only'], 'layout|names|keys'),
    ],
)
def test_mistakes(tmp_path: Path, monkeypatch, publish, arguments, message) -> None:
    """Breaks when a wrong command line is not told so, or leaves files."""
    monkeypatch.chdir(tmp_path)
    torch.save({'w': torch.ones(3)}, 'a.pth')
    Path('empty').mkdir()
    Path('bad.json').write_text('{')
    Path('list.json').write_text('[1]')
    with pytest.raises((ValueError, OSError), match=message):
        publish(*arguments)
    assert not Path('zoo').exists()
