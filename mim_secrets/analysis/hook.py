"""The secrets of a model while it trains: when do heads go local?"""

import csv
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mim_secrets.analysis.measures import MEASURES, make_measures
from mim_secrets.analysis.pictures import Pictures
from mim_secrets.analysis.run import Analysis, Tables
from mim_secrets.analysis.sources import subject_of
from mim_secrets.evaluation.undisturbed import undisturbed
from mim_secrets.registry import HOOKS

COLUMNS = ('epoch', 'table', 'layer', 'mean', 'low', 'high')
MODEL = 'model'


@HOOKS.register_module()
class SecretsHook(Hook):
    """Measure the same images every few epochs and after the last one.

    The mean of every layer goes to the visual backends (``secrets/distance/layer_03``)
    and, with its interval, to ``secrets.csv`` in the folder of the run's log. Training
    is not disturbed: a run with this hook has the weights of one without.

    Args:
        images: Folder of images that are not trained on.
        num_images: How many of them.
        measures: Names as ``tools/analyze.py`` knows them.
        interval: Epochs from one look to the next.
        batch_size: Images that pass the encoder at once.
        seed: Of the choice of images.
    """

    def __init__(
        self,
        images: str,
        num_images: int = 256,
        measures: tuple[str, ...] = ('distance', 'entropy', 'kl'),
        interval: int = 1,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        unknown = [name for name in measures if name not in MEASURES]
        if unknown:
            raise ValueError(
                f'SecretsHook: there is no measure {unknown[0]!r}; choose from '
                f'{", ".join(MEASURES)}.'
            )
        self.images, self.num_images, self.seed = images, num_images, seed
        self.measures, self.interval, self.batch_size = measures, interval, batch_size

    def after_train_epoch(self, runner: Runner) -> None:
        if self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner):
            self._look(runner)

    def _look(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        epoch = runner.epoch + 1
        with undisturbed(model):
            tables = self.measure(model)
        scalars = {}
        for name, layer, row in _layer_rows(tables):
            scalars[f'secrets/{name}/layer_{layer:02d}'] = row['mean']
        runner.visualizer.add_scalars(scalars, step=epoch, file_path=f'{runner.timestamp}.json')
        if is_main_process():
            self._append(Path(runner.log_dir) / 'secrets.csv', epoch, tables)

    def measure(self, model: nn.Module) -> Tables:
        """Tables of a model with a backbone, by the name of ``MODEL``."""
        subjects = {MODEL: subject_of(MODEL, model)}
        sizes = {subject.image_size for subject in subjects.values()}
        pictures = Pictures(self.images, self.num_images, sizes, self.seed)
        analysis = Analysis(
            subjects,
            lambda: make_measures(self.measures, subjects),
            pictures,
            batch_size=self.batch_size,
        )
        return analysis.run()

    @staticmethod
    def _append(path: Path, epoch: int, tables: Tables) -> None:
        new = not path.exists()
        with path.open('a', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, COLUMNS)
            if new:
                writer.writeheader()
            for name, layer, row in _layer_rows(tables):
                numbers = {column: row[column] for column in ('mean', 'low', 'high')}
                writer.writerow(dict(epoch=epoch, table=name, layer=layer, **numbers))


def _layer_rows(tables: Tables):
    """Name of the quantity, number of the layer, row, for every layer's mean."""
    for name, models in tables.items():
        if name.endswith('_layer'):
            for row in models[MODEL].rows():
                yield name.removesuffix('_layer'), row['layer'], row
