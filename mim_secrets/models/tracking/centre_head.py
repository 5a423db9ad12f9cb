"""Where is the middle of the thing, how large is it, and where in its cell does it lie?

Zhou et al., "Objects as Points", 2019, for one thing in a window, as in Ye et al., "Joint
Feature Learning and Relation Modeling for Tracking", ECCV 2022.
"""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import nn
from torchvision.ops import generalized_box_iou_loss

from mim_secrets.registry import MODELS

from .centre_losses import centre_focal_loss, centre_target
from .tracker import Maps

FIRST_SCORE = 0.1  # of every cell before training


@MODELS.register_module()
class CentreHead(BaseModule):
    """Three stacks of convolutions over the search window's map: score, size and offset.

    Each stack has four layers of 3 x 3, the first ``channels`` wide, each other half as wide
    as the one before it, and one of 1 x 1. A box has its middle in its own cell.

    The loss: penalty-reduced focal loss of the scores, and L1 (of the corners) and GIoU of
    the box that the true middle's cell gives.

    Args:
        in_channels: Of the map that comes in.
        channels: Of the first convolutions, a multiple of 8.
        score_weight: Of the focal loss.
        l1_weight: Of the L1 loss, in shares of the search window.
        giou_weight: Of the GIoU loss.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 256,
        score_weight: float = 1.0,
        l1_weight: float = 5.0,
        giou_weight: float = 2.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if channels < 8 or channels % 8:
            raise ValueError(
                f'CentreHead: channels is {channels}, but is halved three times; give a multiple '
                'of 8.'
            )
        self.score_branch = _branch(in_channels, channels, 1)
        self.size_branch = _branch(in_channels, channels, 2)
        self.offset_branch = _branch(in_channels, channels, 2)
        self.score_weight, self.l1_weight = score_weight, l1_weight
        self.giou_weight = giou_weight

    def init_weights(self) -> None:
        super().init_weights()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
        bias = torch.tensor(FIRST_SCORE).logit().item()
        nn.init.constant_(self.score_branch[-1].bias, bias)

    def forward(self, features: torch.Tensor) -> Maps:
        """A map (B, C, H, W) to scores (B, H, W) and boxes (B, H, W, 4)."""
        # half precision would put boxes on a grid
        logits = self.score_branch(features)[:, 0].float()
        size = self.size_branch(features).permute(0, 2, 3, 1).float().sigmoid()
        offset = self.offset_branch(features).permute(0, 2, 3, 1).float()
        height, width = logits.shape[-2:]
        x = (torch.arange(width, device=offset.device) + offset[..., 0]) / width
        y = (torch.arange(height, device=offset.device)[:, None] + offset[..., 1]) / height
        middle = torch.stack([x, y], dim=-1)
        return Maps(logits.sigmoid(), torch.cat([middle - 0.5 * size, size], dim=-1), logits)

    def loss(self, maps: Maps, gt_boxes: torch.Tensor) -> dict[str, torch.Tensor]:
        """Losses for boxes (B, 4) whose middles lie in the window."""
        target, cell = centre_target(gt_boxes, maps.score.shape[-2:])
        batch = torch.arange(len(cell), device=cell.device)
        found = to_corners(maps.boxes[batch, cell[:, 1], cell[:, 0]])
        true = to_corners(gt_boxes)
        giou = generalized_box_iou_loss(found, true, reduction='mean')
        return dict(
            loss_score=self.score_weight * centre_focal_loss(maps.raw, target),
            loss_l1=self.l1_weight * F.l1_loss(found, true),
            loss_giou=self.giou_weight * giou,
        )


def to_corners(boxes: torch.Tensor) -> torch.Tensor:
    """(..., 4) x, y, width, height to left, top, right, bottom."""
    corner, size = boxes.split(2, dim=-1)
    return torch.cat([corner, corner + size], dim=-1)


def _branch(width: int, channels: int, out: int) -> nn.Sequential:
    layers = []
    for halvings in range(4):
        narrower = channels // 2**halvings
        layers.append(nn.Conv2d(width, narrower, 3, padding=1))
        layers.append(nn.BatchNorm2d(narrower))
        layers.append(nn.ReLU(inplace=True))
        width = narrower
    return nn.Sequential(*layers, nn.Conv2d(width, out, 1))
