"""What every test stands on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
