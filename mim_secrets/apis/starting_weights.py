"""Where the encoder of a run starts: found in the config, checked before anything is written."""

from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import DefaultScope
from mmengine.runner import find_latest_checkpoint
from torch import nn

from mim_secrets.checkpoint.initializer import SharedCheckpoint, is_shared, newest_checkpoint
from mim_secrets.checkpoint.loading import check_encoder
from mim_secrets.checkpoint.reading import read_checkpoint, read_content
from mim_secrets.registry import MODELS

OUR_ENCODERS = 'mim_secrets.models.backbones'
SHARED = 'SharedCheckpoint'
SCRATCH = 'none'


def set_starting_weights(cfg: Config, pretrained: str | None) -> None:
    """Do what ``--pretrained`` says, and read what the run is going to read.

    Args:
        pretrained: A checkpoint, a work directory, ``'none'`` for an encoder from
            scratch, or ``None`` to leave it to the config.
    """
    encoders = dict(find_encoders(cfg.model, cfg.get('default_scope')))
    goes_on = check_resumed(cfg)
    if goes_on:
        # all weights are in it, so that what the run once began with may be gone
        for encoder in filter(starts_from_shared, encoders.values()):
            encoder['init_cfg'] = None
        if pretrained is not None:
            print_log(f'--pretrained {pretrained} is not used: the run goes on from {goes_on}.')
        return
    if pretrained is not None:
        encoder = the_only(encoders)
        source = (encoder.get('init_cfg') or {}).get('source_grid')
        shared = dict(type=SHARED, checkpoint=pretrained, source_grid=source)
        encoder['init_cfg'] = None if pretrained == SCRATCH else shared
    for encoder in filter(starts_from_shared, encoders.values()):
        check_start(encoder, cfg.get('default_scope'))


def find_encoders(
    part: object, scope: str | None, path: str = 'model'
) -> Iterator[tuple[str, dict]]:
    """Where encoders of ours, or what starts as they do, stand in a model's config."""
    if isinstance(part, dict):
        if is_encoder(part, scope):
            yield path, part
            return
        for key, inner in part.items():
            yield from find_encoders(inner, scope, f'{path}.{key}')
    elif isinstance(part, list | tuple):
        for index, inner in enumerate(part):
            yield from find_encoders(inner, scope, f'{path}.{index}')


def is_encoder(part: dict, scope: str | None) -> bool:
    kind = part.get('type')
    if isinstance(kind, str):
        written_scope, _, name = kind.rpartition('.')
        if (written_scope or scope) != MODELS.scope:
            return starts_from_shared(part)
        kind = MODELS.get(name)
    ours = isinstance(kind, type) and kind.__module__.startswith(OUR_ENCODERS)
    return (ours and issubclass(kind, nn.Module)) or starts_from_shared(part)


def starts_from_shared(encoder: dict) -> bool:
    return is_shared(encoder.get('init_cfg'))


def the_only(encoders: dict[str, dict]) -> dict:
    if len(encoders) == 1:
        return next(iter(encoders.values()))
    if not encoders:
        raise ValueError(
            '--pretrained: the model of the config has no encoder of mim_secrets, such as '
            "type='mim_secrets.ViT', that could start from a checkpoint; use load_from."
        )
    raise ValueError(
        f'--pretrained: the model of the config has {len(encoders)} encoders, '
        f'{" and ".join(encoders)}; choose one by --cfg-options '
        f'{next(iter(encoders))}.init_cfg.type={SHARED} '
        f'{next(iter(encoders))}.init_cfg.checkpoint=FILE.'
    )


def check_start(encoder: dict, scope: str | None) -> None:
    """Fail as ``SharedCheckpoint`` would, before there is a work directory."""
    shared = SharedCheckpoint(**{k: v for k, v in encoder['init_cfg'].items() if k != 'type'})
    if str(shared.checkpoint).startswith(('http://', 'https://')):
        return  # too far away to read twice
    path = newest_checkpoint(shared.checkpoint)
    tensors = read_checkpoint(path)
    with DefaultScope.overwrite_default_scope(scope):
        built = MODELS.build({**encoder, 'init_cfg': None})
    check_encoder(built, tensors, str(path), shared.source_grid)


def check_resumed(cfg: Config) -> str | None:
    """Read what mmengine will load over everything; it answers a file that is none with
    a stack. Returns the checkpoint that a resumed run goes on from."""
    path = cfg.get('load_from')
    if cfg.get('resume') and not path:
        path = find_latest_checkpoint(cfg.work_dir) if Path(cfg.work_dir).is_dir() else None
    if path and '://' not in str(path):
        read_content(path)
    return path if cfg.get('resume') else None
