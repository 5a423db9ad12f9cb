"""The probes as what ``tools/test.py`` does with a pre-training config."""

from mmengine.evaluator import Evaluator
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from mim_secrets.evaluation.probes import run_probes
from mim_secrets.registry import LOOPS


@LOOPS.register_module()
class ProbeLoop(BaseLoop):
    """Test an encoder by its kNN and linear accuracy.

    mmengine wants a test evaluator beside every test loop; a probe has no use for
    one, so the config says so::

        test_dataloader = dict(dataset=..., ...)  # the query images
        test_cfg = dict(type='ProbeLoop', bank=dict(dataset=..., ...))
        test_evaluator = []

    Args:
        runner: The runner.
        dataloader: The query images.
        evaluator: Must be empty.
        bank: Data loader config of the images whose labels the probes may see.
        pooling: ``avg`` or ``cls``.
        fp16: Compute features under autocast.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        bank: DataLoader | dict,
        pooling: str = 'avg',
        fp16: bool = False,
    ) -> None:
        super().__init__(runner, dataloader)
        if evaluator:
            raise ValueError(
                'ProbeLoop measures by itself and would ignore the test_evaluator of '
                'this config; write test_evaluator = [].'
            )
        self.bank = bank
        self.pooling = pooling
        self.fp16 = fp16

    def run(self) -> dict[str, float]:
        runner = self.runner
        runner.call_hook('before_test')
        runner.call_hook('before_test_epoch')
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        bank = runner.build_dataloader(self.bank, seed=0)
        metrics = run_probes(model, bank, self.dataloader, self.pooling, self.fp16)
        metrics = {f'probe/{name}': value for name, value in metrics.items()}
        runner.call_hook('after_test_epoch', metrics=metrics)
        runner.call_hook('after_test')
        return metrics
