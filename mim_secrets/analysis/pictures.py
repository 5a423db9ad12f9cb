"""The images that an analysis looks at."""

import numpy as np
import torch
from mmengine.logging import MMLogger
from torch.utils.data import Dataset

from mim_secrets.datasets.decoding import BadImageError, open_picture, resize
from mim_secrets.datasets.images import NoUsableImageError, replacement
from mim_secrets.datasets.sources import full_path, list_folder, read_bytes, read_list

# As in testing on ImageNet: 224 pixels are cut out of a shorter side of 256.
BORDER = 256 / 224
_ATTEMPTS = 100


class Pictures(Dataset):
    """Some images of a folder, in an order that chance has fixed.

    The first images are a random sample of the folder, however many are looked at. One
    that cannot be read is replaced by another of the folder, the same in every run.

    Args:
        source: A folder that is searched however deep, or a list with one path to a
            line, relative to the list's folder.
        number: How many at most.
        sizes: Sides of the squares that are cut out of the middle.
        seed: Of the order.
    """

    def __init__(self, source: str, number: int, sizes: set[int], seed: int = 0) -> None:
        self.source, self.sizes = source, sorted(sizes)
        if source.endswith('.txt'):
            root, names = source.rpartition('/')[0], [name for name, _ in read_list(source)]
        else:
            root, names = source, list_folder(source)
        if not names:
            raise ValueError(
                f'There is no image in {source}; name a folder of images, or a .txt file '
                'with one path to a line.'
            )
        order = np.random.default_rng(seed).permutation(len(names))
        self.available = len(names)
        self.names = [names[index] for index in order]
        self.number = min(number, len(names))
        self._root = root

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> dict[int, torch.Tensor]:
        """Size -> RGB picture (3, size, size) of uint8."""
        place = index
        for attempt in range(_ATTEMPTS):
            path = full_path(self._root, self.names[place])
            try:
                picture = open_picture(read_bytes(path))
                return {size: _square(picture, size) for size in self.sizes}
            except BadImageError as error:
                MMLogger.get_current_instance().warning(f'Skipped {path}: {error}.')
                place = replacement(index, attempt, len(self.names))
        raise NoUsableImageError(
            f'Of {_ATTEMPTS} images of {self.source} taken at random none can be used; '
            f'the last is {path}.'
        )

    def labels(self) -> list[int] | None:
        """A class for each picture by its uppermost folder, in alphabetical order."""
        if not all('/' in name for name in self.names):
            return None
        folders = [name.split('/', 1)[0] for name in self.names]
        classes = {folder: number for number, folder in enumerate(sorted(set(folders)))}
        return [classes[folder] for folder in folders[: self.number]]


def _square(picture, size: int) -> torch.Tensor:
    """The middle of a picture, with a border left over if it is large enough."""
    height, width = picture.shape
    shorter = size * BORDER if min(height, width) >= size * BORDER else size
    scale = shorter / min(height, width)
    rows, columns = max(round(height * scale), size), max(round(width * scale), size)
    image = picture.region((0, 0, height, width), (rows, columns))
    image = resize(np.ascontiguousarray(image), rows, columns, 'bicubic')
    top, left = (rows - size) // 2, (columns - size) // 2
    square = image[top : top + size, left : left + size, ::-1]
    return torch.from_numpy(np.ascontiguousarray(square)).permute(2, 0, 1)
