"""Write the tables of the docs from the logs that lie beside them.

    python tools/misc/write_tables.py            # after a study or a benchmark
    python tools/misc/write_tables.py --check    # exit code 1 if a table is out of date

A page keeps a table between `<!-- table: NAME -->` and `<!-- end -->`. Nothing in
there is typed by hand: a test runs the check.
"""

import argparse
import csv
import itertools
import json
import re
import statistics
import sys
from pathlib import Path

from benchmark_tables import (
    DOCS,
    analysis_speed,
    benchmark,
    between,
    layouts,
    loader,
    loading,
    markdown,
)
from secrets_tables import secrets_findings

STUDY = DOCS / 'study'
NAMES = dict(scratch='from scratch', mae='MAE', mff='MFF')
RECIPES = DOCS / 'recipes'


def study_results() -> str:
    """Mean and sample standard deviation over seeds, and every seed."""
    with open(STUDY / 'results.csv', newline='') as file:
        results = list(csv.DictReader(file))
    measures = list(dict.fromkeys(row['measure'] for row in results))
    rows = []
    for method in dict.fromkeys(row['method'] for row in results):
        cells = [NAMES[method]]
        for measure in measures:
            values = [
                float(row['top1'])
                for row in results
                if (row['method'], row['measure']) == (method, measure)
            ]
            spread = f' ± {statistics.stdev(values):.2f}' if len(values) > 1 else ''
            seeds = ', '.join(f'{value:.2f}' for value in values)
            cells.append(f'{statistics.mean(values):.2f}{spread} ({seeds})')
        rows.append(cells)
    return markdown(['', *measures], rows)


def study_findings() -> str:
    """One line for each measure: who leads, by how much, and whether beyond the spread."""
    with open(STUDY / 'results.csv', newline='') as file:
        results = list(csv.DictReader(file))
    lines = []
    for measure in dict.fromkeys(row['measure'] for row in results):
        found: dict[str, list[float]] = {}
        for row in results:
            if row['measure'] == measure:
                found.setdefault(NAMES[row['method']], []).append(float(row['top1']))
        ranked = sorted(found, key=lambda name: -statistics.mean(found[name]))
        gaps = []
        for ahead, behind in itertools.pairwise(ranked):
            gap = statistics.mean(found[ahead]) - statistics.mean(found[behind])
            spread = max(statistics.stdev(found[name]) for name in (ahead, behind))
            verdict = 'more' if gap > spread else 'no more'
            gaps.append(
                f'{ahead} is {gap:.2f} points ahead of {behind}, {verdict} than the larger '
                f'spread of the two ({spread:.2f})'
            )
        lines.append(f'- **{measure}**: {"; ".join(gaps)}.')
    return '\n'.join(lines)


def study_machine() -> str:
    """Where the study ran, and how long its kinds of stages took."""
    stages = json.loads((STUDY / 'stages.json').read_text())
    machine = stages[-1]['machine']
    kinds: dict[str, list[float]] = {}
    for stage in stages:
        kind = re.sub(r', seed \d+$', '', stage['title'])
        kinds.setdefault(kind, []).append(stage['seconds'])
    rows = [
        [kind, str(len(seconds)), f'{statistics.median(seconds):.0f}']
        for kind, seconds in kinds.items()
    ]
    where = (
        f'{machine["processor"]}, {machine["cores"]} cores, torch {machine["torch"]}, '
        f'Python {machine["python"]}, float32.'
    )
    return where + '\n\n' + markdown(['stage', 'times', 'median seconds'], rows)


def recipes() -> str:
    """Accuracy beside compute, and a sentence on those that cost half as much as MFF."""
    costs, probes, results = (_rows(RECIPES / f'{n}.csv') for n in ('costs', 'probes', 'results'))
    values: dict[tuple[str, str], list[float]] = {}
    for row in results:
        values.setdefault((row['recipe'], row['measure']), []).append(float(row['top1']))
    seeds = max(map(len, values.values()))
    whole = next(float(row['total_gflop']) for row in costs if row['recipe'] == 'mff')
    measures = ('kNN', 'linear probe', 'fine-tuning')
    rows, sentences = [], []
    for row in costs:
        name, compute = row['recipe'], float(row['total_gflop']) / whole
        rows.append(
            [
                f'**{row["title"]}**: {row["changes"]}',
                *(_over_seeds(values.get((name, measure), []), seeds) for measure in measures),
                between(row, 'ratio_to_mff'),
                f'{float(row["gflop_per_view"]):.4f}',
                f'{compute:.2f}',
                _compute_to_mae(name, probes, whole),
            ]
        )
        linear = [values.get((who, 'linear probe'), []) for who in (name, 'mff')]
        if compute <= 0.5 and min(map(len, linear)) > 1:
            sentences.append(_beside_mff(row['title'], compute, *linear))
    first = costs[0]
    where = (
        f'{first["device"]}, {first["threads"]} thread, torch {first["torch"]}, float32; mean ± '
        f'sample standard deviation over {seeds} seeds; steps timed in {first["rounds"]} rounds.'
    )
    header = ['recipe', *measures, 'images/s, times MFF (quartiles)', 'GFLOP per image']
    header += ['compute, times MFF', "compute until MAE's last linear probe, times MFF"]
    return '\n\n'.join([where, markdown(header, rows), '\n'.join(sentences)]).strip()


