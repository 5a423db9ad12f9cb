"""A recipe is the MFF that it is compared with but for what its name says."""

import re

import pytest
from mmengine.config import Config

from tests.config_models import CONFIGS, RECIPES, read

IMAGENET = re.compile(
    r'recipes/mff_vit-base-p16_8xb(?P<batch>\d+)-amp-src(?P<changes>(-\w+)*)-coslr-'
    r'(?P<epochs>\d+)e_in1k\.py'
)
PLAYGROUND = re.compile(
    r'playground/mff_vit-nano-p4_1xb(?P<batch>\d+)(?P<changes>(-\w+)*)-coslr-'
    r'(?P<epochs>\d+)e_playground-32px\.py'
)
MFF = {
    IMAGENET: 'mff/mff_vit-base-p16_8xb512-amp-src-coslr-300e_in1k.py',
    PLAYGROUND: 'playground/mff_vit-nano-p4_1xb64-coslr-25e_playground-32px.py',
}
QUICKSTART = re.compile(r'.*-8e_playground-32px\.py')
LENGTH = {'max_epochs', 'train_cfg', 'param_scheduler'}
NANO = [name for name in CONFIGS if PLAYGROUND.fullmatch(name) and not QUICKSTART.fullmatch(name)]


def values(part: object, path: str = '') -> dict[str, object]:
    """Dotted key -> value, for everything in a config."""
    if not isinstance(part, dict):
        return {path: part}
    found = {}
    for key, value in part.items():
        found |= values(value, f'{path}.{key}' if path else key)
    return found


def changes_of(cfg: Config, base: Config) -> dict[str, object]:
    """What ``cfg`` sets otherwise than ``base``."""
    own, other = values(cfg.to_dict()), values(base.to_dict())
    assert own.keys() >= other.keys(), 'a recipe takes nothing away'
    return {key: value for key, value in own.items() if key not in other or other[key] != value}


def expected_changes(cfg: Config, words: list[str]) -> dict[str, object]:
    """The keys that the words of a name stand for, with their values."""
    expected: dict[str, object] = {}
    depth, size = cfg.model.neck.depth, cfg.model.backbone.img_size
    for word in words:
        kind, number = re.fullmatch(r'([a-z]+)(\d*)', word).groups()
        if kind == 'asked':
            expected['model.masking.asked_share'] = int(number) / 100
        elif kind == 'masks':
            expected['model.masking.masks_per_image'] = int(number)
        elif kind == 'cross':
            expected |= {'model.neck.type': 'CrossDecoder', 'model.fusion.streams': depth}
        else:
            assert word == 'progressive', f'{word}: nobody knows what this changes'
            expected['data_preprocessor.type'] = 'ResizingPreprocessor'
            (hook,) = [h for h in cfg.custom_hooks if 'Progressive' in h.type]
            shares, sizes = zip(*hook.sizes)
            assert sizes[-1] == size and list(sizes) == sorted(set(sizes))
            expected['custom_hooks'] = [h.to_dict() for h in cfg.custom_hooks]
    return expected


@pytest.mark.parametrize('name', [*RECIPES, *NANO])
def test_a_recipe_changes_what_its_name_says(name: str) -> None:
    """Breaks when a recipe differs from its MFF in more, or less, than it is named
    after, so that a difference in accuracy has another cause."""
    pattern = IMAGENET if name in RECIPES else PLAYGROUND
    told = pattern.fullmatch(name)
    assert told, f'{name} is not named like the others'
    cfg, base = read(name), read(MFF[pattern])
    changes = {
        key: v for key, v in changes_of(cfg, base).items() if key.split('.')[0] not in LENGTH
    }
    changes = {k: v.split('.')[-1] if k.endswith('.type') else v for k, v in changes.items()}
    masks = cfg.model.masking.get('masks_per_image', 1)
    batch, whole = int(told['batch']), base.train_dataloader.batch_size
    assert cfg.train_cfg.max_epochs == int(told['epochs'])
    expected = expected_changes(cfg, [word for word in told['changes'].split('-') if word])
    if masks > 1:
        assert batch * masks == whole, 'a step has other than the usual number of views'
    if batch != whole:  # the rate stays, since a smaller batch is one to take more steps with
        processes = base.auto_scale_lr.base_batch_size // whole
        expected |= {
            'train_dataloader.batch_size': batch,
            'auto_scale_lr.base_batch_size': batch * processes,
        }
    assert changes == expected


@pytest.mark.parametrize('name', [*RECIPES, *NANO])
def test_warm_up_is_the_same_share_of_the_views(name: str) -> None:
    """Breaks when a shorter run warms up for as long as a long one, or not at all."""
    cfg = read(name)
    base = read(MFF[IMAGENET if name in RECIPES else PLAYGROUND])
    share, usual = (c.param_scheduler[0].end / c.train_cfg.max_epochs for c in (cfg, base))
    assert share == pytest.approx(usual, rel=0.1)


def test_both_worlds_have_the_same_recipes() -> None:
    """Breaks when a recipe is measured that cannot be used, or the reverse."""
    found = [
        {pattern.fullmatch(name)['changes'] for name in names}
        for pattern, names in ((IMAGENET, RECIPES), (PLAYGROUND, NANO))
    ]
    assert found[0] == found[1] and len(found[0]) >= 7
