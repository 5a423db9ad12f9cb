"""Lists of depth data: `IMAGE DEPTH [FOCAL]` on each line, as for NYUv2 and Eigen's split."""

from dataclasses import dataclass
from pathlib import Path

UNMEASURED = 'None'  # in place of a depth map: Eigen's test list has 45 such lines


@dataclass(frozen=True)
class Pair:
    """One line of a list: two paths below the folders of the set, and a focal length."""

    image: str
    depth: str
    focal: float | None
    listed_at: str  # FILE:LINE, for messages

    def as_line(self) -> str:
        focal = '' if self.focal is None else f' {self.focal}'
        return f'{self.image} {self.depth}{focal}'


def read_pairs(path: str | Path) -> list[Pair]:
    """The pairs of a list, without those that have no depth map."""
    try:
        text = Path(path).read_bytes().decode('utf-8-sig')
    except FileNotFoundError:
        raise FileNotFoundError(
            f'There is no list {path}; docs/en/depth_data.md says where it comes from.'
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f'{path} is no text in UTF-8; save the list as such.') from None
    # Only \n counts lines; the \r of Windows goes with the blanks around the columns.
    lines = enumerate(text.split('\n'), start=1)
    pairs = [_pair(line, f'{path}:{number}') for number, line in lines if line.strip()]
    if not pairs:
        raise ValueError(f'{path} lists nothing; a line is `IMAGE DEPTH [FOCAL]`.')
    return [pair for pair in pairs if pair.depth != UNMEASURED]


def _pair(line: str, where: str) -> Pair:
    columns = line.split()
    if len(columns) not in (2, 3):
        raise ValueError(
            f'{where}: {line.strip()!r} has {len(columns)} column{"s"[: len(columns) > 1]}, but a '
            'line is `IMAGE DEPTH [FOCAL]`, and paths have no blanks.'
        )
    try:
        focal = float(columns[2]) if len(columns) == 3 else None
    except ValueError:
        raise ValueError(
            f'{where}: the third column is the focal length in pixels, not {columns[2]!r}.'
        ) from None
    # NYUv2's published list begins paths with a slash that does not mean the root.
    image, depth = (name.lstrip('/') for name in columns[:2])
    return Pair(image, depth, focal, where)
