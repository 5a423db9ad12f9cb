"""How much of each level a fused model uses: now, and while it was trained."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from mim_secrets.analysis.statistics import Estimate
from mim_secrets.analysis.subject import Subject
from mim_secrets.analysis.tables import Table
from mim_secrets.models import MultiLevelFusion
from mim_secrets.visualization.report.logs import Curve, Run

PREFIX = 'fusion_level_'
MOST_POINTS = 200  # of a curve; the last one is always among them
EXACT = 'A share is a parameter of the model: it has no sampling error.'
SCALE = (
    'All levels but the last are projected before they are summed, so that a share is not '
    'yet an influence.'
)
STAGES = 'Levels are stages of the encoder, each with all its layers, numbered from 0.'
GIVEN = 'The weights were given, are used as they are and were not trained.'


def fusion_shares(model: nn.Module) -> dict[int, float]:
    """Level -> its weight in the sum; empty where levels are not summed.

    Of a fusion with several streams, the mean over streams.
    """
    fusion = _fusion(model)
    weights = None if fusion is None else fusion.level_weights()
    return {} if weights is None else dict(zip(fusion.levels, weights.tolist(), strict=True))


def fusion_history(path: Path) -> dict[int, Curve]:
    """Level -> its weight at every logged step of the run at ``path``.

    Args:
        path: A run's folder, or a checkpoint in it; a folder without logs, or with the
            logs of a model without fusion, gives nothing.
    """
    run = Run(path if path.is_dir() else path.parent)
    keys = [key for key in run.training_keys() if key.startswith(PREFIX)]
    return {int(key.removeprefix(PREFIX)): run.curve(key) for key in keys}


def fusion_tables(subjects: dict[str, Subject]) -> dict[str, dict[str, Table]]:
    """Tables ``fusion``, of the subjects with shares, and ``fusion_history``, of those
    whose training has left logs beside the checkpoint."""
    now, history = {}, {}
    for name, subject in subjects.items():
        shares = fusion_shares(subject.model)
        if not shares:
            continue
        notes = _notes(subject.model)
        index = dict(layer=np.array(list(shares)))
        now[name] = _table('fusion', index, list(shares.values()), notes)
        curves = fusion_history(subject.checkpoint) if subject.checkpoint else {}
        if curves:
            points = {level: _thinned(curve) for level, curve in curves.items()}
            index = dict(
                step=np.concatenate([steps for steps, _ in points.values()]),
                layer=np.repeat(list(points), [len(steps) for steps, _ in points.values()]),
            )
            values = np.concatenate([values for _, values in points.values()])
            history[name] = _table('fusion_history', index, values, notes)
    tables = dict(fusion=now, fusion_history=history)
    return {name: found for name, found in tables.items() if found}


def _fusion(model: nn.Module) -> MultiLevelFusion | None:
    return next((part for part in model.modules() if isinstance(part, MultiLevelFusion)), None)


def _notes(model: nn.Module) -> tuple[str, ...]:
    fusion = _fusion(model)
    notes = [EXACT, SCALE]
    if any(side > 1 for side in fusion.sides):
        notes.append(STAGES)
    if fusion.streams > 1:
        notes.append(f'The decoder reads {fusion.streams} sums; the mean over them is shown.')
    if fusion.fusion == 'fixed':
        notes.append(GIVEN)
    return tuple(notes)


def _table(
    name: str, index: dict[str, np.ndarray], values: Sequence[float], notes: tuple[str, ...]
) -> Table:
    shares = np.array(values, np.float64)
    return Table(name, 'share', 0, index, Estimate(shares, shares, shares), notes)


def _thinned(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    every = -(-len(curve.steps) // MOST_POINTS)
    return np.array(curve.steps)[::-every][::-1], np.array(curve.values)[::-every][::-1]
