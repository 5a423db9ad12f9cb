"""The report of an analysis: a page, and its figures as files."""

from pathlib import Path

from mim_secrets.analysis.report.drawing import save
from mim_secrets.analysis.report.page import answered, render_page
from mim_secrets.analysis.results import Results

__all__ = ['write_report']


def write_report(results: Results, folder: Path) -> Path:
    """Write ``report.html`` and ``figures/*.png`` and ``*.svg`` into ``folder``.

    The page names the files of tables, which belong into ``folder / 'tables'``
    (``results.write``). Measures without tables are left out.
    """
    (folder / 'figures').mkdir(parents=True, exist_ok=True)
    answers = answered(results)
    for answer in answers:
        for picture in answer.pictures:
            save(picture, list(results.subjects), folder / 'figures')
    path = folder / 'report.html'
    path.write_text(render_page(results, answers), encoding='utf-8')
    return path
