"""Time and memory of loading a ViT-L through SharedCheckpoint, beside torch.load.

    python tools/benchmarks/checkpoint_loading.py
    python tools/benchmarks/checkpoint_loading.py --arch base --rounds 3

Writes a file of random weights as pre-training at 224 px would, and reads it in turns:

- ``torch.load``: the file into memory, weights only, and nothing else;
- ``SharedCheckpoint``: the file into a model that exists already and is built for
  384 px, so that positions are resized; layout, coverage and the table included;
- ``Pretrained``: mmengine's initializer, which does not resize, into one for 224 px.

Every reading has a process of its own. Memory is the growth of that process's
resident set at its highest, over the size of the file: 1 is one copy of the file.
The model itself was there before and does not count.
"""

import argparse
import csv
import itertools
import multiprocessing
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
import torch
from mmengine.logging import MMLogger
from mmengine.model.weight_init import PretrainedInit
from rich.progress import track
from step_measures import device_name

from mim_secrets.checkpoint.initializer import SharedCheckpoint
from mim_secrets.models import ViT

VARIANTS = ('torch.load', 'SharedCheckpoint', 'Pretrained')


@dataclass
class Row:
    """One reading: a line of the CSV."""

    variant: str
    round: int
    arch: str
    file_mib: float
    seconds: float
    copies: float
    device: str
    cores: int
    torch: str


def read(variant: str, file: Path, arch: str) -> tuple[float, int]:
    """Seconds of one reading, and bytes that it had resident at most beyond before."""
    torch.set_num_threads(1)
    model = None
    if variant != 'torch.load':
        model = ViT(arch, img_size=384 if variant == 'SharedCheckpoint' else 224)
    Path('/proc/self/clear_refs').write_text('5')  # the peak starts here
    before, start = _peak(), time.perf_counter()
    if variant == 'torch.load':
        torch.load(file, map_location='cpu', weights_only=True)
    elif variant == 'Pretrained':
        PretrainedInit(str(file))(model)
    else:
        SharedCheckpoint(str(file))(model)
    return time.perf_counter() - start, _peak() - before


def _peak() -> int:
    status = Path('/proc/self/status').read_text()
    return 1024 * int(status.split('VmHWM:')[1].split()[0])


def measure(arch: str, rounds: int, folder: Path) -> list[Row]:
    file = folder / 'epoch_800.pth'
    _write(file, arch)
    size = file.stat().st_size
    processes = multiprocessing.get_context('fork')
    rows = []
    turns = list(itertools.product(range(rounds), VARIANTS))
    for number, variant in track(turns, description='reading'):
        with processes.Pool(1) as pool:
            seconds, grown = pool.apply(read, (variant, file, arch))
        rows.append(
            Row(
                variant=variant,
                round=number,
                arch=arch,
                file_mib=round(size / 2**20, 1),
                seconds=round(seconds, 4),
                copies=round(grown / size, 3),
                device=device_name(torch.device('cpu')),
                cores=os.cpu_count() or 1,
                torch=torch.__version__,
            )
        )
    return rows


def _write(file: Path, arch: str) -> None:
    with multiprocessing.get_context('fork').Pool(1) as pool:  # leaves no memory behind
        pool.apply(_save, (file, arch))


def _save(file: Path, arch: str) -> None:
    state_dict = {f'backbone.{k}': v for k, v in ViT(arch).state_dict().items()}
    torch.save(dict(state_dict=state_dict, meta=dict(epoch=800)), file)


def show(rows: list[Row]) -> None:
    alone = [row.seconds for row in rows if row.variant == 'torch.load']
    for variant in VARIANTS:
        own = [row for row in rows if row.variant == variant]
        ratio = statistics.median(row.seconds / base for row, base in zip(own, alone, strict=True))
        seconds = statistics.median(row.seconds for row in own)
        copies = max(row.copies for row in own)
        print(f'{variant:17} {seconds:6.2f} s  {ratio:5.2f} x torch.load  {copies:.2f} copies')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time the loading of a checkpoint')
    parser.add_argument('--arch', default='large', help="of mim_secrets.ViT; default: 'large'")
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/benchmarks/checkpoint_loading.csv')
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    MMLogger.get_instance('mim_secrets', log_level='ERROR')
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(args.arch, args.rounds, Path(folder))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open('w', newline='') as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    show(rows)
    print(f'Written to {args.out}')


if __name__ == '__main__':
    main()
