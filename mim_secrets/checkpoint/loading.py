"""Load an encoder from the tensors of any file, and tell what became of them."""

import difflib
import re
from collections import Counter

from mmengine.logging import print_log
from torch import nn

from mim_secrets.checkpoint import layouts
from mim_secrets.checkpoint.fitting import ADDITIONS, Fitted, check_windows, fit
from mim_secrets.checkpoint.reading import StateDict
from mim_secrets.checkpoint.resizing import Grid

ENOUGH = 0.99
OURS = 'backbone.'


def load_encoder(
    encoder: nn.Module, tensors: StateDict, source: str, source_grid: Grid | None = None
) -> str:
    """Load, report, and refuse to go on with less than 99 % of the parameters.

    What pre-training never had, such as the norm after pooling, keeps its initial
    value, is listed, and does not count.

    Args:
        encoder: Ours or mmpretrain's.
        tensors: A whole file, unwrapped.
        source: What the file is called in messages.
        source_grid: Grid of the file's position embedding, where it is no square.

    Returns:
        The table that was also logged.
    """
    found, converted, fitted = _fitted(encoder, tensors, source, source_grid)
    missing = encoder.load_state_dict(fitted.tensors, strict=False).missing_keys
    dropped = {**converted.dropped, **fitted.dropped}
    beside = [name for name in converted.tensors if not name.startswith(OURS)]
    dropped |= dict.fromkeys(beside, 'decoder, fusion and head stay behind')
    table = _table(encoder, fitted, dropped, missing, f'{source}, {found.why}')
    print_log(table, logger='current')
    return table


def check_encoder(
    encoder: nn.Module, tensors: StateDict, source: str, source_grid: Grid | None = None
) -> None:
    """Raise what :func:`load_encoder` would raise, and load nothing."""
    _fitted(encoder, tensors, source, source_grid)


def _fitted(
    encoder: nn.Module, tensors: StateDict, source: str, source_grid: Grid | None
) -> tuple['layouts.Found', 'layouts.Converted', Fitted]:
    """What was recognised, under our names, and as much of it as ``encoder`` loads."""
    try:
        found = layouts.recognise(tensors)
        _check_family(found, encoder)
        converted = layouts.to_ours(tensors, found)
        ours = {
            name.removeprefix(OURS): tensor
            for name, tensor in converted.tensors.items()
            if name.startswith(OURS)
        }
        check_windows(ours, encoder)
        fitted = fit(ours, encoder, source_grid)
        _check_coverage(fitted, encoder, found)
    except ValueError as error:
        raise ValueError(f'{source}: {str(error).rstrip(".")}.') from error
    return found, converted, fitted


def _check_family(found: 'layouts.Found', encoder: nn.Module) -> None:
    wanted = layouts.recognise(encoder.state_dict()).layout.family
    if found.layout.family != wanted:
        raise ValueError(
            f'the file holds a {found.layout.family} encoder ({found.why}), but '
            f'{type(encoder).__name__} is a {wanted}; build the encoder that the file holds'
        )


def _check_coverage(fitted: Fitted, encoder: nn.Module, found: 'layouts.Found') -> None:
    counted = {n: p.numel() for n, p in encoder.named_parameters() if not ADDITIONS.match(n)}
    missing = [name for name in counted if name not in fitted.tensors]
    share = 1 - sum(counted[name] for name in missing) / sum(counted.values())
    if share >= ENOUGH:
        return
    unused = [name for name in fitted.dropped if name not in counted]
    nearest = difflib.get_close_matches(missing[0], unused, n=2, cutoff=0.3) or unused[:2]
    raise ValueError(
        f'it was read as {found.layout.name} ({found.why}) and gives {share:.1%} of the '
        f'parameters of {type(encoder).__name__}, of which {ENOUGH:.0%} are needed; '
        f'{_join(missing, 3)} missing, the nearest unused keys are '
        f'{", ".join(nearest) or "none"}; give a checkpoint of the same architecture, or '
        'build the one that the file holds'
    )


def _table(
    encoder: nn.Module,
    fitted: Fitted,
    dropped: dict[str, str],
    missing: list[str],
    title: str,
) -> str:
    """Four lines: matched, resized, dropped, left at init."""
    parameters = dict(encoder.named_parameters())
    matched = sum(parameters[name].numel() for name in fitted.tensors if name in parameters)
    total = sum(parameter.numel() for parameter in parameters.values())
    resized = Counter(f'{_family(n)} {change}' for n, change in fitted.resized.items())
    reasons = Counter(dropped.values())
    left = Counter(_family(name) for name in missing if name in parameters)
    rows = dict(
        matched=f'{len(fitted.tensors)} tensors, {matched / 1e6:.2f} M of {total / 1e6:.2f} M '
        f'parameters',
        resized=_counted(resized),
        dropped=_counted(reasons),
    )
    rows['at init'] = _counted(left)
    lines = [f'  {name:<8} {text}' for name, text in rows.items()]
    return '\n'.join([f'SharedCheckpoint: {title}', *lines])


def _family(name: str) -> str:
    """``layers.3.attn.x`` and its like in other blocks under one name."""
    return re.sub(r'\.\d+\.', '.*.', name)


def _counted(counts: Counter) -> str:
    return '; '.join(f'{text} ({n})' for text, n in counts.items()) or 'nothing'


def _join(names: list[str], shown: int) -> str:
    listed = ', '.join(names[:shown])
    more = f' and {len(names) - shown} more' if len(names) > shown else ''
    return f'{listed}{more} {"are" if len(names) > 1 else "is"}'
