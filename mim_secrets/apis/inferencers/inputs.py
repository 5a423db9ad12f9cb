"""Which images are meant, what the files about each are called, and how they are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmcv.transforms import LoadImageFromFile

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
Inputs = str | Path | np.ndarray | Sequence[str | Path | np.ndarray]


@dataclass(frozen=True)
class Source:
    """One image that is still to be read."""

    name: str  # of what is written about it, without suffix; may have folders
    image: Path | np.ndarray

    def __str__(self) -> str:
        return str(self.image) if isinstance(self.image, Path) else self.name


@dataclass(frozen=True)
class Photograph:
    """One image that has been read."""

    source: Source
    results: dict  # as the loader of the pipeline leaves it
    known: dict = field(default_factory=dict)  # about this image, from the caller

    @property
    def pixels(self) -> np.ndarray:
        """uint8 BGR (H, W, 3)."""
        return self.results['img'].astype(np.uint8, copy=False)


class UnreadableError(Exception):
    """A file that is there no more, or holds no image."""


def list_sources(inputs: Inputs, but_not_in: Path | None = None) -> list[Source]:
    """Images, files and folders as a list; every name occurs once.

    Args:
        inputs: A file, a folder with folders in it, an image as uint8 BGR (H, W, 3) or
            grey (H, W), or a list of these.
        but_not_in: A folder to which pictures are written.
    """
    several = isinstance(inputs, Sequence) and not isinstance(inputs, str)
    found: list[tuple[str, Path | np.ndarray]] = []
    for number, one in enumerate(inputs if several else [inputs]):
        if isinstance(one, np.ndarray):
            found.append((f'{number:08d}', _checked(one)))
        elif not isinstance(one, str | Path):
            raise TypeError(
                f'An image of type {type(one).__name__} cannot be read; give a path, a folder '
                'or a uint8 array (H, W, 3) in BGR.'
            )
        elif Path(one).is_dir():
            found += _in_folder(Path(one), but_not_in)
        else:
            found.append((Path(one).stem, Path(one)))
    if not found:
        raise ValueError('No image is given: the list is empty.')
    taken: set[str] = set()
    sources = []
    for name, image in found:
        unique, count = name, 1
        while unique in taken:
            count += 1
            unique = f'{name}-{count}'
        taken.add(unique)
        sources.append(Source(unique, image))
    return sources


def _in_folder(folder: Path, but_not_in: Path | None) -> list[tuple[str, Path]]:
    written = but_not_in and but_not_in.resolve()
    found = [
        (path.relative_to(folder).with_suffix('').as_posix(), path)
        for path in sorted(folder.rglob('*'))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and (written is None or written not in path.resolve().parents)
    ]
    if not found:
        raise FileNotFoundError(
            f'There is no image in {folder}; looked for {", ".join(SUFFIXES)} in it and below.'
        )
    return found


def _checked(image: np.ndarray) -> np.ndarray:
    """uint8 BGR (H, W, 3)."""
    if image.dtype == np.uint8 and image.ndim == 2:
        image = image[..., None].repeat(3, axis=2)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise TypeError(
            f'An array of {image.dtype} {image.shape} is no image; give uint8 (H, W, 3) in BGR, '
            'as cv2.imread does.'
        )
    return np.ascontiguousarray(image)


def decode(source: Source, loader: LoadImageFromFile) -> dict:
    """What the loader makes of an image; an array is taken as it is."""
    image, results = source.image, dict(img_id=source.name)
    if isinstance(image, np.ndarray):
        image = image.astype(np.float32) if loader.to_float32 else image
        return dict(results, img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
    try:
        return loader(dict(results, img_path=str(image)))
    except Exception as error:  # decoders raise anything
        reason = 'holds no image' if image.exists() else 'is not there'
        raise UnreadableError(reason) from error
