"""The last figures of a run that was killed before it had them."""

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mim_secrets.registry import HOOKS


@HOOKS.register_module()
class OverdueValidationHook(Hook):
    """Validate a resumed run that has nothing left to train.

    Symptom: a run is killed in its last validation, is resumed from its last checkpoint,
    and ends at once, in good order and without a single figure.

    Nothing in a checkpoint says whether it was validated, so that a run which ended well
    is validated again. ``tools/train.py --resume`` adds this hook.
    """

    priority = 'LOWEST'  # the checkpoint hook has found its folder by then

    def before_train(self, runner: Runner) -> None:
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            ended = runner.epoch >= runner.max_epochs
        else:
            ended = runner.iter >= runner.max_iters
        if ended and runner.val_loop is not None:
            runner.logger.info('Nothing is left to train; the last weights are validated.')
            runner.val_loop.run()
