"""tools/analysis_tools/score_tracking.py: result files become scores, plots and archives."""

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.evaluation.tracking_cases import write_got10k, write_lasot

TOOL = 'analysis_tools/score_tracking.py'
LENGTHS = {'cup-1': 4, 'dog-1': 6}


@pytest.fixture
def lasot(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """Data with attributes, and the results of two trackers, one of which is right."""
    root = tmp_path / 'lasot'
    truth = write_lasot(root, LENGTHS)
    attributes = root / 'annos' / 'att'
    attributes.mkdir(parents=True)
    (attributes / 'cup-1.txt').write_text('1' + ',0' * 13)
    (attributes / 'dog-1.txt').write_text('1,1' + ',0' * 12)
    for tracker, shift, separator in (('right', 0, ','), ('shifted', 8, '\t')):
        folder = tmp_path / tracker
        folder.mkdir()
        for name, boxes in truth.items():
            rows = boxes + [1 + shift, 1, 0, 0]
            np.savetxt(folder / f'{name}.txt', rows, fmt='%.2f', delimiter=separator)
    return root, truth


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_two_trackers_are_scored_side_by_side(
    lasot: tuple[Path, dict], tool: Callable[..., None], tmp_path: Path
) -> None:
    """Breaks when results of another program are read in other coordinates than ours, when
    rows change places, or when a table or plot is missing."""
    out = tmp_path / 'scores'
    tool(TOOL, 'right=right', 'shifted=shifted', '--benchmark', 'lasot', '--root', lasot[0],
         '--out', out)  # fmt: skip
    right, shifted = rows_of(out / 'scores.csv')
    assert right['tracker'] == 'right' and shifted['tracker'] == 'shifted'
    assert right['success_auc'] == f'{100 * 20 / 21:.3f}'
    # 8 of 16 pixels: a third overlaps, which passes 0 to 0.3; the first frame is given
    success = np.mean([(20 + 7 * (n - 1)) / 21 / n for n in LENGTHS.values()])
    assert shifted['success_auc'] == f'{100 * success:.3f}'
    assert (right['precision_at_20px'], shifted['precision_at_20px']) == ('100.000', '100.000')
    norm = np.mean([1 / n for n in LENGTHS.values()])
    assert shifted['norm_precision_at_0.2'] == f'{100 * norm:.3f}'
    sequences = rows_of(out / 'sequences.csv')
    assert [(row['tracker'], row['sequence']) for row in sequences] == [
        ('right', 'cup-1'), ('right', 'dog-1'), ('shifted', 'cup-1'), ('shifted', 'dog-1'),
    ]  # fmt: skip
    attributes = {row['attribute']: row for row in rows_of(out / 'attributes.csv')}
    assert attributes['illumination variation']['sequences'] == '2'
    assert attributes['illumination variation']['shifted success_auc'] == shifted['success_auc']
    assert attributes['partial occlusion']['sequences'] == '1'
    assert attributes['partial occlusion']['shifted success_auc'] == sequences[3]['success_auc']
    for kind in ('success', 'precision', 'norm_precision'):
        svg = (out / f'{kind}.svg').read_text()
        assert 'shifted' in svg and 'LaSOT test' in svg
        assert cv2.imread(str(out / f'{kind}.png')).std() > 1


@pytest.mark.slow
def test_missing_results_are_named(
    lasot: tuple[Path, dict], tool: Callable[..., None], tmp_path: Path
) -> None:
    """Breaks when a tracker that lacks a hard sequence gets a better score in silence."""
    (tmp_path / 'right' / 'dog-1.txt').unlink()
    command = (TOOL, 'right=right', 'shifted=shifted', '--benchmark', 'lasot', '--root', lasot[0],
               '--out', 'scores')  # fmt: skip
    with pytest.raises(FileNotFoundError, match='right: right has no result of 1 of 2 .* dog-1'):
        tool(*command)
    tool(*command, '--skip-missing')
    assert {row['sequence'] for row in rows_of(tmp_path / 'scores' / 'sequences.csv')} == {'cup-1'}
    (tmp_path / 'right' / 'cup-1.txt').unlink()
    with pytest.raises(FileNotFoundError, match='no result of any of 2 sequences, such as cup-1'):
        tool(*command, '--skip-missing')


@pytest.mark.slow
def test_a_box_that_never_moves(
    lasot: tuple[Path, dict], tool: Callable[..., None], tmp_path: Path
) -> None:
    """Breaks when --still is scored otherwise than the files of a tracker that stays."""
    (tmp_path / 'stays').mkdir()
    for name, boxes in lasot[1].items():
        rows = np.repeat(boxes[:1] + [1, 1, 0, 0], len(boxes), axis=0)
        np.savetxt(tmp_path / 'stays' / f'{name}.txt', rows, fmt='%.2f', delimiter=',')
    common = ('--benchmark', 'lasot', '--root', lasot[0], '--out', 'scores')
    tool(TOOL, 'stays=stays', '--still', *common)
    stays, still = rows_of(tmp_path / 'scores' / 'scores.csv')
    assert (stays.pop('tracker'), still.pop('tracker')) == ('stays', 'still')
    assert stays == still and 0 < float(still['success_auc']) < 95
    tool(TOOL, '--still', *common)
    assert [row['tracker'] for row in rows_of(tmp_path / 'scores' / 'scores.csv')] == ['still']


@pytest.mark.parametrize(
    ('trackers', 'message'),
    [
        ([], 'There is nothing to score'),
        (['still=right', '--still'], 'still is the name of what --still adds'),
        (['right'], 'right is not NAME=FOLDER'),
        (['a=right', 'a=shifted'], 'that no other tracker has'),
        (['a=nowhere'], 'nowhere: there is no such folder'),
    ],
)
def test_wrong_trackers_are_refused(
    trackers: list[str],
    message: str,
    lasot: tuple[Path, dict],
    tool: Callable[..., None],
) -> None:
    """Breaks when one tracker hides another, or a wrong folder ends in a stack of frames."""
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        tool(TOOL, *trackers, '--benchmark', 'lasot', '--root', lasot[0], '--out', 'scores')


GOT10K = 'GOT-10k_Test_000001'


def write_results(folder: Path, boxes: np.ndarray) -> None:
    """As GOT-10k's toolkit does, where the first pixel is 1."""
    folder = folder / GOT10K
    folder.mkdir(parents=True)
    np.savetxt(folder / f'{folder.name}_001.txt', boxes + [1, 1, 0, 0], fmt='%.3f', delimiter=',')
    np.savetxt(folder / f'{folder.name}_time.txt', np.ones(len(boxes)), fmt='%.8f')


def test_got10k_is_scored_by_its_own_rules(tool: Callable[..., None], tmp_path: Path) -> None:
    """Breaks when the first frame or one without cover counts."""
    boxes = write_got10k(tmp_path / 'data', 'val', {GOT10K: [8, 8, 0, 4]})[GOT10K]
    boxes[0] = boxes[2] = [40, 30, 3, 3]
    boxes[3, 2] = 8  # its left half
    write_results(tmp_path / 'ours', boxes)
    tool(TOOL, 'ours=ours', '--benchmark', 'got10k', '--root', 'data', '--out', 'scores')
    [row] = rows_of(tmp_path / 'scores' / 'scores.csv')
    assert row == {'tracker': 'ours', 'AO': '75.000', 'SR0.5': '50.000', 'SR0.75': '50.000'}
    assert 'GOT-10k val, AO' in (tmp_path / 'scores' / 'success.svg').read_text()


def test_a_split_without_truth_is_packed(
    tool: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Breaks when a test split gets scores from its first boxes, or no archive."""
    boxes = write_got10k(tmp_path / 'data', 'test', {GOT10K: [8] * 3})[GOT10K]
    write_results(tmp_path / 'ours', boxes)
    command = (TOOL, 'ours=ours', '--benchmark', 'got10k', '--root', 'data', '--split', 'test')
    with pytest.raises(ValueError, match=r'Only the server of GOT-10k .* --out FILE.zip'):
        tool(*command, '--out', 'scores')
    tool(*command, '--out', 'ours.zip')
    with zipfile.ZipFile(tmp_path / 'ours.zip') as packed:
        assert sorted(packed.namelist()) == [
            f'{GOT10K}/{GOT10K}_001.txt',
            f'{GOT10K}/{GOT10K}_time.txt',
        ]
        assert (
            packed.read(f'{GOT10K}/{GOT10K}_001.txt').decode().startswith('5.000,9.000,16.000,12')
        )
    told = capsys.readouterr().out
    assert 'has 1 sequences; the test split of GOT-10k has 180.' in told
    assert 'Upload this to the server of GOT-10k: ours.zip' in told
