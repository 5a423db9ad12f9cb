"""Draw a contact sheet of the embedded world: a few scenes with all labels, and a clip.

    python tools/visualization/contact_sheet.py --out docs/en/_static/playground.png

Rows of the upper part: picture, instance masks, semantic map, depth, boxes with key
points (filled: seen, hollow: hidden). Below: a clip with the track of somebody walking.
Colours are those of Okabe and Ito and of cividis, which colour-blind readers tell apart.
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use('Agg')
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle

from mim_secrets.datasets.playground import (
    KEYPOINTS,
    SEMANTIC_CLASSES,
    Rendering,
    Style,
    render,
    render_clip,
    sample_clip,
    sample_scene,
)

_SCENES = (365, 7, 119, 148, 66, 14)
# A clip, and the thing in it that is followed: somebody who walks towards the camera.
_CLIP, _FOLLOWED = 14, 1
_CLIP_FRAMES, _CLIP_STEP = 31, 6
_SIZE = 192
_OKABE_ITO = (
    '#e69f00',
    '#56b4e9',
    '#009e73',
    '#f0e442',
    '#0072b2',
    '#d55e00',
    '#cc79a7',
)
# Twelve classes need more than seven hues: lighter and darker ones of the same family.
_SEMANTIC = ('#dfe8ee', '#8c8c8c', '#e69f00', '#56b4e9', '#009e73', '#f0e442', '#0072b2',
             '#d55e00', '#cc79a7', '#5b3a00', '#9be0c8', '#1b1b4b')  # fmt: skip
_BONES = (
    ('left_shoulder', 'right_shoulder'), ('left_hip', 'right_hip'),
    *((f'{side}_{a}', f'{side}_{b}') for side in ('left', 'right') for a, b in (
        ('shoulder', 'elbow'), ('elbow', 'wrist'), ('shoulder', 'hip'), ('hip', 'knee'),
        ('knee', 'ankle'))),
)  # fmt: skip
_COLUMNS = ('image', 'instances', 'semantic map', 'depth', 'boxes and key points')


def _instance_map(rendering: Rendering) -> np.ndarray:
    picture = np.full((*rendering.semantic.shape, 3), 0.93)
    for i, mask in enumerate(rendering.masks):
        picture[mask] = to_rgb(_OKABE_ITO[i % len(_OKABE_ITO)])
    return picture


def _draw_boxes(axes: Axes, rendering: Rendering) -> None:
    grey = rendering.image.mean(axis=2, keepdims=True).repeat(3, axis=2)
    axes.imshow((0.6 * grey + 100).astype(np.uint8), extent=_extent(rendering))
    for i, (x0, y0, x1, y1) in enumerate(rendering.boxes):
        if x1 > x0:
            _draw_box(axes, (x0, y0, x1, y1), _OKABE_ITO[i % len(_OKABE_ITO)])
    for keypoints, figure in zip(rendering.keypoints, rendering.figures):
        small = rendering.boxes[figure, 3] - rendering.boxes[figure, 1] < 0.3 * _SIZE
        _draw_figure(axes, keypoints, dot=2.5 if small else 9.0)


def _draw_box(axes: Axes, box: tuple[float, float, float, float], colour: str) -> None:
    """With a black edge, so that no colour is lost on what lies behind it."""
    x0, y0, x1, y1 = box
    for width, edge in ((3.0, 'black'), (1.6, colour)):
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, lw=width, ec=edge))


def _draw_figure(axes: Axes, keypoints: np.ndarray, dot: float) -> None:
    for start, end in _BONES:
        pair = keypoints[[KEYPOINTS.index(start), KEYPOINTS.index(end)]]
        if (pair[:, 2] > 0).all():
            axes.plot(pair[:, 0], pair[:, 1], color='black', lw=0.8, zorder=2)
    for flag, face in ((2, '#f0e442'), (1, 'none')):
        x, y, _ = keypoints[keypoints[:, 2] == flag].T
        axes.scatter(x, y, s=dot, fc=face, ec='black', lw=0.08 * dot, zorder=3)


def _extent(rendering: Rendering) -> tuple[int, int, int, int]:
    """So that data coordinates are the label's: pixel i covers [i, i + 1)."""
    height, width = rendering.semantic.shape
    return (0, width, height, 0)


def _draw_scene(row: list[Axes], rendering: Rendering) -> None:
    colours = np.array([to_rgb(c) for c in _SEMANTIC])
    depth = np.ma.masked_equal(rendering.depth, 0)
    near = float(depth.min())
    row[0].imshow(rendering.image)
    row[0].set_ylabel(rendering.class_name, fontsize=11)
    row[1].imshow(_instance_map(rendering), interpolation='nearest')
    row[2].imshow(colours[rendering.semantic], interpolation='nearest')
    # Logarithmic, because half of the picture lies within the first metres.
    row[3].imshow(np.ma.log(depth), cmap='cividis_r', vmin=np.log(near), vmax=np.log(8 * near))
    row[3].set_xlabel(f'nearest {near:.1f} m', fontsize=8, labelpad=2)
    _draw_boxes(row[4], rendering)


def _draw_clip(row: list[Axes]) -> None:
    style = Style(figure_chance=1.0, occluder_chance=0.5)
    clip = sample_clip(1, _CLIP, style, _CLIP_FRAMES)[::_CLIP_STEP]
    tracks = render_clip(clip, _SIZE)
    for t, (axes, frame) in enumerate(zip(row, tracks.frames)):
        axes.imshow(frame.image, extent=_extent(frame))
        _draw_box(axes, tracks.boxes[t, _FOLLOWED], '#f0e442')
        visible = tracks.visibility[t, _FOLLOWED]
        axes.set_title(f'frame {t * _CLIP_STEP}, {visible:.0%} visible', fontsize=8)


def contact_sheet(path: Path) -> None:
    """Write the sheet as PNG to `path`."""
    figure = plt.figure(figsize=(10.2, 15.6), layout='constrained')
    upper, lower = figure.subfigures(2, 1, height_ratios=(len(_SCENES), 0.92))
    grid = upper.subplots(len(_SCENES), len(_COLUMNS))
    row = lower.subplots(1, 6)
    for axes in (*grid.flat, *row):
        axes.set_xticks([])
        axes.set_yticks([])
    for scene_row, index in zip(grid, _SCENES):
        _draw_scene(list(scene_row), render(sample_scene(0, index, Style()), _SIZE))
    for axes, title in zip(grid[0], _COLUMNS):
        axes.set_title(title, fontsize=11)
    patches = [
        Patch(fc=c, ec='black', lw=0.4, label=n) for c, n in zip(_SEMANTIC, SEMANTIC_CLASSES)
    ]
    upper.legend(handles=patches, loc='outside lower center', ncols=6, fontsize=9, frameon=False)
    lower.suptitle('a clip: somebody walks towards the camera', fontsize=11)
    _draw_clip(list(row))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, default=Path('docs/en/_static/playground.png'))
    args = parser.parse_args()
    contact_sheet(args.out)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
