"""What tests of downstream tools stand on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mim_secrets.datasets.playground import LAYOUTS, fill
from tests import tiny_downstream


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
