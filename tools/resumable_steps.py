"""Named steps that fill a virtual environment, and that may stop at any point.

A finished step leaves a stamp in ``.venv/.setup``: a hash of its commands, of the
files it depends on, of the environment's Python and place, and of all steps before
it. The first step whose stamp does not fit is where the next run goes on.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HEARTBEAT_SECONDS = 30
LAST_LINES = 15


class SetupError(Exception):
    """Something the user can put right; the message says how."""


@dataclass(frozen=True)
class Step:
    """Commands for the environment's Python, and the files they depend on."""

    name: str
    title: str
    commands: tuple[tuple[str, ...], ...]
    inputs: tuple[str, ...] = ()
    typical_seconds: int = 10  # only the ETA depends on it


class State:
    """One environment folder: which steps are finished in it, and where things lie."""

    def __init__(self, root: Path, steps: tuple[Step, ...]) -> None:
        self.root, self.steps = root, steps
        self.environment = root / '.venv'
        self.stamps = self.environment / '.setup'
        self.log = self.environment / 'setup.log'
        self.python = self.environment / 'bin' / 'python'

    def python_version(self) -> str:
        """The environment's Python; before there is one, the Python running this."""
        settings = self.environment / 'pyvenv.cfg'
        if self.python.exists() and settings.exists():
            found = re.search(r'^version\s*=\s*(\d+\.\d+)', settings.read_text(), re.M)
            if found:
                return found.group(1)
        return '{}.{}'.format(*sys.version_info)

    def fingerprints(self) -> dict[str, str]:
        """A hash for each step of all that it and the steps before it depend on."""
        # An environment that was moved is a broken one, hence its path.
        digest = hashlib.sha256(f'{self.environment} {self.python_version()}'.encode())
        prints = {}
        for step in self.steps:
            digest.update(repr((step.name, step.commands)).encode())
            for name in step.inputs:
                digest.update((self.root / name).read_bytes())
            prints[step.name] = digest.hexdigest()
        return prints

    def pending(self) -> tuple[Step, ...]:
        """The first step that is not finished as it stands now, and all after it."""
        if not self.python.exists():
            return self.steps
        prints = self.fingerprints()
        for index, step in enumerate(self.steps):
            stamp = self.stamps / step.name
            if not stamp.exists() or stamp.read_text() != prints[step.name]:
                return self.steps[index:]
        return ()

    def mark_finished(self, step: Step, fingerprint: str) -> None:
        partial = self.stamps / f'{step.name}.part'
        partial.write_text(fingerprint)
        partial.replace(self.stamps / step.name)

    def claim(self) -> None:
        """Mark the environment folder as ours to fill; refuse somebody else's."""
        foreign = self.environment.exists() and not self.stamps.exists()
        if foreign and any(self.environment.iterdir()):
            raise SetupError(
                f'{self.environment} exists but was not made by this script: rename '
                'or delete it, then run `make setup` again.'
            )
        self.stamps.mkdir(parents=True, exist_ok=True)

    def empty(self) -> None:
        """Remove a half-made or outdated environment, but keep it marked as ours."""
        keep = (self.stamps, self.stamps / 'lock', self.log)
        for path in (*self.environment.iterdir(), *self.stamps.iterdir()):
            if path in keep:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


class Progress:
    """One live line on a terminal, a plain line now and then anywhere else."""

    def __init__(self, state: State, pending: tuple[Step, ...], stream) -> None:
        self.stream, self.live = stream, stream.isatty()
        self.pending, self.total = pending, len(state.steps)

    def begin(self, step: Step) -> None:
        place = self.pending.index(step)
        number = self.total - len(self.pending) + place + 1
        self.headline = f'[{number}/{self.total}] {step.title}'
        self.typical = step.typical_seconds
        self.later = sum(later.typical_seconds for later in self.pending[place + 1 :])
        self.started = self.spoke = time.monotonic()
        self.compiling: Compilation | None = None
        self.write(f'{self.headline} ...')

    def tick(self, output: str) -> None:
        """Show how far the step is, given the latest part of its output."""
        now = time.monotonic()
        count = compile_count(output)
        if count and not self.compiling:
            self.compiling = Compilation(count[0], now)
        if self.live or now - self.spoke >= HEARTBEAT_SECONDS:
            self.spoke = now
            self.write(f'{self.headline}: {self.how_far(now, count)}')

    def how_far(self, now: float, count: tuple[int, int] | None) -> str:
        elapsed, done = now - self.started, ''
        left = self.typical - elapsed
        if self.compiling and count:
            done = '{} of {} files, '.format(*count)
            left = self.compiling.seconds_left(*count, now) or left
        if left <= 0:
            return f'{done}{minutes(elapsed)} elapsed, longer than usual'
        return (
            f'{done}{minutes(elapsed)} elapsed, about {minutes(left)} left '
            f'({minutes(left + self.later)} for all steps)'
        )

    def finish(self) -> None:
        taken = minutes(time.monotonic() - self.started)
        self.write(f'{self.headline}: done in {taken}')
        if self.live:
            self.stream.write('\n')

    def write(self, line: str) -> None:
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write(f'\r\x1b[2K{line[:width]}')
        else:
            self.stream.write(f'{line}\n')
        self.stream.flush()


