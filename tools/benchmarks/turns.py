"""What benchmarks share: whose turn it is and how long the rest takes; rows as a CSV."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def turns(total: int) -> Iterator[Callable[[str], None]]:
    """A bar of so many turns; called with a name when the turn of that name begins."""
    columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn()
    times = TimeElapsedColumn(), TextColumn('ETA'), TimeRemainingColumn()
    with Progress(*columns, *times, speed_estimate_period=300) as progress:
        task = progress.add_task('', total=total)
        started = 0

        def begin(name: str) -> None:
            nonlocal started
            progress.update(task, description=name, completed=started)
            started += 1

        yield begin
        progress.update(task, description='done', completed=total)


def write_csv(rows: Sequence, path: Path) -> None:
    """A line for each of some instances of one dataclass."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(map(asdict, rows))
