"""LaSOT, GOT-10k, TrackingNet and COCO as sequences; the index; data that are not right."""

import os
from pathlib import Path

import numpy as np
import pytest

from mim_secrets.datasets.tracking import (
    COCOPairs,
    GOT10k,
    LaSOT,
    SequenceError,
    TrackingNet,
    read_frame,
)
from mim_secrets.datasets.tracking.lasot import ATTRIBUTES
from mim_secrets.registry import DATASETS

from .tracking_files import (
    BOXES,
    write_boxes,
    write_coco,
    write_got10k,
    write_lasot,
    write_trackingnet,
)

FROM_ZERO = np.array(BOXES) - (1, 1, 0, 0)


def test_lasot_splits_and_labels(tmp_path: Path):
    """Breaks when a test sequence is trained on, numbers sort as words, the left upper pixel
    stays 1, or occluded frames count as visible."""
    write_lasot(tmp_path)
    train, test = LaSOT(str(tmp_path)), LaSOT(str(tmp_path), 'test')
    assert train.names() == ['cat-1', 'cat-10', 'dog-1']
    assert test.names() == ['cat-2']
    sequence = test.read('cat-2')
    np.testing.assert_array_equal(sequence.boxes, FROM_ZERO)
    assert sequence.visible.tolist() == [True, False, True] and sequence.valid.all()
    assert sequence.frames[2] == f'{tmp_path}/cat/cat-2/img/00000003.jpg'
    assert sequence.cover is None and sequence.attributes == () and sequence.has_truth
    assert sequence.benchmark == 'LaSOT' and len(sequence) == 3


def test_lasot_out_of_view_empty_boxes_and_attributes(tmp_path: Path):
    """Breaks when out of view or a box without an area counts as visible, or the attributes
    are not those of the toolkit's columns."""
    folder = write_lasot(tmp_path) / 'cat' / 'cat-1'
    (folder / 'full_occlusion.txt').write_text('0,0,0')
    (folder / 'out_of_view.txt').write_text('0,1,0')
    write_boxes(folder / 'groundtruth.txt', [BOXES[0], BOXES[1], (0, 0, 0, 0)])
    att = tmp_path / 'annos' / 'att' / 'cat-1.txt'
    att.parent.mkdir(parents=True)
    att.write_text(','.join('1' if i in (4, 9) else '0' for i in range(14)) + '\n')
    sequence = LaSOT(str(tmp_path)).read('cat-1')
    assert sequence.visible.tolist() == [True, False, False]
    assert sequence.valid.tolist() == [True, True, False]
    assert (sequence.boxes[2] == 0).all()
    assert sequence.attributes == ('camera motion', 'full occlusion') == ATTRIBUTES[4:10:5]


def test_got10k_labels(tmp_path: Path):
    """Breaks when absence or a cover of 0 is not honoured, covers are not shares, or boxes
    are not shifted."""
    write_got10k(tmp_path)
    sequence = GOT10k(str(tmp_path)).read('GOT-10k_Train_000002')
    np.testing.assert_array_equal(sequence.boxes, FROM_ZERO)
    assert sequence.visible.tolist() == [True, False, False]
    assert sequence.cover.tolist() == [1.0, 0.0, 0.5]
    assert sequence.attributes == ('animal', 'run')
    assert sequence.frames[0] == f'{tmp_path}/train/GOT-10k_Train_000002/00000001.jpg'


def test_got10k_test_split_has_one_box(tmp_path: Path):
    """Breaks when a sequence without truth is refused, or passes as one with truth."""
    write_got10k(tmp_path, 'test')
    sequence = GOT10k(str(tmp_path), 'test').read('GOT-10k_Test_000001')
    assert len(sequence) == 3 and sequence.boxes.tolist() == FROM_ZERO[:1].tolist()
    assert not sequence.has_truth and len(sequence.visible) == 1


