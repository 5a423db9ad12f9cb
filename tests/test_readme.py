"""Every command that README prints, taken out of it and tried as printed."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from tests.conftest import REPO

README = (REPO / 'README.md').read_text()
BLOCKS = re.findall(r'```shell\n(.*?)```', README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.strip()]
PYTHON = [command for command in COMMANDS if command.startswith('python ')]
MAKE = [command for command in COMMANDS if command.startswith('make ')]
GPUS = [command for command in COMMANDS if command.startswith('bash tools/dist_')]
# tried by tests/test_packaging.py, which looks what they would install and find
INSTALL = ['pip install -e .', 'source .venv/bin/activate']
MIM = [command for command in COMMANDS if command.startswith('mim train ')]


def test_every_command_is_tried() -> None:
    """Breaks when README gains a command that no test here knows how to try."""
    assert set(COMMANDS) == {*PYTHON, *MAKE, *GPUS, *INSTALL, *MIM}
    assert len(PYTHON) >= 5 and len(MAKE) >= 2 and GPUS and MIM


@pytest.mark.slow
def test_python_commands_work_one_after_the_other(tmp_path: Path) -> None:
    """Breaks when somebody who types README from top to bottom meets an error."""
    for name in ('tools', 'configs'):
        (tmp_path / name).symlink_to(REPO / name)
    binaries = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    for command in PYTHON:
        result = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env={**os.environ, 'PATH': binaries, 'OMP_NUM_THREADS': '1'},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, f'{command}\n{result.stdout[-2000:]}'
    assert (tmp_path / 'cones.png').stat().st_size > 10_000


@pytest.mark.parametrize('command', MAKE)
def test_make_knows_its_targets(command: str) -> None:
    """Breaks when a target is renamed."""
    result = subprocess.run(
        [*shlex.split(command), '--dry-run'], cwd=REPO, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize('command', [*GPUS, *MIM], ids=lambda command: command[:60])
def test_named_configs_and_options_exist(command: str) -> None:
    """Breaks when a config is renamed, or an option is none of its keys."""
    words = shlex.split(command)
    config = next(word for word in words if word.endswith('.py') and '/' in word)
    cfg = Config.fromfile(REPO / config)
    for option in words[words.index('--cfg-options') + 1 :] if '--cfg-options' in words else []:
        value = cfg
        for key in option.split('=')[0].split('.'):
            assert key in value, f'{option}: no {key}'
            value = value[key]


def test_links_lead_somewhere() -> None:
    """Breaks when README or a page of the docs links to a file that is not there."""
    pages = [REPO / 'README.md', *(REPO / 'docs').rglob('*.md'), *(REPO / 'configs').rglob('*.md')]
    for page in pages:
        for target in re.findall(r'\]\(([^)#]+)', page.read_text()):
            if '://' not in target:
                assert (page.parent / target).exists(), f'{page.name} links to {target}'


def test_python_snippets_compile() -> None:
    """Breaks when a snippet of README or the docs is not Python."""
    pages = [REPO / 'README.md', *(REPO / 'docs').rglob('*.md')]
    snippets = [
        snippet
        for page in pages
        for snippet in re.findall(r'```python\n(.*?)```', page.read_text(), re.DOTALL)
    ]
    assert snippets
    for snippet in snippets:
        assert compile(snippet, 'snippet', 'exec').co_code


@pytest.mark.slow
def test_tables_of_the_docs_show_their_logs() -> None:
    """Breaks when a number in the docs was typed in, or its log has changed."""
    check = [sys.executable, str(REPO / 'tools' / 'misc' / 'write_tables.py'), '--check']
    result = subprocess.run(check, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
