"""What is read of an image file, and how far its pixels are from a full decoding."""

import cv2
import numpy as np
import pytest
from PIL import Image

from mim_secrets.datasets.decoding import (
    ArrayPicture,
    BadImageError,
    JpegPicture,
    exif_orientation,
    open_picture,
    resize,
)
from tests.datasets.pictures import animation, as_opencv_reads, by_pillow, jpeg, picture

SAMPLINGS = {
    name: getattr(cv2, f'IMWRITE_JPEG_SAMPLING_FACTOR_{name}')
    for name in ('411', '420', '422', '440', '444')
}
IMAGE = picture(90, 120)
WHOLE = (0, 0, 90, 120)
JPEG = jpeg(IMAGE)


def mean_difference(one: np.ndarray, other: np.ndarray) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_turned_jpeg_has_opencvs_pixels(orientation: int) -> None:
    """Breaks when a crop is chosen or cut on an image that lies on its side."""
    data = by_pillow(IMAGE, 'JPEG', orientation=orientation)
    full = as_opencv_reads(data)
    opened = open_picture(data)
    assert isinstance(opened, JpegPicture)
    assert opened.shape == full.shape[:2]
    region = opened.region((11, 20, 40, 33), least=(40, 33))
    np.testing.assert_array_equal(region, full[11:51, 20:53])


