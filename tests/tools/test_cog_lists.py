"""tools/dataset_converters/cog_lists.py: ImageNet-CoG's pickles become lists."""

import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

REPO = Path(__file__).parents[2]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    """The script as a module, for levels of 2 classes with 1 to 3 and 2 images."""
    monkeypatch.syspath_prepend(str(REPO / 'tools' / 'dataset_converters'))
    import cog_lists

    real = (cog_lists.LEVELS, cog_lists.CLASSES, cog_lists.TRAIN, cog_lists.TEST)
    assert real == (5, 1000, range(732, 1301), range(50, 51)), 'the numbers of the paper'
    monkeypatch.setattr(cog_lists, 'CLASSES', 2)
    monkeypatch.setattr(cog_lists, 'TRAIN', range(1, 4))
    monkeypatch.setattr(cog_lists, 'TEST', range(2, 3))
    yield cog_lists
    sys.modules.pop('cog_lists')


def content() -> tuple[list, dict]:
    levels = [[f'n{level}2', f'n{level}1'] for level in range(1, 6)]
    splits = {
        concept: dict(
            train=np.array([f'/{concept}/{concept}_3.JPEG', f'{concept}/{concept}_2.JPEG']),
            test=np.array([f'{concept}/t{i}.JPEG' for i in range(2)], dtype=object),
        )
        for level in levels
        for concept in level
    }
    return levels, splits


def write_files(folder: Path, levels: list, splits: dict) -> tuple[Path, Path, Path]:
    """As an older NumPy and Python pickled them, and where the lists shall be."""
    for name, value in (('levels', levels), ('splits', splits)):
        data = pickle.dumps(value, protocol=2).replace(b'numpy._core', b'numpy.core')
        (folder / f'{name}.pkl').write_bytes(data)
    return folder / 'levels.pkl', folder / 'splits.pkl', folder / 'lists'


def test_lists_hold_what_the_pickles_hold(tool, tmp_path: Path) -> None:
    """Breaks when classes are not numbered by their names, as in the benchmark, a path
    keeps its leading slash and so leaves the folder, or a level is another one."""
    *files, out = write_files(tmp_path, *content())
    tool.write_lists(*files, out)
    assert len(list(out.iterdir())) == 10
    train = ['n31/n31_2.JPEG 0', 'n31/n31_3.JPEG 0', 'n32/n32_2.JPEG 1', 'n32/n32_3.JPEG 1']
    assert (out / 'l3_train.txt').read_text().splitlines() == train
    test = ['n51/t0.JPEG 0', 'n51/t1.JPEG 0', 'n52/t0.JPEG 1', 'n52/t1.JPEG 1']
    assert (out / 'l5_test.txt').read_text().splitlines() == test


@pytest.mark.parametrize(
    ('spoil', 'told'),
    [
        (lambda levels, splits: levels.pop(), '4 levels where 5 are expected'),
        (lambda levels, splits: levels[4].pop(), 'Level 5 of .* a level has 1 classes where 2'),
        (lambda levels, splits: splits.pop('n12'), 'Level 1 .* n12 belongs to a level'),
        (
            lambda levels, splits: splits['n21'].update(test=['n21/t0.JPEG']),
            'Level 2 .* n21 has 1 images to test, where 2 to 2 are',
        ),
    ],
)
def test_files_that_are_not_whole_write_nothing(tool, tmp_path: Path, spoil, told: str) -> None:
    """Breaks when a truncated benchmark passes for the whole, or half of it is written."""
    levels, splits = content()
    spoil(levels, splits)
    *files, out = write_files(tmp_path, levels, splits)
    with pytest.raises(ValueError, match=told):
        tool.write_lists(*files, out)
    assert not out.exists()


class Code:
    def __reduce__(self) -> tuple:
        return os.mkdir, ('ran',)


def test_a_pickle_that_carries_code_does_not_run_it(
    tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when whoever serves the file over plain HTTP can run a command here."""
    monkeypatch.chdir(tmp_path)
    levels, splits = content()
    *files, out = write_files(tmp_path, [*levels[:4], [Code()]], splits)
    with pytest.raises(ValueError, match=r'levels\.pkl: the pickle asks for posix\.mkdir'):
        tool.write_lists(*files, out)
    assert not (tmp_path / 'ran').exists() and not out.exists()
    files[0].write_bytes(files[0].read_bytes()[:30])
    with pytest.raises(ValueError, match=r'levels\.pkl: '):
        tool.write_lists(*files, out)
