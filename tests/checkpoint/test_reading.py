"""Reading checkpoints: what is read, and what is said of files that are none."""

import argparse
import os
import pickle
import socket
import sys
import threading
import types
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from mmengine.logging import MMLogger
from torch import nn

from mim_secrets.checkpoint import reading
from mim_secrets.checkpoint.initializer import newest_checkpoint
from mim_secrets.checkpoint.reading import read_checkpoint
from mim_secrets.checkpoint.writing import write_checkpoint

WEIGHTS = {'backbone.cls_token': torch.arange(3.0)}
LEGACY = dict(_use_new_zipfile_serialization=False)


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors', '.bin', ''])
@pytest.mark.parametrize('save', [torch.save, partial(torch.save, **LEGACY), 'safetensors'])
def test_content_decides_and_not_the_suffix(tmp_path: Path, save, suffix: str) -> None:
    """Breaks when a renamed file is taken for damaged, or a format is not read."""
    file = tmp_path / f'a{suffix}'
    (safetensors.torch.save_file if save == 'safetensors' else save)(WEIGHTS, file)
    assert torch.equal(read_checkpoint(file)['backbone.cls_token'], torch.arange(3.0))


def test_home_is_expanded(tmp_path: Path, monkeypatch) -> None:
    """Breaks when `~` stands for a folder of that name."""
    monkeypatch.setenv('HOME', str(tmp_path))
    torch.save(WEIGHTS, tmp_path / 'a.pth')
    assert read_checkpoint('~/a.pth').keys() == WEIGHTS.keys()


@pytest.mark.parametrize('options', [{}, LEGACY], ids=['zip', 'legacy'])
def test_tensors_of_another_device_come_to_the_cpu(tmp_path, monkeypatch, options) -> None:
    """Breaks when a file written on a GPU can only be read beside one."""
    monkeypatch.setattr(torch.serialization, 'location_tag', lambda storage: 'cuda:3')
    torch.save(WEIGHTS, tmp_path / 'a.pth', **options)
    assert b'cuda:3' in (tmp_path / 'a.pth').read_bytes()
    tensor = read_checkpoint(tmp_path / 'a.pth')['backbone.cls_token']
    assert tensor.device.type == 'cpu'
    assert torch.equal(tensor, torch.arange(3.0))


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_large_file_is_not_copied_into_memory(tmp_path: Path, suffix: str) -> None:
    """Breaks when reading fills memory with a second copy of a model, or when what
    was read changes with a file that is deleted or replaced."""
    file = tmp_path / f'a{suffix}'
    weights = {'w': torch.randn(1000)}
    write_checkpoint(file, weights)
    tensors = read_checkpoint(file)
    assert str(file) in Path('/proc/self/maps').read_text()
    write_checkpoint(file, {'w': torch.zeros(1000)})
    file.unlink()
    assert torch.equal(tensors['w'], weights['w'])


