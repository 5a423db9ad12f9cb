"""Data sets of transfer, read from their official layouts as the configs read them."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, DefaultScope

from mim_secrets.datasets import CIFAR10, CIFAR100, Caltech101, INaturalist2018
from tests.config_models import TRANSFER, read
from tests.datasets.classification_layouts import WRITERS, Truth, write_lines

Writer = Callable[[str], Truth]
SPLITS = ('train_dataloader', 'test_dataloader')
# of the papers; of Pets and Caltech-101 see the test of counts
COUNTS = {
    'food101': (75750, 25250),
    'cifar10': (50000, 10000),
    'cifar100': (50000, 10000),
    'birdsnap': (47386, 2443),
    'sun397': (19850, 19850),
    'cars': (8144, 8041),
    'aircraft': (6667, 3333),
    'voc2007': (5011, 4952),
    'dtd': (3760, 1880),
    'pets': (3680, 3669),
    'caltech101': (3060, 6084),
    'flowers': (2040, 6149),
    'inat18': (437513, 24426),
    'cog-l1': ('listed', 50000),
}


# of the images of accordion, by sha256sum of CLASS/NAME
DRAWN = ('05', '08', '09', '14', '20')


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writer:
    """Write a tiny set. Check sums of CIFAR's are those that count as published."""

    def writing(key: str) -> Truth:
        truth = WRITERS[key](tmp_path)
        for kind in (CIFAR10, CIFAR100):
            for files in ('train_list', 'test_list'):
                paths = [tmp_path / kind.base_folder / name for name, _ in getattr(kind, files)]
                if all(path.is_file() for path in paths):
                    sums = [hashlib.md5(path.read_bytes()).hexdigest() for path in paths]
                    names = [path.name for path in paths]
                    monkeypatch.setattr(kind, files, list(zip(names, sums)))
        return truth

    return writing


def section(key: str, split: str) -> ConfigDict:
    """The config's own data set; those of one set have the same, which has its test."""
    (name,) = (n for n in TRANSFER if n.startswith('dark_secrets/benchmarks/vit-base')
               and n.endswith(f'_{key}.py'))  # fmt: skip
    return read(name)[split].dataset


def build(dataset: ConfigDict, root: Path, **changes: object) -> BaseDataset:
    dataset.update(data_root=str(root), serialize_data=False, **changes)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return DATASETS.build(dataset)


@pytest.mark.parametrize('key', WRITERS)
@pytest.mark.slow
def test_official_layout_is_read(key: str, write: Writer, tmp_path: Path) -> None:
    """Breaks when a file or field of the official layout is misread, a label is another
    class's, or a pipeline cannot take what the set hands on."""
    truth = write(key)
    for split in SPLITS:
        images = build(section(key, split), tmp_path, count=None)
        infos = [images.get_data_info(index) for index in range(len(images))]
        found = [(Path(i.get('img_path', '')).name, i['gt_label']) for i in infos]
        assert found == truth[images.split]
        for index, (_, label) in enumerate(found[-2:], start=max(0, len(found) - 2)):
            sample = images[index]
            assert sample['inputs'].shape == (3, 224, 224)
            assert sample['inputs'].dtype == torch.uint8
            assert sample['data_samples'].gt_label.tolist() == np.atleast_1d(label).tolist()


@pytest.mark.parametrize('key', WRITERS)
@pytest.mark.slow
def test_a_split_that_is_not_complete_is_refused(key: str, write: Writer, tmp_path: Path) -> None:
    """Breaks when a set of another size passes for the official one, or the sentence
    does not say how many images were expected and found, and where."""
    truth = write(key)
    for split, count in zip(SPLITS, COUNTS[key], strict=True):
        dataset = section(key, split)
        assert dataset.count == count
        if count == 'listed':
            continue
        number = len(truth[dataset.split])
        told = f'{dataset.split}.: expected {count:,} images and found {number} images in '
        with pytest.raises(ValueError, match=told + re.escape(str(tmp_path))):
            build(dataset, tmp_path)


@pytest.mark.parametrize('key', [key for key in WRITERS if 'cifar' not in key])
@pytest.mark.slow
def test_a_folder_without_the_set_is_named(key: str, tmp_path: Path) -> None:
    """Breaks when a data set that has not been unpacked ends in anything else than a
    sentence with the file that was looked for, or with what is wrong."""
    with pytest.raises(FileNotFoundError, match=r'there is no .*classification\.md|organized'):
        build(section(key, 'train_dataloader'), tmp_path)


