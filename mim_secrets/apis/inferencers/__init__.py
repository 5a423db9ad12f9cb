"""From images or a video to predictions and pictures, one call for every task."""

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
from mim_secrets.apis.inferencers.tracking import TrackingInferencer
from mim_secrets.apis.inferencers.video import Footage

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
# By the type of its model, where a library has more than one task, or none of its own.
OF_MODELS: dict[str, type[Inferencer | TrackingInferencer]] = {
    'DepthEstimator': DepthInferencer,
    'OneStreamTracker': TrackingInferencer,
    'TwoStreamTracker': TrackingInferencer,
}


def load_inferencer(
    config: ConfigLike, weights: str | Path | None = None, **options: Any
) -> Inferencer | TrackingInferencer:
    """The inferencer of the task that a config is for.

    Args:
        config: A config, its file, or the work directory of a run.
        weights: A checkpoint, or a work directory.
        options: ``device``, and those of the task.
    """
    cfg = read_config(config)
    scope = cfg.get('default_scope')
    model = cfg.get('model', {}).get('type')
    name = getattr(model, '__name__', str(model)).rpartition('.')[2]
    kind = OF_MODELS.get(name) or INFERENCERS.get(scope)
    if kind is None:
        raise ValueError(
            f'The config is for no task that predicts (its default_scope is {scope!r}); those '
            f'of {", ".join(INFERENCERS)} are. What a pre-trained model rebuilds is drawn by '
            'tools/visualization/reconstruct.py.'
        )
    return kind(config, weights, **options)


def infer(
    config: ConfigLike,
    weights: str | Path | None,
    inputs: Inputs | Footage,
    *,
    device: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Load a model and predict; ``options`` are those of calling an inferencer.

    >>> infer('work_dirs/cones', None, 'photo.jpg', out_dir='out')['predictions']
    >>> infer('work_dirs/tracker', None, 'video.mp4', box=(10, 20, 60, 40))['boxes']
    """
    return load_inferencer(config, weights, device=device)(inputs, **options)


__all__ = [
    'ClassificationInferencer',
    'DepthInferencer',
    'DetectionInferencer',
    'Inferencer',
    'PoseInferencer',
    'SegmentationInferencer',
    'TrackingInferencer',
    'infer',
    'load_inferencer',
]