def test_a_compressed_archive_is_read(tmp_path: Path) -> None:
    """Breaks when compressed bytes are taken for numbers, as mapping them would."""
    torch.save(WEIGHTS, tmp_path / 'a.pth')
    with (
        zipfile.ZipFile(tmp_path / 'a.pth') as source,
        zipfile.ZipFile(tmp_path / 'b.pth', 'w', zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in source.infolist():
            packed.writestr(entry.filename, source.read(entry))
    tensors = read_checkpoint(tmp_path / 'b.pth')
    assert torch.equal(tensors['backbone.cls_token'], torch.arange(3.0))


@pytest.mark.parametrize('kind', ['zip', 'legacy', 'safetensors'])
@pytest.mark.parametrize('left', [0.05, 0.3, 0.9, 0.999])
def test_truncated_files(tmp_path: Path, kind: str, left: float) -> None:
    """Breaks when part of a file is read as a smaller one, or mapped beyond its end,
    which would end the process."""
    file = tmp_path / 'a.pth'
    weights = {f'w{i}': torch.randn(1000) for i in range(3)}
    if kind == 'safetensors':
        safetensors.torch.save_file(weights, file)
    else:
        torch.save(weights, file, **(LEGACY if kind == 'legacy' else {}))
    whole = file.read_bytes()
    file.write_bytes(whole[: int(left * len(whole))])
    with pytest.raises(ValueError, match='truncated|not a whole'):
        read_checkpoint(file)


def test_a_file_with_a_hole(tmp_path: Path) -> None:
    """Breaks when what follows lost bytes is read as weights."""
    torch.save({f'w{i}': torch.randn(1000) for i in range(3)}, tmp_path / 'a.pth')
    whole = (tmp_path / 'a.pth').read_bytes()
    (tmp_path / 'a.pth').write_bytes(whole[:4000] + whole[6000:])
    with pytest.raises(ValueError, match='truncated'):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is empty; copy or train it again'),
        (b'\n <!DOCTYPE html><html>not found</html>', 'is a web page'),
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:0', 'pointer of Git LFS'),
        (b'abc', 'is no checkpoint at all'),
        (b'{"error": "not found"}', 'is no checkpoint at all'),
        (b'PK\x03\x04 and then nothing', 'truncated or no checkpoint'),
        (b'\x80\x02', 'truncated or no checkpoint'),
    ],
)
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_files_that_are_no_checkpoints(tmp_path, content, message, suffix) -> None:
    """Breaks when a user sees an unpickling error instead of what is wrong."""
    file = tmp_path / f'a{suffix}'
    file.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_checkpoint(file)
    assert str(error.value).startswith(str(file))
    assert '\n' not in str(error.value)


def whatever_needs_more(monkeypatch) -> dict[str, object]:
    yacs = types.ModuleType('yacs.config')
    yacs.CfgNode = type('CfgNode', (dict,), dict(__module__='yacs.config'))
    monkeypatch.setitem(sys.modules, 'yacs', types.ModuleType('yacs'))
    monkeypatch.setitem(sys.modules, 'yacs.config', yacs)
    return {
        'argparse.Namespace': dict(model=WEIGHTS, args=argparse.Namespace(lr=1)),
        'yacs.config.CfgNode': dict(model=WEIGHTS, config=yacs.CfgNode(a=1)),
        'torch.nn.modules.linear.Linear': nn.Linear(1, 1),
        'builtins.slice': dict(model=WEIGHTS, part=slice(3)),
    }


@pytest.mark.parametrize('options', [{}, LEGACY], ids=['zip', 'legacy'])
@pytest.mark.parametrize(
    'offender',
    [
        'argparse.Namespace',
        'yacs.config.CfgNode',
        'torch.nn.modules.linear.Linear',
        'builtins.slice',
    ],
)
def test_what_needs_more_than_weights_is_refused(
    tmp_path: Path, monkeypatch, offender: str, options: dict
) -> None:
    """Breaks when the sentence does not say which type is in the way, or not what
    to do about it, or says it in torch's words, which advise to open the file."""
    file = tmp_path / 'a.pth'
    torch.save(whatever_needs_more(monkeypatch)[offender], file, **options)
    with pytest.raises(ValueError, match='holds more than weights') as error:
        read_checkpoint(file)
    message = str(error.value)
    assert f'(it asks for {offender})' in message
    assert f'tools/model_converters/convert.py {file} OUT --to mim_secrets --trust' in message
    assert 'that you can afford to lose' in message
    assert '\n' not in message


def test_foreign_pickles_are_refused(tmp_path: Path) -> None:
    """Breaks when a pickle or a program is called damaged, so that it is fetched again."""
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(dict(model=dict(w=np.zeros(3)))))
    with pytest.raises(ValueError, match='it is a pickle that torch did not write'):
        read_checkpoint(tmp_path / 'a.pkl')
    program = torch.jit.trace(nn.Linear(1, 1), torch.zeros(1, 1))
    torch.jit.save(program, tmp_path / 'a.pt')
    with pytest.raises(ValueError, match='it is a TorchScript program'):
        read_checkpoint(tmp_path / 'a.pt')


