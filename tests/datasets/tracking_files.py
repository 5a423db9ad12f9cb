"""Sequences of three frames in the layouts of the benchmarks, with numbers that tell them apart."""

import json
from pathlib import Path

import cv2
import numpy as np

BOXES = ((11.0, 6.0, 8.0, 6.0), (13.0, 7.0, 9.0, 5.0), (15.0, 8.0, 10.0, 4.0))


def write_frames(folder: Path, names: list[str]) -> None:
    """Pictures of 40 x 30 pixels, each of another grey."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        picture = np.full((30, 40, 3), 40 + 15 * number, np.uint8)
        cv2.imwrite(str(folder / name), picture)


def write_boxes(path: Path, boxes=BOXES) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(','.join(f'{v:g}' for v in box) + '\n' for box in boxes))


def write_lasot(root: Path, testing=('cat-2',)) -> Path:
    for name in ('cat-1', 'cat-2', 'cat-10', 'dog-1'):
        folder = root / name.rpartition('-')[0] / name
        write_frames(folder / 'img', [f'{i:08d}.jpg' for i in (1, 2, 3)])
        write_boxes(folder / 'groundtruth.txt')
        (folder / 'full_occlusion.txt').write_text('0,1,0')
        (folder / 'out_of_view.txt').write_text('0,0,0')
    (root / 'testing_set.txt').write_text('\n'.join(testing) + '\n')
    return root


def write_got10k(root: Path, split: str = 'train', count: int = 2) -> Path:
    names = [f'GOT-10k_{split.capitalize()}_{i + 1:06d}' for i in range(count)]
    for name in names:
        folder = root / split / name
        write_frames(folder, [f'{i:08d}.jpg' for i in (1, 2, 3)])
        write_boxes(folder / 'groundtruth.txt', BOXES[:1] if split == 'test' else BOXES)
        if split != 'test':
            (folder / 'absence.label').write_text('0\n0\n1\n')
            (folder / 'cover.label').write_text('8\n0\n4\n')
            lines = ['[METAINFO]', 'object_class: cat', 'motion_class: run', 'root_class: animal']
            (folder / 'meta_info.ini').write_text('\n'.join(lines) + '\n')
    (root / split / 'list.txt').write_text('\n'.join(names) + '\n')
    return root


def write_trackingnet(root: Path, frames: int = 12) -> Path:
    for part in ('TRAIN_0', 'TRAIN_10', 'TRAIN_2', 'TEST'):
        video = root / part / 'frames' / f'{part.lower()}_video_0'
        write_frames(video, [f'{i}.jpg' for i in range(frames)])
        boxes = [(2.5 + i, 3.0, 8.0, 6.0) for i in range(frames)]
        path = root / part / 'anno' / f'{video.name}.txt'
        write_boxes(path, boxes[:1] if part == 'TEST' else boxes)
    return root


def write_coco(root: Path) -> Path:
    write_frames(root / 'train2017', ['000000000007.jpg', '000000000009.jpg'])
    kept = dict(iscrowd=0, category_id=3)
    content = dict(
        images=[dict(id=9, file_name='000000000009.jpg'), dict(id=7, file_name='000000000007.jpg')],
        categories=[dict(id=3, name='cat')],
        annotations=[
            dict(kept, id=50, image_id=7, bbox=[2.5, 3.5, 10.0, 8.0]),
            dict(kept, id=51, image_id=9, bbox=[4.0, 4.0, 12.0, 6.0]),
            dict(kept, id=52, image_id=9, bbox=[4.0, 4.0, 3.9, 60.0]),
            dict(kept, id=53, image_id=9, bbox=[4.0, 4.0, 12.0, 6.0], iscrowd=1),
        ],
    )
    (root / 'annotations').mkdir(parents=True)
    (root / 'annotations' / 'instances_train2017.json').write_text(json.dumps(content))
    return root
