"""From nothing to a report: render a world, pre-train MAE and MFF, measure, fine-tune,
and look at how their heads attend beside those of a supervised model.

    python tools/quickstart.py                    # minutes on two cores
    python tools/quickstart.py --preset study     # at greater length, three seeds
    python tools/quickstart.py --redo             # do everything again

Every stage is an ordinary command of this repository and is printed before it runs.
What is finished is not run again; a training run that was stopped goes on.
"""

import argparse
import os
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from mim_secrets.analysis.report.excerpt import excerpt
from mim_secrets.apis.road import Road
from mim_secrets.visualization.report import (
    Experiment,
    Records,
    Stage,
    StageError,
    copy_small_logs,
    results_table,
    write_report,
)

ROOT = Path(__file__).resolve().parent.parent

# How output says how far it is; `left` is a duration, the rest is shown as it is.
RENDERING = r'rendering (?P<place>\d+/\d+), ETA (?P<left>\d+) s'
MEASURING = r'measuring (?P<place>\d+/\d+), ETA (?P<left>\d+) s'
TRAINING = (  # in epochs, or in iterations alone
    r'\(train\)\s+(?P<place>(\[\d+\])?\[\s*\d+/\d+\]).*?'
    r' eta: (?P<left>[\d:]+).*? (?P<loss>loss: \d+\.\d+)'
)


@dataclass(frozen=True)
class Preset:
    """What is rendered and trained; seconds are typical ones, for the ETA alone."""

    pretrain: dict[str, str]
    supervised: str
    finetune: str
    seeds: tuple[int, ...]
    work_dir: str
    pretrain_seconds: float
    supervised_seconds: float
    finetune_seconds: float
    small_logs: str | None = None  # where a copy for the docs goes


WORLD, WORLD_PRESET, WORLD_SECONDS = 'data/playground', 'small', 15
PROBE_SECONDS = 27
SECRETS_IMAGES, SECRETS_SECONDS = 500, 40
NANO = 'configs/playground/{}_vit-nano-p4_1xb64-coslr-{}e_playground-32px.py'
FINETUNE = 'configs/playground/vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py'
PROBES = 'configs/playground/vit-nano-p4_1xb256-knn_playground-32px.py'
LABELS = dict(scratch='from scratch', supervised='supervised', mae='MAE', mff='MFF')
PRESETS = dict(
    quickstart=Preset(
        pretrain=dict(mae=NANO.format('mae', 8), mff=NANO.format('mff', 8)),
        supervised=NANO.format('supervised', 8),
        finetune=FINETUNE,
        seeds=(0,),
        work_dir='work_dirs/quickstart',
        pretrain_seconds=160,
        supervised_seconds=130,
        finetune_seconds=58,
    ),
    study=Preset(
        pretrain=dict(mae=NANO.format('mae', 25), mff=NANO.format('mff', 25)),
        supervised=NANO.format('supervised', 25),
        finetune=FINETUNE,
        seeds=(0, 1, 2),
        work_dir='work_dirs/study',
        pretrain_seconds=500,
        supervised_seconds=400,
        finetune_seconds=58,
        small_logs='docs/en/study',
    ),
)


def list_stages(preset: Preset, seeds: list[int], work_dir: Path) -> list[Stage]:
    """The road. Stages start in this order, each as soon as what it needs is there."""
    render = Stage(
        'render',
        'render the world',
        ('tools/dataset_converters/make_playground.py', WORLD, '--preset', WORLD_PRESET),
        Path(WORLD),
        WORLD_SECONDS,
        progress=RENDERING,
    )
    stages = [render]
    for seed in seeds:
        here, seeded = work_dir / f'seed{seed}', f'randomness.seed={seed}'
        for method, config in preset.pretrain.items():
            stages.append(
                Stage(
                    f'seed{seed}-{method}-pretrain',
                    f'pre-train {method.upper()}, seed {seed}',
                    train(config, here / method / 'pretrain', seeded),
                    here / method / 'pretrain',
                    preset.pretrain_seconds,
                    needs=(render.name,),
                    config=config,
                    progress=TRAINING,
                    resumes=True,
                )
            )
        stages.append(
            Stage(
                f'seed{seed}-supervised-pretrain',
                f'train with labels, seed {seed}',
                train(preset.supervised, here / 'supervised' / 'pretrain', seeded),
                here / 'supervised' / 'pretrain',
                preset.supervised_seconds,
                needs=(render.name,),
                config=preset.supervised,
                progress=TRAINING,
                resumes=True,
            )
        )
        for start in ('scratch', *preset.pretrain):
            stages += measures(preset, start, seed, here)
        stages.append(secrets(preset, seed, here))
    return stages