def test_got10k_leaves_out_what_is_listed(tmp_path: Path):
    """Breaks when sequences that VOT forbids are trained on, or the index keeps the gap."""
    write_got10k(tmp_path, count=3)
    listed = tmp_path / 'forbidden.txt'
    listed.write_text('GOT-10k_Train_000002\n')
    kept = GOT10k(str(tmp_path), exclude=str(listed))
    assert kept.names() == ['GOT-10k_Train_000001', 'GOT-10k_Train_000003']
    assert kept[1].name == 'GOT-10k_Train_000003'
    assert len(GOT10k(str(tmp_path))) == 3


def test_trackingnet_counts_from_zero(tmp_path: Path):
    """Breaks when frame 10 comes before frame 2, boxes are shifted, or a part is forgotten."""
    write_trackingnet(tmp_path)
    train = TrackingNet(str(tmp_path))
    assert train.names() == [f'TRAIN_{i}/train_{i}_video_0' for i in (0, 2, 10)]
    sequence = train.read('TRAIN_10/train_10_video_0')
    assert [int(Path(f).stem) for f in sequence.frames] == list(range(12))
    assert sequence.boxes[:, 0].tolist() == [2.5 + i for i in range(12)]
    assert sequence.visible.all()
    test = TrackingNet(str(tmp_path), 'test')
    assert test.names() == ['test_video_0']
    assert len(test[0]) == 12 and len(test[0].boxes) == 1


def test_coco_leaves_out_crowds_and_slivers(tmp_path: Path):
    """Breaks when a crowd or a sliver is tracked, or boxes go to other images."""
    reader = COCOPairs(str(write_coco(tmp_path)))
    assert reader.names() == ['50', '51']
    sequence = reader.read('50')
    assert sequence.frames == [f'{tmp_path}/train2017/000000000007.jpg']
    assert sequence.boxes.tolist() == [[2.5, 3.5, 10.0, 8.0]]
    assert sequence.attributes == ('cat',) and sequence.visible.all()


def test_an_index_is_kept_and_made_anew_when_the_data_change(tmp_path: Path):
    """Breaks when folders are listed at every start, or what was added later is not seen."""
    write_got10k(tmp_path)
    file = tmp_path / '.mim_secrets_index' / 'got-10k_train.npz'
    GOT10k(str(tmp_path))
    first = file.stat().st_mtime_ns
    GOT10k(str(tmp_path))
    assert file.stat().st_mtime_ns == first
    write_got10k(tmp_path, count=3)
    assert len(GOT10k(str(tmp_path))) == 3
    assert file.stat().st_mtime_ns != first


def test_frames_that_come_or_go_later_are_seen(tmp_path: Path):
    """Breaks when the number of frames is taken from an index that is out of date."""
    folder = write_got10k(tmp_path) / 'train' / 'GOT-10k_Train_000001'
    reader = GOT10k(str(tmp_path))
    assert len(reader[0]) == 3
    (folder / '00000003.jpg').unlink()
    with pytest.raises(SequenceError, match='3 boxes for 2 frames'):
        reader[0]


@pytest.mark.parametrize('damage', [b'', b'no archive', b'PK\x03\x04 cut off'])
def test_a_damaged_index_is_made_anew(tmp_path: Path, damage: bytes):
    """Breaks when half a file stops every later start."""
    write_lasot(tmp_path)
    LaSOT(str(tmp_path))
    file = tmp_path / '.mim_secrets_index' / 'lasot_train.npz'
    file.write_bytes(damage)
    assert LaSOT(str(tmp_path)).names() == ['cat-1', 'cat-10', 'dog-1']
    assert file.read_bytes() != damage


def test_the_index_may_lie_elsewhere_or_nowhere(tmp_path: Path):
    """Breaks when a data folder that cannot be written is of no use."""
    write_lasot(tmp_path / 'data')
    LaSOT(str(tmp_path / 'data'), index_dir=str(tmp_path / 'here'))
    assert [p.name for p in (tmp_path / 'here').iterdir()] == ['lasot_train.npz']
    (tmp_path / 'taken').write_text('')
    assert len(LaSOT(str(tmp_path / 'data'), index_dir=str(tmp_path / 'taken'))) == 3
    assert not (tmp_path / 'data' / '.mim_secrets_index').exists()


