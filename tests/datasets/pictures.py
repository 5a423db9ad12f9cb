"""Images and image files for the tests of what reads them."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ORIENTATION = 0x0112


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """An image (H, W, 3), uint8, with detail at every scale, less of it in colour than in
    brightness, as photographs have it."""
    random = np.random.default_rng(seed)
    image = np.full((height, width, 3), 128.0)
    for cells in (2, 4, 8, 16, 32, 64):
        for shape, contrast in (((cells, cells, 1), 60), ((cells, cells, 3), 15)):
            noise = random.normal(0, contrast / cells**0.7, shape) * np.ones(3)
            image += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return image.clip(0, 255).astype(np.uint8)


def jpeg(image: np.ndarray, *options: int) -> bytes:
    """BGR to a JPEG, quality 90 unless OpenCV's options say otherwise."""
    return cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, 90, *options))[1].tobytes()


def as_opencv_reads(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def by_pillow(image: np.ndarray, kind: str, mode: str = 'RGB', **options: object) -> bytes:
    """BGR to a file of any format that Pillow writes; ``orientation`` goes into EXIF."""
    if 'orientation' in options:
        options['exif'] = Image.Exif()
        options['exif'][ORIENTATION] = options.pop('orientation')
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image[..., ::-1])).convert(mode).save(
        file, kind, **options
    )
    return file.getvalue()


def animation(image: np.ndarray, kind: str) -> bytes:
    """Three frames, of which the first is ``image``."""
    frame = Image.fromarray(np.ascontiguousarray(image[..., ::-1]))
    others = [frame.rotate(90), frame.rotate(180)]
    file = io.BytesIO()
    frame.save(file, kind, save_all=True, append_images=others)
    return file.getvalue()


def write_folder(root: Path, number: int, height: int = 60, width: int = 80) -> list[Path]:
    """``root/{even,odd}/NNN.jpg``, each image another one."""
    paths = []
    for index in range(number):
        path = root / ('odd' if index % 2 else 'even') / f'{index:03d}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(picture(height, width, seed=index)))
        paths.append(path)
    return paths
