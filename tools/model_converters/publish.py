"""Publish a checkpoint: its weights alone, in two formats, with what is known of them.

    python tools/model_converters/publish.py work_dirs/mff zoo/mff_vit-base
    python tools/model_converters/publish.py work_dirs/mff/epoch_300.pth --out-dir zoo
    python tools/model_converters/publish.py epoch_300.pth zoo/mff --encoder-only

Writes NAME-SHA8.pth, which loads with weights_only=True, NAME-SHA8.safetensors with the
same tensors, and NAME-SHA8.json with config, metrics and the sha256 of both files. SHA8
begins the sha256 of the .pth file. Optimizer, schedules, logs and random states stay
behind; of several copies of the weights the averaged one is kept. All three files
appear once both have been read again and compared, or none does.
"""

import argparse
import hashlib
import json
import os
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import mmengine
import torch
from mmengine.config import Config

import mim_secrets
from mim_secrets.apis.cli import run_cli
from mim_secrets.checkpoint.initializer import newest_checkpoint
from mim_secrets.checkpoint.layouts import recognise, to_ours
from mim_secrets.checkpoint.reading import StateDict, read_checkpoint, read_content, weights_of
from mim_secrets.checkpoint.writing import write_checkpoint

ENCODER = 'backbone.'
# What mmengine says of a run that a reader of the weights may want.
KEPT = ('epoch', 'iter', 'seed', 'experiment_name', 'dataset_meta')
NOT_METRICS = ('step', 'time', 'data_time')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkpoint', help='checkpoint file, or the work directory of a run')
    parser.add_argument('out', nargs='?', type=Path, help='FOLDER/NAME of what is written')
    parser.add_argument(
        '--out-dir', type=Path, help='folder; the name is that of the run, or of the file'
    )
    parser.add_argument(
        '--encoder-only',
        action='store_true',
        help='keep the encoder alone, without the prefix under which a model keeps it',
    )
    parser.add_argument(
        '--config', help='config of the run, where the checkpoint does not hold its own'
    )
    parser.add_argument(
        '--metrics', type=Path, help='JSON file, instead of the validation of that epoch'
    )
    parser.add_argument('--debug', action='store_true', help='show the stack of frames of an error')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if (args.out is None) == (args.out_dir is None):
        raise ValueError('Say where to write: either FOLDER/NAME or --out-dir FOLDER.')
    source = newest_checkpoint(args.checkpoint)
    content = read_content(source)
    tensors, where = weights_of(content, source)
    dropped = other_parts(content, where)
    if args.encoder_only:
        tensors, beside = split_encoder(tensors)
        dropped += beside
    meta = describe(content, Path(source), args.config, args.metrics)
    out = args.out or args.out_dir / meta.get('experiment_name', Path(source).stem)
    facts = dict(
        source=Path(source).name,
        weights=where,
        dropped=dropped,
        tensors=len(tensors),
        parameters=sum(t.numel() for t in tensors.values() if t.is_floating_point()),
    )
    files = publish(out, tensors, meta, facts)
    print_table(source, files, meta, facts)


def other_parts(content: object, where: str) -> list[str]:
    """What lies beside the weights at the outermost level of a checkpoint."""
    if not where:
        leaves = content.items() if isinstance(content, dict) else ()
        return [str(name) for name, leaf in leaves if not isinstance(leaf, torch.Tensor)]
    return [str(key) for key in content if key not in ('meta', where.split('.')[0])]


def split_encoder(tensors: StateDict) -> tuple[StateDict, list[str]]:
    """The encoder's tensors under our names, and a word on each family of others."""
    converted = to_ours(tensors, recognise(tensors))
    encoder, families = {}, Counter(name.split('.')[0] for name in converted.dropped)
    for name, tensor in converted.tensors.items():
        if name.startswith(ENCODER):
            encoder[name.removeprefix(ENCODER)] = tensor
        else:
            families[name.split('.')[0]] += 1
    return encoder, [f'{family}.* ({count} tensors)' for family, count in families.items()]


def describe(
    content: object, source: Path, config: str | None, metrics_file: Path | None
) -> dict[str, object]:
    """What both weight files say of themselves: plain values, mmengine's names."""
    told = content.get('meta') if isinstance(content, dict) else None
    told = told if isinstance(told, dict) else {}
    meta = {key: told[key] for key in KEPT if key in told and is_plain(told[key])}
    if isinstance(told.get('cfg'), str) and told['cfg'].strip():
        meta['cfg'] = told['cfg']
    elif config is not None:
        meta['cfg'] = Config.fromfile(config).pretty_text
    if metrics_file is not None:
        meta['metrics'] = read_metrics(metrics_file)
    else:
        logged = logged_metrics(source.parent, meta.get('iter'), meta.get('epoch'))
        meta['metrics'] = logged or told.get('metrics', {})
    meta['versions'] = dict(
        torch=str(torch.__version__),
        mmengine=mmengine.__version__,
        mim_secrets=mim_secrets.__version__,
    )
    return meta