@pytest.mark.parametrize('sampling', SAMPLINGS)
@pytest.mark.parametrize('bottom', [1, 31, 32, 33, 64, 199, 200])
def test_rows_below_the_box_are_left_out_and_not_missed(sampling: str, bottom: int) -> None:
    """Breaks when the rows that are cut off lend colour to those that stay, or when all
    rows are decoded although few are needed."""
    image = picture(200, 70)
    options = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling])
    for more in ((), (cv2.IMWRITE_JPEG_RST_INTERVAL, 1)):
        data = jpeg(image, *options, *more)
        full = as_opencv_reads(data)
        region = open_picture(data).region((0, 0, bottom, 70), least=(bottom, 70))
        np.testing.assert_array_equal(region, full[:bottom])
        assert len(region.base) == min(200, -(-(bottom + 8) // 16) * 16)


@pytest.mark.parametrize('sampling', SAMPLINGS)
@pytest.mark.parametrize(('factor', 'side'), [(2, 100), (2, 199), (4, 201), (8, 420)])
def test_reduced_pixels_are_those_of_a_box_that_hardly_moved(
    sampling: str, factor: int, side: int
) -> None:
    """Breaks when a reduced region is another part of the image, has fewer pixels than
    asked for, or is decoded at a larger scale than needed."""
    image = picture(500, 600)
    data = jpeg(image, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling])
    full = as_opencv_reads(data)
    least = side // factor
    for top, left in ((0, 0), (17, 101), (72, 172)):
        region = open_picture(data).region((top, left, side, side), least=(least, least))
        assert all(least <= length <= side // factor + 1 for length in region.shape[:2])
        edges = np.array([top, left, top + side, left + side])
        moved = ((edges + factor / 2) // factor * factor).astype(int)
        assert np.abs(moved - edges).max() <= factor / 2
        exact = full[moved[0] : moved[2], moved[1] : moved[3]]
        exact = Image.fromarray(exact).resize(region.shape[1::-1], Image.BOX)
        # one pixel beside, the difference would be 2 and more
        assert mean_difference(region, np.asarray(exact)) < 1.2


def test_nothing_is_reduced_below_what_is_asked() -> None:
    """Breaks when an image is decoded too small, to be blown up again."""
    opened = open_picture(JPEG)
    assert opened.region(WHOLE, least=(46, 10)).shape == (90, 120, 3)
    assert opened.region(WHOLE, least=(45, 60)).shape == (45, 60, 3)
    assert opened.region((1, 1, 80, 80), least=(224, 224)).shape == (80, 80, 3)


@pytest.mark.parametrize('shape', [(224, 224), (60, 200), (224, 100)], ids=str)
@pytest.mark.parametrize('size', [(375, 500), (226, 290), (180, 150)], ids=str)
@pytest.mark.parametrize('name', ['bicubic', 'bilinear'])
def test_resizing_is_pillows(size: tuple, shape: tuple, name: str) -> None:
    """Breaks when a large image is shrunk without smoothing, or is shifted by part of a
    pixel: either moves pixels by whole levels."""
    image = picture(*size)
    theirs = Image.fromarray(image).resize(shape[::-1], getattr(Image, name.upper()))
    assert mean_difference(resize(image, *shape, name), np.asarray(theirs)) < 0.35


def test_resizing_takes_what_cannot_be_written_to() -> None:
    """Breaks when a view into a mapped file makes torch complain, or is written to."""
    image = picture(50, 40)
    image.setflags(write=False)
    half = resize(image[5:45, 10:30], 20, 10, 'bicubic')
    np.testing.assert_array_equal(half, resize(image[5:45, 10:30].copy(), 20, 10, 'bicubic'))
    assert resize(image, 50, 40, 'bicubic') is image


GREY = cv2.cvtColor(cv2.cvtColor(IMAGE, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
ODD = {
    'CMYK': (by_pillow(IMAGE, 'JPEG', 'CMYK', quality=95), IMAGE),
    'progressive': (jpeg(IMAGE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), IMAGE),
    'grey': (by_pillow(IMAGE, 'JPEG', 'L', quality=95), GREY),
    'grey PNG': (by_pillow(IMAGE, 'PNG', 'L'), GREY),
    '16 bits': (cv2.imencode('.png', IMAGE.astype(np.uint16) * 257)[1].tobytes(), IMAGE),
    '16 bits grey': (
        cv2.imencode('.png', GREY[..., 0].astype(np.uint16) * 257)[1].tobytes(),
        GREY,
    ),
    'alpha': (by_pillow(IMAGE, 'PNG', 'RGBA'), IMAGE),
    'grey and alpha': (by_pillow(IMAGE, 'PNG', 'LA'), GREY),
    'turned PNG': (by_pillow(IMAGE, 'PNG', orientation=3), IMAGE[::-1, ::-1]),
    'animated GIF': (animation(IMAGE, 'GIF'), IMAGE),
    'animated WebP': (animation(IMAGE, 'WEBP'), IMAGE),
    'bytes behind the end': (JPEG + b'some maker adds these', IMAGE),
    'no image in front': (by_pillow(IMAGE, 'TIFF'), IMAGE),
}


@pytest.mark.parametrize('name', ODD)
def test_odd_images_are_read(name: str) -> None:
    """Breaks when a kind of image that large collections contain is lost or distorted."""
    data, expected = ODD[name]
    opened = open_picture(data)
    assert opened.shape == (90, 120)
    region = opened.region(WHOLE, least=(90, 120))
    assert region.dtype == np.uint8
    # 16 bits of 257 times the value come back one lower here and there, GIF has few colours
    assert mean_difference(region, expected) < 7


def test_what_opencv_cannot_read_pillow_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when a build of OpenCV without GIF or WebP makes such images bad, or when
    the other decoder ignores how the image is turned."""
    monkeypatch.setattr(cv2, 'imdecode', lambda *args: None)
    data = by_pillow(IMAGE, 'PNG', orientation=6)
    region = open_picture(data).region((0, 0, 120, 90), least=(120, 90))
    np.testing.assert_array_equal(region, np.rot90(IMAGE, -1))
    with pytest.raises(BadImageError, match='more than 8 bits'):
        open_picture(by_pillow(IMAGE, 'TIFF', 'F'))


PNG = by_pillow(IMAGE, 'PNG')
HEADER_END = JPEG.index(b'\xff\xda')
BAD = {
    'zero bytes': (b'', 'it is empty'),
    'no image': (b'<html>gone</html>' * 20, 'no decoder reads it'),
    'cut JPEG': (JPEG[: len(JPEG) // 2], 'cut off: a JPEG without its end marker'),
    'cut JPEG header': (JPEG[: HEADER_END // 2], 'header is cut off or damaged'),
    'end lost to zeros': (JPEG[:-300] + bytes(300), 'cut off'),
    'damaged JPEG header': (JPEG[:2] + bytes(100) + JPEG[102:], 'no decoder reads it'),
    'no such size': (
        JPEG.replace(b'\x08\x00\x5a\x00\x78\x03', b'\x08\xff\xff\xff\xff\x03'),
        '65535 x 65535 pixels',
    ),
    'cut PNG': (PNG[: len(PNG) // 2], 'no decoder reads it'),
    'cut GIF': (animation(IMAGE, 'GIF')[:2000], 'no decoder reads it'),
}


@pytest.mark.parametrize('name', BAD)
def test_bad_images_are_refused_with_the_reason(name: str) -> None:
    """Breaks when half an image passes for a whole one, or another exception ends a run."""
    data, reason = BAD[name]
    with pytest.raises(BadImageError, match=reason):
        open_picture(data).region((0, 0, 8, 8), least=(8, 8))


@pytest.mark.parametrize('tiff', [b'', b'II*\0', b'XX' * 40, b'MM\0*\xff\xff\xff\xff' * 9])
def test_nonsense_in_exif_means_upright(tiff: bytes) -> None:
    """Breaks when damaged EXIF data makes a good image bad, or takes long to look at."""
    assert exif_orientation(tiff) == 1


def test_a_decoded_picture_hands_out_views() -> None:
    """Breaks when a mapped file is copied before it is cropped."""
    image = IMAGE.copy()
    region = ArrayPicture(image).region((1, 2, 30, 40), least=(1, 1))
    assert region.base is image and region.shape == (30, 40, 3)
