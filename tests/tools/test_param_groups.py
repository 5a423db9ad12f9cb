"""tools/analysis_tools/param_groups.py: what it says of configs of every library."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mmdet
import mmpose
import mmpretrain
import mmseg
import pytest
from mmengine.logging import MMLogger

from tests.config_models import built_on_meta, read

REPO = Path(__file__).parents[2]
TOOL = REPO / 'tools' / 'analysis_tools' / 'param_groups.py'
FINETUNE = 'playground/vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py'
PRETRAIN = 'playground/mae_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    """The script as a module; what it sets for its process is taken back."""
    monkeypatch.syspath_prepend(str(TOOL.parent))
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.setattr(MMLogger, '_instance_dict', MMLogger._instance_dict.copy())
    import param_groups

    yield param_groups
    sys.modules.pop('param_groups')


@pytest.fixture
def show(tool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable:
    """Run the tool in this process; the cells of each line that it prints."""

    def run(config: Path | str, *arguments: str) -> list[str]:
        path = REPO / 'configs' / config
        monkeypatch.setattr(sys, 'argv', ['param_groups.py', str(path), *arguments])
        tool.main()
        lines = capsys.readouterr().out.splitlines()
        return [' '.join(line.split()) for line in lines if line.strip(' ─')]

    return run


def test_a_line_for_each_group_and_a_total(show) -> None:
    """Breaks when a group gets lost, a sum is wrong, or a line does not say where in the
    model it is."""
    title, header, *lines, total = show(FINETUNE)
    assert 'lr 0.001, weight decay 0.05, mim_secrets.LayerDecay' in title
    assert header == 'depth group lr of base decay tensors parameters names'
    lines = [line for line in lines if ' ' in line]  # of two lines of names, the first
    assert lines[2] == '1 2 0.000178 0.178 0 8 1,248 backbone.layers.0.* (8 of 12)'
    assert lines[-2] == '7 15 0.001 1 0.05 1 960 head.fc.weight'
    assert lines[-1] == '0 - frozen 1 6,240 backbone.pos_embed'
    assert [line.split()[1] for line in lines[:-1]] == [str(number) for number in range(16)]
    parameters = list(built_on_meta(read(FINETUNE)).parameters())
    count = sum(parameter.numel() for parameter in parameters)
    assert total == f'total 16 {len(parameters)} {count:,}'
    counts = [re.search(r' (\d+) ([\d,]+) \D', line).groups() for line in lines]
    assert sum(int(tensors) for tensors, _ in counts) == len(parameters)
    assert sum(int(elements.replace(',', '')) for _, elements in counts) == count


def test_groups_of_one_parameter_share_lines(show) -> None:
    """Breaks when a constructor with a group for each parameter fills pages, or the
    table hides how many groups there are."""
    option = 'optim_wrapper.constructor=mmpretrain.LearningRateDecayOptimWrapperConstructor'
    few, many = show(FINETUNE), show(FINETUNE, '--cfg-options', option)
    assert len(few) == len(many)
    assert few[-1].startswith('total 16 80') and many[-1].startswith('total 79 80')
    assert '1 8 of them 0.000178 0.178 0 8 1,248 backbone.layers.0.* (8 of 12)' in many


def test_single_parameters(show) -> None:
    """Breaks when the list leaves out a match, a rate or what is frozen."""
    _, *lines = show(FINETUNE, '--name', 'embed')
    assert lines == [
        'backbone.pos_embed 0 - frozen 6,240',
        'backbone.patch_embed.projection.weight 0 1 0.000133 0.05 4,608',
        'backbone.patch_embed.projection.bias 0 0 0.000133 0 96',
    ]
    with pytest.raises(ValueError, match="no parameter of the model contains 'nothing'"):
        show(FINETUNE, '--name', 'nothing')


def test_options_change_the_table(show) -> None:
    """Breaks when --cfg-options comes after the optimizer is built, or no rate for
    layers makes the table fail."""
    options = ['optim_wrapper.optimizer.lr=0.5', 'optim_wrapper.paramwise_cfg.layer_decay_rate=1.0']
    title, _, *lines, total = show(FINETUNE, '--cfg-options', *options)
    assert 'lr 0.5' in title and total.startswith('total 2 ')
    assert [line[:11] for line in lines if ' 0.5 1 ' in line] == ['0-7 0 0.5 1', '0-7 1 0.5 1']


def test_a_config_without_an_optimizer_is_refused(show, tmp_path: Path) -> None:
    """Breaks when a config that only tests ends in an AttributeError."""
    config = tmp_path / 'test_only.py'
    config.write_text("model = dict(type='ImageClassifier')\n")
    with pytest.raises(ValueError, match='has no optim_wrapper; give a config that trains'):
        show(config)


def test_names_in_short(tool) -> None:
    """Breaks when a pattern names a parameter of another rate, or counts wrongly."""
    names = ['a.0.w', 'a.0.b', 'a.1.w', 'a.1.b', 'b.0.x.w', 'b.0.x.b', 'b.1.w', 'c']
    everything, none = set(names), set()
    assert tool.tell(['a.0.w', 'a.0.b'], none, names) == 'a.0.*'
    assert tool.tell(['b.0.x.w', 'b.0.x.b', 'b.1.w', 'c'], none, names) == 'b.*, c'
    assert tool.tell(['a.0.w'], everything, names) == 'a.0.w'
    some = ['a.0.w', 'a.1.w', 'b.0.x.w', 'b.1.w']
    assert tool.tell(some, everything, names) == 'a.* (2 of 4), b.* (2 of 3)'
    assert tool.tell(some, set(some), names) == 'a.0.w, a.1.w, b.0.x.w, 1 more'
    assert [tool.span(numbers) for numbers in ([], [None], [4, 4], [3, 2, 4], [7, 0])] == [
        *'--4',
        '2-4',
        '0, 7',
    ]
    assert tool.span([0, 1, 7]) == '3 of them'


def installed(library: object, config: str) -> Path:
    return Path(library.__file__).parent / '.mim' / 'configs' / config


FOREIGN = {
    'mmpretrain': (
        installed(mmpretrain, 'mae/benchmarks/vit-base-p16_8xb128-coslr-100e_in1k.py'),
        '1 8 of them 1.14e-05 0.00569 0 8 9,984 backbone.layers.0.* (8 of 12)',
    ),
    'mmdet': (
        installed(mmdet, 'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'),
        '- 0 0.02 1 0.0001 168 44,170,992 backbone.*, neck.*, rpn_head.*, 1 more',
    ),
    'mmseg': (
        installed(mmseg, 'mae/mae-base_upernet_8xb2-amp-160k_ade20k-512x512.py'),
        '- 2 5.69e-07 0.00569 0 10 11,520 backbone.layers.0.* (10 of 15)',
    ),
    'mmpose': (
        installed(
            mmpose,
            'body_2d_keypoint/topdown_heatmap/coco/td-hm_ViTPose-small_8xb64-210e_coco-256x192.py',
        ),
        '13 26 0.0005 1 0 7 1,809 backbone.ln1.*, head.* (5 of 8)',
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize('library', FOREIGN)
def test_configs_of_other_libraries(library: str, show) -> None:
    """Breaks when a library's scope, imports or constructor do not work here, or mixed
    precision in a config asks for a GPU."""
    config, expected = FOREIGN[library]
    title, _, *lines = show(config)
    assert 'weight decay' in title, 'a constructor printed what it does before the table'
    assert expected in lines


@pytest.mark.slow
def test_the_script_runs_as_a_user_runs_it() -> None:
    """Breaks when imports come in an order that only works inside the tests, or a
    mistake ends in a stack of frames."""

    def run(*arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, str(TOOL), *map(str, arguments)],
            cwd=REPO,
            env={**os.environ, 'PYTHONPATH': str(REPO)},
            text=True,
            capture_output=True,
        )

    done = run(REPO / 'configs' / PRETRAIN, '--cfg-options', 'optim_wrapper.optimizer.lr=0.01')
    assert done.returncode == 0, done.stderr
    assert 'neck.decoder_pos_embed' in done.stdout and 'lr 0.01' in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120
    done = run('nowhere.py')
    assert done.returncode == 1 and done.stderr.startswith('Error: There is no config at nowhere')
