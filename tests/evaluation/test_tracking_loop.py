"""The test loop with a tracker that knows the truth: what it runs, keeps, skips and packs."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from mim_secrets.datasets.tracking import LaSOT
from mim_secrets.evaluation import TrackingTestLoop
from mim_secrets.evaluation.tracking_run import Skipped, run_tracker
from tests.evaluation.tracking_cases import SIZE, ShiftedTruth, write_got10k, write_lasot

LENGTHS = {'cup-1': 4, 'cup-2': 9, 'dog-1': 6, 'dog-2': 3}


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    root = tmp_path / 'lasot'
    return root, write_lasot(root, LENGTHS)


def run_loop(
    root: Path,
    model: ShiftedTruth,
    batch_size: int = 2,
    kind: str = 'LaSOT',
    split: str = 'test',
    evaluator: object = None,
) -> tuple[dict[str, float], Path]:
    """Metrics and the folder of results."""
    runner = Runner(
        model=model,
        work_dir=str(root.parent / 'run'),
        test_dataloader=dict(
            dataset=dict(type=f'mim_secrets.{kind}', root=str(root), split=split),
            batch_size=batch_size,
        ),
        test_cfg=dict(type='mim_secrets.TrackingTestLoop'),
        test_evaluator=dict(type='mim_secrets.OPEMetric') if evaluator is None else evaluator,
        default_hooks=dict(checkpoint=None, runtime_info=None, sampler_seed=None),
        experiment_name=f'{root.parent.name}{id(model)}',
    )
    metrics = runner.test()
    return metrics, runner.test_loop.folder(model)


def test_sequences_run_side_by_side_and_each_gets_its_own_boxes(
    world: tuple[Path, dict[str, np.ndarray]],
) -> None:
    """Breaks when states or frames of two sequences are mixed up, when a place stays empty
    although sequences wait, or when the files are not LaSOT's."""
    root, truth = world
    model = ShiftedTruth(truth, shift=2)
    metrics, folder = run_loop(root, model)
    # two at a time: one sequence of 9, beside it those of 4, 6 and 3
    # frame 1 of a newcomer is a call of its own
    assert model.calls == [2] * 3 + [1] + [2] * 4 + [1] * 3
    assert sorted(path.name for path in folder.iterdir()) == [f'{name}.txt' for name in LENGTHS]
    rows = np.loadtxt(folder / 'dog-1.txt', delimiter=',')
    np.testing.assert_array_equal(rows[0], truth['dog-1'][0] + [1, 1, 0, 0])
    np.testing.assert_array_equal(rows[1:], truth['dog-1'][1:] + [3, 1, 0, 0])
    # boxes are 16 wide: 2 pixels are an eighth of them, and 14 / 18 of the union overlaps
    right = {name: 20 + (frames - 1) * 16 for name, frames in LENGTHS.items()}
    success = np.mean([100 * right[name] / 21 / frames for name, frames in LENGTHS.items()])
    assert metrics['ope/success_auc'] == pytest.approx(success)
    assert metrics['ope/norm_precision_at_0.2'] == 100
    assert metrics['ope/sequences'] == 4 and metrics['tracking/skipped'] == 0
    assert metrics['tracking/frames_per_second'] > 0


def test_an_interrupted_test_goes_on_with_what_is_missing(
    world: tuple[Path, dict[str, np.ndarray]],
) -> None:
    """Breaks when finished sequences are tracked again, half-written ones are not, or results
    of other weights are taken for these."""
    root, truth = world
    first, folder = run_loop(root, ShiftedTruth(truth, shift=2))
    (folder / 'dog-2.txt').unlink()
    (folder / 'cup-2.txt').write_text('5,7,16,12\n')
    model = ShiftedTruth(truth, shift=2)
    again, same = run_loop(root, model, batch_size=1)
    assert same == folder and model.started == ['cup-2', 'dog-2']
    speed = 'tracking/frames_per_second'
    assert {**again, speed: 0} == {**first, speed: 0}
    other = ShiftedTruth(truth, shift=3)
    _, elsewhere = run_loop(root, other)
    assert elsewhere != folder and other.started == list(LENGTHS)


