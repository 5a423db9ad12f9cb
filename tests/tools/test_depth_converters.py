"""tools/dataset_converters/{kitti,nyu}_depth.py: from downloads to what the data sets read."""

import os
import runpy
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from scipy import io

from mim_secrets.datasets.depth import KITTIDepth, NYUDepth
from tests.conftest import REPO
from tests.datasets.depth_files import DRIVE, kitti_names, write_kitti, write_png

pytestmark = pytest.mark.slow  # they write files


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys) -> Callable[..., str]:
    """Runs a tool as a script would, in this process; what it prints."""

    def run(name: str, *arguments: object) -> str:
        path = str(REPO / 'tools/dataset_converters' / name)
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        runpy.run_path(path, run_name='__main__')
        return capsys.readouterr().out

    return run


def times(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.rglob('*') if path.is_file()}


def packed(folder: Path, archive: Path) -> Path:
    """A zip archive of a folder's content; the folder is removed."""
    with zipfile.ZipFile(archive, 'w') as target:
        for path in sorted(folder.rglob('*')):
            target.write(path, path.relative_to(folder))
    shutil.rmtree(folder)
    return archive


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """KITTI's downloads unpacked, four frames and two lists of two, one in Windows' way."""
    root = write_kitti(tmp_path / 'downloads', frames=4, part='train')
    lines = (root / 'list.txt').read_text().splitlines()
    (root / 'train.txt').write_text('\r\n'.join(lines[:2]) + '\r\n')
    unmeasured = f'{kitti_names(9)[0]} None 721.5377'
    (root / 'test.txt').write_text('\n'.join([*lines[2:], unmeasured]))
    return root


def kitti_arguments(downloads: Path, out: Path) -> list:
    lists = ['--train-list', downloads / 'train.txt', '--test-list', downloads / 'test.txt']
    places = ['--raw', downloads / 'raw', '--annotated', downloads / 'data_depth_annotated']
    return ['kitti_depth.py', out, *places, *lists]


def check_kitti(out: Path) -> None:
    for split, frames in (('train', (0, 1)), ('test', (2, 3))):
        name = f'kitti_eigen_{split}_files_with_gt.txt'
        dataset = KITTIDepth(name, data_root=str(out), count=2, serialize_data=False)
        for frame, sample in zip(frames, dataset):
            assert (cv2.imread(sample['img_path']) == 40 * frame).all()
            depth = cv2.imread(sample['depth_map_path'], cv2.IMREAD_UNCHANGED)
            assert (depth == 256 * (frame + 1)).all()


@pytest.mark.parametrize('archives', [False, True], ids=['folders', 'archives'])
def test_kitti_from_folders_and_from_archives(
    downloads: Path, tmp_path: Path, command: Callable[..., str], archives: bool
):
    """Breaks when the data set does not read what was converted, frames are taken from the
    wrong place, or a second run writes again what is there."""
    arguments = [*kitti_arguments(downloads, tmp_path / 'out'), '--any-count']
    if archives:
        packed(downloads / 'raw', downloads / f'{DRIVE}.zip')
        (downloads / 'raw').mkdir()
        shutil.move(downloads / f'{DRIVE}.zip', downloads / 'raw')
        archive = packed(downloads / 'data_depth_annotated', downloads / 'annotated.zip')
        arguments[arguments.index(downloads / 'data_depth_annotated')] = archive
    said = command(*arguments)
    assert 'kitti_eigen_test_files_with_gt.txt: 2 pairs' in said and 'ETA' in said
    check_kitti(tmp_path / 'out')
    frames = {path: time for path, time in times(tmp_path / 'out').items() if path.suffix == '.png'}
    command(*arguments)
    assert frames.items() <= times(tmp_path / 'out').items()
    images = [path for path in frames if 'image_02/data' in str(path)]
    assert len(frames) == 8 and len(images) == 4
    linked = all(os.stat(path).st_nlink == 2 for path in frames)
    assert linked is not archives


def test_kitti_takes_up_where_it_was_stopped(
    downloads: Path, tmp_path: Path, command: Callable[..., str]
):
    """Breaks when half a file of another program, or a lost one, is taken for a frame."""
    out = tmp_path / 'out'
    command(*kitti_arguments(downloads, out), '--any-count')
    image, depth = kitti_names(0)
    (out / 'raw' / image).unlink()
    (out / 'raw' / image).write_bytes(b'half')
    (out / 'data_depth_annotated/train' / depth).unlink()
    command(*kitti_arguments(downloads, out), '--any-count')
    check_kitti(out)
    assert not list(out.rglob('*.part'))


