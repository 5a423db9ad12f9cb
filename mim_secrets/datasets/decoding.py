"""Image files to uint8 arrays in BGR, and no more of a file than is asked for.

A *picture* is an image that may not be decoded yet. It knows its upright ``shape``
(H, W), and ``region(box, least)`` gives the pixels (h, w, 3) below a box
(top, left, height, width): at full size, or smaller where at least ``least`` rows and
columns remain.
"""

import io
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import simplejpeg
import torch
from PIL import Image, ImageOps

Box = tuple[int, int, int, int]

# The scales at which libjpeg-turbo decodes faster than at full size; it knows eighths in
# between too, but has no vector code for them.
_FACTORS = (8, 4, 2)
_BLOCK_ROWS = 16
_MOST_PIXELS = 2**28
_END = b'\xff\xd9'
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = (0xC0, 0xC1)
_ORIENTATION_TAG = 0x0112
_RESIZE = {
    'bicubic': torch.ops.aten._upsample_bicubic2d_aa.out,
    'bilinear': torch.ops.aten._upsample_bilinear2d_aa.out,
}


class BadImageError(ValueError):
    """An image that cannot be used; the message says why, not which."""


class Picture(Protocol):
    shape: tuple[int, int]

    def region(self, box: Box, least: tuple[int, int]) -> np.ndarray: ...


