"""What comparisons that take hours share: a plan, stages side by side, and an end that
says how to go on."""

import argparse
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from mim_secrets.apis.road import Road, clock, time_left
from mim_secrets.visualization.report import Records, Stage, StageError

ROOT = Path(__file__).resolve().parents[2]


def add_flags(parser: argparse.ArgumentParser, work_dir: Path, small_logs: Path) -> None:
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--jobs', type=int, default=1, help='processes at once, one thread each')
    parser.add_argument('--work-dir', type=Path, help=f'default: {work_dir}')
    parser.add_argument('--dry-run', action='store_true', help='show the plan and stop')
    parser.add_argument('--keep', action='store_true', help=f'copy tables to {small_logs}')


def road(
    stages: list[Stage], records: Records, console: Console, jobs: int, threads: int = 1
) -> Road:
    """Stages with so many processes at once, each with so many threads."""
    road = Road(stages, records, console)
    road.slots, road.threads = jobs, threads
    return road


def show_plan(stages: list[Stage], records: Records, console: Console, jobs: int) -> None:
    finished = {stage.name for stage in stages if records.read(stage).get('finished')}
    waiting = [stage for stage in stages if stage.name not in finished]
    for stage in stages:
        when = 'there' if stage.name in finished else f'about {clock(stage.seconds)}'
        console.print(f'{stage.title:<40} {when}', highlight=False)
    left = time_left({}, waiting, finished, jobs, pace=1.0)
    console.print(
        f'{len(waiting)} of {len(stages)} stages left, about {left / 3600:.1f} h with {jobs} at '
        'a time on cores that do nothing else',
        highlight=False,
    )


def keep(work_dir: Path, small_logs: Path, names: tuple[str, ...], console: Console) -> None:
    """Copy tables to where the docs have theirs."""
    small_logs.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(work_dir / name, small_logs / name)
    console.print(f'Copied to {small_logs}; run python tools/misc/write_tables.py')


def carry_out(run: Callable[[argparse.Namespace, Console], None], args: argparse.Namespace) -> None:
    """Run from the root of the repository; a failed stage and Ctrl-C are a sentence."""
    if args.work_dir is not None:
        args.work_dir = args.work_dir.resolve()
    os.chdir(ROOT)  # commands name configs and tools from here
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(args, Console())
    except StageError as error:
        sys.exit(f'\n{error}')
    except KeyboardInterrupt:
        script = Path(sys.argv[0]).resolve().relative_to(ROOT)
        command = shlex.join(['python', str(script), *sys.argv[1:]])
        print(f'\nStopped. {command} goes on from here.', file=sys.stderr)
        sys.exit(130)
