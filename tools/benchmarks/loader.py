"""Loading images for pre-training: mmpretrain's pipelines beside ours.

    python tools/benchmarks/loader.py
    python tools/benchmarks/loader.py --images data/imagenet/val --number 500
    python tools/benchmarks/loader.py --size 1600x1200 --number 64

Every variant has a data loader with one worker. They take turns, round by round in a
new order, over the same files, which the system holds in memory after the first round.
What counts is the worker's own processor time, from reading a file to handing over the
batch: images per second per core, whatever else the machine does. What it takes to
copy an image into a batch in shared memory is shown by itself: it is the same for all
of them, and it is torch's.

- ``mmpretrain MAE`` and ``mmpretrain MFF`` are the training sets of its own configs;
- ``reference`` crops are ours of ``configs/_base_/datasets/imagenet_bs512_*.py``;
- ``fast`` crops are those of ``imagenet_bs512_fast-*.py``;
- ``cached`` ones are the same, cut from images shrunk to 256 pixels beforehand;
- ``decoding alone`` reads and decodes whole images and does nothing else: nobody who
  decodes all of a JPEG can be faster.

Ratios are medians of per-round ratios, with their quartiles; above 1 is faster. Without
``--images``, JPEGs with the spectrum of photographs are written, quality 90, 4:2:0.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
import cv2
import simplejpeg
import torch
from loader_images import write_images
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.hub import get_config
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, DefaultScope
from rich import box
from rich.console import Console
from rich.table import Table
from step_measures import device_name, quartiles_of_ratios
from torch.utils.data import DataLoader
from turns import turns, write_csv

from mim_secrets.datasets.cache_writing import Plan, write_cache

ROOT = Path(__file__).resolve().parents[2]
MAE, MFF = 'mmpretrain MAE', 'mmpretrain MFF'


@dataclass
class Row:
    """One variant: a line of the CSV."""

    variant: str
    images_per_second_per_core: float
    microseconds_to_load: float
    microseconds_to_batch: float
    ratio_to_mae: float
    ratio_to_mae_q1: float
    ratio_to_mae_q3: float
    ratio_to_mff: float
    ratio_to_mff_q1: float
    ratio_to_mff_q3: float
    images: int
    size: str
    kilobytes_per_image: float
    rounds: int
    device: str
    torch: str
    opencv: str
    simplejpeg: str


class Lane:
    """The data loader of one variant, and the processor time of each of its rounds."""

    def __init__(self, dataset: object, batch: int) -> None:
        self._loader = DataLoader(
            dataset, batch, num_workers=1, persistent_workers=True, collate_fn=collate
        )
        self._before = 0.0
        self.seconds: list[float] = []
        self.seconds_to_batch: list[float] = []

    def round(self) -> None:
        times = [times for _, times in self._loader]
        self.seconds.append(times[-1][1] - self._before)
        self.seconds_to_batch.append(sum(end - start for start, end in times))
        self._before = times[-1][1]


def collate(samples: list) -> tuple[object, tuple[float, float]]:
    """The batch, and how much time this worker had spent before and after making it."""
    start = time.process_time()
    batch = default_collate(samples)
    return batch, (start, time.process_time())


def decode_alone(sample: dict) -> torch.Tensor:
    picture = sample['open_picture']()
    height, width = picture.shape
    picture.region((0, 0, height, width), least=(height, width))
    return torch.zeros(1)


def build_lanes(root: Path, cache: Path, batch: int) -> dict[str, Lane]:
    """Every variant, for the images in ``root``, which has ImageNet's layout."""
    theirs = 'mmpretrain::{}_vit-base-p16_8xb512-amp-coslr-300e_in1k.py'
    ours = ROOT / 'configs' / '_base_' / 'datasets'
    configs = {MAE: get_config(theirs.format('mae/mae')), MFF: get_config(theirs.format('mff/mff'))}
    for crop in ('rrc', 'src'):
        fast = Config.fromfile(ours / f'imagenet_bs512_fast-{crop}.py')
        configs[f'reference {crop}'] = Config.fromfile(ours / f'imagenet_bs512_{crop}.py')
        configs[f'fast {crop}'] = fast
        configs[f'cached {crop}'] = cached = Config(fast.to_dict())
        cached.train_dataloader.dataset.cache = str(cache)
    alone = Config(fast.to_dict())
    alone.train_dataloader.dataset.pipeline = [decode_alone]
    configs['decoding alone'] = alone
    lanes = {}
    for name, config in configs.items():
        scope = 'mmpretrain' if name in (MAE, MFF) else 'mim_secrets'
        dataset = config.train_dataloader.dataset
        dataset.data_root = str(root)
        with DefaultScope.overwrite_default_scope(scope):
            lanes[name] = Lane(DATASETS.build(dataset), batch)
    return lanes