def test_fewer_boxes_than_frames(tmp_path: Path):
    """Breaks when the rest of a sequence is taken for hidden, or other sequences suffer."""
    write_lasot(tmp_path)
    write_boxes(tmp_path / 'cat' / 'cat-1' / 'groundtruth.txt', BOXES[:2])
    reader = LaSOT(str(tmp_path))
    with pytest.raises(
        SequenceError, match=r'^LaSOT cat-1: .*groundtruth.txt has 2 boxes for 3 frames;'
    ):
        reader.read('cat-1')
    assert len(reader.read('cat-10')) == 3


def test_what_else_is_wrong_with_a_sequence_is_said(tmp_path: Path):
    """Breaks when the sentence does not name the sequence and the file."""
    cat = write_lasot(tmp_path) / 'cat'
    reader, test = LaSOT(str(tmp_path)), LaSOT(str(tmp_path), 'test')
    (cat / 'cat-1' / 'full_occlusion.txt').write_text('0,1')
    with pytest.raises(SequenceError, match='cat-1: .*full_occlusion.txt has 2 labels for 3'):
        reader.read('cat-1')
    (cat / 'cat-10' / 'groundtruth.txt').write_text('1,2,3,x\n')
    with pytest.raises(SequenceError, match='cat-10: .*groundtruth.txt cannot be read'):
        reader.read('cat-10')
    (cat / 'cat-10' / 'groundtruth.txt').write_text('1,2,3\n')
    with pytest.raises(SequenceError, match='has 3 numbers, which is not 4 for each frame'):
        reader.read('cat-10')
    os.remove(cat / 'cat-10' / 'img' / '00000002.jpg')
    with pytest.raises(SequenceError, match='cat-10: .* is number 3, but no 00000002.jpg'):
        reader.read('cat-10')
    write_boxes(cat / 'cat-2' / 'groundtruth.txt', [(5, 5, 0, 4), *BOXES[1:]])
    with pytest.raises(SequenceError, match='cat-2: the first box in .* has no area'):
        test.read('cat-2')
    with pytest.raises(SequenceError, match='has no sequence cow-1'):
        reader.read('cow-1')


def test_missing_sequences_are_left_out_of_training_and_told_in_tests(tmp_path: Path):
    """Breaks when a partial download cannot be trained on, or a test passes without them."""
    write_lasot(tmp_path, testing=('cat-2', 'cow-7'))
    test = LaSOT(str(tmp_path), 'test')
    assert test.names() == ['cat-2', 'cow-7']
    with pytest.raises(SequenceError, match='cow-7: there are no frames in'):
        test.read('cow-7')
    write_got10k(tmp_path)
    with (tmp_path / 'train' / 'list.txt').open('a') as file:
        file.write('GOT-10k_Train_000003\n')
    assert len(GOT10k(str(tmp_path))) == 2


def test_unreadable_frames(tmp_path: Path):
    """Breaks when the lower half of a frame that was cut off passes as a picture."""
    folder = write_lasot(tmp_path) / 'cat' / 'cat-1' / 'img'
    frame = read_frame(str(folder / '00000002.jpg'))
    assert frame.shape == (30, 40, 3) and frame.dtype == np.uint8
    assert abs(frame.mean() - 55) < 2
    content = (folder / '00000002.jpg').read_bytes()
    (folder / '00000002.jpg').write_bytes(content[: len(content) // 2])
    for name in ('00000002.jpg', '00000009.jpg'):
        with pytest.raises(SequenceError, match=rf'^{folder / name}: the frame cannot be used'):
            read_frame(str(folder / name))


@pytest.mark.parametrize('kind', ['LaSOT', 'GOT10k', 'TrackingNet', 'COCOPairs'])
def test_wrong_folders_are_refused_in_one_sentence(tmp_path: Path, kind: str):
    """Breaks when a wrong root or split ends in a stack of calls or in an empty data set."""
    build = DATASETS.get(f'mim_secrets.{kind}')
    with pytest.raises(FileNotFoundError, match='nowhere is not there'):
        build(str(tmp_path / 'nowhere'))
    with pytest.raises(ValueError, match="no split 'valid'; use one of train"):
        build(str(tmp_path), 'valid')
    with pytest.raises(FileNotFoundError):
        build(str(tmp_path))
