"""Pairs of frames of one thing: a template, and a frame in which to search for it."""

from functools import partial

import numpy as np
from mmengine.dataset import Compose
from mmengine.logging import MMLogger
from torch.utils.data import Dataset

from mim_secrets.registry import DATASETS

from .reading import SequenceReader
from .sequence import Sequence, SequenceError

_ATTEMPTS = 100


@DATASETS.register_module()
class TrackingPairs(Dataset):
    """So many pairs an epoch, drawn from several data sets by quota.

    A sample has ``sample_idx``, ``benchmark`` and ``draw``, with which ``LoadPair`` begins:
    it draws a sequence, two of its frames in which the thing is visible, and their boxes.
    Chance comes from NumPy's generator, so that ``SeedSample`` in front makes the pair depend
    on sample and epoch alone. Sequences and frames that cannot be used are told once and
    replaced, and ``SkippedImagesHook`` learns of them.

    Args:
        sources: Configs of readers, such as ``dict(type='mim_secrets.LaSOT', root=...)``; each
            may have a ``quota`` (1 if not given), its part of the pairs.
        pairs_per_epoch: How many pairs an epoch has.
        max_gap: Largest distance of the two frames, in frames.
        pipeline: Transforms; ``mim_secrets.LoadPair`` loads the frames.
    """

    def __init__(
        self,
        sources: list[dict],
        pairs_per_epoch: int,
        max_gap: int = 200,
        pipeline: list[dict] = (),
    ) -> None:
        if not sources:
            raise ValueError('TrackingPairs: no data are named; give one source or more.')
        if max_gap < 1:
            raise ValueError(f'TrackingPairs: max_gap is {max_gap}; it is a number from 1.')
        quotas = [float(source.get('quota', 1)) for source in sources]
        if min(quotas) <= 0:
            raise ValueError(f'TrackingPairs: the quotas {quotas} must all be above 0.')
        self.readers: list[SequenceReader] = [_build(source) for source in sources]
        self.max_gap = max_gap
        self.ends = quota_ends(quotas, pairs_per_epoch)
        self.pipeline = Compose(pipeline)
        self._told: set[str] = set()

    @property
    def metainfo(self) -> dict:
        return dict(benchmarks=[reader.benchmark for reader in self.readers])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int) -> dict:
        index %= len(self)
        reader = self.readers[int(np.searchsorted(self.ends, index, side='right'))]
        skipped = []
        for attempt in range(_ATTEMPTS):
            draw = partial(draw_pair, reader, self.max_gap, attempt)
            try:
                sample = self.pipeline(
                    dict(sample_idx=index, benchmark=reader.benchmark, draw=draw)
                )
            except SequenceError as error:
                where, _, why = str(error).partition(': ')
                skipped.append((where, why))
                self._tell(str(error))
                continue
            if skipped and 'data_samples' in sample:
                # a worker cannot count for all workers: the main process gets word
                sample['data_samples'].set_metainfo(dict(skipped=skipped))
            return sample
        raise SequenceError(
            f'TrackingPairs: of {_ATTEMPTS} pairs of {reader.benchmark} drawn at random none can '
            f'be used; the first is {": ".join(skipped[0])}'
        )

    def _tell(self, reason: str) -> None:
        if reason not in self._told:
            self._told.add(reason)
            MMLogger.get_current_instance().warning(f'Skipped a pair. {reason}')


def quota_ends(quotas: list[float], pairs: int) -> np.ndarray:
    """Where the part of each source ends, when ``pairs`` are shared out by quota."""
    shares = np.cumsum(quotas) / np.sum(quotas)
    return np.rint(shares * pairs).astype(np.int64)


def draw_pair(reader: SequenceReader, max_gap: int, attempt: int) -> dict:
    """Paths and boxes of a template and a search frame of any sequence.

    ``attempt`` makes the next draw another one where the generator was seeded again.
    """
    rng = np.random.default_rng([np.random.randint(2**31), attempt])
    sequence = reader[int(rng.integers(len(reader)))]
    template, search = draw_frames(sequence, max_gap, rng)
    return dict(
        sequence=sequence.name,
        template_path=sequence.frames[template],
        template_box=sequence.boxes[template],
        search_path=sequence.frames[search],
        search_box=sequence.boxes[search],
    )


def draw_frames(sequence: Sequence, max_gap: int, rng: np.random.Generator) -> tuple[int, int]:
    """Two frames in which the thing is visible, at most ``max_gap`` apart; the second may come
    before the first, and is the first where no other is near enough."""
    visible = np.flatnonzero(sequence.visible)
    if not len(visible):
        raise SequenceError(
            f'{sequence.benchmark} {sequence.name}: there is no frame in which the thing is '
            'visible and its box has an area.'
        )
    first = int(rng.choice(visible))
    near = visible[(np.abs(visible - first) <= max_gap) & (visible != first)]
    return first, int(rng.choice(near)) if len(near) else first


def _build(source: dict) -> SequenceReader:
    return DATASETS.build({key: value for key, value in source.items() if key != 'quota'})
