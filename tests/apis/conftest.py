"""Models and pictures for the tests of inferencers; libraries are imported when asked for."""

from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def tasks(tmp_path_factory: pytest.TempPathFactory) -> dict:
    from tests.apis.tasks import TASKS, write_task

    root = tmp_path_factory.mktemp('tasks')
    return {task: write_task(task, root / task) for task in TASKS}


@pytest.fixture(scope='session')
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of two sizes, two of one name."""
    from tests.apis.tasks import write_picture

    folder = tmp_path_factory.mktemp('photos')
    for number, (name, size) in enumerate(
        [('1.png', (72, 96)), ('deep/2.png', (96, 72)), ('deep/1.png', (72, 96))]
    ):
        write_picture(folder / name, number, size)
    return folder


@pytest.fixture(scope='session')
def inferencers(tasks: dict) -> dict:
    from mim_secrets.apis import load_inferencer

    return {task: load_inferencer(*files, device='cpu') for task, files in tasks.items()}
