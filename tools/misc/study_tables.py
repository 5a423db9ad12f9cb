"""Tables of what was repeated over seeds: the study, and how it transfers."""

import csv
import itertools
import json
import re
import statistics
from pathlib import Path

from benchmark_tables import DOCS, markdown

STUDY, TRANSFER = DOCS / 'study', DOCS / 'transfer'
NAMES = dict(scratch='from scratch', supervised='supervised', mae='MAE', mff='MFF', simmim='SimMIM')

# what stands for each tracking measure in docs/en/tracking/still_*.csv
STILL = {
    'tracking AUC, LaSOT': ('lasot', 'success_auc'),
    'tracking AUC, LaSOT, two streams': ('lasot', 'success_auc'),
    'tracking AO, GOT-10k': ('got10k', 'AO'),
}


def study_results() -> str:
    """Mean and sample standard deviation over seeds, and every seed."""
    values = _values(STUDY / 'results.csv', 'method', 'top1')
    return _table(values, every_seed=True)


def study_findings() -> str:
    """One line for each measure: who leads, by how much, and whether beyond the spread."""
    return _findings(_values(STUDY / 'results.csv', 'method', 'top1'))


def study_machine() -> str:
    """Where the study ran, and how long its kinds of stages took."""
    return _machine(STUDY / 'stages.json')


def transfer_results() -> str:
    """Starts by measures, of which there are too many for every seed."""
    return _table(_values(TRANSFER / 'transfer.csv', 'start', 'value'), every_seed=False)


def transfer_findings() -> str:
    return _findings(_values(TRANSFER / 'transfer.csv', 'start', 'value'))


def detection_trials() -> str:
    """Trials of the detector's recipe: box AP by starts, with the seed of each."""
    trials: dict[tuple[str, ...], dict[str, list[str]]] = {}
    with open(TRANSFER / 'detection_trials.csv', newline='') as file:
        for row in csv.DictReader(file):
            found = trials.setdefault((row['rate'], row['decay'], row['heads']), {})
            found.setdefault(NAMES[row['start']], []).append(f'{row["box AP"]} ({row["seed"]})')
    starts = [name for name in NAMES.values() if any(name in found for found in trials.values())]
    rows = [
        [*recipe, *(', '.join(found.get(name, ['–'])) for name in starts)]
        for recipe, found in trials.items()
    ]
    return markdown(['rate', 'decay by layers', 'heads', *starts], rows)


def detection_losses() -> str:
    """The detector's losses at the end of training, over seeds."""
    losses = dict(
        loss_rpn_cls='proposals: thing or not',
        loss_cls='boxes: which class',
        loss_bbox='boxes: where',
        loss_mask='masks',
    )
    found: dict[str, dict[str, list[float]]] = {title: {} for title in losses.values()}
    with open(TRANSFER / 'detection_losses.csv', newline='') as file:
        for row in csv.DictReader(file):
            for key, title in losses.items():
                found[title].setdefault(NAMES[row['start']], []).append(float(row[key]))
    return _table(found, every_seed=False, digits=3)


def transfer_tracking() -> str:
    """Trackers of the comparison, below one that never moves."""
    values = _values(TRANSFER / 'transfer.csv', 'start', 'value')
    tracked = {measure: values.get(measure, {}) for measure in STILL}
    least = ' | '.join(f'{_still(*STILL[measure]):.2f}' for measure in tracked)
    header, rule, *rows = _table(tracked, every_seed=False).splitlines()
    return '\n'.join([header, rule, f'| a box that never moves | {least} |', *rows])


def _still(data: str, score: str) -> float:
    with open(DOCS / 'tracking' / f'still_{data}.csv', newline='') as file:
        (row,) = csv.DictReader(file)
    return float(row[score])


def transfer_machine() -> str:
    return _machine(TRANSFER / 'transfer.json')


def transfer_times() -> str:
    """How long a run of each task takes with the machine to itself."""
    with open(TRANSFER / 'times.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    machines = {(row['processor'], row['cores'], row['torch'], row['python']) for row in rows}
    where = [
        f'{processor}, {cores} cores, a thread for each, torch {torch}, Python {python}, float32.'
        for processor, cores, torch, python in sorted(machines)
    ]
    cells = [[row['task'], f'{float(row["seconds"]) / 60:.1f}'] for row in rows]
    return '\n'.join(where) + '\n\n' + markdown(['task', 'minutes'], cells)


def _values(path: Path, who: str, number: str) -> dict[str, dict[str, list[float]]]:
    """By measure and name, a number for each seed."""
    values: dict[str, dict[str, list[float]]] = {}
    with open(path, newline='') as file:
        for row in csv.DictReader(file):
            named = values.setdefault(row['measure'], {})
            named.setdefault(NAMES[row[who]], []).append(float(row[number]))
    return values


def _table(values: dict[str, dict[str, list[float]]], every_seed: bool, digits: int = 2) -> str:
    counts = [len(numbers) for named in values.values() for numbers in named.values()]
    seeds = max(counts, default=0)
    rows = []
    for name in NAMES.values():
        cells = [_cell(named.get(name, []), seeds, every_seed, digits) for named in values.values()]
        if any(cell != '–' for cell in cells):
            rows.append([name, *cells])
    return markdown(['', *values], rows)


def _cell(numbers: list[float], seeds: int, every_seed: bool, digits: int) -> str:
    if not numbers:
        return '–'
    spread = f' ± {statistics.stdev(numbers):.{digits}f}' if len(numbers) > 1 else ''
    fewer = f' ({len(numbers)} of {seeds} seeds)' if len(numbers) < seeds else ''
    if every_seed:
        fewer = f' ({", ".join(f"{number:.{digits}f}" for number in numbers)})'
    return f'{statistics.mean(numbers):.{digits}f}{spread}{fewer}'


def _findings(values: dict[str, dict[str, list[float]]]) -> str:
    lines = []
    for measure, found in values.items():
        found = {name: numbers for name, numbers in found.items() if len(numbers) > 1}
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
        if gaps:
            lines.append(f'- **{measure}**: {"; ".join(gaps)}.')
    return '\n'.join(lines)


def _machine(path: Path) -> str:
    stages = json.loads(path.read_text())
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
