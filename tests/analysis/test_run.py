"""Groups of images, stopping, going on, several processes: the same results."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from mim_secrets.analysis.measures import MEASURES, make_measures
from mim_secrets.analysis.pictures import Pictures
from mim_secrets.analysis.run import GROUPS_BETWEEN_LOOKS, Analysis, Tables, widest_interval
from mim_secrets.analysis.statistics import Estimate
from mim_secrets.analysis.tables import Table
from tests.analysis.small import SIZE, small_subject, write_noise

ATTENTION = ('distance', 'entropy', 'kl')
NUMBER, GROUP = 44, 4
SAVED = GROUP * GROUPS_BETWEEN_LOOKS  # images, of one process


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_noise(tmp_path_factory.mktemp('images'), NUMBER))


def analysis(images: str, names=tuple(MEASURES), number: int = NUMBER, **options) -> Analysis:
    subjects = {name: small_subject(name, seed) for seed, name in enumerate(('one', 'two'))}
    pictures = Pictures(images, number, {SIZE})
    options = dict(group_size=GROUP) | options
    return Analysis(subjects, lambda: make_measures(names, subjects), pictures, **options)


def assert_same(tables: Tables, others: Tables, tolerance: float) -> None:
    assert tables.keys() == others.keys()
    for name, models in tables.items():
        assert models.keys() == others[name].keys()
        for model, table in models.items():
            other = others[name][model]
            assert table.images == other.images
            for column, values in table.index.items():
                np.testing.assert_array_equal(values, other.index[column])
            for values, again in zip(table.values, other.values):
                np.testing.assert_allclose(
                    values, again, rtol=tolerance, atol=tolerance, err_msg=f'{name} {model}'
                )


@pytest.mark.parametrize(
    'options', [dict(batch_size=1), dict(batch_size=4), dict(workers=2)], ids=str
)
@pytest.mark.slow
def test_batches_and_workers_change_nothing(images: str, options: dict) -> None:
    """Breaks when a measure depends on how a group is cut, or on who reads images."""
    assert_same(analysis(images).run(), analysis(images, **options).run(), 1e-6)


class StoppedError(Exception):
    pass


def stop_after(number: int):
    def progress(done: int, total: int) -> None:
        if done >= number:
            raise StoppedError

    return progress


@pytest.mark.slow
def test_a_stopped_run_goes_on(images: str, tmp_path: Path) -> None:
    """Breaks when what was seen before a stop is lost, counted twice, or asked for
    again."""
    options = dict(state=tmp_path)
    whole = analysis(images).run()
    with pytest.raises(StoppedError):
        analysis(images, **options).run(stop_after(SAVED + 1))
    told = []
    rest = analysis(images, **options).run(lambda *counts: told.append(counts))
    assert told[0] == (SAVED, NUMBER)
    assert told[-1] == (NUMBER, NUMBER)
    assert_same(rest, whole, 1e-12)
    # all is there: no image is looked at again
    assert_same(analysis(images, **options).run(stop_after(NUMBER + 1)), whole, 1e-12)


def test_state_of_something_else_is_left_alone(images: str, tmp_path: Path) -> None:
    """Breaks when results of other images, measures or models are taken for these."""
    analysis(images, ATTENTION, state=tmp_path, identity='a').run()
    for change in (dict(identity='b'), dict(number=20), dict(names=('kl',)), dict(group_size=5)):
        options = dict(names=ATTENTION, state=tmp_path, identity='a') | change
        # would not be told of 5 images or more if it went on from those
        with pytest.raises(StoppedError):
            analysis(images, **options).run(stop_after(5))


def one_of_two(rank: int, images: str, folder: str) -> None:
    """A whole run, then one that is stopped."""
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{folder}/meet', rank=rank, world_size=2)
    tables = analysis(images).run()
    if rank == 0:
        torch.save(tables, f'{folder}/tables')
    with contextlib.suppress(StoppedError):
        analysis(images, state=Path(folder) / 'state').run(stop_after(2 * SAVED + 1))


@pytest.mark.slow
def test_processes_change_nothing(images: str, tmp_path: Path) -> None:
    """Breaks when a group is lost or seen twice among processes, or when a run cannot
    go on with another number of them."""
    mp.start_processes(one_of_two, (images, str(tmp_path)), 2, start_method='spawn')
    whole = analysis(images).run()
    assert_same(torch.load(tmp_path / 'tables', weights_only=False), whole, 1e-6)
    told = []
    rest = analysis(images, state=tmp_path / 'state').run(lambda done, total: told.append(done))
    assert told[0] == 2 * SAVED
    assert_same(rest, whole, 1e-6)


def test_stops_when_intervals_are_narrow(images: str) -> None:
    """Breaks when a run goes on although intervals are narrow, or stops when not."""
    loose = analysis(images, ATTENTION, until_ci=1.0)
    tables = loose.run()
    assert loose.images_seen == SAVED
    assert widest_interval(tables, ['kl_layer']) <= 1.0
    tight = analysis(images, ATTENTION, until_ci=1e-9)
    tight.run()
    assert tight.images_seen == NUMBER


def test_the_widest_interval_is_that_of_layers() -> None:
    """Breaks when other tables count, or when a share of the mean is taken wrongly."""

    def table(mean: float, low: float, high: float) -> dict[str, Table]:
        values = Estimate(*(np.array([1.0, value, np.nan]) for value in (mean, low, high)))
        return dict(model=Table('', '', 1, dict(layer=np.arange(3)), values))

    tables = dict(kl_layer=table(-2.0, -2.5, -1.7), kl=table(1.0, 0.0, 9.0))
    assert widest_interval(tables, ['kl_layer']) == pytest.approx(0.2)
    assert widest_interval(tables, ['kl_layer', 'kl']) == pytest.approx(4.5)


def test_memory_of_the_state_does_not_grow(images: str) -> None:
    """Breaks when something is kept for each image."""
    sizes = []
    for number in (12, NUMBER):
        run = analysis(images, ATTENTION, number)
        run.run()
        sizes.append(sum(a.nbytes for m in run.measures for a in m.state().values()))
    assert sizes[0] == sizes[1] > 0
