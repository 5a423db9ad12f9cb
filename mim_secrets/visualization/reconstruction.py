"""What a masked-image model sees and says, as one picture."""

import copy
import math

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor
from PIL import Image, ImageDraw, ImageFont

from mim_secrets.models import Mask, MaskedImageModel, Reconstruction

COLUMNS = ('original', 'masked input', 'reconstruction', 'reconstruction + visible')
GREY = 128  # of a patch that a column has nothing to say about
PAPER, INK = (255, 255, 255), (40, 40, 40)
SMALLEST_PANEL = 128  # pixels; smaller images are enlarged to at least this
GUTTER = 6


def fixed_mask(model: MaskedImageModel, images: torch.Tensor, seed: int) -> Mask:
    """The mask that ``seed`` stands for, one for each image, the same on every device.

    The model's own stream of masks stays where it is.
    """
    masking = copy.deepcopy(model.masking)
    masking.masks_per_image = 1
    masking.reseed(seed)
    mask = masking(len(images), model.grid(images), torch.device('cpu'))
    return mask.to(images.device)


def reconstruction_grid(
    pictures: Reconstruction, mask: Mask, preprocessor: BaseDataPreprocessor
) -> np.ndarray:
    """One row for each image, one column for each of ``COLUMNS``.

    Args:
        pictures: As a model's ``reconstruct`` gives them, normalised.
        mask: The mask they were made with.
        preprocessor: The model's, whose normalisation is undone.

    Returns:
        uint8 RGB (height, width, 3), small images enlarged by a whole factor.
    """
    panels = [to_rgb(images, preprocessor) for images in pictures]  # (B, H, W, 3)
    hidden = masked_pixels(mask, *panels[0].shape[1:3])  # (B, H, W)
    _, masked, reconstruction, _ = panels
    masked[hidden] = GREY
    reconstruction[~hidden] = GREY
    factor = math.ceil(SMALLEST_PANEL / min(panels[0].shape[1:3]))
    return _lay_out([panel.repeat(factor, axis=1).repeat(factor, axis=2) for panel in panels])


def to_rgb(images: torch.Tensor, preprocessor: BaseDataPreprocessor) -> np.ndarray:
    """Normalised model inputs (B, 3, H, W) as uint8 RGB (B, H, W, 3)."""
    images = images.detach().float().cpu()
    if getattr(preprocessor, 'mean', None) is not None:
        images = images * preprocessor.std.cpu() + preprocessor.mean.cpu()
    pixels = images.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    # images are read as BGR; the preprocessor may or may not have turned them
    return np.array(pixels if _turns_to_rgb(preprocessor) else pixels[..., ::-1])


def masked_pixels(mask: Mask, height: int, width: int) -> np.ndarray:
    """(B, H, W) bool, true where a pixel is in a masked patch."""
    flags = mask.binary().cpu().numpy()
    side = math.isqrt(height * width // flags.shape[1])
    flags = flags.reshape(-1, height // side, width // side)
    return flags.repeat(side, axis=1).repeat(side, axis=2)


def _turns_to_rgb(preprocessor: BaseDataPreprocessor) -> bool:
    """Self-supervised and classification preprocessors name this differently."""
    name = '_channel_conversion'
    return getattr(preprocessor, name, getattr(preprocessor, 'to_rgb', False))


def _lay_out(panels: list[np.ndarray]) -> np.ndarray:
    """Columns of (B, H, W, 3) as a labelled sheet with gutters of white."""
    batch, height, width, _ = panels[0].shape
    font = _largest_font(width)
    header = font.getbbox('Ay')[3] + GUTTER
    sheet = Image.new(
        'RGB',
        (
            GUTTER + len(panels) * (width + GUTTER),
            GUTTER + header + batch * (height + GUTTER),
        ),
        PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    for column, (title, images) in enumerate(zip(COLUMNS, panels, strict=True)):
        left = GUTTER + column * (width + GUTTER)
        draw.text((left + width / 2, GUTTER), title, INK, font, anchor='ma')
        for row, image in enumerate(images):
            top = GUTTER + header + row * (height + GUTTER)
            sheet.paste(Image.fromarray(image), (left, top))
    return np.asarray(sheet)


def _largest_font(width: int) -> ImageFont.FreeTypeFont:
    """A font in which the longest title fits above a panel, but no poster."""
    longest = max(COLUMNS, key=len)
    for size in range(18, 7, -1):
        font = ImageFont.load_default(size)
        if font.getlength(longest) <= width:
            break
    return font
