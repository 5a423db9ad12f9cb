"""Result files in each benchmark's format, and archives for the servers."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from mim_secrets.datasets.tracking import Sequence
from mim_secrets.evaluation.tracking_results import find_result, finished, read_result, write_result
from mim_secrets.evaluation.tracking_submission import check_archive, write_archive
from tests.evaluation.tracking_cases import clip

BOXES = np.array([[9.0, 19, 8, 4], [10.1234, 19.5, 8.25, 0.4], [-0.5, 20, 8, 4]])
SECONDS = np.array([0.25, 0.125, 0.125])
FILES = {
    'LaSOT': {'cup-1.txt': '10.000,20.000,8.000,4.000\n11.123,20.500,8.250,0.400\n'
              '0.500,21.000,8.000,4.000\n'},
    'GOT-10k': {
        'cup-1/cup-1_001.txt': '10.000,20.000,8.000,4.000\n11.123,20.500,8.250,0.400\n'
        '0.500,21.000,8.000,4.000\n',
        'cup-1/cup-1_time.txt': '0.25000000\n0.12500000\n0.12500000\n',
    },
    'TrackingNet': {'cup-1.txt': '9.000,19.000,8.000,4.000\n10.123,19.500,8.250,0.400\n'
                    '-0.500,20.000,8.000,4.000\n'},
}  # fmt: skip
# what TrackingNet's server makes of it anyway; a box keeps an area
WHOLE = '9,19,8,4\n10,20,8,1\n0,20,8,4\n'


def given(benchmark: str, name: str = 'cup-1') -> Sequence:
    """A sequence of three frames whose first box is all that is known."""
    return clip(BOXES[:1], name=name, benchmark=benchmark, frames=['1.jpg', '2.jpg', '3.jpg'])


@pytest.mark.parametrize('benchmark', FILES)
def test_result_files_are_the_benchmarks_own(benchmark: str, tmp_path: Path) -> None:
    """Breaks when a name, the number of digits, a separator or the number of the first pixel
    is another one than in the benchmark, or when boxes come back changed."""
    write_result(tmp_path, benchmark, 'cup-1', BOXES, SECONDS)
    files = {p.relative_to(tmp_path).as_posix(): p for p in tmp_path.rglob('*') if p.is_file()}
    assert {name: path.read_text() for name, path in files.items()} == FILES[benchmark]
    np.testing.assert_allclose(finished(tmp_path, benchmark, 'cup-1', frames=3), BOXES, atol=5e-4)


@pytest.mark.parametrize('text', ['1,2,3,4\n', '1,2,3,4\n' * 2 + '1,2,nan,4\n', '1,2,3\n' * 4, ''])
def test_a_result_that_is_not_whole_is_tracked_again(text: str, tmp_path: Path) -> None:
    """Breaks when a file that was cut off counts as finished."""
    (tmp_path / 'cup-1.txt').write_text(text)
    assert finished(tmp_path, 'LaSOT', 'cup-1', frames=3) is None


@pytest.mark.parametrize('separator', [',', '\t', ' ', ', '])
def test_results_of_other_programs_are_read(separator: str, tmp_path: Path) -> None:
    """Breaks when a usual separator is not understood, or NaN rows cannot be scored."""
    lines = [separator.join(row) for row in (['1', '2.5', '3e0', '4'], ['nan'] * 4)]
    path = tmp_path / 'cup-1' / 'cup-1_001.txt'
    path.parent.mkdir()
    path.write_text('\n'.join(lines) + '\n\n')
    assert find_result(tmp_path, 'cup-1') == path
    boxes = read_result(path, 'GOT-10k')
    np.testing.assert_array_equal(boxes, [[0, 1.5, 3, 4], [np.nan] * 4])
    path.write_text('1,2,3\n')
    with pytest.raises(ValueError, match='cup-1_001.txt: every line must have the four numbers'):
        read_result(path, 'GOT-10k')


@pytest.mark.parametrize('benchmark', ['GOT-10k', 'TrackingNet'])
def test_archives_have_every_sequence(benchmark: str, tmp_path: Path) -> None:
    """Breaks when files lie in another folder of the archive, numbers have another format,
    or a part of the split is not mentioned."""
    clips = [given(benchmark, name) for name in ('cup-1', 'cup-2')]
    for each in clips:
        write_result(tmp_path / 'results', benchmark, each.name, BOXES, SECONDS)
    archive = tmp_path / 'out.zip'
    warnings = write_archive(tmp_path / 'results', clips, archive)
    expected = 180 if benchmark == 'GOT-10k' else 511
    assert warnings == [f'{archive} has 2 sequences; the test split of {benchmark} has {expected}.']
    files = FILES[benchmark] if benchmark == 'GOT-10k' else {'cup-1.txt': WHOLE}
    with zipfile.ZipFile(archive) as packed:
        content = {name: packed.read(name).decode() for name in packed.namelist()}
    assert content == {
        name.replace('cup-1', other): text for name, text in files.items()
        for other in ('cup-1', 'cup-2')
    }  # fmt: skip
    assert check_archive(archive, clips) == []


def test_nothing_is_packed_unless_all_is_there(tmp_path: Path) -> None:
    """Breaks when an archive that the server refuses is written all the same."""
    clips = [given('GOT-10k', name) for name in ('cup-1', 'cup-2')]
    write_result(tmp_path, 'GOT-10k', 'cup-1', BOXES, SECONDS)
    archive = tmp_path / 'out.zip'
    with pytest.raises(FileNotFoundError, match='no result of cup-2'):
        write_archive(tmp_path, clips, archive)
    write_result(tmp_path, 'GOT-10k', 'cup-2', BOXES[:2], SECONDS[:2])
    with pytest.raises(ValueError, match='cup-2: the result is 2 x 4 numbers'):
        write_archive(tmp_path, clips, archive)
    write_result(tmp_path, 'GOT-10k', 'cup-2', BOXES + [30, 0, 0, 0], SECONDS)
    with pytest.raises(ValueError, match='cup-2_001.txt: line 1 is not the box that GOT-10k gives'):
        write_archive(tmp_path, clips, archive)
    write_result(tmp_path, 'GOT-10k', 'cup-2', BOXES * [1, 1, 1, 0], SECONDS)
    with pytest.raises(ValueError, match='line 1 is no box with an area'):
        write_archive(tmp_path, clips, archive)
    assert not list(tmp_path.glob('*.zip')) and not list(tmp_path.glob('.*.zip'))


@pytest.mark.parametrize(
    ('change', 'problem'),
    [
        ({'cup-1/cup-1_time.txt': None}, 'cup-1/cup-1_time.txt is missing.'),
        ({'notes.txt': 'best run'}, 'notes.txt does not belong there.'),
        ({'cup-1/cup-1_001.txt': '1,2,3,4\n'}, 'cup-1/cup-1_001.txt has 1 lines for 3 frames.'),
        (
            {'cup-1/cup-1_001.txt': '10.000,20.000,8.000,4.000\n1e1,2,3,4\n1,2,3,4\n'},
            "cup-1/cup-1_001.txt: line 2 is '1e1,2,3,4', not numbers like 12.000 with commas.",
        ),
        (
            {
                'cup-1/cup-1_001.txt': '10.000,20.000,8.000,4.000\n' * 2
                + '1.000,2.000,0.000,4.000\n'
            },
            'cup-1/cup-1_001.txt: the box in line 3 has no area.',
        ),
    ],
)
def test_archives_are_checked(change: dict, problem: str, tmp_path: Path) -> None:
    """Breaks when a fault that the server would stumble over passes."""
    archive = tmp_path / 'out.zip'
    with zipfile.ZipFile(archive, 'w') as packed:
        for name, text in (FILES['GOT-10k'] | change).items():
            if text is not None:
                packed.writestr(name, text)
    assert check_archive(archive, [given('GOT-10k')]) == [problem]
