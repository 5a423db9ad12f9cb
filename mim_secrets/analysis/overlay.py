"""What a head looks at: one row of attention, painted over the picture.

A row is what one patch, the query, attends to. The rows of many heads and of several
layers make one sheet.
"""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
import torch
from PIL import Image

from mim_secrets.analysis.adapters.protocol import Layer, Size, grid_of
from mim_secrets.analysis.attention import Attention, Maps
from mim_secrets.analysis.capture import Capture
from mim_secrets.analysis.pictures import Pictures
from mim_secrets.analysis.sheet import Panel, draw_sheet
from mim_secrets.analysis.subject import Subject

# The middle of a picture, where its subject often is, and what is above.
QUERIES = ((0.5, 0.5), (0.2, 0.5))
MOST_HEADS = 12
COLOURS = 'viridis'
PAINT = 0.8  # share of the colour where a query can look
DARK = 0.3  # of its brightness is left of what a query cannot see
PANEL = 132  # pixels of a panel's width
LEGEND = (
    'The white frame is around the patch that asks. Colours give the probability relative '
    'to the highest in the row of attention of that patch; the highest is written beneath.'
)
WINDOW = (
    ' Where it looks into a window only, the surroundings of the window are shown, framed in '
    'the picture on the left; what is grey and dark lies outside of the window.'
)
SURROUNDINGS = 1.5  # sides of a window


class Row(NamedTuple):
    """What one query attends to, on the grid of patches.

    Attributes:
        patch: Row and column of the query.
        values: (heads, h, w) probabilities, NaN where it cannot look.
    """

    patch: Size
    values: np.ndarray


class View(NamedTuple):
    """A part of the picture as a panel shows it.

    Attributes:
        top: First row, in input pixels.
        left: First column, in input pixels.
        scale: Pixels of the panel per input pixel.
        size: Rows and columns of the panel.
    """

    top: float
    left: float
    scale: float
    size: Size

    def patches(self, stride: int) -> tuple[np.ndarray, np.ndarray]:
        """Row and column, (h, 1) and (1, w), of the patch that each pixel shows."""
        down, across = (
            np.int64((start + (np.arange(length) + 0.5) / self.scale) / stride)
            for start, length in zip(self[:2], self.size)
        )
        return down[:, None], across[None]

    def box(self, top: float, left: float, height: float, width: float) -> tuple[slice, slice]:
        """Where a rectangle of input pixels lies in the panel, cut off at its edges."""
        edges = ((top - self.top, height), (left - self.left, width))
        return tuple(
            slice(max(round(start * self.scale), 0), max(round((start + length) * self.scale), 0))
            for start, length in edges
        )

    def patch_box(self, patch: Size, stride: int) -> tuple[slice, slice]:
        return self.box(patch[0] * stride, patch[1] * stride, stride, stride)


def overlay_pictures(
    subjects: dict[str, Subject],
    pictures: Pictures,
    queries: Sequence[tuple[float, float]] = QUERIES,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
) -> dict[str, np.ndarray]:
    """Title -> a sheet for each subject, of the first picture; see ``attention_sheet``."""
    first = pictures[0]
    return {
        f'{name}: what heads look at': attention_sheet(
            subject, first[subject.image_size].permute(1, 2, 0).numpy(), queries, layers, heads
        )
        for name, subject in subjects.items()
    }


