"""A learning rate that climbs for half of the training and comes back the same way."""

from mmengine.optim import _ParamScheduler

from mim_secrets.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class RiseAndFallLR(_ParamScheduler):
    """``low + (high - low) * t ** power`` up to ``t = 1``, down by ``(t - 1) ** power``.

    ``high`` is the rate that the optimizer gives a group and ``low = low_ratio * high``,
    so that groups with lower rates, such as those of layer decay, keep their ratio all
    along; ``t`` counts in units of ``peak``. From ``t = 2`` on the rate stays low. The
    rate follows from the number of steps alone, so that a resumed run goes on exactly.

    Depth estimation in "Revealing the Dark Secrets of Masked Image Modeling" climbs
    from 3e-5 to 5e-4 in 12 of 25 epochs::

        optim_wrapper = dict(optimizer=dict(type='AdamW', lr=5e-4))
        param_scheduler = dict(
            type='mim_secrets.RiseAndFallLR', peak=12, low_ratio=0.06, convert_to_iter_based=True)

    Args:
        optimizer: Or its wrapper.
        peak: Steps from the lowest to the highest rate: epochs, or iterations with
            ``by_epoch=False``. In a config, ``convert_to_iter_based=True`` takes epochs
            and changes the rate with every iteration.
        low_ratio: Lowest rate as a share of the highest.
        power: Of time; below 1, the first steps are the largest, up and down.
        **kwargs: ``begin``, ``end``, ``last_step``, ``by_epoch`` and ``verbose``, as for
            mmengine's schedulers.
    """

    def __init__(
        self, optimizer: object, *, peak: int, low_ratio: float, power: float = 0.9, **kwargs
    ) -> None:
        if peak < 1 or not 0 <= low_ratio <= 1 or power <= 0:
            raise ValueError(
                f'RiseAndFallLR: peak is {peak}, low_ratio {low_ratio} and power {power}; give '
                'a step from 1 on, a share from 0 to 1 and a power above 0.'
            )
        self.peak, self.low_ratio, self.power = peak, low_ratio, power
        super().__init__(optimizer, 'lr', **kwargs)

    @classmethod
    def build_iter_from_epoch(
        cls,
        optimizer: object,
        *,
        peak: int,
        epoch_length: int,
        by_epoch: bool = True,
        begin: int = 0,
        end: int = 10**9,
        **kwargs,
    ) -> 'RiseAndFallLR':
        """What mmengine calls for ``convert_to_iter_based=True``."""
        begin, end, peak = (int(step * epoch_length) for step in (begin, end, peak))
        return cls(optimizer, peak=peak, begin=begin, end=end, by_epoch=False, **kwargs)

    def _get_value(self) -> list[float]:
        share = self.low_ratio + (1 - self.low_ratio) * self._height(self.last_step / self.peak)
        return [high * share for high in self.base_values]

    def _height(self, time: float) -> float:
        return time**self.power if time <= 1 else max(0.0, 1 - (time - 1) ** self.power)