def measure(
    lanes: dict[str, Lane], rounds: int, tick: Callable[[str], None] = lambda doing: None
) -> None:
    """Run all lanes in turns; the first round starts the workers and does not count."""
    names = list(lanes)
    order = random.Random(0)
    for _ in range(1 + rounds):
        order.shuffle(names)  # nobody always runs after the same other one
        for name in names:
            tick(name)
            lanes[name].round()
    for lane in lanes.values():
        del lane.seconds[0], lane.seconds_to_batch[0]


def summarise(lanes: dict[str, Lane], files: list[Path], size: str) -> list[Row]:
    rows = []
    for name, lane in lanes.items():
        mae, mff = (quartiles_of_ratios(lanes[x].seconds, lane.seconds) for x in (MAE, MFF))
        whole, batching = map(statistics.median, (lane.seconds, lane.seconds_to_batch))
        row = Row(
            variant=name,
            images_per_second_per_core=round(len(files) / whole, 1),
            microseconds_to_load=round((whole - batching) / len(files) * 1e6),
            microseconds_to_batch=round(batching / len(files) * 1e6),
            ratio_to_mae_q1=mae[0],
            ratio_to_mae=mae[1],
            ratio_to_mae_q3=mae[2],
            ratio_to_mff_q1=mff[0],
            ratio_to_mff=mff[1],
            ratio_to_mff_q3=mff[2],
            images=len(files),
            size=size,
            kilobytes_per_image=round(statistics.mean(f.stat().st_size for f in files) / 1e3, 1),
            rounds=len(lane.seconds),
            device=device_name(torch.device('cpu')),
            torch=torch.__version__,
            opencv=cv2.__version__,
            simplejpeg=simplejpeg.__version__,
        )
        rows.append(row)
    return rows


def show(rows: list[Row]) -> None:
    first = rows[0]
    table = Table(
        title=f'Loading {first.images} JPEGs of {first.size}, '
        f'{first.kilobytes_per_image:.0f} kB on average, {first.device}, '
        f'median of {first.rounds} rounds',
        caption='x: times faster, median of per-round ratios (quartiles)',
        box=box.SIMPLE_HEAD,
    )
    table.add_column('variant', no_wrap=True)
    for column in ('images/s/core', 'load, us', 'batch, us', f'x {MAE}', f'x {MFF}'):
        table.add_column(column, justify='right', no_wrap=True)
    for row in rows:
        table.add_row(
            row.variant,
            f'{row.images_per_second_per_core:.0f}',
            f'{row.microseconds_to_load:.0f}',
            f'{row.microseconds_to_batch:.0f}',
            f'{row.ratio_to_mae:.2f} ({row.ratio_to_mae_q1:.2f}-{row.ratio_to_mae_q3:.2f})',
            f'{row.ratio_to_mff:.2f} ({row.ratio_to_mff_q1:.2f}-{row.ratio_to_mff_q3:.2f})',
        )
    Console(width=110).print(table)


def prepare(args: argparse.Namespace, root: Path) -> list[Path]:
    """``root/train/images/*.jpg`` and the list that ImageNet has."""
    folder = root / 'train' / 'images'
    if args.images:
        folder.mkdir(parents=True)
        found = (p for p in args.images.rglob('*') if p.suffix.lower() in ('.jpg', '.jpeg'))
        for number, path in zip(range(args.number), sorted(found)):
            (folder / f'{number:05d}.jpg').symlink_to(path.resolve())
    else:
        write_images(folder, args.number, *map(int, args.size.split('x')))
    files = sorted(folder.iterdir())
    if not files:
        raise SystemExit(f'There are no JPEGs in {args.images}.')
    (root / 'meta').mkdir()
    (root / 'meta' / 'train.txt').write_text(''.join(f'images/{f.name} 0\n' for f in files))
    return files


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time the loading of images for pre-training')
    parser.add_argument('--images', type=Path, help='a folder of JPEGs instead of written ones')
    parser.add_argument('--number', type=int, default=256, help='of images')
    parser.add_argument('--size', default='500x375', help='of written images')
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--rounds', type=int, default=11)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/benchmarks/loader.csv'))
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    MMLogger.get_instance('mim_secrets', log_level='ERROR')
    cv2.setNumThreads(0)  # as mmengine does for training
    with tempfile.TemporaryDirectory() as temporary:
        root, cache = Path(temporary, 'images'), Path(temporary, 'cache')
        print(f'Preparing {args.number} images')
        files = prepare(args, root)
        write_cache(cache, Plan.of(str(root / 'train'), short_side=256))
        lanes = build_lanes(root, cache, args.batch_size)
        with turns(len(lanes) * (1 + args.rounds)) as begin:
            measure(lanes, args.rounds, begin)
        rows = summarise(lanes, files, 'several sizes' if args.images else args.size)
    write_csv(rows, args.out)
    show(rows)
    print(f'Written to {args.out}')


if __name__ == '__main__':
    main()
