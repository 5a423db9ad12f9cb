"""Fine-tune encoders without their last N blocks and draw accuracy over N.

    python tools/analysis_tools/layer_dropping.py CONFIG \\
        --weights mim=WORK_DIR sup=FILE --seeds 0 1 2 --work-dir DIR
    python tools/analysis_tools/layer_dropping.py CONFIG --weights mim=WORK_DIR \\
        --drop 0 2 4 --work-dir DIR --kl REPORT/tables/kl_layer.csv

CONFIG is any fine-tuning of a ViT, Swin or SwinV2 that starts from a checkpoint and
ends with a validation of its top-1 accuracy, such as those of `configs/*/benchmarks`
and `configs/playground/*_10percent.py`. For each checkpoint, N and seed it is trained
in a process of its own by tools/train.py. What is finished is not run again, and a
run that was stopped goes on.

DIR/layer_dropping.csv has a row for each run that is finished; layer_dropping.png and
.svg show means over seeds, and seeds as ticks. With --kl, a table that tools/analyze.py
writes, the divergence between the heads of each layer stands beside them, for models
that have the names given to --weights.
"""

import argparse
import csv
import re
import shlex
import signal
import sys
from pathlib import Path
from statistics import mean

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from layer_dropping_figure import Accuracy, draw, read_divergence, save
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from rich.console import Console
from rich.table import Table

from mim_secrets.apis.cli import run_cli
from mim_secrets.apis.road import Road
from mim_secrets.checkpoint.initializer import newest_checkpoint
from mim_secrets.models.backbones.shortening import blocks_left
from mim_secrets.visualization.report import Records, Stage, StageError
from mim_secrets.visualization.report.logs import Run
from mim_secrets.visualization.report.records import cores

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / 'tools'))

from quickstart import TRAINING  # noqa: E402

MOST = 6  # blocks that are left out unless --drop says otherwise
TOP1 = 'accuracy/top1'
TYPICAL_SECONDS = 60  # only an ETA depends on it, until the first run is finished


class Shortening:
    """What leaving out blocks means for the encoder of a config, and for its head."""

    def __init__(self, config: Path) -> None:
        cfg = Config.fromfile(config)
        backbone = cfg.get('model', {}).get('backbone')
        if not backbone or not backbone.get('init_cfg'):
            raise ValueError(
                f'{config} has no encoder that starts from a checkpoint; give a fine-tuning '
                "whose model.backbone has init_cfg=dict(type='SharedCheckpoint', checkpoint='')."
            )
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
            encoder = MODELS.build({**backbone, 'init_cfg': None, 'drop_last': 0})
        self.config = config
        self.encoder = type(encoder).__name__
        self.depths = getattr(encoder, 'depths', [encoder.num_layers])
        self.widths = encoder.level_dims
        self.head_width = cfg.model.get('head', {}).get('in_channels')

    def options(self, drop_last: int) -> tuple[str, ...]:
        """For --cfg-options: what turns the config into one of the shorter encoder."""
        stages = len(blocks_left(self.encoder, self.depths, drop_last))
        option = f'model.backbone.drop_last={drop_last}'
        width, whole = self.widths[stages - 1], self.widths[-1]
        if width == whole:
            return (option,)
        if self.head_width != whole:
            raise ValueError(
                f'{self.config}: without {drop_last} blocks the encoder puts out {width} '
                f'channels for {whole}, but no model.head.in_channels={whole} says where to '
                'change that; leave out fewer blocks.'
            )
        return option, f'model.head.in_channels={width}'


def read_weights(pairs: list[str]) -> dict[str, str]:
    """Names and files of NAME=FILE; a work directory stands for its newest file."""
    weights: dict[str, str] = {}
    for pair in pairs:
        name, _, path = pair.partition('=')
        if not re.fullmatch(r'\w[\w.+-]*', name) or not path:
            raise ValueError(
                f'--weights: {pair} is not NAME=FILE with a name of letters and digits; '
                'write it as in mim=work_dirs/mae.'
            )
        if name in weights:
            raise ValueError(f'--weights: {name} is given twice; every file needs its own name.')
        file = newest_checkpoint(path)
        if isinstance(file, Path):
            file = file.resolve()
            if not file.is_file():
                raise FileNotFoundError(f'--weights: there is no file {path} for {name}.')
        weights[name] = str(file)
    return weights


