"""Create .venv with everything this project needs, in named steps.

Usage::

    python3 tools/setup_env.py        # or: make setup

It may be interrupted and repeated at any time: only what is missing or has changed
is done, and with nothing to do it ends at once. The full output of all steps is in
``.venv/setup.log``. Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import sysconfig
from pathlib import Path

from resumable_steps import SetupError, Step, finish_steps

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 12)
NEEDED_GIGABYTES = 3

PINS = 'requirements/constraints.txt'
PIP = ('-m', 'pip', 'install', '-c', PINS)
# Packages that compile do so against this environment's own torch and NumPy.
PIP_BUILD = (*PIP, '--no-build-isolation')

# The opencv-python that mmengine requires needs libGL, which a bare machine lacks; the
# headless build of the same version, laid over its files, does not.
OPENCV_WITHOUT_WINDOWS = ('--no-deps', 'opencv-python-headless')

# pip's cache may hold an mmcv that was compiled beside another torch.
COMPILE_MMCV_ANEW_UNLESS_IT_RUNS = f"""
import subprocess, sys, torch
try:
    from mmcv.ops import nms
    nms(torch.tensor([[0., 0., 9., 9.]]), torch.tensor([1.]), 0.5)
except (ImportError, OSError, RuntimeError) as error:
    print('mmcv does not run beside this torch and is compiled anew:', error)
    subprocess.check_call([sys.executable, *{PIP_BUILD}, '-v', '--no-cache-dir',
                           '--force-reinstall', '--no-deps', 'mmcv'])
"""

# mim_secrets comes first: it makes the others importable beside a CPU-only torch.
IMPORT_EVERYTHING = """
import mim_secrets, mmcv.ops, mmpretrain.models, mmdet.models, mmseg.models
import mmpose.models, mim.utils, pathlib
tools = pathlib.Path(mim.utils.get_installed_path('mim_secrets'), '.mim', 'tools')
assert tools.is_dir(), f'{tools} is missing: `mim train mim_secrets` cannot work.'
"""

# The durations were taken on two cores with nothing in pip's cache but torch.
STEPS = (
    Step(
        'environment',
        'virtual environment',
        (('-m', 'venv', '.venv'),),
        typical_seconds=8,
    ),
    Step(
        'build-tools',
        'build tools',
        ((*PIP, '--upgrade', '-r', 'requirements/build.txt'),),
        (PINS, 'requirements/build.txt'),
        typical_seconds=20,
    ),
    Step(
        'torch',
        'torch',
        ((*PIP, 'torch', 'torchvision'),),
        (PINS,),
        typical_seconds=60,
    ),
    Step(
        'openmmlab-core',
        'OpenMMLab core (compiles mmcv, once)',
        (
            (*PIP_BUILD, '-v', 'mmengine', 'mmcv'),
            (*PIP, *OPENCV_WITHOUT_WINDOWS),
            ('-c', COMPILE_MMCV_ANEW_UNLESS_IT_RUNS),
        ),
        (PINS,),
        typical_seconds=540,
    ),
    Step(
        'openmmlab',
        'OpenMMLab libraries',
        (
            (*PIP_BUILD, '-r', 'requirements/openmmlab.txt'),
            (*PIP_BUILD, '--no-deps', 'openmim'),
        ),
        (PINS, 'requirements/openmmlab.txt'),
        typical_seconds=60,
    ),
    Step(
        'package',
        'this package, editable',
        ((*PIP_BUILD, '-e', '.'),),
        (PINS, 'requirements/runtime.txt', 'setup.py', 'mim_secrets/version.py'),
        typical_seconds=10,
    ),
    Step(
        'tests',
        'test tools',
        ((*PIP_BUILD, '-r', 'requirements/tests.txt'),),
        (PINS, 'requirements/tests.txt'),
        typical_seconds=15,
    ),
    Step('check', 'import check', (('-c', IMPORT_EVERYTHING),), typical_seconds=15),
)

# What is known to go wrong in a step: what its output says, and what helps.
ADVICE = (
    (
        r'Python\.h: No such file',
        'Install the Python headers: apt install python3-dev.',
    ),
    (
        r'ensurepip is not available|No module named .?ensurepip',
        'Install the venv module: apt install python3-venv.',
    ),
    (
        r"No such file or directory: '[gc]\+\+'|command '(g\+\+|c\+\+|gcc)' failed: No",
        'Install a C++ compiler: apt install g++.',
    ),
    (
        r'No space left on device|Errno 28',
        'The disk is full: the environment takes 3 GB with a CPU build of torch and '
        '10 GB with a CUDA build, downloads included.',
    ),
    (
        r'Killed signal|fatal error: Killed|Cannot allocate memory',
        'The compiler ran out of memory: MAX_JOBS=1 make setup.',
    ),
    (
        r'detected CUDA version|CUDA_HOME environment variable is not set',
        'No CUDA compiler here fits this torch: `CUDA_VISIBLE_DEVICES= make setup` '
        "compiles mmcv's operators for the CPU alone.",
    ),
    (
        r'ResolutionImpossible|conflicting dependencies',
        f'Make the requirement files agree with {PINS}.',
    ),
    (
        r'No matching distribution found|NewConnectionError|Read timed out'
        r'|ConnectionError|ProtocolError|name resolution',
        'pip could not download: look at the network and at `pip config list`.',
    ),
    (
        r'ModuleNotFoundError|ImportError',
        'If a package was cut off while it was installed, `make distclean setup` starts '
        "anew; a compiled mmcv then comes from pip's cache.",
    ),
)


def advise(output: str) -> str:
    """The advice for the first known trouble in a step's output, or none."""
    return next((text for pattern, text in ADVICE if re.search(pattern, output)), '')


def missing_prerequisites() -> list[str]:
    """One sentence for each thing that this machine lacks."""
    version = '{}.{}'.format(*sys.version_info)
    if not OLDEST_PYTHON <= tuple(sys.version_info[:2]) <= NEWEST_PYTHON:
        return [
            f'Python {version} is not supported, 3.10 to 3.12 are: name one that you '
            'have, as in `make setup PYTHON=python3.11`.'
        ]
    missing = []
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        missing.append(
            f'Python {version} cannot create virtual environments: '
            f'apt install python{version}-venv.'
        )
    if not Path(sysconfig.get_path('include'), 'Python.h').exists():
        missing.append(
            f'The headers of Python {version}, needed to compile mmcv, are missing: '
            f'apt install python{version}-dev.'
        )
    if not (shutil.which('g++') or shutil.which(os.environ.get('CXX', 'c++'))):
        missing.append('There is no C++ compiler to compile mmcv: apt install g++.')
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GIGABYTES:
        missing.append(
            f'{ROOT} has {free:.1f} GB of free disk space: make room for {NEEDED_GIGABYTES} GB.'
        )
    return missing


def command_variables() -> dict[str, str]:
    """One compile job a core; CUDA operators only where there is a CUDA compiler."""
    variables = {'MAX_JOBS': str(len(os.sched_getaffinity(0))), **os.environ}
    compiler = shutil.which('nvcc') or os.environ.get('CUDA_HOME')
    if not compiler and not Path('/usr/local/cuda').exists():
        # Where torch sees a GPU, mmcv insists on nvcc; hidden, it builds for the CPU.
        variables['CUDA_VISIBLE_DEVICES'] = ''
    return variables


def main() -> int:
    # SIGINT too: a background job of a shell script starts with it ignored, and so would
    # pip and ninja, which are stopped by it.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        finish_steps(ROOT, STEPS, missing_prerequisites, advise, command_variables())
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\nStopped. `make setup` goes on from here.', file=sys.stderr)
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
