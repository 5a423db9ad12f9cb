"""The playground as CrowdPose: people who hide one another, and how much they do."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mim_secrets.datasets.playground import (
    CROWD_KEYPOINTS,
    CrowdPosePlayground,
    Rendering,
    Scene,
    fill,
    render,
    sample_crowd,
)
from mim_secrets.datasets.playground.crowdpose import bodies, crowd_index

pytestmark = pytest.mark.slow  # they write files and start processes

WORLD = replace(CrowdPosePlayground.of('tiny'), train=4, val=3)
ANNOTATIONS = 'annotations/mmpose_crowdpose_{}.json'
DETECTIONS = 'annotations/det_for_crowd_test_0.1_0.5.json'


@cache
def drawn(split: str, index: int) -> tuple[Scene, Rendering]:
    scene = sample_crowd(WORLD.seed, index, WORLD.style, split)
    return scene, render(scene, WORLD.image_shape(index))


@pytest.fixture(scope='module')
def crowdpose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('crowdpose')
    fill(root, WORLD)
    return root


@pytest.fixture(scope='module')
def files(crowdpose: Path) -> dict[str, dict]:
    names = ('train', 'val', 'trainval', 'test')
    return {n: json.loads((crowdpose / ANNOTATIONS.format(n)).read_text()) for n in names}


def test_crowd_index_by_hand():
    """Breaks when the index is not the mean, over people, of the others' joints in a box
    over one's own there, or leaves the interval from 0 to 1."""
    points = np.zeros((2, 14, 3))
    points[0, :, :2], points[1, :, :2] = 5.0, 15.0
    points[..., 2] = 1
    apart = np.array([[0, 0, 10, 10], [10, 10, 20, 20]])
    assert crowd_index(apart, points) == 0.0
    points[1, :7, :2] = 5.0  # half of the second body lies in the first one's box
    assert crowd_index(apart, points) == pytest.approx((7 / 14 + 0 / 7) / 2)
    points[1, 0, 2] = 0  # outside the image: counts for nobody
    assert crowd_index(apart, points) == pytest.approx((6 / 14 + 0 / 7) / 2, abs=1e-4)
    everyone = np.array([[0, 0, 20, 20]] * 2)
    assert crowd_index(everyone[:1], points[:1]) == 0.0
    many = np.repeat(points, 3, axis=0)
    assert crowd_index(np.repeat(everyone, 3, axis=0), many) == 1.0


def test_annotations_are_what_was_drawn(files: dict[str, dict], crowdpose: Path):
    """Breaks when a joint, a box or an index is not the scene's, or parts do not add up."""
    assert [len(files[n]['images']) for n in ('train', 'val', 'trainval', 'test')] == [4, 3, 7, 12]
    for key in ('images', 'annotations'):
        assert files['trainval'][key] == files['train'][key] + files['val'][key]
    for split in ('train', 'val', 'test'):
        for index, image in enumerate(files[split]['images']):
            assert (crowdpose / 'images' / image['file_name']).is_file()
            scene, rendering = drawn(split, index)
            assert (image['height'], image['width']) == rendering.semantic.shape
            people = [a for a in files[split]['annotations'] if a['image_id'] == image['id']]
            shown = bodies(scene, rendering)
            limit = np.array([image['width'], image['height']]) - 1
            for person, body in zip(people, shown, strict=True):
                limbs = rendering.keypoints[rendering.figures == body['thing'], 5:][0]
                found = np.reshape(person['keypoints'], (14, 3))
                seen = limbs[:, 2] > 0
                assert np.array_equal(found[:12, 2], limbs[:, 2])
                place = np.clip(limbs[seen, :2] - 0.5, 0, limit)
                assert np.abs(found[:12][seen, :2] - place).max(initial=0) <= 0.006
                assert person['num_keypoints'] == (found[:, 2] == 2).sum() > 0
            boxes = np.array([body['box'] for body in shown])
            points = np.array([body['keypoints'] for body in shown])
            assert image['crowdIndex'] == crowd_index(boxes, points)


