"""Where images come from: folders, lists, and whatever mmengine has a file backend for."""

import os

from mmengine import fileio

from .decoding import BadImageError

SUFFIXES = (
    '.jpg', '.jpeg', '.png', '.webp', '.gif', '.bmp', '.tif', '.tiff', '.ppm', '.pgm', '.jp2',
    '.avif',
)  # fmt: skip


def list_folder(root: str, backend_args: dict | None = None) -> list[str]:
    """Paths below ``root`` of everything that is named like an image, sorted."""
    backend = fileio.get_file_backend(root, backend_args=backend_args)
    if not hasattr(backend, 'list_dir_or_file'):
        raise ValueError(
            f'{type(backend).__name__} cannot list what is in {root}; '
            'give a list of the images with ann_file.'
        )
    names = backend.list_dir_or_file(root, list_dir=False, recursive=True)
    return sorted(name for name in names if name.lower().endswith(SUFFIXES))


def read_list(path: str, backend_args: dict | None = None) -> list[tuple[str, int | None]]:
    """The paths in a text file, one to a line, each with the class that may follow it."""
    if os.path.isfile(path):
        backend_args = None  # a list may lie beside a database
    text = fileio.get_text(path, backend_args=backend_args)
    return [_path_and_class(line.strip()) for line in text.splitlines() if line.strip()]


def _path_and_class(line: str) -> tuple[str, int | None]:
    # a path may hold spaces: a number behind one is a class only if a file stands before
    path, _, number = line.rpartition(' ')
    if number.isdecimal() and path.lower().endswith(SUFFIXES):
        return path.rstrip(), int(number)
    return line, None


def full_path(root: str, name: str) -> str:
    """``name`` below ``root``, unless it is an address or a path of its own."""
    if not root or '://' in name or os.path.isabs(name):
        return name
    return f'{root.rstrip("/")}/{name}'


def read_bytes(path: str, backend_args: dict | None = None) -> bytes:
    """A file's content; BadImageError where there is none to be had."""
    try:
        if backend_args is None and '://' not in path:
            # choosing a backend would take as long as reading
            with open(path, 'rb', buffering=0) as file:
                return file.read()
        data = fileio.get(path, backend_args=backend_args)
    # each backend has exceptions of its own
    except Exception as error:
        reason = getattr(error, 'strerror', None) or error
        raise BadImageError(f'it cannot be read ({type(error).__name__}: {reason})') from None
    if data is None:
        raise BadImageError('the database has no such key')
    return bytes(data)
