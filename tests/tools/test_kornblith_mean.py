"""tools/analysis_tools/kornblith_mean.py: twelve runs become one row."""

import csv
import json
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
TYPES = [
    'Food101', 'CIFAR10', 'CIFAR100', 'Birdsnap', 'SUN397', 'StanfordCars', 'FGVCAircraft',
    'VOC', 'DTD', 'OxfordIIITPet', 'Caltech101', 'Flowers102',
]  # fmt: skip
HEADER = (
    'name,food101,cifar10,cifar100,birdsnap,sun397,cars,aircraft,voc2007,dtd,pets,'
    'caltech101,flowers,mean'
)
PER_CLASS = ('FGVCAircraft', 'OxfordIIITPet', 'Caltech101', 'Flowers102')


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(REPO / 'tools' / 'analysis_tools'))
    import kornblith_mean

    yield kornblith_mean
    sys.modules.pop('kornblith_mean')


def write_run(folder: Path, kind: str, values: list[float], start: str = '20261121_100000') -> None:
    """Logs of a run of three epochs as mmengine writes them; one value an epoch."""
    logs = folder / start / 'vis_data'
    logs.mkdir(parents=True)
    (logs / 'config.py').write_text(
        f"test_dataloader = dict(dataset=dict(type='mim_secrets.{kind}'))\n"
        'train_cfg = dict(max_epochs=3)\n'
    )
    metric = 'single-label/recall' if kind in PER_CLASS else 'accuracy/top1'
    metric = 'eleven-point/mAP' if kind == 'VOC' else metric
    lines = []
    for epoch, value in enumerate(values, start=1):
        lines.append(dict(lr=0.1, loss=2.0, epoch=epoch, iter=100 * epoch, step=100 * epoch))
        lines.append({metric: value, 'data_time': 0.1, 'time': 0.2, 'step': epoch})
    (logs / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)) + '\n{"accu')


def run(tool, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, 'argv', ['kornblith_mean.py', *map(str, arguments)])
    tool.main()


def test_twelve_runs_are_a_row_with_their_mean(
    tool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Breaks when a set is read from another metric or epoch, stands in another column,
    or the mean is not that of the twelve last values."""
    for index, kind in enumerate(TYPES):
        write_run(tmp_path / 'mim' / kind, kind, [99, 98, 50 + index + 0.125])
    write_run(tmp_path / 'mim/inat', 'INaturalist2018', [1, 2, 3])
    run(tool, monkeypatch, f'a-1={tmp_path}/mim', '--out', tmp_path / 'new/k12.csv')
    header, row = (tmp_path / 'new/k12.csv').read_text().splitlines()
    assert header == HEADER
    assert row == 'a-1,' + ','.join(f'{v + 0.125:.2f}' for v in range(50, 62)) + ',55.62'
    shown = capsys.readouterr().out
    assert '55.62' in shown and 'missing' not in shown


def test_without_one_of_them_there_is_no_mean(
    tool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Breaks when a mean of eleven passes for K12, or a run that goes on counts as
    finished and nobody is told which."""
    for kind in TYPES[1:]:
        write_run(tmp_path / f'vit_{kind}', kind, [10, 20, 30])
    write_run(tmp_path / 'swin_VOC', 'VOC', [40, 50])
    write_run(tmp_path / 'swin_VOC', 'VOC', [40], start='20261121_090000')
    rows = (f'vit={tmp_path}/vit_*', f'swin={tmp_path}/swin_*')
    run(tool, monkeypatch, *rows, '--out', tmp_path / 'k12.csv')
    with (tmp_path / 'k12.csv').open() as file:
        vit, swin = csv.DictReader(file)
    assert vit.pop('food101') == vit.pop('mean') == ''
    assert set(vit.values()) == {'vit', '30.00'}
    assert swin.pop('name') == 'swin' and set(swin.values()) == {''}
    shown = capsys.readouterr().out
    assert 'vit has no mean, 1 of 12 missing. food101: no run' in shown
    assert f'voc2007: 2 of 3 epochs in {tmp_path}/swin_VOC; dtd: no run' in shown


def test_a_resumed_run_counts_with_its_end(
    tool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Breaks when only the first or only the last start of a run is read."""
    write_run(tmp_path / 'dtd', 'DTD', [10, 20, 30], start='20261121_090000')
    row = tool.read_row(str(tmp_path))
    write_run(tmp_path / 'dtd', 'DTD', [], start='20261121_100000')
    assert tool.read_row(str(tmp_path)) == row
    assert row.results == dict(dtd=30)


@pytest.mark.parametrize(
    ('rows', 'told'),
    [
        (['mim'], 'mim is not NAME=FOLDER'),
        (['a=FOLDER', 'a=FOLDER'], 'a=.* is not NAME=FOLDER .* that no other row has'),
        (['a=FOLDER/nothing*'], r'nothing\*: there is no such folder'),
        (['a=FOLDER'], 'one and .*two are both runs of pets; give every encoder and seed'),
    ],
)
def test_mistakes_are_one_sentence(tool, tmp_path: Path, rows: list[str], told: str) -> None:
    """Breaks when two seeds are mixed up in a row, or a folder that is not there makes
    an empty one."""
    if 'two' in told:
        write_run(tmp_path / 'one', 'OxfordIIITPet', [1])
        write_run(tmp_path / 'two', 'OxfordIIITPet', [1])
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        tool.read_rows([row.replace('FOLDER', str(tmp_path)) for row in rows])
