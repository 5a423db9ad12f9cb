"""Writing checkpoints: what others can read of them, and what is left after a failure."""

import json
import os
import resource
import stat
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from torch import nn

from mim_secrets.checkpoint import writing
from mim_secrets.checkpoint.reading import read_checkpoint
from mim_secrets.checkpoint.writing import write_checkpoint

SUFFIXES = pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
META = dict(epoch=3, cfg='a = 1\n', metrics={'top1': 83.25}, classes=['a', 'b'], best=None)


def all_sorts() -> dict[str, torch.Tensor]:
    base = torch.randn(6, 4)
    return dict(
        plain=base,
        tied=base,
        turned=base.T,
        part=torch.randn(1000)[10:20],
        first=base[:2],
        parameter=nn.Parameter(torch.ones(2)),
        half=torch.randn(3).half(),
        brain=torch.randn(3).bfloat16(),
        whole=torch.arange(4),
        flags=torch.tensor([True, False]),
        number=torch.tensor(3.5),
        nothing=torch.zeros(0, 3),
        unknown=torch.tensor([float('nan'), float('inf')]),
    )


@SUFFIXES
def test_every_tensor_comes_back(tmp_path: Path, suffix: str) -> None:
    """Breaks when a view, a shared, an empty or a small tensor is changed or lost."""
    tensors = all_sorts()
    write_checkpoint(tmp_path / f'a{suffix}', tensors, META)
    actual = read_checkpoint(tmp_path / f'a{suffix}')
    assert actual.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert actual[name].dtype == tensor.dtype, name
        torch.testing.assert_close(
            actual[name], tensor.detach(), rtol=0, atol=0, equal_nan=True, msg=name
        )


@SUFFIXES
def test_a_view_does_not_bring_the_rest(tmp_path: Path, suffix: str) -> None:
    """Breaks when a slice of a large tensor is written with all that it was cut from."""
    large = torch.randn(1_000_000)
    write_checkpoint(tmp_path / f'a{suffix}', {'w': large[:10]})
    assert (tmp_path / f'a{suffix}').stat().st_size < 10_000


@pytest.fixture
def nothing_allowed() -> Iterator[None]:
    """As in a process that has never imported this package."""
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    yield
    torch.serialization.add_safe_globals(allowed)


def test_torch_alone_reads_the_file(tmp_path: Path, nothing_allowed) -> None:
    """Breaks when a reader needs our package, or anything but plain types."""
    write_checkpoint(tmp_path / 'a.pth', OrderedDict(all_sorts()), META)
    assert torch.serialization.get_unsafe_globals_in_checkpoint(tmp_path / 'a.pth') == []
    content = torch.load(tmp_path / 'a.pth', weights_only=True)
    assert content['meta'] == META
    assert type(content['state_dict']) is dict


def test_the_header_holds_strings(tmp_path: Path) -> None:
    """Breaks when the twin lacks what the .pth file says of itself, or the word
    `format`, without which transformers does not load it."""
    write_checkpoint(tmp_path / 'a.safetensors', all_sorts(), META)
    with safetensors.safe_open(tmp_path / 'a.safetensors', 'pt') as file:
        header = file.metadata()
    assert header.pop('format') == 'pt'
    assert header.pop('cfg') == META['cfg']
    assert {key: json.loads(text) for key, text in header.items()} == {
        key: value for key, value in META.items() if key != 'cfg'
    }


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    """Breaks when a hash of the file depends on its name or on the hour."""
    for name in ('a', 'b'):
        torch.manual_seed(0)
        write_checkpoint(tmp_path / f'{name}.pth', all_sorts(), META)
    assert (tmp_path / 'a.pth').read_bytes() == (tmp_path / 'b.pth').read_bytes()


@SUFFIXES
def test_the_file_is_for_whom_the_user_wants(tmp_path: Path, suffix: str) -> None:
    """Breaks when others of a group cannot read a file because of how it was made."""
    before = os.umask(0o027)
    try:
        write_checkpoint(tmp_path / f'a{suffix}', {'w': torch.ones(1)})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / f'a{suffix}').stat().st_mode) == 0o640


@SUFFIXES
def test_reading_and_writing_the_same_file(tmp_path: Path, suffix: str) -> None:
    """Breaks when a file is emptied while its tensors are still in it alone."""
    file = tmp_path / f'a{suffix}'
    write_checkpoint(file, {'w': torch.arange(5000.0)})
    write_checkpoint(file, read_checkpoint(file))
    assert torch.equal(read_checkpoint(file)['w'], torch.arange(5000.0))


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 100 kB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@SUFFIXES
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, small_disk, suffix: str) -> None:
    """Breaks when a failure destroys the checkpoint before it, or leaves half of one."""
    file = tmp_path / f'a{suffix}'
    write_checkpoint(file, {'w': torch.ones(3)})
    with pytest.raises(OSError, match=f'a{suffix} could not be written .*make room'):
        write_checkpoint(file, {'w': torch.zeros(100_000)})
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert torch.equal(read_checkpoint(file)['w'], torch.ones(3))


@SUFFIXES
def test_ctrl_c_leaves_what_was_there(tmp_path: Path, monkeypatch, suffix: str) -> None:
    """Breaks when whoever loses patience finds half a file, or none."""
    file = tmp_path / f'a{suffix}'
    write_checkpoint(file, {'w': torch.ones(3)})

    def interrupt(path: Path) -> None:
        assert path.stat().st_size > 100, 'interrupted before anything was written'
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, '_flush', interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(file, {'w': torch.zeros(3)})
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert torch.equal(read_checkpoint(file)['w'], torch.ones(3))


def test_a_folder_where_nothing_may_be_written() -> None:
    """Breaks when a folder for reading alone gives a stack of frames."""
    with pytest.raises(OSError, match='/sys/a.pth could not be written .*name a folder'):
        write_checkpoint('/sys/a.pth', {'w': torch.ones(1)})


class Epoch(int):
    """Equal to a number and no number to a weights-only reader."""


@pytest.mark.parametrize(
    ('name', 'tensors', 'meta', 'message'),
    [
        ('gone/a.pth', {'w': torch.ones(1)}, {}, 'The folder .*gone for a.pth does not exist'),
        ('a.onnx', {'w': torch.ones(1)}, {}, 'must end in .pth or .safetensors'),
        ('folder.pth', {'w': torch.ones(1)}, {}, 'is a folder; name a file'),
        ('a.pth', {}, {}, 'no tensors to write'),
        ('a.pth', {'w': [1.0]}, {}, 'w for .* is no tensor with data but list'),
        ('a.pth', {'w': torch.ones(1, device='meta')}, {}, 'w for .* is no tensor with data'),
        ('a.pth', {'w': torch.ones(1)}, {'a': [{'b': np.float64(1)}]}, r"meta\['a'\]\[0\]\['b'\] "),
        ('a.pth', {'w': torch.ones(1)}, {'epoch': Epoch(3)}, r"meta\['epoch'\] is a .*Epoch"),
        ('a.pth', {'w': torch.ones(1)}, {'a': OrderedDict(b=1)}, 'collections.OrderedDict'),
    ],
)  # fmt: skip
def test_what_cannot_be_written(tmp_path: Path, name, tensors, meta, message) -> None:
    """Breaks when a mistake is noticed by the reader of the file and not by its
    writer, or leaves anything behind."""
    (tmp_path / 'folder.pth').mkdir()
    with pytest.raises((OSError, ValueError, TypeError), match=message):
        write_checkpoint(tmp_path / name, tensors, meta)
    assert [path.name for path in tmp_path.iterdir()] == ['folder.pth']
