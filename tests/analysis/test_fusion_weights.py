"""Shares of fused levels: of a model, and in the logs of its training."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mim_secrets.analysis.measures.fusion import (
    EXACT,
    GIVEN,
    MOST_POINTS,
    STAGES,
    fusion_history,
    fusion_shares,
    fusion_tables,
)
from mim_secrets.models import MultiLevelFusion
from tests.models.small import small_model


def fused(depth: int = 6, **options) -> torch.nn.Sequential:
    """Something with a fusion in it."""
    return torch.nn.Sequential(MultiLevelFusion([8] * depth, [16] * depth, **options))


def subjects(model: torch.nn.Module, checkpoint: Path | None = None) -> dict:
    return {'m': SimpleNamespace(model=model, checkpoint=checkpoint)}


def write_log(run: Path, moment: str, *lines: dict, ending: str = '') -> None:
    folder = run / moment / 'vis_data'
    folder.mkdir(parents=True)
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    (folder / 'scalars.json').write_text(text + ending)


def line(step: int, first: float, **others: float) -> dict:
    shares = dict(fusion_level_02=first, fusion_level_11=1 - first)
    return dict(loss=0.5, **shares, iter=step, step=step, **others)


def test_shares_are_the_softmax_of_the_scalars() -> None:
    """Breaks when scalars are shown as they are, or belong to other levels."""
    model = small_model('MFF')
    model.fusion.level_logits.data = torch.tensor([0.3, -1.0, 2.0, 0.0, 0.1, 1.0])
    shares = fusion_shares(model)
    exponents = np.exp([0.3, -1.0, 2.0, 0.0, 0.1, 1.0])
    assert list(shares) == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(list(shares.values()), exponents / exponents.sum(), rtol=1e-6)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-6)


def test_levels_have_the_numbers_of_their_blocks() -> None:
    """Breaks when levels are counted from 0 on."""
    assert list(fusion_shares(fused(12))) == [0, 2, 4, 6, 8, 11]


def test_several_streams_are_averaged() -> None:
    """Breaks when one stream stands for all, or the mean is taken before the softmax."""
    model = fused(3, streams=2)
    model[0].level_logits.data = torch.tensor([[0.0, 0.0, 0.0], [9.0, 0.0, -9.0]])
    exponents = np.exp([9.0, 0.0, -9.0])
    expected = (1 / 3 + exponents / exponents.sum()) / 2
    np.testing.assert_allclose(list(fusion_shares(model).values()), expected, rtol=1e-5)
    notes = fusion_tables(subjects(model))['fusion']['m'].notes
    assert any('2 sums' in note for note in notes)


def test_given_weights_are_told_to_be_given() -> None:
    """Breaks when weights that were never trained look like a finding."""
    model = fused(3, fusion='fixed', weights=[0.5, 0.25, 2.0])
    assert fusion_shares(model) == {0: 0.5, 1: 0.25, 2: 2.0}
    assert GIVEN in fusion_tables(subjects(model))['fusion']['m'].notes
    assert GIVEN not in fusion_tables(subjects(fused()))['fusion']['m'].notes


def test_levels_of_a_pyramid_are_told_to_be_stages() -> None:
    """Breaks when a stage is taken for a layer."""
    model = torch.nn.Sequential(MultiLevelFusion([8, 16], [4, 8]))
    assert STAGES in fusion_tables(subjects(model))['fusion']['m'].notes
    assert STAGES not in fusion_tables(subjects(fused()))['fusion']['m'].notes


@pytest.mark.parametrize(
    'model',
    [fused(fusion='attention'), fused(fusion='none'), torch.nn.Linear(2, 2)],
    ids=['attention', 'none', 'no fusion'],
)
def test_without_scalars_there_are_no_shares(model: torch.nn.Module) -> None:
    """Breaks when a model without weights gets a table, or an error."""
    assert fusion_shares(model) == {}
    assert fusion_tables(subjects(model)) == {}


@pytest.mark.parametrize('name', ['', 'epoch_8.pth'])
def test_history_is_read_beside_the_checkpoint(tmp_path: Path, name: str) -> None:
    """Breaks when a resumed run counts twice, validation counts at all, or a log that was
    cut off cannot be read."""
    write_log(tmp_path, '20260101_000000', line(10, 0.5), line(20, 0.4), line(30, 0.1))
    write_log(
        tmp_path,
        '20260102_000000',
        line(30, 0.3),
        dict(step=3, fusion_level_02=0.9),
        ending='{"fusion_le',
    )
    (tmp_path / 'epoch_8.pth').write_bytes(b'')
    history = fusion_history(tmp_path / name)
    assert list(history) == [2, 11]
    assert history[2].steps == history[11].steps == [10, 20, 30]
    assert history[2].values == [0.5, 0.4, 0.3]
    np.testing.assert_allclose(history[11].values, [0.5, 0.6, 0.7])


def test_without_logs_there_is_no_history(tmp_path: Path) -> None:
    """Breaks when a checkpoint from elsewhere, or one of a model without fusion, is an error."""
    assert fusion_history(tmp_path / 'gone' / 'epoch_8.pth') == {}
    write_log(tmp_path, '20260101_000000', dict(loss=0.5, iter=10, step=10))
    assert fusion_history(tmp_path) == {}
    assert list(fusion_tables(subjects(fused(), tmp_path))) == ['fusion']


def test_tables_have_no_interval(tmp_path: Path) -> None:
    """Breaks when a parameter is shown with an error, or rows belong to other levels."""
    write_log(tmp_path, '20260101_000000', line(10, 0.5), line(20, 0.4))
    tables = fusion_tables(subjects(fused(12), tmp_path / 'epoch_8.pth'))
    now, history = tables['fusion']['m'], tables['fusion_history']['m']
    np.testing.assert_array_equal(now.index['layer'], [0, 2, 4, 6, 8, 11])
    np.testing.assert_allclose(now.values.mean, np.full(6, 1 / 6), rtol=1e-6)
    np.testing.assert_array_equal(history.index['step'], [10, 20, 10, 20])
    np.testing.assert_array_equal(history.index['layer'], [2, 2, 11, 11])
    np.testing.assert_allclose(history.values.mean, [0.5, 0.4, 0.5, 0.6])
    for table in (now, history):
        np.testing.assert_array_equal(table.values.low, table.values.mean)
        np.testing.assert_array_equal(table.values.high, table.values.mean)
        assert EXACT in table.notes


def test_long_histories_are_thinned(tmp_path: Path) -> None:
    """Breaks when a report gets hundreds of thousands of rows, or the last step is lost."""
    steps = range(1, 2 * MOST_POINTS + 2)
    write_log(tmp_path, '20260101_000000', *(line(step, 1 / step) for step in steps))
    table = fusion_tables(subjects(fused(12), tmp_path))['fusion_history']['m']
    rows = table.where(layer=2)
    assert MOST_POINTS / 2 < len(rows) <= MOST_POINTS
    assert rows.index['step'][-1] == steps[-1]
    np.testing.assert_allclose(rows.values.mean, 1 / rows.index['step'])
