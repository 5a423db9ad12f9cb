"""Files on disk: the same bytes everywhere, nothing written twice, nothing half written."""

import hashlib
import json
import multiprocessing
import os
import runpy
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mim_secrets.datasets.playground import (
    CLASSES,
    PRESETS,
    MismatchError,
    Playground,
    Preset,
    Style,
    encode_jpeg,
    render,
    render_image,
    sample_clip,
    sample_scene,
    write_imagenet,
)

TOOL = Path(__file__).parents[2] / 'tools/dataset_converters/make_playground.py'
SMALL = replace(Playground.of('tiny'), train=40, val=20)

# Made with NumPy 2.4 and OpenCV 4.14 on x86-64. Another value on another machine means
# that something inexact reached a pixel; after a wanted change of the renderer, raise
# RENDERER_VERSION and put the new values here.
GOLDEN_JPEGS = '26daf8b372da43b744e54a9df91c222f2481b380d82a91a954f0708c36e6fa69'
GOLDEN_LABELS = '2076cc5c5387e641b752c834ab1a73aaeb119cad36ec1382dca9eaac198bcb8d'


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob('*') if p.is_file()}


def times(root: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in root.rglob('*') if p.is_file()}


def test_golden_jpegs():
    """Breaks when a byte of a picture differs from the machine where the value was made."""
    digest = hashlib.sha256()
    for size, indices in ((32, range(20)), (96, range(20, 30)), ((72, 128), range(30, 35))):
        for i in indices:
            digest.update(encode_jpeg(render_image(sample_scene(0, i, Style()), size)))
    assert digest.hexdigest() == GOLDEN_JPEGS


def test_golden_labels():
    """Breaks when a bit of a label differs from the machine where the value was made."""
    digest = hashlib.sha256()
    style = Style(figure_chance=0.7, occluder_chance=0.5)
    scenes = [sample_scene(0, i, style, 'val') for i in range(10)]
    scenes += sample_clip(0, CLASSES.index('figure'), style, frames=3)
    for scene in scenes:
        r = render(scene, (48, 64))
        for label in (r.masks, r.boxes, r.visibility, r.semantic, r.depth, r.keypoints):
            digest.update(np.ascontiguousarray(label).tobytes())
    assert digest.hexdigest() == GOLDEN_LABELS


def test_one_and_two_workers_write_the_same_bytes(tmp_path):
    """Breaks when a file depends on who wrote it, or on what that worker wrote before."""
    write_imagenet(tmp_path / 'one', SMALL, workers=1)
    write_imagenet(tmp_path / 'two', SMALL, workers=2)
    one = contents(tmp_path / 'one')
    assert one == contents(tmp_path / 'two')
    assert sum(name.endswith('.jpg') for name in one) == 60


@pytest.mark.slow
def test_layout_is_that_of_imagenet(tmp_path):
    """Breaks when a list names a missing file, labels disagree with folders, or parts are
    not balanced and nested."""
    write_imagenet(tmp_path, replace(SMALL, train=400))
    meta = tmp_path / 'meta'
    assert (meta / 'classes.txt').read_text().split() == sorted(CLASSES) == list(CLASSES)
    lists = {}
    for name in ('train', 'val', 'train_10percent', 'train_1percent'):
        lines = [line.split() for line in (meta / f'{name}.txt').read_text().splitlines()]
        lists[name] = {file for file, _ in lines}
        for file, label in lines:
            assert file.split('/')[0] == CLASSES[int(label)]
            assert (tmp_path / name.split('_')[0] / file).is_file()
        counts = np.bincount([int(label) for _, label in lines])
        assert len(set(counts.tolist())) == 1
    assert {name: len(files) for name, files in lists.items()} == {
        'train': 400, 'val': 20, 'train_10percent': 40, 'train_1percent': 10,
    }  # fmt: skip
    assert lists['train_1percent'] < lists['train_10percent'] < lists['train']
    image = cv2.imread(str(next((tmp_path / 'val' / 'ring').glob('*.jpg'))))
    assert image.shape == (32, 32, 3)