@pytest.mark.parametrize('count', [2, 'listed'])
def test_listed_images_that_are_missing_are_named(
    count: object, write: Writer, tmp_path: Path
) -> None:
    """Breaks when images that only a list knows are counted, and a run ends at the
    first of them hours later."""
    write('food101')
    (tmp_path / 'images/waffles/2.jpg').unlink()
    told = r'expected 2 images and found 1 images in .*, 1 more are listed .*waffles/2\.jpg;'
    with pytest.raises(ValueError, match=told):
        build(section('food101', 'train_dataloader'), tmp_path, count=count)


def test_what_is_there_can_be_used(write: Writer, tmp_path: Path) -> None:
    """Breaks when dead links of Birdsnap leave no way to use the living ones, or images
    that are not there are handed to a loader."""
    write('birdsnap')
    dataset = section('birdsnap', 'train_dataloader')
    (tmp_path / 'download/images/Auk/1.jpg').unlink()
    images = build(dataset, tmp_path, count=None)
    assert [images.get_data_info(i)['gt_label'] for i in range(len(images))] == [0]
    (tmp_path / 'download/images/Jay/2.jpg').unlink()
    with pytest.raises(ValueError, match='found 0 images in .*put the images where'):
        build(section('birdsnap', 'train_dataloader'), tmp_path, count=None)


def test_colours_of_cifar_are_in_the_order_of_files(write: Writer, tmp_path: Path) -> None:
    """Breaks when red and blue are swapped, which costs accuracy and nothing tells."""
    write('cifar10')
    dataset = section('cifar10', 'test_dataloader')
    image = build(dataset, tmp_path, count=None)[0]['inputs']
    assert [channel.unique().tolist() for channel in image] == [[0], [0], [255]]
    assert read(TRANSFER[0]).data_preprocessor.to_rgb


def test_cifar_that_is_not_the_published_one_is_not_opened(write: Writer, tmp_path: Path) -> None:
    """Breaks when a pickle of unknown content is opened, or a download starts unasked."""
    with pytest.raises(ValueError, match=r'cifar-100-python lacks .*cifar-100-python\.tar\.gz'):
        CIFAR100(str(tmp_path))
    write('cifar100')
    (tmp_path / 'cifar-100-python/train').write_bytes(b'broken')
    with pytest.raises(ValueError, match='never published'):
        CIFAR100(str(tmp_path))


def test_training_images_of_caltech_are_drawn_once_and_for_all(
    write: Writer, tmp_path: Path
) -> None:
    """Breaks when the draw depends on the machine, on other classes or on their number,
    so that figures of two runs are of two data sets."""
    write('caltech101')
    images = tmp_path / '101_ObjectCategories/accordion'
    few = dict(train_per_class=5, serialize_data=False)
    test = Caltech101(str(tmp_path), split='test', **few)
    assert len(test) == 2 * 26 and test.metainfo['classes'] == ('BACKGROUND_Google', 'accordion')
    train = Caltech101(str(tmp_path), split='train', **few)
    names = [Path(train.get_data_info(i)['img_path']).name for i in range(5, 10)]
    assert names == [f'image_00{number}.jpg' for number in DRAWN]
    for name in names:
        (images / name).unlink()
    with pytest.raises(ValueError, match='accordion has 26 images, of which 30 are for'):
        Caltech101(str(tmp_path))


def test_splits_without_labels_are_refused(write: Writer, tmp_path: Path) -> None:
    """Breaks when iNaturalist's test images are asked for and something else is read,
    or an annotation without an image ends in a bare key."""
    with pytest.raises(ValueError, match="not 'test'; labels of the test images were never"):
        INaturalist2018(str(tmp_path), split='test')
    write('inat18')
    content = (tmp_path / 'val2018.json').read_text()
    write_lines(tmp_path / 'val2018.json', content.replace('"image_id": 0', '"image_id": 9'))
    with pytest.raises(ValueError, match=r'val2018\.json speaks of an image or a category 9'):
        INaturalist2018(str(tmp_path), split='val')