def recipes_pilot() -> str:
    """Every probe of the pilot."""
    rows = [
        [
            row['tried'],
            f'{row["epoch"]} of {row["epochs"]}',
            f'{float(row["compute"]):.2f}',
            row['knn_top1'],
            row['linear_top1'],
        ]
        for row in _rows(RECIPES / 'pilot.csv')
    ]
    return markdown(['', 'epoch', 'compute', 'kNN', 'linear probe'], rows)


def _beside_mff(title: str, compute: float, own: list[float], mff: list[float]) -> str:
    gap = statistics.mean(own) - statistics.mean(mff)
    spread = max(statistics.stdev(own), statistics.stdev(mff))
    return (
        f'- **{title}**, with {compute:.2f} of the compute, ends {abs(gap):.2f} points '
        f"{'above' if gap > 0 else 'below'} MFF's linear probe, "
        f'{"more" if abs(gap) > spread else "no more"} than the larger spread of the two '
        f'({spread:.2f}).'
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def _over_seeds(values: list[float], seeds: int) -> str:
    if not values:
        return '–'
    spread = f' ± {statistics.stdev(values):.2f}' if len(values) > 1 else ''
    fewer = f' ({len(values)} of {seeds})' if len(values) < seeds else ''
    return f'{statistics.mean(values):.2f}{spread}{fewer}'


def _compute_to_mae(recipe: str, probes: list[dict[str, str]], whole: float) -> str:
    """Mean over seeds of what was spent at the first probe that is as good as the last
    one of the same seed's MAE."""
    last = {row['seed']: float(row['linear_top1']) for row in probes if row['recipe'] == 'mae'}
    own = [row for row in probes if row['recipe'] == recipe and row['seed'] in last]
    spent: dict[str, float] = {}
    for row in own:
        if float(row['linear_top1']) >= last[row['seed']]:
            spent.setdefault(row['seed'], float(row['gflop']) / whole)
    if not spent:
        return 'never' if own else '–'
    seeds = len({row['seed'] for row in own})
    fewer = f' ({len(spent)} of {seeds} seeds)' if len(spent) < seeds else ''
    return f'{statistics.mean(spent.values()):.2f}{fewer}'


TABLES = {
    'study results': study_results,
    'study findings': study_findings,
    'study machine': study_machine,
    'pretrain step': benchmark,
    'checkpoint loading': loading,
    'layouts': layouts,
    'loader': loader,
    'analysis speed': analysis_speed,
    'recipes': recipes,
    'recipes pilot': recipes_pilot,
    'secrets findings': secrets_findings,
}


def updated(page: str) -> str:
    """A page's text with every table written anew."""

    def table(match: re.Match) -> str:
        return f'{match[1]}\n{TABLES[match[2]]()}\n{match[3]}'

    pattern = r'(<!-- table: ([\w ]+) -->)\n.*?(<!-- end -->)'
    return re.sub(pattern, table, page, flags=re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description='Write the tables of the docs')
    parser.add_argument('--check', action='store_true', help='change nothing')
    args = parser.parse_args()
    stale = []
    for path in sorted(DOCS.rglob('*.md')):
        text = path.read_text()
        fresh = updated(text)
        if fresh == text:
            continue
        stale.append(path.relative_to(DOCS).as_posix())
        if not args.check:
            path.write_text(fresh)
    if args.check and stale:
        sys.exit(
            f'Tables of {", ".join(stale)} do not show their logs; run '
            'python tools/misc/write_tables.py.'
        )


if __name__ == '__main__':
    main()
