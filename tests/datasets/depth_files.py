"""Small depth data on disk, in the layouts of KITTI and NYUv2."""

from pathlib import Path

import cv2
import numpy as np

DRIVE = '2011_09_26_drive_0001_sync'


def write_png(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def kitti_names(frame: int) -> tuple[str, str]:
    """Picture and depth map, as the published lists have them."""
    name = f'image_02/data/{frame:010d}.png'
    depth = f'{DRIVE}/proj_depth/groundtruth/image_02/{frame:010d}.png'
    return f'2011_09_26/{DRIVE}/{name}', depth


def write_kitti(root: Path, frames: int = 3, part: str = 'val') -> Path:
    """Frames of 24 x 80 whose depth is their number plus one, and the list."""
    lines = []
    for frame in range(frames):
        image, depth = kitti_names(frame)
        write_png(root / 'raw' / image, np.full((24, 80, 3), 40 * frame, np.uint8))
        steps = np.full((24, 80), 256 * (frame + 1), np.uint16)
        write_png(root / 'data_depth_annotated' / part / depth, steps)
        lines.append(f'{image} {depth} 721.5377\n')
    (root / 'list.txt').write_text(''.join(lines))
    return root
