"""tools/model_converters/convert.py as a user runs it."""

import importlib.util
import pickle
import sys
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

from mim_secrets.checkpoint.layouts import LAYOUTS, from_ours, layout_named, to_ours
from mim_secrets.checkpoint.reading import read_checkpoint
from tests.checkpoint.layout_checks import assert_same, random_tensors, shaken, under
from tests.checkpoint.test_layouts_vit import HOUSES
from tests.checkpoint.test_layouts_vit_lists import mae
from tests.conftest import REPO

TOOL = REPO / 'tools' / 'model_converters' / 'convert.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('convert', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def convert(tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Run the tool in this process; returns what it printed, or what it died of."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, 'argv', ['convert.py', *arguments])
        try:
            tool.run_cli(tool.main)
        except SystemExit as end:
            return str(end.code)
        return capsys.readouterr().out

    return run


def write_mae(path: str = 'mae.pth') -> dict[str, torch.Tensor]:
    tensors = random_tensors(mae())
    torch.save(dict(model=tensors, epoch=3), path)
    return tensors


class Bomb:
    """Runs when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.write_text, (self.target, 'ran')


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_file_is_converted_whole(convert, suffix: str) -> None:
    """Breaks when a tensor does not reach the file that the suffix asks for."""
    tensors = write_mae()
    said = convert('mae.pth', 'out' + suffix, '--to', 'huggingface')
    assert 'mae names of a vit without prefix' in said
    assert 'nothing is left behind' in said
    expected = from_ours(to_ours(tensors).tensors, layout_named('huggingface', 'vit')).tensors
    assert_same(read_checkpoint('out' + suffix), expected)
    if suffix == '.safetensors':
        assert_same(safetensors.torch.load_file('out.safetensors'), expected)
    assert sorted(path.name for path in Path().iterdir()) == ['mae.pth', 'out' + suffix]


def test_there_and_back_is_the_same(convert) -> None:
    """Breaks when a value does not survive two conversions and two formats."""
    tensors = write_mae()
    convert('mae.pth', 'hf.safetensors', '--to', 'huggingface')
    convert('hf.safetensors', 'ours.pth', '--to', 'mim_secrets')
    convert('ours.pth', 'back.pth', '--to', 'mae')
    assert_same(read_checkpoint('back.pth'), tensors)


@pytest.mark.parametrize(
    ('name', 'key'), [('timm', 'state_dict'), ('mae', 'model'), ('huggingface', None)]
)
def test_tensors_stand_where_their_house_looks(convert, name: str, key: str | None) -> None:
    """Breaks when the loaders of MAE's authors find no 'model' in a file, or those of
    transformers find more than tensors."""
    write_mae()
    convert('mae.pth', 'out.pth', '--to', name)
    content = torch.load('out.pth', weights_only=True)
    tensors = content if key is None else content[key]
    assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())
    assert tensors.keys() == read_checkpoint('out.pth').keys()


def test_an_encoder_alone_loads_into_the_bare_model(convert) -> None:
    """Breaks when --encoder-only leaves a prefix, a decoder or a head in the file."""
    model = shaken(HOUSES['timm'].theirs())
    torch.save(under('module.', model.state_dict()), 'in.pth')
    convert('in.pth', 'out.pth', '--to', 'huggingface', '--encoder-only')
    HOUSES['Hugging Face MAE'].theirs().load_state_dict(read_checkpoint('out.pth'))
    convert('out.pth', 'timm.pth', '--to', 'timm')
    bare = timm.create_model(
        'vit_small_patch16_224', img_size=32, patch_size=8, embed_dim=48, depth=2,
        num_heads=4, mlp_ratio=2, num_classes=0,
    )  # fmt: skip
    bare.load_state_dict(read_checkpoint('timm.pth'))


def test_a_list_says_what_is_there_and_what_would_go(convert) -> None:
    """Breaks when --list writes, or does not name layout, prefix, counts and losses."""
    tensors = under('module.', random_tensors(mae()))
    torch.save({**tensors, 'queue': torch.zeros(2)}, 'in.pth')
    said = convert('in.pth', '--list')
    assert 'in.pth: mae names of a vit under module., told by blocks.0.norm1.weight' in said
    assert f'{len(tensors) + 1} tensors with' in said
    line = next(line for line in said.splitlines() if 'blocks.*.mlp.fc1' in line)
    assert line.split() == [
        'module.blocks.*.mlp.fc1.{weight,bias}',
        '->',
        'backbone.layers.*.ffn.layers.0.0.{weight,bias}',
    ]
    assert 'queue (1): not part of the encoder' in said
    assert [path.name for path in Path().iterdir()] == ['in.pth']


def test_the_table_has_a_row_for_every_layout(convert) -> None:
    """Breaks when a layout is missing from the documentation's table."""
    rows = [line.split('|')[1:-1] for line in convert('--table').splitlines()]
    cells = [[cell.strip() for cell in row] for row in rows[2:]]
    assert {(name.strip('`'), family) for name, family, *_ in cells} == {
        (layout.name, layout.family) for layout in LAYOUTS
    }
    assert ['`vitpose`', 'vit', 'yes', 'no', 'encoder'] in [row[:5] for row in cells]
    assert ['`mmpretrain`', 'swin', 'as mim_secrets', 'yes'] in [row[:4] for row in cells]
    assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ([], 'No checkpoint is named'),
        (['mae.pth'], 'Give OUT and --to NAME'),
        (['mae.pth', 'out.pth', '--to', 'nobody'], "There is no layout 'nobody'; there are beit,"),
        (['mae.pth', 'out.pth', '--to', 'swin-transformer'], 'for a vit encoder; there are beit'),
        (['mae.pth', 'mae.pth', '--to', 'timm'], 'mae.pth exists; name another file, or add'),
        (['mae.pth', 'out.txt', '--to', 'timm'], 'out.txt must end in .pth or .safetensors'),
        (['mae.pth', 'no/out.pth', '--to', 'timm'], 'does not exist'),
        (['none.pth', 'out.pth', '--to', 'timm'], 'no checkpoint at none.pth'),
        (['mae.pth', 'out.pth', '--to', 'vitpose'], 'vitpose can be read but not written'),
    ],
)
def test_a_mistake_is_one_sentence(convert, arguments: list[str], said: str) -> None:
    """Breaks when a wrong command line ends in a stack of frames, or writes a file."""
    write_mae()
    message = convert(*arguments)
    assert message.startswith('Error: ')
    assert said in message
    assert [path.name for path in Path().iterdir()] == ['mae.pth']


