"""Write the tables of the docs from the logs that lie beside them.

    python tools/misc/write_tables.py            # after a study or a benchmark
    python tools/misc/write_tables.py --check    # exit code 1 if a table is out of date

A page keeps a table between `<!-- table: NAME -->` and `<!-- end -->`. Nothing in
there is typed by hand: a test runs the check.
"""

import argparse
import csv
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
from depth_tables import depth_published
from secrets_tables import secrets_findings
from study_tables import (
    detection_losses,
    detection_trials,
    study_findings,
    study_machine,
    study_results,
    transfer_findings,
    transfer_machine,
    transfer_results,
    transfer_times,
    transfer_tracking,
)
from tracking_tables import tracking_published, tracking_speed

RECIPES = DOCS / 'recipes'


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
    'transfer results': transfer_results,
    'detection trials': detection_trials,
    'detection losses': detection_losses,
    'transfer tracking': transfer_tracking,
    'transfer findings': transfer_findings,
    'transfer machine': transfer_machine,
    'transfer times': transfer_times,
    'pretrain step': benchmark,
    'checkpoint loading': loading,
    'layouts': layouts,
    'loader': loader,
    'analysis speed': analysis_speed,
    'depth published': depth_published,
    'tracking published': tracking_published,
    'tracking speed': tracking_speed,
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
