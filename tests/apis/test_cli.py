"""How command lines end: one sentence for a mistake, a stack for a fault."""

import pytest

from mim_secrets.apis.cli import explain, run_cli
from mim_secrets.registry import MODELS


def raising(error: Exception):
    def main() -> None:
        raise error

    return main


def test_a_mistake_is_one_sentence(capsys) -> None:
    """Breaks when a user's mistake ends in a stack of frames or in exit code 0."""
    with pytest.raises(SystemExit) as exit_:
        run_cli(raising(FileNotFoundError('There is no\n  checkpoint.')))
    assert str(exit_.value).splitlines()[0] == 'Error: There is no checkpoint.'


def test_a_fault_of_the_program_keeps_its_stack() -> None:
    """Breaks when bugs are dressed up as mistakes of the user."""
    with pytest.raises(ZeroDivisionError):
        run_cli(raising(ZeroDivisionError()))


def test_debug_brings_the_stack_back(monkeypatch) -> None:
    """Breaks when --debug is not taken off, or hides the exception all the same."""
    monkeypatch.setattr('sys.argv', ['train.py', '--debug', 'config.py'])
    with pytest.raises(ValueError, match='deep inside'):
        run_cli(raising(ValueError('deep inside')))


def test_mmengines_wrapping_is_taken_off() -> None:
    """Breaks when `class X in a/b.py:` hides what was wrong, or when a key that a
    part does not know is not named together with the part."""
    with pytest.raises(ValueError) as mistake:
        MODELS.build(dict(type='RandomMasking', ratio=3))
    assert explain(mistake.value).startswith('RandomMasking: ratio is 3')

    with pytest.raises(TypeError) as mistake:
        MODELS.build(dict(type='RandomMasking', ration=0.5))
    assert explain(mistake.value) == (
        "RandomMasking does not know the key 'ration' of its config; it knows ratio, unit, "
        'asked_share, masks_per_image.'
    )
