"""Where windows lie on an image that is predicted in parts, and their average."""

from collections.abc import Callable
from math import ceil

import torch

Box = tuple[slice, slice]  # rows and columns
Predict = Callable[[torch.Tensor], torch.Tensor]


def sliding_boxes(
    size: tuple[int, int], window: tuple[int, int], stride: tuple[int, int]
) -> list[Box]:
    """Windows at multiples of the stride; the last of a row or column ends at the edge."""
    rows, columns = (_slices(*axis) for axis in zip(size, window, stride, strict=True))
    return [(row, column) for row in rows for column in columns]


def _slices(length: int, window: int, stride: int) -> list[slice]:
    last = max(length - window, 0)
    starts = [*range(0, last, stride), last]
    return [slice(start, min(start + window, length)) for start in starts]


def shifted_boxes(size: tuple[int, int], count: int, reference_compat: bool = False) -> list[Box]:
    """``count`` squares as large as the shorter side, along the longer one.

    They are spread evenly from edge to edge, in whole pixels; where so few could not
    cover the image, there are as many as can.

    Args:
        size: Height and width.
        count: At least 1.
        reference_compat: Round the step down, as the code of Dark Secrets does, so that
            up to ``count - 2`` pixels at the far edge may lie in no square.
    """
    short, long = sorted(size)
    starts = _reference_starts if reference_compat else _even_starts
    slices = [slice(start, start + short) for start in starts(long - short, short, count)]
    across = slice(0, short)
    landscape = size[1] >= size[0]
    return [(across, along) if landscape else (along, across) for along in slices]


def _even_starts(room: int, window: int, count: int) -> list[int]:
    steps = max(count - 1, ceil(room / window), 1)
    return sorted({round(step * room / steps) for step in range(steps + 1)})


def _reference_starts(room: int, window: int, count: int) -> list[int]:
    step = room // max(count - 1, 1)
    return [index * step for index in range(count)]


def average(predict: Predict, images: torch.Tensor, boxes: list[Box]) -> torch.Tensor:
    """Predict every window of images (B, C, H, W), and average where they overlap.

    Returns:
        (B, 1, H, W), not a number where no window lies.
    """
    total = images.new_zeros(len(images), 1, *images.shape[-2:], dtype=torch.float32)
    coverage = torch.zeros_like(total[:1])
    for rows, columns in boxes:
        total[..., rows, columns] += predict(images[..., rows, columns])
        coverage[..., rows, columns] += 1
    return total / coverage


def flipped_too(predict: Predict) -> Predict:
    """``predict``, averaged with what it says of the mirror image."""

    def both(images: torch.Tensor) -> torch.Tensor:
        return (predict(images) + predict(images.flip(-1)).flip(-1)) / 2

    return both
