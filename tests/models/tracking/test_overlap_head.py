"""The overlap head against mmdet's losses, and on maps that were made by hand."""

from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import nn

from mim_secrets.models.tracking.overlap_head import (
    OverlapHead,
    cell_middles,
    overlap_of,
    touched_cells,
    varifocal,
)
from mim_secrets.models.tracking.tracker import Maps, best_cells

GRID = (4, 6)
BOXES = torch.tensor([[0.2, 0.3, 0.4, 0.2], [0.55, 0.1, 0.1, 0.7]])


def mmdets(*names: str) -> list:
    """Looked up where they are used: other processes import this module too."""
    losses, boxes = (import_module(f'mmdet.{n}') for n in ('models.losses', 'structures.bbox'))
    return [getattr(losses, name, None) or getattr(boxes, name) for name in names]


def corners(boxes: torch.Tensor) -> torch.Tensor:
    return torch.cat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], dim=-1)


def random_maps(batch: int = 2) -> Maps:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(batch, *GRID, generator=generator, requires_grad=True)
    boxes = torch.rand(batch, *GRID, 4, generator=generator, requires_grad=True)
    return Maps(logits.sigmoid(), boxes, logits)


def test_scores_are_learned_by_mmdets_varifocal_loss() -> None:
    """Breaks when alpha, gamma or the weight of what has a target differs."""
    (VarifocalLoss,) = mmdets('VarifocalLoss')
    torch.manual_seed(0)
    logits, target = 4 * torch.randn(50), torch.rand(50) * (torch.rand(50) < 0.5)
    for alpha, gamma in ((0.75, 2.0), (0.4, 1.5)):
        theirs = VarifocalLoss(alpha=alpha, gamma=gamma, reduction='none')
        expected = theirs(logits[:, None], target[:, None])[:, 0]
        torch.testing.assert_close(
            varifocal(logits, target, alpha, gamma), expected, rtol=0, atol=1e-5
        )


def test_overlaps_are_mmdets() -> None:
    """Breaks when boxes that touch, hold each other or have no area get another overlap."""
    (bbox_overlaps,) = mmdets('bbox_overlaps')
    boxes = torch.tensor(
        [[0, 0, 2, 2], [1, 1, 2, 2], [0.5, 0.5, 0.5, 0.5], [4, 4, 1, 1], [1, 1, 0, 0]]
    )
    pairs = [(a, b) for a in boxes for b in boxes]
    first, second = (corners(torch.stack(part)) for part in zip(*pairs))
    expected = bbox_overlaps(first, second, is_aligned=True)
    torch.testing.assert_close(overlap_of(first, second), expected, rtol=0, atol=1e-5)


def test_both_losses_are_mmdets_on_the_cells_that_they_are_for() -> None:
    """Breaks when cells, weights, targets or what sums are divided by change, or a score
    learns from the box, or a box from the score."""
    VarifocalLoss, GIoULoss, bbox_overlaps = mmdets('VarifocalLoss', 'GIoULoss', 'bbox_overlaps')
    maps, head = random_maps(), OverlapHead(8, score_weight=1.5, box_weight=2.0)
    losses = head.loss(maps, BOXES)
    touched = touched_cells(BOXES, GRID)
    true = BOXES[:, None, None].expand_as(maps.boxes)
    overlap = bbox_overlaps(
        corners(maps.boxes).flatten(0, 2), corners(true).flatten(0, 2), is_aligned=True
    )
    target = (overlap.detach().view_as(touched) * touched).flatten()[:, None]
    theirs = VarifocalLoss(loss_weight=1.5, reduction='mean')
    expected = theirs(maps.raw.flatten()[:, None], target, avg_factor=int(touched.sum()))
    torch.testing.assert_close(losses['loss_score'], expected, rtol=0, atol=1e-5)
    weight = maps.score.detach()[touched]
    theirs = GIoULoss(loss_weight=2.0, reduction='mean')
    expected_box = theirs(
        corners(maps.boxes)[touched], corners(true)[touched], weight, avg_factor=weight.sum()
    )
    torch.testing.assert_close(losses['loss_box'], expected_box, rtol=0, atol=1e-5)
    leaves = (maps.raw, maps.boxes)
    for loss, theirs, learns, does_not in (
        ('loss_score', expected, 0, 1),
        ('loss_box', expected_box, 1, 0),
    ):
        ours = torch.autograd.grad(losses[loss], leaves, retain_graph=True, allow_unused=True)
        other = torch.autograd.grad(theirs, leaves, retain_graph=True, allow_unused=True)
        torch.testing.assert_close(ours[learns], other[learns], rtol=0, atol=1e-5)
        assert ours[does_not] is None
    best = maps.score.flatten(1).argmax(dim=1)
    of_best = overlap.view(2, -1)[torch.arange(2), best].mean()
    torch.testing.assert_close(losses['overlap'], of_best.detach())