def test_kitti_refuses_what_is_not_complete_before_it_writes(
    downloads: Path, tmp_path: Path, command: Callable[..., str]
):
    """Breaks when a gap or another split is found after hours, or never, or nobody says what
    to download."""
    out = tmp_path / 'out'
    with pytest.raises(SystemExit, match=r'train\.txt lists 2 pairs .* has 23,158; take that one'):
        command(*kitti_arguments(downloads, out))
    (downloads / 'data_depth_annotated/train' / kitti_names(3)[1]).unlink()
    with pytest.raises(SystemExit) as caught:
        command(*kitti_arguments(downloads, out), '--any-count')
    said = str(caught.value)
    assert f'test.txt:2: {kitti_names(3)[1]} is not in {downloads}' in said
    assert f'1 of 4 frames are missing, so get {DRIVE}.' in said
    (downloads / 'raw/broken.zip').write_bytes(b'PK half a download')
    with pytest.raises(SystemExit, match=r'broken\.zip is no zip archive'):
        command(*kitti_arguments(downloads, out), '--any-count')
    assert not out.exists()


def test_damaged_members_are_named(downloads: Path, tmp_path: Path, command: Callable[..., str]):
    """Breaks when a flipped bit in an archive becomes a frame."""
    archive = packed(downloads / 'raw', downloads / 'drive.zip')
    content = bytearray(archive.read_bytes())
    content[content.index(b'IHDR') + 9] ^= 1
    archive.write_bytes(content)
    arguments = kitti_arguments(downloads, tmp_path / 'out')
    arguments[arguments.index(downloads / 'raw')] = archive
    with pytest.raises(SystemExit, match=r'drive\.zip: .*0\.png is damaged .* download it again'):
        command(*arguments, '--any-count')
    assert not list((tmp_path / 'out').rglob('*.txt'))


def write_labelled(folder: Path) -> tuple[Path, Path]:
    """NYUv2's labelled part with five frames, of which numbers 2 and 5 are for tests."""
    images = np.empty((480, 640, 3, 5), np.uint8)
    images[:] = np.array([90, 80, 70])[:, None]  # red, green, blue
    images[..., 4] += 100
    depths = np.full((480, 640, 5), 2.5, np.float32) + np.arange(5, dtype=np.float32)
    depths[:10] = 0
    rooms = np.array([['kitchen'], ['bathroom'], ['office'], ['office'], ['home_office']], object)
    content = dict(images=images, rawDepths=depths, depths=depths + 1, sceneTypes=rooms)
    io.savemat(folder / 'labelled.mat', content)
    io.savemat(folder / 'splits.mat', dict(testNdxs=[[2], [5]], trainNdxs=[[1], [3], [4]]))
    return folder / 'labelled.mat', folder / 'splits.mat'


