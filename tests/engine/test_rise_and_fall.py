"""The learning rate that rises for half of the training and falls back."""

import pytest
import torch
from mmengine.registry import PARAM_SCHEDULERS
from torch.optim import SGD

from mim_secrets.engine import RiseAndFallLR

LOW, HIGH, STEPS, EPOCHS = 3e-5, 5e-4, 7, 25
SCALES = (1.0, 0.9, 0.9**28)
CFG = dict(
    type='mim_secrets.RiseAndFallLR',
    peak=EPOCHS // 2,
    low_ratio=LOW / HIGH,
    by_epoch=True,
    convert_to_iter_based=True,
)


def optimizer() -> SGD:
    groups = [dict(params=[torch.nn.Parameter(torch.zeros(1))], lr=HIGH * s) for s in SCALES]
    return SGD(groups, lr=HIGH)


def scheduler(of: SGD) -> RiseAndFallLR:
    """As mmengine's runner builds it for epochs of ``STEPS`` iterations."""
    cfg = dict(CFG, end=EPOCHS)
    return PARAM_SCHEDULERS.build(cfg, default_args=dict(optimizer=of, epoch_length=STEPS))


def rates(of: SGD, schedule: RiseAndFallLR, steps: int) -> list[list[float]]:
    """The rates of all groups in each iteration."""
    seen = []
    for _ in range(steps):
        seen.append([group['lr'] for group in of.param_groups])
        of.step()
        schedule.step()
    return seen


def published(iteration: int) -> float:
    """The formula of Dark Secrets' depth estimation, for groups of scale 1."""
    time = iteration / (STEPS * (EPOCHS // 2))
    if time < 1:
        return (HIGH - LOW) * time**0.9 + LOW
    return max(LOW, (LOW - HIGH) * (time - 1) ** 0.9 + HIGH)


def test_it_is_the_published_curve_for_every_group() -> None:
    """Breaks when the curve differs anywhere, or when groups lose the ratio that layer
    decay gave them, also at the lowest rate."""
    of = optimizer()
    seen = rates(of, scheduler(of), STEPS * EPOCHS)
    for iteration, group_rates in enumerate(seen):
        expected = [published(iteration) * scale for scale in SCALES]
        assert group_rates == pytest.approx(expected, rel=1e-9), iteration


def test_it_passes_its_landmarks() -> None:
    """Breaks when the peak is not at epoch 12, or the last epoch is not at the lowest
    rate; written without the formula."""
    of = optimizer()
    first = [group[0] for group in rates(of, scheduler(of), STEPS * EPOCHS)]
    peak = 12 * STEPS
    assert first[0] == pytest.approx(3e-5)
    assert first[peak] == pytest.approx(5e-4) == max(first)
    assert first[24 * STEPS :] == pytest.approx([3e-5] * STEPS)
    rising, falling = first[: peak + 1], first[peak : 24 * STEPS + 1]
    assert rising == sorted(set(rising))
    assert falling == sorted(set(falling), reverse=True)


@pytest.mark.parametrize('stop', [1, 5 * STEPS, 12 * STEPS, 20 * STEPS + 3])
def test_a_resumed_run_goes_on_exactly(stop: int) -> None:
    """Breaks when what was saved does not tell where on the curve a run was."""
    of = optimizer()
    whole = rates(of, scheduler(of), STEPS * EPOCHS)
    before = optimizer()
    schedule = scheduler(before)
    rates(before, schedule, stop)
    after = optimizer()
    resumed = scheduler(after)
    after.load_state_dict(before.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    assert rates(after, resumed, STEPS * EPOCHS - stop) == whole[stop:]


def test_epochs_as_steps() -> None:
    """Breaks when the schedule works in iterations only."""
    of = optimizer()
    schedule = RiseAndFallLR(of, peak=2, low_ratio=0.1, power=1.0)
    assert schedule.by_epoch
    first = [group[0] / HIGH for group in rates(of, schedule, 6)]
    assert first == pytest.approx([0.1, 0.55, 1.0, 0.55, 0.1, 0.1])


@pytest.mark.parametrize(
    'options', [dict(peak=0), dict(low_ratio=1.5), dict(low_ratio=-0.1), dict(power=0.0)]
)
def test_a_curve_that_cannot_be_is_refused(options: dict) -> None:
    """Breaks when a mistake in a config divides by zero or makes rates negative."""
    with pytest.raises(ValueError, match='RiseAndFallLR: peak is'):
        RiseAndFallLR(optimizer(), **{**dict(peak=2, low_ratio=0.1), **options})
