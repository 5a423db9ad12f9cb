"""The fast crops are the reference's crops, image by image and as a distribution."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, DefaultScope
from scipy.stats import chisquare, ks_2samp

from mim_secrets.datasets.decoding import ArrayPicture
from mim_secrets.datasets.transforms import (
    FastRandomResizedCrop,
    FastSimpleResizedCrop,
    SeedSample,
)
from mim_secrets.engine.hooks.randomness import seeders
from tests.datasets.pictures import jpeg, picture

DATASET_CONFIGS = Path(__file__).parents[2] / 'configs' / '_base_' / 'datasets'
SHAPES = [(375, 500), (500, 333), (224, 300), (150, 97), (900, 1210)]
DRAWS = 3000


@pytest.fixture(scope='module')
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One JPEG of each shape, in ImageNet's layout."""
    root = tmp_path_factory.mktemp('imagenet')
    (root / 'train' / 'n01').mkdir(parents=True)
    (root / 'meta').mkdir()
    names = []
    for height, width in SHAPES:
        names.append(f'n01/{height:04d}x{width}.jpg')
        (root / 'train' / names[-1]).write_bytes(jpeg(picture(height, width)))
    lines = ''.join(f'{name} 0\n' for name in sorted(names))
    (root / 'meta' / 'train.txt').write_text(lines)
    return root


def training_set(name: str, root: Path) -> BaseDataset:
    cfg = Config.fromfile(DATASET_CONFIGS / f'imagenet_bs512_{name}.py')
    cfg.train_dataloader.dataset.data_root = str(root)
    with DefaultScope.overwrite_default_scope('mim_secrets'):
        return DATASETS.build(cfg.train_dataloader.dataset)


def images(dataset: BaseDataset, epoch: int) -> dict[str, torch.Tensor]:
    """Planes (3, 224, 224) by the shape of the file they were cut from."""
    for seeder in seeders(dataset):
        seeder.start_epoch(5, epoch)
    return {
        Path(dataset.get_data_info(i)['img_path']).stem: dataset[i]['inputs']
        for i in range(len(dataset))
    }


@pytest.mark.parametrize('crop', ['rrc', 'src'])
@pytest.mark.slow
def test_the_same_seed_gives_the_reference_image(crop: str, imagenet: Path) -> None:
    """Breaks when the fast path draws otherwise than the reference, in another order,
    flips other images, or resizes with another filter."""
    reference, fast = (training_set(name, imagenet) for name in (crop, f'fast-{crop}'))
    for epoch in range(6):
        expected, got = images(reference, epoch), images(fast, epoch)
        assert expected.keys() == got.keys()
        for name, planes in got.items():
            assert planes.dtype == torch.uint8 and planes.is_contiguous()
            difference = (planes.int() - expected[name].int()).abs().float().mean()
            # the largest is decoded at half its size, its box moved by up to one pixel
            assert difference < (4 if name == '0900x1210' else 0.35), (name, epoch)


def rrc_boxes(draw: object, shape: tuple[int, int]) -> np.ndarray:
    """Many boxes as share of the area, log of the aspect, centre: (DRAWS, 4)."""
    top, left, height, width = np.array([draw() for _ in range(DRAWS)]).T
    return np.stack(
        [
            height * width / (shape[0] * shape[1]),
            np.log(width / height),
            (top + height / 2) / shape[0],
            (left + width / 2) / shape[1],
        ],
        axis=1,
    )


@pytest.mark.parametrize('shape', [(375, 500), (500, 333), (100, 400)], ids=str)
def test_random_resized_crops_have_torchvisions_distribution(shape: tuple[int, int]) -> None:
    """Breaks when crops get another size, shape or place than MAE's own have, on
    average or at the extremes."""
    from torchvision.transforms import RandomResizedCrop

    np.random.seed(0)
    torch.manual_seed(0)
    image = torch.empty(3, *shape)
    theirs = rrc_boxes(
        lambda: RandomResizedCrop.get_params(image, [0.2, 1.0], [3 / 4, 4 / 3]), shape
    )
    opened = ArrayPicture(np.empty((*shape, 3), np.uint8))
    ours = rrc_boxes(partial(FastRandomResizedCrop(224).draw, opened), shape)
    for name, one, other in zip(('area', 'aspect', 'row', 'column'), ours.T, theirs.T):
        assert ks_2samp(one, other).pvalue > 0.001, name


