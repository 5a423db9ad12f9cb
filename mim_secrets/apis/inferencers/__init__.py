"""From an image or a folder to predictions and pictures, one call for every task."""

from pathlib import Path
from typing import Any

from mim_secrets.apis.inferencers.base import Inferencer
from mim_secrets.apis.inferencers.classification import ClassificationInferencer
from mim_secrets.apis.inferencers.depth import DepthInferencer
from mim_secrets.apis.inferencers.detection import DetectionInferencer
from mim_secrets.apis.inferencers.inputs import Inputs
from mim_secrets.apis.inferencers.loading import ConfigLike, read_config
from mim_secrets.apis.inferencers.pose import PoseInferencer
from mim_secrets.apis.inferencers.segmentation import SegmentationInferencer

# By the default_scope of a config.
INFERENCERS: dict[str, type[Inferencer]] = {
    kind.library: kind
    for kind in (
        ClassificationInferencer,
        DetectionInferencer,
        SegmentationInferencer,
        PoseInferencer,
    )
}
# By the type of its model, where a library has more than one task.
OF_MODELS: dict[str, type[Inferencer]] = {'DepthEstimator': DepthInferencer}


def load_inferencer(
    config: ConfigLike, weights: str | Path | None = None, **options: Any
) -> Inferencer:
    """The inferencer of the task that a config is for.

    Args:
        config: A config, its file, or the work directory of a run.
        weights: A checkpoint, or a work directory.
        options: ``device``, and those of the task.
    """
    cfg = read_config(config)
    scope = cfg.get('default_scope')
    if scope not in INFERENCERS:
        raise ValueError(
            f'The config is for no task that predicts (its default_scope is {scope!r}); those '
            f'of {", ".join(INFERENCERS)} are. What a pre-trained model rebuilds is drawn by '
            'tools/visualization/reconstruct.py.'
        )
    kind = cfg.get('model', {}).get('type')
    name = getattr(kind, '__name__', str(kind)).rpartition('.')[2]
    return OF_MODELS.get(name, INFERENCERS[scope])(config, weights, **options)


def infer(
    config: ConfigLike,
    weights: str | Path | None,
    inputs: Inputs,
    *,
    device: str | None = None,
    **options: Any,
) -> dict[str, list]:
    """Load a model and predict; ``options`` are those of calling an inferencer.

    >>> infer('work_dirs/cones', None, 'photo.jpg', out_dir='out')['predictions']
    """
    return load_inferencer(config, weights, device=device)(inputs, **options)


__all__ = [
    'ClassificationInferencer',
    'DepthInferencer',
    'DetectionInferencer',
    'Inferencer',
    'PoseInferencer',
    'SegmentationInferencer',
    'infer',
    'load_inferencer',
]