def list_stages(
    args: argparse.Namespace, weights: dict[str, str]
) -> dict[tuple[str, int, int], Stage]:
    """Weights, N and seed -> a run; all curves grow together, seed after seed."""
    shortening = Shortening(args.config)
    drops = args.drop
    if drops is None:
        drops = range(min(MOST, sum(shortening.depths) - 1) + 1)
    stages = {}
    for seed in dict.fromkeys(args.seeds):
        for drop_last in dict.fromkeys(drops):
            for name, file in weights.items():
                label = f'{name}-drop{drop_last}-seed{seed}'
                folder = args.work_dir / label
                options = (
                    f'randomness.seed={seed}',
                    f'model.backbone.init_cfg.checkpoint={file}',
                    *shortening.options(drop_last),
                )
                script = (str(ROOT / 'tools' / 'train.py'), str(args.config))
                stages[name, drop_last, seed] = Stage(
                    label,
                    f'fine-tune {name} without {drop_last} blocks, seed {seed}',
                    (*script, '--work-dir', str(folder), '--cfg-options', *options),
                    folder,
                    TYPICAL_SECONDS,
                    config=str(args.config),
                    progress=TRAINING,
                    resumes=True,
                )
    return stages


def forget_older(records: Records, stage: Stage, file: str) -> None:
    """A run that began before its checkpoint was written has started from another."""
    began = records.read(stage).get('began')
    if began is not None and Path(file).is_file() and Path(file).stat().st_mtime > began:
        records.forget(stage)


def read_results(stages: dict[tuple[str, int, int], Stage], records: Records) -> list[Accuracy]:
    """The last validation of every run that is finished."""
    rows = []
    for (name, drop_last, seed), stage in stages.items():
        if not records.read(stage).get('finished'):
            continue
        found = Run(stage.work_dir).last(TOP1)
        if found is None:
            raise ValueError(
                f'{stage.work_dir} has no {TOP1} in its logs; the config has to validate with '
                "val_evaluator=dict(type='Accuracy', topk=(1,)) after its last epoch."
            )
        rows.append(Accuracy(name, drop_last, seed, found.number))
    names = [name for name, *_ in stages]
    return sorted(rows, key=lambda row: (names.index(row.weights), row.drop, row.seed))


def write_csv(rows: list[Accuracy], path: Path) -> None:
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(Accuracy._fields)
        writer.writerows((*row[:3], f'{row.accuracy:.4f}') for row in rows)


def results_table(rows: list[Accuracy]) -> Table:
    """For the console: means over the seeds that are finished."""
    names = list(dict.fromkeys(row.weights for row in rows))
    table = Table('N', *names, title='top-1 accuracy in percent, means over seeds')
    for drop_last in sorted({row.drop for row in rows}):
        cells = [[row.accuracy for row in rows if row[:2] == (name, drop_last)] for name in names]
        shown = [f'{mean(values):.2f} ({len(values)})' if values else '–' for values in cells]
        table.add_row(str(drop_last), *shown)
    return table


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', type=Path, help='config of the fine-tuning')
    parser.add_argument('--weights', nargs='+', action='extend', required=True,
                        metavar='NAME=FILE', help='checkpoints or work directories')  # fmt: skip
    parser.add_argument('--drop', type=int, nargs='+', metavar='N', help='default: 0 to 6')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='one run each')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/layer_dropping'))
    parser.add_argument('--kl', type=Path, help='kl_layer.csv of tools/analyze.py')
    parser.add_argument('--jobs', type=int, default=1, help='processes at once')
    parser.add_argument('--debug', action='store_true', help='show the stack of frames of an error')
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error('--jobs: at least one process has to run.')
    return args


def run(args: argparse.Namespace, console: Console) -> None:
    if not args.config.is_file():
        raise FileNotFoundError(f'There is no config at {args.config}; ours are in configs/.')
    # stages are known by their commands, which have to be the same from any folder
    args.config, args.work_dir = args.config.resolve(), args.work_dir.resolve()
    weights = read_weights(args.weights)
    divergence = read_divergence(args.kl, list(weights)) if args.kl else {}
    stages = list_stages(args, weights)
    records = Records(args.work_dir, list(stages.values()))
    for (name, *_), stage in stages.items():
        forget_older(records, stage, weights[name])
    road = Road(list(stages.values()), records, console)
    road.slots, road.threads = args.jobs, max(1, cores() // args.jobs)
    try:
        road.run()
    finally:
        rows = read_results(stages, records)
        if rows:
            stem = args.work_dir / 'layer_dropping'
            write_csv(rows, stem.with_suffix('.csv'))
            paths = save(draw(rows, divergence), stem)
            console.print(results_table(rows))
            for path in (stem.with_suffix('.csv'), *paths):
                console.print(path, highlight=False, soft_wrap=True)


def main() -> None:
    args = parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(args, Console())
    except StageError as error:
        sys.exit(f'\n{error}')
    except KeyboardInterrupt:
        command = shlex.join(['python', *sys.argv])
        sys.exit(f'\nStopped. {command} goes on from here.')


if __name__ == '__main__':
    run_cli(main)
