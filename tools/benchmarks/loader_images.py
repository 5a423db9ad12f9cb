"""JPEGs with the statistics of photographs, for timing what reads them."""

from pathlib import Path

import cv2
import numpy as np

from mim_secrets.datasets.playground import Style, render_image, sample_scene

# The amplitude of a photograph falls with frequency f about as 1 / f ** 1.2. Together
# with the contrast this decides how long a file is, and so how long it decodes: here
# 2.5 bits for each pixel.
_SLOPE = 1.2
_CONTRAST = 22.0
_COLOUR_CONTRAST = 4.0
_QUALITY = 90


def write_images(folder: Path, number: int, width: int, height: int) -> None:
    """Rendered scenes, enlarged and under noise of natural spectrum, as JPEG 4:2:0."""
    folder.mkdir(parents=True)
    for index in range(number):
        options = (cv2.IMWRITE_JPEG_QUALITY, _QUALITY)
        cv2.imwrite(str(folder / f'{index:05d}.jpg'), natural_image(index, width, height), options)


def natural_image(index: int, width: int, height: int) -> np.ndarray:
    """An image (H, W, 3), uint8, the same for the same arguments."""
    random = np.random.default_rng(index)
    scene = render_image(sample_scene(0, index, Style(), 'train'), (height // 2, width // 2))
    image = cv2.resize(scene, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    image += _CONTRAST * _noise(random, height, width)[..., None]
    for channel in range(3):
        image[..., channel] += _COLOUR_CONTRAST * _noise(random, height, width)
    return image.clip(0, 255).astype(np.uint8)


def _noise(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Noise (H, W) of mean 0 and deviation 1 whose amplitude falls with frequency."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    phase = np.exp(2j * np.pi * random.random(frequency.shape))
    noise = np.fft.irfft2(phase * frequency**-_SLOPE, (height, width))
    return (noise / noise.std()).astype(np.float32)
