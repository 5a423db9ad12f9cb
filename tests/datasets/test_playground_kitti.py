"""The playground as KITTI: sparse depth in 1/256 metre that is what was drawn."""

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from mim_secrets.datasets.depth import KITTIDepth, read_pairs
from mim_secrets.datasets.playground import KittiPlayground, Rendering, fill, render, sample_group

WORLD = replace(KittiPlayground.of('tiny'), train=12, val=6)
LISTS = {'train': 'train', 'val': 'test'}

# Another value on another machine means that something inexact reached a depth map; after a
# wanted change of the layout or the renderer, put the new value here.
GOLDEN_DEPTH = 'ae17d5c533ba08b6784ceeb2b12defa45c63b015a7421e73fbdc220486890bd9'


@cache
def drawn(split: str, index: int) -> Rendering:
    scene = sample_group(WORLD.seed, index, WORLD.style, split)
    return render(scene, WORLD.image_shape(index))


def test_golden_depth():
    """Breaks when a step of depth, or which pixels have one, differs from the machine where
    the value was made."""
    digest = hashlib.sha256()
    for index in range(10):
        png = np.frombuffer(WORLD.draw('train', index)[0], np.uint8)
        digest.update(cv2.imdecode(png, cv2.IMREAD_UNCHANGED).tobytes())
    assert digest.hexdigest() == GOLDEN_DEPTH


@pytest.mark.parametrize(('size', 'crop'), [(108, (32, 96)), (216, (64, 192)), (1242, (352, 1216))])
def test_pictures_have_the_sizes_of_kitti_and_room_for_its_crop(size: int, crop: tuple[int, int]):
    """Breaks when all pictures have one size, so that nothing shows whether a pipeline needs
    that, or one is too small for the KB crop."""
    shapes = {replace(WORLD, image_size=size).image_shape(index) for index in range(8)}
    assert len(shapes) > 1
    assert all(height >= crop[0] and width >= crop[1] for height, width in shapes)
    if size == 1242:
        assert (375, 1242) in shapes and (370, 1226) in shapes


@pytest.fixture(scope='module')
def kitti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('kitti')
    fill(root, WORLD)
    return root


@pytest.mark.slow
def test_depth_is_what_was_drawn_where_the_lidar_looks(kitti: Path):
    """Breaks when a map is not in 1/256 metres, shows another scene than its picture, is
    dense, or reaches above the uppermost beam."""
    for split, name in LISTS.items():
        pairs = read_pairs(kitti / f'kitti_eigen_{name}_files_with_gt.txt')
        assert len(pairs) == WORLD.counts()[split]
        for index, pair in enumerate(pairs):
            path = kitti / 'data_depth_annotated' / split / pair.depth
            found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            image = cv2.imread(str(kitti / 'raw' / pair.image))[..., ::-1]
            rendering = drawn(split, index)
            assert np.array_equal(image, rendering.image)
            assert found.dtype == np.uint16 and found.shape == image.shape[:2]
            seen = found > 0
            assert np.abs(found[seen] - rendering.depth[seen] * 256).max() < 0.51
            assert 0.1 < seen.mean() < 0.25
            height = len(found)
            assert not seen[: height // 3].any() and seen[-1].any()
            assert np.flatnonzero(seen.any(1)).tolist()[-3:] == [height - 5, height - 3, height - 1]
            assert pair.focal == pytest.approx(rendering.intrinsics[1, 1], abs=1e-3)


@pytest.mark.slow
def test_two_workers_and_a_second_run_change_nothing(kitti: Path, tmp_path: Path):
    """Breaks when a file depends on who wrote it, or a lost map is not drawn again."""
    assert fill(tmp_path, WORLD, workers=2) == 18
    next((tmp_path / 'data_depth_annotated/val').rglob('*.png')).unlink()
    assert fill(tmp_path, WORLD) == 1
    for path in kitti.rglob('*'):
        if path.is_file():
            assert (tmp_path / path.relative_to(kitti)).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_the_data_set_of_kitti_reads_it_for_training_and_testing(kitti: Path):
    """Breaks when our own data set does not find or does not understand the layout, or one of
    mmseg's transforms does not fit between ours."""
    import mmseg.datasets.transforms  # noqa: F401  registers them

    load = [dict(type='LoadImageFromFile'), dict(type='mim_secrets.LoadDepth')]
    load += [dict(type='mim_secrets.KBCrop', size=(32, 96))]
    train = [
        dict(type='mim_secrets.CutDepth', max_depth=80.0, prob=1.0),
        dict(type='mmseg.RandomFlip', prob=0.5),
        dict(type='mmseg.RandomCrop', crop_size=(32, 32)),
        dict(type='mim_secrets.RandomBrightnessContrast'),
        dict(type='mim_secrets.RandomGamma'),
        dict(type='mim_secrets.RandomHueSaturationValue'),
    ]
    shapes = {'train': (32, 32), 'val': (32, 96)}
    for split, steps in (('train', train), ('val', [])):
        dataset = KITTIDepth(
            ann_file=f'kitti_eigen_{LISTS[split]}_files_with_gt.txt',
            data_root=str(kitti),
            count=WORLD.counts()[split],
            serialize_data=False,
            pipeline=[*load, *steps, dict(type='mmseg.PackSegInputs')],
        )
        for index, sample in enumerate(dataset):
            depth = sample['data_samples'].gt_depth_map.data
            assert tuple(sample['inputs'].shape) == (3, *shapes[split])
            assert tuple(depth.shape) == (1, *shapes[split]) and (depth > 0).any()
            assert sample['data_samples'].ori_shape == (32, 96)
            if split == 'val':
                height, width = drawn(split, index).depth.shape
                left = (width - 96) // 2
                expected = drawn(split, index).depth[height - 32 :, left : left + 96]
                seen = depth[0].numpy() > 0
                np.testing.assert_allclose(depth[0].numpy()[seen], expected[seen], atol=2e-3)
