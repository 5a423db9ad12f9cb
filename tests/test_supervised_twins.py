"""Supervised runs beside masked ones, equal in all but what is learnt from.

The second paper is a comparison of the two, which means nothing if the supervised
encoder had other images, another size or less time.
"""

import pytest
from mmengine.config import Config

from tests.config_models import CONFIGS, PRETRAINING, SUPERVISED, built_on_meta, read

PLAYGROUND = [name for name in CONFIGS if name.startswith('playground/')]
TWINS = [*SUPERVISED, *(name for name in PLAYGROUND if 'supervised_' in name)]
MASKED = [*PRETRAINING, *(name for name in PLAYGROUND if 'masking' in read(name).model)]
# Options of an encoder that decide what is computed of an image, windows apart.
SHAPE = ('arch', 'patch_size', 'img_size', 'position', 'strides', 'dilations')


def encoder(cfg: Config) -> tuple:
    backbone = cfg.model.backbone
    windows = backbone.get('window_size', 0)
    shape = {key: backbone.get(key) for key in SHAPE}
    if isinstance(windows, int):
        windows = [windows] * 4
    return backbone.type.removeprefix('mim_secrets.'), str(shape), tuple(windows)


def crop_side(cfg: Config) -> int:
    (side,) = {
        step.get('scale')
        for step in cfg.train_dataloader.dataset.pipeline
        if step.type.endswith('ResizedCrop')
    }
    return side


def agreement(name: str) -> dict[str, object]:
    """What a twin and a method have in common."""
    cfg = read(name)
    assert crop_side(cfg) == cfg.model.backbone.img_size, name
    loader = cfg.train_dataloader
    images = loader.dataset
    assert images.get('ann_file', 'meta/train.txt') == 'meta/train.txt', f'{name}: all images'
    return dict(
        encoder=encoder(cfg),
        data=(images.data_root, images.get('split') or images.data_prefix),
        image=crop_side(cfg),
        batch=(loader.batch_size, cfg.auto_scale_lr.base_batch_size),
        epochs=cfg.train_cfg.max_epochs,
        scheme=(cfg.data_preprocessor.mean, cfg.data_preprocessor.std),
    )


def test_there_are_twins() -> None:
    """Breaks when the lists above find nothing."""
    assert len(TWINS) == 13 + 5
    assert len(MASKED) > 51 + 10


@pytest.mark.parametrize('twin', TWINS)
def test_a_twin_has_a_method_beside_it(twin: str) -> None:
    """Breaks when a supervised run sees other data, another size, more or less of it, or
    is another encoder than every method."""
    own = agreement(twin)
    close = [name for name in MASKED if agreement(name)['encoder'] == own['encoder']]
    assert close, f'no method trains {own["encoder"]}'
    assert own in map(agreement, close), f'{own} is not what any of {close} trains with'


def test_every_encoder_has_a_twin() -> None:
    """Breaks when a method comes to a new encoder, or data set, without its comparison."""
    found = {(twin['encoder'], twin['data'], twin['image']) for twin in map(agreement, TWINS)}
    for name in MASKED:
        own = agreement(name)
        assert (own['encoder'], own['data'], own['image']) in found, name


@pytest.mark.parametrize('twin', TWINS)
@pytest.mark.slow
def test_a_twin_is_the_same_encoder_parameter_by_parameter(twin: str) -> None:
    """Breaks when a file of the one does not load into the other, the mask token and the
    last norm apart."""
    own = agreement(twin)
    method = next(name for name in MASKED if agreement(name) == own)
    shapes = [
        {
            name: parameter.shape
            for name, parameter in built_on_meta(read(config)).backbone.state_dict().items()
            if name != 'mask_token'
        }
        for config in (twin, method)
    ]
    assert shapes[0] == shapes[1]
