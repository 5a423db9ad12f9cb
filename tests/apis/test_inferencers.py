"""Inferencers of all tasks: the libraries' own predictions, files and pictures."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from PIL import Image

from mim_secrets.apis.inferencers import (
    INFERENCERS,
    ClassificationInferencer,
    DepthInferencer,
    DetectionInferencer,
    PoseInferencer,
    SegmentationInferencer,
    infer,
)
from mim_secrets.apis.inferencers.canvas import Canvas
from tests.apis.tasks import CLASSES, TASKS, Trained, write_picture

pytestmark = pytest.mark.slow  # they build models and write files
ALL = {'detection': dict(pred_score_thr=0.0), 'pose': dict(kpt_thr=-1.0)}  # however unsure
MAPS = dict(segmentation='sem_seg', depth='depth')  # in files of their own


def test_scope_and_model_choose_the_task(inferencers: dict) -> None:
    """Breaks when a config is given to the inferencer of another task."""
    kinds = [
        ClassificationInferencer,
        DetectionInferencer,
        SegmentationInferencer,
        PoseInferencer,
    ]
    assert kinds == [*INFERENCERS.values()]
    assert [type(inferencers[task]) for task in TASKS] == [*kinds, DepthInferencer]


def theirs(task: str, trained: Trained, image: str) -> dict:
    """What the library's own inferencer predicts from the same files."""
    config, weights = map(str, trained)
    if task == 'classification':
        from mmpretrain import ImageClassificationInferencer

        inferencer = ImageClassificationInferencer(config, pretrained=weights, device='cpu')
        return inferencer(image)[0]
    if task == 'detection':
        from mmdet.apis import DetInferencer

        inferencer = DetInferencer(config, weights, device='cpu', show_progress=False)
        return inferencer(image)['predictions'][0]
    if task == 'segmentation':
        from mmseg.apis import MMSegInferencer

        return dict(sem_seg=MMSegInferencer(config, weights, device='cpu')(image)['predictions'])
    if task == 'depth':  # mmseg's inferencer knows of no depth
        from mmseg.apis import inference_model, init_model

        model = init_model(config, weights, device='cpu')
        steps = model.cfg.test_dataloader.dataset.pipeline
        model.cfg.test_pipeline = [step for step in steps if 'LoadDepth' not in step.type]
        return dict(depth=inference_model(model, image).pred_depth_map.data[0].numpy())
    from mmpose.apis.inferencers import Pose2DInferencer

    inferencer = Pose2DInferencer(config, weights, device='cpu', det_model='whole_image')
    people = next(inferencer(image))['predictions'][0]
    # a box has one more pair of brackets there
    return dict(instances=[dict(person, bbox=list(person['bbox'][0])) for person in people])


@pytest.mark.parametrize('task', TASKS)
def test_predictions_are_the_librarys(task: str, tasks, inferencers, photos: Path) -> None:
    """Breaks when a transform is left out, channels are swapped, weights are not loaded, or
    what the model says is lost on the way, so that a bit differs from what mmpretrain,
    mmdet, mmseg or mmpose predict."""
    image = str(photos / '1.png')
    # mmpretrain's looks transforms up in whatever scope was used last
    with DefaultScope.overwrite_default_scope(inferencers[task].scope):
        expected = theirs(task, tasks[task], image)
    (actual,) = inferencers[task](image)['predictions']
    assert (actual['image'], actual['width'], actual['height']) == (image, 96, 72)
    for key, value in expected.items():
        assert np.all(np.asarray(actual[key]) == np.asarray(value)), key
    quantity = dict(classification='pred_scores', detection='scores', segmentation='sem_seg')
    quantity['depth'] = 'depth'
    shown = actual[quantity[task]] if task in quantity else actual['instances'][0]['keypoints']
    assert len(np.unique(shown)) > 1, 'a constant would be equal to any constant'


@pytest.mark.parametrize('task', TASKS)
def test_batches_and_arrays_change_nothing(task: str, inferencers, photos: Path) -> None:
    """Breaks when images of several sizes are padded to one, are returned in another order,
    or when an array is taken for RGB."""
    paths = [photos / '1.png', photos / 'deep/1.png', photos / 'deep/2.png']
    inferencer = inferencers[task]
    single = [inferencer(path)['predictions'][0] for path in paths]
    batched = inferencer([str(path) for path in paths], batch_size=3)['predictions']
    arrays = inferencer([cv2.imread(str(path)) for path in paths], batch_size=2)['predictions']
    samples = inferencer(paths, return_datasamples=True)['predictions']
    assert len(batched) == len(arrays) == len(samples) == 3
    for one, *others in zip(single, batched, arrays, strict=True):
        for other in others:
            assert_close({**other, 'image': one['image']}, one)
    assert all(inferencer.predicts in sample for sample in samples)


