"""tools/analysis_tools/layer_dropping.py: which runs it starts, and what it makes of them."""

import argparse
import csv
import json
import os
import re
import sys
from io import StringIO
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from rich.console import Console

from mim_secrets.visualization.report import Records
from tests.config_models import built_on_meta, forward_once
from tests.conftest import CONFIGS, REPO

FOLDER = REPO / 'tools' / 'analysis_tools'
FINETUNE = CONFIGS / 'vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py'
SWIN = CONFIGS / 'swin-nano-w4_1xb32-coslr-10e_playground-32px-10percent.py'
KL = 'model,layer,stage,mean,low,high\n'


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    """The script as a module, its neighbours importable as when it is run."""
    monkeypatch.syspath_prepend(str(FOLDER))
    path = list(sys.path)
    import layer_dropping

    yield layer_dropping
    sys.path[:] = path
    for name in ('layer_dropping', 'layer_dropping_figure', 'quickstart'):
        sys.modules.pop(name)


@pytest.fixture
def asked(tmp_path: Path):
    """Arguments, as parsed, for two files that nobody opens."""
    files = [tmp_path / 'mae.pth', tmp_path / 'labels.pth']
    for file in files:
        file.touch()
        os.utime(file, (1, 1))

    def ask(**options: object) -> argparse.Namespace:
        usual = dict(
            config=FINETUNE,
            weights=[f'mim={files[0]}', f'sup={files[1]}'],
            drop=[0, 3],
            seeds=[0, 1],
            work_dir=tmp_path / 'work',
            kl=None,
            jobs=1,
        )
        return argparse.Namespace(**{**usual, **options})

    return ask


def finish(tool, args: argparse.Namespace, key: str = 'accuracy/top1') -> dict:
    """Leave what finished runs leave; the accuracy tells which run it is of."""
    stages = tool.list_stages(args, tool.read_weights(args.weights))
    records = Records(args.work_dir, list(stages.values()))
    for (name, drop_last, seed), stage in stages.items():
        records.write(stage, {**records.begin(stage), 'finished': True})
        logs = stage.work_dir / '20260101_000000' / 'vis_data'
        logs.mkdir(parents=True)
        value = 70 + 5 * (name == 'sup') - drop_last + seed / 10
        lines = [dict(step=1, iter=1, loss=1.0), {key: 1.0, 'step': 9}, {key: value, 'step': 10}]
        (logs / 'scalars.json').write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return stages


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def run(tool, args: argparse.Namespace) -> str:
    console = Console(file=StringIO(), width=100)
    tool.run(args, console)
    return console.file.getvalue()


def test_every_run_differs_in_what_its_name_says(tool, asked) -> None:
    """Breaks when a run gets another's weights, number of blocks or seed."""
    args = asked()
    stages = tool.list_stages(args, tool.read_weights(args.weights))
    assert list(stages)[:3] == [('mim', 0, 0), ('sup', 0, 0), ('mim', 3, 0)]
    assert len({stage.name for stage in stages.values()}) == len(stages) == 8
    command = stages['sup', 3, 1].command
    assert command[2:4] == ('--work-dir', str(args.work_dir / 'sup-drop3-seed1'))
    labels = args.weights[1].partition('=')[2]
    assert set(command[5:]) == {
        'randomness.seed=1',
        f'model.backbone.init_cfg.checkpoint={labels}',
        'model.backbone.drop_last=3',
    }
    assert all(Path(name).is_file() for name in command[:2])


@pytest.mark.slow
@pytest.mark.parametrize('config', [FINETUNE, SWIN])
def test_every_number_of_blocks_builds(tool, asked, config: Path) -> None:
    """Breaks when numbers go beyond the encoder, or the head is not told a new width."""
    args = asked(config=config, drop=None, seeds=[0], weights=asked().weights[:1])
    stages = tool.list_stages(args, tool.read_weights(args.weights))
    assert [drop_last for _, drop_last, _ in stages] == [0, 1, 2, 3, 4, 5]
    widths = []
    for stage in stages.values():
        options = dict(option.split('=') for option in stage.command[5:])
        del options['model.backbone.init_cfg.checkpoint']
        cfg = Config.fromfile(stage.config)
        cfg.merge_from_dict({key: int(value) for key, value in options.items()})
        assert forward_once(built_on_meta(cfg), cfg, batch=1).shape == (1, 10)
        widths.append(cfg.model.head.in_channels)
    assert widths == ([96] * 6 if config is FINETUNE else [128, 128, 64, 64, 32, 32])