def minutes(seconds: float) -> str:
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'


def compile_count(output: str) -> tuple[int, int] | None:
    """The last ``[k/N]`` that ninja printed, if any."""
    counts = re.findall(r'^\s*\[(\d+)/(\d+)\] ', output, re.MULTILINE)
    return (int(counts[-1][0]), int(counts[-1][1])) if counts else None


@dataclass(frozen=True)
class Compilation:
    """Which count of ninja was seen first, and when: speed is measured from there."""

    first_count: int
    first_seen: float

    def seconds_left(self, done: int, total: int, now: float) -> float | None:
        """Unknown until another file is compiled."""
        since = done - self.first_count
        return (total - done) * (now - self.first_seen) / since if since else None


def finish_steps(
    root: Path,
    steps: tuple[Step, ...],
    prerequisites: Callable[[], list[str]],
    advise: Callable[[str], str],
    variables: dict[str, str],
    stream=None,
) -> None:
    """Run what is not finished yet, of steps of which the first creates ``.venv``.

    ``prerequisites`` names what the machine lacks, asked before starting from
    nothing; ``advise`` turns the output of a failed step into a sentence of help;
    ``variables`` are the environment variables of all commands.
    """
    stream = stream or sys.stdout
    state = State(root, steps)
    if state.pending() == steps:
        missing = prerequisites()
        if missing:
            raise SetupError('\n'.join(missing))
    if state.pending():
        state.claim()
        with open(state.stamps / 'lock', 'w') as lock:
            wait_for_lock(lock, stream)
            pending = state.pending()  # whoever held the lock may have done it all
            if pending == steps:
                state.empty()
            prints = state.fingerprints()
            progress = Progress(state, pending, stream)
            for step in pending:
                run_step(step, state, progress, advise, variables, lock.fileno())
                state.mark_finished(step, prints[step.name])
                progress.finish()
    print(f'The environment {state.environment} is complete.', file=stream)


def wait_for_lock(lock, stream) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print('Another set-up is running here; waiting for it.', file=stream)
        fcntl.flock(lock, fcntl.LOCK_EX)


def run_step(
    step: Step,
    state: State,
    progress: Progress,
    advise: Callable[[str], str],
    variables: dict[str, str],
    lock: int,
) -> None:
    """Run a step with its output in the log; raise with its last lines if it fails."""
    progress.begin(step)
    python = state.python if state.python.exists() else sys.executable
    with open(state.log, 'ab') as log:
        start = log.tell()
        for command in step.commands:
            log.write(f'\n== {step.title}: python {" ".join(command)}\n'.encode())
            log.flush()
            process = subprocess.Popen(
                [str(python), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=state.root,
                env=variables,
                # A child that outlives us keeps the lock: nobody gets in its way.
                pass_fds=(lock,),
                start_new_session=True,
            )
            if watch(process, lambda: progress.tick(read_from(state.log, start))):
                output = read_from(state.log, start)
                raise SetupError(failure(progress.headline, output, advise, state.log))


def watch(process: subprocess.Popen, tick: Callable[[], None]) -> int:
    """Wait for a process, ticking every second; take it along when interrupted."""
    try:
        while True:
            try:
                return process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                tick()
    except BaseException:
        os.killpg(process.pid, signal.SIGINT)  # pip tidies up, ninja stops compiling
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        raise


def read_from(path: Path, start: int, at_most: int = 100_000) -> str:
    """What was written to a file from ``start`` on, or the end of it if it is long."""
    with open(path, 'rb') as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - at_most))
        return file.read().decode(errors='replace')


def failure(headline: str, output: str, advise: Callable[[str], str], log: Path) -> str:
    lines = [line[:200] for line in output.splitlines() if line.strip()]
    tail = ''.join(f'    {line}\n' for line in lines[-LAST_LINES:])
    return (
        f'\n{headline} failed. The end of its output:\n\n{tail}\n'
        f'{advise(output)}\nAll of its output is in {log}. `make setup` goes on from '
        'this step.'
    )