def assert_close(actual: object, expected: object) -> None:
    """Numbers up to rounding, which depends on the size of a batch; all else exactly."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for key in expected:
            assert_close(actual[key], expected[key])
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict):
        for pair in zip(actual, expected, strict=True):
            assert_close(*pair)
    elif isinstance(expected, float | list | np.ndarray) and np.asarray(expected).dtype.kind == 'f':
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-3)
    else:
        assert np.all(np.asarray(actual) == np.asarray(expected))


@pytest.mark.parametrize('task', TASKS)
def test_files(task: str, inferencers, photos: Path, tmp_path: Path) -> None:
    """Breaks when a file is missing, two images of one name share theirs, a file says
    something else than the call returned, or pictures of the last run are predicted on."""
    shutil.copytree(photos, tmp_path / 'copies')
    out = tmp_path / 'copies' / 'out'
    options = dict(out_dir=out, return_vis=True, **ALL.get(task, {}))
    for _ in range(2):
        results = inferencers[task](tmp_path / 'copies', batch_size=2, **options)
    names = ['1', 'deep/1', 'deep/2']
    for key, suffix in (('vis', '.png'), ('preds', '.json')):
        written = sorted(p.relative_to(out / key) for p in (out / key).rglob(f'*{suffix}'))
        if key == 'vis' or task not in MAPS:
            assert [path.as_posix() for path in written] == [f'{name}{suffix}' for name in names]
    for name, prediction, picture in zip(
        names, results['predictions'], results['visualization'], strict=True
    ):
        assert np.array_equal(np.array(Image.open(out / 'vis' / f'{name}.png')), picture)
        told = json.loads((out / 'preds' / f'{name}.json').read_text())
        assert Path(told['image']) == tmp_path / 'copies' / f'{name}.png'
        if task in MAPS:
            file = out / 'preds' / Path(name).parent / told[MAPS[task]]
            told[MAPS[task]] = np.array(Image.open(file)) / told.pop('steps_per_metre', 1)
        if task == 'depth':
            np.testing.assert_allclose(told['depth'], prediction['depth'], rtol=0, atol=0.5 / 256)
            told['depth'] = prediction['depth']
        assert told.keys() == prediction.keys()
        for key, value in prediction.items():
            assert np.all(np.asarray(told[key]) == np.asarray(value)), key
        plain = Canvas(cv2.imread(told['image'])).pixels
        assert picture.dtype == np.uint8 and picture.shape[1] == plain.shape[1]
        drawn_on = (picture[: len(plain)] != plain).any()
        assert drawn_on == (task != 'classification'), 'classes stand below'
        assert (len(picture) > len(plain)) == (task in ('classification', *MAPS))


@pytest.mark.parametrize(
    ('task', 'limit'), [('detection', dict(pred_score_thr=1.1)), ('pose', dict(kpt_thr=1e9))]
)
def test_a_picture_without_anything_says_so(task, limit, inferencers, photos: Path) -> None:
    """Breaks when somebody whose model is unsure of everything gets the plain photograph back
    and cannot tell that from a model that was never asked."""
    image = str(photos / '1.png')
    (picture,) = inferencers[task](image, return_vis=True, **limit)['visualization']
    (all_of_it,) = inferencers[task](image, return_vis=True, **ALL[task])['visualization']
    plain = Canvas(cv2.imread(image)).pixels
    changed = np.argwhere((picture != plain).any(axis=2))
    assert len(changed) and changed[:, 0].max() < len(plain) / 3
    assert (picture != all_of_it).any()


def test_a_window_for_each_picture(inferencers, photos: Path, monkeypatch) -> None:
    """Breaks when ``show`` shows something else than is written, or without being asked."""
    shown = []
    monkeypatch.setattr(Image.Image, 'show', lambda picture, title: shown.append((title, picture)))
    inferencers['classification'](photos, return_vis=True)
    assert not shown
    results = inferencers['classification'](photos, show=True, return_vis=True)
    assert [title for title, _ in shown] == ['1', 'deep/1', 'deep/2']
    for (_, picture), expected in zip(shown, results['visualization'], strict=True):
        assert np.array_equal(np.array(picture), expected)


def test_a_work_directory_is_enough(tasks, photos: Path) -> None:
    """Breaks when a run's own copy of its config or its newest checkpoint is not found."""
    folder = tasks['classification'].config.parent
    (by_folder,) = infer(folder, None, photos / '1.png')['predictions']
    (by_files,) = infer(*tasks['classification'], photos / '1.png')['predictions']
    assert np.array_equal(by_folder['pred_scores'], by_files['pred_scores'])


