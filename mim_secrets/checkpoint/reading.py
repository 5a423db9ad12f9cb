"""Reading a checkpoint: weights only, and a plain word when it cannot be read."""

from pathlib import Path

import safetensors
import safetensors.torch
import torch

StateDict = dict[str, torch.Tensor]

WRAPPERS = ('state_dict', 'model', 'module')


def read_checkpoint(path: str | Path) -> StateDict:
    """The tensors of a ``.pth`` or ``.safetensors`` file, unwrapped, on the CPU.

    Nothing in the file is executed: pickles are read with ``weights_only=True``.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no checkpoint at {path}; check the path, or look for files '
            'ending in .pth in the work directory of the run that wrote it.'
        )
    content = _read_safetensors(path) if path.suffix == '.safetensors' else _read(path)
    state_dict = _unwrap(content)
    if not state_dict:
        raise ValueError(
            f'{path} holds no weights under any of {WRAPPERS} and is not a plain '
            'dictionary of tensors; give the checkpoint of a model.'
        )
    return state_dict


def _read(path: Path) -> object:
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # bytes that are no pickle make it raise anything
        raise ValueError(_explain(path, error)) from error


def _read_safetensors(path: Path) -> StateDict:
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError(
            f'{path} is not a whole safetensors file ({error}); copy it again.'
        ) from error


def _explain(path: Path, error: Exception) -> str:
    """One sentence on why ``path`` could not be read, and what to do."""
    head = path.read_bytes()[:64].lstrip()
    if not head:
        return f'{path} is empty; copy or train it again.'
    if head.startswith(b'<'):
        return (
            f'{path} is a web page and no checkpoint; download the file itself and '
            'not the page that shows it.'
        )
    if 'Unsupported global' in str(error) or 'GLOBAL' in str(error):
        what = str(error).split('GLOBAL ')[-1].split(' ')[0]
        return (
            f'{path} holds more than weights (it asks for {what}), and opening that '
            'could run code; ask its author for a file of plain tensors.'
        )
    return f'{path} is truncated or no checkpoint at all; copy or train it again.'


def _unwrap(content: object) -> StateDict:
    """Follow ``state_dict``, ``model`` and ``module`` down to the tensors."""
    while isinstance(content, dict):
        inner = next((content[key] for key in WRAPPERS if key in content), None)
        if not isinstance(inner, dict):
            return {k: v for k, v in content.items() if isinstance(v, torch.Tensor)}
        content = inner
    return {}
