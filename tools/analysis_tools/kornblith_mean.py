"""Put the results on the twelve Kornblith sets into one row, with their mean.

    python tools/analysis_tools/kornblith_mean.py mim=work_dirs/k12_mim --out k12.csv
    python tools/analysis_tools/kornblith_mean.py --out k12.csv \\
        'vit=work_dirs/vit-base-p16_8xb64-*' 'swin=work_dirs/swinv2-base-w14_8xb64-*'

Each NAME=FOLDER is a row. FOLDER, or every folder that a quoted pattern fits, is searched
for runs of configs/dark_secrets/benchmarks, however deep; runs of other data are passed
over. A run counts with the validation after its last epoch. Where a set is missing or its
run is not finished, its cell and the mean stay empty, and both are listed.
"""

import argparse
import csv
import glob
import re
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from rich.console import Console
from rich.table import Table

from mim_secrets.apis.cli import run_cli
from mim_secrets.visualization.report.logs import Run

TOP1, PER_CLASS, ELEVEN_POINT = 'accuracy/top1', 'single-label/recall', 'eleven-point/mAP'


class Column(NamedTuple):
    """One of the twelve: how it is called here, and under which name a run logs it."""

    name: str
    metric: str


# by the type of the data set, in the order of the paper's table
SETS = {
    'Food101': Column('food101', TOP1),
    'CIFAR10': Column('cifar10', TOP1),
    'CIFAR100': Column('cifar100', TOP1),
    'Birdsnap': Column('birdsnap', TOP1),
    'SUN397': Column('sun397', TOP1),
    'StanfordCars': Column('cars', TOP1),
    'FGVCAircraft': Column('aircraft', PER_CLASS),
    'VOC': Column('voc2007', ELEVEN_POINT),
    'DTD': Column('dtd', TOP1),
    'OxfordIIITPet': Column('pets', PER_CLASS),
    'Caltech101': Column('caltech101', PER_CLASS),
    'Flowers102': Column('flowers', PER_CLASS),
}
NAMES = [column.name for column in SETS.values()]


class Row(NamedTuple):
    """What one encoder reaches: percent by set, and why others have none."""

    results: dict[str, float]
    missing: dict[str, str]

    @property
    def mean(self) -> float | None:
        return None if self.missing else mean(self.results.values())


def find_runs(pattern: str) -> dict[str, Run]:
    """Runs by the name of their set, below every folder that the pattern fits."""
    folders = [Path(path) for path in sorted(glob.glob(pattern)) if Path(path).is_dir()]
    if not folders:
        raise FileNotFoundError(f'{pattern}: there is no such folder; give NAME=FOLDER.')
    configs = [path for folder in folders for path in folder.rglob('vis_data/config.py')]
    runs: dict[str, Run] = {}
    for folder in sorted({path.parents[2] for path in configs}):
        run = Run(folder)
        kind = run.config.get('test_dataloader', {}).get('dataset', {}).get('type', '')
        column = SETS.get(kind.split('.')[-1])
        if column is None:
            continue
        if column.name in runs:
            raise ValueError(
                f'{pattern}: {runs[column.name].folder} and {folder} are both runs of '
                f'{column.name}; give every encoder and seed a row of its own.'
            )
        runs[column.name] = run
    return runs


def last_validation(run: Run, metric: str) -> tuple[int, float] | None:
    """The epoch of the newest validation that has the metric, and its value."""
    found = None
    for _, scalars in run.scalars():
        if metric in scalars:
            found = scalars['step'], scalars[metric]
    return found


def read_row(pattern: str) -> Row:
    runs = find_runs(pattern)
    row = Row({}, {})
    for name, metric in SETS.values():
        if name not in runs:
            row.missing[name] = 'no run'
            continue
        epochs = runs[name].config.train_cfg.max_epochs
        epoch, value = last_validation(runs[name], metric) or (0, None)
        if epoch < epochs:
            row.missing[name] = f'{epoch} of {epochs} epochs in {runs[name].folder}'
        else:
            row.results[name] = value
    return row


def write(rows: dict[str, Row], out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open('w', newline='') as file:
        table = csv.writer(file)
        table.writerow(['name', *NAMES, 'mean'])
        for name, row in rows.items():
            table.writerow([name, *cells(row)])


def cells(row: Row) -> list[str]:
    values = [*(row.results.get(name) for name in NAMES), row.mean]
    return ['' if value is None else f'{value:.2f}' for value in values]


def show(rows: dict[str, Row], console: Console) -> None:
    table = Table('set', *rows)  # on end, because a screen is not fourteen columns wide
    for line in zip([*NAMES, 'mean'], *map(cells, rows.values())):
        table.add_row(*line)
    console.print(table)
    for name, row in rows.items():
        if row.missing:
            reasons = '; '.join(f'{key}: {reason}' for key, reason in row.missing.items())
            console.print(f'{name} has no mean, {len(row.missing)} of 12 missing. {reasons}')


def read_rows(pairs: list[str]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for pair in pairs:
        name, _, pattern = pair.partition('=')
        if not re.fullmatch(r'\w[\w.+-]*', name) or not pattern or name in rows:
            raise ValueError(
                f'{pair} is not NAME=FOLDER with a name of letters and digits that no other '
                'row has; write it as in mim=work_dirs/k12_mim.'
            )
        rows[name] = read_row(pattern)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('rows', nargs='+', metavar='NAME=FOLDER', help='a row and its runs')
    parser.add_argument('--out', type=Path, required=True, help='the table, a CSV file')
    args = parser.parse_args()
    rows = read_rows(args.rows)
    write(rows, args.out)
    show(rows, Console(soft_wrap=True))


if __name__ == '__main__':
    run_cli(main)
