"""Depth: what others published beside what was measured with the configs from here."""

import csv

import yaml
from benchmark_tables import DOCS, markdown

PUBLISHED = DOCS.parent / 'published.yml'
MEASURED = DOCS / 'depth' / 'measured.csv'  # model,data,metric,value of whole runs
CELLS = [('NYUv2', 'rmse'), ('NYUv2', 'd1'), ('KITTI', 'rmse'), ('KITTI', 'd1')]
# as a row is called -> method and encoder in published.yml
MODELS = {
    'SwinV2-B, SimMIM': ('SimMIM', 'SwinV2-B'),
    'SwinV2-L, SimMIM': ('SimMIM', 'SwinV2-L'),
    'ViT-B/16, MAE': ('MAE', 'ViT-B/16'),
    'ViT-B/16, MFF': ('MFF', 'ViT-B/16'),
}


def depth_published() -> str:
    """Two rows for each model; a cell is empty until there is a figure for it."""
    published = yaml.safe_load(PUBLISHED.read_text())
    with open(MEASURED, newline='') as file:
        measured = {(r['model'], r['data'], r['metric']): r['value'] for r in csv.DictReader(file)}
    rows = []
    for name, (method, arch) in MODELS.items():
        theirs = {
            (row['task'].removesuffix(' depth'), row['metric']): row
            for row in published
            if (row['method'], row['arch']) == (method, arch) and row['task'].endswith(' depth')
        }
        values = [f'{theirs[cell]["value"]:.3f}' if cell in theirs else '' for cell in CELLS]
        sources = dict.fromkeys(row['source'] for row in theirs.values())
        rows.append([f'{name}: published', *values, '; '.join(sources) or 'not found'])
        ours = [measured.get((name, *cell), '') for cell in CELLS]
        rows.append([f'{name}: measured here', *ours, '' if any(ours) else 'nobody has run it yet'])
    return markdown(['', *map(' '.join, CELLS), 'source'], rows)
