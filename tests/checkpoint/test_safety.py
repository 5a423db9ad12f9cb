"""A checkpoint that carries code goes through every door, and the code does not run."""

import ast
import importlib.util
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import MODELS
from mmengine.runner import load_checkpoint

from mim_secrets.checkpoint.reading import read_checkpoint, read_content
from tests import tiny_run
from tests.checkpoint.attacks import ATTACKS, write_attack

REPO = Path(__file__).parents[2]
_runs = count()


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run.write_images(tmp_path_factory.mktemp('images'))


@pytest.fixture(scope='module')
def trained(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of one epoch leaves: attacks are this and something more."""
    folder = tmp_path_factory.mktemp('trained')
    tiny_run.runner(folder, **tiny_run.training(images, epochs=1)).train()
    return folder / 'epoch_1.pth'


@pytest.fixture
def config(images: Path, tmp_path: Path) -> Path:
    """A config that tools can train, test and draw with."""
    cfg = dict(
        model=tiny_run.MODEL,
        default_scope='mim_secrets',
        experiment_name=f'safety_{next(_runs)}',
        log_level='ERROR',
        test_dataloader=tiny_run.loader(images),
        test_cfg=dict(type='ProbeLoop', bank=tiny_run.loader(images)),
        test_evaluator=[],
        **tiny_run.training(images),
    )
    Config(cfg).dump(tmp_path / 'config.py')
    return tmp_path / 'config.py'


def start_encoder(file: Path | str, kind: str, **options: object) -> None:
    init_cfg = dict(type=kind, checkpoint=str(file), **options)
    MODELS.build({**tiny_run.BACKBONE, 'init_cfg': init_cfg}).init_weights()


def start_model(file: Path) -> None:
    init_cfg = dict(type='Pretrained', checkpoint=str(file))
    MODELS.build({**tiny_run.MODEL, 'init_cfg': init_cfg}).init_weights()


# What a program calls.
CALLS: dict[str, Callable[[Path], object]] = {
    'read_checkpoint': read_checkpoint,
    'read_content': read_content,
    'SharedCheckpoint': partial(start_encoder, kind='SharedCheckpoint'),
    'Pretrained': partial(start_encoder, kind='Pretrained', prefix='backbone.'),
    'Pretrained model': start_model,
    'load_checkpoint': lambda file: load_checkpoint(MODELS.build(tiny_run.MODEL), str(file)),
}


@pytest.mark.parametrize('name', CALLS)
def test_calls_read_a_harmless_file(trained: Path, tmp_path: Path, name: str) -> None:
    """Breaks when a call does not read its file at all, so that the tests below
    would pass whatever it did."""
    CALLS[name](trained)
    with pytest.raises(FileNotFoundError):
        CALLS[name](tmp_path / 'missing.pth')


@pytest.mark.parametrize('attack', ATTACKS)
def test_attacks_work(trained: Path, tmp_path: Path, attack: str) -> None:
    """Breaks when an attack is none, so that surviving it would mean nothing."""
    file, loot = write_attack(attack, read_content(trained), tmp_path)
    renamed = file.rename(tmp_path / 'any.bin')  # torch opens no pickle called safetensors
    try:
        torch.load(renamed, weights_only=False)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        assert loot.is_dir(), error  # a pickle of no checkpoint: run first, refused then
    assert loot.is_dir()


@pytest.mark.slow
@pytest.mark.parametrize('attack', ATTACKS)
@pytest.mark.parametrize('name', CALLS)
def test_calls_do_not_run_code(trained: Path, tmp_path: Path, name: str, attack: str) -> None:
    """Breaks when a file can do anything but be read."""
    file, loot = write_attack(attack, read_content(trained), tmp_path)
    with pytest.raises(Exception, match=r'(?i)weights|checkpoint|safetensors|header|pickle'):
        CALLS[name](file)
    assert not loot.exists()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the files of ``tmp_path`` are served."""
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


@pytest.mark.parametrize('name', ['read_checkpoint', 'SharedCheckpoint', 'Pretrained'])
@pytest.mark.parametrize('attack', ['plain', 'globals of an allowed method'])
def test_downloads_do_not_run_code(trained, tmp_path, address, name: str, attack: str) -> None:
    """Breaks when mmengine downloads as torch.hub does by default, which runs all."""
    shutil.copy(trained, tmp_path / 'good.pth')
    CALLS[name](f'{address}/good.pth')
    file, loot = write_attack(attack, read_content(trained), tmp_path)
    with pytest.raises(Exception, match='(?i)weights'):
        CALLS[name](f'{address}/{file.name}')
    assert not loot.exists()


def tool_at(name: str) -> object:
    path = REPO / 'tools' / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Command lines that open a checkpoint; FILE is one, FOLDER a work directory with it.
WORK = ['--work-dir', 'work']
LOOK = ['--data', 'IMAGES', '--out', 'out', '--measures', 'entropy', '--workers', '0']
COMMANDS: dict[str, list[list[str]]] = {
    'train.py': [
        ['CONFIG', '--resume', 'FILE', *WORK],
        ['CONFIG', '--resume', '--work-dir', 'FOLDER'],
        ['CONFIG', *WORK, '--cfg-options', 'load_from=FILE'],
        ['CONFIG', *WORK, '--pretrained', 'FILE'],
        ['CONFIG', *WORK, '--pretrained', 'FOLDER'],
        ['CONFIG', *WORK, '--cfg-options', 'model.backbone.init_cfg.type=SharedCheckpoint']
        + ['model.backbone.init_cfg.checkpoint=FILE'],
    ],
    'test.py': [['CONFIG', 'FILE', *WORK], ['CONFIG', 'FOLDER', *WORK]],
    'analyze.py': [['--model', 'x=CONFIG:FILE', *LOOK], ['--model', 'x=CONFIG:FOLDER', *LOOK]],
    'visualization/reconstruct.py': [
        ['CONFIG', 'FILE', 'IMAGES', '-o', 'out.png'],
        ['CONFIG', 'FOLDER', 'IMAGES', '-o', 'out.png'],
    ],
    'model_converters/convert.py': [
        ['FILE', 'out.pth', '--to', 'mim_secrets'],
        ['FOLDER', 'out.pth', '--to', 'mim_secrets'],
        ['FILE', '--list'],
    ],
    'model_converters/publish.py': [['FILE', 'zoo/it'], ['FOLDER', '--out-dir', 'zoo']],
}
# Tools that speak of checkpoints but open none that a user names, and why.
OTHERS = {
    'infer.py': 'needs the model of a task; attacked in tests/tools/test_infer.py',
    'quickstart.py': 'starts train.py and test.py',
    'analysis_tools/layer_dropping.py': 'starts train.py, to which it hands them on',
    'analysis_tools/get_flops.py': 'builds models and does not fill them',
    'analysis_tools/param_groups.py': 'builds models and does not fill them',
    'benchmarks/checkpoint_loading.py': 'reads the file that it has just written',
    'benchmarks/recipes.py': 'starts train.py, whose checkpoints it hands on',
    'benchmarks/transfer.py': 'starts train.py, to which it hands them on',
    'misc/write_tables.py': 'reads tables of numbers',
    'misc/benchmark_tables.py': 'reads tables of numbers',
}
LINES = [
    pytest.param(
        tool,
        line,
        id=' '.join([tool, *line]),
        marks=[pytest.mark.slow] if tool in ('train.py', 'test.py') else [],
    )
    for tool, lines in COMMANDS.items()
    for line in lines
]


@pytest.fixture
def run(config: Path, images: Path, tmp_path: Path, monkeypatch) -> Callable:
    """Run a tool in this process as its command line would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(MMLogger, '_instance_dict', MMLogger._instance_dict.copy())

    def call(tool: str, line: list[str], file: Path) -> None:
        folder = tmp_path / 'folder'
        folder.mkdir()
        shutil.copy(file, folder / 'epoch_1.pth')
        (folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))
        words = dict(CONFIG=config, FILE=file, FOLDER=folder, IMAGES=images / 'dark')
        pattern = re.compile('|'.join(words))
        filled = [pattern.sub(lambda word: str(words[word[0]]), part) for part in line]
        monkeypatch.setattr(sys, 'argv', [tool, *filled])
        tool_at(tool).main()

    return call


@pytest.mark.parametrize(('tool', 'line'), LINES)
def test_tools_read_a_harmless_file(trained: Path, run, tool: str, line: list[str]) -> None:
    """Breaks when a command line ends before it opens the file, so that the test
    below would pass whatever it did."""
    run(tool, line, trained)


@pytest.mark.slow
@pytest.mark.parametrize('attack', ['plain', 'legacy', 'globals of an allowed method'])
@pytest.mark.parametrize(('tool', 'line'), LINES)
def test_tools_do_not_run_code(
    trained: Path, tmp_path: Path, run, tool: str, line: list[str], attack: str
) -> None:
    """Breaks when a command opens a checkpoint with everything allowed, or ends for
    another reason than what is in the file."""
    file, loot = write_attack(attack, read_content(trained), tmp_path)
    reason = 'posix.mkdir' if attack != 'globals of an allowed method' else '__globals__'
    with pytest.raises(Exception, match=reason):
        run(tool, line, file)
    assert not loot.exists()


@pytest.mark.parametrize('attack', ['plain', 'globals of an allowed method'])
def test_trust_is_what_it_says(trained: Path, tmp_path: Path, run, attack: str) -> None:
    """Breaks when --trust does not open what it is for, or when the attacks above
    would not have run in these very tools."""
    file, loot = write_attack(attack, read_content(trained), tmp_path)
    line = ['FILE', 'out.pth', '--to', 'mim_secrets', '--trust']
    run('model_converters/convert.py', line, file)
    assert loot.is_dir()
    assert read_checkpoint('out.pth').keys() == read_checkpoint(trained).keys()


@pytest.mark.parametrize('name', ['convert', 'publish'])
@pytest.mark.slow
def test_a_process_of_its_own(run_tool, trained: Path, tmp_path: Path, name: str) -> None:
    """Breaks when a tool is safe only because the tests have imported more than it."""
    file, loot = write_attack('plain', read_content(trained), tmp_path)
    options = ['--to', 'mim_secrets'] if name == 'convert' else []
    result = run_tool(f'model_converters/{name}.py', file, tmp_path / 'out.pth', *options)
    assert result.returncode == 1
    assert result.stdout.startswith('Error: ')
    assert 'it asks for posix.mkdir' in result.stdout
    assert not loot.exists()


def test_every_tool_that_knows_checkpoints_is_here() -> None:
    """Breaks when a new tool opens checkpoints and nobody attacks it."""
    names = r'checkpoint|load_from|init_cfg|torch\.load|\.pth|\.safetensors'
    speaks = re.compile(names, re.IGNORECASE)
    tools = REPO / 'tools'
    found = {
        str(path.relative_to(tools))
        for path in tools.rglob('*.py')
        if speaks.search(path.read_text())
    }
    assert found == COMMANDS.keys() | OTHERS.keys()


# Calls that may run what they read, unless they are told to read weights only.
CARELESS = re.compile(
    r'(^|\.)(load_url|load_state_dict_from_url|load_checkpoint|load_from_http)$'
    r'|^torch\.(jit\.)?load$|^(pickle|dill|joblib|marshal|shelve)\.'
    r'|^(np|numpy)\.load$|^(mmengine|fileio|mmengine\.fileio)\.load$|CheckpointLoader'
)


def test_only_one_place_opens_everything() -> None:
    """Breaks when anything but convert.py --trust may open a file with everything
    allowed, whoever calls it."""
    careless = []
    for path in [*(REPO / 'mim_secrets').rglob('*.py'), *(REPO / 'tools').rglob('*.py')]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and CARELESS.search(ast.unparse(node.func)):
                words = {word.arg: ast.unparse(word.value) for word in node.keywords}
                called = ast.unparse(node.func)
                # NumPy opens pickles only when it is told to
                safe = called == 'np.load' and words.get('allow_pickle', 'False') == 'False'
                if words.get('weights_only') != 'True' and not safe:
                    careless.append((str(path.relative_to(REPO)), called))
    allowed = {('mim_secrets/compat.py', 'pickle.UnpicklingError')}  # an error is no reader
    converter = 'tools/model_converters/convert.py'
    trusting = {(converter, 'torch.load'), (converter, 'pickle.loads')}
    assert set(careless) - allowed == trusting
