"""What programs import. Inferencers come when they are asked for: not every tool needs them."""

import importlib

_INFERENCE = (
    'ClassificationInferencer',
    'DepthInferencer',
    'DetectionInferencer',
    'Inferencer',
    'PoseInferencer',
    'SegmentationInferencer',
    'TrackingInferencer',
    'infer',
    'load_inferencer',
)


def __getattr__(name: str) -> object:
    if name not in _INFERENCE:
        raise AttributeError(f'mim_secrets.apis has no {name}.')
    return getattr(importlib.import_module('mim_secrets.apis.inferencers'), name)
