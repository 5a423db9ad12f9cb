"""The simple resized crop is torchvision's, and says what it cannot do."""

import numpy as np
import pytest
from PIL import Image

from mim_secrets.datasets import SimpleResizedCrop

SHAPES = [(375, 500), (500, 333), (224, 300), (224, 224), (150, 97), (31, 640), (8, 8)]


def picture(height: int, width: int) -> np.ndarray:
    """Random pixels smoothed over a few, so that resizing has something to do."""
    noise = np.random.default_rng(height * 1000 + width).integers(
        0, 256, (height // 3 + 1, width // 3 + 1, 3), dtype=np.uint8
    )
    return np.asarray(Image.fromarray(noise).resize((width, height)))


@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_equals_torchvision_on_pil_images(shape: tuple[int, int]) -> None:
    """Breaks when the filter, the rounding of the long side, the reflection at the
    border or the range of offsets differs from Resize + RandomCrop(padding=4)."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as tv

    image = picture(*shape)
    np.random.seed(7)
    ours = SimpleResizedCrop(224)(dict(img=image))

    resized = tv.resize(Image.fromarray(image), 224, InterpolationMode.BICUBIC)
    padded = tv.pad(resized, [4] * 4, padding_mode='reflect')
    np.random.seed(7)
    top = np.random.randint(padded.height - 224 + 1)
    left = np.random.randint(padded.width - 224 + 1)
    theirs = np.asarray(tv.crop(padded, top, left, 224, 224))

    assert ours['img_shape'] == (224, 224)
    np.testing.assert_array_equal(ours['img'], theirs)


def test_every_offset_is_reached_and_none_beyond() -> None:
    """Breaks when an offset is off by one, so that an edge is never or doubly seen."""
    image = np.zeros((16, 16, 3), np.uint8)
    image[8, 8] = 255  # the one bright pixel tells where the crop began
    crop = SimpleResizedCrop(16, padding=2)
    np.random.seed(0)
    rows, columns = zip(
        *(np.argwhere(crop(dict(img=image))['img'][..., 0])[0] for _ in range(400)),
        strict=True,
    )
    assert set(rows) == set(columns) == {6, 7, 8, 9, 10}


def test_channels_stay_in_their_order_and_the_input_untouched() -> None:
    """Breaks when an image is converted on the way or cropped in place."""
    image = picture(40, 60)
    before = image.copy()
    crop = SimpleResizedCrop(32)
    np.random.seed(1)
    result = crop(dict(img=image))['img']
    np.random.seed(1)
    swapped = crop(dict(img=np.ascontiguousarray(image[..., ::-1])))['img']
    np.testing.assert_array_equal(result, swapped[..., ::-1])
    np.testing.assert_array_equal(image, before)
    assert result.flags.c_contiguous and result.base is None


def test_grey_images_are_named_and_explained() -> None:
    """Breaks when an image without colours fails somewhere further on."""
    with pytest.raises(ValueError, match=r'cat\.png has shape \(9, 9\) and no colour'):
        SimpleResizedCrop(8)(dict(img=np.zeros((9, 9), np.uint8), img_path='cat.png'))


@pytest.mark.parametrize('padding', [-1, 8])
def test_impossible_margins_are_refused(padding: int) -> None:
    """Breaks when a margin wider than the image reaches OpenCV's own error."""
    with pytest.raises(ValueError, match='choose it from 0 to 7'):
        SimpleResizedCrop(8, padding=padding)
