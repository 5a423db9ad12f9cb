"""What inferencers stand on: lists of images, colours, a canvas."""

from pathlib import Path

import numpy as np
import pytest

from mim_secrets.apis.inferencers.canvas import SHORTEST, Canvas, colour_of
from mim_secrets.apis.inferencers.colours import FIRST, class_colours, smallest_difference
from mim_secrets.apis.inferencers.inputs import list_sources

GREY = np.full((30, 40, 3), 128, np.uint8)
RED = (255, 0, 0)


def test_every_source_has_a_name_of_its_own(tmp_path: Path) -> None:
    """Breaks when two images write to the same file, or a folder's order is chance."""
    for name in ('b/1.jpg', 'a/1.PNG', '1.jpg', '1.png', 'notes.txt'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [source.name for source in list_sources(tmp_path)]
    assert names == ['1', '1-2', 'a/1', 'b/1']
    several = list_sources([tmp_path / '1.jpg', str(tmp_path / 'b/1.jpg'), GREY, tmp_path / 'b'])
    assert [source.name for source in several] == ['1', '1-2', '00000002', '1-3']
    assert [s.name for s in list_sources(tmp_path, but_not_in=tmp_path / 'a')] == [
        '1',
        '1-2',
        'b/1',
    ]


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    """Breaks when an empty folder, an empty list or a number passes for images."""
    with pytest.raises(FileNotFoundError, match='There is no image in'):
        list_sources(tmp_path)
    with pytest.raises(ValueError, match='the list is empty'):
        list_sources([])
    with pytest.raises(TypeError, match='of type int cannot be read'):
        list_sources([3])
    (grey,) = list_sources(GREY[..., 0])
    assert grey.image.shape == (30, 40, 3)


def test_colours_differ_for_all_eyes() -> None:
    """Breaks when classes look alike to readers without red- or green-sensitive cones:
    Okabe and Ito's own colours are 0.076 apart, black and white 1."""
    colours = class_colours()
    assert [bytes(colour).hex() for colour in colours[:7]] == list(FIRST)
    assert smallest_difference(colours[:20]) == smallest_difference(colours[:7]) > 0.07
    assert smallest_difference(colours[:40]) > 0.04
    assert smallest_difference(colours[:150]) > 0.015
    assert smallest_difference(np.array([[0, 0, 0], [255, 255, 255]])) == pytest.approx(1, abs=1e-3)
    # red and green of one lightness, which most people tell apart at once
    assert smallest_difference(np.array([[200, 80, 60], [123, 133, 37]])) < 0.05


def test_small_images_are_enlarged_and_large_ones_are_not() -> None:
    """Breaks when names would be larger than what they name, a photograph is blown up, or
    red and blue change places."""
    blue = np.array([[[255, 0, 0]]], np.uint8).repeat(400, 1)  # in BGR
    assert (Canvas(blue).pixels == (0, 0, 255)).all()
    assert Canvas(GREY).pixels.shape == (300, 400, 3)
    large = np.zeros((SHORTEST, 2 * SHORTEST, 3), np.uint8)
    assert Canvas(large).pixels.shape == large.shape


def test_regions_lie_where_they_belong() -> None:
    """Breaks when a mask is shifted or transposed, colours are swapped, or the tint hides
    the photograph."""
    canvas = Canvas(GREY)
    mask = np.zeros((1, 30, 40), bool)
    mask[0, 5:25, 10:15] = True
    canvas.regions(mask, [RED], opacity=0.5)
    large = mask[0].repeat(10, 0).repeat(10, 1)
    assert (canvas.pixels[~large] == 128).all()
    assert canvas.pixels[150, 120].tolist() == [192, 64, 64]
    assert canvas.pixels[50, 120].tolist() == list(RED), 'the border'
    assert (canvas.pixels[large][:, 0] > 128).all()


def test_lines_dots_and_boxes_lie_where_they_belong() -> None:
    """Breaks when coordinates are not those of the photograph."""
    canvas = Canvas(GREY)
    canvas.line((5, 15), (35, 15), RED)
    canvas.dot((20, 5), RED)
    canvas.box((2, 20, 38, 28), RED)
    red = (canvas.pixels == RED).all(-1)
    assert red[150, 60] and red[150, 340] and not red[150, 30]
    assert red[50, 200] and not red[50, 230]
    rows, columns = np.nonzero(red[190:])
    assert abs(rows.min() - 10) <= 2 and abs(rows.max() - 90) <= 2
    assert abs(columns.min() - 20) <= 2 and abs(columns.max() - 380) <= 2
    canvas.box((38, 28, 38, 28), RED)  # a thing without extent is no error


@pytest.mark.parametrize('corner', [(-50, -50), (0, 0), (39, 29), (500, 500)])
def test_names_stay_inside(corner: tuple[int, int]) -> None:
    """Breaks when the name of a thing at the edge cannot be read."""
    canvas = Canvas(GREY)
    canvas.label('pyramid', corner, RED)
    red = (canvas.pixels == RED).all(-1)
    rows, columns = np.nonzero(red)
    middle = Canvas(GREY)
    middle.label('pyramid', (15, 15), RED)
    whole = np.nonzero((middle.pixels == RED).all(-1))
    assert np.ptp(rows) == np.ptp(whole[0]) and np.ptp(columns) == np.ptp(whole[1])


def test_names_do_not_cover_each_other() -> None:
    """Breaks when of two things in one place only one can be read."""
    canvas = Canvas(GREY)
    covered = []
    for colour in (RED, (0, 255, 0), (0, 0, 255)):
        canvas.label('cone', (20, 15), colour)
        covered.append((canvas.pixels != 128).any(-1).sum())
    assert covered[2] >= 0.9 * 3 * covered[0]


def test_a_table_shows_every_row() -> None:
    """Breaks when a class is cut off, or its bar is not as long as its share."""
    canvas = Canvas(GREY)
    rows = [(colour_of(label), share, f'class {label}') for label, share in enumerate([0.5, 0.25])]
    canvas.table(rows)
    pixels = canvas.pixels
    assert pixels.shape[0] > 300 and (pixels[:300] == 128).all()
    widths = [np.nonzero((pixels == colour).all(-1))[1] for colour, _, _ in rows]
    first, second = (np.ptp(columns) + 1 for columns in widths)
    assert first == pytest.approx(2 * second, abs=3)
