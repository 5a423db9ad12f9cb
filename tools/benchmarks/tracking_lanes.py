"""What the benchmark of trackers compares: the encoder alone, the tracker, and its parts."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from mmengine.registry import MODELS, DefaultScope
from step_measures import seconds_of
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mim_secrets.apis.inferencers.loading import ConfigLike, read_config
from mim_secrets.models.tracking import OneStreamTracker, Tracker

ENCODER, AGAIN, TRACKER = 'encoder', 'encoder again', 'tracker'
CROP, INSIDE, FUSION, HEAD, BACK = 'crop', 'encoder in it', 'fusion', 'head', 'box and back'
FRAME, BOX = (720, 1280), np.array([600.0, 300.0, 80.0, 60.0])


@dataclass
class Lane:
    """One variant; what each round of it took."""

    work: Callable[[], object]
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    gflop: float = 0.0


class AtWork:
    """A tracker in the middle of a video: the same frame and the same box every time.

    Args:
        config: Of a tracker; its weights are random.
        device: Where it runs.
    """

    def __init__(self, config: ConfigLike, device: torch.device) -> None:
        cfg = read_config(config)
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mim_secrets'):
            self.model: Tracker = MODELS.build(cfg.model).to(device).eval()
        self.device = device
        frame = np.random.default_rng(0).integers(0, 256, (*FRAME, 3), np.uint8)
        self.frames = [frame]
        self.states = self.model.start(self.frames, [BOX])
        sizes = self.model.template_size, self.model.search_size
        self.pair = [torch.randn(1, 3, size, size, device=device) for size in sizes]

    def track(self) -> object:
        return self.model.track(self.frames, self.states)

    @torch.no_grad()
    def encode(self) -> object:
        """What a tracker cannot do without: the template again in one stream, and in two
        streams only the search window."""
        template, search = self.pair
        if isinstance(self.model, OneStreamTracker):
            return self.model.backbone.forward_pair(template, search)
        return self.model.backbone(search)

    def methods(self) -> dict[str, list[tuple[object, str]]]:
        """Part of ``track`` -> objects and which of their methods make it up."""
        model = self.model
        parts = {CROP: [(model, '_cut')], HEAD: [(model.head, 'forward')]}
        if isinstance(model, OneStreamTracker):
            encoder = (model.backbone, 'forward_pair')
            if model.elimination is not None:
                encoder = (model.elimination, 'forward')
            return {**parts, INSIDE: [encoder]}
        fusion = [(model.fusion, 'search_tokens'), (model.fusion, 'forward')]
        return {**parts, INSIDE: [(model.backbone, 'forward')], FUSION: fusion}

    def apart(self, clock: Callable[[], float]) -> dict[str, float]:
        """By how much a clock goes on in each part of ``track``."""
        spent = dict.fromkeys([CROP, INSIDE, FUSION, HEAD], 0.0)
        begin = clock()
        with ExitStack() as stack:
            for part, methods in self.methods().items():
                for owner, name in methods:
                    stack.enter_context(_clocked(owner, name, part, clock, spent))
            self.track()
        spent[BACK] = clock() - begin - sum(spent.values())
        return spent


@contextmanager
def _clocked(
    owner: object, name: str, part: str, clock: Callable[[], float], spent: dict[str, float]
) -> Iterator[None]:
    """Add what a method takes to ``spent``, for as long as this lasts."""
    method = getattr(owner, name)

    def clocked(*args: object, **kwargs: object) -> object:
        begin = clock()
        result = method(*args, **kwargs)
        spent[part] += clock() - begin
        return result

    setattr(owner, name, clocked)
    try:
        yield
    finally:
        delattr(owner, name)


class Lanes:
    """All variants of one tracker, in turns.

    Args:
        tracked: The tracker.
        frames: So many frames make a round of a variant.
    """

    def __init__(self, tracked: AtWork, frames: int) -> None:
        self.tracked, self.frames = tracked, frames
        self.wholes = {
            ENCODER: Lane(tracked.encode),
            AGAIN: Lane(tracked.encode),
            TRACKER: Lane(tracked.track),
        }
        self.parts = {part: Lane(tracked.track) for part in (CROP, INSIDE, FUSION, HEAD, BACK)}
        self._count()

    @property
    def names(self) -> list[str]:
        """Whose turn it can be; the parts of a tracker have one together."""
        return [*self.wholes, 'parts']

    def turn(self, name: str) -> None:
        """Time some frames, and keep what one took on average."""
        if name == 'parts':
            self._take_apart()
            return
        lane, device = self.wholes[name], self.tracked.device
        processor = time.process_time()
        seconds = seconds_of(lambda: [lane.work() for _ in range(self.frames)], device)
        lane.seconds.append(seconds / self.frames)
        lane.processor.append((time.process_time() - processor) / self.frames)

    def forget(self) -> None:
        """What was timed until now, to warm up."""
        for lane in (*self.wholes.values(), *self.parts.values()):
            lane.seconds.clear()
            lane.processor.clear()

    def _take_apart(self) -> None:
        device = self.tracked.device
        wait = torch.cuda.synchronize if device.type == 'cuda' else lambda: None

        def clock() -> float:
            wait()
            return time.perf_counter()

        for kept, told in (('seconds', clock), ('processor', time.process_time)):
            passes = [self.tracked.apart(told) for _ in range(self.frames)]
            for part, lane in self.parts.items():
                mean = sum(spent[part] for spent in passes) / self.frames
                getattr(lane, kept).append(mean)

    def _count(self) -> None:
        """Matrix arithmetic, which no other program on the machine changes."""
        counter = FlopCounterMode(display=False)
        # attention written out: fused kernels are not counted everywhere
        with sdpa_kernel(SDPBackend.MATH), counter:
            for lane in self.wholes.values():
                before = counter.get_total_flops()
                lane.work()
                lane.gflop = (counter.get_total_flops() - before) / 1e9
            for part, flops in self.tracked.apart(counter.get_total_flops).items():
                self.parts[part].gflop = flops / 1e9
