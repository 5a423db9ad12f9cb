"""A cache gives the pixels of its source, or one sentence saying why not."""

import json
import os
import shutil
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mim_secrets.datasets import PretrainImages, cache_writing
from mim_secrets.datasets.cache import CacheError, ImageCache
from mim_secrets.datasets.cache_writing import Plan, write_cache
from tests.datasets.pictures import as_opencv_reads, by_pillow, jpeg, picture, write_folder
from tests.datasets.test_images import PIPELINE, load, paths

pytestmark = pytest.mark.slow  # they write files and start processes

SIDE = 48


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Twelve JPEGs, a small and a turned one, and one that is no image."""
    root = tmp_path / 'source'
    write_folder(root, 12, height=120, width=160)
    (root / 'even' / 'small.png').write_bytes(by_pillow(picture(30, 50), 'PNG'))
    (root / 'odd' / 'turned.jpg').write_bytes(by_pillow(picture(90, 130), 'JPEG', orientation=6))
    (root / 'odd' / 'bad.jpg').write_bytes(b'')
    return root


@pytest.fixture
def cache(source: Path, tmp_path: Path) -> Path:
    out = tmp_path / 'cache'
    skipped = write_cache(out, Plan.of(str(source), SIDE), workers=2)
    assert skipped == {'odd/bad.jpg': 'it is empty'}
    return out


def test_images_are_shrunk_and_in_order(source: Path, cache: Path) -> None:
    """Breaks when an image is enlarged, distorted, lies on its side, is stored under
    another's name, or lost."""
    opened = ImageCache(cache)
    assert len(opened) == 14 and opened.names == sorted(opened.names)
    for index, name in enumerate(opened.names):
        full = as_opencv_reads((source / name).read_bytes())
        height, width = full.shape[:2]
        short = min(height, width, SIDE)
        size = height * short // min(height, width), width * short // min(height, width)
        image = opened.image(index)
        assert image.shape == (*size, 3)
        exact = Image.fromarray(full).resize(size[::-1], Image.BICUBIC)
        assert np.abs(image.astype(int) - np.asarray(exact)).mean() < 2.5, name


def test_a_crop_is_a_view_into_the_file(cache: Path) -> None:
    """Breaks when reading copies more than the crop, or anybody could write to it."""
    opened = ImageCache(cache)
    image = opened.image(3)
    shrunk = opened.picture(3)
    assert (image.shape, shrunk.shape) == ((48, 64, 3), (120, 160))
    region = shrunk.region((50, 10, 25, 80), least=(224, 224))
    assert np.shares_memory(image, opened._pixels) and not image.flags.writeable
    assert np.shares_memory(region, image)
    np.testing.assert_array_equal(region, image[20:30, 4:36])
    assert shrunk.region((0, 0, 120, 160), least=(1, 1)).shape == image.shape
    for corner in ((0, 0, 1, 1), (119, 159, 1, 1)):
        assert shrunk.region(corner, least=(1, 1)).shape == (1, 1, 3)


def test_workers_get_no_copy(cache: Path) -> None:
    """Breaks when a worker that is started anew is sent all pixels."""
    sent = ForkingPickler.dumps(ImageCache(cache))
    assert len(sent) < 1000
    assert ForkingPickler.loads(sent).names == ImageCache(cache).names


def test_a_data_set_crops_from_the_cache(source: Path, cache: Path) -> None:
    """Breaks when a cached image is cropped or flipped elsewhere than its original, or
    labels and paths get lost."""
    plain = PretrainImages(data_root=str(source / 'even'), pipeline=PIPELINE)
    shutil.rmtree(source / 'odd')
    out = cache.with_name('even')
    write_cache(out, Plan.of(str(source / 'even'), SIDE))
    cached = PretrainImages(cache=str(out), pipeline=PIPELINE)
    assert paths(cached) == paths(plain)
    for epoch in range(5):
        expected, got = load(plain, epoch)[0], load(cached, epoch)[0]
        difference = (expected.int() - got.int()).abs().float().mean((1, 2, 3))
        # a crop's edges move by up to half a pixel of the cache; mirrored or beside, 15
        assert difference.max() < 7


