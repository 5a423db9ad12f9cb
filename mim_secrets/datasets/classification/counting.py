"""Data sets that know how many images they have."""

import os
from pathlib import Path

from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.logging import MMLogger


class Counted:
    """For data sets of mmpretrain, in front of whose class it stands: it checks the split.

    A split that is not complete gives other figures than the published ones, and nothing
    else tells. Images that a list names and that are not on disk do not count.

    Args:
        count: How many images the split has; another number is an error. 'listed' takes
            it from the set's own list. None uses what is there and says what is missing.
    """

    def __init__(self, *args: object, count: int | str | None = None, **kwargs: object) -> None:
        self.count = count
        try:
            super().__init__(*args, **kwargs)
        except RuntimeError as error:  # how mmpretrain's sets say that files are missing
            message = ' '.join(str(error).split())
            raise FileNotFoundError(f'{type(self).__name__}: {message}') from error

    def load_data_list(self) -> list[dict]:
        name = f'{type(self).__name__} ({self.split})'
        try:
            listed = super().load_data_list()
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'{name}: there is no {error.filename}; docs/en/classification.md says how '
                'its folders have to lie.'
            ) from error
        missing = missing_images(listed)
        samples = [sample for sample in listed if sample.get('img_path') not in missing]
        gone = ''
        if missing:
            first = min(missing)
            gone = f', {len(missing):,} more are listed and not there, such as {first}'
        found = f'{len(samples):,} images in {self.data_root}{gone}'
        expected = len(listed) if self.count == 'listed' else self.count
        if not samples:
            raise ValueError(f'{name}: found {found}; put the images where the list has them.')
        if expected is not None and len(samples) != expected:
            raise ValueError(
                f'{name}: expected {expected:,} images and found {found}; complete the data, '
                'or set count=None in the data set to work with what is there.'
            )
        if missing:
            MMLogger.get_current_instance().warning(f'{name}: found {found}.')
        return samples


def missing_images(samples: list[dict]) -> set[str]:
    """Paths that are not on disk; each folder is listed once, which is fast on networks."""
    paths = [sample['img_path'] for sample in samples if 'img_path' in sample]
    if not paths or not isinstance(get_file_backend(paths[0]), LocalBackend):
        return set()
    present = {folder: _names(folder) for folder in {os.path.dirname(path) for path in paths}}
    return {path for path in paths if os.path.basename(path) not in present[os.path.dirname(path)]}


def _names(folder: str) -> set[str]:
    return set(os.listdir(folder)) if Path(folder).is_dir() else set()
