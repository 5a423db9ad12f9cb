"""Score the result files of trackers, from whatever program, against a data set.

    python tools/analysis_tools/score_tracking.py ours=work_dirs/RUN/tracking/LaSOT-0123abcd \\
        theirs=results/their_tracker --benchmark lasot --root data/lasot --out scores
    python tools/analysis_tools/score_tracking.py ours=work_dirs/RUN/tracking/GOT10k-0123abcd \\
        --benchmark got10k --root data/got10k --split test --out got10k.zip
    python tools/analysis_tools/score_tracking.py --still --benchmark lasot --root data/lasot \\
        --out least                                  # what every tracker has to beat

Each NAME=FOLDER has a file for each sequence: NAME.txt, or NAME/NAME_001.txt as GOT-10k's
toolkit writes it, with a row x, y, w, h for each frame, the first one included, in the
coordinates of the benchmark's own files. --out gets scores.csv, sequences.csv,
attributes.csv and plots as SVG and PNG. --still adds a tracker that stays at its first box.
For a split whose true boxes only a server knows, --out is the archive to upload.
docs/en/tracking_metrics.md has the definitions.
"""

import argparse
import csv
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
import numpy as np
from rich.console import Console

from mim_secrets.apis.cli import run_cli
from mim_secrets.datasets.tracking import GOT10k, LaSOT, SequenceReader, TrackingNet
from mim_secrets.datasets.tracking import Sequence as Clip
from mim_secrets.evaluation.tracking_curves import (
    OVERLAPS,
    Curves,
    Overlaps,
    by_attribute,
    got10k_overlaps,
    got10k_scores,
    mean_curves,
    ope_curves,
    ope_scores,
    pooled_overlaps,
)
from mim_secrets.evaluation.tracking_results import find_result, read_result
from mim_secrets.evaluation.tracking_run import frame_size
from mim_secrets.evaluation.tracking_submission import write_archive
from mim_secrets.progress import progress_display
from mim_secrets.visualization.tracking_plots import (
    attribute_rows,
    console_table,
    curve_plot,
    save_figure,
)

Result = Curves | Overlaps
STILL = 'still'


class Benchmark(NamedTuple):
    """How sequences are read and scored."""

    reader: type[SequenceReader]
    split: str
    score: Callable[[object, Clip], Result]
    summary: Callable[[Sequence[Result]], dict[str, float]]
    curves: dict[str, tuple[Callable[[Sequence[Result]], object], str]]  # and the legend's score

    @property
    def first(self) -> str:
        """The score that ranks."""
        return next(iter(self.curves.values()))[1]


def _ope(reader: type[SequenceReader], split: str) -> Benchmark:
    curves = {
        'success': (lambda results: mean_curves(results, '').success, 'success_auc'),
        'precision': (lambda results: mean_curves(results, '').precision, 'precision_at_20px'),
        'norm_precision': (
            lambda results: mean_curves(results, '').norm_precision,
            'norm_precision_at_0.2',
        ),
    }
    return Benchmark(reader, split, ope_curves, lambda r: ope_scores(mean_curves(r, '')), curves)


BENCHMARKS = {
    'lasot': _ope(LaSOT, 'test'),
    'trackingnet': _ope(TrackingNet, 'test'),
    'got10k': Benchmark(
        GOT10k,
        'val',
        lambda boxes, clip: got10k_overlaps(boxes, clip, frame_size(clip)),
        got10k_scores,
        {'success': (lambda r: (pooled_overlaps(r)[:, None] > OVERLAPS).mean(0), 'AO')},
    ),
}


