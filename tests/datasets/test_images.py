"""Images from every kind of source, and what happens to those that cannot be used."""

import copy
import logging
import pickle
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import pytest
import torch
from mmengine.dataset import default_collate
from mmengine.fileio import BaseStorageBackend, register_backend
from mmengine.logging import MMLogger
from torch.utils.data import DataLoader

from mim_secrets.datasets import PretrainImages
from mim_secrets.datasets.images import NoUsableImageError, replacement
from mim_secrets.engine.hooks.randomness import seeders
from tests.datasets.pictures import by_pillow, jpeg, picture, write_folder

PIPELINE = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='mim_secrets.FastRandomResizedCrop', scale=16),
    dict(type='mmpretrain.PackInputs'),
]


def dataset(**source: object) -> PretrainImages:
    # serialising collects garbage, which takes long in a process full of tests
    return PretrainImages(**source, pipeline=PIPELINE, serialize_data=False)


def paths(images: PretrainImages) -> list[str]:
    return [images.get_data_info(i)['img_path'] for i in range(len(images))]


def labels(images: PretrainImages) -> list[int]:
    return [images.get_data_info(i)['gt_label'] for i in range(len(images))]


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine images in two folders, a PNG further down, and a file of another kind."""
    root = tmp_path_factory.mktemp('images')
    write_folder(root, 9)
    (root / 'odd' / 'deep' / 'er').mkdir(parents=True)
    (root / 'odd' / 'deep' / 'er' / 'x y.PNG').write_bytes(by_pillow(picture(20, 30), 'PNG'))
    (root / 'odd' / 'notes.txt').write_text('nothing to see')
    return root


def test_a_folder_is_searched_however_deep(folder: Path) -> None:
    """Breaks when images in sub-folders are missed, other files are taken, or the order
    depends on the file system."""
    found = paths(dataset(data_root=str(folder)))
    assert len(found) == 10 and found == sorted(found)
    assert found[-1] == f'{folder}/odd/deep/er/x y.PNG'
    assert paths(dataset(data_root=str(folder), data_prefix='even')) == found[:5]


def test_folders_are_classes(folder: Path) -> None:
    """Breaks when labels differ from those of an ImageNet-style data set."""
    images = dataset(data_root=str(folder), with_label=True)
    assert images.metainfo['classes'] == ('even', 'odd')
    assert labels(images) == [0] * 5 + [1] * 5
    assert images[7]['data_samples'].gt_label == 1
    with pytest.raises(ValueError, match=r'000\.jpg has no class'):
        dataset(data_root=str(folder / 'even'), with_label=True)


def test_a_list_names_images_and_classes(folder: Path, tmp_path: Path) -> None:
    """Breaks when a path with spaces is cut, a class is taken for part of a path, or an
    image that is named twice is read once."""
    elsewhere = tmp_path / 'other.jpg'
    elsewhere.write_bytes(jpeg(picture(20, 20)))
    lines = ['even/002.jpg 4', '', 'odd/deep/er/x y.PNG 1', f'{elsewhere} 0', 'even/002.jpg 4']
    (tmp_path / 'list.txt').write_text('\n'.join(lines))
    source = dict(data_root=str(folder), ann_file=str(tmp_path / 'list.txt'))
    expected = [f'{folder}/even/002.jpg', f'{folder}/odd/deep/er/x y.PNG', str(elsewhere)]
    assert paths(dataset(**source)) == [*expected, expected[0]]
    assert labels(dataset(**source, with_label=True)) == [4, 1, 0, 4]
    (tmp_path / 'list.txt').write_text('even/002.jpg\nodd/deep/er/x y.PNG\n')
    assert paths(dataset(**source)) == expected[:2]
    with pytest.raises(ValueError, match=r'002\.jpg has no class'):
        dataset(**source, with_label=True)


def test_no_images_are_an_error(tmp_path: Path) -> None:
    """Breaks when a wrong path gives an empty epoch."""
    with pytest.raises(ValueError, match=f'no images in {tmp_path}; what counts'):
        dataset(data_root=str(tmp_path))
    with pytest.raises(ValueError, match='give data_root, ann_file or cache'):
        dataset()


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """Where the folder is served by HTTP."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_images_come_by_http(folder: Path, address: str, tmp_path: Path) -> None:
    """Breaks when addresses are joined as paths, or an image that the server does not
    have ends the run."""
    names = ['even/000.jpg', 'odd/001.jpg', 'even/gone.jpg']
    (tmp_path / 'list.txt').write_text('\n'.join(names))
    source = dict(ann_file=str(tmp_path / 'list.txt'))
    remote = dataset(data_root=address, **source)
    local = dataset(data_root=str(folder), **source)
    for index in (0, 1):
        assert torch.equal(remote[index]['inputs'], local[index]['inputs'])
    ((path, reason),) = remote[2]['data_samples'].skipped[:1]
    assert path == f'{address}/even/gone.jpg' and '404' in reason
    with pytest.raises(ValueError, match='HTTPBackend cannot list.*ann_file'):
        dataset(data_root=address)


