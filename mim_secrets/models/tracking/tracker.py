"""What all trackers do: learn from pairs, and follow a thing from frame to frame.

A tracker looks for what a template shows in a window around where the thing was last.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement

from mim_secrets.datasets.tracking.cropping import (
    clip_to_frame,
    cut,
    to_frame,
    why_no_template,
    window_around,
)
from mim_secrets.registry import MODELS

from .preprocessor import PairPreprocessor


class Maps(NamedTuple):
    """What a head says of search windows, for each cell of its map."""

    score: torch.Tensor  # (B, H, W), 0 to 1: is the thing here?
    boxes: torch.Tensor  # (B, H, W, 4), x, y, width, height in shares of the window
    raw: Any = None  # what the head's loss needs beside them


@dataclass(frozen=True)
class State:
    """What a tracker remembers of a sequence."""

    template: torch.Tensor  # a row of what ``encode_template`` gave
    box: np.ndarray  # (4,), in the frame seen last
    frames: int = 1  # seen so far


class Tracker(BaseModel, ABC):
    """A tracker of single things; its parts decide how template and window meet.

    ::

        states = tracker.start(frames, boxes)  # lists: one entry for each sequence
        results = tracker.track(next_frames, states)  # box, score and state of each

    Args:
        backbone: Config of the encoder.
        head: Config of the head, which makes ``Maps`` of features, and whose
            ``loss(maps, gt_boxes)`` has boxes (B, 4) in shares of the search window.
        template_size: Pixels of the template's side.
        search_size: Pixels of the search window's side.
        template_factor: Side of the template over the root of the box's area.
        search_factor: As for the template.
        window_penalty: How much less a cell at the border of the search window counts
            than one in its middle when a thing is followed, 0 to 1: scores are
            multiplied by 1 - p + p * Hann.
        least_side: Boxes in frames are at least so many pixels wide and high.
        template_update: ``dict(every=n, above=s)`` takes the box found in each n-th
            frame as the template from then on, where its score is above s; the
            first template stays if it is ``None``.
        data_preprocessor: Normalises pairs, and frames that are tracked.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        template_size: int = 128,
        search_size: int = 256,
        template_factor: float = 2.0,
        search_factor: float = 4.0,
        window_penalty: float = 1.0,
        least_side: float = 10.0,
        template_update: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor or dict(type=PairPreprocessor), init_cfg)
        name = type(self).__name__
        if not 0 <= window_penalty <= 1:
            raise ValueError(f'{name}: window_penalty is {window_penalty}; it is from 0 to 1.')
        if template_update is not None and (
            set(template_update) != {'every', 'above'} or template_update['every'] < 1
        ):
            raise ValueError(
                f'{name}: template_update is {template_update}; give dict(every=FRAMES, '
                'above=SCORE) with 1 frame or more, or None.'
            )
        self.backbone = MODELS.build(backbone)
        self.head = MODELS.build(head)
        self.template_size, self.search_size = template_size, search_size
        self.template_factor, self.search_factor = template_factor, search_factor
        self.window_penalty = window_penalty
        self.least_side = least_side
        self.template_update = template_update

    @abstractmethod
    def encode_template(self, images: torch.Tensor) -> torch.Tensor:
        """What is kept of templates (B, 3, h, w): a tensor with B rows."""

    @abstractmethod
    def search(self, template: torch.Tensor, images: torch.Tensor) -> Maps:
        """Look for what was kept of templates in windows (B, 3, H, W)."""

    def forward(
        self,
        inputs: dict[str, torch.Tensor],
        data_samples: list[BaseDataElement] | None = None,
        mode: str = 'tensor',
    ) -> Maps | dict[str, torch.Tensor] | list[BaseDataElement]:
        """Pairs, as ``PairPreprocessor`` hands them on.

        Args:
            inputs: ``template`` (B, 3, h, w) and ``search`` (B, 3, H, W).
            data_samples: With ``gt_box`` (4,), for the loss.
            mode: ``tensor`` for ``Maps``; ``loss``; or ``predict`` for data samples with
                ``pred_box`` (4,), in shares of the window, and ``pred_score``.
        """
        self._check_pair(inputs)
        maps = self.search(self.encode_template(inputs['template']), inputs['search'])
        if mode == 'tensor':
            return maps
        if mode == 'loss':
            boxes = torch.stack([sample.gt_box for sample in data_samples])
            return self.head.loss(maps, boxes.to(maps.boxes.device))
        if mode == 'predict':
            found = zip(*best_cells(maps.score, maps.boxes), strict=True)
            samples = data_samples or [BaseDataElement() for _ in maps.score]
            for sample, (box, score) in zip(samples, found, strict=True):
                sample.pred_box, sample.pred_score = box, score
            return samples
        raise ValueError(f'{type(self).__name__}: mode is {mode!r}, not tensor, loss or predict.')

    @torch.no_grad()
    def start(self, frames: list[np.ndarray], boxes: list[np.ndarray]) -> list[State]:
        """Begin sequences, each with a box in its first frame.

        Args:
            frames: (H, W, 3), uint8, BGR, each of any size.
            boxes: (4,), x, y, width, height in pixels.
        """
        boxes = [np.asarray(box, dtype=np.float64).reshape(4) for box in boxes]
        for frame, box in zip(frames, boxes, strict=True):
            check_first_box(box, frame)
        return [
            State(template, box) for template, box in zip(self._templates(frames, boxes), boxes)
        ]

    @torch.no_grad()
    def track(
        self, frames: list[np.ndarray], states: list[State]
    ) -> list[tuple[np.ndarray, float, State]]:
        """Find each sequence's thing in its next frame, all in one forward pass.

        Returns:
            For each its box (4,) in pixels, its score and what to hand on to the next frame.
        """
        windows = [window_around(state.box, self.search_factor) for state in states]
        images = self._cut(frames, windows, self.search_size)
        maps = self.search(torch.stack([state.template for state in states]), images)
        boxes, scores = best_cells(maps.score, maps.boxes, self.preferred(maps.score))
        # everything at once: each copy from the device waits for it
        found = torch.cat([boxes, scores[:, None]], dim=1).double().cpu().numpy()
        boxes = [
            clip_to_frame(to_frame(row[:4], window), *frame.shape[:2], margin=self.least_side)
            for row, window, frame in zip(found, windows, frames, strict=True)
        ]
        templates = [state.template for state in states]
        update = self.template_update
        if update is not None:
            due = [
                index
                for index, state in enumerate(states)
                if state.frames % update['every'] == 0 and found[index, 4] > update['above']
            ]
            if due:
                new = self._templates([frames[i] for i in due], [boxes[i] for i in due])
                for index, template in zip(due, new, strict=True):
                    templates[index] = template
        return [
            (box, float(row[4]), State(template, box, state.frames + 1))
            for box, row, template, state in zip(boxes, found, templates, states, strict=True)
        ]

    def preferred(self, score: torch.Tensor) -> torch.Tensor:
        """Scores (B, H, W) of a thing that is followed, less where it can hardly have gone."""
        return score * (1 - self.window_penalty + self.window_penalty * hann(score))

    def _templates(self, frames: list[np.ndarray], boxes: list[np.ndarray]) -> torch.Tensor:
        windows = [window_around(box, self.template_factor) for box in boxes]
        return self.encode_template(self._cut(frames, windows, self.template_size))

    def _cut(self, frames: list[np.ndarray], windows: list, size: int) -> torch.Tensor:
        """Normalised pictures (B, 3, size, size)."""
        cuts = [cut(frame, window, size) for frame, window in zip(frames, windows, strict=True)]
        images = torch.from_numpy(np.stack(cuts)).permute(0, 3, 1, 2)
        return self.data_preprocessor.normalise(images)

    def _check_pair(self, inputs: dict[str, torch.Tensor]) -> None:
        for key in ('template', 'search'):
            size, shape = getattr(self, f'{key}_size'), tuple(inputs[key].shape[-2:])
            if shape != (size, size):
                raise ValueError(
                    f'{type(self).__name__}: the {key} has {shape[0]} x {shape[1]} pixels, but '
                    f'{key}_size is {size}; give CropPair and the model the same {key}_size.'
                )


def hann(score: torch.Tensor) -> torch.Tensor:
    """(H, W), highest in the middle of a map, and above 0 everywhere."""
    rows, columns = (
        torch.hann_window(side + 2, periodic=False, dtype=score.dtype, device=score.device)[1:-1]
        for side in score.shape[-2:]
    )
    return rows[:, None] * columns


def best_cells(
    score: torch.Tensor, boxes: torch.Tensor, preferred: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The boxes (B, 4) and scores (B,) of the cells that ``preferred``, or else the score
    (B, H, W), is highest in."""
    best = (score if preferred is None else preferred).flatten(1).argmax(dim=1)
    batch = torch.arange(len(score), device=score.device)
    return boxes.flatten(1, 2)[batch, best], score.flatten(1)[batch, best]


def check_first_box(box: np.ndarray, frame: np.ndarray) -> None:
    """Refuse what no template can be cut from."""
    if trouble := why_no_template(box, frame.shape):
        raise ValueError(f'The first box, {trouble}; give x, y, width and height in pixels.')
