"""Images decoded and shrunk once: a file of pixels that is mapped, and an index.

    OUT/cache.json   what was cached, and what the other two files must be
    OUT/index.npz    for each image: where its pixels lie, their checksum, its file
    OUT/pixels.bin   the images (H, W, 3), uint8, BGR, one after another

`cache_writing.py` writes it.
"""

import hashlib
import json
import mmap
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmengine.logging import MMLogger

from .decoding import Box
from .sources import full_path, list_folder, read_list

FORMAT = 1
DESCRIPTION, INDEX, PIXELS = 'cache.json', 'index.npz', 'pixels.bin'
_BYTES_CHECKED = 2**28
_FILES_CHECKED = 1000


class CacheError(ValueError):
    """A cache that is damaged, or older than its images."""


class ShrunkPicture:
    """A picture (H, W) of which smaller pixels (h, w, 3) are at hand.

    Boxes are those of the whole picture, so that a cached image is cropped where its
    original would be.
    """

    def __init__(self, image: np.ndarray, shape: tuple[int, int]) -> None:
        self.image = image
        self.shape = shape

    def region(self, box: Box, least: tuple[int, int]) -> np.ndarray:
        rows, columns = (
            _shrunk(start, length, whole, small)
            for start, length, whole, small in zip(
                box[:2], box[2:], self.shape, self.image.shape[:2]
            )
        )
        return self.image[rows, columns]


def _shrunk(start: int, length: int, whole: int, small: int) -> slice:
    """A stretch of ``whole`` pixels in an image that has ``small`` of them."""
    first = (2 * start * small + whole) // (2 * whole)
    last = (2 * (start + length) * small + whole) // (2 * whole)
    first = min(first, small - 1)
    return slice(first, max(last, first + 1))


class ImageCache:
    """The images of a cache, each readable without the others.

    Opening it compares the description with the index and with the length of the
    pixels. ``check`` looks further.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder)
        self.description = self._described()
        index = np.load(self.path / INDEX)
        self.names: list[str] = index['names'].tobytes().decode().split('\0')
        self.offsets, self.shapes = index['offsets'], index['shapes']
        self.full_shapes = index['full_shapes']
        self.checksums = index['checksums']
        self.file_sizes, self.file_times = index['file_sizes'], index['file_times']
        with (self.path / PIXELS).open('rb') as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._pixels = np.frombuffer(mapped, np.uint8)

    def _described(self) -> dict:
        try:
            description = json.loads((self.path / DESCRIPTION).read_text())
            digest = sha256(self.path / INDEX)
            length = (self.path / PIXELS).stat().st_size
            expected = [description[key] for key in ('format', 'index_sha256', 'bytes')]
        except FileNotFoundError as error:
            raise CacheError(
                f'{self.path} is no finished cache, it has no {Path(error.filename).name}; '
                'make it with tools/dataset_converters/cache_images.py.'
            ) from None
        except (ValueError, KeyError):
            raise self._damaged(f'{DESCRIPTION} cannot be read') from None
        if expected[0] != FORMAT:
            raise CacheError(
                f'{self.path} has format {expected[0]}, not {FORMAT}; make it anew with '
                'tools/dataset_converters/cache_images.py.'
            )
        if expected[1] != digest:
            raise self._damaged(f'the checksum of {INDEX} is wrong')
        if expected[2] != length:
            raise self._damaged(f'{PIXELS} has {length} bytes, not {expected[2]}')
        return description

    def _damaged(self, how: str) -> CacheError:
        return CacheError(f'The cache {self.path} is damaged: {how}; remove it and make it anew.')

    def __reduce__(self) -> tuple:
        return ImageCache, (self.path,)  # a worker maps the file, it gets no copy

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> np.ndarray:
        """Image (H, W, 3), a view into the file."""
        offset = int(self.offsets[index])
        height, width = self.shapes[index].tolist()
        return self._pixels[offset : offset + 3 * height * width].reshape(height, width, 3)

    def picture(self, index: int) -> ShrunkPicture:
        return ShrunkPicture(self.image(index), tuple(self.full_shapes[index].tolist()))

    def check(self, folder: str = '', ann_file: str = '', thorough: bool = False) -> None:
        """Raise CacheError if pixels are damaged, or the source is there and has changed.

        ``folder`` and ``ann_file`` are where the source is now, if it has moved. All of
        its names are compared; a quarter of a GiB of pixels and a thousand files are,
        spread evenly, or all of them if it is to be ``thorough``.
        """
        self._check_pixels(len(self) if thorough else self._images_in(_BYTES_CHECKED))
        folder = folder or self.description['folder']
        if '://' in folder or not os.path.isdir(folder or '.'):
            MMLogger.get_current_instance().info(
                f'{self.path} is not compared with its source: {folder} is not on this machine.'
            )
            return
        self._check_names(folder, ann_file or self.description['ann_file'])
        self._check_files(folder, len(self) if thorough else _FILES_CHECKED)

    def _images_in(self, number_of_bytes: int) -> int:
        mean = max(1, self._pixels.size // len(self))
        return max(1, number_of_bytes // mean)

    def _check_pixels(self, number: int) -> None:
        for index in _spread(len(self), number):
            if zlib.crc32(self.image(index)) != self.checksums[index]:
                raise self._damaged(f'the checksum of {self.names[index]} is wrong')

    def _check_names(self, folder: str, ann_file: str) -> None:
        if ann_file and not os.path.exists(ann_file):
            return
        now = [name for name, _ in read_list(ann_file)] if ann_file else list_folder(folder)
        skipped = [name for name, _ in self.description['skipped']]
        changed = set(now) ^ {*self.names, *skipped}
        if changed:
            raise self._outdated(
                f'{len(changed)} images were added or removed, such as {min(changed)}'
            )

    def _check_files(self, folder: str, number: int) -> None:
        for index in _spread(len(self), number):
            path = full_path(folder, self.names[index])
            if file_state(path) != (self.file_sizes[index], self.file_times[index]):
                raise self._outdated(f'{path} is another file')

    def _outdated(self, how: str) -> CacheError:
        return CacheError(
            f'The source of the cache {self.path} has changed since it was made: {how}; '
            'remove it and make it anew.'
        )


def _spread(length: int, number: int) -> Iterator[int]:
    """At most ``number`` of the indices below ``length``, from first to last."""
    return iter(np.unique(np.linspace(0, length - 1, min(length, number)).round().astype(int)))


def file_state(path: str) -> tuple[int, int]:
    """Size and time of change, zeros where there is no such local file."""
    try:
        state = os.stat(path)
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
