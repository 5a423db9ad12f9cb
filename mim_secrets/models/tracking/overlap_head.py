"""A box for each cell of a search window, and how well it is believed to fit.

As in Lin et al., "SwinTrack: A Simple and Strong Baseline for Transformer Tracking",
NeurIPS 2022.
"""

from math import log

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce
from mmengine.model import BaseModule
from torch import nn
from torchvision.ops import generalized_box_iou_loss

from mim_secrets.registry import MODELS

from .centre_head import to_corners
from .pair_fusion import LINEAR
from .tracker import Maps

# Where learning begins: a search window of four times the thing's side.
FIRST_SIDE = 1 / 4
FIRST_SCORE = FIRST_SIDE**2  # the share of cells that the thing covers


@MODELS.register_module()
class OverlapHead(BaseModule):
    """Two perceptrons of three layers over each cell.

    A cell's score stands for the overlap of its box with the true one; it is learned by
    the varifocal loss (Zhang et al., CVPR 2021), in which only cells that the true box
    touches have a target above 0. These cells' boxes are learned by the generalised
    overlap, weighted by their scores.

    A box is where its middle lies from the middle of its cell, and its width and height
    between 0 and 1, all in shares of the search window. (SwinTrack counts middles from the
    window's corner; but positions enter the attention only, which tells a cell where others
    lie from it.)

    Args:
        in_channels: Width of what comes in, C, and of the hidden layers.
        score_weight: Of the varifocal loss.
        box_weight: Of the loss of boxes.
        alpha: How much cells that the true box does not touch count.
        gamma: How much less those of them count that are nearly right.
    """

    def __init__(
        self,
        in_channels: int,
        score_weight: float = 1.5,
        box_weight: float = 1.5,
        alpha: float = 0.75,
        gamma: float = 2.0,
        init_cfg: dict | list[dict] | None = LINEAR,
    ) -> None:
        super().__init__(init_cfg)
        self.score_weight, self.box_weight = score_weight, box_weight
        self.alpha, self.gamma = alpha, gamma
        self.score_layers = perceptron(in_channels, 1)
        self.box_layers = perceptron(in_channels, 4)

    def forward(self, cells: torch.Tensor) -> Maps:
        """What is known of each cell, (B, H, W, C)."""
        # shares of a window in half precision would come in steps of a pixel
        logits = self.score_layers(cells).float()[..., 0] + _logit(FIRST_SCORE)
        boxes = self.box_layers(cells).float()
        middles = cell_middles(cells.shape[1:3], boxes) + boxes[..., :2]
        sides = (boxes[..., 2:] + _logit(FIRST_SIDE)).sigmoid()
        return Maps(logits.sigmoid(), torch.cat([middles - sides / 2, sides], dim=-1), logits)

    def loss(self, maps: Maps, gt_boxes: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compare what :meth:`forward` gave with true boxes (B, 4)."""
        touched = touched_cells(gt_boxes, maps.score.shape[1:])
        found, true = to_corners(maps.boxes), to_corners(gt_boxes[:, None, None].float())
        overlap = overlap_of(found.detach(), true)
        target = overlap * touched
        score_loss = varifocal(maps.raw, target, self.alpha, self.gamma).sum()
        weight = maps.score.detach() * touched
        box_loss = (weight * generalized_box_iou_loss(found, true)).sum()
        count, weight_sum = _means_over_ranks(touched.sum(), weight.sum())
        best = maps.score.flatten(1).argmax(dim=1, keepdim=True)
        return dict(
            loss_score=self.score_weight * score_loss / count.clamp(min=1),
            loss_box=self.box_weight * box_loss / weight_sum.clamp(min=1e-5),
            overlap=overlap.flatten(1).gather(1, best).mean(),
        )


def perceptron(dims: int, out_dims: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(dims, dims),
        nn.GELU(),
        nn.Linear(dims, dims),
        nn.GELU(),
        nn.Linear(dims, out_dims),
    )


def cell_middles(grid: tuple[int, int], like: torch.Tensor) -> torch.Tensor:
    """(H, W, 2), x and y in shares of the window."""
    rows, columns = (
        (torch.arange(length, device=like.device, dtype=like.dtype) + 0.5) / length
        for length in grid
    )
    return torch.stack(torch.meshgrid(columns, rows, indexing='xy'), dim=-1)


def touched_cells(boxes: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """(B, H, W), true where a cell has something of the box (B, 4)."""
    scale = boxes.new_tensor([grid[1], grid[0]])
    first, last = (boxes[:, :2] * scale).floor(), ((boxes[:, :2] + boxes[:, 2:]) * scale).floor()
    columns, rows = (
        (place >= first[:, axis, None]) & (place <= last[:, axis, None])
        for axis, place in enumerate(torch.arange(n, device=boxes.device) for n in grid[::-1])
    )
    return rows[:, :, None] & columns[:, None, :]


def overlap_of(boxes: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Intersection over union (...) of boxes (..., 4) given by their corners."""
    low, high = boxes.split(2, dim=-1)
    true_low, true_high = true.split(2, dim=-1)
    both = torch.minimum(high, true_high) - torch.maximum(low, true_low)
    both = both.clamp(min=0).prod(dim=-1)
    union = (high - low).prod(dim=-1) + (true_high - true_low).prod(dim=-1) - both
    return both / union.clamp(min=1e-7)


def varifocal(
    logits: torch.Tensor, target: torch.Tensor, alpha: float, gamma: float
) -> torch.Tensor:
    """The loss of each score; what has a target counts by it, the rest by its mistake."""
    mistake = alpha * logits.sigmoid().pow(gamma)
    weight = torch.where(target > 0, target, mistake)
    return weight * F.binary_cross_entropy_with_logits(logits, target, reduction='none')


def _means_over_ranks(*sums: torch.Tensor) -> torch.Tensor:
    """Of all processes, because their gradients are averaged."""
    stacked = torch.stack([one.float() for one in sums])
    all_reduce(stacked, op='mean')
    return stacked


def _logit(share: float) -> float:
    return log(share / (1 - share))
