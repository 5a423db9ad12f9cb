"""A photograph to draw predictions on, enlarged until names can be read."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mim_secrets.apis.inferencers.colours import class_colours
from mim_secrets.apis.inferencers.depth_scale import coloured, depth_colours, is_depth, ticks

Colour = tuple[int, int, int]
SHORTEST = 384  # pixels of the longer edge; smaller pictures are enlarged
INK, PAPER, EMPTY = (20, 20, 20), (255, 255, 255), (235, 235, 235)


def colour_of(label: int) -> Colour:
    """Of a class, the same in every picture."""
    colours = class_colours()
    return tuple(colours[label % len(colours)].tolist())


class Canvas:
    """Coordinates are those of the photograph, whatever its enlargement.

    Args:
        pixels: uint8 BGR (H, W, 3), as images are decoded.
    """

    def __init__(self, pixels: np.ndarray) -> None:
        height, width = pixels.shape[:2]
        self.factor = math.ceil(SHORTEST / max(height, width))
        size = (width * self.factor, height * self.factor)
        rgb = np.ascontiguousarray(pixels[..., ::-1])
        self._image = Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC)
        self.width = max(2, round(max(size) / 300))  # of lines
        self._font = ImageFont.load_default(max(11, round(min(size) / 30)))
        self._draw = ImageDraw.Draw(self._image)
        self._named: list[tuple[float, float, float, float]] = []

    @property
    def pixels(self) -> np.ndarray:
        """uint8 RGB."""
        return np.array(self._image)

    def regions(self, masks: np.ndarray, colours: Sequence[Colour], opacity: float = 0.45) -> None:
        """Tint (N, H, W) bool, later ones above earlier ones, and draw their borders."""
        pixels = self.pixels
        kernel = np.ones((2 * (self.width // 2) + 1,) * 2, np.uint8)
        for mask, colour in zip(masks, colours, strict=True):
            mask = mask.repeat(self.factor, axis=0).repeat(self.factor, axis=1)
            # outside of the image counts as inside, so that no border runs along the edge
            inner = cv2.erode(mask.astype(np.uint8), kernel, borderValue=1).astype(bool)
            tint = np.asarray(colour)
            pixels[inner] = ((1 - opacity) * pixels[inner] + opacity * tint).round()
            pixels[mask & ~inner] = tint
        self._image = Image.fromarray(pixels)
        self._draw = ImageDraw.Draw(self._image)

    def depth(
        self, metres: np.ndarray, nearest: float, farthest: float, opacity: float = 1.0
    ) -> None:
        """Colour (H, W) by depth, where there is one."""
        pixels = self.pixels
        metres = metres.repeat(self.factor, axis=0).repeat(self.factor, axis=1)
        known = is_depth(metres)
        colours = coloured(metres[known], nearest, farthest)
        pixels[known] = ((1 - opacity) * pixels[known] + opacity * colours).round()
        self._image = Image.fromarray(pixels)
        self._draw = ImageDraw.Draw(self._image)

    def box(self, corners: Sequence[float], colour: Colour) -> None:
        """x0, y0, x1, y1."""
        x0, y0, x1, y1 = (float(value) * self.factor for value in corners)
        for margin, line, width in ((0, INK, self.width + 2), (1, colour, self.width)):
            if x1 - x0 >= 2 * margin and y1 - y0 >= 2 * margin:
                inset = (x0 + margin, y0 + margin, x1 - margin, y1 - margin)
                self._draw.rectangle(inset, outline=line, width=width)

    def line(self, start: Sequence[float], end: Sequence[float], colour: Colour) -> None:
        ends = [tuple(float(v) * self.factor for v in point[:2]) for point in (start, end)]
        self._draw.line(ends, fill=INK, width=self.width + 2)
        self._draw.line(ends, fill=colour, width=self.width)

    def dot(self, centre: Sequence[float], colour: Colour) -> None:
        x, y = (float(value) * self.factor for value in centre[:2])
        radius = 1.2 * self.width
        circle = (x - radius, y - radius, x + radius, y + radius)
        self._draw.ellipse(circle, fill=colour, outline=INK)

    def label(self, text: str, corner: Sequence[float], colour: Colour) -> None:
        """A name on its colour, above ``corner`` or where it covers no other name nearby."""
        left, top, right, bottom = self._draw.textbbox((0, 0), text, font=self._font)
        width, height = right - left + 6, bottom - top + 5
        x, y = (float(value) * self.factor for value in corner)
        x = min(max(x, 0), max(self._image.width - 1 - width, 0))
        lowest = max(self._image.height - 1 - height, 0)
        places = [min(max(y + lines * height, 0), lowest) for lines in (-1, 0, -2, 1)]
        y = next((y for y in places if self._is_free(x, y, width, height)), places[0])
        self._named.append((x, y, width, height))
        self._draw.rectangle((x, y, x + width, y + height), fill=colour)
        ink = INK if _light(colour) else PAPER
        self._draw.text((x + 3 - left, y + 2 - top), text, fill=ink, font=self._font)

    def note(self, text: str) -> None:
        """A remark in the left upper corner, about the picture as a whole."""
        self.label(text, (0, 0), EMPTY)

    def _is_free(self, x: float, y: float, width: float, height: float) -> bool:
        return not any(
            x < other_x + other_width
            and other_x < x + width
            and y < other_y + other_height
            and other_y < y + height
            for other_x, other_y, other_width, other_height in self._named
        )

    def names(self, masks: np.ndarray, texts: Sequence[str], colours: Sequence[Colour]) -> None:
        """Write the name of each of (N, H, W) bool where it is widest, if it has room."""
        for mask, text, colour in zip(masks, texts, colours, strict=True):
            depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)
            y, x = np.unravel_index(depth.argmax(), depth.shape)
            height = self._font.size
            if 2 * depth[y, x] * self.factor > 1.5 * height:
                middle = self._draw.textlength(text, font=self._font) / 2 / self.factor
                self.label(text, (x - 1 - middle, y - 1 + height / 2 / self.factor), colour)

    def table(self, rows: Sequence[tuple[Colour, float, str]]) -> None:
        """Add a strip below: for each row a bar of its colour, its share and its text."""
        line = round(1.5 * self._font.size)
        bar, number = 5 * self._font.size, round(self._draw.textlength('100.0%', self._font))
        widest = max((self._draw.textlength(text, self._font) for _, _, text in rows), default=0)
        column = bar + number + round(widest) + 2 * line
        columns = max(1, min(self._image.width // column, len(rows)))
        lines = math.ceil(len(rows) / columns)
        size = (self._image.width, self._image.height + lines * line + line // 2)
        sheet = Image.new('RGB', size, PAPER)
        sheet.paste(self._image)
        draw = ImageDraw.Draw(sheet)
        for index, (colour, share, text) in enumerate(rows):
            x = line // 3 + index // lines * column
            y = self._image.height + line // 4 + index % lines * line
            draw.rectangle((x, y + 3, x + bar, y + line - 3), fill=EMPTY)
            draw.rectangle((x, y + 3, x + round(bar * share), y + line - 3), fill=colour)
            x += bar + line // 3 + number
            draw.text((x, y), f'{share:.1%}', fill=INK, font=self._font, anchor='ra')
            draw.text((x + line // 3, y), text, fill=INK, font=self._font)
        self._image, self._draw = sheet, draw

    def scale(self, nearest: float, farthest: float) -> None:
        """Add a strip below: the colours of depths, with metres under them."""
        line, (width, height) = self._font.size, self._image.size
        margin, bar = 2 * line, (height + line // 2, height + line // 2 + line)
        right = max(width - 1 - margin, margin + 1)
        sheet = Image.new('RGB', (width, bar[1] + 2 * line), PAPER)
        sheet.paste(self._image)
        draw = ImageDraw.Draw(sheet)
        colours = depth_colours()
        for x in range(margin, right + 1):
            colour = colours[round((x - margin) / (right - margin) * (len(colours) - 1))]
            draw.line((x, bar[0], x, bar[1]), fill=tuple(colour.tolist()))
        draw.rectangle((margin - 1, bar[0] - 1, right + 1, bar[1] + 1), outline=INK)
        free_from = 0.0
        for metres in ticks(nearest, farthest):
            share = (metres - nearest) / (farthest - nearest) if farthest > nearest else 0.5
            x, text = margin + share * (right - margin), f'{metres:.6g} m'
            half = draw.textlength(text, font=self._font) / 2
            draw.line((x, bar[1] + 1, x, bar[1] + line // 3), fill=INK)
            if x - half >= free_from:
                place = (min(x, width - 1 - half), bar[1] + line // 3)
                draw.text(place, text, fill=INK, font=self._font, anchor='ma')
                free_from = x + half + line // 2
        self._image, self._draw = sheet, draw


def _light(colour: Colour) -> bool:
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue > 130
