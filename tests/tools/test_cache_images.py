"""The cache from the command line: killed, finished, checked."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mim_secrets.datasets.cache import ImageCache
from tests.datasets.pictures import write_folder

REPO = Path(__file__).parents[2]
TOOL = REPO / 'tools' / 'dataset_converters' / 'cache_images.py'


def start(*arguments: object, **options: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, '-W', 'ignore', str(TOOL), *map(str, arguments)],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPO)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )


def run(*arguments: object) -> tuple[int, str]:
    process = start(*arguments)
    output = process.communicate(timeout=120)[0]
    return process.returncode, output


@pytest.mark.slow
def test_a_killed_run_is_finished_by_the_next(tmp_path: Path) -> None:
    """Breaks when SIGKILL leaves a cache that looks finished, when what was there is
    shrunk again, or when the result differs from that of one run."""
    files = write_folder(tmp_path / 'source', 120, height=300, width=400)
    files[17].write_bytes(b'')
    out = tmp_path / 'cache'
    command = (tmp_path / 'source', out, '--short-side', 96, '--workers', 2)
    killed = start(*command)
    journal = tmp_path / 'cache.part' / 'journal.jsonl'
    deadline = time.monotonic() + 60
    while not journal.exists() or len(journal.read_text().splitlines()) < 20:
        assert killed.poll() is None and time.monotonic() < deadline, 'killed too late to tell'
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not out.exists()
    lines = [line for line in journal.read_text().splitlines() if line.endswith('}')]
    before = {r['number']: r['offset'] for r in map(json.loads, lines)}

    code, output = run(*command)
    assert code == 0, output
    assert 'left out odd/017.jpg: it is empty' in output and '119 images' in output
    resumed = ImageCache(out)
    names = sorted(f'{path.parent.name}/{path.name}' for path in files)
    good = [number for number in before if names[number] != 'odd/017.jpg']
    assert len(good) >= 15
    for number in good:
        assert resumed.offsets[resumed.names.index(names[number])] == before[number]

    assert run(tmp_path / 'source', tmp_path / 'whole', '--short-side', 96)[0] == 0
    whole = ImageCache(tmp_path / 'whole')
    assert whole.names == resumed.names
    for index in range(len(whole)):
        np.testing.assert_array_equal(whole.image(index), resumed.image(index))

    assert run('--check', out) == (0, f'{out}: 119 images, all as they were written\n')
    with (out / 'pixels.bin').open('r+b') as pixels:
        pixels.seek(4000)
        pixels.write(b'\0\xff\0\xff')
    code, output = run('--check', out)
    assert code == 1 and output.startswith(f'Error: The cache {out} is damaged: the checksum of')


@pytest.mark.slow
def test_a_list_of_images_and_wrong_arguments(tmp_path: Path) -> None:
    """Breaks when a list's paths are looked for beside the list, or a mistake ends in a
    stack of frames."""
    write_folder(tmp_path / 'source', 4)
    (tmp_path / 'list.txt').write_text('even/002.jpg 1\nodd/001.jpg 0\n')
    out = tmp_path / 'cache'
    code, output = run(tmp_path / 'list.txt', out, '--root', tmp_path / 'source')
    assert code == 0, output
    assert ImageCache(out).names == ['even/002.jpg', 'odd/001.jpg']
    code, output = run(tmp_path / 'list.txt', out)
    assert code == 1 and f'Error: {out} exists already' in output and 'Traceback' not in output
    assert run(out)[1].endswith(
        'error: name a source and the cache to write, or --check and a cache\n'
    )
