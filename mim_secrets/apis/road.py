"""Running stages: side by side where they may, resumable, with an ETA.

On a terminal there are live bars; elsewhere a line for each stage and a heartbeat.
"""

import fcntl
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from mim_secrets.visualization.report.records import Records, Stage, StageError, cores

SIDE_BY_SIDE = 2  # so many stages at a time, if there are as many cores
HEARTBEAT_SECONDS = 20  # between lines where there is no terminal
LAST_LINES = 15  # of a failed stage's output


@dataclass
class Running:
    """A stage that runs now."""

    stage: Stage
    process: subprocess.Popen
    record: dict
    log: Path
    offset: int  # where the output of this start begins
    bar: TaskID
    started: float

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def says(self) -> tuple[str, float | None]:
        """How far it is in the words of its own output, and the seconds left."""
        if self.stage.progress is None:
            return '', None
        with open(self.log, 'rb') as file:
            file.seek(max(self.offset, file.seek(0, os.SEEK_END) - 10_000))
            output = file.read().decode(errors='replace')
        found = list(re.finditer(self.stage.progress, output))
        if not found:
            return '', None
        fields = found[-1].groupdict()
        left = 0
        for part in fields.pop('left').split(':'):
            left = left * 60 + int(part)
        return ' '.join(fields.values()), left


