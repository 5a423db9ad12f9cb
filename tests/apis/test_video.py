"""Frames out of folders and videos, and videos out of frames."""

from pathlib import Path

import numpy as np
import pytest

from mim_secrets.apis.inferencers.video import FrameError, VideoFile, open_frames
from tests.apis.films import as_folder, as_video, decoded, film

RED = (255, 0, 0)


def test_frames_are_in_order(tmp_path: Path) -> None:
    """Breaks when 10 comes before 2, as it does by the alphabet, or a file that is no frame
    is taken for one."""
    frames = film(12)
    folder = as_folder(tmp_path / 'clip', frames)
    (folder / 'groundtruth.txt').write_text('1,2,3,4')
    (folder / '._0.png').write_bytes(b'what some systems leave behind')
    with open_frames(folder) as opened:
        assert (opened.name, opened.total, opened.live) == ('clip', 12, False)
        assert all(map(np.array_equal, opened.images, frames))
    with open_frames(as_video(tmp_path / 'clip.mp4', frames)) as opened:
        assert (opened.name, opened.total, opened.rate) == ('clip', 12, 10.0)


def test_a_box_in_a_video_is_where_it_belongs(tmp_path: Path) -> None:
    """Breaks when a box is drawn elsewhere or in blue for red, or frames of odd sizes are
    not written."""
    frame = np.full((401, 501, 3), 90, np.uint8)
    with VideoFile(tmp_path / 'a.b', 25, (401, 501)) as file:
        for _ in range(3):
            file.write(frame, np.array([100.0, 200.0, 200.0, 100.0]), '0.50', RED)
    assert file.path == tmp_path / 'a.b.mp4'
    for picture in decoded(file.path):
        red = (picture[..., 2].astype(int) - picture[..., 0]) > 90
        rows, columns = np.nonzero(red[:, 150:])  # right of the text
        columns = np.nonzero(red[220:])[1]
        assert abs(rows.min() - 200) <= 2 and abs(rows.max() - 299) <= 2
        assert abs(columns.min() - 100) <= 2 and abs(columns.max() - 299) <= 2
        assert not red[230:270, 130:270].any(), 'what is in the box can be seen'


def test_frames_have_one_size(tmp_path: Path) -> None:
    """Breaks when frames that no video can hold reach it, which would leave them out."""
    folder = as_folder(tmp_path / 'clip', [*film(2), *film(1, (40, 40))])
    with open_frames(folder) as opened, pytest.raises(FrameError, match='frame 3 of 3'):
        list(opened.images)