@pytest.fixture
def sync(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of synchronised frames and its list."""
    names = [(f'den_0001/rgb_{i:05d}.jpg', f'den_0001/sync_depth_{i:05d}.png') for i in range(3)]
    for image, depth in names:
        write_png(tmp_path / 'sync' / image, np.full((48, 64, 3), 7, np.uint8))
        write_png(tmp_path / 'sync' / depth, np.full((48, 64), 3000, np.uint16))
    path = tmp_path / 'train.txt'
    path.write_text(''.join(f'/{image} /{depth} 518.8579\n' for image, depth in names))
    return tmp_path / 'sync', path


def test_nyu_test_frames_are_those_of_the_split(tmp_path: Path, command: Callable[..., str]):
    """Breaks when numbers are off by one, filled-in depth is taken for the measured one, red
    and blue are swapped, or the white margin stays."""
    labelled, splits = write_labelled(tmp_path)
    out = tmp_path / 'out'
    arguments = ['nyu_depth.py', out, '--labelled', labelled, '--splits', splits]
    with pytest.raises(SystemExit, match='2 test frames where 654 are expected'):
        command(*arguments)
    assert 'test_files_with_gt.txt: 2 pairs' in command(*arguments, '--any-count')
    before = times(out)
    command(*arguments, '--any-count')
    assert {p: t for p, t in times(out).items() if p.suffix != '.txt'}.items() <= before.items()
    folder = 'official_splits/test'
    dataset = NYUDepth(
        'nyudepthv2_test_files_with_gt.txt',
        data_root=str(out),
        data_prefix=dict(img_path=folder, depth_map_path=folder),
        count=2,
        serialize_data=False,
    )
    names = ['bathroom/rgb_00001.jpg', 'home_office/rgb_00004.jpg']
    assert [sample['img_path'] for sample in dataset] == [f'{out}/{folder}/{n}' for n in names]
    for sample, metres, brighter in zip(dataset, (3.5, 6.5), (0, 100)):
        depth = cv2.imread(sample['depth_map_path'], cv2.IMREAD_UNCHANGED)
        assert (depth[:10] == 0).all() and (depth[10:] == 1000 * metres).all()
        image = cv2.imread(sample['img_path']).astype(int)
        expected = np.array([70, 80, 90]) + brighter
        assert np.abs(image[16:464, 16:624] - expected).max() < 4
        assert image[:6].max() < 30 and image[:, 634:].max() < 30


def as_matlab_7_3(labelled: Path, path: Path) -> Path:
    """The same content as NYU publishes it: axes in reverse order, strings as columns of
    codes behind references, and MATLAB's own words in front of it all."""
    content = io.loadmat(labelled)
    with h5py.File(path, 'w', userblock_size=512) as file:
        for name in ('images', 'rawDepths'):
            file[name] = content[name].T
        rooms = [str(room.item()) for room in content['sceneTypes'].ravel()]
        codes = [np.array([[ord(letter)] for letter in room], np.uint16) for room in rooms]
        strings = [file.create_dataset(f'#refs#/{n}', data=code) for n, code in enumerate(codes)]
        cells = file.create_dataset('sceneTypes', (1, len(rooms)), h5py.ref_dtype)
        cells[0] = [string.ref for string in strings]
    with path.open('r+b') as file:
        file.write(b'MATLAB 7.3 MAT-file, Platform: GLNXA64')
    return path


def test_nyu_reads_hdf5_as_it_reads_older_files(
    tmp_path: Path, command: Callable[..., str], monkeypatch: pytest.MonkeyPatch
):
    """Breaks when pictures of NYU's own file lie on their side, rooms get numbers for names,
    or nobody says that h5py is missing."""
    labelled, splits = write_labelled(tmp_path)
    hdf5 = as_matlab_7_3(labelled, tmp_path / 'hdf5.mat')
    arguments = ['--splits', splits, '--any-count', '--labelled']
    with monkeypatch.context() as without:
        without.setitem(sys.modules, 'h5py', None)
        with pytest.raises(SystemExit, match=r'hdf5\.mat is read with h5py; run pip install "mim_'):
            command('nyu_depth.py', tmp_path / 'hdf5', *arguments, hdf5)
    command('nyu_depth.py', tmp_path / 'hdf5', *arguments, hdf5)
    command('nyu_depth.py', tmp_path / 'mat', *arguments, labelled)
    frames = [path.relative_to(tmp_path / 'mat') for path in (tmp_path / 'mat').rglob('*.*g')]
    assert len(frames) == 4
    for path in frames:
        assert (tmp_path / 'hdf5' / path).read_bytes() == (tmp_path / 'mat' / path).read_bytes()


def test_nyu_training_frames_are_those_of_the_list(
    tmp_path: Path, sync: tuple[Path, Path], command: Callable[..., str]
):
    """Breaks when the published list's slashes lead to the root, an archive with or without
    its folder is not understood, or a gap passes."""
    folder, frames = sync
    settings = dict(
        data_prefix=dict(img_path='sync', depth_map_path='sync'), count=3, serialize_data=False
    )
    arguments = ['--train-list', frames, '--any-count']
    command('nyu_depth.py', tmp_path / 'linked', '--sync', folder, *arguments)
    NYUDepth('nyudepthv2_train_files_with_gt.txt', data_root=str(tmp_path / 'linked'), **settings)
    (tmp_path / 'packing').mkdir()
    shutil.move(folder, tmp_path / 'packing')
    archive = packed(tmp_path / 'packing', tmp_path / 'sync.zip')
    command('nyu_depth.py', tmp_path / 'out', '--sync', archive, *arguments)
    NYUDepth('nyudepthv2_train_files_with_gt.txt', data_root=str(tmp_path / 'out'), **settings)
    frames.write_text(frames.read_text() + 'attic_0001/a.jpg attic_0001/a.png\n')
    with pytest.raises(SystemExit, match=r'train\.txt:4: attic_0001/a\.jpg is not in .*attic_0001'):
        command('nyu_depth.py', tmp_path / 'gap', '--sync', archive, *arguments)
    assert not (tmp_path / 'gap').exists()


def test_nyu_says_which_files_belong_together(
    tmp_path: Path, sync: tuple[Path, Path], command: Callable[..., str], capsys
):
    """Breaks when half of the arguments is taken for nothing to do, or swapped files end in a
    stack."""
    with pytest.raises(SystemExit):
        command('nyu_depth.py', tmp_path / 'out', '--sync', sync[0])
    assert '--sync and --train-list go together' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command('nyu_depth.py', tmp_path / 'out')
    assert 'nothing to do' in capsys.readouterr().err
    labelled, splits = write_labelled(tmp_path)
    with pytest.raises(SystemExit, match=r'labelled\.mat has no testNdxs; give'):
        command('nyu_depth.py', tmp_path / 'out', '--labelled', splits, '--splits', labelled)
    with pytest.raises(SystemExit, match=r'splits\.mat has no images and no rawDepths'):
        arguments = ['--labelled', splits, '--splits', splits, '--any-count']
        command('nyu_depth.py', tmp_path / 'out', *arguments)
