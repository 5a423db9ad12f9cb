"""A copy of an experiment's logs that is small enough for the repository."""

import csv
import json
from pathlib import Path

from .logs import METHODS, Experiment

MOST_POINTS = 200  # of a curve; the last point is always among them
CURVES = ('loss', 'fusion_level_')
SECRETS = ('distance_layer', 'entropy_layer', 'kl_layer')  # tables of every seed's analysis


def copy_small_logs(experiment: Experiment, folder: Path) -> Path:
    """Write results, curves and durations to ``folder``; no weights, no pictures.

    ``results.csv`` has a row for each number, ``stages.json`` what ran, for how long
    and where, ``curves/*.csv`` the scalars of pre-training, thinned, ``secrets.csv``
    what was measured of attention in each layer.
    """
    (folder / 'curves').mkdir(parents=True, exist_ok=True)
    _write_rows(
        folder / 'results.csv',
        ['method', 'measure', 'seed', 'top1', 'file'],
        (
            [method, measure.title, seed, f'{number:.4f}', experiment.shown(source)]
            for (method, measure, seed), (number, source) in experiment.values.items()
        ),
    )
    for seed in experiment.seeds:
        for method in METHODS:
            _copy_curves(experiment, seed, method, folder / 'curves')
    _copy_secrets(experiment, folder / 'secrets.csv')
    stages = [
        {key: record[key] for key in ('title', 'command', 'seconds', 'starts', 'machine')}
        for _, record in experiment.records()
    ]
    (folder / 'stages.json').write_text(json.dumps(stages, indent=1) + '\n')
    return folder


def _copy_curves(experiment: Experiment, seed: int, method: str, folder: Path) -> None:
    run = experiment.run(seed, method, 'pretrain')
    keys = [key for key in run.training_keys() if key.startswith(CURVES)]
    if not keys:
        return
    columns = [dict(zip(*run.curve(key)[:2])) for key in keys]
    steps = list(columns[0])
    every = -(-len(steps) // MOST_POINTS)
    kept = steps[::-every][::-1]
    rows = ([step, *(f'{column[step]:.5g}' for column in columns)] for step in kept)
    _write_rows(folder / f'seed{seed}-{method}.csv', ['step', *keys], rows)


def _copy_secrets(experiment: Experiment, path: Path) -> None:
    columns = ['model', 'layer', 'mean', 'low', 'high']
    rows = []
    for seed in experiment.seeds:
        for name in SECRETS:
            table = experiment.root / f'seed{seed}' / 'secrets' / 'tables' / f'{name}.csv'
            with open(table, newline='') as file:
                for row in csv.DictReader(file):
                    rows.append([seed, name, *(row[column] for column in columns)])
    _write_rows(path, ['seed', 'table', *columns], rows)


def _write_rows(path: Path, header: list[str], rows) -> None:
    with open(path, 'w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(header)
        writer.writerows(rows)
