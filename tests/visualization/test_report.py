"""The report, built from a few lines of log."""

import csv
import itertools
import json
import re
from html.parser import HTMLParser

import pytest

from mim_secrets.visualization.report import (
    Experiment,
    copy_small_logs,
    results_table,
    write_report,
)
from mim_secrets.visualization.report.logs import MEASURES
from mim_secrets.visualization.report.results import caveats, leaders

PNG = b'\x89PNG\r\n\x1a\n'  # the report embeds pictures without opening them
VOID = {'meta', 'img', 'br', 'use'}
# kNN, linear probe, fine-tuning of each method, for two seeds
TOP1 = {
    0: dict(scratch=(11.5, 21.0, 30.0), mae=(18.0, 31.0, 44.0), mff=(18.5, 36.0, 45.5)),
    1: dict(scratch=(12.5, 23.0, 32.0), mae=(20.0, 33.0, 46.0), mff=(18.5, 38.0, 45.5)),
}


def start(run, moment='20260101_000000'):
    """A folder as mmengine makes one for each start."""
    folder = run / moment
    (folder / 'vis_data' / 'vis_image').mkdir(parents=True)
    return folder


def write_lines(folder, *scalars):
    text = ''.join(json.dumps(line) + '\n' for line in scalars)
    (folder / 'vis_data' / 'scalars.json').write_text(text)


def write_pretraining(run, world, method):
    folder = start(run)
    (folder / 'vis_data' / 'config.py').write_text(
        f'test_dataloader = dict(dataset=dict(data_root={str(world)!r}, '
        "metainfo=dict(classes=['ball', 'can', 'cone', 'ring'])))\n"
        "model = dict(head=dict(norm_pix=True), backbone=dict(arch='tiny'))\n"
        'train_cfg = dict(max_epochs=7)\n'
        'train_dataloader = dict(batch_size=48)\n'
        "optim_wrapper = dict(type='AmpOptimWrapper', dtype='bfloat16')\n"
    )
    shares = dict(fusion_level_00=0.35, fusion_level_05=0.65) if method == 'mff' else {}
    last = dict(loss=0.6125, iter=40, step=40, **shares)
    write_lines(folder, dict(loss=1.25, iter=20, step=20, **shares), last)
    for epoch in (2, 10):
        picture = folder / 'vis_data' / 'vis_image' / f'reconstruction_{epoch}.png'
        picture.write_bytes(PNG + bytes([epoch]))


@pytest.fixture
def folder(tmp_path):
    """The logs of a study with two seeds."""
    root, world = tmp_path / 'study', tmp_path / 'world'
    (world / 'val' / 'ball').mkdir(parents=True)
    (world / 'val' / 'ball' / '0.jpg').write_bytes(b'scene')
    for seed, methods in TOP1.items():
        for method, (knn, linear, finetune) in methods.items():
            here = root / f'seed{seed}' / method
            if method != 'scratch':
                write_pretraining(here / 'pretrain', world, method)
            probe = {'probe/knn_top1': knn, 'probe/linear_top1': linear}
            path = start(here / 'probe') / '20260101_000000.json'
            path.write_text(json.dumps(probe))
            accuracies = [{'accuracy/top1': t, 'step': e} for e, t in ((5, 1), (10, finetune))]
            write_lines(start(here / 'finetune'), *accuracies)
    (root / 'stages').mkdir()
    machine = dict(processor='A & B', cores=2, torch='2.9.1', python='3.11', commit='ab12')
    record = dict(title='pre-train <MAE>', seconds=125.4, starts=2, began=1.0,
                  command=['python', 'tools/train.py'], machine=machine)  # fmt: skip
    (root / 'stages' / 'a.json').write_text(json.dumps(record))
    return root


@pytest.fixture
def page(folder):
    return write_report(Experiment(folder)).read_text()


def test_the_page_has_the_numbers_of_the_logs(page):
    """Breaks when a number is read from the wrong run, seed or line, or left out."""
    text = re.sub(r'<[^>]+>', '', page)
    for cell in ('12.0 ± 0.7', '22.0 ± 1.4', '19.0 ± 1.4', '37.0 ± 1.4', '45.0 ± 1.4'):
        assert cell in text
    assert '45.5' in text and '25.0' in text  # without spread; chance of four classes
    assert 'MAE  0.613' in text.replace('MAE 0', 'MAE  0')
    assert 'block 5 has the largest share (0.650)' in ' '.join(text.split())
    for fact in ('7 epochs, batches of 48', 'mixed, bfloat16', 'A &amp; B', '2.9.1', 'ab12'):
        assert fact in text
    assert 'pre-train &lt;MAE&gt; (2 starts)' in text and '2:05' in text


def test_every_number_names_its_file(page, folder):
    """Breaks when a figure cannot be traced to a log, or is traced to one not there."""
    named = set(re.findall(r'<code>(seed[^<]*)</code>', page))
    assert all((folder / name).is_file() for name in named)
    logs = [*folder.glob('seed*/*/*/*/*.json'), *folder.glob('seed*/*/*/*/*/scalars.json')]
    assert {path.relative_to(folder).as_posix() for path in logs} <= named


def test_the_page_stands_alone(page):
    """Breaks when the page asks the network, or another file, for anything."""
    assert 'http' not in page
    assert not re.search(r'@import|<link|<script', page)
    for target in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert target.startswith(('data:', '#'))
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([\w-]+)', page)) == set(ids)


