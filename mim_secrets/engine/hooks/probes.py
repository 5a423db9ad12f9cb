"""Probes while pre-training goes on: does the encoder learn anything of use?"""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mim_secrets.evaluation.probes import run_probes
from mim_secrets.registry import HOOKS


@HOOKS.register_module()
class ProbeHook(Hook):
    """Log kNN and linear accuracy every few epochs and after the last one.

    Training is not disturbed: the weights, modes and random numbers of a run with
    this hook are those of one without.

    Args:
        bank: Data loader config of the images whose labels the probes may see.
        query: Data loader config of the images that they are tested on.
        interval: Epochs from one probe to the next.
        pooling: ``avg`` over patch tokens, or the ``cls`` token.
    """

    def __init__(self, bank: dict, query: dict, interval: int = 10, pooling: str = 'avg') -> None:
        self.bank: DataLoader | dict = bank
        self.query: DataLoader | dict = query
        self.interval = interval
        self.pooling = pooling

    def after_train_epoch(self, runner: Runner) -> None:
        if not (self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner)):
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        # built once; a seed, so that samplers need not draw one from the run's
        self.bank = runner.build_dataloader(self.bank, seed=0)
        self.query = runner.build_dataloader(self.query, seed=0)
        metrics = run_probes(model, self.bank, self.query, self.pooling)
        epoch = runner.epoch + 1
        runner.logger.info(
            f'Probe [{epoch}]  '
            + '  '.join(f'{name}: {value:.2f}' for name, value in metrics.items())
        )
        scalars = {f'probe/{name}': value for name, value in metrics.items()}
        for name, value in scalars.items():
            runner.message_hub.update_scalar(name, value)
        runner.visualizer.add_scalars(scalars, step=epoch, file_path=f'{runner.timestamp}.json')
