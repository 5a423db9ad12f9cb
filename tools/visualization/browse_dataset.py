"""Show what a config makes of its data: images with labels, as the model gets them.

    python tools/visualization/browse_dataset.py CONFIG
    python tools/visualization/browse_dataset.py CONFIG --phase val --number 30
    python tools/visualization/browse_dataset.py CONFIG --mode pipeline --show-dir pictures

For any config here: classes, boxes, masks, semantic maps and key points are drawn, and for
masked pre-training what the encoder does not see is covered. Images are taken from all
over the data set. Pictures are written to --show-dir, and together to its sheet.png.

    --mode transformed   after the whole pipeline
           original      as they lie on disk
           concat        both
           pipeline      after every step that changes the image
"""

import argparse
import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
import mmcv
import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import set_random_seed

from mim_secrets.apis.cli import run_cli
from mim_secrets.apis.cost import build_on_meta
from mim_secrets.apis.data_checks import check_data
from mim_secrets.apis.labels import Labels, draw, of_results
from mim_secrets.apis.launch import read_config
from mim_secrets.apis.pictures import sheet
from mim_secrets.models import MaskedImageModel
from mim_secrets.visualization.reconstruction import fixed_mask, masked_pixels

MODES = ('transformed', 'original', 'concat', 'pipeline')
SHEET_COLUMNS = dict(transformed=4, original=4, concat=2, pipeline=1)


class Recorder:
    """A pipeline that returns pictures of what it does, and packs nothing.

    Args:
        steps: Transforms of any library.
        meta: Of the data set.
        hide: From the height and width of an image to what of it is masked.
    """

    def __init__(self, steps: list[Callable], mode: str, meta: dict, hide: Callable) -> None:
        steps = [step for step in steps if not name_of(step).startswith('Pack')]
        # A test pipeline loads annotations behind the resizing, where they are those of
        # the image on disk; first of all, they come along.
        self.loading = [step for step in steps if name_of(step).startswith('Load')]
        self.steps = [step for step in steps if step not in self.loading]
        self.mode, self.meta, self.hide = mode, meta, hide

    def __call__(self, results: dict) -> dict | None:
        for step in self.loading:
            results = step(results)
        states = [self.state('original', results)]
        for step in self.steps:
            before = results.get('img')
            before = None if before is None else np.array(before)
            results = step(results)
            if results is None:  # nothing is left to learn from; another image is taken
                return None
            if self.mode == 'pipeline' and not same(before, results.get('img')):
                states.append(self.state(name_of(step), results))
        if self.mode in ('transformed', 'concat'):
            states.append(self.state('transformed', results))
        if self.mode == 'transformed':
            states = states[-1:]
        if self.mode != 'original':
            states[-1][2].hidden = self.hide(*states[-1][1].shape[:2])
        captions = self.mode in ('concat', 'pipeline')
        pictures = [draw(pixels, labels, name * captions) for name, pixels, labels in states]
        return dict(pictures=pictures, path=results.get('img_path', 'image'))

    def state(self, name: str, results: dict) -> tuple[str, np.ndarray, Labels]:
        image = results['img'] if 'img' in results else mmcv.imread(results['img_path'])
        pixels = np.array(image).round().clip(0, 255).astype(np.uint8)
        return name, pixels, copy.deepcopy(of_results(results, self.meta))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--phase', choices=['train', 'val', 'test'], default='train')
    parser.add_argument('--number', type=int, default=12, help='of images')
    parser.add_argument('--mode', choices=MODES, default='transformed')
    parser.add_argument('--show-dir', type=Path, help='default: browse in the work directory')
    parser.add_argument('--seed', type=int, default=0, help='of the augmentation')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='change keys of the config, as in train_dataloader.dataset.data_root=FOLDER',
    )
    parser.add_argument('--debug', action='store_true', help='show the stack of frames of an error')
    # what read_config looks for, and what has no meaning without a run
    parser.set_defaults(work_dir=None, launcher='none', local_rank=0)
    args = parser.parse_args()
    if args.number < 1:
        parser.error(f'--number {args.number} shows nothing; use at least 1')
    return args


def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    key = f'{args.phase}_dataloader'
    if not cfg.get(key):
        raise ValueError(f'{args.config} has no {key}; choose another --phase.')
    check_data(cfg, [key])
    set_random_seed(args.seed)
    folder = args.show_dir or Path(cfg.work_dir, 'browse')
    folder.mkdir(parents=True, exist_ok=True)
    shown = []
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        dataset = DATASETS.build(cfg[key].dataset)
        hide = masking_of(cfg, args.seed) if args.phase == 'train' else no_masking
        for inner in with_pipeline(dataset):
            steps = inner.pipeline.transforms
            inner.pipeline = Recorder(steps, args.mode, inner.metainfo, hide)
        count = min(args.number, len(dataset))
        for index in np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist():
            sample = dataset[index]
            name = f'{index:06d}_{Path(sample["path"]).stem}.png'
            together = sheet(sample['pictures'], columns=len(sample['pictures']))
            together.save(folder / name)
            shown.append(np.asarray(together))
    sheet(shown, SHEET_COLUMNS[args.mode]).save(folder / 'sheet.png')
    print(f'{count} of {len(dataset)} images of {key}: {folder}/sheet.png')


def with_pipeline(dataset: object) -> Iterator[object]:
    """The data sets inside of wrappers that run a pipeline themselves."""
    if hasattr(dataset, 'pipeline'):
        yield dataset
        return
    for inner in getattr(dataset, 'datasets', None) or [dataset.dataset]:
        yield from with_pipeline(inner)


def masking_of(cfg: Config, seed: int) -> Callable[[int, int], np.ndarray | None]:
    """What a masked model covers, or a function that knows of nothing."""
    if 'masking' not in cfg.model:
        return no_masking
    model = build_on_meta(cfg)
    if not isinstance(model, MaskedImageModel):
        return no_masking

    def hide(height: int, width: int) -> np.ndarray:
        mask = fixed_mask(model, torch.empty(1, 3, height, width), seed)
        return masked_pixels(mask, height, width)[0]

    return hide


def no_masking(height: int, width: int) -> None:
    return None


def name_of(step: object) -> str:
    return type(step).__name__


def same(before: np.ndarray | None, after: np.ndarray | None) -> bool:
    return before is not None and after is not None and np.array_equal(before, after)


if __name__ == '__main__':
    run_cli(main)
