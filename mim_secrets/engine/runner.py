"""mmengine's runner with a console that a person can follow."""

import logging

import torch
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mim_secrets.registry import RUNNERS

# Long or meaningless to somebody who waits for the first loss. The log file
# keeps every line.
FILE_ONLY = (
    '\n----',  # environment
    'Config:',
    'Hooks will be executed',
    'paramwise_options --',
    'Exp name:',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'Distributed training is not used',
)


def worth_reading(record: logging.LogRecord) -> bool:
    """Whether a record belongs on the console and not in the log file alone."""
    return not str(record.msg).startswith(FILE_ONLY)


# What ``compile=True`` compiles, the first that a model has: the arithmetic, without
# the drawing of masks before it and the dictionary of losses after it.
COMPILED = ('predict_masked', 'extract_feat')


@RUNNERS.register_module()
class ReadableRunner(Runner):
    """A ``Runner`` that prints what changes and files what does not.

    Symptom: environment, config, hooks and three lines per parameter scroll by,
    some hundred lines, before the first loss.

    ``compile=True`` in a config, or a dict of options of ``torch.compile``, compiles
    the model's forward pass. mmengine hands over the whole training step, optimizer
    included, which recent releases of torch refuse.
    """

    def train(self) -> torch.nn.Module:
        options = self.cfg.pop('compile', None)
        if options:
            compile_model(self.model, **({} if options is True else options))
        return super().train()

    def build_logger(self, *args, **kwargs) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(worth_reading)
        logger.info(f'Environment, config and every other line: {self.log_dir}')
        return logger


def compile_model(model: torch.nn.Module, **options: object) -> None:
    """Replace the method of ``COMPILED`` that ``model`` has by a compiled one."""
    inner = model.module if is_model_wrapper(model) else model
    name = next((name for name in COMPILED if hasattr(inner, name)), None)
    if name is None:
        raise ValueError(
            f'compile: {type(inner).__name__} has none of the methods {", ".join(COMPILED)}; '
            'remove compile from the config.'
        )
    setattr(inner, name, torch.compile(getattr(inner, name), **options))
