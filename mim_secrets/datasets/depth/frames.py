"""Frames of a data set as it was downloaded: in folders, in zip archives, or in both.

Frames are brought below one root, each whole or not at all; what is there already is left.
"""

import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..playground.filling import write_atomic
from .list_files import Pair, read_pairs

_BETWEEN_SIGNS = 64  # frames; drawing a bar takes as long as linking a few


@dataclass(frozen=True)
class Frame:
    """A file, or a member of an archive."""

    place: Path
    member: str
    size: int

    def bring(self, target: Path, archives: dict[Path, zipfile.ZipFile]) -> None:
        """Link a file, or copy it where links cannot reach; unpack a member."""
        if target.is_file() and target.stat().st_size == self.size:
            return
        if self.place in archives:
            try:
                content = archives[self.place].read(self.member)
            except (zipfile.BadZipFile, OSError, EOFError) as error:
                raise ValueError(
                    f'{self.place}: {self.member} is damaged ({error}); download it again.'
                ) from error
            write_atomic(target, content)
            return
        source = self.place / self.member
        try:
            target.unlink(missing_ok=True)
            os.link(source, target)
        except OSError:
            write_atomic(target, source.read_bytes())


class Frames:
    """Finds frames by their paths.

    Args:
        places: Folders, with or without archives in them, and archives.
        parts: Folders that may stand before the paths, as 'train/' for KITTI's depth.
    """

    def __init__(self, places: Sequence[Path], parts: Sequence[str] = ()) -> None:
        self.places = [Path(place) for place in places]
        self.parts = ('', *parts)
        for place in self.places:
            if not place.exists():
                raise FileNotFoundError(f'{place} is not there; give a folder or a zip archive.')
        self._folders = [place for place in self.places if place.is_dir()]
        files = [place for place in self.places if not place.is_dir()]
        files += [path for folder in self._folders for path in sorted(folder.glob('*.zip'))]
        self._archives = {path: _opened(path) for path in files}
        self._members = {
            info.filename: Frame(path, info.filename, info.file_size)
            for path, archive in self._archives.items()
            for info in archive.infolist()
            if not info.is_dir()
        }

    def find(self, name: str) -> tuple[str, Frame] | None:
        """A frame, with its path as it lies there: one of the parts may stand before it."""
        for part in self.parts:
            path = f'{part}{name}'
            if path in self._members:
                return path, self._members[path]
            for folder in self._folders:
                if (file := folder / path).is_file():
                    return path, Frame(folder, path, file.stat().st_size)
        return None

    def bring(
        self, found: dict[str, Frame], root: Path, progress: Callable[[int, int], None]
    ) -> None:
        """Put frames below a root, by path there."""
        for folder in {(root / name).parent for name in found}:
            folder.mkdir(parents=True, exist_ok=True)
        for done, (name, frame) in enumerate(found.items()):
            if done % _BETWEEN_SIGNS == 0:
                progress(done, len(found))
            frame.bring(root / name, self._archives)
        progress(len(found), len(found))


def read_counted(path: Path, expected: int | None) -> list[Pair]:
    """The pairs of a list that has so many of them; None takes any number."""
    pairs = read_pairs(path)
    if expected is not None and len(pairs) != expected:
        raise ValueError(
            f'{path} lists {len(pairs):,} pairs with depth, and the published list has '
            f'{expected:,}; take that one, or say --any-count.'
        )
    return pairs


def find_all(frames: Frames, wanted: dict[str, Pair], owner: Callable[[str], str]) -> dict:
    """The frame of each path, or one sentence with the first that is missing.

    `owner(path)` is what has to be downloaded for it.
    """
    found = {name: frames.find(name) for name in wanted}
    missing = [name for name, frame in found.items() if frame is None]
    if missing:
        owners = sorted({owner(name) for name in missing})
        more = f' and {len(owners) - 3:,} more' if len(owners) > 3 else ''
        raise FileNotFoundError(
            f'{wanted[missing[0]].listed_at}: {missing[0]} is not in '
            f'{" or ".join(map(str, frames.places))}; {len(missing):,} of {len(found):,} frames '
            f'are missing, so get {", ".join(owners[:3])}{more}.'
        )
    return found


def write_list(path: Path, lines: list[str]) -> None:
    """A list, when all that it names is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, ''.join(f'{line}\n' for line in lines).encode())


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(f'{path} is no zip archive ({error}); download it again.') from error