def measures(preset: Preset, start: str, seed: int, here: Path) -> list[Stage]:
    """Probe an encoder, and fine-tune it."""
    scratch, title = start == 'scratch', f'{LABELS[start]}, seed {seed}'
    needs = 'render' if scratch else f'seed{seed}-{start}-pretrain'
    config = preset.pretrain['mae'] if scratch else preset.pretrain.get(start, PROBES)
    # 'none': the encoder as training from scratch would start with it
    weights = 'none' if scratch else str(here / start / 'pretrain')
    init = 'init_cfg=None' if scratch else f'init_cfg.checkpoint={weights}'
    probe, finetune = here / start / 'probe', here / start / 'finetune'
    seeded = f'randomness.seed={seed}'
    return [
        Stage(
            f'seed{seed}-{start}-probe',
            f'probe {title}',
            ('tools/test.py', config, weights, '--work-dir', str(probe), '--cfg-options', seeded),
            probe,
            PROBE_SECONDS,
            needs=(needs,),
            config=config,
        ),
        Stage(
            f'seed{seed}-{start}-finetune',
            f'fine-tune {title}',
            train(preset.finetune, finetune, seeded, f'model.backbone.{init}'),
            finetune,
            preset.finetune_seconds,
            needs=(needs,),
            config=preset.finetune,
            progress=TRAINING,
            resumes=True,
        ),
    ]


def secrets(preset: Preset, seed: int, here: Path) -> Stage:
    """How heads attend in all models of a seed."""
    configs = {**preset.pretrain, 'supervised': preset.supervised}
    models = [
        part
        for method, config in configs.items()
        for part in ('--model', f'{LABELS[method]}={config}:{here / method / "pretrain"}')
    ]
    images = ('--data', f'{WORLD}/val', '--num-images', str(SECRETS_IMAGES), '--workers', '1')
    return Stage(
        f'seed{seed}-secrets',
        f'look at attention, seed {seed}',
        ('tools/analyze.py', *models, *images, '--out', str(here / 'secrets')),
        here / 'secrets',
        SECRETS_SECONDS,
        needs=tuple(f'seed{seed}-{method}-pretrain' for method in configs),
        progress=MEASURING,
    )


def train(config: str, work_dir: Path, *options: str) -> tuple[str, ...]:
    folder = ('--work-dir', str(work_dir))
    return ('tools/train.py', config, *folder, '--cfg-options', *options)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--preset', choices=PRESETS, default='quickstart')
    parser.add_argument(
        '--seeds', type=int, nargs='+', help='one repetition each; default: the preset'
    )
    parser.add_argument('--work-dir', type=Path, help='default: the preset')
    parser.add_argument('--redo', action='store_true', help='use nothing that is there')
    return parser.parse_args()


def run(args: argparse.Namespace, console: Console) -> None:
    preset = PRESETS[args.preset]
    work_dir = args.work_dir or Path(preset.work_dir)
    seeds = args.seeds or preset.seeds
    stages = list_stages(preset, seeds, work_dir)
    records = Records(work_dir, stages)
    if args.redo:
        for stage in stages:
            records.forget(stage)
    Road(stages, records, console).run()

    experiment = Experiment(work_dir)
    analyses = [work_dir / f'seed{seed}' / 'secrets' for seed in seeds]
    report = write_report(experiment, excerpt(analyses, work_dir))
    if preset.small_logs and args.seeds is None and args.work_dir is None:
        folder = copy_small_logs(experiment, Path(preset.small_logs))
        console.print(f'Small logs: {folder}', highlight=False)
    console.print(results_table(experiment))
    for page in (report, *(folder / 'report.html' for folder in analyses)):
        console.print(f'Report: {page}', highlight=False, soft_wrap=True)


def main() -> None:
    args = parse_args()
    if args.work_dir is not None:
        args.work_dir = args.work_dir.resolve()
    os.chdir(ROOT)  # commands name configs and tools from here
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(args, Console())
    except StageError as error:
        sys.exit(f'\n{error}')
    except KeyboardInterrupt:
        again = [word for word in sys.argv[1:] if word != '--redo']
        command = shlex.join(['python', 'tools/quickstart.py', *again])
        print(f'\nStopped. {command} goes on from here.', file=sys.stderr)
        sys.exit(130)


if __name__ == '__main__':
    main()