@pytest.mark.slow
def test_tables_and_figures_say_what_the_logs_say(tool, asked, tmp_path: Path) -> None:
    """Breaks when a run is started again, read from another's log, or read too early;
    when a model's divergence has another colour than its accuracy, or is of a model
    that was not asked for."""
    table = [f'{name},{layer},0,{layer + 1},{layer},{layer + 2}\n'
             for name in ('sup', 'other') for layer in (1, 0, 2)]  # fmt: skip
    (tmp_path / 'kl.csv').write_text(KL + ''.join(table) + 'sup,3,0,nan,nan,nan\n')
    args = asked(kl=tmp_path / 'kl.csv')
    finish(tool, args)
    printed = run(tool, args)
    assert '8 of 8 stages are there already' in printed
    assert re.search(r'3 .* 67\.05 \(2\) .* 72\.05 \(2\)', printed)
    stem = args.work_dir / 'layer_dropping'
    expected = [
        dict(weights=name, drop=str(drop), seed=str(seed),
             accuracy=f'{70 + 5 * (name == "sup") - drop + seed / 10:.4f}')
        for name in ('mim', 'sup') for drop in (0, 3) for seed in (0, 1)
    ]  # fmt: skip
    assert rows(stem.with_suffix('.csv')) == expected
    assert stem.with_suffix('.png').read_bytes().startswith(b'\x89PNG')
    drawn = stem.with_suffix('.svg').read_text()
    assert 'left out, up to N = 3' in drawn and 'other' not in drawn
    assert 'date' not in drawn, 'the same numbers would make another file'

    figure = tool.draw([tool.Accuracy(*r) for r in [('mim', 0, 0, 70.0), ('sup', 0, 0, 75.0)]],
                       tool.read_divergence(args.kl, ['mim', 'sup']))  # fmt: skip
    accuracy, divergence = figure.axes
    (curve,) = divergence.lines
    assert list(curve.get_xdata()) == [0, 1, 2, 3]
    assert list(curve.get_ydata())[:3] == [1, 2, 3]
    assert curve.get_color() == accuracy.lines[1].get_color() != accuracy.lines[0].get_color()
    assert figure.get_facecolor() == (1, 1, 1, 1)


def test_without_a_divergence_there_is_one_panel(tool) -> None:
    """Breaks when the mean over seeds, or one seed's tick, is drawn elsewhere."""
    values = [('mim', 0, 0, 70.0), ('mim', 0, 1, 72.0), ('mim', 1, 0, 60.0)]
    (axes,) = tool.draw([tool.Accuracy(*row) for row in values], {}).axes
    means, ticks = axes.lines
    assert list(zip(*means.get_data())) == [(0, 71.0), (1, 60.0)]
    assert list(zip(*ticks.get_data())) == [(0, 70.0), (0, 72.0)]


def test_a_newer_checkpoint_is_trained_again(tool, asked) -> None:
    """Breaks when results of weights that are no longer there pass for those of others."""
    args = asked(seeds=[0], drop=[1])
    stages = finish(tool, args)
    records = Records(args.work_dir, list(stages.values()))
    weights = tool.read_weights(args.weights)
    os.utime(weights['sup'], (4e9, 4e9))
    for (name, *_), stage in stages.items():
        tool.forget_older(records, stage, weights[name])
    finished = {name for (name, *_), stage in stages.items() if records.read(stage)}
    assert finished == {'mim'}


