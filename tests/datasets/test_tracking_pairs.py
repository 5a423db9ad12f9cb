"""Pairs by quota and gap, and what is done to them on the way to a model."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate

from mim_secrets.datasets.tracking import SequenceError, TrackingPairs
from mim_secrets.datasets.tracking.pairs import draw_frames, quota_ends
from mim_secrets.datasets.tracking.sequence import make_sequence
from mim_secrets.datasets.transforms.tracking import (
    BrightenPair,
    CropPair,
    FlipPair,
    GreyPair,
)
from mim_secrets.registry import DATASETS, TRANSFORMS

from .tracking_files import write_coco, write_got10k, write_lasot

PIPELINE = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='mim_secrets.LoadPair'),
    dict(type='mim_secrets.CropPair', template_size=16, search_size=32),
    dict(type='mim_secrets.FlipPair'),
    dict(type='mim_secrets.GreyPair'),
    dict(type='mim_secrets.BrightenPair'),
    dict(type='mim_secrets.PackPair'),
]


def pairs_of(root: Path, pairs: int = 20, pipeline=PIPELINE, **kwargs: object) -> TrackingPairs:
    sources = [
        dict(type='mim_secrets.LaSOT', root=str(root / 'lasot'), quota=3),
        dict(type='mim_secrets.COCOPairs', root=str(root / 'coco')),
    ]
    config = dict(type='mim_secrets.TrackingPairs', sources=sources, pairs_per_epoch=pairs)
    return DATASETS.build(config | dict(pipeline=pipeline) | kwargs)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_lasot(tmp_path / 'lasot')
    write_coco(tmp_path / 'coco')
    return tmp_path


def sequence(visible: list[int], frames: int = 100):
    boxes = np.tile([1.0, 2.0, 3.0, 4.0], (frames, 1))
    hidden = ~np.isin(np.arange(frames), visible)
    return make_sequence('LaSOT', 'cat-1', [f'{i}.jpg' for i in range(frames)], boxes, hidden)


def test_quotas_share_out_all_pairs():
    """Breaks when pairs get lost by rounding, or a quota is not kept."""
    assert quota_ends([1, 1, 1, 1], 60_000).tolist() == [15_000, 30_000, 45_000, 60_000]
    assert quota_ends([2, 1], 10).tolist() == [7, 10]


def test_frames_are_visible_and_near():
    """Breaks when a hidden frame is drawn, the gap is not kept, only later frames are taken,
    or some frames are never drawn."""
    visible = [*range(20), *range(50, 70)]
    drawn = np.array([
        draw_frames(sequence(visible), 15, np.random.default_rng(i)) for i in range(600)
    ])  # fmt: skip
    assert set(drawn.ravel()) == set(visible)
    gaps = drawn[:, 1] - drawn[:, 0]
    assert gaps.max() == 15 and gaps.min() == -15 and (gaps != 0).all()


def test_a_lonely_frame_is_its_own_partner():
    """Breaks when COCO has no pairs, or a sequence without a visible frame gives one."""
    assert draw_frames(sequence([7, 60]), 20, np.random.default_rng(0)) in ((7, 7), (60, 60))
    with pytest.raises(SequenceError, match='LaSOT cat-1: there is no frame in which'):
        draw_frames(sequence([]), 20, np.random.default_rng(0))


def test_samples_follow_the_quota_and_are_packed(root: Path):
    """Breaks when a source gets too much, or inputs and boxes have other shapes, types or
    names than the trackers expect."""
    dataset = pairs_of(root)
    samples = [dataset[i] for i in range(len(dataset))]
    benchmarks = [sample['data_samples'].benchmark for sample in samples]
    assert benchmarks == ['LaSOT'] * 15 + ['COCO'] * 5
    assert {s['data_samples'].sequence for s in samples} >= {'cat-1', 'dog-1', '50', '51'}
    batch = default_collate(samples[:4])
    assert batch['inputs']['template'].shape == (4, 3, 16, 16)
    assert batch['inputs']['search'].shape == (4, 3, 32, 32)
    assert batch['inputs']['search'].dtype == torch.uint8
    for data_sample in batch['data_samples']:
        assert data_sample.gt_box.shape == (4,) and data_sample.gt_box.dtype == torch.float32
        middle = data_sample.gt_box[:2] + 0.5 * data_sample.gt_box[2:]
        assert (middle > 0).all() and (middle < 1).all()
        template = data_sample.template_box
        torch.testing.assert_close(template[:2] + 0.5 * template[2:], torch.full((2,), 0.5))


def test_the_seed_and_the_epoch_decide(root: Path):
    """Breaks when a resumed run would see other pairs, or every epoch sees the same."""
    dataset, again = pairs_of(root), pairs_of(root)

    def epoch(which: TrackingPairs, number: int) -> list[torch.Tensor]:
        which.pipeline.transforms[0].start_epoch(3, number)
        return [which[i]['inputs']['search'] for i in range(6)]

    first = epoch(dataset, 0)
    other = epoch(dataset, 1)
    np.random.seed(99)
    for a, b in zip(first, epoch(again, 0)):
        assert torch.equal(a, b)
    assert any(not torch.equal(a, b) for a, b in zip(first, other))


def test_what_cannot_be_used_is_replaced_and_told(root: Path):
    """Breaks when one bad sequence or frame ends the training, or goes by in silence."""
    cats = root / 'lasot' / 'cat'
    (cats / 'cat-1' / 'groundtruth.txt').write_text('1,1,5,5\n')
    for frame in (cats / 'cat-10' / 'img').iterdir():
        frame.write_bytes(frame.read_bytes()[:200])
    samples = [pairs_of(root)[i]['data_samples'] for i in range(15)]
    assert {sample.sequence for sample in samples} == {'dog-1'}
    skipped = {where for sample in samples for where, _ in getattr(sample, 'skipped', ())}
    frames = {f'{cats}/cat-10/img/{i:08d}.jpg' for i in (1, 3)}
    assert 'LaSOT cat-1' in skipped and skipped & frames and skipped <= frames | {'LaSOT cat-1'}


def test_no_usable_pair_is_said_in_one_sentence(root: Path):
    """Breaks when a data set without a single usable sequence keeps a worker busy for ever."""
    for path in (root / 'lasot').glob('*/*/groundtruth.txt'):
        path.write_text('0,0,0,0\n' * 3)
    with pytest.raises(SequenceError, match='of 100 pairs of LaSOT .* none .* the first is LaSOT'):
        pairs_of(root)[0]


def test_wrong_arguments_are_refused(root: Path, tmp_path: Path):
    """Breaks when a mistake in a config shows later, or never."""
    with pytest.raises(ValueError, match='give one source or more'):
        pairs_of(root, sources=[])
    with pytest.raises(ValueError, match='max_gap is 0'):
        pairs_of(root, max_gap=0)
    write_got10k(tmp_path / 'got')
    source = dict(type='mim_secrets.GOT10k', root=str(tmp_path / 'got'), quota=0)
    with pytest.raises(ValueError, match=r'quotas \[0.0\] must all be above 0'):
        pairs_of(root, sources=[source])
    with pytest.raises(ValueError, match='centre_jitter is 4.5, but must be below search_factor'):
        TRANSFORMS.build(dict(type='mim_secrets.CropPair', centre_jitter=4.5))


def white_box(box=(70, 40, 24, 16)) -> dict:
    """Two equal frames of colours with a white box."""
    x, y, width, height = box
    frame = np.tile(np.array([30, 60, 90], np.uint8), (120, 160, 1))
    frame[y : y + height, x : x + width] = 255
    boxes = {f'{key}_box': np.array(box, dtype=np.float64) for key in ('template', 'search')}
    return dict(template=frame, search=frame, **boxes)


def found_box(picture: np.ndarray) -> np.ndarray:
    """Where a picture is white, as shares of it."""
    x, y, width, height = cv2.boundingRect((picture.min(-1) > 150).astype(np.uint8))
    return np.array([x, y, width, height]) / len(picture)


def test_boxes_follow_the_pictures_through_crop_and_flip():
    """Breaks when a jittered crop or a mirrored one does not show the thing where the box
    says."""
    np.random.seed(0)
    middles = []
    for i in range(40):
        results = FlipPair(prob=i % 2)(CropPair(96, 192)(white_box()))
        assert results['template'].shape == (96, 96, 3)
        assert results['search'].shape == (192, 192, 3)
        for key in ('template', 'search'):
            x, y, width, height = results[f'{key}_box']
            low, high = np.clip([x, y], 0, 1), np.clip([x + width, y + height], 0, 1)
            expected = np.concatenate([low, high - low])
            np.testing.assert_allclose(found_box(results[key]), expected, atol=0.02)
        middles.append(results['search_box'][:2] + 0.5 * results['search_box'][2:])
    middles = np.array(middles)
    assert (middles > 0).all() and (middles < 1).all()
    assert (middles.min(0) < 0.25).all() and (middles.max(0) > 0.75).all()


def test_without_jitter_the_search_window_is_twice_the_template():
    """Breaks when a factor of another window is used."""
    results = CropPair(96, 192, centre_jitter=0.0, scale_jitter=0.0)(white_box())
    halved = 0.5 * results['template_box'] + (0.25, 0.25, 0, 0)
    np.testing.assert_allclose(halved, results['search_box'])
    root = np.sqrt(results['search_box'][2:].prod())
    assert root == pytest.approx(0.25)


def test_colours():
    """Breaks when only one picture turns grey, or both get the same brightness."""
    np.random.seed(0)
    before = white_box()
    grey = GreyPair(prob=1.0)(dict(before))
    for key in ('template', 'search'):
        assert (grey[key] == grey[key][..., :1]).all()
    bright = BrightenPair(amount=0.2)(dict(before))
    factors = [bright[key][0, 0] / before[key][0, 0] for key in ('template', 'search')]
    assert abs(factors[0] - factors[1]).max() > 0.02
    assert (np.abs(np.array(factors) - 1) < 0.22).all()
    same = BrightenPair(amount=0.0)(GreyPair(prob=0.0)(FlipPair(prob=0.0)(dict(before))))
    np.testing.assert_array_equal(same['search'], before['search'])
