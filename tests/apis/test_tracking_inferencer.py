"""Following things through videos and folders: boxes, files, and what may be wrong."""

import re
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS

from mim_secrets.apis import TrackingInferencer, infer, load_inferencer
from mim_secrets.apis.inferencers import video
from mim_secrets.apis.inferencers.video import NoVideoError, VideoFile
from mim_secrets.models.tracking import OneStreamTracker
from tests.apis.films import BOX, TRACKER, VIT, as_folder, as_video, decoded, film, rows_of


class Interrupted(OneStreamTracker):
    """As if somebody pressed Ctrl-C while the fifth frame is looked at."""

    def track(self, frames: list, states: list) -> list:
        if states[0].frames == 4:
            signal.raise_signal(signal.SIGINT)
        return super().track(frames, states)


@pytest.fixture(scope='module')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    model = MODELS.build(TRACKER)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.head.size_branch[-1].bias.data.fill_(-1.1)  # a quarter of the window, as the thing
    path = tmp_path_factory.mktemp('tracker') / 'epoch_1.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture(scope='module')
def tracker(weights: Path) -> TrackingInferencer:
    return load_inferencer(dict(model=TRACKER), weights, device='cpu', show_progress=False)


def expected(tracker: TrackingInferencer, frames: list[np.ndarray]) -> np.ndarray:
    """Boxes and scores (N, 5) by the model's own hand."""
    states, rows = tracker.model.start(frames[:1], [np.array(BOX)]), [[*BOX, 1.0]]
    for frame in frames[1:]:
        ((box, score, state),) = tracker.model.track([frame], states)
        states = [state]
        rows.append([*box, score])
    return np.array(rows)


@pytest.mark.parametrize('kind', ['folder', 'mp4v', 'MJPG'])
def test_boxes_are_the_trackers(tracker, tmp_path: Path, kind: str) -> None:
    """Breaks when a frame is left out or comes twice, colours are swapped on the way to the
    tracker, state is lost between frames, or the files say something else."""
    if kind == 'folder':
        footage = as_folder(tmp_path / 'clip', film())
    else:
        suffix = dict(mp4v='mp4', MJPG='avi')[kind]
        footage = as_video(tmp_path / f'clip.{suffix}', film(), kind)
    results = tracker(footage, BOX, out_dir=tmp_path / 'out')
    frames = decoded(footage)
    rows = expected(tracker, frames)
    assert len(np.unique(rows[:, 0])) > 4, 'a box that never moves would be equal to any such'
    np.testing.assert_allclose(results['boxes'], rows[:, :4])
    np.testing.assert_allclose(results['scores'], rows[:, 4])
    assert results['stopped'] is None
    assert results['tracker_fps'] > results['fps'] > 0

    table, pictures = results['files']
    assert table == tmp_path / 'out/preds/clip.csv' and pictures == tmp_path / 'out/vis/clip.mp4'
    written = rows_of(table)
    assert [row.pop('frame') for row in written] == [*range(12)]
    assert list(written[0]) == ['x', 'y', 'w', 'h', 'score']
    np.testing.assert_allclose([[*row.values()] for row in written], rows, atol=6e-4)
    drawn = decoded(pictures)
    assert len(drawn) == 12
    for picture, frame in zip(drawn, frames, strict=True):
        assert picture.shape == (72 * 4, 96 * 4, 3)
        plain = cv2.resize(frame, (96 * 4, 72 * 4))
        assert 2 < np.abs(picture.astype(int) - plain).mean() < 40


def test_from_a_configs_file(weights: Path, tmp_path: Path) -> None:
    """Breaks when infer() does not know that a config is a tracker's, or lacks its box."""
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run/tracker.py').write_text(f'model = {TRACKER}\n')
    (tmp_path / 'run/epoch_1.pth').write_bytes(weights.read_bytes())
    folder = as_folder(tmp_path / 'clip', film(3))
    results = infer(tmp_path / 'run', None, folder, device='cpu', box=BOX)
    assert results['boxes'].shape == (3, 4) and results['files'] == []
    with pytest.raises(ValueError, match='told what to follow'):
        infer(tmp_path / 'run', None, folder, device='cpu')


def test_ctrl_c_keeps_what_is_done(weights: Path, tmp_path: Path) -> None:
    """Breaks when the frame at hand is lost or written in part, rows wait in a buffer, the
    video is not closed, or Ctrl-C is not an ordinary one again afterwards."""
    interrupted = TrackingInferencer(
        dict(model=dict(TRACKER, type=Interrupted)), weights, 'cpu', show_progress=False
    )
    results = interrupted(as_folder(tmp_path / 'clip', film()), BOX, out_dir=tmp_path / 'out')
    assert results['stopped'] == 'Interrupted.'
    assert len(results['boxes']) == len(rows_of(tmp_path / 'out/preds/clip.csv')) == 5
    assert len(decoded(tmp_path / 'out/vis/clip.mp4')) == 5
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_rows_are_there_while_it_runs(tracker, tmp_path: Path) -> None:
    """Breaks when a row reaches the disk only after others, so that a process that is killed
    loses frames that it has done."""
    table = tmp_path / 'out/preds/clip.csv'
    folder = as_folder(tmp_path / 'clip', film(6))
    seen = []
    model, track = tracker.model, tracker.model.track
    try:
        model.track = lambda *args: seen.append(len(rows_of(table))) or track(*args)
        tracker(folder, BOX, out_dir=tmp_path / 'out')
    finally:
        del model.track
    assert seen == [1, 2, 3, 4, 5]


