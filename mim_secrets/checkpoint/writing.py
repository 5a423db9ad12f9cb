"""Writing a checkpoint: whole or not at all, and readable as weights only."""

import json
import os
import secrets
from pathlib import Path

import safetensors
import safetensors.torch
import torch

TORCH_SUFFIXES = ('.pth', '.pt', '.bin')
PLAIN = (str, int, float, bool, type(None))


def write_checkpoint(
    path: str | Path,
    tensors: dict[str, torch.Tensor],
    meta: dict | None = None,
    key: str = 'state_dict',
) -> None:
    """Write ``tensors`` to a ``.pth`` or ``.safetensors`` file, whole or not at all.

    Args:
        path: A file in a folder that exists. What stands there stays untouched until
            the new file is complete on the disk.
        tensors: Any device, strides and sharing; they are written dense, on the CPU,
            and without what lies around a view.
        meta: Strings, numbers, and lists and dictionaries of them. A ``.pth`` file
            holds ``dict(meta=meta, state_dict=tensors)``; the header of a
            ``.safetensors`` file holds them as strings, those that are none as JSON.
        key: What stands for ``state_dict`` in a ``.pth`` file that other code is to
            read; empty for a plain dictionary of tensors, without ``meta``.
    """
    path = Path(path).expanduser()
    meta = meta or {}
    _check(path, tensors, meta)
    temporary = path.with_name(f'.{path.name}.{secrets.token_hex(4)}.tmp')
    try:
        if path.suffix == '.safetensors':
            _save_safetensors(temporary, tensors, meta)
        else:
            _save_torch(temporary, tensors, meta, key)
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        raise OSError(
            f'{path} could not be written ({reason}); make room on the disk, or name a '
            'folder in which files may be created.'
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _check(path: Path, tensors: dict[str, torch.Tensor], meta: dict) -> None:
    """Everything that can be said before a byte is written."""
    if path.suffix not in (*TORCH_SUFFIXES, '.safetensors'):
        raise ValueError(f'{path} must end in .pth or .safetensors, which says the format.')
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f'The folder {path.parent} for {path.name} does not exist; create it first.'
        )
    if path.is_dir():
        raise IsADirectoryError(f'{path} is a folder; name a file.')
    if not tensors:
        raise ValueError(f'There are no tensors to write to {path}.')
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor) or tensor.is_meta:
            raise TypeError(
                f'{name} for {path} is no tensor with data but {type(tensor).__name__}; '
                'leave it out, or put it into the meta data.'
            )
    _check_plain(meta, 'meta')


def _check_plain(value: object, where: str) -> None:
    """Other types would make a file that weights-only reading refuses."""
    if type(value) is dict:
        for key, inner in value.items():
            _check_plain(key, f'a key of {where}')
            _check_plain(inner, f'{where}[{key!r}]')
    elif type(value) in (list, tuple):
        for i, inner in enumerate(value):
            _check_plain(inner, f'{where}[{i}]')
    elif type(value) not in PLAIN:
        raise TypeError(
            f'{where} is a {type(value).__module__}.{type(value).__name__}, which a '
            'weights-only file cannot hold; make it a string or a number.'
        )


def _save_torch(path: Path, tensors: dict[str, torch.Tensor], meta: dict, key: str) -> None:
    # through a file object: a path would put its random name into the bytes
    with path.open('wb') as file:
        state_dict = {name: _dense(tensor) for name, tensor in tensors.items()}
        torch.save({'meta': meta, key: state_dict} if key else state_dict, file)


def _save_safetensors(path: Path, tensors: dict[str, torch.Tensor], meta: dict) -> None:
    header = {str(k): v if isinstance(v, str) else json.dumps(v) for k, v in meta.items()}
    state_dict, seen = {}, set()
    for name, tensor in tensors.items():
        tensor = _dense(tensor)
        if tensor.data_ptr() in seen:  # the format knows no sharing: written twice
            tensor = tensor.clone()
        seen.add(tensor.data_ptr())
        state_dict[name] = tensor
    path.touch()
    mode = path.stat().st_mode  # safetensors would make a file for the owner alone
    # other readers look for the framework under this name
    safetensors.torch.save_file(state_dict, path, {**header, 'format': 'pt'})
    path.chmod(mode)


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    """On the CPU, contiguous, and alone in its storage or filling it."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.untyped_storage().nbytes() != tensor.numel() * tensor.element_size():
        tensor = tensor.clone()
    return tensor


def _flush(path: Path) -> None:
    """Have the disk take a file, or the names in a folder, before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
