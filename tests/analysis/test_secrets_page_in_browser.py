"""The page of an analysis, opened in headless Chromium."""

import pytest

from mim_secrets.analysis.report import write_report

from .browser import Browser, find_chromium
from .made_up_results import made_up_results

pytestmark = pytest.mark.slow

NAMES = ('mim', 'sup', 'a-third-model-with-a-name-that-nobody-would-want-to-read-twice')
WIDER_THAN_WINDOW = """
[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll, .skip') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp('secrets')
    return write_report(made_up_results(NAMES, depth=12, heads=3), folder)


@pytest.fixture
def browser(tmp_path):
    program = find_chromium()
    if program is None:
        pytest.skip('Chromium is missing; `apt-get install chromium` brings it.')
    with Browser(program, tmp_path / 'profile') as browser:
        yield browser


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [390, 1200])
def test_the_page_opens_without_a_flaw(browser, page, width, scheme, tmp_path):
    """Breaks when the page has an error, asks for a file, shows a broken picture, has to
    be scrolled sideways, or its details do once they are open."""
    browser.open(page, width, scheme, mobile=width < 500)
    assert browser.value('document.querySelectorAll("details").length') > 20
    for state in ('closed', 'open'):
        assert browser.value('innerWidth') == width
        assert browser.value('document.documentElement.scrollWidth') <= width
        assert browser.value(WIDER_THAN_WINDOW) == []
        browser.screenshot(tmp_path / f'{width}-{scheme}-{state}.png')
        browser.value('document.querySelectorAll("details").forEach(d => d.open = true)')
    broken = '[...document.images].filter(i => !i.complete || !i.naturalWidth).length'
    assert browser.value('document.images.length') == len(NAMES)
    assert browser.value(broken) == 0
    told = [event['method'] for event in browser.events]
    assert not {'Runtime.exceptionThrown', 'Log.entryAdded', 'Runtime.consoleAPICalled'} & {*told}
    asked = [
        event['params']['request']['url'].split(':')[0]
        for event in browser.events
        if event['method'] == 'Network.requestWillBeSent'
    ]
    assert asked.count('file') == 1 and set(asked) <= {'file', 'data'}


def test_light_and_dark_differ_and_print_is_light(browser, page, tmp_path):
    """Breaks when a figure keeps its colours in the dark, or paper is printed dark."""
    colours = """
    [getComputedStyle(document.body).backgroundColor,
     getComputedStyle(document.querySelector('#figure-rank [style*="stroke: var(--m"]')).stroke,
     getComputedStyle(document.querySelector('#figure-rank svg text')).fill]
    """
    browser.open(page, 1200, 'light')
    light = browser.value(colours)
    browser.open(page, 1200, 'dark')
    dark = browser.value(colours)
    assert all(one != other for one, other in zip(light, dark))
    dim = [dict(name='prefers-color-scheme', value='dark')]
    browser.ask('Emulation.setEmulatedMedia', media='print', features=dim)
    assert browser.value(colours) == ['rgb(255, 255, 255)', light[1], 'rgb(0, 0, 0)']
    hidden = 'getComputedStyle(document.querySelector("details.numbers")).display'
    assert browser.value(hidden) == 'none'
    rule = 'document.querySelector("details.rule")'
    assert browser.value(f'{rule}.open') is False
    assert browser.value(f'{rule}.querySelector("p").getBoundingClientRect().height') > 10
    browser.print(tmp_path / 'report.pdf')
    assert (tmp_path / 'report.pdf').read_bytes().startswith(b'%PDF')


def test_every_figure_has_a_name_that_is_read_aloud(browser, page):
    """Breaks when a screen reader finds a picture, a table or a region without a name,
    or letters inside of a picture."""
    browser.open(page, 1200, 'light')
    browser.value('document.querySelectorAll("details").forEach(d => d.open = true)')
    nodes = browser.ask('Accessibility.getFullAXTree')['nodes']
    named = {}
    for node in nodes:
        if not node.get('ignored'):
            role, name = (node.get(key, {}).get('value', '') for key in ('role', 'name'))
            named.setdefault(role, []).append(name)
    pictures = browser.value('document.querySelectorAll("svg[role=img], img").length')
    assert len(named['image']) == pictures
    assert len(set(named['image'])) == pictures
    for role in ('image', 'region', 'navigation', 'columnheader', 'rowheader', 'link'):
        assert named[role] and all(named[role]), role
    for landmark in ('main', 'banner', 'navigation', 'contentinfo'):
        assert len(named[landmark]) == 1, landmark
    assert named['caption'] and len(named['table']) == len(named['caption'])


def test_keys_reach_everything(browser, page):
    """Breaks when the first key does not offer to skip, a rule cannot be opened with a
    key, or a focus cannot be seen."""
    browser.open(page, 1200, 'light')
    browser.press('Tab')
    assert browser.value('document.activeElement.className') == 'skip'
    assert browser.value('document.activeElement.getBoundingClientRect().left') >= 0
    browser.press('Enter')
    assert browser.value('document.activeElement.id') == 'main'
    browser.press('Tab')
    assert browser.value('document.activeElement.tagName') == 'SUMMARY'
    assert browser.value('getComputedStyle(document.activeElement).outlineStyle') == 'solid'
    browser.press('Enter')
    assert browser.value('document.activeElement.parentElement.open') is True
