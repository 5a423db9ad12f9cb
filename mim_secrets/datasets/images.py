"""Images for pre-training, from whatever holds them."""

from functools import partial

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import MMLogger

from mim_secrets.registry import DATASETS

from .cache import ImageCache
from .decoding import BadImageError, Picture, open_picture
from .sources import SUFFIXES, full_path, list_folder, read_bytes, read_list

_ATTEMPTS = 100


class NoUsableImageError(ValueError):
    """No replacement was found; of what a data loader adds, only the sentence is kept."""

    def __init__(self, message: str) -> None:
        super().__init__(message.rsplit(f'{type(self).__name__}: ', 1)[-1].strip())


@DATASETS.register_module()
class PretrainImages(BaseDataset):
    """Images from a folder, a list or a cache; those that cannot be used are replaced.

    A sample is a dict with ``img_path``, ``sample_idx``, ``gt_label`` where there are
    labels, and ``open_picture``, with which ``FastRandomResizedCrop`` and
    ``FastSimpleResizedCrop`` begin. Where a picture turns out to be bad, another one
    takes its place in the epoch, with the crop of that place, and
    ``SkippedImagesHook`` learns of it.

    Args:
        data_root: A folder, or an address that ``backend_args`` understands.
        data_prefix: The part of ``data_root`` to take, such as 'train'.
        ann_file: A text file with one path to a line, below ``data_root`` and
            ``data_prefix``; without it the folder is searched, however deep.
        with_label: Numbers behind the paths in the list, or the uppermost folders in
            alphabetical order, are classes.
        cache: A folder that ``tools/dataset_converters/cache_images.py`` wrote. Its
            images are taken, and the rest says where they came from.
        backend_args: As for mmengine's file backends.
    """

    def __init__(
        self,
        data_root: str = '',
        data_prefix: str = '',
        ann_file: str = '',
        with_label: bool = False,
        cache: str | None = None,
        backend_args: dict | None = None,
        **kwargs: object,
    ) -> None:
        if not (data_root or ann_file or cache):
            raise ValueError(
                'PretrainImages: no images are named; give data_root, ann_file or cache.'
            )
        self.backend_args = backend_args
        self.with_label = with_label
        self.cache = ImageCache(cache) if cache else None
        self._told: set[str] = set()
        super().__init__(
            data_root=data_root,
            data_prefix=dict(img_path=data_prefix),
            ann_file=ann_file,
            **kwargs,
        )

    def _join_prefix(self) -> None:
        """Paths are joined here, because not every backend can."""
        if self.ann_file:
            self.ann_file = full_path(self.data_root, self.ann_file)
        self.data_prefix = dict(img_path=full_path(self.data_root, self.data_prefix['img_path']))

    @property
    def folder(self) -> str:
        """What the paths of the images are relative to."""
        folder = self.data_prefix['img_path'].rstrip('/')
        return folder if folder or not self.cache else self.cache.description['folder']

    def load_data_list(self) -> list[dict]:
        listed = read_list(self.ann_file, self.backend_args) if self.ann_file else None
        if self.cache:
            self.cache.check(self.folder, self.ann_file)
            names = self.cache.names
        elif listed is not None:
            names = [name for name, _ in listed]
        else:
            names = list_folder(self.folder, self.backend_args)
        if not names:
            raise ValueError(
                f'PretrainImages: no images in {self.ann_file or self.folder}; '
                f'what counts are files that end in {", ".join(SUFFIXES)}.'
            )
        samples = [dict(img_path=full_path(self.folder, name)) for name in names]
        if self.cache:
            for index, sample in enumerate(samples):
                sample['cache_index'] = index
        if self.with_label:
            labels = self._classes_by_folder(names) if listed is None else dict(listed)
            self._label(samples, names, labels)
        return samples

    def _classes_by_folder(self, names: list[str]) -> dict[str, int | None]:
        folders = [name.split('/', 1)[0] if '/' in name else None for name in names]
        classes = sorted({folder for folder in folders if folder})
        self._metainfo.setdefault('classes', tuple(classes))
        numbers = {folder: number for number, folder in enumerate(classes)}
        return {name: numbers.get(folder) for name, folder in zip(names, folders)}

    def _label(self, samples: list[dict], names: list[str], labels: dict[str, int | None]) -> None:
        for sample, name in zip(samples, names):
            sample['gt_label'] = labels.get(name)
            if sample['gt_label'] is None:
                raise ValueError(
                    f'PretrainImages: {name} has no class; a list needs a number behind each '
                    'path, a folder one sub-folder for each class; or set with_label=False.'
                )

    def open_picture(self, path: str, cache_index: int | None = None) -> Picture:
        """The picture of a sample; BadImageError if there is none."""
        if self.cache:
            return self.cache.picture(cache_index)
        return open_picture(read_bytes(path, self.backend_args))

    def __getitem__(self, index: int) -> dict:
        place = index % len(self)
        index, skipped = place, []
        for attempt in range(_ATTEMPTS):
            info = self.get_data_info(index)
            path, info['sample_idx'] = info['img_path'], place
            info['open_picture'] = partial(self.open_picture, path, info.get('cache_index'))
            try:
                sample = self.pipeline(info)
            except BadImageError as error:
                skipped.append((path, str(error)))
                self._tell(path, error)
                index = replacement(place, attempt, len(self))
                continue
            if skipped and 'data_samples' in sample:
                # a worker cannot count for all workers: the main process gets word
                sample['data_samples'].set_metainfo(dict(skipped=skipped))
            return sample
        raise NoUsableImageError(
            f'PretrainImages: of {_ATTEMPTS} images taken at random none can be used; '
            f'the first is {skipped[0][0]}: {skipped[0][1]}.'
        )

    def _tell(self, path: str, error: BadImageError) -> None:
        if path not in self._told:
            self._told.add(path)
            MMLogger.get_current_instance().warning(f'Skipped {path}: {error}.')


def replacement(index: int, attempt: int, number: int) -> int:
    """Which of ``number`` images to take where that of ``index`` cannot be used.

    The same in every epoch and every worker; spread over the whole data set, because
    bad images often lie side by side.
    """
    return int(np.random.SeedSequence([index, attempt]).generate_state(1)[0]) % number
