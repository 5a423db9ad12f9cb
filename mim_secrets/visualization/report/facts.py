"""What was trained, on which images and which machine, as the run's files tell it."""

import json
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config

from .logs import Experiment

SCENES_PER_CLASS = 3
MACHINE = ('processor', 'cores', 'torch', 'python', 'commit')


class World:
    """The images that an experiment looked at, as far as they can still be found."""

    def __init__(self, config: Config) -> None:
        dataset = config.get('test_dataloader', {}).get('dataset', {})
        self.root = Path(dataset.get('data_root', ''))
        self.classes = dataset.get('metainfo', {}).get('classes', [])
        description = self.root / 'meta' / 'playground.json'
        self.facts = json.loads(description.read_text()) if description.is_file() else {}

    @property
    def chance(self) -> float | None:
        """Accuracy of guessing among equally frequent classes, in percent."""
        return 100 / len(self.classes) if self.classes else None

    def scenes(self, name: str) -> list[Path]:
        """Some validation images of a class, at equal distances in the list."""
        files = sorted((self.root / 'val' / name).glob('*.jpg'))
        return files[:: max(1, len(files) // SCENES_PER_CLASS)][:SCENES_PER_CLASS]


def list_facts(experiment: Experiment, world: World) -> Iterator[tuple[str, str]]:
    """Name and text of what a reader needs to know in order to compare."""
    pretrain = experiment.any_run('pretrain').config
    finetune = experiment.any_run('finetune').config
    yield from _model(pretrain.get('model', {}))
    if pretrain.get('train_cfg'):
        count = f'{world.facts["train"]:,} images' if world.facts else 'images'
        yield 'pre-training', f'{_schedule(pretrain)}, {count} without labels'
    if finetune.get('train_cfg'):
        count = _listed(finetune.train_dataloader.dataset)
        labels = f', {count:,} labelled images' if count else ''
        yield 'fine-tuning', f'{_schedule(finetune)}{labels}'
    yield 'precision', _precision(pretrain)
    yield 'seeds', ', '.join(map(str, experiment.seeds))
    machines = [record['machine'] for _, record in experiment.records()]
    for key in MACHINE:
        # a road that was continued elsewhere has several
        values = dict.fromkeys(str(m[key]) for m in machines if m[key] is not None)
        yield key, ', '.join(values) or 'unknown'


def _model(model: dict) -> Iterator[tuple[str, str]]:
    backbone = model.get('backbone', {})
    arch = backbone.get('arch')
    if isinstance(arch, dict):
        arch = f'{arch["num_layers"]} blocks, {arch["embed_dims"]} wide'
    if arch:
        yield 'encoder', f'ViT, {arch}, patches of {backbone.get("patch_size", 16)} pixels'
    if model.get('masking'):
        yield 'masked', f'{100 * model["masking"].get("ratio", 0.75):.0f} % of the patches'


def _schedule(config: Config) -> str:
    batch = config.train_dataloader.batch_size
    return f'{config.train_cfg.max_epochs} epochs, batches of {batch}'


def _listed(dataset: dict) -> int | None:
    """How many images the list of a data set names."""
    path = Path(dataset.get('data_root', ''), dataset.get('ann_file', ''))
    return len(path.read_text().splitlines()) if path.is_file() else None


def _precision(config: Config) -> str:
    wrapper = config.get('optim_wrapper', {})
    if 'Amp' in wrapper.get('type', ''):
        return f'mixed, {wrapper.get("dtype", "float16")}'
    return 'float32'
