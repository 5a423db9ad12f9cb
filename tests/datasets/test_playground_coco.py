"""The playground as COCO: what pycocotools, mmdet and mmpose read is what was drawn."""

import json
import runpy
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mim_secrets.datasets.playground import (
    COCO_CLASSES,
    COCO_PRESETS,
    KEYPOINTS,
    CocoPlayground,
    MismatchError,
    Playground,
    Preset,
    Rendering,
    fill,
    render,
    sample_group,
)
from mim_secrets.datasets.playground.outlines import run_lengths, segmentation

pytestmark = pytest.mark.slow  # they write files and start processes

TOOL = Path(__file__).parents[2] / 'tools/dataset_converters/make_playground.py'
WORLD = replace(CocoPlayground.of('tiny'), train=10, val=6)
FIGURE_LABEL = COCO_CLASSES.index('person')


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob('*') if p.is_file()}


@cache
def drawn(split: str, index: int) -> Rendering:
    scene = sample_group(WORLD.seed, index, WORLD.style, split)
    return render(scene, WORLD.image_shape(index))


def read(root: Path, name: str):
    return json.loads((root / name).read_text())


@pytest.fixture(scope='module')
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('coco')
    fill(root, WORLD)
    return root


def told_apart(rendering: Rendering) -> np.ndarray:
    """Things that are annotated one by one: all that shows but the smallest people."""
    areas = rendering.masks.sum(axis=(1, 2))
    least = np.ones(len(areas))
    least[rendering.figures] = 24
    return np.flatnonzero(areas >= least)


def test_polygons_and_run_lengths_are_the_mask_to_pycocotools():
    """Breaks when a mask with holes, islands or pixels that touch by a corner changes on
    its way through polygons or run lengths."""
    from pycocotools import mask as tools

    rng = np.random.default_rng(0)
    masks = [rng.random((9, 13)) < share for share in (0.1, 0.3, 0.5, 0.7, 0.95) for _ in range(20)]
    masks += [np.ones((3, 4), bool), np.eye(6, dtype=bool), np.eye(6, dtype=bool)[::-1]]
    kinds = set()
    for mask in masks:
        for found in (segmentation(mask), run_lengths(mask)):
            kinds.add(type(found))
            packed = tools.frPyObjects(found, *mask.shape)
            packed = tools.merge(packed) if isinstance(packed, list) else packed
            assert np.array_equal(tools.decode(packed).astype(bool), mask)
    assert kinds == {list, dict}
    assert len(segmentation(np.eye(6, dtype=bool))) == 6  # a polygon for each island


def test_annotations_are_what_was_drawn(coco: Path):
    """Breaks when an area, a box, a class or a key point is not the rendering's, or when
    images and annotations are paired wrongly."""
    for split in ('train', 'val'):
        file = read(coco, f'annotations/instances_{split}2017.json')
        people = read(coco, f'annotations/person_keypoints_{split}2017.json')['annotations']
        points = {one['id']: one for one in people}
        assert len(file['images']) == WORLD.counts()[split]
        names = {one['id']: one['name'] for one in file['categories']}
        for index, image in enumerate(file['images']):
            rendering = drawn(split, index)
            height, width = rendering.semantic.shape
            assert (image['height'], image['width']) == (height, width)
            assert image['file_name'] == f'{image["id"]:012d}.jpg'
            assert (coco / f'{split}2017' / image['file_name']).is_file()
            own = [a for a in file['annotations'] if a['image_id'] == image['id']]
            single = [a for a in own if not a['iscrowd']]
            for i, one in zip(told_apart(rendering), single, strict=True):
                assert one['area'] == rendering.masks[i].sum()
                x, y, w, h = one['bbox']
                assert [x, y, x + w, y + h] == rendering.boxes[i].tolist()
                is_person = i in rendering.figures
                assert (names[one['category_id']] == 'person') == is_person
                assert (one['id'] in points) == is_person
                assert 'keypoints' not in one
                if is_person:
                    joints = rendering.keypoints[list(rendering.figures).index(i)]
                    found = np.reshape(points[one['id']]['keypoints'], (17, 3))
                    seen = joints[:, 2] > 0
                    assert np.array_equal(found[:, 2], joints[:, 2])
                    limit = np.array([width, height]) - 1
                    place = np.clip(joints[seen, :2] - 0.5, 0, limit)
                    assert np.abs(found[seen, :2] - place).max(initial=0) <= 0.006
                    assert points[one['id']]['num_keypoints'] == seen.sum()
    assert len({a['id'] for a in people}) == len(people)
    shapes = {np.sign(i['height'] - i['width']) for i in file['images']}
    assert shapes == {-1, 0, 1}  # wide, square and tall