def test_bad_sequences_are_listed_and_the_others_run(
    world: tuple[Path, dict[str, np.ndarray]], capfd: pytest.CaptureFixture
) -> None:
    """Breaks when one bad frame or annotation ends the test, when a sequence vanishes without
    a word, or when its partner in the batch loses its boxes."""
    root, truth = world
    frame = root / 'cup' / 'cup-2' / 'img' / '00000005.jpg'
    frame.write_bytes(frame.read_bytes()[:200])
    (root / 'cup' / 'cup-1' / 'groundtruth.txt').write_text('1,1,5,5\n' * 3)
    outside = f'{SIZE[0] + 1},5,16,12\n'
    (root / 'dog' / 'dog-2' / 'groundtruth.txt').write_text(outside * 3)
    metrics, folder = run_loop(root, ShiftedTruth(truth))
    assert [path.name for path in folder.iterdir()] == ['dog-1.txt']
    assert metrics['tracking/skipped'] == 3 and metrics['ope/sequences'] == 1
    assert metrics['ope/precision_at_20px'] == 100
    told = capfd.readouterr()
    told = told.out + told.err
    assert '3 of 4 sequences were skipped and are not in the scores' in told
    assert '3 boxes for 4 frames' in told
    assert 'cup-2, frame 5 of 9: ' in told and str(frame) in told
    assert (
        'dog-2: its first box, (64, 4, 16, 12), lies outside the frame of 64 x 48 pixels.' in told
    )


def test_a_test_without_any_usable_sequence_fails(
    world: tuple[Path, dict[str, np.ndarray]],
) -> None:
    """Breaks when an empty test gives figures, or none without saying why."""
    root, truth = world
    for path in root.rglob('groundtruth.txt'):
        path.write_text('0,0,0,0\n' * len(path.read_text().splitlines()))
    with pytest.raises(ValueError, match=r'None of 4 sequences .* cup-1: the first box .* no area'):
        run_loop(root, ShiftedTruth(truth))


def test_a_box_that_is_none_ends_its_sequence_alone(
    world: tuple[Path, dict[str, np.ndarray]],
) -> None:
    """Breaks when a NaN gets into a result file, or stops the batch."""
    root, truth = world
    wrong = {**truth, 'cup-2': truth['cup-2'].copy()}
    wrong['cup-2'][3:] = np.nan
    wrong['cup-2'][0] = truth['cup-2'][0]
    steps = []
    results = list(
        run_tracker(ShiftedTruth(wrong), LaSOT(str(root), 'test').read, LENGTHS, 3, 2, steps.append)
    )
    [skipped] = [one for one in results if isinstance(one, Skipped)]
    expected = 'cup-2: the tracker gave [nan, nan, nan, nan], no box, for frame 4.'
    assert str(skipped) == expected
    assert len(results) == 4 and sum(steps) == sum(LENGTHS.values())


@pytest.mark.parametrize('extra', [dict(sampler=dict(type='DefaultSampler')), dict(dataset=None)])
def test_a_wrong_data_loader_is_refused(
    world: tuple[Path, dict[str, np.ndarray]], extra: dict
) -> None:
    """Breaks when a key that has no effect is swallowed."""
    loader = dict(dataset=LaSOT(str(world[0]), 'test'), **extra) if 'sampler' in extra else {}
    with pytest.raises(ValueError, match='it takes dataset, batch_size'):
        TrackingTestLoop(None, loader, [])


def test_a_test_without_metrics_says_where_results_are(
    world: tuple[Path, dict[str, np.ndarray]], capfd: pytest.CaptureFixture
) -> None:
    """Breaks when results cannot be had without a metric."""
    root, truth = world
    metrics, folder = run_loop(root, ShiftedTruth(truth), evaluator=[])
    assert set(metrics) == {'tracking/frames_per_second', 'tracking/skipped'}
    told = capfd.readouterr()
    assert f'4 of 4 sequences have results in {folder}' in told.out + told.err


