"""Depth maps come in metres, or with a sentence that names file and line."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from torch.utils.data import DataLoader

from mim_secrets.datasets.depth import BadDepthError, DepthPairs, LoadDepth
from tests.datasets.depth_files import write_png

STEPS = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32)


def dataset(folder: Path, depth: np.ndarray, suffix: str = 'png', **settings: object) -> DepthPairs:
    """One pair on the third line of a list."""
    write_png(folder / 'rgb.png', np.zeros((24, 32, 3), np.uint8))
    write_png(folder / f'depth.{suffix}', depth)
    (folder / 'list.txt').write_text(f'\n\nrgb.png depth.{suffix}\n')
    usual = dict(
        data_root=str(folder),
        depth_scale=256.0,
        farthest=100.0,
        pipeline=[LoadImageFromFile(), LoadDepth()],
        serialize_data=False,
    )
    return DepthPairs('list.txt', **usual | settings)


@pytest.mark.parametrize('scale', [256.0, 1000.0])
def test_depth_comes_in_metres(tmp_path: Path, scale: float):
    """Breaks when the scale is lost, 0 becomes anything else, or mmseg's transforms are not
    told of the map."""
    sample = dataset(tmp_path, STEPS, depth_scale=scale)[0]
    assert sample['gt_depth_map'].dtype == np.float32
    np.testing.assert_allclose(sample['gt_depth_map'] * scale, STEPS, rtol=1e-6)
    assert sample['gt_depth_map'][0, 0] == 0
    assert sample['seg_fields'] == ['gt_depth_map']
    assert sample['depth_rescale_factor'] == pytest.approx(1 / scale)


@pytest.mark.parametrize(
    ('depth', 'message'),
    [
        (STEPS[:, :30], r'has 30x24 pixels and its picture .*rgb\.png 32x24; a pair has one size'),
        (STEPS * 0, 'has no measurement'),
        (STEPS + 60_000, 'reaches 237.371 m, more than the 100 m.*256 steps to a metre'),
        (STEPS.astype(np.uint8), 'has 1 channel of uint8: a picture of depth and no depth'),
        (np.dstack([STEPS] * 3), 'has 3 channels of uint16'),
    ],
    ids=['size', 'empty', 'absurd', 'bits', 'channels'],
)
def test_bad_maps_are_refused_in_one_sentence(tmp_path: Path, depth: np.ndarray, message: str):
    """Breaks when training takes a wrong map without a word, or nobody says which one."""
    with pytest.raises(BadDepthError, match=rf'^\S*list\.txt:3: \S*depth\.png {message}'):
        dataset(tmp_path, depth)[0]


@pytest.mark.parametrize(
    ('value', 'message'), [(-1.5, 'goes down to -1.5 m'), (np.nan, 'holds infinities or NaNs')]
)
def test_bad_numbers_in_metres_are_refused(tmp_path: Path, value: float, message: str):
    """Breaks when a negative depth or a NaN of a floating point file reaches the loss."""
    depth = np.ones((24, 32), np.float32)
    depth[3, 4] = value
    with pytest.raises(BadDepthError, match=rf'list\.txt:3: \S*depth\.tiff {message}'):
        dataset(tmp_path, depth, 'tiff', depth_scale=1.0)[0]


def test_damaged_files_are_refused(tmp_path: Path):
    """Breaks when half a download ends in OpenCV's silence."""
    pairs = dataset(tmp_path, STEPS)
    (tmp_path / 'depth.png').write_bytes(b'')
    with pytest.raises(BadDepthError, match=r'list\.txt:3: \S*depth\.png cannot be decoded'):
        pairs[0]


@pytest.mark.slow
def test_the_sentence_comes_alone_out_of_a_worker(tmp_path: Path):
    """Breaks when a user has to find the sentence in the stack of a loader's worker, or the
    error cannot travel between processes."""
    pairs = dataset(tmp_path, STEPS * 0)
    loader = DataLoader(pairs, num_workers=1, collate_fn=list, multiprocessing_context='fork')
    with pytest.raises(BadDepthError) as caught:
        next(iter(loader))
    assert str(caught.value).startswith(str(tmp_path / 'list.txt:3'))
    assert str(caught.value).count('\n') == 0
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_other_data_sets_are_told_what_to_use():
    """Breaks when a sample without a scale is read in some unit, or ends in a KeyError."""
    with pytest.raises(ValueError, match='does not say how its depth is scaled; use'):
        LoadDepth()(dict(depth_map_path='depth.png', seg_fields=[]))


@pytest.mark.slow
def test_mmseg_packs_what_was_loaded(tmp_path: Path):
    """Breaks when mmseg's flip, crop or packing passes the map by."""
    from mmseg.datasets.transforms import PackSegInputs, RandomCrop, RandomFlip

    sample = dataset(tmp_path, STEPS)[0]
    for step in (RandomFlip(prob=1.0), RandomCrop((24, 24)), PackSegInputs()):
        sample = step(sample)
    found = sample['data_samples'].gt_depth_map.data
    assert found.shape == (1, 24, 24) and sample['inputs'].shape == (3, 24, 24)
    row = torch.from_numpy(STEPS[0, ::-1].astype(np.float32) / 256)
    assert any(torch.equal(found[0, 0], row[i : i + 24]) for i in range(9))
