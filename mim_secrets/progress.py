"""How far something is and how long the rest will take: a bar, or lines of a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 10.0

# What is done -> a context that is called with (done, total).
Display = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


@contextmanager
def no_display(what: str) -> Iterator[Callable[[int, int], None]]:
    """For programs that show nothing."""
    yield lambda done, total: None


def progress_display(what: str) -> 'ProgressBar | ProgressLines':
    """A context that is called with (done, total): a bar on a terminal, else lines."""
    console = Console()
    return ProgressBar(what, console) if console.is_terminal else ProgressLines(what)


class ProgressBar:
    """A bar that is drawn again and again."""

    def __init__(self, what: str, console: Console) -> None:
        columns = (
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn('ETA'),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, auto_refresh=False)
        self._task = self._progress.add_task(what)

    def __enter__(self) -> 'ProgressBar':
        self._progress.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total, refresh=True)


class ProgressLines:
    """The same for a log file: a plain line every few seconds."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> 'ProgressLines':
        self._start = self._last = time.monotonic()
        return self

    def __exit__(self, *failure: object) -> None:
        pass

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0 or (done < total and now - self._last < _SECONDS_BETWEEN_LINES):
            return
        self._last = now
        left = (now - self._start) / done * (total - done)
        print(f'{self._what} {done}/{total}, ETA {left:.0f} s', flush=True)
