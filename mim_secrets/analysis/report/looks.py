"""What tells models apart in every figure: a colour, a marker and their name.

The colours are those of Okabe and Ito. Pages take them from CSS variables, which have a
shade for light and one for dark; files have the light one.
"""

from dataclasses import dataclass

from matplotlib.markers import MarkerStyle

from mim_secrets.visualization.report.svg import GRID, INK, LEVEL_COLOURS, VARIABLES

LIGHT = ('#0072b2', '#d55e00', '#009e73', '#b0578d', '#b57a00', '#2f9bd8', '#24292e', '#8f8500')
DARK = ('#4c97d6', '#e8743b', '#2fb58c', '#d99cc0', '#f0b030', '#9ad4f5', '#dfe3e6', '#f0e442')
LIGHT_LEVELS = ('#e69f00', '#56b4e9', '#009e73', '#cc79a7', '#0072b2', '#d55e00')
MARKERS = ('o', 's', 'D', '^', 'v', 'P', 'X', '*')
STAND_INS = tuple(f'#0303{index:02d}' for index in range(len(LIGHT)))
PAGE_VARIABLES = VARIABLES | {c: f'var(--model-{i})' for i, c in enumerate(STAND_INS)}


@dataclass(frozen=True)
class Look:
    colour: str
    marker: str


@dataclass(frozen=True)
class Palette:
    """Colours to draw with.

    Attributes:
        ink: Of text.
        grid: Of lines behind the data.
        models: Name of a model -> how it looks.
        levels: Colours of levels, in a circle.
    """

    ink: str
    grid: str
    models: dict[str, Look]
    levels: tuple[str, ...]


def page_palette(names: list[str]) -> Palette:
    """Stand-ins, which ``inline_svg`` turns into ``PAGE_VARIABLES``."""
    return Palette(INK, GRID, _looks(names, STAND_INS), tuple(LEVEL_COLOURS))


def file_palette(names: list[str]) -> Palette:
    """Of a picture by itself, on white."""
    return Palette('#24292e', '#d9dde0', _looks(names, LIGHT), LIGHT_LEVELS)


def marker_key(number: int) -> str:
    """The mark of a model, numbered as in the palette, as an element before its name."""
    marker = MarkerStyle(_marker(number))
    outline = marker.get_path().transformed(marker.get_transform()).to_polygons()[0]
    points = ' '.join(f'{x:.2f},{-y:.2f}' for x, y in outline)
    return (
        f'<svg class="key" viewBox="-.6 -.6 1.2 1.2" aria-hidden="true">'
        f'<polygon points="{points}" fill="var(--model-{number % len(LIGHT)})"/></svg>'
    )


def css_variables() -> str:
    """The colours of the models for a light and for a dark background."""
    light, dark = (
        ' '.join(f'--model-{index}: {colour};' for index, colour in enumerate(colours))
        for colours in (LIGHT, DARK)
    )
    return (
        f':root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n'
        f'@media print {{ :root {{ {light} }} }}\n'
    )


def _looks(names: list[str], colours: tuple[str, ...]) -> dict[str, Look]:
    return {name: Look(colours[i % len(colours)], _marker(i)) for i, name in enumerate(names)}


def _marker(number: int) -> str:
    """Beyond eight models colours come again, with other markers."""
    return MARKERS[(number + number // len(LIGHT)) % len(MARKERS)]