class Road:
    """Runs what is not finished of a list of stages, and shows how far it is."""

    def __init__(self, stages: list[Stage], records: Records, console: Console) -> None:
        self.records, self.console, self.total = records, console, len(stages)
        self.slots = min(SIDE_BY_SIDE, cores())
        self.threads = max(1, cores() // self.slots)
        self.finished: set[str] = set()
        for stage in stages:
            if records.read(stage).get('finished') and ready(stage, self.finished):
                self.finished.add(stage.name)
        self.waiting = [stage for stage in stages if stage.name not in self.finished]
        self.running: list[Running] = []
        self.taken = self.typical = 0.0  # seconds of what was finished in this run
        self.began = self.spoke = time.monotonic()
        columns = ('{task.description}', '{task.percentage:>3.0f} %', '{task.fields[note]}')
        before, *after = (TextColumn(column, markup=False) for column in columns)
        self.bars = Progress(
            before,
            BarColumn(),
            *after,
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.whole = self.bars.add_task('all stages', total=1, note='')

    @property
    def pace(self) -> float:
        """Seconds of this machine for one second that stages name."""
        return self.taken / self.typical if self.typical else 1.0

    def run(self) -> None:
        if self.finished:
            self.say(f'{len(self.finished)} of {self.total} stages are there already.')
        with open(self.records.folder / 'lock', 'w') as lock, self.bars:
            self._claim(lock)
            try:
                while self.waiting or self.running:
                    self._step(lock)
            finally:
                self._stop()

    def _step(self, lock: TextIO) -> None:
        able = [stage for stage in self.waiting if ready(stage, self.finished)]
        for stage in able[: self.slots - len(self.running)]:
            self._start(stage, lock)
        time.sleep(0.2)
        for running in list(self.running):
            if running.process.poll() is not None:
                self._end(running)
        self._show()

    def say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _claim(self, lock: TextIO) -> None:
        """Held by us and by every stage, so that one that outlives us is noticed."""
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StageError(
                f'Another run is at work in {self.records.root}; wait until it ends, or '
                'choose another --work-dir.'
            ) from None

    def _start(self, stage: Stage, lock: TextIO) -> None:
        resume = stage.resumes and bool(self.records.read(stage))
        record = self.records.begin(stage)
        command = [*stage.command, *(['--resume'] if resume else [])]
        number = self.total - len(self.waiting) + 1
        self.waiting.remove(stage)
        self.say(f'[{number}/{self.total}] {stage.title}\n    {self._shown(command)}')
        path = self.records.log(stage)
        with open(path, 'ab') as log:
            offset = log.tell()
            process = subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, 'OMP_NUM_THREADS': str(self.threads)},
                pass_fds=(lock.fileno(),),
                start_new_session=True,  # Ctrl-C reaches us, and we tell the stages
            )
        bar = self.bars.add_task(f'  {stage.title}', total=1, note='')
        self.running.append(Running(stage, process, record, path, offset, bar, time.monotonic()))

    def _end(self, running: Running) -> None:
        """Account for a stage whose process has ended."""
        self.running.remove(running)
        self.bars.remove_task(running.bar)
        stage, code = running.stage, running.process.returncode
        running.record['seconds'] += running.elapsed
        running.record['finished'] = code == 0
        self.records.write(stage, running.record)
        if code != 0:
            raise StageError(self._failure(running))
        self.finished.add(stage.name)
        if running.record['starts'] == 1:  # one that went on had less to do than it names
            self.taken += running.elapsed
            self.typical += stage.seconds
        self.say(f'{stage.title}: done in {clock(running.elapsed)}')

    def _failure(self, running: Running) -> str:
        with open(running.log, 'rb') as file:
            file.seek(running.offset)
            lines = file.read().decode(errors='replace').splitlines()
        tail = ''.join(f'    {line[:300]}\n' for line in lines[-LAST_LINES:])
        return (
            f'"{running.stage.title}" failed with exit code '
            f'{running.process.returncode}. The end of its output:\n\n{tail}\n'
            f'Command: {self._shown(list(running.stage.command))}\n'
            f'All of its output: {running.log}\n'
            'Finished stages are kept: the same command goes on from here.'
        )

    def _shown(self, command: list[str]) -> str:
        """As somebody would type it."""
        return f'OMP_NUM_THREADS={self.threads} python {shlex.join(command)}'

    def _show(self) -> None:
        lefts, notes = {}, []
        for running in self.running:
            note, left = running.says()
            if left is None:
                left = max(running.stage.seconds * self.pace - running.elapsed, 1.0)
            lefts[running.stage.name] = left
            done = running.elapsed / (running.elapsed + left)
            note = f'{note}  about {clock(left)} left'.strip()
            self.bars.update(running.bar, completed=done, note=note)
            notes.append(f'{running.stage.title} {done:.0%} {note}')
        left = time_left(lefts, self.waiting, self.finished, self.slots, self.pace)
        count = f'{len(self.finished)} of {self.total} done, about {clock(left)} left'
        now = time.monotonic()
        done = (now - self.began) / (now - self.began + left)
        self.bars.update(self.whole, completed=done, note=count)
        if self.bars.disable and now - self.spoke >= HEARTBEAT_SECONDS:
            self.spoke = now
            self.say('; '.join([count, *notes]))

    def _stop(self) -> None:
        """End what still runs, gently first; it can be resumed."""
        for running in self.running:
            if running.process.poll() is None:
                os.killpg(running.process.pid, signal.SIGINT)
        for running in self.running:
            try:
                running.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(running.process.pid, signal.SIGKILL)
            running.record['seconds'] += running.elapsed
            self.records.write(running.stage, running.record)


def ready(stage: Stage, finished: set[str]) -> bool:
    return finished.issuperset(stage.needs)


def time_left(
    lefts: dict[str, float],
    waiting: list[Stage],
    finished: set[str],
    slots: int,
    pace: float,
) -> float:
    """Play the rest of the road through: seconds until its last stage ends."""
    now, ends, waiting, finished = 0.0, dict(lefts), list(waiting), set(finished)
    while ends or waiting:
        able = [stage for stage in waiting if ready(stage, finished)]
        for stage in able[: slots - len(ends)]:
            ends[stage.name] = now + stage.seconds * pace
            waiting.remove(stage)
        first = min(ends, key=ends.__getitem__)
        now = ends.pop(first)
        finished.add(first)
    return now


def clock(seconds: float) -> str:
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'
