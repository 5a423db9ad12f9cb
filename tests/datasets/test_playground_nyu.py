"""The playground as NYUv2: depth in millimetres that is what was drawn."""

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from mim_secrets.datasets.depth import NYUDepth, read_pairs
from mim_secrets.datasets.playground import NyuPlayground, Rendering, fill, render, sample_group

WORLD = replace(NyuPlayground.of('tiny'), train=12, val=6)
FOLDERS = {'train': 'sync', 'val': 'official_splits/test'}
LISTS = {'train': 'train', 'val': 'test'}

# Another value on another machine means that something inexact reached a depth map; after a
# wanted change of the layout or the renderer, put the new value here.
GOLDEN_DEPTH = '29d024de11925bb38a3cf6eb09ba874ebb6566436a74d4cb3cbf9ae1500deccc'


@cache
def drawn(split: str, index: int) -> Rendering:
    scene = sample_group(WORLD.seed, index, WORLD.style, split)
    return render(scene, WORLD.image_shape(index))


def test_golden_depth():
    """Breaks when a millimetre differs from the machine where the value was made."""
    digest = hashlib.sha256()
    for index in range(10):
        png = np.frombuffer(WORLD.draw('train', index)[0], np.uint8)
        digest.update(cv2.imdecode(png, cv2.IMREAD_UNCHANGED).tobytes())
    assert digest.hexdigest() == GOLDEN_DEPTH


@pytest.fixture(scope='module')
def nyu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('nyu')
    fill(root, WORLD)
    return root


@pytest.mark.slow
def test_depth_is_what_was_drawn_as_far_as_the_camera_measures(nyu: Path):
    """Breaks when a map is not in millimetres or shows another scene than its picture, or
    what is farther than 10 m, or the sky, has a depth."""
    for split, name in LISTS.items():
        pairs = read_pairs(nyu / f'nyudepthv2_{name}_files_with_gt.txt')
        assert len(pairs) == WORLD.counts()[split]
        for index, pair in enumerate(pairs):
            folder = nyu / FOLDERS[split]
            found = cv2.imread(str(folder / pair.depth), cv2.IMREAD_UNCHANGED)
            image = cv2.imread(str(folder / pair.image))[..., ::-1]
            rendering = drawn(split, index)
            assert found.dtype == np.uint16 and found.shape == image.shape[:2] == (72, 96)
            near = (rendering.depth > 0) & (rendering.depth <= 10)
            assert np.array_equal(found > 0, near) and near.any() and not near.all()
            assert np.abs(found[near] - rendering.depth[near] * 1000).max() < 0.51
            assert np.abs(image.astype(int) - rendering.image).mean() < 3
            focal = rendering.intrinsics[1, 1]
            assert pair.focal == pytest.approx(focal, abs=1e-3)


@pytest.mark.slow
def test_two_workers_and_a_second_run_change_nothing(nyu: Path, tmp_path: Path):
    """Breaks when a file depends on who wrote it, or a lost map is not drawn again."""
    assert fill(tmp_path, WORLD, workers=2) == 18
    next((tmp_path / 'official_splits/test/room').glob('sync_depth_*.png')).unlink()
    assert fill(tmp_path, WORLD) == 1
    for path in nyu.rglob('*'):
        if path.is_file():
            assert (tmp_path / path.relative_to(nyu)).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_the_data_set_of_nyuv2_reads_it(nyu: Path):
    """Breaks when our own data set does not find or does not understand the layout."""
    from mmcv.transforms import LoadImageFromFile

    from mim_secrets.datasets.depth import LoadDepth

    for split, folder in FOLDERS.items():
        dataset = NYUDepth(
            ann_file=f'nyudepthv2_{LISTS[split]}_files_with_gt.txt',
            data_root=str(nyu),
            data_prefix=dict(img_path=folder, depth_map_path=folder),
            count=WORLD.counts()[split],
            pipeline=[LoadImageFromFile(), LoadDepth()],
            serialize_data=False,
        )
        for index, sample in enumerate(dataset):
            near = sample['gt_depth_map'] > 0
            expected = drawn(split, index).depth[near]
            np.testing.assert_allclose(sample['gt_depth_map'][near], expected, atol=6e-4)