def attention_sheet(
    subject: Subject,
    picture: np.ndarray,
    queries: Sequence[tuple[float, float]],
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
) -> np.ndarray:
    """Rows of a sheet are layers, once for each query; columns are heads.

    Args:
        picture: uint8 RGB (H, W, 3), of the size that the subject is given.
        queries: Row and column as shares of the picture; the patch that lies nearest
            asks.
        layers: Their numbers; by default the first, a middle and the last one.
        heads: Their numbers, at most 12; by default the first ones. A layer without
            such a head has a gap there.

    Returns:
        uint8 RGB (height, width, 3).
    """
    depth = len(subject.layers)
    layers = sorted({0, (depth - 1) // 2, depth - 1}) if layers is None else list(layers)
    if not all(0 <= number < depth for number in layers):
        raise ValueError(
            f'Layers {layers} of {subject.name} are asked for, but it has layers 0 to '
            f'{depth - 1}; choose among those.'
        )
    most = max(subject.layers[number].heads for number in layers)
    heads = list(range(min(most, MOST_HEADS))) if heads is None else list(heads)
    if len(heads) > MOST_HEADS or not all(0 <= head < most for head in heads):
        raise ValueError(
            f'Heads {heads} of {subject.name} are asked for, but a sheet has room for '
            f'{MOST_HEADS} and these layers have heads 0 to {most - 1}; choose among those.'
        )
    spots = [tuple(share * side for share, side in zip(query, picture.shape)) for query in queries]
    found = _rows(subject, picture, spots, [subject.layers[number] for number in layers])
    labels, panels = [], []
    for query, rows in enumerate(zip(*found), 1):
        for number, row in zip(layers, rows):
            labels.append(_label(subject, number, query if len(queries) > 1 else None))
            panels.append(_panels(picture, row, heads, subject.layers[number].stride))
    title = f'{subject.name}: what heads look at'
    columns = ['picture', *(f'head {head}' for head in heads)]
    hidden = any(np.isnan(row.values).any() for rows in found for row in rows)
    legend = LEGEND + (WINDOW if hidden else '')
    return draw_sheet(title, columns, labels, panels, legend, COLOURS, together=len(layers))


def row_of(maps: Maps, spot: tuple[float, float], grid: Size, stride: int) -> Row:
    """The row of the patch that lies nearest to a spot, of the first image.

    Args:
        spot: Row and column in input pixels.
        grid: (h, w) patches of the layer.
        stride: Pixels per patch.
    """
    places = maps.places
    away = (places.centres - places.centres.new_tensor(spot)).square().sum(dim=-1)
    number = int(away.masked_fill(~places.patch, torch.inf).argmin())
    window, query = divmod(number, places.patch.shape[1])
    seen = places.patch[window]
    if places.apart is not None:
        seen = seen & ~places.apart[window, query]
    rows, columns = (places.centres[window] / stride).long().cpu().T
    probabilities, seen = maps.probabilities[0, window, :, query].cpu(), seen.cpu()
    values = torch.full((len(probabilities), *grid), torch.nan)
    values[:, rows[seen], columns[seen]] = probabilities[:, seen]
    return Row((int(rows[query]), int(columns[query])), values.numpy())


def paint(picture: np.ndarray, row: Row, head: int, stride: int, view: View) -> np.ndarray:
    """A head's row over a picture, with a frame around the query's patch.

    The highest of the values has the brightest colour, 0 the darkest; where there are
    none, the picture is grey and dark.

    Args:
        picture: uint8 RGB (h, w, 3), that which is in view; it lends its brightness.
        stride: Input pixels per patch.
    """
    values = row.values[head]
    shares = (values / max(np.nanmax(values), np.finfo(np.float32).tiny))[view.patches(stride)]
    colours = matplotlib.colormaps[COLOURS](np.nan_to_num(shares))[..., :3] * 255
    grey = picture.mean(axis=2, keepdims=True)
    painted = PAINT * colours + (1 - PAINT) * grey
    painted = np.where(np.isnan(shares)[..., None], DARK * grey, painted)
    return frame(painted.round().astype(np.uint8), view.patch_box(row.patch, stride))


def frame(picture: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
    """A picture with a white line, edged with black, just around a box."""
    framed = picture.copy()
    for colour, width in ((0, 4), (255, 3), (0, 1)):
        framed[tuple(slice(max(s.start - width, 0), s.stop + width) for s in box)] = colour
    framed[box] = picture[box]
    return framed


def surroundings(row: Row, stride: int, size: Size) -> View:
    """Where the query can look and a little more, of a picture of that size."""
    seen = ~np.isnan(row.values[0])
    ends = [np.flatnonzero(seen.any(axis=axis))[[0, -1]] + (0, 1) for axis in (1, 0)]
    # of the same shape as the picture
    share = min(max(np.ptp(e) * stride / side for e, side in zip(ends, size)) * SURROUNDINGS, 1)
    top, left = (
        np.clip(e.mean() * stride - side * share / 2, 0, side * (1 - share))
        for e, side in zip(ends, size)
    )
    return View(top, left, PANEL / (size[1] * share), _panel_size(size))


def _panel_size(size: Size) -> Size:
    return round(size[0] * PANEL / size[1]), PANEL


def _rows(
    subject: Subject, picture: np.ndarray, spots: list[tuple[float, float]], layers: list[Layer]
) -> list[list[Row]]:
    """For each layer the rows of all queries."""
    size = picture.shape[:2]
    rows: list[list[Row]] = [[] for _ in layers]

    def on_attention(number: int, attention: Attention) -> None:
        maps, layer = attention.maps(slice(0, 1)), layers[number]
        grid = grid_of(size, layer.stride)
        rows[number] = [row_of(maps, spot, grid, layer.stride) for spot in spots]

    images = subject.prepare(torch.from_numpy(picture.copy()).permute(2, 0, 1)[None])
    with Capture(subject.adapter, layers, on_attention) as capture:
        capture.run(subject.forward, images)
    return rows


def _panels(picture: np.ndarray, row: Row, heads: list[int], stride: int) -> list[Panel | None]:
    """The picture with its query, and what each head makes of it."""
    height, width = size = picture.shape[:2]
    whole, near = View(0, 0, PANEL / width, _panel_size(size)), surroundings(row, stride, size)
    share = whole.scale / near.scale
    # rounding may lead out of the picture
    right, bottom = min(near.left + width * share, width), min(near.top + height * share, height)
    part = (near.left, near.top, right, bottom)
    original = Image.fromarray(picture)
    whole_picture, near_picture = (
        np.asarray(original.resize(whole.size[::-1], Image.Resampling.LANCZOS, box=box))
        for box in ((0, 0, width, height), part)
    )
    marked = frame(whole_picture, whole.patch_box(row.patch, stride))
    if share < 1:
        marked = frame(marked, whole.box(near.top, near.left, height * share, width * share))
    panels = [Panel(marked, '')]
    for head in heads:
        if head < len(row.values):
            painted = paint(near_picture, row, head, stride, near)
            panels.append(Panel(painted, f'{np.nanmax(row.values[head]):.1%}'))
        else:
            panels.append(None)
    return panels


def _label(subject: Subject, number: int, query: int | None) -> str:
    lines = [] if query is None else [f'patch {query}']
    lines.append(f'layer {number}')
    if subject.layers[-1].stage:
        lines.append(f'stage {subject.layers[number].stage}')
    return '\n'.join(lines)