class ArrayPicture:
    """A picture whose pixels lie in memory or in a mapped file."""

    def __init__(self, image: np.ndarray) -> None:
        self.image = image
        self.shape = image.shape[:2]

    def region(self, box: Box, least: tuple[int, int]) -> np.ndarray:
        top, left, height, width = box
        return self.image[top : top + height, left : left + width]


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What a JPEG says of itself before its first compressed block."""

    height: int  # both as stored, before EXIF turns the image
    width: int
    orientation: int  # EXIF's number: 1 upright, 5 to 8 turned by a right angle
    ordinary: bool  # 8 bits, grey or three channels
    rows_at: int  # where the height stands, if rows below it can be left out, else 0


class JpegPicture:
    """A JPEG that is decoded at the smallest sufficient scale, down to the last row needed."""

    def __init__(self, data: bytes, header: JpegHeader) -> None:
        self._data = data
        self._header = header
        shape = (header.height, header.width)
        self.shape = shape if header.orientation < 5 else shape[::-1]

    def region(self, box: Box, least: tuple[int, int]) -> np.ndarray:
        top, left, height, width = box
        fits = (f for f in _FACTORS if height >= f * least[0] and width >= f * least[1])
        factor = next(fits, 1)
        if self._header.orientation == 1:
            image = self._decode(factor, top + height)
        else:
            image = upright(self._decode(factor, self._header.height), self._header.orientation)
        if factor > 1:
            # halves are rounded up at either edge, so that nothing gets smaller than asked
            edges = (top, left, top + height, left + width)
            top, left, bottom, right = ((2 * edge + factor) // (2 * factor) for edge in edges)
            return image[top:bottom, left:right]
        return image[top : top + height, left : left + width]

    def _decode(self, factor: int, rows: int) -> np.ndarray:
        data, width = self._data, self._header.width
        # some rows more, because colours are smoothed across the border of blocks
        rows = -(-(rows + 8 * factor) // _BLOCK_ROWS) * _BLOCK_ROWS
        if self._header.rows_at and rows < self._header.height:
            # A header that names fewer rows makes a valid JPEG of the upper part.
            data = bytearray(data)
            data[self._header.rows_at : self._header.rows_at + 2] = rows.to_bytes(2, 'big')
        else:
            rows = self._header.height
        try:
            return simplejpeg.decode_jpeg(
                data,
                'BGR',
                min_height=-(-rows // factor),
                min_width=-(-width // factor),
                strict=False,
            )
        except ValueError as error:
            raise BadImageError(f'it cannot be decoded ({error})') from None


def open_picture(data: bytes) -> Picture:
    """A picture from the bytes of a file of any image format."""
    if not data:
        raise BadImageError('it is empty')
    header = read_jpeg_header(data)
    if header is not None and header.ordinary:
        return JpegPicture(data, header)
    return ArrayPicture(decode(data))


def decode(data: bytes) -> np.ndarray:
    """A whole image of any format (H, W, 3), uint8, BGR, turned upright.

    Deeper samples are cut to 8 bits, grey is repeated, transparency is ignored, and
    of an animation the first frame is taken.
    """
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    return _decode_with_pillow(data) if image is None else image


def _decode_with_pillow(data: bytes) -> np.ndarray:
    """For what this build of OpenCV cannot read."""
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        image.load()
    except Exception as error:
        raise BadImageError(f'no decoder reads it ({_first_line(error)})') from None
    if image.mode[0] in 'IF':
        raise BadImageError(f'its samples have more than 8 bits (Pillow mode {image.mode})')
    return np.asarray(image.convert('RGB'))[..., ::-1]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].split(' <')[0]


def read_jpeg_header(data: bytes) -> JpegHeader | None:
    """The header, or None where the bytes do not begin as a JPEG.

    Raises BadImageError where they do but the rest is missing.
    """
    if data[:3] != b'\xff\xd8\xff':
        return None
    at, frame, orientation = 2, 0, 1
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == 0xDA and frame:
            return _header_of(data, frame, at, orientation)
        if marker in _FRAMES:
            frame = at
        elif marker == 0xE1 and data[at + 4 : at + 10] == b'Exif\0\0':
            length = int.from_bytes(data[at + 2 : at + 4], 'big')
            orientation = exif_orientation(data[at + 10 : at + 2 + length])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
    raise BadImageError('its JPEG header is cut off or damaged')


def _header_of(data: bytes, frame: int, scan: int, orientation: int) -> JpegHeader:
    if not data.endswith(_END) and data.find(_END, scan) < 0:
        raise BadImageError('it is cut off: a JPEG without its end marker')
    height = int.from_bytes(data[frame + 5 : frame + 7], 'big')
    width = int.from_bytes(data[frame + 7 : frame + 9], 'big')
    if height * width > _MOST_PIXELS:
        raise BadImageError(f'it says that it has {height} x {width} pixels')
    channels, bits = data[frame + 9], data[frame + 4]
    in_one_scan = data[frame + 1] in _SEQUENTIAL and data[scan + 4] == channels
    return JpegHeader(
        height,
        width,
        orientation,
        ordinary=bits == 8 and channels in (1, 3) and height > 0,
        rows_at=frame + 5 if in_one_scan else 0,
    )


def exif_orientation(tiff: bytes) -> int:
    """The orientation, 1 to 8, that a block of EXIF data tells; 1 if it tells none."""
    order = {b'II': 'little', b'MM': 'big'}.get(tiff[:2])
    if order is None:
        return 1

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    start = number(4, 4)
    for entry in range(min(number(start, 2), len(tiff) // 12)):
        at = start + 2 + 12 * entry
        if number(at, 2) == _ORIENTATION_TAG:
            told = number(at + 8, 2)
            return told if 1 <= told <= 8 else 1
    return 1


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """An image (H, W, 3) as it is stored, turned and mirrored as EXIF says."""
    if orientation in (5, 6, 7, 8):
        image = cv2.transpose(image)
    mirror = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return image if mirror is None else cv2.flip(image, mirror)


def resize(image: np.ndarray, height: int, width: int, interpolation: str) -> np.ndarray:
    """An image (h, w, 3), uint8, smoothed before it shrinks, as Pillow does it but faster.

    Between the two passes values are rounded, and which pass comes first is up to
    each library; that is all they differ in.
    """
    if image.shape[:2] == (height, width):
        return image
    # torch wants memory that could be written to
    image = np.require(image, requirements=('C', 'W'))
    resized = torch.empty((1, height, width, 3), dtype=torch.uint8)
    # F.interpolate leaves no choice of the result's layout and gives planes, which
    # takes half as long again.
    _RESIZE[interpolation](
        torch.from_numpy(image[None]).permute(0, 3, 1, 2),
        [height, width],
        align_corners=False,
        out=resized.permute(0, 3, 1, 2),
    )
    return resized[0].numpy()
