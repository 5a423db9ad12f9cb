"""What the inferencers of all tasks share: images in, predictions and pictures out."""

import importlib
import json
import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.infer import BaseInferencer
from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, TRANSFORMS, DefaultScope
from mmengine.structures import BaseDataElement
from PIL import Image
from torch import nn

from mim_secrets.apis.inferencers.canvas import Canvas
from mim_secrets.apis.inferencers.inputs import (
    Inputs,
    Photograph,
    Source,
    UnreadableError,
    decode,
    list_sources,
)
from mim_secrets.apis.inferencers.loading import (
    INSTALL,
    ConfigLike,
    described_by,
    fill_model,
    read_config,
    tested_dataset,
    weights_or_run,
)
from mim_secrets.progress import no_display, progress_display


class Inferencer(BaseInferencer):
    """Predict with the model and the test pipeline of a config, one image or a folder.

    A task adds what its predictions hold (``describe``) and how they look (``draw``),
    and where one image makes several inputs of the model, which (``samples``).

    Args:
        config: A config, its file, or the work directory of a run, which keeps a copy.
        weights: A checkpoint, its address, or a work directory, which stands for its
            newest checkpoint. May be left out where ``config`` is a work directory.
        device: The first accelerator, or else the CPU, unless one is named.
        show_progress: Whether a bar is shown where there are several images.
    """

    library = ''  # whose configs these are
    project = ''  # what its distribution is called
    predicts = ''  # what its models add to a data sample

    def __init__(
        self,
        config: ConfigLike,
        weights: str | Path | None = None,
        device: str | None = None,
        show_progress: bool = True,
    ) -> None:
        weights = weights_or_run(config, weights)
        require(self.library, self.project)
        cfg = read_config(config)
        scope = cfg.get('default_scope') or self.library
        with DefaultScope.overwrite_default_scope(scope):
            super().__init__(cfg, weights, device, scope, show_progress)

    def __call__(
        self,
        inputs: Inputs,
        return_datasamples: bool = False,
        batch_size: int = 1,
        *,
        out_dir: str | Path | None = None,
        return_vis: bool = False,
        show: bool = False,
        **options: Any,
    ) -> dict[str, list]:
        """Predict.

        Args:
            inputs: A file, a folder with folders in it, an image as uint8 BGR (H, W, 3),
                or a list of these.
            return_datasamples: Predictions are the library's own data samples.
            batch_size: So many images are read, and so many inputs of one size pass
                the model at once; what is predicted does not depend on it.
            out_dir: Pictures are written to its ``vis``, predictions to its ``preds``.
            return_vis: Whether pictures are returned.
            show: Whether each picture is opened in a window.
            options: Of the task.

        Returns:
            ``predictions`` and ``visualization``, uint8 RGB pictures, one for each image
            that could be read, in the order of the inputs; ``skipped``, the others.
        """
        before, _, drawing, after = self._dispatch_kwargs(**options)
        if batch_size < 1:
            raise ValueError(f'batch_size is {batch_size}; it must be at least 1.')
        out_dir = out_dir and Path(out_dir)
        sources = list_sources(inputs, but_not_in=out_dir)
        facts = self.facts(sources, **before)
        drawn = return_vis or show or out_dir
        results = dict(predictions=[], visualization=[], skipped=[])
        display = progress_display if self.show_progress and len(sources) > 1 else no_display
        scope = DefaultScope.overwrite_default_scope(self.scope)
        with scope, display('predicting') as progress:
            progress(0, len(sources))
            todo = zip(sources, facts, strict=True)
            for group in self._get_chunk_data(todo, batch_size):
                photos = list(self.read(group, results['skipped']))
                outputs = self.forward(self.preprocess(photos, batch_size))
                preds = self.postprocess(photos, outputs, **after)
                pictures = self.visualize(photos, preds, show, **drawing) if drawn else []
                if out_dir:
                    self.write(photos, preds, pictures, out_dir)
                results['predictions'] += outputs if return_datasamples else preds
                results['visualization'] += pictures if return_vis else []
                progress(len(results['predictions']) + len(results['skipped']), len(sources))
        _tell_skipped(results['skipped'], len(sources))
        return results

    def facts(self, sources: list[Source]) -> list[dict]:
        """What the caller knows of each image: here nothing."""
        return [{} for _ in sources]

    def read(self, group: Iterable[tuple[Source, dict]], skipped: list) -> Iterator[Photograph]:
        """Decode; what cannot be decoded is added to ``skipped``."""
        for source, known in group:
            try:
                yield Photograph(source, decode(source, self.loader), known)
            except UnreadableError as error:
                skipped.append(f'{source} ({error})')

    def samples(self, photo: Photograph) -> list[dict]:
        """What of an image passes the pipeline, each in a copy of its own."""
        return [dict(photo.results, img=photo.results['img'].copy())]

    def preprocess(
        self, photos: list[Photograph], batch_size: int = 1
    ) -> tuple[list[int], list[dict]]:
        """Batches of inputs of one size, so that none is padded, and how many each image has."""
        samples = [[self.pipeline(one) for one in self.samples(photo)] for photo in photos]
        flat = [one for several in samples for one in several]
        batches = []
        for _, alike in groupby(flat, key=lambda one: one['inputs'].shape):
            batches += map(self.collate_fn, self._get_chunk_data(alike, batch_size))
        return [len(several) for several in samples], batches

    @torch.no_grad()
    def forward(self, inputs: tuple[list[int], list[dict]]) -> list[BaseDataElement]:
        """One data sample for each image, on the CPU."""
        counts, batches = inputs
        outputs = iter([one.cpu() for batch in batches for one in self.model.test_step(batch)])
        return [self.merge(list(islice(outputs, count))) for count in counts]

    def merge(self, outputs: list[BaseDataElement]) -> BaseDataElement:
        """The outputs of one image as one."""
        (output,) = outputs
        return output

    def visualize(
        self, inputs: list[Photograph], preds: list[dict], show: bool = False, **options: Any
    ) -> list[np.ndarray]:
        """uint8 RGB pictures; small images are enlarged."""
        pictures = []
        for photo, prediction in zip(inputs, preds, strict=True):
            canvas = Canvas(photo.pixels)
            self.draw(canvas, prediction, **options)
            pictures.append(canvas.pixels)
            if show:
                Image.fromarray(canvas.pixels).show(title=photo.source.name)
        return pictures

    def postprocess(
        self, photos: list[Photograph], outputs: list[BaseDataElement], **options: Any
    ) -> list[dict]:
        """What is predicted of each image, in plain numbers, strings and arrays."""
        predictions = []
        for photo, output in zip(photos, outputs, strict=True):
            if self.predicts not in output:
                raise ValueError(
                    f'{type(self.model).__name__} gives no {self.predicts}, so that it is no '
                    f'model for {type(self).__name__}; name the config of one that is.'
                )
            height, width = photo.pixels.shape[:2]
            common = dict(image=str(photo.source), width=width, height=height)
            predictions.append(common | self.describe(output, **options))
        return predictions

    def write(
        self,
        photos: Sequence[Photograph],
        predictions: Sequence[dict],
        pictures: Sequence[np.ndarray],
        out_dir: Path,
    ) -> None:
        for photo, prediction, picture in zip(photos, predictions, pictures, strict=True):
            name = photo.source.name
            drawn, told = out_dir / 'vis' / f'{name}.png', out_dir / 'preds' / f'{name}.json'
            for file in (drawn, told):
                file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(drawn)
            plain = self.to_files(prediction, told)
            told.write_text(json.dumps(plain, default=lambda array: array.tolist()) + '\n')

    def to_files(self, prediction: dict, path: Path) -> dict:
        """What goes into the file at ``path``; arrays become lists."""
        return prediction

    @abstractmethod
    def describe(self, output: BaseDataElement) -> dict:
        """What of a data sample goes into a prediction."""

    @abstractmethod
    def draw(self, canvas: Canvas, prediction: dict) -> None:
        """Make a picture of a prediction, on top of the photograph."""

    def class_name(self, label: int) -> str:
        classes = self.dataset_meta.get('classes') or ()
        return str(classes[label]) if label < len(classes) else f'class {label}'

    def _init_model(self, cfg: Config, weights: str | Path, device: str = 'cpu') -> nn.Module:
        """Nothing in the file of weights is run, unlike in the class above."""
        model_cfg = cfg.model
        if cfg.get('data_preprocessor'):  # as mmengine's runner does
            model_cfg.setdefault('data_preprocessor', cfg.data_preprocessor)
        model = revert_sync_batchnorm(MODELS.build(model_cfg))
        self.dataset_meta = fill_model(model, weights) or described_by(tested_dataset(cfg))
        return model.to(device).eval()

    def _init_pipeline(self, cfg: Config) -> Callable:
        steps = [TRANSFORMS.build(step) for step in tested_dataset(cfg)['pipeline']]
        steps = [step for step in steps if not self.reads_truth(step)]
        if not steps or not isinstance(steps[0], LoadImageFromFile):
            raise ValueError(
                "The pipeline of the config's test data does not begin with LoadImageFromFile "
                'or LoadImage, so that it cannot be given images; put one first.'
            )
        self.loader, *rest = steps
        return Compose(rest)

    def reads_truth(self, step: Callable) -> bool:
        """Whether a step of the pipeline looks for annotations, which a photograph lacks."""
        return isinstance(step, LoadAnnotations)

    def _init_collate(self, cfg: Config) -> Callable:
        return pseudo_collate

    def _init_visualizer(self, cfg: Config) -> None:
        """Pictures are drawn by ``draw``, for all libraries in one way."""


def require(library: str, project: str) -> None:
    """Import a library that the user may not have."""
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise ImportError(
            f'This config needs {project}, and {library} cannot be imported ({error}); {INSTALL}'
        ) from error


def _tell_skipped(skipped: list[str], total: int) -> None:
    if not skipped:
        return
    listed = '\n'.join(f'  {name}' for name in skipped)
    if len(skipped) == total:
        raise ValueError(f'No image could be read of {total}:\n{listed}')
    print_log(
        f'{len(skipped)} of {total} images could not be read and were skipped:\n{listed}',
        logger='current',
        level=logging.WARNING,
    )
