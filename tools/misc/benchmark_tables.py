"""Tables of the benchmarks, and what tools say about themselves."""

import csv
import statistics
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
DOCS = TOOLS.parent / 'docs' / 'en'
STEP = DOCS / 'benchmarks' / 'pretrain_step.csv'
LOADING = DOCS / 'benchmarks' / 'checkpoint_loading.csv'
ANALYSIS = DOCS / 'benchmarks' / 'analysis_speed.csv'
WORK = dict(attention='ViT-B/16, 224 px', cka='two ViT-Ti/16, 224 px, 12 x 12 layers')
LOADER = DOCS / 'benchmarks' / 'loader.csv'


def markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def benchmark() -> str:
    """The CSV's rows, with ratios between their quartiles."""
    with open(STEP, newline='') as file:
        results = list(csv.DictReader(file))
    rows = [
        [
            f'ViT-{row["arch"][0].upper()}, {row["precision"]}, batch {row["batch"]}',
            row['variant'],
            f'{float(row["images_per_second"]):.2f}',
            between(row, 'ratio_to_mmpretrain'),
            f'{float(row["step_memory_mib"]):.0f}',
            f'{float(row["own_gflop"]):.0f}',
            f'{100 * float(row["share_of_matmul_rate"]):.0f} %',
        ]
        for row in results
    ]
    first = results[0]
    where = (
        f'{first["device"]}, {first["cores"]} cores, {first["threads"]} threads, torch '
        f'{first["torch"]}, {first["rounds"]} rounds.'
    )
    header = ['step', 'variant', 'images/s', 'ratio to mmpretrain (quartiles)']
    header += ['memory, MiB', 'GFLOP', 'share of matrix-product rate']
    return where + '\n\n' + markdown(header, rows)


def loading() -> str:
    """Medians over rounds; the ratio is taken within each."""
    with open(LOADING, newline='') as file:
        results = list(csv.DictReader(file))
    first = results[0]
    by_variant: dict[str, list[dict[str, str]]] = {}
    for row in results:
        by_variant.setdefault(row['variant'], []).append(row)
    alone = [float(row['seconds']) for row in by_variant['torch.load']]
    rows = []
    for variant, readings in by_variant.items():
        seconds = [float(row['seconds']) for row in readings]
        ratios = sorted(own / base for own, base in zip(seconds, alone, strict=True))
        rows.append(
            [
                variant,
                f'{statistics.median(seconds):.2f}',
                f'{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})',
                f'{max(float(row["copies"]) for row in readings):.2f}',
            ]
        )
    where = (
        f'ViT-{first["arch"][0].upper()}, a file of {first["file_mib"]} MiB, {first["device"]}, '
        f'{first["cores"]} cores, one thread, torch {first["torch"]}, {len(alone)} rounds.'
    )
    header = ['', 'median seconds', 'ratio to torch.load (least to most)', 'copies, at most']
    return where + '\n\n' + markdown(header, rows)


def loader() -> str:
    """Images per second and core, and ratios to mmpretrain's two pipelines."""
    with open(LOADER, newline='') as file:
        results = list(csv.DictReader(file))
    rows = [
        [
            row['variant'],
            f'{float(row["images_per_second_per_core"]):.0f}',
            between(row, 'ratio_to_mae'),
            between(row, 'ratio_to_mff'),
        ]
        for row in results
    ]
    first = results[0]
    where = (
        f'{first["images"]} JPEGs of {first["size"]} pixels, {first["kilobytes_per_image"]} kB on '
        f'average, {first["device"]}, torch {first["torch"]}, OpenCV {first["opencv"]}, simplejpeg '
        f'{first["simplejpeg"]}, {first["rounds"]} rounds.'
    )
    header = ['', 'images/s and core', "ratio to mmpretrain's MAE (quartiles)"]
    header += ["ratio to mmpretrain's MFF (quartiles)"]
    return where + '\n\n' + markdown(header, rows)


def analysis_speed() -> str:
    """What looking costs, beside forward passes alone."""
    with open(ANALYSIS, newline='') as file:
        results = list(csv.DictReader(file))
    rows = []
    for row in results:
        there = bool(row['images_per_second'])
        rows.append(
            [
                WORK[row['part']],
                row['variant'],
                f'{float(row["images_per_second"]):.2f}' if there else row['version'],
                between(row, 'speed') if there else '',
                between(row, 'times_forwards') if there else '',
                _number(row['times_forwards_by_processor'], '.2f'),
                _number(row['largest_difference_to_ours'], '.0e'),
            ]
        )
    first = results[0]
    where = (
        f'{first["device"]}, {first["cores"]} cores, {first["threads"]} threads, torch '
        f'{first["torch"]}, float32, {first["rounds"]} rounds.'
    )
    header = ['work', '', 'images/s', 'speed beside forwards (quartiles)']
    header += ['time beside forwards (quartiles)', 'the same by processor time']
    header += ['largest difference to ours']
    return where + '\n\n' + markdown(header, rows)


def layouts() -> str:
    """What the converter says about itself."""
    converter = TOOLS / 'model_converters' / 'convert.py'
    command = [sys.executable, str(converter), '--table']
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def between(row: dict[str, str], key: str) -> str:
    low, high = float(row[f'{key}_q1']), float(row[f'{key}_q3'])
    return f'{float(row[key]):.2f} ({low:.2f} to {high:.2f})'


def _number(text: str, form: str) -> str:
    return format(float(text), form) if text else ''
