"""Reading a checkpoint: weights only, and a plain word when it cannot be read.

Nothing in a file is ever run. What needs more than weights is refused here; the one
place that opens such a file is ``tools/model_converters/convert.py --trust``.
"""

import builtins
import re
import socket
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path

import numpy as np
import safetensors
import torch
from mmengine.fileio import get_local_path
from mmengine.logging import print_log

StateDict = dict[str, torch.Tensor]

# timm; Swin and ConvNeXt; detectors; DINO and its successors
AVERAGED = ('state_dict_ema', 'model_ema', 'ema', 'teacher')
WRAPPERS = (*AVERAGED, 'state_dict', 'model', 'module', 'student', 'ema_state_dict')
DEEPEST = 8  # wrappings beyond this are no checkpoint but a trap
SECONDS_OF_SILENCE = 60  # after which a server is given up


def read_checkpoint(path: str | Path) -> StateDict:
    """The tensors of a checkpoint, unwrapped, on the CPU.

    Args:
        path: A file as :func:`torch.save` or safetensors write it, whatever its
            suffix, or an ``http(s)://`` address of one.

    Tensors are read from the file when they are first used, so that a large file is
    in memory once. Until then it may be deleted or replaced, but not overwritten in
    place.
    """
    return weights_of(read_content(path), path)[0]


def weights_of(content: object, path: str | Path) -> tuple[StateDict, str]:
    """As :func:`unwrap_with_path`, but nothing to load is an error that names ``path``."""
    tensors, where = unwrap_with_path(content)
    if not tensors:
        raise ValueError(
            f'{path} holds no weights: it is no dictionary of tensors and has none under '
            f'{", ".join(WRAPPERS)}; give the checkpoint of a model.'
        )
    without_data = next((name for name, tensor in tensors.items() if tensor.is_meta), None)
    if without_data is not None:
        raise ValueError(
            f'{path} names {without_data} but holds no data for it; save the model '
            'again when its parameters are on a real device.'
        )
    if any(key in AVERAGED for key in where.split('.')):
        print_log(f'{path}: the averaged weights are used ({where}).', logger='current')
    return tensors, where


def unwrap(content: object) -> StateDict:
    """The tensors inside of what a file holds; empty when there are none.

    Wrappings are followed inwards, however they are nested. Where a file has several
    copies of a model, an averaged one comes first:

    1. ``state_dict_ema``, ``model_ema``, ``ema``, ``teacher``
    2. ``state_dict``, ``model``, ``module``, ``student``
    3. ``ema_state_dict``, which mmengine's ``EMAHook`` writes beside ``state_dict``;
       it swaps them, so that the averaged weights are those of ``state_dict``.

    A wrapping without a tensor in it is passed over, and so is everything beside the
    tensors. NumPy arrays, as in detectron2's files, count as tensors.
    """
    return unwrap_with_path(content)[0]


def unwrap_with_path(content: object) -> tuple[StateDict, str]:
    """As :func:`unwrap`, and where the tensors stood, such as ``'ema.module'``."""
    tensors, path = _find_tensors(content, (), set())
    return tensors, '.'.join(path)


def _find_tensors(
    content: object, path: tuple[str, ...], seen: set[int]
) -> tuple[StateDict, tuple[str, ...]]:
    if not isinstance(content, dict) or id(content) in seen or len(path) > DEEPEST:
        return {}, path
    seen.add(id(content))  # a dictionary may hold itself
    for key in WRAPPERS:
        tensors, inner = _find_tensors(content.get(key), (*path, key), seen)
        if tensors:
            return tensors, inner
    leaves = {name: _as_tensor(leaf) for name, leaf in content.items() if isinstance(name, str)}
    return {name: leaf for name, leaf in leaves.items() if leaf is not None}, path


def _as_tensor(leaf: object) -> torch.Tensor | None:
    if isinstance(leaf, torch.Tensor):
        return leaf.detach()
    if isinstance(leaf, np.ndarray) and leaf.dtype.kind in 'fiub':
        return torch.from_numpy(leaf)
    return None


def read_content(path: str | Path) -> object:
    """Everything in a checkpoint that can be read without running anything.

    A safetensors file gives ``dict(meta=..., state_dict=...)``, its header's strings
    and its tensors.
    """
    if not re.match('https?://', str(path)):
        return _read_file(Path(path).expanduser(), str(path))
    with _downloaded(str(path)) as file:
        return _read_file(file, str(path))


