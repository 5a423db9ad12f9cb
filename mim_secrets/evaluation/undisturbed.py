"""Looking at a model in the middle of training without leaving a trace."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def undisturbed(model: nn.Module, seed: int = 0) -> Iterator[None]:
    """Inference with random numbers that start from ``seed``, then all as before.

    Every module returns to the mode it was found in (parts may be frozen in
    evaluation mode while the rest trains), and the generators of Python, NumPy
    and torch to their state. Even a data loader draws a number from torch's when
    it is iterated, so that without this a probe would change the run it watches.
    """
    modes = [(module, module.training) for module in model.modules()]
    python_state, numpy_state = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices), torch.no_grad():
        random.seed(seed)
        np.random.seed(seed)
        # not torch.manual_seed, which would also seed the devices that are not kept
        torch.random.default_generator.manual_seed(seed)
        model.eval()
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
            random.setstate(python_state)
            np.random.set_state(numpy_state)