def test_any_file_backend_will_do(folder: Path, tmp_path: Path) -> None:
    """Breaks when keys that are no paths, or a store's own answers, are not understood."""

    class Store(BaseStorageBackend):
        """Keys to bytes, as LMDB has it: a view of memory, or None."""

        def get(self, filepath: str) -> memoryview | None:
            number = int(filepath.removeprefix('key'))
            file = folder / 'even' / f'{number:03d}.jpg'
            return memoryview(file.read_bytes()) if file.exists() else None

        def get_text(self, filepath: str, encoding: str = 'utf-8') -> str:
            if filepath != 'keys':
                raise NotImplementedError
            return 'key0\nkey2\nkey1\n'

    register_backend('a_store', Store, force=True)
    store = dict(backend='a_store')
    images = dataset(ann_file='keys', backend_args=store)
    assert paths(images) == ['key0', 'key2', 'key1']
    (tmp_path / 'keys.txt').write_text('key2\nkey0\n')
    assert len(dataset(ann_file=str(tmp_path / 'keys.txt'), backend_args=store)) == 2
    assert images[0]['inputs'].shape == (3, 16, 16)
    assert images[2]['data_samples'].skipped[0] == ('key1', 'the database has no such key')


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Eight images, of which three cannot be used."""
    files = write_folder(tmp_path / 'damaged', 8)
    files[0].write_bytes(b'')
    files[3].write_bytes(files[3].read_bytes()[:700])
    files[6].write_bytes(b'no image at all')
    return tmp_path / 'damaged'


def load(images: PretrainImages, epoch: int, workers: int = 0) -> tuple[torch.Tensor, list]:
    """All images of an epoch, and what was skipped on the way, place by place."""
    for seeder in seeders(images):
        seeder.start_epoch(0, epoch)
    batches = list(DataLoader(images, 3, num_workers=workers, collate_fn=default_collate))
    samples = [sample for batch in batches for sample in batch['data_samples']]
    inputs = torch.cat([batch['inputs'] for batch in batches])
    return inputs, [getattr(sample, 'skipped', []) for sample in samples]


@pytest.mark.parametrize('workers', [1, 2])
def test_workers_change_nothing(damaged: Path, workers: int) -> None:
    """Breaks when a crop, or what replaces a bad image, depends on who loads it."""
    images = dataset(data_root=str(damaged))
    for epoch in (0, 4):
        expected, skipped = load(images, epoch)
        inputs, told = load(images, epoch, workers)
        assert torch.equal(inputs, expected) and told == skipped
    assert not torch.equal(inputs, load(images, 5)[0])


def test_word_of_a_bad_image_travels_with_its_replacement(damaged: Path) -> None:
    """Breaks when a bad image is not reported, or another sample reports it."""
    images = dataset(data_root=str(damaged))
    bad = {'000.jpg': 'empty', '003.jpg': 'cut off', '006.jpg': 'no decoder'}
    _, skipped = load(images, 0)
    for path, told in zip(paths(images), skipped):
        reason = bad.get(Path(path).name)
        assert bool(told) == bool(reason)
        if reason:
            assert told[0][0] == path and reason in told[0][1]


def test_a_replacement_has_the_crop_of_its_place(damaged: Path) -> None:
    """Breaks when an epoch has the same crop of the same image twice."""
    images = dataset(data_root=str(damaged))
    inputs, skipped = load(images, 0)
    assert len(torch.unique(inputs.flatten(1), dim=0)) == len(images)
    assert sum(map(bool, skipped)) == 3


def test_skipped_images_are_logged_once(
    damaged: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when a run without the hook does not learn of bad images, or of each of
    them in every epoch."""
    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(logger, 'handlers', [caplog.handler])
    caplog.set_level(logging.WARNING)
    images = dataset(data_root=str(damaged))
    for epoch in range(2):
        load(images, epoch)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3 and all(line.startswith(f'Skipped {damaged}/') for line in lines)


# torch waits five seconds for a worker that failed
@pytest.mark.parametrize('workers', [0, pytest.param(1, marks=pytest.mark.slow)])
def test_nothing_but_bad_images_is_one_sentence(tmp_path: Path, workers: int) -> None:
    """Breaks when a data set of wrong paths loads for ever, or ends in the stack of a
    worker process."""
    (tmp_path / 'list.txt').write_text('a.jpg\nb.jpg\n')
    images = dataset(data_root=str(tmp_path), ann_file='list.txt')
    with pytest.raises(NoUsableImageError) as caught:
        next(iter(DataLoader(images, 2, num_workers=workers, collate_fn=default_collate)))
    sentence = 'PretrainImages: of 100 images taken at random none can be used; the first is '
    assert str(caught.value).startswith(f'{sentence}{tmp_path}/a.jpg')
    assert str(caught.value).count('\n') == 0


def test_replacements_are_spread_and_fixed() -> None:
    """Breaks when a folder of bad images is replaced by its neighbour alone, or by other
    images in the next epoch."""
    drawn = [replacement(index, 0, 1000) for index in range(500)]
    assert drawn == [replacement(index, 0, 1000) for index in range(500)]
    assert len(set(drawn)) > 350 and min(drawn) < 20 and max(drawn) > 980
    assert replacement(0, 0, 1000) != replacement(0, 1, 1000)


def test_copies_and_subsets_read_the_same(folder: Path) -> None:
    """Breaks when mmengine's subsets, or workers that are started anew, lose images."""
    images = PretrainImages(data_root=str(folder), pipeline=PIPELINE)
    assert paths(images.get_subset([4, 2])) == [paths(images)[4], paths(images)[2]]
    sent = pickle.loads(ForkingPickler.dumps(images))  # as a spawned worker gets it
    assert paths(copy.deepcopy(images)) == paths(sent) == paths(images)
