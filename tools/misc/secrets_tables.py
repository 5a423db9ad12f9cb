"""What the study's models attend to: tables for docs/en/analysis.md."""

import csv
import statistics
from typing import NamedTuple

from benchmark_tables import DOCS, markdown

PATH = DOCS / 'study' / 'secrets.csv'
SUPERVISED = 'supervised'
LATE = 3  # layers, of which the paper speaks


class Span(NamedTuple):
    """A number and its interval."""

    mean: float
    low: float
    high: float


# model -> seed -> a span for each layer
Found = dict[str, dict[int, list[Span]]]


def secrets_findings() -> str:
    """Distance and divergence of every layer, and whether the paper's sentences hold."""
    distance, divergence = found_in('distance_layer'), found_in('kl_layer')
    return '\n\n'.join(
        [
            'Mean attention distance of each layer in pixels, mean ± sample standard deviation '
            'over seeds:',
            by_layer(distance, digits=1),
            locality(distance),
            'Mean divergence between the heads of each layer in nats:',
            by_layer(divergence, digits=2),
            diversity(divergence),
        ]
    )


def found_in(table: str) -> Found:
    found: Found = {}
    with open(PATH, newline='') as file:
        for row in csv.DictReader(file):
            if row['table'] == table:
                seeds = found.setdefault(row['model'], {})
                span = Span(*(float(row[name]) for name in Span._fields))
                seeds.setdefault(int(row['seed']), []).append(span)
    return found


def by_layer(found: Found, digits: int) -> str:
    rows = []
    for model, seeds in found.items():
        cells = []
        for spans in zip(*seeds.values()):
            means = [span.mean for span in spans]
            spread = f' ± {statistics.stdev(means):.{digits}f}' if len(means) > 1 else ''
            cells.append(f'{statistics.mean(means):.{digits}f}{spread}')
        rows.append([model, *cells])
    layers = [f'layer {number}' for number in range(len(rows[0]) - 1)]
    return markdown(['', *layers], rows)


def locality(found: Found) -> str:
    """Below the supervised model in every layer, beyond the intervals of both?"""
    lines = []
    for model, seeds in found.items():
        if model == SUPERVISED:
            holds = [spans[-1].low > spans[0].high for spans in seeds.values()]
            lines.append(
                f'- **{model} is more global in its last layer than in its first** (intervals '
                f'apart): {_seeds(holds)}.'
            )
            continue
        below = [
            [one.high < other.low for one, other in zip(spans, found[SUPERVISED][seed])]
            for seed, spans in seeds.items()
        ]
        layers = ', '.join(
            f'{number} ({sum(seed[number] for seed in below)})' for number in range(len(below[0]))
        )
        lines.append(
            f'- **{model} is more local than {SUPERVISED} in all layers** (intervals apart): '
            f'{_seeds([all(seed) for seed in below])}. By layer, in brackets the number of '
            f'seeds: {layers}.'
        )
    return '\n'.join(lines)


def diversity(found: Found) -> str:
    """Above the supervised model in the last layers? Does the latter fall off there?"""
    lines = []
    for model, seeds in found.items():
        if model == SUPERVISED:
            holds = [
                _mean(spans[-LATE:]).high < _mean(spans[:-LATE]).low for spans in seeds.values()
            ]
            lines.append(
                f"- **{model}'s heads are more alike in the last {LATE} layers than before** "
                f'(intervals apart): {_seeds(holds)}.'
            )
            continue
        late = [(_mean(s[-LATE:]), _mean(found[SUPERVISED][n][-LATE:])) for n, s in seeds.items()]
        more = [own.low > other.high for own, other in late]
        less = [own.high < other.low for own, other in late]
        lines.append(
            f"- **{model}'s heads differ more than {SUPERVISED}'s in the last {LATE} layers** "
            f'(intervals apart): {_seeds(more)}; less, {_seeds(less)}.'
        )
    return '\n'.join(lines)


def _mean(spans: list[Span]) -> Span:
    """Of several layers; its interval is the mean of theirs, which is too wide if anything."""
    return Span(*map(statistics.mean, zip(*spans)))


def _seeds(holds: list[bool]) -> str:
    return f'in {sum(holds)} of {len(holds)} seeds'