def test_labels_come_with_the_cache(source: Path, cache: Path, tmp_path: Path) -> None:
    """Breaks when classes are counted in other folders, or a list's are shuffled."""
    cached = PretrainImages(cache=str(cache), with_label=True, pipeline=PIPELINE)
    labels = [cached.get_data_info(i)['gt_label'] for i in range(len(cached))]
    assert labels == [0] * 7 + [1] * 7
    (tmp_path / 'list.txt').write_text('odd/001.jpg 5\nodd/bad.jpg 6\neven/002.jpg 7\n')
    listed = dict(ann_file=str(tmp_path / 'list.txt'), with_label=True)
    write_cache(tmp_path / 'listed', Plan.of(listed['ann_file'], SIDE, str(source)))
    cached = PretrainImages(cache=str(tmp_path / 'listed'), pipeline=PIPELINE, **listed)
    assert [cached.get_data_info(i)['gt_label'] for i in range(2)] == [5, 7]
    assert paths(cached) == [f'{source}/odd/001.jpg', f'{source}/even/002.jpg']


def flip_byte(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


DAMAGE = {
    'truncated': (
        lambda out: os.truncate(out / 'pixels.bin', 1000),
        r'pixels\.bin has 1000 bytes, not \d+',
    ),
    'a wrong pixel': (
        lambda out: flip_byte(out / 'pixels.bin', 5000),
        r'the checksum of (even|odd)/\w+\.\w+ is wrong',
    ),
    'a wrong index': (
        lambda out: flip_byte(out / 'index.npz', 300),
        r'the checksum of index\.npz is wrong',
    ),
    'no description': (
        lambda out: (out / 'cache.json').unlink(),
        r'no finished cache, it has no cache\.json; make it with',
    ),
    'half a description': (
        lambda out: os.truncate(out / 'cache.json', 40),
        r'cache\.json cannot be read',
    ),
    'another format': (
        lambda out: (out / 'cache.json').write_text(
            (out / 'cache.json').read_text().replace('"format": 1', '"format": 0')
        ),
        'has format 0, not 1',
    ),
}


@pytest.mark.parametrize('name', DAMAGE)
def test_a_damaged_cache_is_refused(name: str, cache: Path) -> None:
    """Breaks when a run trains on damaged pixels, or ends in an exception of NumPy's."""
    damage, sentence = DAMAGE[name]
    damage(cache)
    with pytest.raises(CacheError, match=sentence) as caught:
        PretrainImages(cache=str(cache), pipeline=PIPELINE)
    assert str(cache) in str(caught.value) and '\n' not in str(caught.value)


CHANGES = {
    'added': (
        lambda root: shutil.copy(root / 'odd' / '001.jpg', root / 'odd' / 'new.jpg'),
        r'1 images were added or removed, such as odd/new\.jpg',
    ),
    'removed': (
        lambda root: (root / 'odd' / '001.jpg').unlink(),
        r'1 images were added or removed, such as odd/001\.jpg',
    ),
    'overwritten': (
        lambda root: (root / 'odd' / '001.jpg').write_bytes(jpeg(picture(120, 160, seed=99))),
        r'odd/001\.jpg is another file',
    ),
    'touched': (
        lambda root: os.utime(root / 'even' / '002.jpg', (1, 1)),
        r'even/002\.jpg is another file',
    ),
}


@pytest.mark.parametrize('name', CHANGES)
def test_a_cache_of_other_images_is_refused(name: str, source: Path, cache: Path) -> None:
    """Breaks when a run trains on images that its source no longer has."""
    change, sentence = CHANGES[name]
    change(source)
    with pytest.raises(CacheError, match=f'has changed since it was made: .*{sentence}'):
        PretrainImages(cache=str(cache), pipeline=PIPELINE)


def test_a_source_that_has_moved_or_is_elsewhere(source: Path, cache: Path) -> None:
    """Breaks when a cache cannot be used without its source, or is compared with the
    place where the source once was."""
    moved = source.rename(source.with_name('moved'))
    ImageCache(cache).check(thorough=True)
    ImageCache(cache).check(str(moved))
    (moved / 'odd' / '001.jpg').unlink()
    with pytest.raises(CacheError, match='added or removed'):
        PretrainImages(data_root=str(moved), cache=str(cache), pipeline=PIPELINE)


def test_a_thorough_check_looks_at_every_byte(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when a large cache is checked in part and passes for checked."""
    monkeypatch.setattr('mim_secrets.datasets.cache._BYTES_CHECKED', 1)
    opened = ImageCache(cache)
    flip_byte(cache / 'pixels.bin', int(opened.offsets[7]) + 10)
    opened = ImageCache(cache)
    opened.check()
    with pytest.raises(CacheError, match=opened.names[7]):
        opened.check(thorough=True)


def part_of(out: Path) -> Path:
    return out.with_name(out.name + '.part')


def stop_after(number: int, out: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin a cache and be interrupted; chunks of two images."""
    monkeypatch.setattr(cache_writing, '_CHUNK', 2)

    def progress(done: int, total: int) -> None:
        if done >= number:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_cache(out, Plan.of(str(source), SIDE), workers=1, progress=progress)


def test_what_was_written_is_not_written_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when an interrupted run begins anew, trusts pixels that are not there, or
    keeps an image whose file has changed meanwhile."""
    out = tmp_path / 'cache'
    stop_after(6, out, source, monkeypatch)
    journal = part_of(out) / 'journal.jsonl'
    records = [json.loads(line) for line in journal.read_text().splitlines() if line]
    kept, damaged, changed = (r['number'] for r in records[:3])
    flip_byte(part_of(out) / 'pixels.bin', records[1]['offset'])
    plan = Plan.of(str(source), SIDE)
    (source / plan.names[changed]).write_bytes(jpeg(picture(99, 150, seed=50)))
    with journal.open('a') as file:
        file.write('{"number": 9, "off')  # as a killed worker leaves it
    write_cache(out, plan, workers=2)
    opened = ImageCache(out)
    opened.check(thorough=True)
    assert opened.offsets[kept] == records[0]['offset']
    assert opened.offsets[damaged] > records[1]['offset']
    assert opened.shapes[changed].tolist() == [48, 72]
    assert not part_of(out).exists() and len(opened) == 14


def test_another_plan_is_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when a cache gets images of two sizes, or overwrites a finished one."""
    out = tmp_path / 'cache'
    stop_after(4, out, source, monkeypatch)
    with pytest.raises(CacheError, match='begun with other images or another size'):
        write_cache(out, Plan.of(str(source), 64))
    write_cache(out, Plan.of(str(source), SIDE))
    with pytest.raises(CacheError, match='exists already'):
        write_cache(out, Plan.of(str(source), SIDE))


def test_two_writers_do_not_mix(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when a run starts while workers of a killed one still write."""
    monkeypatch.setattr(cache_writing, '_PATIENCE', 0.2)
    out = tmp_path / 'cache'
    part_of(out).mkdir()
    with (
        cache_writing._alone_in(part_of(out)),
        pytest.raises(CacheError, match='Another process writes to'),
    ):
        write_cache(out, Plan.of(str(source), SIDE))


def test_nothing_to_cache_is_said(tmp_path: Path) -> None:
    """Breaks when an empty folder, or one of bad images, becomes a cache."""
    (tmp_path / 'bad.jpg').write_bytes(b'')
    with pytest.raises(CacheError, match=r'None of the images can be used; .*bad\.jpg: it is em'):
        write_cache(tmp_path / 'cache', Plan.of(str(tmp_path), SIDE))
    (tmp_path / 'bad.jpg').unlink()
    with pytest.raises(CacheError, match='There are no images in'):
        Plan.of(str(tmp_path), SIDE)
