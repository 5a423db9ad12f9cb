"""Take images through all subjects, group by group, and let measures look.

Which images make a group depends on nothing but their order. Processes take groups in
turn, and what they sum up can be added; so an analysis can be stopped, gone on with,
and spread over processes, and its results do not depend on batches, workers or
processes.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from mmengine.dist import get_rank, get_world_size
from torch.utils.data import DataLoader

from mim_secrets.analysis.adapters.protocol import Tokens
from mim_secrets.analysis.attention import Attention
from mim_secrets.analysis.capture import PARTS, Capture
from mim_secrets.analysis.measures.measure import IMAGES, MAPS, Group, Measure
from mim_secrets.analysis.pictures import Pictures
from mim_secrets.analysis.subject import Subject
from mim_secrets.analysis.tables import Table

Tables = dict[str, dict[str, Table]]
Arrays = dict[str, np.ndarray]
FINISHED = 'finished'
GROUP_SIZE = 32
GROUPS_BETWEEN_LOOKS = 4  # at the width of intervals, and between saved states


class Analysis:
    """Measures of some subjects on some pictures.

    Args:
        make_measures: Gives new measures of the subjects, the same each time.
        batch_size: Images that pass a model at once; at most a group.
        workers: Processes that read images.
        until_ci: Stop when the 95 % intervals of the tables that measures name as
            ``watched`` are within this share of the mean on either side.
        state: Folder in which the state is kept between runs.
        identity: What else, beside images and measures, makes this analysis another
            one than those whose state is in the same folder.
    """

    def __init__(
        self,
        subjects: dict[str, Subject],
        make_measures: Callable[[], list[Measure]],
        pictures: Pictures,
        *,
        group_size: int = GROUP_SIZE,
        batch_size: int = GROUP_SIZE,
        workers: int = 0,
        until_ci: float | None = None,
        state: Path | None = None,
        identity: str = '',
    ) -> None:
        self.subjects, self.pictures = subjects, pictures
        self.make_measures, self.measures = make_measures, make_measures()
        self.batch_size, self.workers, self.until_ci = batch_size, workers, until_ci
        starts = range(0, len(pictures), group_size)
        self.groups = [
            Group(number, np.arange(start, min(start + group_size, len(pictures))))
            for number, start in enumerate(starts)
        ]
        told = [identity, pictures.source, pictures.names[: len(pictures)], group_size]
        told += [measure.name for measure in self.measures]
        digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
        self._files = state and StateFiles(state, digest)
        self.images_seen = 0
        self._finished: set[int] = set()

    def run(self, progress: Callable[[int, int], None] = lambda done, total: None) -> Tables:
        """Look at the groups that were not looked at yet; all tables of all processes.

        Args:
            progress: Called with the number of images done and to be done.
        """
        before = self._take_over()
        waiting = [group for group in self.groups if group.number not in before]
        done = len(self.pictures) - sum(len(group.images) for group in waiting)
        together, rank = get_world_size(), get_rank()
        rounds = [waiting[start : start + together] for start in range(0, len(waiting), together)]
        mine = [groups[rank] for groups in rounds if rank < len(groups)]
        loaded = iter(self._loader(mine))
        progress(done, len(self.pictures))
        enough = bool(before) and self._enough()
        for number, groups in enumerate(rounds, start=1):
            if enough:
                break
            if rank < len(groups):
                self._look(groups[rank], next(loaded))
            done += sum(len(group.images) for group in groups)
            progress(done, len(self.pictures))
            if number % GROUPS_BETWEEN_LOOKS == 0 or number == len(rounds):
                self._save()
                enough = self._enough()
        self.images_seen = done
        return self._tables()

    def _take_over(self) -> set[int]:
        """Go on from what earlier runs left; the numbers of the groups that are done."""
        finished = [set()]
        if self._files and get_rank() == 0:
            finished[0], parts = self._files.read()
            self._finished |= finished[0]
            for arrays in parts:
                add_arrays(self.measures, arrays)
            if parts:
                self._save()
        if get_world_size() > 1:
            dist.broadcast_object_list(finished)
        return finished[0]

    def _loader(self, groups: list[Group]) -> DataLoader:
        chosen = [group.images.tolist() for group in groups]
        return DataLoader(self.pictures, batch_sampler=chosen, num_workers=self.workers)

    def _look(self, group: Group, pictures: dict[int, torch.Tensor]) -> None:
        for measure in self.measures:
            measure.begin_group(group)
        for name, subject in self.subjects.items():
            sized = pictures[subject.image_size]
            for start in range(0, len(sized), self.batch_size):
                images = subject.prepare(sized[start : start + self.batch_size])
                numbers = group.images[start : start + self.batch_size]
                look(name, subject, self.measures, images, numbers)
        for measure in self.measures:
            measure.end_group(group)
        self._finished.add(group.number)

    def _save(self) -> None:
        if self._files:
            self._files.write(self._finished, arrays_of(self.measures))

    def _enough(self) -> bool:
        if self.until_ci is None:
            return False
        watched = [name for measure in self.measures for name in measure.watched]
        return widest_interval(self._tables(watched_only=True), watched) <= self.until_ci

    def _tables(self, watched_only: bool = False) -> Tables:
        """Of what all processes have seen; on every process."""
        measures = self.measures
        if get_world_size() > 1:
            everyone: list[Arrays] = [{}] * get_world_size()
            dist.all_gather_object(everyone, arrays_of(measures))
            measures = self.make_measures()
            for arrays in everyone:
                add_arrays(measures, arrays)
        measures = [measure for measure in measures if measure.watched or not watched_only]
        return {name: table for measure in measures for name, table in measure.tables().items()}


def look(
    name: str,
    subject: Subject,
    measures: Sequence[Measure],
    images: torch.Tensor,
    numbers: np.ndarray,
) -> None:
    """Take a batch (B, 3, H, W), normalised, through a subject while measures look on."""

    def on_attention(layer: int, attention: Attention) -> None:
        for maps in attention.in_pieces():
            for measure in attentive:
                measure.see_maps(name, layer, maps)

    def on_tokens(layer: int, part: str, tokens: Tokens) -> None:
        for measure in measures:
            if part in measure.wants:
                measure.see_tokens(name, layer, part, tokens)

    attentive = [measure for measure in measures if MAPS in measure.wants]
    parts = tuple(part for part in PARTS if any(part in measure.wants for measure in measures))
    if attentive or parts:
        hook = on_attention if attentive else None
        with Capture(subject.adapter, subject.layers, hook, on_tokens, parts) as capture:
            capture.run(subject.forward, images)
    for measure in measures:
        if IMAGES in measure.wants:
            measure.see_images(name, images, numbers)


def widest_interval(tables: Tables, watched: Iterable[str]) -> float:
    """Half the widest interval of the tables that are watched, as a share of the mean.

    Where there is no mean, as of the divergence of a single head, there is no interval.
    """
    widths = [
        (table.values.high - table.values.low) / 2 / np.abs(table.values.mean)
        for name in watched
        for table in tables[name].values()
    ]
    return float(np.nanmax(np.concatenate(widths), initial=0.0))


def arrays_of(measures: Sequence[Measure]) -> Arrays:
    """The state of measures, to be stored or sent."""
    return {f'{m.name}:{key}': value for m in measures for key, value in m.state().items()}


def add_arrays(measures: Sequence[Measure], arrays: Arrays) -> None:
    """Count what ``arrays_of`` told elsewhere."""
    for measure in measures:
        prefix = f'{measure.name}:'
        measure.add_state(
            {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}
        )


class StateFiles:
    """What an analysis has summed up so far, a file for each process.

    Any number of processes can go on from them: the first takes over what there is,
    and a file whose groups are in another one by then no longer counts.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self.folder, self.digest = folder, digest

    def read(self) -> tuple[set[int], list[Arrays]]:
        """Numbers of the groups that are done, and the sums of parts of them."""
        finished: set[int] = set()
        parts = []
        for groups, arrays in sorted(self._files(), key=lambda file: -len(file[0])):
            if not finished & groups:
                finished |= groups
                parts.append(arrays)
        return finished, parts

    def _files(self) -> Iterator[tuple[set[int], Arrays]]:
        for path in self.folder.glob(f'{self.digest}-*.npz'):
            with np.load(path, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            yield set(arrays.pop(FINISHED).tolist()), arrays

    def write(self, finished: set[int], arrays: Arrays) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f'{self.digest}-{get_rank()}of{get_world_size()}.npz'
        unfinished = path.with_suffix('.part')
        with unfinished.open('wb') as file:
            np.savez(file, **arrays, **{FINISHED: np.array(sorted(finished), np.int64)})
        unfinished.replace(path)
