"""Masks to the two ways in which COCO writes them: polygons and run lengths.

Coordinates are continuous: pixel i covers [i, i + 1), so that a polygon runs along the
borders of pixels and encloses exactly those of the mask.
"""

import numpy as np

# Unit steps to the right, down, left and up as (row, column), each 90 degrees clockwise
# of the one before.
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def segmentation(mask: np.ndarray) -> list | dict:
    """A mask (H, W) bool as COCO has it: polygons, or run lengths where it has holes.

    A polygon of COCO cannot leave out a part of its inside.
    """
    loops = _loops(mask)
    if any(_signed_area(loop) < 0 for loop in loops):
        return run_lengths(mask)
    return [[value for row, column in loop for value in (column, row)] for loop in loops]


def run_lengths(mask: np.ndarray) -> dict:
    """Lengths of the runs of a mask (H, W), column by column, the first one outside of it."""
    flat = np.concatenate([[False], mask.ravel(order='F'), [False]])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    ends = np.append(changes[changes < mask.size], mask.size)
    return {'size': list(mask.shape), 'counts': np.diff(ends, prepend=0).tolist()}


def _loops(mask: np.ndarray) -> list[list[tuple[int, int]]]:
    """Corners (row, column) along each border of a mask, which lies to the right of the
    way: holes are walked round counter-clockwise."""
    starts = _border_steps(mask)
    loops = []
    while starts:
        first = place = next(iter(starts))
        heading, corners = None, []
        while True:
            # Of two ways on, where two pixels touch by a corner only, take the right turn
            # and stay with the pixel at hand.
            ways = starts[place]
            way = ways[0] if heading is None else _sharpest_right(ways, heading)
            ways.remove(way)
            if not ways:
                del starts[place]
            if way != heading:
                corners.append(place)
            heading = way
            place = (place[0] + _STEPS[way][0], place[1] + _STEPS[way][1])
            if place == first:
                break
        loops.append(corners)
    return loops


def _border_steps(mask: np.ndarray) -> dict[tuple[int, int], list[int]]:
    """For each grid corner the headings of the unit steps that leave it along a border."""
    padded = np.pad(mask, 1)
    here = padded[1:-1, 1:-1]
    borders = (
        (here & ~padded[:-2, 1:-1], 0, 0),  # the upper side, to the right
        (here & ~padded[1:-1, 2:], 0, 1),  # the right side, down
        (here & ~padded[2:, 1:-1], 1, 1),  # the lower side, to the left
        (here & ~padded[1:-1, :-2], 1, 0),  # the left side, up
    )
    steps: dict[tuple[int, int], list[int]] = {}
    for heading, (side, down, right) in enumerate(borders):
        for row, column in np.argwhere(side).tolist():
            steps.setdefault((row + down, column + right), []).append(heading)
    return steps


def _sharpest_right(ways: list[int], heading: int) -> int:
    return min(ways, key=lambda way: (heading + 1 - way) % 4)


def _signed_area(loop: list[tuple[int, int]]) -> int:
    """Twice the enclosed area, positive when walked clockwise in the image."""
    shifted = loop[1:] + loop[:1]
    return sum(x0 * y1 - x1 * y0 for (y0, x0), (y1, x1) in zip(loop, shifted))
