"""Lists of few labels from the command line."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mim_secrets.datasets.robustness import WNIDS

REPO = Path(__file__).parents[2]
TOOL = REPO / 'tools' / 'dataset_converters' / 'imagenet_subset.py'


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The tool's main function with a command line."""
    spec = importlib.util.spec_from_file_location('imagenet_subset', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def main(*arguments: object) -> None:
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
        tool.main()

    return main


def test_a_list_becomes_one_that_mmpretrain_reads(
    run: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Breaks when a class gets another number, the order changes, or the size of the
    official list is refused."""
    names = [f'{WNIDS[(7 * i) % 1000]}_{i}.JPEG' for i in range(12811)]
    (tmp_path / '1percent.txt').write_text('\n'.join(names) + '\n')
    out = tmp_path / 'meta' / 'train_1percent.txt'
    run(tmp_path / '1percent.txt', out)
    assert capsys.readouterr().out == f'{out}: 12,811 images of 1,000 classes\n'
    lines = out.read_text().splitlines()
    assert lines[3] == f'{WNIDS[21]}/{WNIDS[21]}_3.JPEG 21'
    assert [int(line.split()[1]) for line in lines] == [7 * i % 1000 for i in range(12811)]
    assert os.listdir(out.parent) == [out.name]


MISTAKES = {
    'count': ('n01440764_1.JPEG\n', [], r'1 names, but there should be 12,811 (1 %) or 128,116'),
    'other count': ('n01440764_1.JPEG\n', ['--count', 5], '1 names, but there should be 5 (this'),
    'class': ('n01440764_1.JPEG\nn99999999_1.JPEG\n', [], "line 2 is 'n99999999_1.JPEG', which"),
    'path': ('train/n01440764_1.JPEG\n', [], "line 1 is 'train/n01440764_1.JPEG', which names no"),
    'twice': ('n01440764_1.JPEG\n' * 2, ['--count', 2], '1 of 2 names stand there twice'),
    'missing': ('n01440764_1.JPEG\n', ['--count', 1, '--images', '.'], 'lacks 1 of 1 images'),
}


@pytest.mark.parametrize('mistake', MISTAKES)
def test_a_bad_list_is_refused(run: Callable[..., None], mistake: str, tmp_path: Path) -> None:
    """Breaks when a wrong list is written, in part or whole, or the sentence does not say
    what is wrong."""
    text, flags, message = MISTAKES[mistake]
    (tmp_path / 'list.txt').write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(message)):
        run(tmp_path / 'list.txt', tmp_path / 'out.txt', *flags)
    assert os.listdir(tmp_path) == ['list.txt']


@pytest.mark.slow
def test_a_mistake_ends_in_one_sentence(tmp_path: Path) -> None:
    """Breaks when the user gets a stack."""
    done = subprocess.run(
        [sys.executable, str(TOOL), 'gone.txt', 'out.txt'],
        cwd=tmp_path,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPO)},
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == 'Error: There is no list at gone.txt.'
    assert 'Traceback' not in done.stderr