def test_a_run_without_an_accuracy_is_named(tool, asked) -> None:
    """Breaks when a config that never validates ends in an empty table."""
    args = asked(seeds=[0], drop=[0])
    finish(tool, args, key='coco/AP')
    with pytest.raises(ValueError, match='mim-drop0-seed0 has no accuracy/top1 in its logs'):
        run(tool, args)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(weights=['mae.pth']), 'mae.pth is not NAME=FILE'),
        (dict(weights=['../up=mae.pth']), 'is not NAME=FILE'),
        (dict(weights=['mim=nowhere.pth']), 'there is no file nowhere.pth for mim'),
        (dict(weights=['a=WEIGHTS', 'a=WEIGHTS']), 'a is given twice'),
        (dict(drop=[0, 6]), 'drop_last is 6, but of 6 blocks at least one has to stay'),
        (dict(drop=[-1]), 'choose a number from 0 to 5'),
        (dict(config=Path('nothing.py')), 'There is no config at nothing.py'),
        (dict(config=CONFIGS / 'mae_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'),
         'no encoder that starts from a checkpoint'),
        (dict(config=CONFIGS / 'replknet-nano_1xb32-coslr-10e_playground-32px-10percent.py'),
         "RepLKNet.*unexpected keyword argument 'drop_last'"),
        (dict(kl=Path('nothing.csv')), 'There is no table nothing.csv'),
        (dict(kl='model,layer,mean\n'), 'has no column low'),
        (dict(kl=KL + 'a,0,0,1,1,1\nb,1,0,1,1,1\n'), 'rows of a, b, not of mim, sup'),
        (dict(kl=KL + 'mim,first,0,1,1,1\n'), 'line 2 has something other than numbers'),
    ],
)  # fmt: skip
def test_mistakes_are_said_before_anything_runs(
    tool, asked, tmp_path: Path, options: dict, message: str
) -> None:
    """Breaks when hours of training come before a wrong name, number or table."""
    if isinstance(options.get('kl'), str):
        (tmp_path / 'kl.csv').write_text(options['kl'])
        options = dict(kl=tmp_path / 'kl.csv')
    if 'weights' in options:
        files = [text.replace('WEIGHTS', str(tmp_path / 'mae.pth')) for text in options['weights']]
        options = dict(weights=files)
    args = asked(**options)
    with pytest.raises((ValueError, FileNotFoundError, TypeError), match=message):
        run(tool, args)
    assert not args.work_dir.exists()


@pytest.mark.slow
def test_from_a_checkpoint_to_a_curve(run_tool, tmp_path: Path) -> None:
    """Breaks when the command lines that are started do not train, do not load the file
    of the whole encoder, or are started again although they are finished."""
    (tmp_path / 'config.py').write_text(
        f"_base_ = '{FINETUNE}'\n"
        'model = dict(backbone=dict(arch=dict(embed_dims=96, num_layers=3, num_heads=2,\n'
        '    feedforward_channels=96)))\n'
        'train_cfg = dict(max_epochs=1, val_interval=1)\n'
    )
    backbone = dict(Config.fromfile(tmp_path / 'config.py').model.backbone, init_cfg=None)
    state = MODELS.build(backbone).state_dict()
    torch.save(dict(state_dict=state), tmp_path / 'whole.pth')
    arguments = ['analysis_tools/layer_dropping.py', 'config.py', '--weights', 'mim=whole.pth',
                 '--drop', 2, '--work-dir', 'work']  # fmt: skip
    first = run_tool(*arguments)
    assert first.returncode == 0, first.stdout
    ((name, drop_last, seed, accuracy),) = map(
        dict.values, rows(tmp_path / 'work' / 'layer_dropping.csv')
    )
    assert (name, drop_last, seed) == ('mim', '2', '0')
    assert 0 < float(accuracy) < 100
    log = (tmp_path / 'work' / 'stages' / 'mim-drop2-seed0.log').read_text()
    assert 'left out by drop_last=2 (24)' in log
    (tmp_path / 'kl.csv').write_text(KL + 'mim,0,0,1,1,1\nmim,1,0,2,1,3\nmim,2,0,1,1,1\n')
    second = run_tool(*arguments, '--kl', 'kl.csv')
    assert second.returncode == 0, second.stdout
    assert '1 of 1 stages are there already' in second.stdout
    assert 'KL divergence' in (tmp_path / 'work' / 'layer_dropping.svg').read_text()
