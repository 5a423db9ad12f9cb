"""The centre head and its losses against slow versions and other libraries."""

import math

import numpy as np
import pytest
import torch
from mmdet.models.losses import GaussianFocalLoss, GIoULoss
from mmdet.models.utils.gaussian_target import gaussian_radius as mmdet_radius

from mim_secrets.models.tracking import CentreHead
from mim_secrets.models.tracking.centre_losses import (
    centre_focal_loss,
    centre_target,
    gaussian_radius,
)
from mim_secrets.models.tracking.tracker import best_cells
from tests.models.tracking.small import batch, one_stream


def boxes_at_random(count: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    middles = torch.rand(count, 2, generator=generator)
    sizes = 0.9 * torch.rand(count, 2, generator=generator) ** 2 + 0.05
    return torch.cat([middles - sizes / 2, sizes], dim=1)


def slow_radius(w: float, h: float) -> float:
    """How far both corners move outwards until the overlap is 0.7, by bisection; CenterNet
    takes 4 x 0.7 times as much."""
    low, high = 0.0, w + h
    for _ in range(60):
        way = (low + high) / 2
        wide_enough = w * h / ((w + 2 * way) * (h + 2 * way)) > 0.7
        low, high = (way, high) if wide_enough else (low, way)
    return 4 * 0.7 * low


def slow_target(box: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map by loops."""
    x, y, w, h = box * [width, height, width, height]
    column, row = math.floor(x + w / 2), math.floor(y + h / 2)
    radius = math.floor(slow_radius(w, h))
    target, sigma = np.zeros((height, width)), (2 * radius + 1) / 6
    for i in range(height):
        for j in range(width):
            if max(abs(i - row), abs(j - column)) <= radius:
                target[i, j] = math.exp(-((i - row) ** 2 + (j - column) ** 2) / (2 * sigma**2))
    return target


@pytest.mark.parametrize('size', [(16, 16), (12, 20)])
def test_the_target_is_the_slow_one(size: tuple[int, int]) -> None:
    """Breaks when the radius is that of another overlap, rows and columns change places, or
    neighbours count as the middle."""
    boxes = boxes_at_random()
    target, cell = centre_target(boxes, size)
    assert target.shape == (len(boxes), *size)
    for index, box in enumerate(boxes.double().numpy()):
        expected = slow_target(box, *size)
        np.testing.assert_allclose(target[index], expected, atol=1e-5)
        column, row = cell[index].tolist()
        assert expected[row, column] == 1 and (target[index] == 1).sum() == 1
    assert len({round(float(row.sum()), 3) for row in target}) > 2  # not all boxes are small


def test_the_radius_is_that_of_centernet() -> None:
    """Breaks when the corrected radius is taken, which is shorter than a cell for most boxes."""
    sides = torch.rand(100, 2, generator=torch.Generator().manual_seed(0)) * 30 + 0.1
    expected = [slow_radius(w, h) for w, h in sides.tolist()]
    np.testing.assert_allclose(gaussian_radius(sides), expected, rtol=1e-3, atol=1e-4)
    corrected = [float(mmdet_radius((h, w), 0.7)) for w, h in sides]
    assert (gaussian_radius(sides).numpy() > corrected).all()


def test_a_middle_on_the_edge_has_a_cell() -> None:
    """Breaks when rounding puts a middle at 1 beyond the map."""
    boxes = torch.tensor([[0.8, 0.9, 0.4, 0.2], [-0.2, -0.1, 0.4, 0.2]])
    _, cell = centre_target(boxes, (8, 8))
    assert cell.tolist() == [[7, 7], [0, 0]]


def test_the_focal_loss_is_that_of_mmdet() -> None:
    """Breaks when an exponent, a sign or what is divided by differs."""
    target, _ = centre_target(boxes_at_random(8), (16, 16))
    logits = torch.randn(8, 16, 16, generator=torch.Generator().manual_seed(0)) * 3
    expected = GaussianFocalLoss(alpha=2.0, gamma=4.0)(logits.sigmoid(), target, avg_factor=8)
    torch.testing.assert_close(centre_focal_loss(logits, target), expected, rtol=1e-5, atol=1e-5)


def test_the_focal_loss_has_a_slope_where_scores_are_hopeless() -> None:
    """Breaks when a sigmoid that has become 0 or 1 stops learning or gives no number."""
    logits = torch.full((1, 4, 4), 200.0)
    logits[0, 2, 2] = -200.0
    logits.requires_grad_()
    target = torch.zeros(1, 4, 4)
    target[0, 2, 2] = 1
    loss = centre_focal_loss(logits, target)
    loss.backward()
    assert loss.isfinite() and logits.grad.isfinite().all()
    assert logits.grad[0, 2, 2] == -1 and logits.grad[0, 0, 0] == 1


def test_the_losses_of_boxes_are_those_of_mmdet() -> None:
    """Breaks when the box of another cell is taken, or sizes are compared as corners."""
    head = CentreHead(8, 16, score_weight=1.0, l1_weight=5.0, giou_weight=2.0)
    maps = head(torch.randn(16, 8, 12, 12, generator=torch.Generator().manual_seed(0)))
    boxes = boxes_at_random(16)
    losses = head.loss(maps, boxes)
    found = []
    for index, (x, y, w, h) in enumerate(boxes.tolist()):
        row, column = int((y + h / 2) * 12), int((x + w / 2) * 12)
        found.append(maps.boxes[index, row, column])
    corners = [
        torch.stack([b[:, 0], b[:, 1], b[:, 0] + b[:, 2], b[:, 1] + b[:, 3]], dim=1)
        for b in (torch.stack(found), boxes)
    ]
    giou = 2.0 * GIoULoss(eps=1e-7)(*corners)
    torch.testing.assert_close(losses['loss_giou'], giou, rtol=1e-5, atol=1e-5)
    l1 = 5.0 * (corners[0] - corners[1]).abs().mean()
    torch.testing.assert_close(losses['loss_l1'], l1, rtol=1e-5, atol=1e-5)
    assert set(losses) == {'loss_score', 'loss_l1', 'loss_giou'}


def test_boxes_have_their_middle_where_offsets_say() -> None:
    """Breaks when an offset is counted from the middle of a cell, or in shares of the window,
    or columns are rows."""
    head = CentreHead(8, 16).eval()
    maps = head(torch.zeros(1, 8, 6, 10))
    for branch, bias in ((head.size_branch, [0.0, -1.0]), (head.offset_branch, [0.25, 0.75])):
        branch[-1].weight.data.zero_()
        branch[-1].bias.data = torch.tensor(bias)
    maps = head(torch.randn(1, 8, 6, 10))
    assert maps.score.shape == (1, 6, 10) and maps.boxes.shape == (1, 6, 10, 4)
    x, y, w, h = maps.boxes[0, 4, 7].tolist()
    assert (w, h) == pytest.approx((0.5, 1 / (1 + math.e)))
    assert (x + w / 2, y + h / 2) == pytest.approx((7.25 / 10, 4.75 / 6))


def test_boxes_that_are_learnt_perfectly_are_read_out() -> None:
    """Breaks when what lowers the loss is not what a test reads."""
    head = CentreHead(8, 16)
    boxes = boxes_at_random(8)
    target, cell = centre_target(boxes, (16, 16))
    maps = head(torch.zeros(8, 8, 16, 16))
    there = maps.boxes.clone()
    for index, (column, row) in enumerate(cell.tolist()):
        there[index, row, column] = boxes[index]
    logits = torch.where(target == 1, 30.0, -30.0)
    perfect = maps._replace(score=logits.sigmoid(), boxes=there, raw=logits)
    assert all(
        float(loss) == pytest.approx(0, abs=1e-3) for loss in head.loss(perfect, boxes).values()
    )
    torch.testing.assert_close(best_cells(perfect.score, perfect.boxes)[0], boxes)


def test_training_begins_with_low_scores() -> None:
    """Breaks when the many empty cells drown the first steps."""
    head = CentreHead(8, 16)
    head.init_weights()
    score = head(torch.randn(4, 8, 16, 16)).score
    assert 0.02 < score.mean() < 0.3


def test_widths_are_halved() -> None:
    """Breaks when the head is another one than the paper's."""
    head = CentreHead(768, 256)
    widths = [layer.out_channels for layer in head.score_branch if hasattr(layer, 'out_channels')]
    assert widths == [256, 128, 64, 32, 1]
    with pytest.raises(ValueError, match='channels is 12, but is halved three times'):
        CentreHead(8, 12)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_trains(dtype: torch.dtype) -> None:
    """Breaks when a loss, or a box, is computed in half precision."""
    tracker = one_stream().train()
    data = tracker.data_preprocessor(batch(2), True)
    with torch.autocast('cpu', dtype):
        maps = tracker(**data)
        losses = tracker(**data, mode='loss')
    assert maps.score.dtype == maps.boxes.dtype == torch.float32
    full = tracker(**data, mode='loss')
    for name, loss in losses.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, full[name], rtol=0.1, atol=0.05)
    sum(losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in tracker.parameters() if p.grad is not None)
