"""The pre-training benchmark, at toy size; what it measures is not judged here."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.models.oracles import show_mask

BENCHMARKS = Path(__file__).parents[2] / 'tools' / 'benchmarks'
TOY_WIDTH = 32


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch):
    """The script as a module, its siblings importable as when it is run."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv('OMP_WAIT_POLICY', 'PASSIVE')  # set by the import otherwise
    import pretrain_step

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # toys gain nothing from waiting for each other
    yield pretrain_step
    torch.set_num_threads(threads)
    for name in ('pretrain_step', 'step_measures', 'step_models'):
        sys.modules.pop(name)


@pytest.fixture
def toy(benchmark):
    arch = dict(embed_dims=TOY_WIDTH, num_layers=3, num_heads=2, feedforward_channels=64)
    return benchmark.Size(
        'toy',
        arch,
        width=TOY_WIDTH,
        decoder_width=16,
        decoder_heads=2,
        decoder_depth=2,
        image=64,
        levels=(0, 2),
        batch=2,
    )


@pytest.mark.slow
def test_the_script_starts() -> None:
    """Breaks when imports come in an order that only works inside the tests."""
    script = BENCHMARKS / 'pretrain_step.py'
    command = [sys.executable, str(script), '--help']
    env = {**os.environ, 'PYTHONPATH': str(BENCHMARKS.parents[1])}
    done = subprocess.run(command, env=env, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert '--no-compile' in done.stdout


def test_both_models_do_the_same_work(benchmark, toy) -> None:
    """Breaks when the two are built differently, so that a ratio means nothing."""
    theirs, ours = benchmark.build_pair(toy)
    images = torch.randn(2, 3, 64, 64)
    mask = ours.draw_mask(images)
    show_mask(theirs, mask)
    expected = theirs.loss(images, None)['loss']
    torch.testing.assert_close(ours.loss(images, mask=mask)['loss'], expected)


@pytest.mark.parametrize('precision', ['float32', 'bfloat16'])
@pytest.mark.slow
def test_rows_are_complete_and_land_in_the_csv(
    benchmark, toy, precision: str, tmp_path: Path
) -> None:
    """Breaks when a variant, its noise or a column gets lost on the way."""
    ticks = []
    cpu = torch.device('cpu')
    rows = benchmark.measure(toy, precision, cpu, 2, False, ticks.append)
    benchmark.write_csv(rows, tmp_path / 'new' / 'rows.csv')

    with (tmp_path / 'new' / 'rows.csv').open() as file:
        lines = list(csv.DictReader(file))
    assert [line['variant'] for line in lines] == ['mmpretrain', 'ours', 'ours again']
    assert len(ticks) == 3 * (benchmark.UNTIMED_ROUNDS + 2)
    for line in lines:
        assert all(line.values())
        assert float(line['step_memory_mib']) > 0
        assert 0 < float(line['own_gflop']) <= float(line['mmpretrain_gflop'])
    assert lines[0]['ratio_to_mmpretrain'] == lines[1]['ratio_to_ours'] == '1.0'
    assert float(lines[1]['step_memory_mib']) <= float(lines[0]['step_memory_mib'])


@pytest.mark.slow
def test_compiled_twin_shares_the_parameters(benchmark, toy) -> None:
    """Breaks when compiling replaces the plain model or copies its weights."""
    _, ours = benchmark.build_pair(toy)
    twin = benchmark.compiled_twin(ours)
    assert 'predict_masked' not in vars(ours)
    assert 'predict_masked' in vars(twin)
    for one, other in zip(ours.parameters(), twin.parameters(), strict=True):
        assert one is other


def test_memory_of_a_step_is_its_peak(benchmark) -> None:
    """Breaks when what was freed counts, or what is freed does not come off."""
    from step_measures import peak_memory

    def one_after_the_other() -> None:
        for _ in range(3):
            torch.empty(2**20, dtype=torch.uint8)

    assert peak_memory(one_after_the_other, torch.device('cpu')) == 2**20
