"""Scenes to files in the layout of ImageNet: parallel, resumable, atomic per file.

`train/<class>/*.jpg`, `val/<class>/*.jpg`, `meta/{train,val}.txt` with lines
`<class>/<file>.jpg <label>`, class-balanced parts of the training list, the class
names, and `meta/playground.json`, which says what the folder holds.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from .render import RENDERER_VERSION, render_image
from .sampling import Style, sample_scene
from .scene import CLASSES

_CHUNK = 16  # images a worker takes at a time
_JPEG = (
    cv2.IMWRITE_JPEG_QUALITY, 95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_OPTIMIZE, 0,
)  # fmt: skip
_PARTS = {'train_10percent': 10, 'train_1percent': 100}
_DESCRIPTION = Path('meta', 'playground.json')
_UNFINISHED = '.part'  # ending of a file that is being written


@dataclass(frozen=True)
class Preset:
    train: int
    val: int
    image_size: int


PRESETS = {
    'tiny': Preset(train=500, val=200, image_size=32),
    'small': Preset(train=8_000, val=2_000, image_size=32),
    'medium': Preset(train=50_000, val=5_000, image_size=64),
}


@dataclass(frozen=True)
class Playground:
    """What a folder is to hold. Equal descriptions give equal bytes."""

    preset: str
    train: int
    val: int
    image_size: int
    seed: int
    style: Style

    @classmethod
    def of(cls, preset: str, image_size: int | None = None, seed: int = 0) -> 'Playground':
        counts = PRESETS[preset]
        size = image_size or counts.image_size
        return cls(preset, counts.train, counts.val, size, seed, Style())

    def description(self) -> dict:
        # Through JSON, so that it equals what is read back: tuples become lists.
        known = asdict(self) | {'classes': CLASSES, 'renderer_version': RENDERER_VERSION}
        return json.loads(json.dumps(known))

    def counts(self) -> dict[str, int]:
        return {'train': self.train, 'val': self.val}


class MismatchError(ValueError):
    """The folder holds something else than what was asked for."""


def image_name(split: str, index: int) -> str:
    """Path below the split's folder, as it stands in the list of that split."""
    return f'{CLASSES[index % len(CLASSES)]}/{split}_{index:06d}.jpg'


def encode_jpeg(image: np.ndarray) -> bytes:
    """An RGB image (H, W, 3) as JPEG, without chroma subsampling."""
    return cv2.imencode('.jpg', image[..., ::-1], _JPEG)[1].tobytes()


def write_imagenet(
    root: str | Path,
    world: Playground,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write what is missing of a playground and return how many images that were.

    `progress(done, total)` is called every moment with the images of this run.
    """
    root = Path(root)
    _claim(root, world)
    missing = _missing_images(root, world)
    if missing:
        _render_missing(root, world, missing, workers, progress)
    for name, text in _lists(world).items():
        _write_if_changed(root / 'meta' / f'{name}.txt', text)
    return len(missing)


def _claim(root: Path, world: Playground) -> None:
    """Note in the folder what it holds, or refuse a folder that holds something else."""
    wanted = world.description()
    if (root / _DESCRIPTION).is_file():
        found = json.loads((root / _DESCRIPTION).read_text())
        different = [key for key in wanted if found.get(key) != wanted[key]]
        if different:
            key = different[0]
            raise MismatchError(
                f'{root} holds a playground with {key} {found.get(key)}, not {wanted[key]}; '
                'choose another folder, or remove this one'
            )
    elif any(p.is_file() and p.suffix != _UNFINISHED for p in root.rglob('*')):
        raise MismatchError(f'{root} is neither empty nor a playground; choose another folder')
    # The description comes first, so that whatever is interrupted later can be told apart.
    (root / 'meta').mkdir(parents=True, exist_ok=True)
    _write_if_changed(root / _DESCRIPTION, json.dumps(wanted, indent=2) + '\n')
    for split in world.counts():
        for name in CLASSES:
            (root / split / name).mkdir(parents=True, exist_ok=True)
    for leftover in root.glob(f'*/**/*{_UNFINISHED}'):
        leftover.unlink()


def _missing_images(root: Path, world: Playground) -> list[tuple[str, int]]:
    missing = []
    for split, count in world.counts().items():
        present = {f'{name}/{file}' for name in CLASSES for file in os.listdir(root / split / name)}
        missing += [(split, i) for i in range(count) if image_name(split, i) not in present]
    return missing


def _render_missing(
    root: Path,
    world: Playground,
    missing: list[tuple[str, int]],
    workers: int,
    progress: Callable[[int, int], None],
) -> None:
    # Forked workers inherit the imports; they share two counters and no queue, so one
    # that dies neither blocks the others nor is waited for.
    context = multiprocessing.get_context('fork')
    taken, done = context.Value('l', 0), context.Value('l', 0)
    work = (root, world, missing, taken, done, os.getpid())
    crew = [context.Process(target=_worker, args=work) for _ in range(workers)]
    try:
        for process in crew:
            process.start()
        while any(process.is_alive() for process in crew):
            progress(done.value, len(missing))
            time.sleep(0.1)
    except BaseException:
        for process in crew:
            process.terminate()
        raise
    finally:
        for process in crew:
            process.join()
    progress(done.value, len(missing))
    if done.value < len(missing):
        raise RuntimeError(
            f'a worker stopped after {done.value} of {len(missing)} images in {root}; '
            'its own message stands above; run the same command again to go on'
        )


def _worker(root: Path, world: Playground, missing: list, taken, done, parent: int) -> None:
    cv2.setNumThreads(0)
    while os.getppid() == parent:  # an orphan stops
        with taken.get_lock():
            start = taken.value
            taken.value += _CHUNK
        chunk = missing[start : start + _CHUNK]
        if not chunk:
            return
        for split, index in chunk:
            scene = sample_scene(world.seed, index, world.style, split)
            image = render_image(scene, world.image_size)
            write_atomic(root / split / image_name(split, index), encode_jpeg(image))
            with done.get_lock():
                done.value += 1


def write_atomic(path: Path, content: bytes) -> None:
    """The file appears whole or not at all."""
    unfinished = path.with_name(f'{path.name}.{os.getpid()}{_UNFINISHED}')
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def _write_if_changed(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text() != text:
        write_atomic(path, text.encode())


def _lists(world: Playground) -> dict[str, str]:
    """Content of the text files in `meta`, by name."""
    lists = {'classes': '\n'.join(CLASSES) + '\n'}
    for split, count in world.counts().items():
        lists[split] = _lines(split, count)
    for name, divisor in _PARTS.items():
        # Labels go round with the index: the first images are balanced, and the
        # smaller part lies within the larger one.
        per_class = max(1, world.train // (divisor * len(CLASSES)))
        lists[name] = _lines('train', min(world.train, per_class * len(CLASSES)))
    return lists


def _lines(split: str, count: int) -> str:
    return ''.join(f'{image_name(split, i)} {i % len(CLASSES)}\n' for i in range(count))