def test_boxes_hold_the_whole_body_and_heads_are_up():
    """Breaks when a box ends where a body is hidden, or neck and top of the head swap or
    leave the head."""
    checked = 0
    for index in range(4):
        scene, rendering = drawn('train', index)
        for body in bodies(scene, rendering):
            x0, y0, x1, y1 = body['box']
            points = body['keypoints'][body['keypoints'][:, 2] > 0]
            assert ((points[:, 0] >= x0 - 0.5) & (points[:, 0] <= x1 + 0.5)).all()
            assert ((points[:, 1] >= y0 - 0.5) & (points[:, 1] <= y1 + 0.5)).all()
            top, neck = body['keypoints'][-2:]
            if top[2] and neck[2]:
                tall = y1 - y0
                assert y0 <= top[1] < neck[1] < y0 + 0.35 * tall
                checked += 1
    assert checked > 6
    assert CROWD_KEYPOINTS[0] == 'left_shoulder' and CROWD_KEYPOINTS[-2:] == ('top_head', 'neck')


def test_crowds_are_crowded(files: dict[str, dict]):
    """Breaks when people stand apart, or one of easy, medium and hard has no image."""
    images = files['trainval']['images'] + files['test']['images']
    indices = np.array([image['crowdIndex'] for image in images])
    assert 0.3 < indices.mean() < 0.7
    test = np.array([image['crowdIndex'] for image in files['test']['images']])
    assert (test < 0.2).any() and (test >= 0.8).any() and ((test >= 0.2) & (test < 0.8)).any()
    flags = np.concatenate([a['keypoints'][2::3] for a in files['test']['annotations']])
    assert 0.1 < (flags == 1).mean() < 0.7


def test_two_workers_write_the_same_bytes(crowdpose: Path, tmp_path: Path):
    """Breaks when a file depends on who wrote it."""
    assert fill(tmp_path, WORLD, workers=2) == 19
    for path in crowdpose.rglob('*'):
        if path.is_file():
            assert (tmp_path / path.relative_to(crowdpose)).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_mmpose_reads_what_was_drawn_and_finds_it_perfect(crowdpose: Path, files: dict[str, dict]):
    """Breaks when mmpose's dataset loses a person, when the true joints as predictions do
    not reach AP 1 in easy, medium and hard images, or detected boxes cannot be read."""
    from mmpose.datasets import CrowdPoseDataset
    from mmpose.evaluation import CocoMetric

    settings = dict(
        data_root=str(crowdpose),
        ann_file=ANNOTATIONS.format('test'),
        data_prefix=dict(img='images/'),
        test_mode=True,
    )
    dataset = CrowdPoseDataset(**settings)
    assert tuple(dataset.metainfo['keypoint_id2name'].values()) == CROWD_KEYPOINTS
    assert len(dataset) == len(files['test']['annotations'])
    metric = CocoMetric(
        ann_file=str(crowdpose / settings['ann_file']),
        use_area=False,
        iou_type='keypoints_crowd',
        prefix='crowdpose',
    )
    metric.dataset_meta = dataset.metainfo
    indices = {image['id']: image['crowdIndex'] for image in files['test']['images']}
    for sample in dataset:
        assert sample['crowd_index'] == indices[sample['img_id']]
        predicted = dict(keypoints=sample['keypoints'], keypoint_scores=np.ones((1, 14)))
        known = dict(id=sample['id'], img_id=sample['img_id'])
        known['gt_instances'] = dict(bbox_scores=sample['bbox_score'])
        metric.process({}, [known | dict(pred_instances=predicted)])
    scores = metric.evaluate(size=len(dataset))
    for name in ('AP', 'AP(E)', 'AP(M)', 'AP(H)'):
        assert scores[f'crowdpose/{name}'] == pytest.approx(1.0, abs=1e-6)
    detected = CrowdPoseDataset(**settings, bbox_file=str(crowdpose / DETECTIONS))
    assert len(detected) == len(json.loads((crowdpose / DETECTIONS).read_text())) > 12
