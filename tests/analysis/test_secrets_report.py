"""The report of an analysis, from made-up results."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from mim_secrets.analysis.report import write_report
from mim_secrets.analysis.report.drawing import Panel, Picture, as_html, save
from mim_secrets.analysis.report.looks import DARK, LIGHT, file_palette, marker_key
from mim_secrets.analysis.report.measure_claims import CLAIMS
from mim_secrets.analysis.report.numbers import side_by_side
from mim_secrets.analysis.report.page import answered, render_page
from mim_secrets.analysis.report.sections import SECTIONS
from mim_secrets.analysis.results import Results

from .made_up_results import layer_table, made_up_results

VOID = {'meta', 'img', 'br', 'use'}
HOSTILE = '<b onmouseover="x()">$x & \'y\'</b>'


@pytest.fixture(scope='module')
def page():
    """The page of a model with an ordinary name and of one with a hostile one."""
    results = made_up_results(('mim', HOSTILE), depth=3, heads=2)
    results = replace(results, settings={'where': '<script>alert(1)</script>'})
    return render_page(results, answered(results))


def test_every_measure_appears(page):
    """Breaks when a measure loses its question, figure, sentences, rule, table or way."""
    keys = [section.key for section in SECTIONS]
    assert sorted(keys) == sorted(CLAIMS)
    parts = re.split(r'<section aria-labelledby="([\w-]+)">', page)
    found = dict(zip(parts[1::2], parts[2::2]))
    assert list(found) == ['findings', *keys, 'pictures']
    for section in SECTIONS:
        part = found[section.key]
        assert f'<h2 id="{section.key}">{section.question}</h2>' in part
        assert f'href="#{section.key}"' in page
        assert part.count('<p class="says">') == 2
        assert part.count('role="img"') >= 1 and '<figcaption>' in part
        for summary in ('The rule behind these sentences', 'The numbers', 'How it was computed'):
            assert part.count(f'<summary>{summary}</summary>') == 1
        assert f'tables/{section.shown}.csv' in part
    assert 'Masks are made up.' in found['reconstruction']
    assert found['pictures'].count('src="data:image/png;base64,') == 2


def test_every_figure_is_a_file_twice(tmp_path):
    """Breaks when a figure of the page is missing as PNG or SVG, one has no background,
    or what was not measured has a heading over nothing."""
    results = made_up_results(('only', HOSTILE), depth=2, heads=2)
    tables = {name: results.tables[name] for name in ('rank', 'fusion')}
    page = write_report(Results(results.subjects, {}, tables), tmp_path).read_text()
    headings = re.findall(r'<h2 id="([\w-]+)"', page)
    assert headings == ['findings', 'rank', 'fusion', 'settings']
    files = {path.name for path in (tmp_path / 'figures').iterdir()}
    assert files == {f'{name}.{kind}' for name in ('rank', 'fusion') for kind in ('png', 'svg')}
    picture = Image.open(tmp_path / 'figures' / 'rank.png')
    assert picture.info['dpi'] == pytest.approx((200, 200), abs=0.1)
    assert picture.convert('RGBA').getpixel((0, 0)) == (255, 255, 255, 255)
    drawn = (tmp_path / 'figures' / 'rank.svg').read_text()
    assert LIGHT[0] in drawn and 'var(--' not in drawn


def test_panels_share_their_heights(page):
    """Breaks when a model's distances are drawn on another scale than its neighbour's."""
    figure = page[page.index('id="figure-distance"') :]
    panels = figure[: figure.index('</figure>')].split('<div class="panel">')[1:]
    assert len(panels) == 2
    ticks = [re.findall(r'>([\d.]+)</text>', panel) for panel in panels]
    assert ticks[0] == ticks[1] and len(ticks[0]) > 5


def test_hostile_names_stay_text(page):
    """Breaks when a name or a setting is taken for markup, or for a formula."""
    assert '<b onmouseover' not in page and '<script' not in page
    assert '&lt;script&gt;alert(1)' in page
    assert '&lt;b onmouseover=&quot;x()&quot;&gt;$x &amp; &#x27;y&#x27;&lt;/b&gt;' in page


def test_the_page_stands_alone(page):
    """Breaks when the page asks the network, or another file, for anything."""
    assert 'http' not in page
    assert not re.search(r'@import|<link|<script', page)
    for target in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert target.startswith(('data:', '#'))
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    named = r'(?:href="|aria-labelledby="|url\()#?([\w-]+)'
    assert set(re.findall(named, page)) <= set(ids)


def test_the_page_is_well_formed(page):
    """Breaks when an element is not closed, a heading skips a level, a picture or a cell
    of a head has no name, or a stand-in colour is left."""

    class Parser(HTMLParser):
        open_tags, headings = [], []

        def handle_starttag(self, tag, attrs):
            attrs = dict(attrs)
            if tag in ('h1', 'h2', 'h3'):
                self.headings.append(int(tag[1]))
            if tag == 'th':
                assert attrs['scope'] in ('row', 'col')
            if tag == 'img':
                assert attrs['alt']
            if tag == 'svg':
                assert attrs.get('aria-hidden') or attrs['aria-label'] and attrs['aria-description']
            if tag not in VOID:
                self.open_tags.append(tag)

        def handle_endtag(self, tag):
            if tag not in VOID:
                assert self.open_tags.pop() == tag

    parser = Parser()
    parser.feed(page)
    parser.close()
    assert parser.open_tags == []
    assert parser.headings[0] == 1 and 1 not in parser.headings[1:]
    assert all(after <= before + 1 for before, after in zip(parser.headings, parser.headings[1:]))
    assert not re.search(r'#0[0-9]0[0-9]\d\d', re.sub(r'<style>.*?</style>', '', page, flags=re.S))


def test_models_are_told_apart_thrice():
    """Breaks when two of eight models share a colour or a marker, or one's key differs
    from its marks."""
    names = [f'm{number}' for number in range(8)]
    looks = file_palette(names).models
    assert len({look.colour for look in looks.values()}) == 8
    assert len({look.marker for look in looks.values()}) == 8
    assert len({marker_key(number) for number in range(16)}) == 16
    more = file_palette([f'm{number}' for number in range(16)]).models
    assert len(set(more.values())) == 16


@pytest.mark.parametrize(('colours', 'paper'), [(LIGHT, '#fdfdfc'), (DARK, '#15181b')])
def test_colours_stand_out(colours, paper):
    """Breaks when a mark can hardly be seen: WCAG asks for a contrast of 3."""

    def light(colour):
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        parts = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return parts @ [0.2126, 0.7152, 0.0722]

    for colour in colours:
        dark, bright = sorted([light(colour), light(paper)])
        assert (bright + 0.05) / (dark + 0.05) >= 3, colour


@pytest.mark.slow
def test_long_names_leave_room_for_axes(tmp_path):
    """Breaks when names squeeze the axes of a file to nothing."""
    names = [f'{number}-{"long" * 15}' for number in range(3)]
    panels = [Panel((name,), lambda axes, _: axes.plot([0, 1]), 'A line.') for name in names]
    with np.errstate(all='raise'):
        png, _ = save(Picture('long', 'Lines', '', panels), names, tmp_path)
    dark = np.asarray(Image.open(png).convert('L')) < 200
    columns = dark.any(axis=0)
    assert columns.mean() > 0.8


def test_pairs_of_many_models_are_those_with_the_first():
    """Breaks when eight models give 28 maps of pairs, or the page hides that it left some."""
    section = next(section for section in SECTIONS if section.key == 'cka')
    (few,) = section.figures(made_up_results(tuple('abcd'), depth=2, heads=1))
    (many,) = section.figures(made_up_results(tuple('abcde'), depth=2, heads=1))
    assert len(few.panels) == 4 + 6
    assert len(many.panels) == 5 + 4
    assert 'only those with a are drawn' in many.caption


def test_columns_of_tables_are_models():
    """Breaks when a layer that one model lacks moves numbers to another row."""
    found = dict(
        a=layer_table('rank', '', [1, 2], stage=[0, 1]), b=layer_table('rank', '', [3.5], 0.25)
    )
    rows = re.findall(r'<tr>(.*?)</tr>', side_by_side(found, 'Ranks'))
    cells = [re.findall(r'>([^<>]+)<', row) for row in rows]
    assert cells[0] == ['layer', 'stage', 'a', 'b']
    assert cells[1] == ['0', '0', '1.00', '3.50 ', '(3.25 to 3.75)']
    assert cells[2] == ['1', '1', '2.00', '–']
    assert '>stage<' not in side_by_side(dict(b=found['b']), 'Ranks')


def test_figures_of_the_page_are_described():
    """Breaks when those who cannot see a figure learn nothing of its numbers."""
    results = made_up_results(('mim', 'sup'), depth=2, heads=2)
    section = next(section for section in SECTIONS if section.key == 'kl')
    html = as_html(section.figures(results)[0], ['mim', 'sup'])
    assert 'aria-label="Divergence of the heads of a layer: mim"' in html
    assert 'layer means go from 1.10 nats (1.08 to 1.12) in layer 0 to 0.200 nats' in html
