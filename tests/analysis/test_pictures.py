"""Which images are looked at, and what part of them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mim_secrets.analysis.pictures import Pictures
from tests.analysis.small import write_noise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_noise(tmp_path / 'images', 20)


def test_the_first_images_are_a_sample_that_chance_has_fixed(folder: Path) -> None:
    """Breaks when images come in the order of their classes, when the order changes
    from run to run, or when more images are other images."""
    some, more = (Pictures(str(folder), number, {32}) for number in (8, 16))
    assert some.names[:8] == more.names[:8] != sorted(more.names)[:8]
    assert len(some) == 8 and some.available == 20
    assert {name[0] for name in some.names[:8]} == {'a', 'b'}
    assert Pictures(str(folder), 8, {32}, seed=1).names != some.names
    assert len(Pictures(str(folder), 100, {32})) == 20


def test_the_middle_of_an_upright_rgb_picture(tmp_path: Path) -> None:
    """Breaks when channels are swapped, sides are stretched, or the border is left in."""
    image = np.zeros((64, 128, 3), np.uint8)
    image[:, 32:96] = (10, 100, 200)  # blue, green, red
    image[:8] = image[-8:] = 255  # the border: 64 px for 56
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images' / 'one.png'), image)
    picture = Pictures(str(tmp_path / 'images'), 1, {48, 32})[0]
    assert set(picture) == {48, 32} and picture[32].shape == (3, 32, 32)
    assert picture[48].dtype.is_floating_point is False
    np.testing.assert_array_equal(picture[48][:, 24, 24], (200, 100, 10))
    np.testing.assert_array_equal(picture[48][:, 24, 2], (200, 100, 10))
    # 48 of 55 rows are left of 64, of which 8 at either end are white: 3.4 px
    assert (picture[48][:, 2, 24] == 255).all() and picture[48][2, 5, 24] == 10


def test_images_no_larger_than_asked_for_lose_nothing(tmp_path: Path) -> None:
    """Breaks when small pictures are enlarged only to be cut."""
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images' / 'one.png'), image)
    picture = Pictures(str(tmp_path / 'images'), 1, {32})[0][32]
    np.testing.assert_array_equal(picture.permute(1, 2, 0), image[..., ::-1])


def test_a_bad_image_is_replaced_by_the_same_one_each_time(folder: Path) -> None:
    """Breaks when a broken file ends an analysis, or chance decides what stands for it."""
    bad = Pictures(str(folder), 20, {32}).names[3]
    (folder / bad).write_bytes(b'no image')
    pictures = [Pictures(str(folder), 20, {32})[3][32] for _ in range(2)]
    np.testing.assert_array_equal(*pictures)


def test_lists_classes_and_nothing(folder: Path, tmp_path: Path) -> None:
    """Breaks when a list is not read, classes are not the uppermost folders, or an
    empty folder is no error."""
    (folder / 'list.txt').write_text('a/00.png\nb/01.png\n')
    pictures = Pictures(str(folder / 'list.txt'), 10, {32})
    assert sorted(pictures.names) == ['a/00.png', 'b/01.png']
    assert pictures.labels() == ['ab'.index(name[0]) for name in pictures.names]
    assert pictures[1][32].shape == (3, 32, 32)
    assert Pictures(str(folder / 'a'), 10, {32}).labels() is None
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match='There is no image in .*empty; name a folder'):
        Pictures(str(tmp_path / 'empty'), 10, {32})
