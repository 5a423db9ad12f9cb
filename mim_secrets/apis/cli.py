"""How every command line of this package ends when something is wrong.

A mistake of the user's is one sentence on the error stream and exit code 1; the
stack of frames goes to the run's log file, or to the screen with ``--debug``.
"""

import inspect
import logging
import pickle
import re
import sys
import traceback
from collections.abc import Callable

from mmengine.logging import MMLogger

from mim_secrets.checkpoint.reading import why_refused
from mim_secrets.registry import HOOKS, MODELS

# What a wrong path, name or value in a config raises, here and in OpenMMLab.
# Anything else is a fault of the program and keeps its stack.
MISTAKES = (
    OSError,
    KeyError,
    ValueError,
    TypeError,
    ImportError,
    AssertionError,
    pickle.UnpicklingError,
)

UNKNOWN_KEY = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


def run_cli(main: Callable[[], None]) -> None:
    """Run ``main``, turning mistakes into one sentence."""
    if '--debug' in sys.argv[1:]:
        sys.argv.remove('--debug')
        main()
        return
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('Interrupted; a training run continues with --resume.')
    except MISTAKES as error:
        log = _log_stack()
        where = f'The stack is in {log}' if log else 'To see where, add --debug'
        sys.exit(f'Error: {explain(error)}\n{where}.')


def explain(error: BaseException) -> str:
    """The message without what mmengine wraps around it, on one line."""
    if isinstance(error, pickle.UnpicklingError):
        return why_refused('The checkpoint', str(error))
    message = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    # mmengine turns a constructor's error into "class `X` in a/b.py: <message>"
    if message.startswith('class `') and ': ' in message:
        message = message.split(': ', 1)[1]
    unknown_key = UNKNOWN_KEY.search(message)
    if unknown_key:
        message = '{} does not know the key {!r} of its config'.format(*unknown_key.groups())
        message += _known_keys(unknown_key[1])
    return ' '.join(message.split()) or type(error).__name__


def _known_keys(name: str) -> str:
    """What a part of ours does know, for somebody who mistyped a key."""
    part = MODELS.module_dict.get(name) or HOOKS.module_dict.get(name)
    if part is None:
        return ''
    keys = [k for k in inspect.signature(part).parameters if k not in ('args', 'kwargs')]
    return f'; it knows {", ".join(keys)}.'


def _log_stack() -> str | None:
    """Write the current exception to the log file of the run, if there is one."""
    for logger in MMLogger._instance_dict.values():
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.stream.write(traceback.format_exc())
                handler.stream.flush()
                return handler.baseFilename
    return None
