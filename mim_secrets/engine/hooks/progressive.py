"""Training that starts on small images and ends on large ones.

Tan and Le, "EfficientNetV2: Smaller Models and Faster Training", ICML 2021, do so for
classifiers.
"""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mim_secrets.models.selfsup.masked_image_model import MaskedImageModel
from mim_secrets.registry import HOOKS

Stages = Sequence[tuple[float, int]]


@HOOKS.register_module()
class ProgressiveResolutionHook(Hook):
    """Set the size of the training images by how much of the run has passed.

    This changes the method: early epochs see images with less detail, cut into fewer
    patches of the usual size, and cost less. The mask ratio stays, and the last stage
    is at the size that the encoder was built for. The model needs the
    ``ResizingPreprocessor``.

    A size follows from the epoch alone, so that a resumed run has it too.

    Args:
        sizes: Pairs of a share of the epochs, from 0 on, and the side of the images
            from then on, such as ``[(0.0, 128), (0.5, 160), (0.75, 224)]``.
    """

    def __init__(self, sizes: Stages) -> None:
        self.sizes = [(share, size) for share, size in sizes]
        shares = [share for share, _ in self.sizes]
        if not shares or shares[0] != 0 or shares != sorted(set(shares)) or shares[-1] >= 1:
            raise ValueError(
                f'ProgressiveResolutionHook: sizes start at {shares} of the epochs, but the '
                'shares must begin with 0, rise, and stay below 1.'
            )

    def before_train(self, runner: Runner) -> None:
        check_sizes(_unwrapped(runner), [size for _, size in self.sizes])

    def before_train_epoch(self, runner: Runner) -> None:
        preprocessor = _unwrapped(runner).data_preprocessor
        size = size_at(self.sizes, runner.epoch, runner.max_epochs)
        if size != preprocessor.size:
            runner.logger.info(f'Epoch {runner.epoch + 1}: training images are {size}x{size}')
        preprocessor.size = size


def size_at(sizes: Stages, epoch: int, max_epochs: int) -> int:
    """Side of the training images in an epoch, counted from 0."""
    return [size for share, size in sizes if share <= epoch / max_epochs][-1]


def check_sizes(model: MaskedImageModel, sizes: Sequence[int]) -> None:
    """Refuse before the first step what would fail in the middle of a run."""
    if not hasattr(model.data_preprocessor, 'size'):
        raise ValueError(
            f'ProgressiveResolutionHook: a {type(model.data_preprocessor).__name__} does not '
            "resize; set data_preprocessor=dict(type='mim_secrets.ResizingPreprocessor')."
        )
    unit = model.patch_size * model.masking.unit
    for size in sizes:
        if size % unit:
            raise ValueError(
                f'ProgressiveResolutionHook: {size} pixels do not divide into patches, or '
                f'masked squares, of {unit}; choose multiples of {unit}.'
            )
        model.masking.num_visible((size // unit) ** 2)
    encoder = model.backbone
    full = encoder.patch_resolution[-1] * encoder.level_strides[0]
    if sizes[-1] != full:
        raise ValueError(
            f'ProgressiveResolutionHook: the last size is {sizes[-1]}, but the encoder is '
            f'built for {full} pixels; end with that.'
        )


def _unwrapped(runner: Runner) -> MaskedImageModel:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
