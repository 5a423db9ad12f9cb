"""How long a playground run of each task takes with the machine to itself.

    python tools/benchmarks/task_times.py                     # all tasks: about 40 minutes
    python tools/benchmarks/task_times.py --tasks detection pose --keep

Each task of `transfer.py` is trained and validated from scratch, one after the other, with a
thread for each core, and timed from the start of the command to its end; the rendering of its
data is not. Threads wait as the environment says: what is measured is the command as somebody
types it. A run that was stopped is begun again, one that is finished stays.
"""

import argparse
import csv
from pathlib import Path

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from long_runs import carry_out, keep, road, show_plan
from rich.console import Console
from transfer_list import TASKS, render, stage

from mim_secrets.visualization.report import Records, Stage
from mim_secrets.visualization.report.records import cores

WORK_DIR, SMALL_LOGS = Path('work_dirs/task_times'), Path('docs/en/transfer')
TABLE = 'times.csv'


def run(args: argparse.Namespace, console: Console) -> None:
    work_dir = args.work_dir or WORK_DIR
    runs = {name: stage(name, 'scratch', 0, work_dir) for name in TASKS}
    worlds = {name: render(task.layout) for name, task in TASKS.items()}
    stages = {each.name: each for each in [*worlds.values(), *runs.values()]}
    records = Records(work_dir, list(stages.values()))
    chosen = {each.name: each for name in args.tasks for each in (worlds[name], runs[name])}
    if args.dry_run:
        show_plan(list(chosen.values()), records, console, jobs=1)
        return
    begin_again([runs[name] for name in args.tasks], records)
    try:
        road(list(chosen.values()), records, console, jobs=1, threads=cores()).run()
    finally:
        write(work_dir, {name: records.read(run) for name, run in runs.items()})
    if args.keep:
        keep(work_dir, SMALL_LOGS, (TABLE,), console)


def begin_again(runs: list[Stage], records: Records) -> None:
    """Forget runs that were stopped: what is resumed is not timed from its start."""
    for run in runs:
        if not records.read(run).get('finished'):
            records.forget(run)


def write(work_dir: Path, records: dict[str, dict]) -> None:
    """A row for each task that is finished."""
    fields = ['task', 'seconds', 'processor', 'cores', 'torch', 'python', 'commit']
    with (work_dir / TABLE).open('w', newline='') as file:
        writer = csv.DictWriter(file, fields, lineterminator='\n')
        writer.writeheader()
        for task, record in records.items():
            if record.get('finished'):
                seconds = f'{record["seconds"]:.1f}'
                writer.writerow(dict(task=task, seconds=seconds, **record['machine']))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--tasks', nargs='+', choices=TASKS, default=list(TASKS))
    parser.add_argument('--work-dir', type=Path, help=f'default: {WORK_DIR}')
    parser.add_argument('--dry-run', action='store_true', help='show the plan and stop')
    parser.add_argument('--keep', action='store_true', help=f'copy the table to {SMALL_LOGS}')
    return parser.parse_args()


if __name__ == '__main__':
    carry_out(run, parse_args())