def broken(folder: Path, how: str) -> Path:
    """The eighth frame, or what is around it, is damaged."""
    if how.startswith('folder'):
        as_folder(folder, film())
        damaged = folder / '7.png'
        if how == 'folder, cut off':
            damaged.write_bytes(damaged.read_bytes()[:200])
        elif how == 'folder, no picture':
            damaged.write_bytes(b'nothing')
        else:
            cv2.imwrite(str(damaged), np.zeros((70, 96, 3), np.uint8))
        return folder
    noise = np.random.default_rng(0).integers(0, 255, (12, 72, 96, 3), np.uint8)
    path = as_video(folder.with_suffix('.avi'), [*noise], 'MJPG')
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    return path


@pytest.mark.parametrize(
    ('how', 'sentence'),
    [
        ('folder, cut off', r'frame 8 of 12, .*7\.png'),
        ('folder, no picture', r'frame 8 of 12, .*7\.png'),
        ('folder, other size', r'frame 8 of 12, .*96 x 70 pixels, but the first 96 x 72'),
        ('video, cut off', r'frame [78] of 12 of .*clip\.avi cannot be decoded'),
    ],
)
def test_a_bad_frame_keeps_those_before_it(tracker, tmp_path: Path, how: str, sentence: str):
    """Breaks when one bad frame takes the others with it, or passes for the end."""
    results = tracker(broken(tmp_path / 'clip', how), BOX, out_dir=tmp_path / 'out')
    count = len(results['boxes'])
    assert count == 7 if how.startswith('folder') else 5 < count < 9
    assert re.search(sentence, results['stopped'])
    assert len(rows_of(tmp_path / 'out/preds/clip.csv')) == count
    assert len(decoded(tmp_path / 'out/vis/clip.mp4')) == count


@pytest.mark.parametrize(
    ('box', 'sentence'),
    [
        ((100, 10, 20, 20), 'lies outside the frame of 96 x 72 pixels'),
        ((-20, 10, 20, 20), 'lies outside the frame'),
        ((10, 10, 0, 20), 'has no area'),
        ((10, 10, float('nan'), 20), 'has no area'),
        ((10, 10, 20), 'box has 3 numbers'),
        (None, '--box X Y WIDTH HEIGHT'),
    ],
)
def test_a_wrong_first_box(tracker, tmp_path: Path, box, sentence: str) -> None:
    """Breaks when a box that shows nothing is followed, or something is written for it."""
    folder = as_folder(tmp_path / 'clip', film(2))
    with pytest.raises(ValueError, match=sentence):
        tracker(folder, box, out_dir=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_wrong_source(tracker, tmp_path: Path) -> None:
    """Breaks when what is no video ends in anything but a sentence, or leaves files."""
    (tmp_path / 'text.mp4').write_text('no video')
    (tmp_path / 'empty').mkdir()
    as_folder(tmp_path / 'pictures', film(1))
    broken_first = as_folder(tmp_path / 'broken', film(2))
    (broken_first / '0.png').write_bytes(b'nothing')
    for footage, sentence in (
        (tmp_path / 'nowhere.mp4', r'There is no .*nowhere\.mp4; give a video'),
        (tmp_path / 'text.mp4', r'text\.mp4 is no video that OpenCV can read'),
        (tmp_path / 'pictures/0.png', r'0\.png is no video'),
        (tmp_path / 'empty', 'There is no frame in .*empty'),
        (broken_first, r'frame 1 of 2, .*0\.png'),
        (97, 'Camera 97 does not open'),
        ('97', 'Camera 97 does not open'),
    ):
        with pytest.raises((OSError, ValueError), match=sentence):
            tracker(footage, BOX, out_dir=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_the_source_is_not_written_over(tracker, tmp_path: Path) -> None:
    """Breaks when a video that was written before is the source, and is lost."""
    path = as_video(tmp_path / 'vis/clip.mp4', film(3))
    before = path.read_bytes()
    with pytest.raises(ValueError, match='would take the place of'):
        tracker(path, BOX, out_dir=tmp_path)
    assert path.read_bytes() == before and not (tmp_path / 'preds').exists()


def test_without_a_codec(tracker, tmp_path: Path, monkeypatch) -> None:
    """Breaks when another codec is not tried, or boxes are lost with the video."""
    folder = as_folder(tmp_path / 'clip', film(3))
    monkeypatch.setattr(video, 'CODECS', (('.mp4', 'none'), ('.avi', 'MJPG')))
    results = tracker(folder, BOX, out_dir=tmp_path / 'second')
    assert [path.name for path in results['files']] == ['clip.csv', 'clip.avi']
    assert len(decoded(results['files'][1])) == 3
    assert [path.name for path in (tmp_path / 'second/vis').iterdir()] == ['clip.avi']
    monkeypatch.setattr(video, 'CODECS', (('.mp4', 'none'),))
    results = tracker(folder, BOX, out_dir=tmp_path / 'none')
    assert [path.name for path in results['files']] == ['clip.csv']
    assert len(rows_of(results['files'][0])) == 3
    with pytest.raises(NoVideoError, match='writes neither none in .mp4'):
        VideoFile(tmp_path / 'none', 25, (72, 96))


def test_another_model(tmp_path: Path) -> None:
    """Breaks when a model that follows nothing fails far from the mistake."""
    with pytest.raises(TypeError, match='has no start and track'):
        TrackingInferencer(dict(model=VIT), tmp_path / 'nowhere.pth')
