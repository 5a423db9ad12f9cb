"""The report of an analysis: one HTML file that needs nothing but itself."""

import base64
import io
from html import escape
from typing import NamedTuple

from PIL import Image

from mim_secrets.analysis.report import numbers
from mim_secrets.analysis.report.claims import Claims
from mim_secrets.analysis.report.drawing import Picture, as_html
from mim_secrets.analysis.report.figures import models_of
from mim_secrets.analysis.report.looks import marker_key
from mim_secrets.analysis.report.measure_claims import CLAIMS
from mim_secrets.analysis.report.sections import SECTIONS, Section
from mim_secrets.analysis.report.style import STYLE
from mim_secrets.analysis.report.words import listed
from mim_secrets.analysis.results import Results

TITLE = 'How these models attend'


class Answer(NamedTuple):
    """A section with what was found."""

    section: Section
    pictures: list[Picture]
    claims: Claims


def answered(results: Results) -> list[Answer]:
    """The sections whose tables there are."""
    return [
        Answer(section, section.figures(results), CLAIMS[section.key](results))
        for section in SECTIONS
        if all(results.tables.get(name) for name in section.needs)
    ]


def render_page(results: Results, answers: list[Answer]) -> str:
    """The whole page."""
    title = f'{TITLE}: {", ".join(results.subjects)}'
    sections = [_section(results, *answer) for answer in answers]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n'
        '<a class="skip" href="#main">Skip to the results</a>\n'
        f'{_head(results, answers)}'
        f'<main id="main" tabindex="-1">\n{_findings(answers)}{"".join(sections)}'
        f'{_pictures(results)}</main>\n{_foot(results)}</body>\n</html>\n'
    )


def _head(results: Results, answers: list[Answer]) -> str:
    models = ''.join(
        f'<dt>{marker_key(index)}{escape(name)}</dt><dd>{escape(source)}</dd>\n'
        for index, (name, source) in enumerate(results.subjects.items())
    )
    entries = [(section.key, section.question) for section, _, _ in answers]
    if results.pictures:
        entries.append(('pictures', 'What do heads look at?'))
    links = ''.join(f'<li><a href="#{key}">{text}</a></li>\n' for key, text in entries)
    return (
        f'<header>\n<h1>{TITLE}</h1>\n<p class="lead">{_lead(results)}</p>\n'
        f'<dl class="facts models">\n{models}</dl>\n</header>\n'
        f'<nav aria-label="Contents"><ul>\n{links}</ul></nav>\n'
    )


def _lead(results: Results) -> str:
    images = max(
        (table.images for tables in results.tables.values() for table in tables.values()), default=0
    )
    count = len(results.subjects)
    models = 'One model was' if count == 1 else f'{count} models were'
    return (
        f'{models} looked at on up to {images:,} images. Every number that is an average over '
        'images has a 95 % interval. Layers are counted from 0, the one next to the image.'
    )


def _findings(answers: list[Answer]) -> str:
    sentences = ''.join(f'<li>{escape(claims.sentences[0])}</li>\n' for _, _, claims in answers)
    return (
        '<section aria-labelledby="findings">\n<h2 id="findings">What the numbers say</h2>\n'
        f'<ul class="findings">\n{sentences}</ul>\n</section>\n'
    )


def _section(results: Results, section: Section, pictures: list[Picture], claims: Claims) -> str:
    names = list(results.subjects)
    figures = ''.join(as_html(picture, names) for picture in pictures)
    sentences = ''.join(f'<p class="says">{escape(text)}</p>\n' for text in claims.sentences)
    return (
        f'<section aria-labelledby="{section.key}">\n'
        f'<h2 id="{section.key}">{section.question}</h2>\n{sentences}'
        f'<details class="rule"><summary>The rule behind these sentences</summary>\n'
        f'<p>{escape(claims.rule)}</p></details>\n{figures}'
        f'{_tables(results, section)}{_how(results, section)}</section>\n'
    )


def _tables(results: Results, section: Section) -> str:
    tables = results.tables[section.shown]
    if section.shown == 'cka':
        content = ''
        for name, table in tables.items():
            models = models_of(name, results)
            content += numbers.square(table, ' and '.join(models), (models[0], models[-1]))
    else:
        content = numbers.side_by_side(tables, section.question)
    names = [section.shown, *(name for name in section.files if name in results.tables)]
    files = listed([f'<code>tables/{name}.csv</code>' for name in names])
    more = f'All digits: {files}; the same as <code>.json</code>.'
    return (
        '<details class="numbers"><summary>The numbers</summary>\n'
        f'{content}<p class="note">{more}</p></details>\n<p class="note on-paper">{more}</p>\n'
    )


def _how(results: Results, section: Section) -> str:
    used = [
        results.tables[name] for name in (section.shown, *section.files) if name in results.tables
    ]
    notes: dict[str, list[str]] = {}
    for tables in used:
        for model, table in tables.items():
            for note in table.notes:
                models = notes.setdefault(note, [])
                models += [model] * (model not in models)
    everyone = set(results.tables[section.shown])
    items = ''
    for note, models in notes.items():
        whose = '' if set(models) >= everyone else f'{", ".join(models)}: '
        items += f'<li>{escape(whose + note)}</li>\n'
    images = {table.images for table in results.tables[section.shown].values()} - {0}
    seen = f' On {" or ".join(f"{n:,}" for n in sorted(images))} images.' if images else ''
    return (
        '<details class="how"><summary>How it was computed</summary>\n'
        f'<p>{escape(section.how)}{seen}</p>\n{f"<ul>{items}</ul>" if items else ""}</details>\n'
    )


def _pictures(results: Results) -> str:
    if not results.pictures:
        return ''
    figures = ''
    for title, picture in results.pictures.items():
        name, (height, width) = escape(title), picture.shape[:2]
        figures += (
            f'<figure class="looks"><img src="{_data_uri(picture)}" width="{width}" '
            f'height="{height}" alt="What heads look at: {name}">'
            f'<figcaption>{name}</figcaption></figure>\n'
        )
    return (
        '<section aria-labelledby="pictures">\n<h2 id="pictures">What do heads look at?</h2>\n'
        f'{figures}</section>\n'
    )


def _foot(results: Results) -> str:
    settings = ''.join(
        f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n'
        for name, value in results.settings.items()
    )
    return (
        '<footer aria-labelledby="settings">\n<h2 id="settings">What was done</h2>\n'
        f'<dl class="facts">\n{settings}</dl>\n<p>Beside this page lie its figures, as '
        '<code>figures/*.png</code> and <code>*.svg</code>, and its tables, as '
        '<code>tables/*.csv</code> and <code>*.json</code>.</p>\n</footer>\n'
    )


def _data_uri(picture) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, 'PNG', optimize=True)
    return f'data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}'
