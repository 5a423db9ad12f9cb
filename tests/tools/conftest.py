"""What tests of downstream tools stand on."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.logging import MMLogger
from mmengine.visualization import Visualizer

from mim_secrets.datasets.playground import LAYOUTS, fill
from tests import tiny_downstream
from tests.conftest import REPO


@pytest.fixture(scope='session')
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The playground's smallest presets in the layouts of COCO and ADE20K."""
    folder = tmp_path_factory.mktemp('downstream_worlds')
    for layout in ('coco', 'ade20k'):
        fill(folder / f'playground_{layout}', LAYOUTS[layout].of('tiny'), workers=2)
    return folder


@pytest.fixture
def downstream(worlds: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write a tiny config of a library into the test's own folder."""

    def write(library: str, **overrides: object) -> Path:
        root = worlds / f'playground_{tiny_downstream.LAYOUTS[library]}'
        return tiny_downstream.write_config(tmp_path, library, root, **overrides)

    return write


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