def test_a_split_without_truth_ends_in_an_archive(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    """Breaks when GOT-10k's test split has no archive, or one that lacks a sequence."""
    root = tmp_path / 'got10k'
    names = [f'GOT-10k_Test_{number:06d}' for number in (1, 2, 3)]
    truth = write_got10k(root, 'test', {name: [8] * 4 for name in names})
    got10k = dict(kind='GOT10k', evaluator=dict(type='mim_secrets.GOT10kMetric'))
    metrics, folder = run_loop(root, ShiftedTruth(truth, shift=1), **got10k)
    assert set(metrics) == {'tracking/frames_per_second', 'tracking/skipped'}
    with zipfile.ZipFile(folder.with_suffix('.zip')) as archive:
        assert len(archive.namelist()) == 6
        boxes = archive.read(f'{names[2]}/{names[2]}_001.txt').decode().splitlines()
    assert boxes[:2] == ['5.000,9.000,16.000,12.000', '7.000,9.000,16.000,12.000']
    (root / 'test' / names[1] / '00000002.jpg').write_bytes(b'')
    _, folder = run_loop(root, ShiftedTruth(truth, shift=2), **got10k)
    assert not folder.with_suffix('.zip').exists()
    told = capfd.readouterr()
    assert 'No archive for the server: it needs every sequence.' in told.out + told.err


def test_got10k_validates_by_its_own_metric(tmp_path: Path) -> None:
    """Breaks when the size of frames or the cover does not reach the metric."""
    root = tmp_path / 'got10k'
    truth = write_got10k(root, 'val', {'GOT-10k_Val_000001': [8, 0, 8, 1]})
    tracker = ShiftedTruth(truth, shift=8)
    evaluator = dict(type='mim_secrets.GOT10kMetric')
    metrics, _ = run_loop(root, tracker, kind='GOT10k', split='val', evaluator=evaluator)
    assert metrics['got10k/AO'] == pytest.approx(100 / 3)
    assert metrics['got10k/SR0.5'] == 0


def _test_on_rank(rank: int, root: str, truth: dict[str, np.ndarray]) -> None:
    root = Path(root)
    torch.distributed.init_process_group('gloo', f'file://{root}/meet', rank=rank, world_size=2)
    model = ShiftedTruth(truth, shift=2)
    metrics, _ = run_loop(root, model)
    metrics.pop('tracking/frames_per_second')
    torch.save((metrics, model.started), root / f'{rank}.pt')


@pytest.mark.slow
def test_two_processes_share_the_sequences(tmp_path: Path) -> None:
    """Breaks when a sequence is tracked twice or not at all, when scores are those of a share,
    or when only one process learns of what was skipped."""
    root = tmp_path / 'lasot'
    truth = write_lasot(root, {**LENGTHS, 'dog-3': 5})
    next((root / 'dog' / 'dog-3' / 'img').glob('*3.jpg')).write_bytes(b'')
    torch.multiprocessing.spawn(_test_on_rank, (str(root), truth), nprocs=2)
    (first, started), (second, others) = (
        torch.load(root / f'{rank}.pt', weights_only=False) for rank in range(2)
    )
    assert first == second and first['ope/sequences'] == 4 and first['tracking/skipped'] == 1
    assert started == ['cup-1', 'dog-1', 'dog-3'] and others == ['cup-2', 'dog-2']
    (tmp_path / 'alone').mkdir()
    alone_root = tmp_path / 'alone' / 'lasot'
    alone, _ = run_loop(alone_root, ShiftedTruth(write_lasot(alone_root, LENGTHS), shift=2))
    assert first['ope/success_auc'] == pytest.approx(alone['ope/success_auc'])
