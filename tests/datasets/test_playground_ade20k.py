"""The playground as ADE20K: maps that mmseg reads to the classes that were drawn."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from mim_secrets.datasets.playground import (
    ADE20K_CLASSES,
    SEMANTIC_CLASSES,
    Ade20kPlayground,
    Rendering,
    fill,
    render,
    sample_group,
)

pytestmark = pytest.mark.slow  # they write files and start processes

WORLD = replace(Ade20kPlayground.of('tiny'), train=12, val=6)


@cache
def drawn(split: str, index: int) -> Rendering:
    scene = sample_group(WORLD.seed, index, WORLD.style, split)
    return render(scene, WORLD.image_shape(index))


def labelled(rendering: Rendering) -> np.ndarray:
    """Pixels that have a class on disk: all but those of the smallest things."""
    known = np.ones(rendering.semantic.shape, bool)
    for mask in rendering.masks:
        if mask.sum() < 12:
            known &= ~mask
    return known


@pytest.fixture(scope='module')
def ade20k(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('ade20k')
    fill(root, WORLD)
    return root


def test_maps_are_what_was_drawn(ade20k: Path):
    """Breaks when a map has another size or class than its image, or 0 means anything but
    unlabelled or never occurs."""
    values: dict[int, set[int]] = {}
    unlabelled = 0
    for index in range(WORLD.train):
        name = f'training/ADE_train_{index + 1:08d}'
        found = cv2.imread(str(ade20k / 'annotations' / f'{name}.png'), cv2.IMREAD_UNCHANGED)
        rendering = drawn('train', index)
        assert cv2.imread(str(ade20k / 'images' / f'{name}.jpg')).shape[:2] == found.shape
        assert found.dtype == np.uint8
        assert np.array_equal(found == 0, ~labelled(rendering))
        unlabelled += (found == 0).sum()
        for value in np.unique(found[found > 0]):
            values.setdefault(int(value), set()).update(rendering.semantic[found == value])
    assert unlabelled > 0
    assert all(len(classes) == 1 for classes in values.values())
    assert len(set.union(*values.values())) == len(values) >= 8


def test_two_workers_and_a_second_run_change_nothing(ade20k: Path, tmp_path: Path):
    """Breaks when a file depends on who wrote it, or a lost map is not drawn again."""
    assert fill(tmp_path, WORLD, workers=2) == 18
    next((tmp_path / 'annotations/validation').iterdir()).unlink()
    assert fill(tmp_path, WORLD) == 1
    for path in ade20k.rglob('*'):
        if path.is_file():
            assert (tmp_path / path.relative_to(ade20k)).read_bytes() == path.read_bytes()
    assert (ade20k / 'meta/classes.txt').read_text().split() == list(ADE20K_CLASSES)


@pytest.mark.slow
def test_mmseg_reads_what_was_drawn_and_finds_it_perfect(ade20k: Path):
    """Breaks when mmseg shifts or renames a class, forgets the unlabelled pixels, or the
    drawn map as prediction does not reach an mIoU of 100."""
    import torch
    from mmseg.datasets import ADE20KDataset
    from mmseg.datasets.transforms import LoadAnnotations  # noqa: F401  registers it
    from mmseg.evaluation import IoUMetric

    settings = dict(
        data_root=str(ade20k),
        data_prefix=dict(img_path='images/validation', seg_map_path='annotations/validation'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='mmseg.LoadAnnotations')],
    )
    dataset = ADE20KDataset(**settings, metainfo=dict(classes=ADE20K_CLASSES))
    unchanged = ADE20KDataset(**settings)
    assert len(dataset) == len(unchanged) == WORLD.val
    metric = IoUMetric(iou_metrics=['mIoU'])
    metric.dataset_meta = dataset.metainfo
    names = np.array([*unchanged.metainfo['classes'], 'unlabelled'])
    for index in range(len(dataset)):
        rendering = drawn('val', index)
        known = labelled(rendering)
        found = dataset[index]['gt_seg_map']
        assert np.array_equal(found[known], rendering.semantic[known])
        assert (found[~known] == 255).all()
        plain = unchanged[index]['gt_seg_map']
        expected = np.array(ADE20K_CLASSES)[rendering.semantic]
        assert np.array_equal(names[np.minimum(plain, 150)][known], expected[known])
        sample = dict(
            pred_sem_seg=dict(data=torch.from_numpy(rendering.semantic.astype(np.int64))[None]),
            gt_sem_seg=dict(data=torch.from_numpy(found.astype(np.int64))[None]),
        )
        metric.process({}, [sample])
    assert metric.evaluate(size=len(dataset))['mIoU'] == 100.0
    assert len(dataset.metainfo['classes']) == len(SEMANTIC_CLASSES)
