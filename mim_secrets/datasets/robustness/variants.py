"""Other pictures of ImageNet's classes: ImageNet-A, -R and -Sketch."""

from pathlib import Path

from mmengine.dataset import BaseDataset

from mim_secrets.registry import DATASETS

from .wnids import WNIDS

SUFFIXES = ('.jpeg', '.jpg', '.png')
_NUMBERS = {wnid: number for number, wnid in enumerate(WNIDS)}


@DATASETS.register_module()
class ImageNetVariant(BaseDataset):
    """Images in folders that bear the WordNet ids of ImageNet's classes.

    Labels are the classes' numbers among the 1,000, also where there are folders for
    some of them only; ``metainfo['labels']`` are the numbers of those, which is what
    ``SubsetAccuracy`` asks for.

    Args:
        data_root: The folder that holds the folders of the classes.
        num_images: How many images the complete set has; another number is an error.
        num_classes: The same for classes. Both are not checked if None.
        pipeline: As for mmengine's ``BaseDataset``.
    """

    def __init__(
        self,
        data_root: str,
        num_images: int | None = None,
        num_classes: int | None = None,
        **kwargs: object,
    ) -> None:
        self.num_images = num_images
        self.num_classes = num_classes
        super().__init__(data_root=data_root, test_mode=True, **kwargs)

    def load_data_list(self) -> list[dict]:
        name = type(self).__name__
        samples = list_classes(self.data_root, name)
        labels = sorted({sample['gt_label'] for sample in samples})
        check_count(len(labels), self.num_classes, 'classes', self.data_root, name)
        check_count(len(samples), self.num_images, 'images', self.data_root, name)
        self._metainfo.update(classes=class_names(), labels=tuple(labels))
        return samples


def list_classes(folder: str | Path, name: str) -> list[dict]:
    """The path and the class of every image, in the order of classes and names."""
    if not Path(folder).is_dir():
        raise FileNotFoundError(f'{name}: there is no folder {folder}; unpack the images there.')
    classes = sorted(path for path in Path(folder).iterdir() if path.is_dir())
    samples = []
    for path in classes:
        if path.name.startswith(('.', '__')):  # what archives and file managers leave behind
            continue
        if path.name not in _NUMBERS:
            raise ValueError(
                f"{name}: {path} is none of ImageNet's 1,000 classes; data_root must be the "
                'folder that holds one folder for each class, such as n01440764.'
            )
        label = _NUMBERS[path.name]
        names = sorted(image.name for image in path.iterdir() if is_image(image))
        samples += [dict(img_path=f'{path}/{image}', gt_label=label) for image in names]
    if not samples:
        raise ValueError(f'{name}: there are no images in {folder}; unpack them there.')
    return samples


def class_names() -> tuple[str, ...]:
    """In words, for pictures of predictions."""
    # not above: it imports the whole of mmpretrain, which other data sets do without
    from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

    return IMAGENET_CATEGORIES


def is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith('.')


def check_count(found: int, expected: int | None, what: str, folder: str | Path, name: str) -> None:
    """A figure from a part of a benchmark looks like one from the whole."""
    if expected is not None and found != expected:
        raise ValueError(
            f'{name}: {folder} has {found:,} {what} where the complete set has {expected:,}; '
            f'unpack it again, or pass num_{what}=None to test on what is there.'
        )
