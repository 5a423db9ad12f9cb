"""What the numbers say, in words and in a table for the console."""

from math import sqrt

from rich.table import Table

from .logs import MEASURES, METHODS, Experiment, Measure


def leaders(experiment: Experiment) -> list[tuple[str, str]]:
    """For each measure its title, and a sentence on who leads and by how much."""
    sentences = [(_capital(m.title), _who_leads(experiment, m)) for m in MEASURES]
    return [(title, sentence) for title, sentence in sentences if sentence]


def caveats(experiment: Experiment, num_images: int | None) -> str:
    """How far the numbers can be trusted: seeds, and the number of test images."""
    seeds = len(experiment.seeds)
    if seeds > 1:
        words = (
            f'Mean ± sample standard deviation over {seeds} seeds; a lead is compared '
            'with the larger standard deviation of the two.'
        )
    else:
        words = 'One seed: how much another would differ is not known.'
    if not num_images:
        return words
    shares = [value.number / 100 for value in experiment.values.values()]
    error = 100 * max(sqrt(share * (1 - share) / num_images) for share in shares)
    return (
        f'{words} With {num_images:,} test images the standard error of one accuracy '
        f'is up to {error:.1f} points.'
    )


def _who_leads(experiment: Experiment, measure: Measure) -> str | None:
    found = {method: experiment.summary(method, measure) for method in METHODS}
    ranked = [(summary, method) for method, summary in found.items() if summary]
    ranked.sort(key=lambda pair: -pair[0].mean)
    if len(ranked) < 2:
        return None
    (first, leader), (second, runner_up), *rest = ranked
    lead = first.mean - second.mean
    leader, runner_up = METHODS[leader], METHODS[runner_up]
    words = f'{_capital(leader)} leads with {first} %, {lead:.1f} points over {runner_up}'
    if lead < 0.05:
        words = f'{_capital(leader)} and {runner_up} are level at {first} %'
    elif first.spread is not None and second.spread is not None:
        spread = max(first.spread, second.spread)
        verdict = 'more than' if lead > spread else 'no more than'
        words += f', {verdict} the spread of {spread:.1f}'
    for third, last in rest:
        gap = second.mean - third.mean
        words += f'; {METHODS[last]} is another {gap:.1f} behind'
    return words + '.'


def _capital(words: str) -> str:
    return words if words == 'kNN' else words[0].upper() + words[1:]


def results_table(experiment: Experiment) -> Table:
    """Methods by measures, for the console."""
    seeds = len(experiment.seeds)
    title = 'top-1 accuracy in percent' + (f', {seeds} seeds' if seeds > 1 else '')
    table = Table(title=title)
    table.add_column('')
    for measure in MEASURES:
        table.add_column(measure.title, justify='right')
    for method, label in METHODS.items():
        cells = [experiment.summary(method, measure) for measure in MEASURES]
        table.add_row(label, *(str(cell) if cell else '–' for cell in cells))
    return table