def test_names_of_classes(tasks, photos: Path, tmp_path: Path) -> None:
    """Breaks when the names that the model was trained with do not go before those of the
    config, or a checkpoint without names ends in an error."""
    config, weights = tasks['classification']
    (known,) = infer(config, weights, photos / '1.png')['predictions']
    content = torch.load(weights, weights_only=True)
    names = [f'new {name}' for name in CLASSES]
    torch.save(dict(content, meta=dict(dataset_meta=dict(classes=names))), tmp_path / 'new.pth')
    torch.save(dict(content, meta={}), tmp_path / 'nameless.pth')
    torch.save(dict(content, meta=dict(CLASSES=names)), tmp_path / 'old.pth')
    (renamed,) = infer(config, tmp_path / 'new.pth', photos / '1.png')['predictions']
    (nameless,) = infer(config, tmp_path / 'nameless.pth', photos / '1.png')['predictions']
    assert known['pred_class'] == nameless['pred_class'] == CLASSES[known['pred_label']]
    (old,) = infer(config, tmp_path / 'old.pth', photos / '1.png')['predictions']
    assert renamed['pred_class'] == old['pred_class'] == f'new {known["pred_class"]}'


def test_unreadable_images_are_told_at_the_end(inferencers, photos: Path, tmp_path: Path, capsys):
    """Breaks when one bad file ends a folder, vanishes without a word, or shifts what is
    said about the others."""
    for name in ('a', 'c'):
        write_picture(tmp_path / f'{name}.png', ord(name))
    (tmp_path / 'b.jpg').write_bytes(b'no image')
    inferencer = inferencers['classification']
    results = inferencer(tmp_path, batch_size=2)
    assert [Path(p['image']).name for p in results['predictions']] == ['a.png', 'c.png']
    assert results['skipped'] == [f'{tmp_path / "b.jpg"} (holds no image)']
    with pytest.raises(ValueError, match=r'(?s)No image could be read of 1:.*is not there'):
        inferencer(tmp_path / 'nowhere.jpg')


def test_boxes_of_people(inferencers, photos: Path) -> None:
    """Breaks when a person is looked at elsewhere than in its box, or the boxes of one
    image come to another."""
    pose = inferencers['pose']
    paths = [photos / '1.png', photos / 'deep/2.png', photos / 'deep/1.png']
    boxes = [[[10, 10, 40, 60], [50, 5, 90, 70]], [], [[0, 0, 96, 72]]]
    results = pose(paths, bboxes=boxes, batch_size=2)['predictions']
    assert [[p['bbox'] for p in r['instances']] for r in results] == boxes
    (whole,) = pose(paths[2])['predictions']
    assert_close(results[2], whole)
    # the first box, made as wide as the model's input and a quarter larger, ends at x = 48.4
    image = cv2.imread(str(paths[0]))
    beside, inside = image.copy(), image.copy()
    beside[:, 50:], inside[20:40, 20:30] = 0, 0
    person = results[0]['instances'][0]
    looks = [pose(one, bboxes=boxes[0][:1])['predictions'][0] for one in (beside, inside)]
    assert_close(looks[0]['instances'], [person])
    assert not np.allclose(looks[1]['instances'][0]['keypoint_scores'], person['keypoint_scores'])


def test_a_detector_finds_people(tasks, inferencers, photos: Path) -> None:
    """Breaks when other things than people are looked at, unsure boxes are, or an image
    without people ends in an error."""
    detector, image = inferencers['detection'], photos / '1.png'
    (found,) = detector(image)['predictions']
    kind = found['classes'][0]
    scores = [s for s, name in zip(found['scores'], found['classes'], strict=True) if name == kind]
    limit = sorted(scores)[len(scores) // 2]
    expected = [
        box
        for box, score, name in zip(found['bboxes'], found['scores'], found['classes'], strict=True)
        if name == kind and score >= limit
    ]
    pose = PoseInferencer(*tasks['pose'], 'cpu', detector=detector, person=kind, bbox_thr=limit)
    (prediction,) = pose(image)['predictions']
    assert_close([person['bbox'] for person in prediction['instances']], expected)
    assert 0 < len(expected) < len(found['bboxes']) + 1
    pose.person = next(name for name in ('cone', 'ball') if name not in found['classes'])
    assert pose(image)['predictions'][0]['instances'] == []
    pose.person, pose.bbox_thr = kind, 2.0
    assert pose(image, return_vis=True)['predictions'][0]['instances'] == []
    with pytest.raises(ValueError, match="no 'elephant'.* person, cone, ball"):
        PoseInferencer(*tasks['pose'], 'cpu', detector=detector, person='elephant')