def test_categories_crowds_and_flags_are_as_in_coco(coco: Path):
    """Breaks when a class lacks, numbers lose their gaps, a crowd is no run lengths, or a
    flag or a crowd never occurs, so that nothing downstream meets it."""
    file = read(coco, 'annotations/person_keypoints_train2017.json')
    (person,) = file['categories']
    assert (person['id'], tuple(person['keypoints'])) == (1, KEYPOINTS)
    assert np.ptp(person['skeleton']) == 16 and np.min(person['skeleton']) == 1
    flags = np.concatenate([a['keypoints'][2::3] for a in file['annotations']])
    assert set(flags.tolist()) == {0, 1, 2}
    crowds = [a for a in file['annotations'] if a['iscrowd']]
    assert crowds
    for crowd in crowds:
        assert sum(crowd['segmentation']['counts'][1::2]) == crowd['area'] > 0
        assert crowd['num_keypoints'] == 0
    every = read(coco, 'annotations/instances_train2017.json')['categories']
    assert tuple(one['name'] for one in every) == COCO_CLASSES
    numbers = [one['id'] for one in every]
    assert numbers == sorted(set(numbers)) and numbers != list(range(1, 11))


def test_detections_are_near_the_people_but_not_perfect(coco: Path):
    """Breaks when boxes are those of the ground truth, lie outside, or have no pattern in
    their scores."""
    found = read(coco, 'person_detection_results/COCO_val2017_detections_AP_H_56_person.json')
    file = read(coco, 'annotations/person_keypoints_val2017.json')
    shapes = {i['id']: (i['width'], i['height']) for i in file['images']}
    true = {}
    for one in file['annotations']:
        true.setdefault(one['image_id'], []).append(one['bbox'])
    overlaps, scores = [], []
    for one in found:
        x, y, w, h = one['bbox']
        wide, high = shapes[one['image_id']]
        assert one['category_id'] == 1 and 0 < one['score'] < 1
        assert min(x, y) >= 0 and x + w <= wide + 0.01 and y + h <= high + 0.01
        overlaps.append(max([overlap(one['bbox'], b) for b in true.get(one['image_id'], [])] + [0]))
        scores.append(one['score'])
    overlaps, scores = np.array(overlaps), np.array(scores)
    good = overlaps > 0.5
    assert good.any() and not good.all() and overlaps.max() < 1
    assert scores[good].mean() > scores[~good].mean() + 0.2


def overlap(a: list[float], b: list[float]) -> float:
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(wide, 0) * max(high, 0)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def test_two_workers_and_a_second_run_change_nothing(coco: Path, tmp_path: Path):
    """Breaks when a file depends on who wrote it, or a resumed run leaves gaps or starts anew."""
    assert fill(tmp_path, WORLD, workers=2) == 16
    before = contents(coco)
    assert contents(tmp_path) == before
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}
    assert fill(tmp_path, WORLD) == 0
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')} == stamps
    next((tmp_path / 'val2017').iterdir()).unlink()
    next((tmp_path / 'meta/labels/train').iterdir()).unlink()
    (tmp_path / 'annotations/instances_val2017.json').unlink()
    assert fill(tmp_path, WORLD) == 2
    assert contents(tmp_path) == before


def test_another_layout_in_the_same_folder_is_refused(coco: Path):
    """Breaks when two layouts are mixed in one folder."""
    before = contents(coco)
    with pytest.raises(MismatchError, match='with layout coco, not imagenet; choose another'):
        fill(coco, Playground.of('tiny'))
    assert contents(coco) == before


def test_the_command_knows_layouts(tmp_path: Path, monkeypatch, capsys):
    """Breaks when --layout is not heard, or a preset that a layout lacks ends in a trace."""

    def run(*arguments: str) -> None:
        monkeypatch.setattr(sys, 'argv', [str(TOOL), str(tmp_path), '--layout', 'coco', *arguments])
        runpy.run_path(str(TOOL), run_name='__main__')

    monkeypatch.setitem(COCO_PRESETS, 'tiny', Preset(train=3, val=2, image_size=32))
    run('--preset', 'tiny', '--workers', '1')
    assert '5 images of up to 32x32' in capsys.readouterr().out
    assert (tmp_path / 'annotations/instances_train2017.json').is_file()
    with pytest.raises(SystemExit):
        run('--preset', 'medium')
    assert 'coco has tiny and small only' in capsys.readouterr().err


