"""The set-up: what a machine must have, what is advised, what a step depends on."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / 'tools'))

import setup_env  # noqa: E402


@pytest.mark.parametrize('version', [(3, 9, 2), (3, 13, 0)])
def test_unsupported_python_is_refused_in_one_sentence(version, monkeypatch):
    """Fails if an unsupported Python gets to the first step, or no way out is named."""
    monkeypatch.setattr(setup_env.sys, 'version_info', version)
    (sentence,) = setup_env.missing_prerequisites()
    assert f'Python 3.{version[1]} is not supported' in sentence
    assert 'make setup PYTHON=' in sentence


def test_missing_compiler_and_headers_are_told_together(monkeypatch, tmp_path):
    """Fails if a user has to run the set-up once for each missing package."""
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setattr(setup_env.sysconfig, 'get_path', lambda name: str(tmp_path))
    text = '\n'.join(setup_env.missing_prerequisites())
    assert '-dev' in text and 'apt install g++' in text


@pytest.mark.parametrize(
    ('output', 'advice'),
    [
        ('fatal error: Python.h: No such file or directory', 'python3-dev'),
        ('ensurepip is not available', 'python3-venv'),
        ("error: command 'g++' failed: No such file or directory", r'g\+\+'),
        ('OSError: [Errno 28] No space left on device', 'disk'),
        ('c++: fatal error: Killed signal terminated program cc1plus', 'MAX_JOBS=1'),
        ('The detected CUDA version (12.4) mismatches', 'CUDA_VISIBLE_DEVICES='),
        ('ERROR: ResolutionImpossible: for help visit', 'constraints.txt'),
        ('ERROR: No matching distribution found for torch==2.13.0', 'network'),
        ("ModuleNotFoundError: No module named 'scipy'", 'make distclean setup'),
    ],
)
def test_known_trouble_brings_advice(output, advice):
    """Fails if one of the usual failures of such an installation goes unexplained."""
    assert re.search(advice, setup_env.advise(f'Building wheel\n{output}\n'))


def test_unknown_trouble_brings_none():
    """Fails if advice is given for anything at all."""
    assert setup_env.advise('Traceback: something new') == ''


@pytest.mark.parametrize('step', setup_env.STEPS, ids=lambda step: step.name)
def test_a_step_depends_on_every_requirement_file_that_it_reads(step):
    """Fails if editing a requirement file would not rerun the step that reads it."""
    words = ' '.join(word for command in step.commands for word in command)
    for name in re.findall(r'requirements/\w+\.txt', words):
        assert name in step.inputs
    for name in step.inputs:
        assert (ROOT / name).exists()
