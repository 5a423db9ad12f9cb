"""What the recipes reached, read from their logs into three tables."""

import csv
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from mim_secrets.visualization.report import Records
from mim_secrets.visualization.report.logs import Run

if TYPE_CHECKING:
    from recipes import Comparison

TABLES = ('costs.csv', 'probes.csv', 'results.csv', 'stages.json')
KNN, LINEAR, FINETUNE = 'probe/knn_top1', 'probe/linear_top1', 'accuracy/top1'


def write_results(comparison: 'Comparison', records: Records, console: Console) -> None:
    """Write down every finished stage, of whatever recipe."""
    folder = comparison.work_dir
    costs = list(_costs(comparison))
    if not costs or not records.read(comparison.costs).get('finished'):
        return
    _write(folder / 'costs.csv', costs)
    probes, results = [], []
    for (recipe, seed), (pretrain, finetune) in comparison.runs.items():
        who = dict(recipe=recipe, seed=seed)
        if records.read(pretrain).get('finished'):
            found = _probes(comparison, recipe, pretrain.work_dir)
            probes += [{**who, **row} for row in found]
            for measure, key in (('kNN', 'knn_top1'), ('linear probe', 'linear_top1')):
                row = dict(measure=measure, top1=found[-1][key], file=found[-1]['file'])
                results.append({**who, **row})
        if records.read(finetune).get('finished'):
            top1, path = Run(finetune.work_dir).last(FINETUNE)
            row = dict(measure='fine-tuning', top1=f'{top1:.4f}', file=_shown(path, folder))
            results.append({**who, **row})
    _write(folder / 'probes.csv', probes)
    _write(folder / 'results.csv', results)
    kept = ('title', 'command', 'seconds', 'starts', 'machine')
    stages = [record for stage in comparison.stages() if (record := records.read(stage))]
    stages = [{key: record[key] for key in kept} for record in stages if record['finished']]
    (folder / 'stages.json').write_text(json.dumps(stages, indent=1) + '\n')
    console.print(_table(costs, results))
    console.print(f'Tables: {folder}', highlight=False, soft_wrap=True)


def _costs(comparison: 'Comparison') -> Iterator[dict]:
    """The rows of the timing, with what a whole run costs."""
    path = comparison.costs.work_dir / 'costs.csv'
    if not path.is_file():
        return
    for row in _read(path):
        plan = comparison.plans[row['recipe']]
        total = plan.spent(comparison.images, comparison.epochs)[-1]
        yield {**row, 'total_gflop': f'{total:.1f}'}


def _probes(comparison: 'Comparison', recipe: str, folder: Path) -> list[dict]:
    """Every probe of a run, in order; what a resumed run did again counts once."""
    spent = comparison.plans[recipe].spent(comparison.images, comparison.epochs)
    rows = {}
    for path, scalars in Run(folder).scalars():
        if LINEAR in scalars:
            epoch = scalars['step']
            rows[epoch] = dict(
                epoch=epoch,
                epochs=len(spent),
                gflop=f'{spent[epoch - 1]:.1f}',
                knn_top1=f'{scalars[KNN]:.4f}',
                linear_top1=f'{scalars[LINEAR]:.4f}',
                file=_shown(path, comparison.work_dir),
            )
    return [rows[epoch] for epoch in sorted(rows)]


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _table(costs: list[dict], results: list[dict]) -> Table:
    """For the console: means over the seeds that are finished."""
    measures = ('kNN', 'linear probe', 'fine-tuning')
    table = Table(title='top-1 accuracy in percent, means over seeds')
    for column in ('recipe', 'compute', *measures):
        table.add_column(column, justify='left' if column == 'recipe' else 'right')
    whole = next(float(row['total_gflop']) for row in costs if row['recipe'] == 'mff')
    for row in costs:
        cells = [row['title'], f'{float(row["total_gflop"]) / whole:.2f}']
        for measure in measures:
            values = [
                float(result['top1'])
                for result in results
                if (result['recipe'], result['measure']) == (row['recipe'], measure)
            ]
            cells.append(f'{statistics.mean(values):.2f} ({len(values)})' if values else '–')
        table.add_row(*cells)
    return table


def _read(path: Path) -> list[dict]:
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict]) -> None:
    """Rows with equal keys; none at all make no file."""
    if not rows:
        return
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