@pytest.mark.slow
def test_mmdet_reads_what_was_drawn_and_finds_it_perfect(coco: Path):
    """Breaks when mmdet's dataset drops or alters an instance, or when the drawn masks as
    predictions do not reach AP 1."""
    import torch
    from mmdet.datasets import CocoDataset
    from mmdet.datasets.transforms import LoadAnnotations  # noqa: F401  registers it
    from mmdet.evaluation import CocoMetric

    dataset = CocoDataset(
        data_root=str(coco),
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/'),
        metainfo=dict(classes=COCO_CLASSES),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
        ],
        test_mode=True,
    )
    metric = CocoMetric(
        ann_file=str(coco / 'annotations/instances_val2017.json'), metric=['bbox', 'segm']
    )
    metric.dataset_meta = dataset.metainfo
    assert len(dataset) == WORLD.val
    for index, sample in enumerate(dataset):
        rendering = drawn('val', index)
        things = told_apart(rendering)
        masks = rendering.masks[things]
        single = ~sample['gt_ignore_flags']
        assert np.array_equal(sample['gt_masks'].masks[single].astype(bool), masks)
        assert np.array_equal(sample['gt_bboxes'].tensor.numpy()[single], rendering.boxes[things])
        labels = sample['gt_bboxes_labels'][single]
        assert np.array_equal(labels == FIGURE_LABEL, np.isin(things, rendering.figures))
        assert np.abs(sample['img'][..., ::-1].astype(int) - rendering.image).mean() < 4
        predicted = dict(
            bboxes=torch.from_numpy(rendering.boxes[things]),
            scores=torch.ones(len(things)),
            labels=torch.from_numpy(labels),
            masks=torch.from_numpy(masks),
        )
        known = dict(img_id=sample['img_id'], ori_shape=sample['ori_shape'])
        metric.process({}, [known | dict(pred_instances=predicted)])
    scores = metric.evaluate(size=len(dataset))
    assert scores['coco/bbox_mAP'] == scores['coco/segm_mAP'] == 1.0


@pytest.mark.slow
def test_mmpose_reads_what_was_drawn_and_finds_it_perfect(coco: Path):
    """Breaks when mmpose's dataset loses a person or moves a joint, when the true joints as
    predictions do not reach AP 1, or when detected boxes cannot be read."""
    from mmpose.datasets import CocoDataset
    from mmpose.evaluation import CocoMetric

    files = dict(
        data_root=str(coco),
        ann_file='annotations/person_keypoints_val2017.json',
        data_prefix=dict(img='val2017/'),
        test_mode=True,
    )
    dataset = CocoDataset(**files)
    metric = CocoMetric(ann_file=str(coco / files['ann_file']))
    metric.dataset_meta = dataset.metainfo
    true = np.concatenate([
        rendering.keypoints[np.isin(rendering.figures, told_apart(rendering))]
        for rendering in (drawn('val', i) for i in range(WORLD.val))
    ])  # fmt: skip
    true = true[(true[..., 2] > 0).any(axis=1)]
    assert len(dataset) == len(true) > 2
    for joints, sample in zip(true, dataset):
        seen = joints[:, 2] > 0
        assert np.array_equal(sample['keypoints_visible'][0], seen)
        assert np.abs(sample['keypoints'][0, seen] - (joints[seen, :2] - 0.5)).max() < 0.51
        predicted = dict(keypoints=sample['keypoints'], keypoint_scores=np.ones((1, 17)))
        known = dict(id=sample['id'], img_id=sample['img_id'])
        known['gt_instances'] = dict(bbox_scores=sample['bbox_score'])
        metric.process({}, [known | dict(pred_instances=predicted)])
    scores = metric.evaluate(size=len(dataset))
    assert scores['coco/AP'] == pytest.approx(1.0, abs=1e-6)
    boxes = 'person_detection_results/COCO_val2017_detections_AP_H_56_person.json'
    detected = CocoDataset(**files, bbox_file=str(coco / boxes))
    assert len(detected) == len(read(coco, boxes)) > 0
