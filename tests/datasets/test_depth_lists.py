"""Lists of depth data and the data sets that read them."""

import subprocess
import sys
from pathlib import Path

import pytest

from mim_secrets.datasets.depth import DepthPairs, KITTIDepth, NYUDepth, read_pairs
from mim_secrets.registry import DATASETS
from tests.datasets.depth_files import DRIVE, kitti_names, write_kitti


def write_list(folder: Path, text: str) -> Path:
    path = folder / 'list.txt'
    path.write_bytes(text.encode())
    return path


def here(root: Path) -> dict:
    return dict(data_root=str(root), ann_file='list.txt', serialize_data=False)


def test_windows_line_ends_change_nothing(tmp_path: Path):
    """Breaks when a carriage return or a byte order mark becomes part of a name, or blank
    lines move the numbers."""
    plain = write_list(tmp_path, 'a.jpg a.png 518.8\n\nb.jpg b.png\n')
    expected = read_pairs(plain)
    windows = write_list(tmp_path, '\ufeffa.jpg a.png 518.8\r\n\r\nb.jpg b.png\r\n')
    assert read_pairs(windows) == expected
    assert [(p.image, p.depth, p.focal) for p in expected] == [
        ('a.jpg', 'a.png', 518.8),
        ('b.jpg', 'b.png', None),
    ]
    assert expected[1].listed_at == f'{plain}:3'
    assert [pair.as_line() for pair in expected] == ['a.jpg a.png 518.8', 'b.jpg b.png']


def test_lines_without_depth_are_left_out_and_slashes_do_not_mean_the_root(tmp_path: Path):
    """Breaks when Eigen's 45 frames without depth are read as files, or NYUv2's published
    paths as absolute ones."""
    text = 'x/1.png None 721.5377\n/kitchen/rgb.jpg /kitchen/depth.png 518.8579'
    (pair,) = read_pairs(write_list(tmp_path, text))
    assert (pair.image, pair.depth) == ('kitchen/rgb.jpg', 'kitchen/depth.png')
    assert pair.listed_at.endswith(':2')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a.jpg a.png\nb.jpg\r\n', r"list\.txt:2: 'b\.jpg' has 1 column, but a line is"),
        ('a b.jpg a b.png 5', r'list\.txt:1: .* has 5 columns'),
        ('a.jpg a.png wide', r"list\.txt:1: the third column is the focal length.*not 'wide'"),
        ('\r\n \n', r'list\.txt lists nothing'),
    ],
)
def test_bad_lists_are_refused_with_file_and_line(tmp_path: Path, text: str, message: str):
    """Breaks when a mistake in a list is found during training, or never."""
    with pytest.raises(ValueError, match=message):
        read_pairs(write_list(tmp_path, text))


def test_lists_that_are_absent_or_no_text_are_refused(tmp_path: Path):
    """Breaks when a wrong path or encoding ends in Python's words for it."""
    with pytest.raises(FileNotFoundError, match='There is no list .*docs/en/depth_data.md'):
        read_pairs(tmp_path / 'none.txt')
    (tmp_path / 'list.txt').write_bytes('a.jpg a.png'.encode('utf-16'))
    with pytest.raises(ValueError, match='no text in UTF-8'):
        read_pairs(tmp_path / 'list.txt')


@pytest.mark.parametrize('part', ['train', 'val', ''])
def test_kitti_finds_depth_in_the_official_folders(tmp_path: Path, part: str):
    """Breaks when the published list, which does not say train or val, needs another layout
    than that of the official archive."""
    write_kitti(tmp_path, part=part)
    settings = dict(type='KITTIDepth', **here(tmp_path), count=3)
    dataset = DATASETS.build(settings)
    sample = dataset.get_data_info(1)
    image, depth = kitti_names(1)
    assert sample['img_path'] == str(tmp_path / 'raw' / image)
    assert Path(sample['depth_map_path']) == tmp_path / 'data_depth_annotated' / part / depth
    assert (sample['depth_scale'], sample['sample_idx']) == (256, 1)
    assert sample['listed_at'] == f'{tmp_path}/list.txt:2'


def test_kitti_takes_depth_that_is_listed_with_its_part(tmp_path: Path):
    """Breaks when the path of the official archive, written in full, is not found."""
    image, depth = kitti_names(0)
    (write_kitti(tmp_path) / 'list.txt').write_text(f'{image} val/{depth}\n')
    (sample,) = KITTIDepth(**here(tmp_path))
    assert Path(sample['depth_map_path']).is_file()


def test_missing_frames_are_named_with_their_line(tmp_path: Path):
    """Breaks when a gap is noticed only in the epoch that meets it, or only half of it."""
    write_kitti(tmp_path)
    gone = tmp_path / 'raw' / kitti_names(1)[0]
    gone.unlink()
    (tmp_path / 'data_depth_annotated/val' / kitti_names(2)[1]).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        KITTIDepth(**here(tmp_path))
    assert f'list.txt:2: {gone} is not there, nor are 1 others' in str(caught.value)


def test_another_number_of_pairs_is_refused(tmp_path: Path):
    """Breaks when figures of an incomplete split pass for those of the published one."""
    write_kitti(tmp_path)
    with pytest.raises(ValueError, match=r'lists 3 pairs, and 652 are expected.*count=None'):
        KITTIDepth(**here(tmp_path), count=652)


def test_units_and_folders_of_the_data_sets(tmp_path: Path):
    """Breaks when millimetres are taken for 1/256 metres, or own data cannot state its unit."""
    root = write_kitti(tmp_path)
    folders = dict(img_path='raw', depth_map_path='data_depth_annotated/val')
    settings = dict(**here(root), data_prefix=folders)
    assert NYUDepth(**settings)[0]['depth_scale'] == 1000
    own = DepthPairs(**settings, depth_scale=5000.0, farthest=50.0)[0]
    assert (own['depth_scale'], own['farthest']) == (5000, 50)
    assert DRIVE in own['depth_map_path']


@pytest.mark.slow
def test_reading_depth_needs_no_mmseg():
    """Breaks when pre-training, which imports our data sets, needs mmsegmentation."""
    code = (
        'import sys, mim_secrets.datasets.depth as depth\n'
        'from mim_secrets.datasets.playground import LAYOUTS\n'
        "assert 'mmseg' not in sys.modules and {'nyu', 'kitti'} < set(LAYOUTS)"
    )
    subprocess.run([sys.executable, '-c', code], check=True)
