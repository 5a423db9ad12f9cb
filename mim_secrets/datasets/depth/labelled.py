"""NYUv2's labelled part, `nyu_depth_v2_labeled.mat`: 1,449 frames, of which 654 are for tests."""

from pathlib import Path
from typing import Protocol

import numpy as np
from scipy import io

_VERSION_7_3 = b'MATLAB 7.3'  # such files are HDF5, which SciPy does not read
_FIELDS = ('images', 'rawDepths', 'sceneTypes')


class Labelled(Protocol):
    """The frames, numbered from 0."""

    def image(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8, RGB."""

    def depth(self, index: int) -> np.ndarray:
        """(H, W) metres as measured, 0 where nothing was, not filled in."""

    def room(self, index: int) -> str:
        """Kind of room."""


def open_labelled(path: Path) -> Labelled:
    """The file as NYU publishes it, or saved again in MATLAB's version 7 or earlier."""
    with path.open('rb') as file:
        is_hdf5 = file.read(len(_VERSION_7_3)) == _VERSION_7_3
    return _Hdf5File(path) if is_hdf5 else _MatFile(path)


def frames_to_test(path: Path) -> list[int]:
    """The test split of `splits.mat`, numbered from 0."""
    return [int(number) - 1 for number in _read_mat(path, 'testNdxs')['testNdxs'].ravel()]


def _read_mat(path: Path, *names: str) -> dict[str, np.ndarray]:
    try:
        content = io.loadmat(path, variable_names=names)
    except (ValueError, NotImplementedError, TypeError) as error:
        raise ValueError(f'{path} cannot be read ({error}); download it again.') from error
    absent = [name for name in names if name not in content]
    if absent:
        raise ValueError(
            f'{path} has no {" and no ".join(absent)}; give nyu_depth_v2_labeled.mat as the '
            'labelled part and splits.mat as the splits.'
        )
    return content


class _MatFile:
    def __init__(self, path: Path) -> None:
        self._content = _read_mat(path, *_FIELDS)

    def image(self, index: int) -> np.ndarray:
        return self._content['images'][..., index]

    def depth(self, index: int) -> np.ndarray:
        return self._content['rawDepths'][..., index]

    def room(self, index: int) -> str:
        return str(self._content['sceneTypes'].ravel()[index].item())


class _Hdf5File:
    """MATLAB stores columns first, so axes come in reverse; strings are behind references."""

    def __init__(self, path: Path) -> None:
        try:
            import h5py
        except ImportError as error:
            raise ImportError(
                f'{path} is read with h5py; run pip install "mim_secrets[depth]".'
            ) from error
        self._file = h5py.File(path, 'r')

    def image(self, index: int) -> np.ndarray:
        return self._file['images'][index].transpose(2, 1, 0)

    def depth(self, index: int) -> np.ndarray:
        return self._file['rawDepths'][index].T

    def room(self, index: int) -> str:
        reference = self._file['sceneTypes'][0, index]
        return ''.join(chr(letter) for letter in self._file[reference][()].ravel())