def test_jpegs_show_the_rendered_colours():
    """Breaks when red and blue are swapped on the way to the file."""
    image = render_image(sample_scene(0, 4, Style()), 64)
    read = cv2.imdecode(np.frombuffer(encode_jpeg(image), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert abs(read.astype(int) - image).mean() < 3


def test_a_second_run_writes_what_is_missing_and_nothing_else(tmp_path):
    """Breaks when a resumed run starts anew or leaves gaps."""
    assert write_imagenet(tmp_path, SMALL) == 60
    before, stamps = contents(tmp_path), times(tmp_path)
    assert write_imagenet(tmp_path, SMALL) == 0
    assert times(tmp_path) == stamps
    victim = next((tmp_path / 'train' / 'cone').glob('*.jpg'))
    victim.unlink()
    (tmp_path / 'meta' / 'val.txt').unlink()
    leftover = victim.with_name(f'{victim.name}.123.part')
    leftover.write_bytes(b'half')
    assert write_imagenet(tmp_path, SMALL) == 1
    assert contents(tmp_path) == before
    changed = {name for name, stamp in times(tmp_path).items() if stamps[name] != stamp}
    assert changed == {str(victim), str(tmp_path / 'meta' / 'val.txt')}


@pytest.mark.parametrize(
    ('key', 'change'),
    [
        ('preset', {'preset': 'small'}),
        ('seed', {'seed': 1}),
        ('image_size', {'image_size': 48}),
        ('style', {'style': Style(max_turn=90.0)}),
    ],
)
def test_a_folder_with_another_playground_is_refused(tmp_path, key, change):
    """Breaks when two worlds are mixed in one folder."""
    write_imagenet(tmp_path, SMALL)
    before = times(tmp_path)
    with pytest.raises(MismatchError, match=f'with {key} .*choose another folder'):
        write_imagenet(tmp_path, replace(SMALL, **change))
    assert times(tmp_path) == before


def test_a_folder_with_other_files_is_refused(tmp_path):
    """Breaks when somebody's own data gets images in between, or a run that was stopped
    before its first file locks its own folder."""
    (tmp_path / 'stopped' / 'meta').mkdir(parents=True)
    (tmp_path / 'stopped' / 'meta' / 'playground.json.1.part').write_text('{')
    assert write_imagenet(tmp_path / 'stopped', SMALL) == 60
    shutil.rmtree(tmp_path / 'stopped')
    (tmp_path / 'precious.txt').write_text('mine')
    with pytest.raises(MismatchError, match='neither empty nor a playground'):
        write_imagenet(tmp_path, SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ['precious.txt']


@pytest.mark.slow
def test_a_killed_run_leaves_whole_files_and_can_be_finished(tmp_path):
    """Breaks when SIGKILL can leave half a JPEG under its final name, or blocks the rest."""
    world = replace(SMALL, train=500)

    def write_in_a_group_of_its_own():
        os.setsid()
        write_imagenet(tmp_path, world)

    process = multiprocessing.get_context('fork').Process(target=write_in_a_group_of_its_own)
    process.start()
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob('train/*/*.jpg'))) < 30 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.join()
    images = list(tmp_path.glob('train/*/*.jpg'))
    assert 30 <= len(images) < 500
    for path in images:
        assert path.read_bytes()[-2:] == b'\xff\xd9'  # the end marker of JPEG
    assert write_imagenet(tmp_path, world) == 520 - len(images)
    assert len(list(tmp_path.glob('*/*/*.jpg'))) == 520
    assert not list(tmp_path.rglob('*.part'))


@pytest.fixture
def command(monkeypatch):
    """Runs the tool as a script would, in this process."""

    def run(*arguments: str) -> None:
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *arguments])
        runpy.run_path(str(TOOL), run_name='__main__')

    return run


def test_the_command_writes_a_playground_and_says_how_fast(tmp_path, monkeypatch, capsys, command):
    """Breaks when the tool and the writer lose each other, or a finished folder is redone."""
    monkeypatch.setitem(PRESETS, 'tiny', Preset(train=20, val=10, image_size=16))
    command(str(tmp_path), '--preset', 'tiny', '--image-size', '24', '--workers', '2')
    assert '30 images of 24x24' in (said := capsys.readouterr().out)
    assert 'images/s/core' in said and 'ETA' in said
    command(str(tmp_path), '--preset', 'tiny', '--image-size', '24')
    assert 'complete already' in capsys.readouterr().out


def test_the_command_refuses_in_one_sentence(tmp_path, command):
    """Breaks when a user's mistake ends in a stack trace or in success."""
    (tmp_path / 'meta').mkdir()
    description = SMALL.description() | {'seed': 9}
    (tmp_path / 'meta' / 'playground.json').write_text(json.dumps(description))
    with pytest.raises(SystemExit, match='^error: .* holds a playground .* choose another folder'):
        command(str(tmp_path), '--preset', 'tiny')


def test_a_worker_that_dies_is_reported(tmp_path, monkeypatch):
    """Breaks when a dead worker is waited for without end, or its gap passes as success."""
    from mim_secrets.datasets.playground import writers

    monkeypatch.setattr(writers, 'encode_jpeg', lambda image: os._exit(3))
    with pytest.raises(RuntimeError, match='0 of 60 images.*run the same command again'):
        write_imagenet(tmp_path, SMALL, workers=2)
    assert not (tmp_path / 'meta' / 'train.txt').exists()