def test_the_page_is_well_formed(page):
    """Breaks when an element is not closed, or closed in the wrong place."""

    class Parser(HTMLParser):
        open_tags = []

        def handle_starttag(self, tag, attrs):
            if tag not in VOID:
                self.open_tags.append(tag)

        def handle_endtag(self, tag):
            if tag not in VOID:
                assert self.open_tags.pop() == tag

    parser = Parser()
    parser.feed(page)
    parser.close()
    assert parser.open_tags == []
    assert '#0' not in re.sub(r'<style>.*?</style>', '', page, flags=re.DOTALL), (
        'a stand-in colour was left'
    )


def test_the_newest_picture_is_shown(page):
    """Breaks when epoch 2 sorts behind epoch 10, as it does in the alphabet."""
    assert 'reconstruction_10.png' in page
    assert 'reconstruction_2.png' not in page


def test_a_lead_is_held_against_the_spread(folder):
    """Breaks when a lead is claimed that the seeds do not carry, or the reverse."""
    sentences = dict(leaders(Experiment(folder)))
    assert sentences['kNN'].startswith('MAE leads with 19.0 ± 1.4 %, 0.5 points over MFF')
    assert 'no more than the spread of 1.4' in sentences['kNN']
    assert 'MFF leads' in sentences['Linear probe']
    assert ', more than the spread of 1.4' in sentences['Linear probe']
    assert 'from scratch is another 10.0 behind' in sentences['Linear probe']


def test_one_seed_claims_no_spread(folder):
    """Breaks when a single run is given a spread, or its lead no caveat."""
    (folder / 'seed1').rename(folder / 'elsewhere')
    experiment = Experiment(folder)
    assert '±' not in write_report(experiment).read_text()
    assert 'spread' not in ' '.join(dict(leaders(experiment)).values())
    # the least certain share is 45.5 %: sqrt(0.455 * 0.545 / 2000)
    assert caveats(experiment, 2000).startswith('One seed')
    assert 'up to 1.1 points' in caveats(experiment, 2000)


def test_a_resumed_run_counts_once(folder):
    """Breaks when steps that were done again make a curve go back in time."""
    later = start(folder / 'seed0' / 'mae' / 'pretrain', '20260101_010000')
    write_lines(later, *(dict(loss=0.5, iter=s, step=s) for s in (40, 60)))
    with open(later / 'vis_data' / 'scalars.json', 'a') as file:
        file.write('{"loss": 0.4')  # killed while it wrote
    curve = Experiment(folder).run(0, 'mae', 'pretrain').curve('loss')
    assert (curve.steps, curve.values) == ([20, 40, 60], [1.25, 0.5, 0.5])
    assert len(curve.sources) == 2


def test_a_folder_without_results_is_refused(tmp_path):
    """Breaks when an empty page is written, or a stack of frames shown."""
    (tmp_path / 'seed0').mkdir()
    with pytest.raises(FileNotFoundError, match='There are no results in') as error:
        Experiment(tmp_path)
    assert len(str(error.value).splitlines()) == 1


def test_missing_parts_are_left_out(folder):
    """Breaks when a report cannot be had of a road that was not walked to its end."""
    for path in folder.glob('seed*/m*/pretrain/*/vis_data/*.json'):
        path.unlink()
    for path in folder.glob('seed*/mff/finetune/*/vis_data/*.json'):
        path.unlink()
    page = write_report(Experiment(folder)).read_text()
    assert 'How the loss fell' not in page and 'Which levels' not in page
    assert '<td>–</td>' in page


def test_small_logs_are_small_and_complete(folder, tmp_path):
    """Breaks when the copy for the docs loses a number, or takes more than numbers."""
    for seed, name in itertools.product((0, 1), ('distance_layer', 'entropy_layer', 'kl_layer')):
        table = folder / f'seed{seed}' / 'secrets' / 'tables' / f'{name}.csv'
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text('model,layer,stage,mean,low,high\nMFF,5,0,1.5,1.25,1.75\n')
    target = copy_small_logs(Experiment(folder), tmp_path / 'docs')
    names = sorted(p.relative_to(target).as_posix() for p in target.rglob('*.*'))
    curves = [f'curves/seed{s}-{m}.csv' for s in (0, 1) for m in ('mae', 'mff')]
    assert names == [*curves, 'results.csv', 'secrets.csv', 'stages.json']
    with open(target / 'secrets.csv') as file:
        secrets = list(csv.reader(file))
    assert len(secrets) == 1 + 6
    assert secrets[-1] == ['1', 'kl_layer', 'MFF', '5', '1.5', '1.25', '1.75']
    with open(target / 'results.csv') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3 * len(MEASURES)
    assert dict(method='mff', measure='linear probe', seed='1', top1='38.0000') == {
        key: rows[-2][key] for key in ('method', 'measure', 'seed', 'top1')
    }
    with open(target / 'curves' / 'seed0-mff.csv') as file:
        assert list(csv.reader(file))[-1] == ['40', '0.35', '0.65', '0.6125']
    assert json.loads((target / 'stages.json').read_text())[0]['seconds'] == 125.4


def test_the_console_shows_the_same_means(folder):
    """Breaks when the table on the console and the one on the page differ."""
    columns = results_table(Experiment(folder)).columns
    assert list(columns[2].cells) == ['22.0 ± 1.4', '32.0 ± 1.4', '37.0 ± 1.4']