def test_cells_are_touched_where_the_box_is() -> None:
    """Breaks when rows and columns change places, an edge is off by a cell, or a box that
    reaches beyond the window, or hardly anywhere, has no cells."""
    shown = {
        (0.3, 0.3, 0.3, 0.3): ['......', '.###..', '.###..', '......'],
        (-0.5, 0.6, 0.6, 3.0): ['......', '......', '#.....', '#.....'],
        (0.7, 0.1, 0.01, 0.01): ['....#.', '......', '......', '......'],
        (1.1, 0.1, 0.5, 0.5): ['......'] * 4,
    }
    found = touched_cells(torch.tensor(list(shown)), GRID)
    for cells, expected in zip(found, shown.values(), strict=True):
        assert [''.join('.#'[int(cell)] for cell in row) for row in cells] == expected


class Channels(nn.Module):
    """Hands some channels on."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        self.channels = list(channels)

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        return cells[..., self.channels]


def test_perfect_maps_are_the_box_and_cost_nothing() -> None:
    """Breaks when middles or sides come out of a cell otherwise than they go into the loss."""
    head = OverlapHead(5)
    head.score_layers, head.box_layers = Channels(0), Channels(1, 2, 3, 4)
    touched = touched_cells(BOXES, GRID)
    middles, sides = BOXES[:, :2] + BOXES[:, 2:] / 2, BOXES[:, 2:]
    cells = torch.zeros(2, *GRID, 5)
    cells[..., 0] = torch.where(touched, 20.0, -20.0)
    cells[..., 1:3] = middles[:, None, None] - cell_middles(GRID, cells)
    cells[..., 3:] = (torch.logit(sides) - torch.logit(torch.tensor(0.25)))[:, None, None]
    maps = head(cells)
    assert maps.score.shape == (2, *GRID) and maps.boxes.shape == (2, *GRID, 4)
    boxes, scores = best_cells(maps.score, maps.boxes)
    torch.testing.assert_close(boxes, BOXES, rtol=0, atol=1e-5)
    assert (scores > 0.999).all()
    losses = head.loss(maps, BOXES)
    assert losses['loss_score'] < 1e-4 and losses['loss_box'].abs() < 1e-4
    assert losses['overlap'] > 0.9999


def test_it_begins_with_a_box_of_a_likely_size_in_every_cell() -> None:
    """Breaks when a new head believes in every cell, which costs the first epoch, or puts
    boxes elsewhere than around their cells."""
    head = OverlapHead(8)
    head.init_weights()
    maps = head(torch.randn(1, *GRID, 8))
    torch.testing.assert_close(maps.score, torch.full((1, *GRID), 1 / 16), rtol=0.05, atol=0)
    middles = maps.boxes[..., :2] + maps.boxes[..., 2:] / 2
    expected = torch.tensor([[(c + 0.5) / 6, (r + 0.5) / 4] for r in range(4) for c in range(6)])
    torch.testing.assert_close(middles.flatten(0, 2), expected, rtol=0, atol=0.01)
    torch.testing.assert_close(
        maps.boxes[..., 2:], torch.full((1, *GRID, 2), 0.25), rtol=0, atol=0.01
    )


def test_a_batch_without_a_cell_to_learn_from_does_no_harm() -> None:
    """Breaks when a box outside the window makes the loss infinite or not a number."""
    maps, head = random_maps(1), OverlapHead(8)
    losses = head.loss(maps, torch.tensor([[1.5, 0.2, 0.1, 0.0]]))
    assert losses['loss_box'] == 0 and losses['loss_score'] > 0
    grads = torch.autograd.grad(losses['loss_box'] + losses['loss_score'], (maps.raw, maps.boxes))
    assert all(grad.isfinite().all() for grad in grads) and not grads[1].any()


def test_half_precision_ends_before_scores_and_boxes() -> None:
    """Breaks when boxes of a run in half precision move in steps."""
    head = OverlapHead(8)
    with torch.autocast('cpu', torch.bfloat16):
        maps = head(torch.randn(1, *GRID, 8))
    assert [part.dtype for part in maps] == [torch.float32] * 3


def _loss_on_rank(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2
    )
    maps = random_maps()
    part = Maps(*(values[rank : rank + 1] for values in maps))
    losses = OverlapHead(8).loss(part, BOXES[rank : rank + 1])
    torch.save([float(losses['loss_score']), float(losses['loss_box'])], f'{folder}/{rank}.pt')
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """Breaks when each process divides by its own number of cells, so that gradients depend
    on how a batch was shared."""
    torch.multiprocessing.spawn(_loss_on_rank, (str(tmp_path),), nprocs=2)
    parts = torch.tensor([torch.load(tmp_path / f'{rank}.pt') for rank in range(2)])
    whole = OverlapHead(8).loss(random_maps(), BOXES)
    expected = torch.stack([whole['loss_score'], whole['loss_box']]).detach()
    torch.testing.assert_close(parts.mean(dim=0), expected)
