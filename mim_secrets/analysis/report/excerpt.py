"""A section for another report: two measures, and where the rest is."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from mim_secrets.analysis.report.drawing import as_html
from mim_secrets.analysis.report.looks import css_variables
from mim_secrets.analysis.report.measure_claims import CLAIMS
from mim_secrets.analysis.report.sections import SECTIONS
from mim_secrets.analysis.report.style import PANELS
from mim_secrets.analysis.results import Results
from mim_secrets.visualization.report import Excerpt

SHOWN = ('distance', 'kl')


def excerpt(analyses: Sequence[Path], root: Path) -> Excerpt:
    """How far and how differently heads look, from the first of several analyses.

    Args:
        analyses: Folders that ``tools/analyze.py`` wrote.
        root: Folder of the page that gets the section.
    """
    results = Results.read(analyses[0] / 'tables')
    names = list(results.subjects)
    sections = [section for section in SECTIONS if section.key in SHOWN]
    sentences = [text for section in sections for text in CLAIMS[section.key](results).sentences]
    figures = [as_html(picture, names) for s in sections for picture in s.figures(results)]
    links = [f'{folder.relative_to(root).as_posix()}/report.html' for folder in analyses]
    listed = ', '.join(f'<a href="{escape(link)}">{escape(link)}</a>' for link in links)
    items = ''.join(f'<li>{escape(text)}</li>\n' for text in sentences)
    return Excerpt(
        html=(
            '<h2>How their heads attend</h2>\n'
            f'<ul class="findings">\n{items}</ul>\n{"".join(figures)}'
            f'<p class="note">On {escape(results.settings["images"])}; intervals are of 95 % '
            f'over images. All measures: {listed}.</p>\n'
        ),
        style=css_variables() + PANELS,
    )