def is_plain(value: object) -> bool:
    """Whether JSON gives back the very same."""
    try:
        return json.loads(json.dumps(value)) == value
    except (TypeError, ValueError):
        return False


def read_metrics(file: Path) -> dict[str, object]:
    try:
        metrics = json.loads(file.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f'{file} is not JSON ({error}); write {{"accuracy": 83.0}}.') from error
    if not isinstance(metrics, dict):
        raise ValueError(f'{file} holds no names with values; write {{"accuracy": 83.0}}.')
    return metrics


def logged_metrics(work_dir: Path, *steps: int | None) -> dict[str, float]:
    """What the run logged of the very weights that the checkpoint holds.

    mmengine counts validations in iterations or in epochs, so the first of ``steps``
    at which there was one counts. Later lines are those of a run that was resumed.
    """
    validations = []
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in log.read_text().splitlines():
            with suppress(json.JSONDecodeError):  # a run that was killed while writing
                scalars = json.loads(line)
                if 'lr' not in scalars and 'loss' not in scalars:
                    validations.append(scalars)
    for step in steps:
        found = {}
        for scalars in validations:
            if step is not None and scalars.get('step') == step:
                found |= {name: v for name, v in scalars.items() if name not in NOT_METRICS}
        if found:
            return found
    return {}


def publish(out: Path, tensors: StateDict, meta: dict, facts: dict) -> list[Path]:
    """Write the three files aside, compare, and only then put them in their places."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.publish-', dir=out.parent) as aside:
        weights = [Path(aside, f'weights{suffix}') for suffix in ('.pth', '.safetensors')]
        for file in weights:
            write_checkpoint(file, tensors, meta)
            check_same(file, tensors)
        hashes = [sha256(file) for file in weights]
        stem = f'{out.name}-{hashes[0][:8]}'
        written = [
            dict(file=stem + file.suffix, bytes=file.stat().st_size, sha256=digest)
            for file, digest in zip(weights, hashes, strict=True)
        ]
        description = Path(aside, 'description.json')
        description.write_text(json.dumps({**facts, 'files': written, **meta}, indent=2) + '\n')
        files = (*weights, description)
        places = [out.parent / (stem + file.suffix) for file in files]
        new = [place for place in places if not place.exists()]
        try:
            for file, place in zip(files, places, strict=True):
                os.replace(file, place)
        except BaseException:
            for place in new:
                place.unlink(missing_ok=True)
            raise
    return places


def check_same(file: Path, expected: StateDict) -> None:
    """Read ``file`` as anybody would, and compare every bit."""
    actual = read_checkpoint(file)
    for name in expected.keys() | actual.keys():
        if name not in actual or name not in expected or differ(actual[name], expected[name]):
            raise RuntimeError(f'{name} does not come back from {file.name} as it was written.')


def differ(one: torch.Tensor, other: torch.Tensor) -> bool:
    """In type, shape, or any bit: NaN is equal to itself."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return True
    raw = [tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other)]
    return not torch.equal(*raw)


def sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open('rb') as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def print_table(source: str | Path, files: list[Path], meta: dict, facts: dict) -> None:
    """From what, without what, to what."""
    rows = [('from', str(source), size(Path(source)))]
    rows += [('without', name, '') for name in facts['dropped']]
    rows += [('to', str(file), size(file)) for file in files]
    rows.append(('weights', facts['weights'] or 'the whole file', f'{facts["tensors"]} tensors'))
    for name, value in meta['metrics'].items():
        rows.append(('metric', name, f'{value:.6g}' if isinstance(value, float) else str(value)))
    if 'cfg' not in meta:
        rows.append(('config', 'none is known; name it with --config FILE', ''))
    if not meta['metrics']:
        rows.append(('metrics', 'none are known; name them with --metrics FILE', ''))
    width = max(len(row[1]) for row in rows)
    for title, what, number in rows:
        print(f'{title:<8} {what:<{width}}  {number}'.rstrip())


def size(file: Path) -> str:
    return f'{file.stat().st_size / 1e6:.2f} MB' if file.is_file() else ''


if __name__ == '__main__':
    run_cli(main)