@contextmanager
def _downloaded(url: str) -> Iterator[Path]:
    print_log(f'Downloading {url}', logger='current')
    patience = socket.getdefaulttimeout()
    with ExitStack() as stack:
        socket.setdefaulttimeout(SECONDS_OF_SILENCE)
        try:
            file = stack.enter_context(get_local_path(url))
        except (OSError, HTTPException) as error:
            raise ConnectionError(
                f'{url} could not be downloaded ({error}); check the address, or '
                'download the file yourself and name it.'
            ) from error
        finally:
            socket.setdefaulttimeout(patience)
        yield Path(file)


def _read_file(path: Path, name: str) -> object:
    """``name`` is what the user calls the file."""
    if path.is_dir():
        raise IsADirectoryError(
            f'{name} is a folder; name one of the files in it that hold a checkpoint.'
        )
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no checkpoint at {name}; check the path, or look for files '
            'ending in .pth in the work directory of the run that wrote it.'
        )
    with path.open('rb') as file:
        head = file.read(64)
    # eight bytes of length, of which a header fills the lower ones, and JSON
    if head[4:8] == bytes(4) and head[8:9] == b'{':
        return _read_safetensors(path, name)
    if head.startswith((b'PK', b'\x80')):  # a zip file, a pickle
        return _read_torch(path, name)
    raise ValueError(_what_else(head, name))


def _what_else(head: bytes, name: str) -> str:
    """One sentence on a file that begins like no checkpoint."""
    if not head:
        return f'{name} is empty; copy or train it again.'
    if head.removeprefix(b'\xef\xbb\xbf').lstrip().startswith(b'<'):
        return (
            f'{name} is a web page and no checkpoint; download the file itself and not '
            'the page that shows it.'
        )
    if head.startswith(b'version https://git-lfs'):
        return (
            f'{name} is a pointer of Git LFS and no checkpoint; run `git lfs pull` in '
            'its repository.'
        )
    return f'{name} is no checkpoint at all; give a .pth or .safetensors file.'


def _read_safetensors(path: Path, name: str) -> dict:
    try:
        with safetensors.safe_open(path, 'pt') as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return dict(meta=file.metadata() or {}, state_dict=tensors)
    except safetensors.SafetensorError as error:
        raise ValueError(
            f'{name} is not a whole safetensors file ({error}); copy it again.'
        ) from error


def _read_torch(path: Path, name: str) -> object:
    try:
        if _can_be_mapped(path):
            return torch.load(path, map_location='cpu', weights_only=True, mmap=True)
        with path.open('rb') as file:  # given a path, torch goes by its suffix
            return torch.load(file, map_location='cpu', weights_only=True)
    except Exception as error:  # bytes that are no pickle make it raise anything
        raise ValueError(why_refused(name, str(error))) from error


def _can_be_mapped(path: Path) -> bool:
    """Whether tensors lie in the file as they are in memory."""
    if path.suffix == '.safetensors' or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


# What torch says when it refuses, and what that means.
REFUSALS = (
    (r'GLOBAL ([\w.]+)', 'it asks for {}'),
    (r"asks for attribute '(\w+)' of", 'it asks for builtins.getattr of {}'),
    (r"(?:but got|unrecognized function) <\w+ '?([\w.]+)", 'it asks for {}'),
    (r'``([\w.]+)`` .*must be imported to load', 'it asks for {}'),
    (r'(TorchScript) archives', 'it is a {} program'),
    (r'(Unsupported operand|Invalid magic number)', 'it is a pickle that torch did not write'),
)


def why_refused(name: str, error: str) -> str:
    """One sentence on why the file could not be read, and what to do."""
    for pattern, meaning in REFUSALS:
        refused = re.search(pattern, error)
        if refused:
            what = refused[1]
            what = f'builtins.{what}' if hasattr(builtins, what) else what
            return (
                f'{name} holds more than weights ({meaning.format(what)}), and opening '
                'that could run code; if you trust its author, use a machine that you '
                'can afford to lose and run tools/model_converters/convert.py '
                f'{name} OUT --to mim_secrets --trust.'
            )
    return f'{name} is truncated or no checkpoint of torch; copy or train it again.'
