"""What a map of centres should be, and how far from it one is.

Law and Deng, "CornerNet", ECCV 2018; Zhou et al., "Objects as Points", 2019.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

MIN_OVERLAP = 0.7


def centre_target(boxes: torch.Tensor, size: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """A Gaussian around the cell in which each box has its middle.

    Args:
        boxes: (B, 4) x, y, width, height in shares of the window.
        size: Rows H and columns W of the map.

    Returns:
        (B, H, W), 1 in that cell alone and 0 beyond ``gaussian_radius``, and the cell's
        column and row (B, 2).
    """
    height, width = size
    sides = boxes.new_tensor([width, height])
    middle = (boxes[:, :2] + 0.5 * boxes[:, 2:]) * sides
    last = (sides - 1).long()
    cell = middle.floor().long().clamp(min=torch.zeros_like(last), max=last)
    radius = gaussian_radius(boxes[:, 2:] * sides).floor()[:, None]
    across = torch.arange(width, device=boxes.device) - cell[:, :1]
    down = torch.arange(height, device=boxes.device) - cell[:, 1:]
    deviation = (2 * radius + 1) / 6
    across, down = (
        torch.exp(-(steps**2) / (2 * deviation**2)) * (steps.abs() <= radius)
        for steps in (across, down)
    )
    return down[:, :, None] * across[:, None], cell


def gaussian_radius(sides: torch.Tensor) -> torch.Tensor:
    """CenterNet's radius in cells for boxes with these sides (B, 2), in cells.

    Its code leaves out a division that CornerNet's authors have added since: the radius is
    2.8 times as long as the way that both corners of a box may move outwards until it
    overlaps with itself by ``MIN_OVERLAP``. Published trackers were trained so.
    """
    total, area = sides.sum(dim=-1), sides.prod(dim=-1)
    return MIN_OVERLAP * ((total**2 + 4 * (1 / MIN_OVERLAP - 1) * area).sqrt() - total)


def centre_focal_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Penalty-reduced focal loss for maps (B, H, W) with one middle each.

    The middle's cell should have the score 1, the others 0; a cell costs less the nearer its
    score is to what it should be, and the nearer it lies to the middle.
    """
    score = logits.sigmoid()
    middle = -F.logsigmoid(logits) * (1 - score) ** 2
    others = -F.logsigmoid(-logits) * score**2 * (1 - target) ** 4
    return torch.where(target == 1, middle, others).sum() / len(logits)
