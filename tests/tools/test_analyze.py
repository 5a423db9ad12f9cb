"""``tools/analyze.py`` as a user runs it."""

import csv
import json
from pathlib import Path

import pytest

from mim_secrets.apis.analyze import analyze
from tests.analysis.small import small_subject, write_noise
from tests.conftest import CONFIGS

MFF = CONFIGS / 'mff_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'
SWIN = CONFIGS / 'simmim_swin-nano-w4_1xb64-coslr-8e_playground-32px.py'
DATA = ('--data', 'data/playground/val', '--num-images', 40, '--workers', 1)


@pytest.mark.slow
def test_two_models_become_a_page_and_files(run_tool, tmp_path: Path) -> None:
    """Breaks when a default measure fails on a ViT or a Swin, a table or a figure is not
    written, the page lacks a model, or a second run does not find what the first did."""
    models = ('--model', f'vit={MFF}:random', '--model', f'swin={SWIN}:random')
    overlay = ('--overlay-queries', '0.2,0.7', '--overlay-layers', 0, 1, '--overlay-heads', 0)
    result = run_tool('analyze.py', *models, *DATA, '--out', 'out', *overlay)
    assert result.returncode == 0, result.stdout
    assert 'measuring 40/40, ETA 0 s' in result.stdout
    assert result.stdout.splitlines()[-1] == 'out/report.html'
    page = (tmp_path / 'out' / 'report.html').read_text()
    assert 'vit' in page and 'swin' in page and 'How far do heads' in page
    tables = {path.stem for path in (tmp_path / 'out' / 'tables').glob('*.csv')}
    assert {'distance', 'entropy', 'kl', 'cka', 'spectrum', 'rank', 'fusion'} <= tables
    for name in tables:
        with (tmp_path / 'out' / 'tables' / f'{name}.csv').open() as file:
            assert len(list(csv.DictReader(file))) > 0
        json.loads((tmp_path / 'out' / 'tables' / f'{name}.json').read_text())
    figures = {path.suffix for path in (tmp_path / 'out' / 'figures').iterdir()}
    assert figures == {'.png', '.svg'}

    before = (tmp_path / 'out' / 'tables' / 'kl.csv').read_text()
    again = run_tool('analyze.py', *models, *DATA, '--out', 'out')
    assert again.stdout.count('measuring') == 1  # 40/40 at once
    assert (tmp_path / 'out' / 'tables' / 'kl.csv').read_text() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ('options', 'sentence'),
    [
        (('--model', f'x={MFF}:random', '--data', 'nowhere'), 'nowhere'),
        (('--model', 'x=nothing.py:random', '--data', 'data/playground/val'), 'no config'),
        (('--model', f'x={MFF}:random', '--model', f'x={MFF}:random', *DATA), 'Two models'),
    ],
)
def test_mistakes_are_one_sentence(run_tool, options: tuple, sentence: str) -> None:
    """Breaks when a mistake gives a stack of frames, or nothing."""
    result = run_tool('analyze.py', *options, '--out', 'out')
    assert result.returncode == 1
    (line, *rest) = [line for line in result.stdout.splitlines() if line.startswith('Error')]
    assert sentence in line and not rest
    assert 'Traceback' not in result.stdout


def test_from_python_tables_are_arrays(tmp_path: Path) -> None:
    """Breaks when a program needs files, or gets another number of layers or images."""
    folder = write_noise(tmp_path / 'images', 8)
    results = analyze([small_subject('mine')], str(folder), 6, ['entropy', 'kl', 'overlays'])
    table = results.tables['kl_layer']['mine']
    assert table.values.mean.shape == (3,) and table.images == 6
    assert results.settings['images'].startswith('6 of the 8 in')
    assert [sheet.dtype for sheet in results.pictures.values()] == ['uint8']
    assert set(tmp_path.iterdir()) == {folder}


def test_a_measure_that_does_not_exist(tmp_path: Path) -> None:
    """Breaks when a misspelt measure is left out without a word."""
    with pytest.raises(ValueError, match="no measure 'klr'; choose from distance, entropy"):
        analyze([small_subject()], str(tmp_path), measures=['klr'])
    with pytest.raises(ValueError, match='until_ci watches the intervals of distance'):
        analyze([small_subject()], str(tmp_path), measures=['rank'], until_ci=0.1)
