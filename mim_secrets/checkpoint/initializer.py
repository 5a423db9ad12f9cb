"""Start an encoder from the checkpoint that pre-training wrote.

``init_cfg=dict(type='SharedCheckpoint', checkpoint=...)`` in the config of an
encoder finds that encoder inside the file, leaves decoder and fusion behind,
reports what it matched, and fails where mmengine's ``Pretrained`` stays silent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.model import BaseModule
from mmengine.model.weight_init import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from mim_secrets.checkpoint.loading import load_encoder
from mim_secrets.checkpoint.reading import read_checkpoint
from mim_secrets.registry import WEIGHT_INITIALIZERS as OURS


@OURS.register_module()  # where our scope is named ...
@WEIGHT_INITIALIZERS.register_module()  # ... and where none is, in configs of any library
class SharedCheckpoint:
    """Initialise an encoder from any file that holds one.

    Args:
        checkpoint: A ``.pth`` or ``.safetensors`` file, its ``http(s)://`` address,
            or a work directory, which stands for the newest checkpoint inside.
        source_grid: Rows and columns of the grid of patches that the file was
            trained at, needed only where that was no square.
    """

    def __init__(self, checkpoint: str, source_grid: tuple[int, int] | None = None) -> None:
        if not checkpoint:
            raise ValueError(
                'SharedCheckpoint: no checkpoint is named; pass --pretrained FILE to '
                'tools/train.py, or --cfg-options model.backbone.init_cfg.checkpoint=FILE, '
                'to start from one, or --pretrained none to start from scratch.'
            )
        self.checkpoint = checkpoint
        self.source_grid = tuple(source_grid) if source_grid else None

    def __call__(self, encoder: nn.Module) -> None:
        path = newest_checkpoint(self.checkpoint)
        tensors = read_checkpoint(path)
        begun = isinstance(encoder, BaseModule) and not encoder.is_init
        if begun:
            _initialise_children(encoder)
        load_encoder(encoder, tensors, str(path), self.source_grid)
        if begun:
            # mmengine came here first, from an encoder that is not ours and goes on after
            # this; at this word mmpretrain's leave their positions alone
            encoder.init_cfg = dict(type='Pretrained', checkpoint=str(path))
        if hasattr(encoder, '_params_init_info'):
            update_init_info(encoder, f'SharedCheckpointInit: {self.checkpoint}')


def _initialise_children(encoder: BaseModule) -> None:
    """Do before loading what mmengine would do behind it: draw the weights of all blocks."""
    for child in encoder.children():
        if isinstance(child, BaseModule) and not child.is_init:
            child.init_weights()


@contextmanager
def checkpoint_last(encoder: BaseModule) -> Iterator[None]:
    """Initialise ``encoder`` in the body as if from scratch, then load what its ``init_cfg``
    names: what is drawn after the encoder, a head, comes out alike with and without a file."""
    init_cfg = encoder.init_cfg
    entries = init_cfg if isinstance(init_cfg, list | tuple) else [init_cfg]
    shared = [entry for entry in entries if is_shared(entry)]
    if not shared:
        yield
        return
    encoder.init_cfg = [entry for entry in entries if not is_shared(entry)] or None
    try:
        yield
    finally:
        encoder.init_cfg = init_cfg
    for entry in shared:
        WEIGHT_INITIALIZERS.build(entry)(encoder)


def newest_checkpoint(path: str | Path) -> str | Path:
    """``path`` itself, or for a work directory the checkpoint written last."""
    if str(path).startswith(('http://', 'https://')):
        return path
    path = Path(path).expanduser()
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


def is_shared(init_cfg: object) -> bool:
    """Whether this is ``SharedCheckpoint``'s entry, under whatever scope it is named."""
    kind = init_cfg.get('type') if isinstance(init_cfg, dict) else None
    return kind is SharedCheckpoint or str(kind).rpartition('.')[2] == SharedCheckpoint.__name__


def loads_checkpoint(init_cfg: dict | list | None) -> bool:
    """Whether an ``init_cfg`` fills a module from a file."""
    entries = init_cfg if isinstance(init_cfg, list | tuple) else [init_cfg or {}]
    return any(is_shared(entry) or entry.get('type') == 'Pretrained' for entry in entries)
