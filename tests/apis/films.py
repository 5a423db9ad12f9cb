"""A tiny tracker, and videos of something that moves, for the tests of tracking."""

import csv
from pathlib import Path

import cv2
import numpy as np

from mim_secrets.apis.inferencers.video import open_frames

BOX = (20, 15, 30, 24)
VIT = dict(
    type='mim_secrets.ViT',
    arch=dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=16),
    img_size=32,
    patch_size=8,
    with_cls_token=False,
    out_type='featmap',
)
TRACKER = dict(
    type='mim_secrets.OneStreamTracker',
    backbone=VIT,
    head=dict(type='mim_secrets.CentreHead', in_channels=16, channels=8),
    template_size=32,
    search_size=64,
)


def film(count: int = 12, size: tuple[int, int] = (72, 96)) -> list[np.ndarray]:
    """Frames (H, W, 3) in which a bright patch goes to the right."""
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(0, 90, (9, 12, 3), np.uint8), size[::-1])
    frames = [ground.copy() for _ in range(count)]
    for number, frame in enumerate(frames):
        frame[15:39, 20 + 2 * number : 50 + 2 * number] = (40, 160, 250)
    return frames


def as_folder(folder: Path, frames: list[np.ndarray]) -> Path:
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f'{number}.png'), frame)
    return folder


def as_video(path: Path, frames: list[np.ndarray], codec: str = 'mp4v') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = frames[0].shape[1::-1]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, size)
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def rows_of(path: Path) -> list[dict[str, float]]:
    with path.open(newline='') as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def decoded(path: Path) -> list[np.ndarray]:
    with open_frames(path) as frames:
        return list(frames.images)
