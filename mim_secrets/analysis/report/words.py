"""Numbers with their intervals, and how they are said."""

import math
from typing import NamedTuple

import numpy as np

from mim_secrets.analysis.tables import Table


class Span(NamedTuple):
    """A number and its interval."""

    mean: float
    low: float
    high: float
    unit: str

    def __str__(self) -> str:
        places = _places(self)
        text = f'{_fixed(self.mean, places)} {self.unit}'.strip()
        if not self.low < self.high:  # known exactly, or not at all
            return text
        return f'{text} ({_fixed(self.low, places)} to {_fixed(self.high, places)})'

    @property
    def aside(self) -> str:
        """In brackets, behind a name."""
        inside = str(self).replace(' (', ', ').rstrip(')')
        return f'({inside})'

    def to(self, other: 'Span') -> str:
        """From this mean to the other's."""
        places = _places(Span(self.mean, *sorted([self.mean, other.mean]), ''))
        one, two = _fixed(self.mean, places), _fixed(other.mean, places)
        return f'(from {one} to {two} {self.unit}'.rstrip() + ')'

    def below(self, other: 'Span') -> bool:
        """Whether all of the interval lies below all of the other's."""
        return self.high < other.low


def apart(one: Span, other: Span) -> bool:
    """Whether the intervals do not overlap."""
    return one.below(other) or other.below(one)


def span(table: Table, rows: np.ndarray | None = None) -> Span:
    """The mean over rows, with the means of their low and of their high ends.

    That is wider than the interval of the mean itself unless the rows move together
    entirely; hence a claim that rests on it errs on the careful side. Rows without a
    number are left out.
    """
    chosen = [column if rows is None else column[rows] for column in table.values]
    known = ~np.isnan(chosen[0])
    if not known.any():
        return Span(math.nan, math.nan, math.nan, table.unit)
    return Span(*(float(column[known].mean()) for column in chosen), table.unit)


def listed(parts: list[str]) -> str:
    """``a, b and c``."""
    return ' and '.join([', '.join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def number(value: float) -> str:
    """Three digits that count."""
    return str(Span(value, value, value, ''))


def short(name: str, most: int) -> str:
    """A name in that many characters."""
    return name if len(name) <= most else f'{name[: most - 1]}…'


def _places(numbers: Span) -> int:
    """Decimals for three digits that count, more if the interval's ends look alike."""
    size = max(abs(value) for value in numbers[:3])
    if not math.isfinite(size) or size == 0:
        return 2
    places = max(0, 2 - math.floor(math.log10(size)))
    while places < 6 and numbers.low < numbers.high and (
        _fixed(numbers.low, places) == _fixed(numbers.high, places)
    ):  # fmt: skip
        places += 1
    return places


def _fixed(value: float, places: int) -> str:
    if math.isnan(value):
        return '–'
    if places > 6:
        return f'{value:.2e}'
    text = f'{value:,.{places}f}'
    # no minus before a zero
    return text.replace('-', '−') if float(text.replace(',', '')) else text.lstrip('-')
