"""What is particular to depth: KITTI's crop, a scale for many pictures, files to read again."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mim_secrets.apis.inferencers import DepthInferencer
from mim_secrets.apis.inferencers.canvas import Canvas
from mim_secrets.apis.inferencers.depth_scale import depth_colours
from mim_secrets.apis.inferencers.loading import read_config
from mim_secrets.datasets.depth import DepthPairs

pytestmark = pytest.mark.slow  # they build models and write files


def test_a_crop_is_predicted_where_it_was(tasks, photos: Path) -> None:
    """Breaks when a photograph of KITTI cannot be read without its depth map, or what its
    crop leaves out is predicted, moved or stretched."""
    config, weights = tasks['depth']
    cfg, image = read_config(config), cv2.imread(str(photos / '1.png'))
    crop = dict(type='mim_secrets.KBCrop', size=(48, 64))
    cfg.test_dataloader.dataset.pipeline.insert(2, crop)
    (prediction,) = DepthInferencer(cfg, weights, 'cpu')(image)['predictions']
    plain = DepthInferencer(config, weights, 'cpu')
    (part,) = plain(np.ascontiguousarray(image[24:, 16:80]))['predictions']
    depth = prediction['depth']
    assert depth.shape == (72, 96) and np.isfinite(depth).sum() == 48 * 64
    np.testing.assert_array_equal(depth[24:, 16:80], part['depth'])
    assert prediction['nearest'] == depth[24:, 16:80].min() < prediction['farthest']
    (picture,) = DepthInferencer(cfg, weights, 'cpu')(image, return_vis=True)['visualization']
    before = Canvas(image).pixels
    changed = (picture[: len(before)] != before).any(-1)
    assert changed[4 * 24 :, 4 * 16 : 4 * 80].mean() > 0.99
    assert not changed[: 4 * 24].any() and not changed[:, 4 * 80 :].any()


def test_one_scale_for_many_pictures(inferencers, photos: Path) -> None:
    """Breaks when pictures of a series cannot be compared, or a range that is none draws
    something."""
    depth = inferencers['depth']
    (own,) = depth(photos / '1.png', return_vis=True)['visualization']
    results = depth(photos / '1.png', return_vis=True, depth_range=(50, 60))
    (given,) = results['visualization']
    assert given.shape == own.shape and len(np.unique(own[:288].reshape(-1, 3), axis=0)) > 20
    assert (given[:288] == depth_colours()[0]).all(), 'all of it is nearer'
    for wrong in ((5, 5), (-1, 5), (1, 2, 3), (4,)):
        with pytest.raises(ValueError, match='two numbers of metres, the nearer one first'):
            depth(photos / '1.png', return_vis=True, depth_range=wrong)


def test_files_can_be_trained_on(inferencers, photos: Path, tmp_path: Path) -> None:
    """Breaks when the unit that the JSON tells is not that of the PNG."""
    (predicted,) = inferencers['depth'](photos / '1.png', out_dir=tmp_path)['predictions']
    told = json.loads((tmp_path / 'preds/1.json').read_text())
    assert told['steps_per_metre'] == 256 and told['depth'] == '1.png'
    (tmp_path / 'list.txt').write_text(f'{photos}/1.png preds/{told["depth"]}\n')
    dataset = DepthPairs(
        str(tmp_path / 'list.txt'),
        depth_scale=told['steps_per_metre'],
        farthest=100,
        data_prefix=dict(img_path='/', depth_map_path=str(tmp_path)),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='mim_secrets.LoadDepth')],
    )
    read = dataset[0]['gt_depth_map']
    np.testing.assert_allclose(read, predicted['depth'], rtol=0, atol=0.5 / 256)


def test_regions_are_no_depth(tasks, photos: Path) -> None:
    """Breaks when a segmentor, whose configs have the same scope, draws something."""
    with pytest.raises(ValueError, match='EncoderDecoder gives no pred_depth_map'):
        DepthInferencer(*tasks['segmentation'], 'cpu')(photos / '1.png')