@pytest.mark.parametrize(
    'content', [{}, dict(meta=1), dict(state_dict={}), [1], torch.zeros(3), dict(model=dict(a=1))]
)
def test_files_without_weights(tmp_path: Path, content: object) -> None:
    """Breaks when nothing is loaded without a word."""
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='holds no weights'):
        read_checkpoint(tmp_path / 'a.pth')


def test_names_without_data(tmp_path: Path) -> None:
    """Breaks when tensors of the meta device are copied as if they held numbers."""
    torch.save({'w': torch.zeros(3, device='meta')}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='names w but holds no data for it'):
        read_checkpoint(tmp_path / 'a.pth')


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    """Breaks when a wrong path gives a stack of frames, or a pipe is waited for."""
    with pytest.raises(FileNotFoundError, match='There is no checkpoint at'):
        read_checkpoint(tmp_path / 'gone.pth')
    with pytest.raises(IsADirectoryError, match='is a folder; name one of the files'):
        read_checkpoint(tmp_path)
    os.mkfifo(tmp_path / 'pipe.pth')
    with pytest.raises(FileNotFoundError, match='There is no checkpoint at'):
        read_checkpoint(tmp_path / 'pipe.pth')


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path, monkeypatch) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which it is served."""
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    folder = tmp_path / 'web'
    folder.mkdir()
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield folder, f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


def test_addresses_are_downloaded(web, monkeypatch) -> None:
    """Breaks when a zoo's address is taken for a path, or leaves files behind."""
    folder, address = web
    said = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'handle', said.append)
    write_checkpoint(folder / 'a.pth', WEIGHTS)
    write_checkpoint(folder / 'a.safetensors', WEIGHTS)
    for name in ('a.pth', 'a.safetensors'):
        tensors = read_checkpoint(f'{address}/{name}')
        assert torch.equal(tensors['backbone.cls_token'], torch.arange(3.0))
        assert said.pop().getMessage() == f'Downloading {address}/{name}'


def test_bad_answers(web, monkeypatch) -> None:
    """Breaks when a download fails in another way than with one sentence that names
    the address, or waits for ever for a server that is silent."""
    folder, address = web
    with pytest.raises(ConnectionError, match=f'{address}/gone.pth could not be .*404'):
        read_checkpoint(f'{address}/gone.pth')
    (folder / 'a.pth').write_text('<html>log in first</html>')
    with pytest.raises(ValueError, match=f'{address}/a.pth is a web page'):
        read_checkpoint(f'{address}/a.pth')
    with socket.create_server(('127.0.0.1', 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setattr(reading, 'SECONDS_OF_SILENCE', 0.2)
        with pytest.raises(ConnectionError, match='timed out'):
            read_checkpoint(f'http://127.0.0.1:{port}/a.pth')
    with pytest.raises(ConnectionError, match='refused'):
        read_checkpoint(f'http://127.0.0.1:{port}/a.pth')
    assert socket.getdefaulttimeout() is None


def test_a_work_directory_stands_for_its_newest_checkpoint(tmp_path: Path) -> None:
    """Breaks when an older epoch is taken, or mmengine's pointer is ignored."""
    with pytest.raises(FileNotFoundError, match='no .pth file'):
        newest_checkpoint(tmp_path)
    for age, name in enumerate(['epoch_2.pth', 'epoch_10.pth']):
        torch.save(WEIGHTS, tmp_path / name)
        os.utime(tmp_path / name, (age, age))
    assert newest_checkpoint(tmp_path).name == 'epoch_10.pth'
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_2.pth'))
    assert newest_checkpoint(tmp_path).name == 'epoch_2.pth'
