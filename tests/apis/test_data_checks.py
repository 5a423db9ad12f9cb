"""Bad data is one sentence, before a run has written anything."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger

from mim_secrets.apis.data_checks import check_data

NAMES = ('cat', 'dog')


def good() -> dict:
    """Two images with a cat and a dog each, one of which reaches over the edge."""
    sizes = dict(width=20, height=10)
    boxes = [[0, 0, 5, 5], [15, 5, 10, 10], [3, 3, 0, 0], [1, 1, 2, 2]]
    return dict(
        images=[dict(id=i, file_name=f'{i}.jpg', **sizes) for i in (1, 2)],
        categories=[dict(id=i, name=name) for i, name in enumerate(NAMES, 1)],
        annotations=[
            dict(id=i, image_id=1 + i // 2, category_id=1 + i % 2, bbox=box)
            for i, box in enumerate(boxes)
        ],
    )


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., None]:
    """Check a run on ``content``, as a file or as the bytes in it."""
    (tmp_path / 'images').mkdir()
    for name in ('1.jpg', '2.jpg'):
        (tmp_path / 'images' / name).touch()

    def run(content: dict | bytes, key: str = 'train_dataloader', **changes: object) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / 'all.json').write_bytes(raw)
        dataset = dict(
            type='CocoDataset',
            data_root=str(tmp_path),
            ann_file='all.json',
            data_prefix=dict(img='images/'),
            metainfo=dict(classes=NAMES),
        )
        wrapped = dict(type='RepeatDataset', times=2, dataset={**dataset, **changes})
        cfg = Config({key: dict(dataset=wrapped), 'default_scope': 'mmdet'})
        check_data(cfg, [key])

    return run


def test_good_data_passes(check) -> None:
    """Breaks when boxes over the edge, or empty ones, which COCO has, are refused."""
    check(good())


def without_images(content: dict) -> None:
    content['images'] += [dict(id=3, file_name='new/3.jpg'), dict(id=4, file_name='4.jpg')]


def beyond_the_edge(content: dict) -> None:
    content['annotations'][1]['bbox'] = [20, 2, 5, 5]


def left_of_it(content: dict) -> None:
    content['annotations'][1]['bbox'] = [-5, 2, 5, 5]


def without_dogs(content: dict) -> None:
    content['annotations'] = [a for a in content['annotations'] if a['category_id'] == 1]


def renamed(content: dict) -> None:
    content['categories'][1]['name'] = 'Dog'


@pytest.mark.parametrize(
    ('spoil', 'sentence'),
    [
        (without_images, r'all.json names 2 of 4 images that are not in .*images, such as new/3'),
        (beyond_the_edge, r'all.json has 1 of 4 boxes wholly outside .*\[20, 2, 5, 5\].* 20 x 10'),
        (left_of_it, 'all.json has 1 of 4 boxes wholly outside'),
        (without_dogs, "all.json has no annotation at all of 1 of its categories, such as 'dog'"),
        (renamed, "1 of the 2 classes of the config are no categories of .*'dog'.* Dog, cat"),
    ],
)
def test_bad_data_is_one_sentence(check, spoil: Callable, sentence: str) -> None:
    """Breaks when a file that cannot be right is trained on, or is not named."""
    content = good()
    spoil(content)
    with pytest.raises((ValueError, FileNotFoundError), match=sentence) as error:
        check(content)
    assert str(error.value).count('\n') == 0


def test_a_stray_box_is_told_and_passed(check, tmp_path: Path) -> None:
    """Breaks when a single mistake in a published data set keeps anybody from training."""
    content = good()
    beyond_the_edge(content)
    content['annotations'] += [content['annotations'][0]] * 1000
    log = logging.FileHandler(tmp_path / 'log')
    MMLogger.get_current_instance().addHandler(log)
    check(content)
    MMLogger.get_current_instance().removeHandler(log)
    assert '1 of 1004 boxes wholly outside their images' in (tmp_path / 'log').read_text()


def test_what_is_only_tested_needs_no_annotation(check) -> None:
    """Breaks when a small validation split must have every class."""
    content = good()
    without_dogs(content)
    check(content, 'val_dataloader')


def test_half_a_file(check) -> None:
    """Breaks when broken JSON ends in a stack, or no file at all does."""
    with pytest.raises(ValueError, match=r'all.json is no whole JSON file \(.*line 1'):
        check(json.dumps(good()).encode()[:-20])
    with pytest.raises(ValueError, match='all.json is no whole JSON file'):
        check(b'\xff\xfe\x00')
    with pytest.raises(FileNotFoundError, match='There is no annotation file .*gone.json'):
        check(good(), ann_file='gone.json')


@pytest.mark.parametrize('layout', ['coco', 'crowdpose', 'ade20k'])
def test_a_missing_playground_is_drawn_in_its_layout(check, layout: str) -> None:
    """Breaks when the hint would draw the layout of ImageNet into another's folder."""
    with pytest.raises(FileNotFoundError, match=f'playground_{layout}/? --layout {layout}'):
        check(good(), data_root=f'gone/playground_{layout}/')


@pytest.mark.parametrize('place', [dict(split='images'), dict(data_prefix='images')])
def test_a_list_of_classes_names_what_is_there(check, tmp_path: Path, place: dict) -> None:
    """Breaks when a low-shot list is read from another folder than the data set reads."""
    options = dict(type='ImageNet', ann_file='few.txt', **{'data_prefix': '', **place})
    (tmp_path / 'few.txt').write_text('1.jpg 0\n2.jpg 1\n')
    check(good(), **options)
    (tmp_path / 'few.txt').write_text('1.jpg 0\ncats/3.jpg 1\n')
    with pytest.raises(FileNotFoundError, match='few.txt names 1 of 2 images .* such as cats/3'):
        check(good(), **options)
