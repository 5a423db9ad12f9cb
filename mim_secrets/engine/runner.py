"""mmengine's runner with a console that a person can follow."""

import logging

from mmengine.logging import MMLogger
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


@RUNNERS.register_module()
class ReadableRunner(Runner):
    """A ``Runner`` that prints what changes and files what does not.

    Symptom: environment, config, hooks and three lines per parameter scroll by,
    some hundred lines, before the first loss.
    """

    def build_logger(self, *args, **kwargs) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(worth_reading)
        logger.info(f'Environment, config and every other line: {self.log_dir}')
        return logger
