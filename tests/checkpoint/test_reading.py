"""Reading checkpoints: what is unwrapped, and what is said of files that are none."""

import os
from pathlib import Path

import pytest
import safetensors.torch
import torch

from mim_secrets.checkpoint.initializer import newest_checkpoint
from mim_secrets.checkpoint.reading import read_checkpoint

WEIGHTS = {'backbone.cls_token': torch.arange(3.0)}


class Attack:
    """Unpickling this creates a file: code that runs while weights are read."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize(
    'content',
    [
        WEIGHTS,
        dict(state_dict=WEIGHTS, meta=dict(epoch=3)),
        dict(model=WEIGHTS, optimizer=dict(lr=1.0)),
        dict(model=dict(state_dict=WEIGHTS)),
    ],
)
def test_wrapped_weights_are_found(tmp_path: Path, content: dict) -> None:
    """Breaks when one of the usual wrappings is not opened."""
    torch.save(content, tmp_path / 'a.pth')
    state_dict = read_checkpoint(tmp_path / 'a.pth')
    assert list(state_dict) == ['backbone.cls_token']
    assert torch.equal(state_dict['backbone.cls_token'], torch.arange(3.0))


def test_safetensors_are_read(tmp_path: Path) -> None:
    """Breaks when the other format is taken for a pickle."""
    safetensors.torch.save_file(WEIGHTS, tmp_path / 'a.safetensors')
    assert read_checkpoint(tmp_path / 'a.safetensors').keys() == WEIGHTS.keys()


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    """Breaks when a file is unpickled with everything allowed."""
    loot = tmp_path / 'loot'
    torch.save(dict(state_dict=WEIGHTS, extra=Attack(loot)), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='holds more than weights .*mkdir'):
        read_checkpoint(tmp_path / 'a.pth')
    assert not loot.exists()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is empty'),
        (b'<!DOCTYPE html><html>not found</html>', 'is a web page'),
        (b'abc', 'truncated or no checkpoint'),
    ],
)
def test_files_that_are_no_checkpoints(tmp_path, content, message) -> None:
    """Breaks when a user sees an unpickling error instead of what is wrong."""
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_truncated_files(tmp_path: Path, suffix: str) -> None:
    """Breaks when half a file is read as a smaller one."""
    file = tmp_path / f'a{suffix}'
    weights = {'w': torch.randn(1000)}
    save = torch.save if suffix == '.pth' else safetensors.torch.save_file
    save(weights, file)
    file.write_bytes(file.read_bytes()[:1500])
    with pytest.raises(ValueError, match='truncated|not a whole'):
        read_checkpoint(file)


def test_files_without_weights_and_missing_files(tmp_path: Path) -> None:
    """Breaks when nothing is loaded without a word."""
    torch.save(dict(meta=1), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='holds no weights'):
        read_checkpoint(tmp_path / 'a.pth')
    with pytest.raises(FileNotFoundError, match='There is no checkpoint at'):
        read_checkpoint(tmp_path / 'b.pth')


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
