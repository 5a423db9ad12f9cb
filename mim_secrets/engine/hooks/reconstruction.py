"""Pictures of what the model makes of the same images, epoch after epoch."""

import numpy as np
import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mim_secrets.evaluation.undisturbed import undisturbed
from mim_secrets.registry import DATASETS, HOOKS
from mim_secrets.visualization.reconstruction import fixed_mask, reconstruction_grid


@HOOKS.register_module()
class ReconstructionHook(Hook):
    """Add a grid of reconstructions to the visual backends of a run.

    Images and masks are the same each time, so that pictures can be compared. The
    mask is not drawn from the model's stream and training goes on as without this
    hook.

    Args:
        dataset: Config of a data set whose pipeline ends in
            ``mmpretrain.PackInputs``; images are taken at equal distances, since
            the first ones of a sorted data set are all of one class.
        num_images: Rows of the grid.
        interval: Epochs from one picture to the next; the last epoch has one.
        seed: Of the mask.
    """

    def __init__(
        self, dataset: dict, num_images: int = 8, interval: int = 10, seed: int = 0
    ) -> None:
        self.dataset = dataset
        self.num_images = num_images
        self.interval = interval
        self.seed = seed
        self._images: torch.Tensor | None = None

    def after_train_epoch(self, runner: Runner) -> None:
        if self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner):
            self._draw(runner)

    @master_only
    def _draw(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        with undisturbed(model, self.seed):
            if self._images is None:
                self._images = self._read_images()
            batch = dict(inputs=self._images, data_samples=None)
            images = model.data_preprocessor(batch)['inputs']
            mask = fixed_mask(model, images, self.seed)
            pictures = model.reconstruct(images, mask)
        picture = reconstruction_grid(pictures, mask, model.data_preprocessor)
        runner.visualizer.add_image('reconstruction', picture, step=runner.epoch + 1)

    def _read_images(self) -> torch.Tensor:
        """(num_images, C, H, W), as the pipeline leaves them."""
        dataset = DATASETS.build(self.dataset)
        chosen = np.linspace(0, len(dataset) - 1, self.num_images).round().astype(int)
        return torch.stack([dataset[index]['inputs'] for index in chosen])
