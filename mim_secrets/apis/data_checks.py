"""What is wrong with a run's data, found before the run writes anything.

Annotation files are read here once more than by the library that trains on them. The
alternatives cost more or see less: a data set built for the check alone takes twice as
long as its JSON, and by then mmdet has dropped the boxes and images in question. Only
the first process reads them.
"""

import gc
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log
from mmengine.registry import DATASETS, DefaultScope

# `--layout` of make_playground.py by how the folder is called in our configs
LAYOUTS = ('coco', 'crowdpose', 'ade20k')
# Published data sets have a stray box or two; more than this share are another mistake.
STRAY_BOXES = 1e-3
NO_ANNOTATIONS = 'There is no annotation file {}; check data_root and ann_file of the data set.'


def check_data(cfg: Config, loaders: Sequence[str], first_process: bool = True) -> None:
    """Raise one sentence on the first folder or annotation file that cannot be used.

    Args:
        loaders: Keys of the data loaders that the run is going to build.
        first_process: Whether to look into annotation files too.
    """
    checked = set()
    for key in loaders:
        for dataset in datasets_of(cfg.get(key) or {}):
            _check_data_root(dataset, key)
            annotations = _joined(dataset, dataset.get('ann_file'))
            if first_process and is_list_of_classes(dataset):
                check_list(annotations, dataset)
            if not first_process or annotations.suffix != '.json':
                continue
            folder = _joined(dataset, (dataset.get('data_prefix') or {}).get('img', ''))
            classes = _classes(dataset, cfg.get('default_scope'))
            trains = key == 'train_dataloader' and not cfg.get('allow_empty_classes')
            what = (annotations, folder, classes, trains)
            if what not in checked:
                check_annotations(*what)
            checked.add(what)


def datasets_of(cfg: ConfigDict | dict) -> Iterator[ConfigDict]:
    """Every data set of a data loader's config, however deeply it is wrapped."""
    for dataset in [cfg.get('dataset'), *cfg.get('datasets', [])]:
        if isinstance(dataset, dict):
            yield dataset
            yield from datasets_of(dataset)


def _joined(dataset: dict, path: str | None) -> Path:
    """As mmengine joins a path to the root of its data set; an absolute one stays."""
    return Path(dataset.get('data_root') or '', path or '')


def _check_data_root(dataset: ConfigDict, key: str) -> None:
    root = dataset.get('data_root')
    if not root or '://' in root or Path(root).is_dir():
        return
    hint = ''
    if 'playground' in root:
        layout = next((f' --layout {name}' for name in LAYOUTS if name in Path(root).name), '')
        hint = f' or draw it: python tools/dataset_converters/make_playground.py {root}{layout}'
    raise FileNotFoundError(
        f'The data folder {root} of {key} does not exist; link your data there, pass '
        f'--cfg-options {key}.dataset.data_root=FOLDER{hint}.'
    )


def _classes(dataset: dict, scope: str | None) -> tuple[str, ...]:
    """Names that mmdet looks up among the categories of a file; empty elsewhere."""
    kind = dataset.get('type')
    if scope != 'mmdet' and not str(kind).startswith('mmdet.'):
        return ()
    with DefaultScope.overwrite_default_scope(scope):
        kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    named = (dataset.get('metainfo') or {}).get('classes')
    named = named or getattr(kind, 'METAINFO', {}).get('classes') or ()
    return (named,) if isinstance(named, str) else tuple(named)


def check_annotations(path: Path, folder: Path, classes: tuple[str, ...], trains: bool) -> None:
    """Check a file in COCO's format.

    Args:
        folder: Where its images lie.
        classes: Names among its categories that the run asks for; all if empty.
        trains: Whether every class must have something to learn from.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not {'images', 'annotations'} <= content.keys():
        return  # of another kind than COCO's; its own data set knows it
    _check_images([image['file_name'] for image in content['images']], path, folder)
    _check_boxes(content, path)
    _check_classes(content, path, classes, trains)


def is_list_of_classes(dataset: dict) -> bool:
    """Whether its annotations are mmpretrain's lines of a path and a number."""
    kind = str(dataset.get('type')).rpartition('.')[2]
    return kind in ('ImageNet', 'CustomDataset') and bool(dataset.get('ann_file'))


