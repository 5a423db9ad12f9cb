"""What an experiment's own logs say: ``seedN/METHOD/{pretrain,probe,finetune}/``.

mmengine makes a folder named by date and time at every start of a run, so that a run
that was resumed has several; here they are one.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

from mmengine.config import Config

from .records import FOLDER

METHODS = {'scratch': 'from scratch', 'mae': 'MAE', 'mff': 'MFF'}


class Measure(NamedTuple):
    """A column of the results: which run logs it, and under which name."""

    title: str
    run: str
    key: str


MEASURES = (
    Measure('kNN', 'probe', 'probe/knn_top1'),
    Measure('linear probe', 'probe', 'probe/linear_top1'),
    Measure('fine-tuning', 'finetune', 'accuracy/top1'),
)


class Value(NamedTuple):
    """A number and the file that it was read from."""

    number: float
    source: Path


class Curve(NamedTuple):
    """A scalar over training steps."""

    steps: list[int]
    values: list[float]
    sources: list[Path]


class Run:
    """One run's folder; empty where the run did not take place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def starts(self) -> list[Path]:
        """A folder for each start, oldest first."""
        return sorted(path for path in self.folder.glob('[0-9]*_[0-9]*'))

    def curve(self, key: str) -> Curve:
        """A scalar of the training loop. What a resumed run did again counts once."""
        points, sources = {}, []
        for path, scalars in self.scalars():
            if 'iter' in scalars and key in scalars:  # of training, not validation
                points[scalars['step']] = scalars[key]
                if path not in sources:
                    sources.append(path)
        steps = sorted(points)
        return Curve(steps, [points[step] for step in steps], sources)

    def training_keys(self) -> list[str]:
        return sorted({k for _, s in self.scalars() if 'iter' in s for k in s})

    def last(self, key: str) -> Value | None:
        """The newest value of a test, or of the last validation."""
        found = None
        for path, scalars in self.scalars():
            if 'iter' not in scalars and key in scalars:
                found = Value(scalars[key], path)
        for start in self.starts:
            for path in start.glob('*.json'):
                metrics = json.loads(path.read_text())
                if key in metrics:
                    found = Value(metrics[key], path)
        return found

    @cached_property
    def config(self) -> Config:
        """As it was written down at the last start, flags merged in."""
        paths = [path / 'vis_data' / 'config.py' for path in self.starts]
        paths = [path for path in paths if path.is_file()]
        if not paths:
            return Config()
        return Config.fromfile(paths[-1], import_custom_modules=False)

    def newest_picture(self, name: str) -> Path | None:
        """The picture of the last epoch for which one was drawn."""
        pattern = f'vis_data/vis_image/{name}_*.png'
        paths = [path for start in self.starts for path in start.glob(pattern)]
        return max(paths, key=lambda path: int(path.stem.split('_')[-1]), default=None)

    def scalars(self) -> Iterator[tuple[Path, dict]]:
        """Every line of every start, oldest first, and the file that it stands in."""
        for start in self.starts:
            path = start / 'vis_data' / 'scalars.json'
            if not path.is_file():
                continue
            for line in path.read_text().splitlines():
                try:
                    yield path, json.loads(line)
                except json.JSONDecodeError:
                    continue  # cut off when the run was killed


@dataclass
class Summary:
    """Values of one cell over all seeds."""

    values: list[float]

    @property
    def mean(self) -> float:
        return mean(self.values)

    @property
    def spread(self) -> float | None:
        """Sample standard deviation; a single seed has none."""
        return stdev(self.values) if len(self.values) > 1 else None

    def __str__(self) -> str:
        return f'{self.mean:.1f}' + (f' ± {self.spread:.1f}' if self.spread else '')


class Experiment:
    """All runs under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        names = [path.name.removeprefix('seed') for path in self.root.glob('seed*')]
        self.seeds = sorted(int(name) for name in names if name.isdigit())
        self.values: dict[tuple[str, Measure, int], Value] = {}
        for seed in self.seeds:
            for method in METHODS:
                for measure in MEASURES:
                    value = self.run(seed, method, measure.run).last(measure.key)
                    if value is not None:
                        self.values[method, measure, seed] = value
        if not self.values:
            raise FileNotFoundError(
                f'There are no results in {self.root}: no probe or fine-tuning run was '
                'found below its seed* folders; run python tools/quickstart.py first.'
            )

    def run(self, seed: int, method: str, name: str) -> Run:
        return Run(self.root / f'seed{seed}' / method / name)

    def summary(self, method: str, measure: Measure) -> Summary | None:
        keys = [(method, measure, seed) for seed in self.seeds]
        values = [self.values[key].number for key in keys if key in self.values]
        return Summary(values) if values else None

    def curves(self, method: str, key: str) -> list[Curve]:
        """A scalar of pre-training, for each seed that logged it."""
        runs = [self.run(seed, method, 'pretrain') for seed in self.seeds]
        return [curve for run in runs if (curve := run.curve(key)).steps]

    def any_run(self, name: str) -> Run:
        """Some run of this kind that has a config, for what is the same in all."""
        runs = [self.run(s, m, name) for s in self.seeds for m in METHODS]
        return next((run for run in runs if run.config), runs[0])

    def records(self) -> list[tuple[Path, dict]]:
        """What was written down about each stage, in the order they were first run."""
        paths = (self.root / FOLDER).glob('*.json')
        records = [(path, json.loads(path.read_text())) for path in paths]
        return sorted(records, key=lambda pair: pair[1]['began'])

    def shown(self, path: Path) -> str:
        """A file's name for people: relative to the experiment."""
        if path.is_relative_to(self.root):
            path = path.relative_to(self.root)
        return path.as_posix()