def test_random_resized_crops_are_drawn_as_mmpretrain_does() -> None:
    """Breaks when a seed gives another crop than the reference's, above all in the middle
    of images so long that no drawn crop fits."""
    from mmpretrain.datasets.transforms import RandomResizedCrop

    reference = RandomResizedCrop(224, crop_ratio_range=(0.3, 0.9))
    crop = FastRandomResizedCrop(224, crop_ratio_range=(0.3, 0.9))
    for seed, shape in enumerate([(375, 500), (20, 900), (700, 30), (1, 1), (2, 400)] * 100):
        opened = ArrayPicture(np.broadcast_to(np.uint8(0), (*shape, 3)))
        np.random.seed(seed)
        expected = reference.rand_crop_params(opened.image)
        np.random.seed(seed)
        assert crop.draw(opened) == expected, shape


@pytest.mark.parametrize('shape', [(375, 500), (500, 333)], ids=str)
def test_simple_crops_have_torchvisions_distribution(shape: tuple[int, int]) -> None:
    """Breaks when some offsets of the padded image are never or too often taken."""
    from torchvision.transforms import RandomCrop

    np.random.seed(0)
    torch.manual_seed(0)
    crop = FastSimpleResizedCrop(224)
    opened = ArrayPicture(np.empty((*shape, 3), np.uint8))
    ours = np.array([crop.draw(opened) for _ in range(DRAWS)]) + crop.padding
    padded = torch.empty(3, *(max(224, side * 224 // min(shape)) + 8 for side in shape))
    theirs = [RandomCrop.get_params(padded, (224, 224))[:2] for _ in range(DRAWS)]
    for one, other in zip(ours.T, np.array(theirs).T):
        assert one.min() == other.min() and one.max() == other.max()
        assert ks_2samp(one, other).pvalue > 0.001


@pytest.mark.parametrize('kind', [FastRandomResizedCrop, FastSimpleResizedCrop])
@pytest.mark.parametrize('probability', [0.5, 0.2])
def test_flips_are_as_frequent_as_asked(kind: type, probability: float) -> None:
    """Breaks when flips depend on the crop, or their share is another one."""
    crop = kind(8, flip_prob=probability)
    image = np.arange(12, dtype=np.uint8)[None, :, None].repeat(12, 0).repeat(3, 2)
    opened = ArrayPicture(image)
    np.random.seed(1)
    flipped = 0
    for _ in range(DRAWS):
        results = crop(dict(open_picture=lambda: opened))
        row = results['img'][4, :, 0].astype(int)
        assert (row[0] > row[-1]) == results['flip']
        flipped += results['flip']
    expected = [DRAWS * probability, DRAWS * (1 - probability)]
    assert chisquare([flipped, DRAWS - flipped], expected).pvalue > 0.001


@pytest.mark.parametrize('place', [(-4, -4), (4, 80), (-4, 80), (0, 30)])
def test_the_margin_reflects(place: tuple[int, int]) -> None:
    """Breaks when the margin is cut from other pixels than padding the whole would give."""
    image = picture(32, 108)
    crop = FastSimpleResizedCrop(32)
    padded = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode='reflect')
    top, left = (offset + 4 for offset in place)
    expected = padded[top : top + 32, left : left + 32]
    cut = partial(crop.cut, ArrayPicture(image))
    np.testing.assert_array_equal(cut(False, *place), expected)
    np.testing.assert_array_equal(cut(True, *place), expected[:, ::-1])


def test_packing_copies_nothing() -> None:
    """Breaks when the image reaches PackInputs in an order that it has to rearrange."""
    from mmpretrain.datasets.transforms import PackInputs

    results = SeedSample()(dict(sample_idx=3, open_picture=lambda: ArrayPicture(picture(40, 50))))
    results = FastRandomResizedCrop(16)(results)
    assert results['img'].shape == (16, 16, 3) and results['ori_shape'] == (40, 50)
    packed = PackInputs()(results)['inputs']
    assert packed.data_ptr() == results['img'].ctypes.data
    np.testing.assert_array_equal(packed.permute(1, 2, 0), results['img'])


def test_other_data_sets_are_told_what_is_missing() -> None:
    """Breaks when a fast crop behind LoadImageFromFile fails without saying why."""
    with pytest.raises(ValueError, match=r'cat\.jpg brings no picture.*PretrainImages'):
        FastSimpleResizedCrop(8)(dict(img_path='cat.jpg', img=np.zeros((9, 9, 3))))


def test_repr_names_every_option() -> None:
    """Breaks when a run's log does not say how its images were cut."""
    assert repr(FastRandomResizedCrop(32, (0.4, 1))) == (
        'FastRandomResizedCrop(scale=32, crop_ratio_range=(0.4, 1), flip_prob=0.5, '
        "interpolation='bicubic')"
    )
    assert repr(FastSimpleResizedCrop(32)) == (
        "FastSimpleResizedCrop(scale=32, padding=4, interpolation='bicubic', flip_prob=0.5)"
    )
