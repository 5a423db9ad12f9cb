"""ImageNet-A, -R, -Sketch and -C from folders as they are unpacked."""

import importlib.util
from pathlib import Path

import pytest

from mim_secrets.datasets.robustness import (
    CORRUPTIONS,
    SEVERITIES,
    WNIDS,
    ImageNetC,
    ImageNetVariant,
)
from tests.datasets.pictures import by_pillow, picture

JPEG = by_pillow(picture(8, 8), 'JPEG')


def fill(folder: Path, wnid: str, *names: str) -> None:
    (folder / wnid).mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / wnid / name).write_bytes(JPEG)


def timm_list(name: str) -> list[str]:
    folder = Path(importlib.util.find_spec('timm').origin).parent
    return (folder / 'data' / '_info' / f'{name}.txt').read_text().split()


def test_classes_are_numbered_as_everywhere() -> None:
    """Breaks when an id is missing or mistyped, so that all classes after it get the
    number of their neighbour."""
    assert list(WNIDS) == timm_list('imagenet_synsets')
    assert list(WNIDS) == sorted(set(WNIDS))


@pytest.mark.parametrize('variant', ['a', 'r'])
def test_labels_of_some_classes_are_their_numbers_among_all(variant: str, tmp_path: Path) -> None:
    """Breaks when the folders are numbered from 0 to 199."""
    for wnid in timm_list(f'imagenet_{variant}_synsets'):
        fill(tmp_path, wnid, 'one.jpg')
    images = ImageNetVariant(str(tmp_path), num_images=200, num_classes=200, serialize_data=False)
    expected = sorted(map(int, timm_list(f'imagenet_{variant}_indices')))
    labels = [images.get_data_info(i)['gt_label'] for i in range(len(images))]
    assert labels == expected
    assert images.metainfo['labels'] == tuple(expected)
    assert len(images.metainfo['classes']) == 1000


def test_what_lies_beside_the_images_is_no_image(tmp_path: Path) -> None:
    """Breaks when a README, a thumbnail file or what an archive leaves behind counts, or
    a suffix in capitals does not."""
    fill(tmp_path, 'n01443537', 'b.jpg', 'a.JPEG', '._a.JPEG', 'c.PNG', 'notes.txt')
    fill(tmp_path, '__MACOSX', 'a.jpg')
    fill(tmp_path, '.cache', 'a.jpg')
    (tmp_path / 'README.txt').write_text('about')
    images = ImageNetVariant(str(tmp_path), serialize_data=False)
    names = [Path(images.get_data_info(i)['img_path']).name for i in range(len(images))]
    assert names == ['a.JPEG', 'b.jpg', 'c.PNG']


def corrupted(root: Path, *, without: tuple[str, ...] = ()) -> Path:
    for corruption in (*CORRUPTIONS, 'speckle_noise'):
        for severity in SEVERITIES:
            if corruption not in without:
                fill(root / corruption / str(severity), 'n01443537', 'x.JPEG', 'y.JPEG')
                fill(root / corruption / str(severity), 'n15075141', 'z.JPEG')
    return root


def test_every_image_of_imagenet_c_says_how_it_is_spoilt(tmp_path: Path) -> None:
    """Breaks when a severity is left out or taken for another, or a corruption counts
    that was kept for tuning."""
    root = corrupted(tmp_path, without=('fog',))
    images = ImageNetC(str(root), num_images=3, serialize_data=False)
    found = [images.get_data_info(i) for i in range(len(images))]
    assert len(found) == 14 * 5 * 3
    for info in found:
        corruption, severity, wnid = Path(info['img_path']).relative_to(root).parts[:3]
        assert (info['corruption'], info['severity']) == (corruption, int(severity))
        assert info['gt_label'] == dict(n01443537=1, n15075141=999)[wnid]
    assert {info['corruption'] for info in found} == {*CORRUPTIONS} - {'fog'}


def test_wrong_folders_are_told_in_a_sentence(tmp_path: Path) -> None:
    """Breaks when a part of a benchmark, or a folder above or below the right one, gives
    an accuracy or a stack instead of a sentence."""
    root = corrupted(tmp_path)
    with pytest.raises(ValueError, match="brightness is none of ImageNet's 1,000 classes; data"):
        ImageNetVariant(str(root), serialize_data=False)
    fill(tmp_path / 'a', 'n01443537', 'x.jpg')
    with pytest.raises(ValueError, match=r'a has 1 images where .* has 7,500; .*num_images=None'):
        ImageNetVariant(str(tmp_path / 'a'), num_images=7500)
    with pytest.raises(ValueError, match=r'a has 1 classes where .* 200; .*num_classes=None'):
        ImageNetVariant(str(tmp_path / 'a'), num_images=1, num_classes=200)
    (tmp_path / 'empty' / 'n01443537').mkdir(parents=True)
    with pytest.raises(ValueError, match='there are no images in .*empty'):
        ImageNetVariant(str(tmp_path / 'empty'))
    with pytest.raises(FileNotFoundError, match='there is no folder .*gone'):
        ImageNetVariant(str(tmp_path / 'gone'))
    with pytest.raises(FileNotFoundError, match='none of the 15 corruptions; unpack noise.tar'):
        ImageNetC(str(root / 'fog'))
    (root / 'snow' / '3' / 'n15075141' / 'z.JPEG').unlink()
    with pytest.raises(ValueError, match=r'snow/3 has 2 images where the complete set has 3'):
        ImageNetC(str(root), num_images=3)
