"""Training on images that grow: which epoch sees which size, and what is refused."""

from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

from mim_secrets.engine import ProgressiveResolutionHook
from mim_secrets.engine.hooks.progressive import check_sizes, size_at
from mim_secrets.models import ResizingPreprocessor
from mim_secrets.registry import MODELS
from tests.tiny_run import MODEL, PREPROCESSOR, runner, training, write_images

SIZES = [(0.0, 16), (0.3, 24), (0.6, 32)]
RESIZING = dict(PREPROCESSOR, type='mim_secrets.ResizingPreprocessor')


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp('images'))


def run(images: Path, work_dir: Path, sizes=SIZES, hooks=(), **options):
    """Train a small model for four epochs, all randomness derived from the seed."""
    model = dict(MODEL, data_preprocessor=RESIZING)
    hooks = [
        dict(type='mim_secrets.ResumableRandomnessHook'),
        dict(type='mim_secrets.ProgressiveResolutionHook', sizes=sizes),
        *hooks,
    ]
    built = runner(work_dir, model=model, custom_hooks=hooks, **training(images, 4), **options)
    return built.train()


class Sizes(Hook):
    """Notes down what the model is trained on, and what others would be given."""

    def __init__(self) -> None:
        self.trained: list[tuple[int, int]] = []
        self.tested: list[int] = []

    def before_train(self, runner) -> None:
        def note(_, args: tuple, parts: dict) -> None:
            self.trained.append((runner.epoch, parts['inputs'].shape[-1]))

        runner.model.register_forward_pre_hook(note, with_kwargs=True)

    def after_train_epoch(self, runner) -> None:
        batch = next(iter(runner.train_dataloader))
        self.tested.append(runner.model.data_preprocessor(batch)['inputs'].shape[-1])


class StopAfter(Hook):
    """Ends a run as Ctrl-C does, once an epoch's checkpoint is written."""

    priority = 'LOWEST'

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def after_train_epoch(self, runner) -> None:
        if runner.epoch + 1 == self.epochs:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ('epochs', 'expected'),
    [
        (10, [16, 16, 16, 24, 24, 24, 32, 32, 32, 32]),
        (4, [16, 16, 24, 32]),
        (1, [16]),
    ],
)
def test_a_size_follows_from_the_epoch(epochs: int, expected: list[int]) -> None:
    """Breaks when a stage starts an epoch early or late, or 0.3 of 10 epochs is 2."""
    assert [size_at(SIZES, epoch, epochs) for epoch in range(epochs)] == expected


@pytest.mark.slow
def test_epochs_see_their_sizes_and_probes_the_full_one(images: Path, tmp_path: Path) -> None:
    """Breaks when batches are not resized, or those of a probe are."""
    sizes = Sizes()
    torch.manual_seed(0)
    run(images, tmp_path, hooks=[sizes])
    assert sorted(set(sizes.trained)) == [(0, 16), (1, 16), (2, 24), (3, 32)]
    assert sizes.tested == [32] * 4


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_weights(images: Path, tmp_path: Path) -> None:
    """Breaks when a size is remembered instead of derived: a run that is resumed in
    the second stage would begin it with the first one's images."""
    whole = run(images, tmp_path / 'whole')
    with pytest.raises(KeyboardInterrupt):
        run(images, tmp_path / 'stopped', hooks=[StopAfter(3)])
    resumed = run(images, tmp_path / 'stopped', resume=True)
    for (name, one), other in zip(
        whole.state_dict().items(), resumed.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name


def test_a_wrong_size_is_refused_before_the_first_step(images: Path, tmp_path: Path) -> None:
    """Breaks when a wrong size is noticed only in the epoch that comes to it."""
    sizes = Sizes()
    with pytest.raises(ValueError, match='20 pixels do not divide .* multiples of 8'):
        run(images, tmp_path, sizes=[(0, 16), (0.5, 20), (0.8, 32)], hooks=[sizes])
    assert not sizes.trained


@pytest.mark.parametrize(
    ('parts', 'sizes', 'message'),
    [
        (dict(masking=dict(MODEL['masking'], unit=2)), [24, 32], '24 .* multiples of 16'),
        (dict(), [8, 32], 'none of 1 patches visible'),
        (dict(), [32, 24], 'last size is 24, but the encoder is built for 32'),
        (dict(data_preprocessor=PREPROCESSOR), [32], 'SelfSupDataPreprocessor does not resize'),
    ],
)
def test_what_cannot_be_masked_or_resized_is_refused(
    parts: dict, sizes: list[int], message: str
) -> None:
    """Breaks when a run could start that cannot come to its end."""
    model = MODELS.build(dict(MODEL, **dict(dict(data_preprocessor=RESIZING), **parts)))
    with pytest.raises(ValueError, match=message):
        check_sizes(model, sizes)


@pytest.mark.parametrize('shares', [[], [0.1, 0.5], [0.0, 0.6, 0.3], [0.0, 0.0], [0.0, 1.0]])
def test_shares_that_make_no_sense_are_refused(shares: list[float]) -> None:
    """Breaks when a run has no size at its start, or one that it never comes to."""
    with pytest.raises(ValueError, match='must begin with 0, rise, and stay below 1'):
        ProgressiveResolutionHook([(share, 32) for share in shares])


@pytest.fixture
def half() -> ResizingPreprocessor:
    """Resizes to 16 pixels and normalises nothing."""
    preprocessor = ResizingPreprocessor()
    preprocessor.size = 16
    return preprocessor


def preprocessed(preprocessor: ResizingPreprocessor, images: torch.Tensor) -> torch.Tensor:
    return preprocessor(dict(inputs=images, data_samples=None), training=True)['inputs']


def test_resizing_is_antialiased(half: ResizingPreprocessor) -> None:
    """Breaks when detail too fine for the new size turns into stripes."""
    stripes = torch.arange(32).remainder(2).expand(1, 3, 32, 32).mul(255).byte()
    small = preprocessed(half, stripes)
    assert small.shape == (1, 3, 16, 16)
    inner = small[..., 2:-2, 2:-2]
    torch.testing.assert_close(inner, torch.full_like(inner, 127.5), atol=4.0, rtol=0)


def test_resizing_keeps_what_is_where(half: ResizingPreprocessor) -> None:
    """Breaks when images are shifted, or cropped instead of resized."""
    ramp = (torch.arange(32).float() * 4).byte().expand(1, 3, 32, 32)
    small = preprocessed(half, ramp)
    expected = torch.arange(16).float() * 8 + 2  # between the two pixels it stands for
    torch.testing.assert_close(small[0, 0, 0, 2:-2], expected[2:-2], atol=0.5, rtol=0)


def test_rectangles_are_not_squeezed(half: ResizingPreprocessor) -> None:
    """Breaks when a batch that is not square loses its proportions without a word."""
    with pytest.raises(ValueError, match='32x48 pixels would be squeezed'):
        preprocessed(half, torch.zeros(1, 3, 32, 48, dtype=torch.uint8))