def named_folders(pairs: Iterable[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for pair in pairs:
        name, _, folder = pair.partition('=')
        if not re.fullmatch(r'\w[\w.+-]*', name) or not folder or name in folders:
            raise ValueError(
                f'{pair} is not NAME=FOLDER with a name of letters and digits that no other '
                'tracker has; write it as in ours=work_dirs/RUN/tracking/LaSOT-0123abcd.'
            )
        if not Path(folder).is_dir():
            raise FileNotFoundError(f'{folder}: there is no such folder; give NAME=FOLDER.')
        folders[name] = Path(folder)
    return folders


def names_to_score(
    folders: dict[str, Path], names: list[str], skip_missing: bool
) -> tuple[list[str], list[str]]:
    """The sequences that every tracker has a result of, and the others."""
    missing = {
        tracker: [name for name in names if find_result(folder, name) is None]
        for tracker, folder in folders.items()
    }
    for tracker, lacking in missing.items():
        if len(lacking) == len(names):
            raise FileNotFoundError(
                f'{tracker}: {folders[tracker]} has no result of any of {len(names)} sequences, '
                f'such as {names[0]}.txt; check the folder and --benchmark.'
            )
        if lacking and not skip_missing:
            raise FileNotFoundError(
                f'{tracker}: {folders[tracker]} has no result of {len(lacking)} of {len(names)} '
                f'sequences, the first of which is {lacking[0]}; track them, or leave them out '
                'for all trackers with --skip-missing.'
            )
    left_out = {name for lacking in missing.values() for name in lacking}
    return [name for name in names if name not in left_out], sorted(left_out)


def score_all(
    benchmark: Benchmark,
    reader: SequenceReader,
    names: list[str],
    folders: dict[str, Path],
    still: bool,
) -> dict[str, list[Result]]:
    """The results of each tracker, and of the one that never moves, sequence by sequence."""
    trackers = [*folders, STILL] if still else folders
    results: dict[str, list[Result]] = {tracker: [] for tracker in trackers}
    with progress_display('Scoring, sequences') as display:
        for index, name in enumerate(names, start=1):
            clip = reader.read(name)
            for tracker, folder in folders.items():
                boxes = read_result(find_result(folder, name), clip.benchmark)
                results[tracker].append(benchmark.score(boxes, clip))
            if still:
                boxes = np.repeat(clip.boxes[:1], len(clip.frames), axis=0)
                results[STILL].append(benchmark.score(boxes, clip))
            display(index, len(names))
    return results


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='') as file:
        table = csv.writer(file, lineterminator='\n')
        table.writerow(header)
        for row in rows:
            table.writerow([f'{cell:.3f}' if isinstance(cell, float) else cell for cell in row])


def report(
    benchmark: Benchmark, results: dict[str, list[Result]], title: str, out: Path, console: Console
) -> None:
    scores = {tracker: benchmark.summary(each) for tracker, each in results.items()}
    keys = list(next(iter(scores.values())))
    rows = [[tracker, *values.values()] for tracker, values in scores.items()]
    write_csv(out / 'scores.csv', ['tracker', *keys], rows)
    console.print(console_table(['tracker', *keys], rows))
    write_csv(
        out / 'sequences.csv',
        ['tracker', 'sequence', *keys],
        ([tracker, one.name, *_of_one(benchmark, one, keys)]
         for tracker, each in results.items() for one in each),
    )  # fmt: skip
    groups = {tracker: by_attribute(each) for tracker, each in results.items()}
    counts = {name: len(each) for name, each in next(iter(groups.values())).items()}
    if counts:
        by_tracker = {
            tracker: {
                name: _of_one(benchmark, each, [benchmark.first])[0] for name, each in group.items()
            }
            for tracker, group in groups.items()
        }
        rows = attribute_rows(counts, by_tracker)
        header = ['attribute', 'sequences', *(f'{name} {benchmark.first}' for name in results)]
        write_csv(out / 'attributes.csv', header, rows)
        console.print(console_table(header, rows))
    for kind, (curve, key) in benchmark.curves.items():
        figure = curve_plot(
            kind,
            {tracker: curve(each) for tracker, each in results.items()},
            {tracker: values[key] for tracker, values in scores.items()},
            f'{title}, {key}',
        )
        save_figure(figure, out / kind)
    console.print(f'Tables and plots: {out}')


def _of_one(
    benchmark: Benchmark, results: Result | list[Result], keys: Sequence[str]
) -> list[float | str]:
    """Scores of a sequence or some; empty where no frame counts."""
    results = results if isinstance(results, list) else [results]
    if isinstance(results[0], Overlaps) and not any(len(one.values) for one in results):
        return [''] * len(keys)
    values = benchmark.summary(results)
    return [values[key] for key in keys]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('trackers', nargs='*', metavar='NAME=FOLDER', help='results of a tracker')
    parser.add_argument('--still', action='store_true', help='score a box that never moves, too')
    parser.add_argument('--benchmark', required=True, choices=BENCHMARKS)
    parser.add_argument('--root', required=True, help='folder of the data set')
    parser.add_argument('--split', help="'test' of LaSOT and TrackingNet, 'val' of GOT-10k")
    parser.add_argument('--out', type=Path, required=True, help='a folder, or an archive')
    parser.add_argument(
        '--skip-missing', action='store_true', help='score what all trackers have results of'
    )
    args = parser.parse_args()
    console = Console(soft_wrap=True)
    benchmark = BENCHMARKS[args.benchmark]
    folders = named_folders(args.trackers)
    if not folders and not args.still:
        raise ValueError('There is nothing to score; give NAME=FOLDER or --still.')
    if args.still and STILL in folders:
        raise ValueError(f'{STILL} is the name of what --still adds; call the tracker otherwise.')
    split = args.split or benchmark.split
    reader = benchmark.reader(args.root, split)
    names = reader.names()
    if not reader.read(names[0]).has_truth:
        _pack(folders, reader, args.out, console)
        return
    names, left_out = names_to_score(folders, names, args.skip_missing)
    if not names:
        raise ValueError('No sequence has a result of every tracker; score them one by one.')
    results = score_all(benchmark, reader, names, folders, args.still)
    report(benchmark, results, f'{reader.benchmark} {split}', args.out, console)
    if left_out:
        console.print(f'{len(left_out)} sequences left out: {", ".join(left_out)}')


def _pack(folders: dict[str, Path], reader: SequenceReader, out: Path, console: Console) -> None:
    if len(folders) != 1 or out.suffix != '.zip':
        raise ValueError(
            f'Only the server of {reader.benchmark} can score its {reader.split} split; give one '
            'NAME=FOLDER and --out FILE.zip to pack what it wants.'
        )
    clips = [reader.read(name) for name in reader.names()]
    for warning in write_archive(next(iter(folders.values())), clips, out):
        console.print(warning)
    console.print(f'Upload this to the server of {reader.benchmark}: {out}')


if __name__ == '__main__':
    run_cli(main)
