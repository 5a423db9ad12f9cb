"""Tracking: published scores beside those of the configs from here, and what trackers cost."""

import csv

import yaml
from benchmark_tables import DOCS, between, markdown

PUBLISHED = DOCS.parent / 'published.yml'
MEASURED = DOCS / 'tracking' / 'measured.csv'  # model,data,metric,value of whole runs
SPEED = DOCS / 'benchmarks' / 'tracking_speed.csv'
CELLS = [
    *(('LaSOT', metric) for metric in ('success', 'norm precision', 'precision')),
    *(('TrackingNet', metric) for metric in ('success', 'norm precision', 'precision')),
    *(('GOT-10k', metric) for metric in ('AO', 'SR0.5', 'SR0.75')),
]
# as a row is called -> the tracker in published.yml that the config is a version of
MODELS = {
    'ViT-B/16, MAE, one stream, 256 px': 'OSTrack-256',
    'ViT-B/16, MAE, one stream, 384 px': 'OSTrack-384',
    'ViT-B/16, MFF, one stream, 256 px': None,
    'ViT-B/16, MFF, one stream, 384 px': None,
    'SwinV2-B, SimMIM, two streams': None,
    'SwinV2-L, SimMIM, two streams': 'SwinTrack with SimMIM, large',
}
# What others may compare with, of which there is no config here.
OTHERS = (
    'SwinTrack, last version', 'SwinTrack-B-384, earlier version', 'SwinTrack-B, earlier version',
    'STARK-ST2', 'PrDiMP',
)  # fmt: skip


def tracking_published() -> str:
    """Two rows for each of our models; a cell is empty until there is a figure for it."""
    published = yaml.safe_load(PUBLISHED.read_text())
    with open(MEASURED, newline='') as file:
        measured = {(r['model'], r['data'], r['metric']): r['value'] for r in csv.DictReader(file)}
    rows = []
    for name, tracker in MODELS.items():
        rows.append(_published(f'{name}: published', tracker, published))
        ours = [measured.get((name, *cell), '') for cell in CELLS]
        rows.append([f'{name}: measured here', *ours, '' if any(ours) else 'nobody has run it yet'])
    for tracker in OTHERS:
        arch = next(row['arch'] for row in published if row.get('tracker') == tracker)
        rows.append(_published(f'{arch}, {tracker}: published', tracker, published))
    return markdown(['', *map(' '.join, CELLS), 'source'], rows)


def _published(name: str, tracker: str | None, published: list[dict]) -> list[str]:
    theirs = {
        (row['task'].removesuffix(' tracking'), row['metric']): row
        for row in published
        if tracker and row.get('tracker') == tracker
    }
    values = [f'{theirs[cell]["value"]:.1f}' if cell in theirs else '' for cell in CELLS]
    sources = dict.fromkeys(row['source'] for row in theirs.values())
    return [name, *values, '; '.join(sources) or 'not found']


def tracking_speed() -> str:
    """Trackers and their parts beside the encoder alone."""
    with open(SPEED, newline='') as file:
        results = list(csv.DictReader(file))
    rows = [
        [
            _title(row['config']),
            f'of it: {row["variant"]}' if row['part'] == 'True' else row['variant'],
            f'{float(row["milliseconds"]):.2f}',
            '' if row['part'] == 'True' else f'{float(row["frames_per_second"]):.1f}',
            between(row, 'times_encoder'),
            _times(row['times_encoder_by_processor']),
            f'{float(row["gflop"]):.2f}',
        ]
        for row in results
    ]
    first = results[0]
    where = (
        f'{first["device"]}, {first["cores"]} cores, {first["threads"]} threads, torch '
        f'{first["torch"]}, float32, one sequence, {first["rounds"]} rounds of '
        f'{first["frames_per_round"]} frames.'
    )
    header = ['tracker', '', 'ms', 'frames/s', 'times the encoder (quartiles)']
    header += ['the same by processor time', 'GFLOP']
    return where + '\n\n' + markdown(header, rows)


def _title(config: str) -> str:
    """Encoder, kind and pixels of a config's name."""
    encoder, kind, *_ = config.split('_')
    return f'{encoder} {kind}, {config.rpartition("-")[2]}'


def _times(text: str) -> str:
    return f'{float(text):.2f}' if text else ''
