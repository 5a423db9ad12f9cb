"""What every test stands on."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.logging import MMLogger
from mmengine.visualization import Visualizer

# first of all: it declares what torchvision lacks beside a CPU-only torch
import mim_secrets  # noqa: F401
from mim_secrets.datasets.playground import Playground, write_imagenet

REPO = Path(__file__).parents[1]
CONFIGS = REPO / 'configs' / 'playground'


@pytest.fixture(scope='session')
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The playground's smallest preset on disk, in ImageNet's layout."""
    root = tmp_path_factory.mktemp('worlds') / 'playground'
    write_imagenet(root, Playground.of('tiny'), workers=2)
    return root


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a tool in this process as its command line would, without the libraries' start."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: object) -> None:
        for kind in (MMLogger, Visualizer):  # which mmengine shares by name
            monkeypatch.setattr(kind, '_instance_dict', type(kind._instance_dict)())
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        path = REPO / 'tools' / name
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.main()

    return run


@pytest.fixture
def run_tool(tiny_world: Path, tmp_path: Path):
    """Run ``tools/NAME`` as a user would, in an empty folder with the tiny world."""
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'playground').symlink_to(tiny_world)

    def run(name: str, *arguments: object, timeout: float = 300) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, str(REPO / 'tools' / name), *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPO)},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )

    return run
