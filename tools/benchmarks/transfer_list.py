"""The runs that are compared: every start of an encoder in every task."""

import sys
from dataclasses import dataclass
from pathlib import Path

from long_runs import ROOT

from mim_secrets.visualization.report import Stage
from mim_secrets.visualization.report.logs import MEASURES, Measure

sys.path.append(str(ROOT / 'tools'))

import quickstart

STUDY = quickstart.PRESETS['study']
RENDER_SECONDS, SWIN_SECONDS = 120, 380
# the study has no Swin, so that those are trained here
SWIN = 'configs/playground/{}_swinv2-nano-w4_1xb16-coslr-8e_playground-32px.py'
SWINS = dict(
    supervised=SWIN.format('supervised'),
    mff=SWIN.format('mff-simmim'),
    simmim=SWIN.format('simmim'),
)
STARTS = {**quickstart.LABELS, 'simmim': 'SimMIM'}


@dataclass(frozen=True)
class Task:
    """A run of each start; seconds are typical ones, for the ETA alone."""

    config: str
    layout: str  # of the playground
    measures: dict[str, str]  # title -> key in the logs
    seconds: float
    starts: tuple[str, ...] = tuple(quickstart.LABELS)
    encoder: str = 'pretrain'  # the stage that trains it for each start


TASKS = dict(
    detection=Task(
        'configs/playground/mask-rcnn_vit-nano-p4_simple-fpn_1xb4-lsj-4e_playground-coco-64px.py',
        'coco',
        {'box AP': 'coco/bbox_mAP', 'mask AP': 'coco/segm_mAP'},
        280,
    ),
    segmentation=Task(
        'configs/playground/vit-nano-p4_upernet_1xb8-1000it_playground-ade20k-64px.py',
        'ade20k',
        {'mIoU': 'mIoU'},
        340,
    ),
    pose=Task(
        'configs/playground/td-hm_vit-nano-p4_simple_1xb16-coslr-6e_playground-coco-48x36.py',
        'coco',
        {'pose AP': 'coco/AP'},
        200,
    ),
    crowd=Task(
        'configs/playground/td-hm_vit-nano-p4_simple_1xb16-coslr-3e_playground-crowdpose-48x36.py',
        'crowdpose',
        {'crowd AP': 'crowdpose/AP'},
        200,
    ),
    indoors=Task(
        'configs/playground/vit-nano-p4_deconv_1xb4-4e_playground-nyu-96px.py',
        'nyu',
        {'depth d1, NYUv2': 'depth/d1'},
        140,
    ),
    road=Task(
        'configs/playground/vit-nano-p4_deconv_1xb8-4e_playground-kitti-64px.py',
        'kitti',
        {'depth d1, KITTI': 'depth/d1'},
        140,
    ),
    lasot=Task(
        'configs/playground/vit-nano-p4_one-stream_1xb8-4e_playground-lasot-64px.py',
        'lasot',
        {'tracking AUC, LaSOT': 'ope/success_auc'},
        240,
    ),
    got10k=Task(
        'configs/playground/vit-nano-p4_one-stream_1xb8-4e_playground-got10k-64px.py',
        'got10k',
        {'tracking AO, GOT-10k': 'got10k/AO'},
        240,
    ),
    two_streams=Task(
        'configs/playground/swinv2-nano-w4_two-stream_1xb8-4e_playground-lasot-64px.py',
        'lasot',
        {'tracking AUC, LaSOT, two streams': 'ope/success_auc'},
        250,
        starts=('scratch', *SWINS),
        encoder='swinv2',
    ),
)


def list_stages(work_dir: Path, seeds: list[int]) -> list[Stage]:
    """The study's stages, then those of every task, seed after seed."""
    stages = quickstart.list_stages(STUDY, seeds, work_dir)
    stages += [render(layout) for layout in dict.fromkeys(t.layout for t in TASKS.values())]
    for seed in seeds:
        here = work_dir / f'seed{seed}'
        stages += quickstart.measures(STUDY, 'supervised', seed, here)
        stages += [train_swin(start, seed, here / start / 'swinv2') for start in SWINS]
        stages += [
            stage(name, start, seed, here)
            for start in STARTS
            for name, task in TASKS.items()
            if start in task.starts
        ]
    return stages


def train_swin(start: str, seed: int, folder: Path) -> Stage:
    config = SWINS[start]
    return Stage(
        f'seed{seed}-{start}-swinv2',
        f'a SwinV2, {STARTS[start]}, seed {seed}',
        quickstart.train(config, folder, f'randomness.seed={seed}'),
        folder,
        SWIN_SECONDS,
        needs=('render',),
        config=config,
        progress=quickstart.TRAINING,
        resumes=True,
    )


def render(layout: str) -> Stage:
    world = f'data/playground_{layout}'
    tool = 'tools/dataset_converters/make_playground.py'
    return Stage(
        f'render-{layout}',
        f'render the world as {layout}',
        (tool, world, '--layout', layout, '--preset', 'small'),
        Path(world),
        RENDER_SECONDS,
        progress=quickstart.RENDERING,
    )


def stage(name: str, start: str, seed: int, here: Path) -> Stage:
    """One start of an encoder in one task."""
    task, folder, scratch = TASKS[name], here / start / name, start == 'scratch'
    weights = 'none' if scratch else str(here / start / task.encoder)
    encoder = [] if scratch else [f'seed{seed}-{start}-{task.encoder}']
    return Stage(
        f'seed{seed}-{start}-{name}',
        f'{name}, {STARTS[start]}, seed {seed}',
        ('tools/train.py', task.config, '--work-dir', str(folder), '--pretrained', weights)
        + ('--cfg-options', f'randomness.seed={seed}'),
        folder,
        task.seconds,
        needs=(f'render-{task.layout}', *encoder),
        config=task.config,
        progress=quickstart.TRAINING,
        resumes=True,
    )


COLUMNS = [
    *MEASURES,
    *(
        Measure(title, name, key)
        for name, task in TASKS.items()
        for title, key in task.measures.items()
    ),
]
RUNS = list(dict.fromkeys(column.run for column in COLUMNS))
