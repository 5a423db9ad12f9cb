"""Start an encoder from the checkpoint that pre-training wrote.

``init_cfg=dict(type='SharedCheckpoint', checkpoint=...)`` in the config of an
encoder finds that encoder inside the file, leaves decoder and fusion behind,
reports what it matched, and fails where mmengine's ``Pretrained`` stays silent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.logging import print_log
from mmengine.model.weight_init import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from mim_secrets.checkpoint.layouts import from_mmpretrain
from mim_secrets.checkpoint.reading import StateDict, read_checkpoint

# Where encoders are kept inside the models that people save, likeliest first.
PREFIXES = ('backbone.', 'encoder.', 'model.backbone.', '')
ENOUGH = 0.99


@WEIGHT_INITIALIZERS.register_module()
class SharedCheckpoint:
    """Initialise an encoder from any file that holds one.

    Args:
        checkpoint: A ``.pth`` or ``.safetensors`` file, or a work directory,
            which stands for the newest checkpoint inside.
    """

    def __init__(self, checkpoint: str) -> None:
        if not checkpoint:
            raise ValueError(
                'SharedCheckpoint: no checkpoint is named; pass --cfg-options '
                'model.backbone.init_cfg.checkpoint=FILE to start from one, or '
                'model.backbone.init_cfg=None to start from scratch.'
            )
        self.checkpoint = checkpoint

    def __call__(self, encoder: nn.Module) -> None:
        path = newest_checkpoint(self.checkpoint)
        state_dict, prefix = find_encoder(read_checkpoint(path), encoder)
        load_encoder(encoder, state_dict, f'{path} (keys {prefix or "without prefix"})')


@contextmanager
def checkpoint_last(encoder: nn.Module) -> Iterator[None]:
    """Initialise ``encoder`` in the body, then load what its ``init_cfg`` names.

    mmengine initialises the children of a module after its ``init_cfg`` has been
    followed, so that blocks would overwrite what ``SharedCheckpoint`` has loaded.
    """
    init_cfg = encoder.init_cfg
    shared = isinstance(init_cfg, dict) and init_cfg['type'] != 'Pretrained'
    if not shared or not loads_checkpoint(init_cfg):
        yield
        return
    encoder.init_cfg = None
    try:
        yield
    finally:
        encoder.init_cfg = init_cfg
    WEIGHT_INITIALIZERS.build(init_cfg)(encoder)
    if hasattr(encoder, '_params_init_info'):
        update_init_info(encoder, f'SharedCheckpointInit: {init_cfg["checkpoint"]}')


def newest_checkpoint(path: str | Path) -> Path:
    """``path`` itself, or for a work directory the checkpoint written last."""
    path = Path(path)
    if not path.is_dir():
        return path
    pointer = path / 'last_checkpoint'
    if pointer.is_file() and Path(pointer.read_text().strip()).is_file():
        return Path(pointer.read_text().strip())
    files = sorted(path.glob('*.pth'), key=lambda file: file.stat().st_mtime)
    if not files:
        raise FileNotFoundError(
            f'There is no .pth file in {path}; name a checkpoint, or the work '
            'directory of a run that has finished an epoch.'
        )
    return files[-1]


def find_encoder(state_dict: StateDict, encoder: nn.Module) -> tuple[StateDict, str]:
    """The part of ``state_dict`` that is an encoder, and the prefix it stood under."""
    state_dict = from_mmpretrain(state_dict)
    wanted = set(encoder.state_dict())

    def under(prefix: str) -> StateDict:
        length = len(prefix)
        return {k[length:]: v for k, v in state_dict.items() if k.startswith(prefix)}

    prefix = max(PREFIXES, key=lambda prefix: len(wanted & set(under(prefix))))
    return under(prefix), prefix


def load_encoder(encoder: nn.Module, state_dict: StateDict, source: str) -> None:
    """Load, report, and refuse to go on with less than 99 % of the parameters.

    What pre-training never had, such as the norm after pooling, keeps its initial
    value and is listed.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in state_dict.items()}
    expected = encoder.state_dict()
    try:
        result = encoder.load_state_dict(state_dict, strict=False)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'{source} does not fit {type(encoder).__name__}: {_first_mismatch(error)}; '
            'build the encoder with the architecture and patch size it was '
            'pre-trained with.'
        ) from error
    matched = [name for name in expected if name in shapes]
    count = sum(expected[name].numel() for name in matched)
    total = sum(tensor.numel() for tensor in expected.values())
    if count < ENOUGH * total:
        raise ValueError(
            f'{source} holds {count / total:.1%} of the parameters of '
            f'{type(encoder).__name__}, at least {ENOUGH:.0%} are needed: '
            f'{result.missing_keys[:3]} are missing, the file has '
            f'{result.unexpected_keys[:3] or list(shapes)[:3]}; give a checkpoint of '
            'the same architecture.'
        )
    resized = [n for n in matched if shapes[n] != tuple(expected[n].shape)]
    print_log(
        f'Encoder from {source}: {len(matched)} tensors matched '
        f'({count / 1e6:.1f} M parameters); '
        f'resized: {_join(resized)}; left at init: {_join(result.missing_keys)}; '
        f'not used: {_join(result.unexpected_keys)}',
        logger='current',
    )


def _join(names: list[str]) -> str:
    shown = ', '.join(names[:4])
    return (shown + f' and {len(names) - 4} more' * (len(names) > 4)) or 'none'


def _first_mismatch(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[1] if len(lines) > 1 else lines[0]).rstrip('.')


def loads_checkpoint(init_cfg: dict | list | None) -> bool:
    """Whether an ``init_cfg`` fills a module from a file."""
    return isinstance(init_cfg, dict) and init_cfg['type'] in (
        'Pretrained',
        'SharedCheckpoint',
        SharedCheckpoint,
    )
