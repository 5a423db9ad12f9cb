"""The recipes that are compared, and the configs by which they are run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config, ConfigDict

NANO = 'configs/playground/{}_playground-32px.py'
PROBES = 5  # in a run, at least; where epochs do not divide there are some more


@dataclass(frozen=True)
class Recipe:
    """A row of the table; seconds are typical ones, for the ETA alone."""

    name: str
    title: str
    changes: str
    config: str
    epoch_seconds: float


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            'mae',
            'MAE',
            'no fusion',
            NANO.format('mae_vit-nano-p4_1xb64-coslr-25e'),
            20,
        ),
        Recipe(
            'mff',
            'MFF',
            '(what all others are changes of)',
            NANO.format('mff_vit-nano-p4_1xb64-coslr-25e'),
            21,
        ),
        Recipe(
            'mff-half',
            'MFF, half as long',
            '12 epochs for 25',
            NANO.format('mff_vit-nano-p4_1xb64-coslr-12e'),
            21,
        ),
        Recipe(
            'asked50',
            'half asked',
            'decodes 50 % of the masked patches',
            NANO.format('mff_vit-nano-p4_1xb64-asked50-coslr-25e'),
            19,
        ),
        Recipe(
            'asked25',
            'quarter asked',
            'decodes 25 % of the masked patches',
            NANO.format('mff_vit-nano-p4_1xb64-asked25-coslr-25e'),
            18,
        ),
        Recipe(
            'cross',
            'cross decoder',
            'masked patches ask the visible ones, not each other; each block of the decoder '
            'weighs the levels by itself',
            NANO.format('mff_vit-nano-p4_1xb64-cross-coslr-25e'),
            21,
        ),
        Recipe(
            'cross-asked25',
            'cross decoder, quarter asked',
            'both',
            NANO.format('mff_vit-nano-p4_1xb64-cross-asked25-coslr-25e'),
            18,
        ),
        Recipe(
            'masks4',
            'four masks',
            '4 masks for each decoded image: a step has 16 images instead of 64, the run 6 '
            'epochs of images (24 of views)',
            NANO.format('mff_vit-nano-p4_1xb16-masks4-coslr-6e'),
            75,
        ),
        Recipe(
            'progressive',
            'progressive resolution',
            '16 px for a quarter of the run, 24 px for another, then 32 px',
            NANO.format('mff_vit-nano-p4_1xb64-progressive-coslr-25e'),
            14,
        ),
        Recipe(
            'growing-asked50',
            'growing images, half asked',
            'half asked; a fifth of the run at 16 px, two fifths each at 24 px and 32 px; '
            '20 epochs for 25',
            NANO.format('mff_vit-nano-p4_1xb64-progressive-asked50-coslr-20e'),
            13,
        ),
        Recipe(
            'fast',
            'fast',
            'cross decoder, batches of 16 for 64 at the same rate, 13 epochs for 25',
            NANO.format('mff_vit-nano-p4_1xb16-cross-coslr-13e'),
            26,
        ),
    )
}


def pretraining_config(recipe: Recipe, world: str, epochs: int | None = None) -> Config:
    """The recipe's own config in a world's folder, with a probe now and then.

    ``epochs`` stands for the recipe's own number, if given.
    """
    cfg = config_in_world(recipe.config, world, epochs)
    probe = dict(
        type='mim_secrets.ProbeHook',
        bank=cfg.bank,
        query=cfg.test_dataloader,
        interval=max(cfg.train_cfg.max_epochs // PROBES, 1),
    )
    cfg.custom_hooks = [*cfg.custom_hooks, probe]
    return cfg


def cost_config() -> Config:
    """All that the costs depend on; nothing else has to be read from it."""
    recipes = {
        recipe.name: dict(
            title=recipe.title,
            changes=recipe.changes,
            config=Config.fromfile(recipe.config, import_custom_modules=False).to_dict(),
        )
        for recipe in RECIPES.values()
    }
    return Config(dict(recipes=recipes))


def config_in_world(config: str, world: str, epochs: int | None = None) -> Config:
    """A config that reads its images from a world's folder."""
    cfg = Config.fromfile(config, import_custom_modules=False)
    for part in _parts(cfg._cfg_dict):
        if 'data_root' in part:
            part.data_root = world
    if epochs:
        cfg.train_cfg.max_epochs = epochs
    return cfg


def _parts(value: object) -> Iterator[ConfigDict]:
    """Every dictionary of a config, however deep."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _parts(inner)


def write_config(cfg: Config, path: Path) -> str:
    """Where it was written, for a command to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # as it is: mmengine's own way of writing takes seconds to make it look well
    path.write_text(''.join(f'{key} = {value!r}\n' for key, value in cfg.to_dict().items()))
    return str(path)
