"""What ran: stages, and what is written down about each of them.

A stage leaves ``stages/NAME.json`` in the folder of its experiment: a fingerprint of
all that decides its outcome, how long it took, how often it was started, and on which
machine. Whoever runs stages asks here what is finished; the report cites it.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from mmengine.config import Config

FOLDER = 'stages'


class StageError(Exception):
    """A stage cannot run or has failed; the message says which one and why."""


@dataclass(frozen=True)
class Stage:
    """One command (what stands behind ``python``) and what its outcome depends on."""

    name: str
    title: str
    command: tuple[str, ...]
    work_dir: Path
    seconds: float  # typical ones; only an ETA depends on them
    needs: tuple[str, ...] = ()  # stages that are finished before this one starts
    config: str | None = None  # its content counts, with all that it includes
    progress: str | None = None  # how its output says how far it is, as a pattern
    resumes: bool = False  # the command knows --resume


class Records:
    """The records of an experiment's stages, given in an order that respects needs."""

    def __init__(self, root: Path, stages: list[Stage]) -> None:
        self.root, self.folder = root, root / FOLDER
        self.fingerprints: dict[str, str] = {}
        contents: dict[str, str] = {}  # a config may take a second to read
        for stage in stages:
            parts = [*stage.command, *(self.fingerprints[name] for name in stage.needs)]
            if stage.config is not None:
                if stage.config not in contents:
                    contents[stage.config] = _content(stage)
                parts.append(contents[stage.config])
            digest = hashlib.sha256(json.dumps(parts).encode())
            self.fingerprints[stage.name] = digest.hexdigest()
        self.folder.mkdir(parents=True, exist_ok=True)

    def log(self, stage: Stage) -> Path:
        """Where the output of a stage goes."""
        return self.folder / f'{stage.name}.log'

    def read(self, stage: Stage) -> dict:
        """The record of a stage, empty where nothing of today's stage is there."""
        path = self._path(stage)
        record = json.loads(path.read_text()) if path.is_file() else {}
        same = record.get('fingerprint') == self.fingerprints[stage.name]
        return record if same and stage.work_dir.is_dir() else {}

    def write(self, stage: Stage, record: dict) -> None:
        partial = self.folder / f'{stage.name}.part'
        partial.write_text(json.dumps(record, indent=1) + '\n')
        partial.replace(self._path(stage))

    def forget(self, stage: Stage) -> None:
        self._path(stage).unlink(missing_ok=True)

    def begin(self, stage: Stage) -> dict:
        """Write down a start, after removing what another command or config left.

        What lies outside the experiment's folder, such as the rendered world, is
        its command's to keep in order.
        """
        record = self.read(stage)
        if not record or record['finished']:
            if stage.work_dir.is_relative_to(self.root):
                shutil.rmtree(stage.work_dir, ignore_errors=True)
            record = dict(
                title=stage.title,
                command=['python', *stage.command],
                fingerprint=self.fingerprints[stage.name],
                began=time.time(),
                seconds=0.0,
                starts=0,
            )
        record |= dict(finished=False, starts=record['starts'] + 1, machine=machine())
        stage.work_dir.mkdir(parents=True, exist_ok=True)
        self.write(stage, record)
        return record

    def _path(self, stage: Stage) -> Path:
        return self.folder / f'{stage.name}.json'


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> dict[str, str | int | None]:
    """What a duration or an accuracy was measured on, and with which code."""
    processor = platform.processor() or platform.machine()
    if Path('/proc/cpuinfo').is_file():
        text = Path('/proc/cpuinfo').read_text()
        found = re.search(r'^model name\s*:\s*(.+)$', text, re.MULTILINE)
        processor = found.group(1) if found else processor
    return dict(
        processor=processor,
        cores=cores(),
        torch=version('torch'),
        python=platform.python_version(),
        commit=_commit(),
    )


def _commit() -> str | None:
    command = ('git', '--no-optional-locks', 'describe', '--always', '--dirty')
    here = Path(__file__).parent
    try:
        run = subprocess.run(command, capture_output=True, text=True, cwd=here)
    except FileNotFoundError:
        return None
    return run.stdout.strip() or None


def _content(stage: Stage) -> str:
    if not Path(stage.config).is_file():
        raise StageError(
            f'There is no config {stage.config}, which "{stage.title}" needs; run this '
            'from a complete checkout of the repository.'
        )
    config = Config.fromfile(stage.config, import_custom_modules=False)
    return json.dumps(config.to_dict(), sort_keys=True, default=str)
