"""Start an encoder from the checkpoint that pre-training wrote.

``init_cfg=dict(type='SharedCheckpoint', checkpoint=...)`` in the config of an
encoder finds that encoder inside the file, leaves decoder and fusion behind,
reports what it matched, and fails where mmengine's ``Pretrained`` stays silent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.model.weight_init import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from mim_secrets.checkpoint.loading import load_encoder
from mim_secrets.checkpoint.reading import read_checkpoint


@WEIGHT_INITIALIZERS.register_module()
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
        load_encoder(encoder, read_checkpoint(path), str(path), self.source_grid)


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


def loads_checkpoint(init_cfg: dict | list | None) -> bool:
    """Whether an ``init_cfg`` fills a module from a file."""
    return isinstance(init_cfg, dict) and init_cfg['type'] in (
        'Pretrained',
        'SharedCheckpoint',
        SharedCheckpoint,
    )
