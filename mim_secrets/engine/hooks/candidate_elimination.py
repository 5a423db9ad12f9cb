"""Training of a tracker that drops tokens only after a while."""

from math import cos, pi

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mim_secrets.registry import HOOKS


@HOOKS.register_module()
class CandidateEliminationHook(Hook):
    """Let the share of tokens that ``OneStreamTracker`` keeps fall as training goes on.

    It is 1 before ``begin``, falls by half a cosine over ``length`` epochs, and is the share
    of the tests from then on. It follows from the epoch alone, so that a resumed run has it too.

    Args:
        begin: Epochs that keep all tokens.
        length: Epochs over which the share falls.
    """

    def __init__(self, begin: int = 20, length: int = 80) -> None:
        if begin < 0 or length < 1:
            raise ValueError(
                f'CandidateEliminationHook: begin is {begin} and length {length}; give epochs, '
                'from 0 and from 1 on.'
            )
        self.begin, self.length = begin, length

    def before_train(self, runner: Runner) -> None:
        if getattr(_unwrapped(runner), 'elimination', None) is None:
            raise ValueError(
                'CandidateEliminationHook: the model keeps all tokens; set '
                'model.elimination=dict(blocks=..., share=...), or remove the hook.'
            )
        if self.begin + self.length > runner.max_epochs:
            raise ValueError(
                f'CandidateEliminationHook: the share falls up to epoch {self.begin + self.length}'
                f', but the run has {runner.max_epochs}; it would end with other tokens than '
                'tests have.'
            )

    def before_train_epoch(self, runner: Runner) -> None:
        elimination = _unwrapped(runner).elimination
        left = 1 - min(max((runner.epoch - self.begin) / self.length, 0.0), 1.0)
        high = 0.5 * (1 - cos(pi * left))
        elimination.training_share = elimination.share + (1 - elimination.share) * high


def _unwrapped(runner: Runner):
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