def check_list(path: Path, dataset: dict) -> None:
    if not path.is_file():
        raise FileNotFoundError(NO_ANNOTATIONS.format(path))
    names = [line.rpartition(' ')[0] for line in path.read_text().splitlines() if line.strip()]
    prefix = dataset.get('data_prefix') or ''
    prefix = prefix if isinstance(prefix, str) else prefix.get('img_path', '')
    # which of them it is depends on the data set's class
    folders = [_joined(dataset, part) for part in (prefix, dataset.get('split', ''))]
    folder = max(folders, key=lambda folder: sum((folder / name).is_file() for name in names[:99]))
    _check_images(names, path, folder)


def read_json(path: Path) -> object:
    if not path.is_file():
        raise FileNotFoundError(NO_ANNOTATIONS.format(path))
    gc.disable()  # which would look through millions of new objects again and again
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:  # of JSON or of its letters
        raise ValueError(f'{path} is no whole JSON file ({error}); copy it again.') from error
    finally:
        gc.enable()


def _check_images(images: list[str], path: Path, folder: Path) -> None:
    """List every folder once: a look at each of 118,000 files takes minutes on a share."""
    listed: dict[str, set[str]] = {}
    missing = []
    for image in images:
        inside, name = os.path.split(image)
        if inside not in listed:
            listed[inside] = _names_in(folder / inside)
        if name not in listed[inside]:
            missing.append(image)
    if missing:
        raise FileNotFoundError(
            f'{path} names {len(missing)} of {len(images)} images that are not in {folder}, '
            f'such as {missing[0]}; check data_prefix of the data set, or copy the images.'
        )


def _names_in(folder: Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() else set()


def _check_boxes(content: dict, path: Path) -> None:
    """Boxes that reach over the edge are cut by the libraries; those beyond it are wrong."""
    sizes = {
        image['id']: (image['width'], image['height'])
        for image in content['images']
        if 'width' in image and 'height' in image
    }
    boxed = [entry for entry in content['annotations'] if 'bbox' in entry]
    beyond = [entry for entry in boxed if _is_beyond(entry, sizes.get(entry['image_id']))]
    if not beyond:
        return
    first = beyond[0]
    width, height = sizes[first['image_id']]
    sentence = (
        f'{path} has {len(beyond)} of {len(boxed)} boxes wholly outside their images, such as '
        f'{first["bbox"]} (x, y, width, height) of annotation {first.get("id")} in image '
        f'{first["image_id"]} of {width} x {height} pixels'
    )
    if len(beyond) > STRAY_BOXES * len(boxed):
        raise ValueError(f'{sentence}; mend the boxes, or the sizes of the images.')
    print_log(f'{sentence}; nothing is learnt from them.', logger='current', level=logging.WARNING)


def _is_beyond(entry: dict, size: tuple[int, int] | None) -> bool:
    x, y, width, height = entry['bbox']
    if size is None or width <= 0 or height <= 0:  # the libraries leave empty boxes out
        return False
    return x >= size[0] or y >= size[1] or x + width <= 0 or y + height <= 0


def _check_classes(content: dict, path: Path, classes: tuple[str, ...], trains: bool) -> None:
    names = {category['id']: category['name'] for category in content.get('categories', [])}
    # mmdet passes over such a name in silence, and all labels after it mean another class
    unknown = [name for name in classes if name not in names.values()]
    if unknown:
        raise ValueError(
            f'{len(unknown)} of the {len(classes)} classes of the config are no categories of '
            f'{path}, such as {unknown[0]!r}; it has {", ".join(sorted(names.values()))}: name '
            'those in metainfo=dict(classes=...) of the data set.'
        )
    counts = Counter(names.get(entry['category_id']) for entry in content['annotations'])
    empty = [name for name in classes or names.values() if not counts[name]]
    if empty and trains:
        raise ValueError(
            f'{path} has no annotation at all of {len(empty)} of its categories, such as '
            f'{empty[0]!r}, so that nothing could be learnt of them; leave them out of '
            'metainfo=dict(classes=...) of the data set, or pass --cfg-options '
            'allow_empty_classes=True.'
        )