def test_a_file_is_replaced_only_when_asked(convert) -> None:
    """Breaks when --overwrite is needed in vain, or not needed."""
    write_mae()
    Path('out.pth').write_text('precious')
    assert 'out.pth exists' in convert('mae.pth', 'out.pth', '--to', 'timm')
    assert Path('out.pth').read_text() == 'precious'
    convert('mae.pth', 'out.pth', '--to', 'timm', '--overwrite')
    assert 'blocks.0.norm1.weight' in read_checkpoint('out.pth')


def test_code_runs_only_with_trust_and_after_a_warning(convert, tmp_path: Path) -> None:
    """Breaks when a pickle runs unasked, or when --trust cannot open one."""
    target = tmp_path / 'ran.txt'
    torch.save(dict(model=random_tensors(mae()), config=Bomb(target)), 'in.pth')
    message = convert('in.pth', 'out.pth', '--to', 'timm')
    assert message.startswith('Error: ') and '--trust' in message
    assert not target.exists() and not Path('out.pth').exists()
    said = convert('in.pth', 'out.pth', '--to', 'timm', '--trust')
    assert said.startswith('Warning: in.pth is opened with --trust, which runs whatever code')
    assert target.exists()
    assert 'blocks.0.norm1.weight' in read_checkpoint('out.pth')


def test_trust_opens_what_detectron2_writes(convert) -> None:
    """Breaks when a plain pickle of NumPy arrays, which torch cannot read, is called
    broken."""
    tensors = random_tensors(mae())
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    Path('in.pkl').write_bytes(pickle.dumps(dict(model=arrays, matching_heuristics=True)))
    convert('in.pkl', 'out.pth', '--to', 'mae', '--trust')
    assert_same(read_checkpoint('out.pth'), tensors)


@pytest.mark.parametrize('content', [b'', b'no pickle', pickle.dumps([1, 2])])
def test_trust_does_not_make_a_checkpoint_of_everything(convert, content: bytes) -> None:
    """Breaks when a broken file that is trusted ends in a stack of frames."""
    Path('in.pth').write_bytes(content)
    message = convert('in.pth', 'out.pth', '--to', 'timm', '--trust')
    assert message.startswith('Error: in.pth ')


@pytest.mark.slow
def test_the_tool_runs_by_itself(run_tool, tmp_path: Path) -> None:
    """Breaks when the script cannot be started from another folder."""
    torch.save(random_tensors(mae()), tmp_path / 'mae.pth')
    result = run_tool('model_converters/convert.py', 'mae.pth', 'out.pth', '--to', 'timm')
    assert result.returncode == 0, result.stdout
    assert 'decoder_' not in ' '.join(read_checkpoint(tmp_path / 'out.pth'))
