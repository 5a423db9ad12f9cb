"""What a training step costs: time, memory, arithmetic, and the machine's own rate."""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

MATMUL_SIDE = {'cpu': 2048, 'cuda': 8192}
CPU_INFO = Path('/proc/cpuinfo')


class Step:
    """A training step of one variant, and how long each one took."""

    def __init__(
        self, model: torch.nn.Module, images: torch.Tensor, precision: str, fused: bool = False
    ) -> None:
        self.model = model
        self.images = images
        self.precision = precision
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.05, fused=fused
        )
        self.seconds: list[float] = []
        self.memory = 0

    def __call__(self) -> None:
        kind = self.images.device.type
        bfloat16 = self.precision == 'bfloat16'
        with torch.autocast(kind, torch.bfloat16, enabled=bfloat16):
            loss, _ = self.model.parse_losses(self.model.loss(self.images, None))
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def timed(self) -> None:
        self.seconds.append(seconds_of(self, self.images.device))


def seconds_of(function: Callable[[], object], device: torch.device) -> float:
    wait = torch.cuda.synchronize if device.type == 'cuda' else lambda: None
    wait()
    start = time.perf_counter()
    function()
    wait()
    return time.perf_counter() - start


def peak_memory(function: Callable[[], object], device: torch.device) -> int:
    """Most bytes that ``function`` has allocated at any moment of its own."""
    if device.type == 'cuda':
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        function()
        return torch.cuda.max_memory_allocated(device) - before
    cpu = [torch.profiler.ProfilerActivity.CPU]
    with (
        _silent_stderr(),
        torch.profiler.profile(activities=cpu, profile_memory=True) as profiler,
    ):
        function()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'trace.json')
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text())['traceEvents']
    memory = [event for event in events if event.get('name') == '[memory]']
    held = peak = 0
    for event in sorted(memory, key=lambda event: event['ts']):
        held += event['args']['Bytes']
        peak = max(peak, held)
    return peak


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """The profiler's C++ side reports its start and end in the middle of a display."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, 'w') as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def matmul_rate(device: torch.device, precision: str) -> float:
    """Operations per second of a large matrix product."""
    side = MATMUL_SIDE[device.type]
    matrix = torch.randn(side, side, device=device, dtype=getattr(torch, precision))
    return 2 * side**3 / seconds_of(lambda: matrix @ matrix, device)


def count_flops(model: torch.nn.Module, image: torch.Tensor) -> int:
    """Matrix arithmetic of forward and backward for one image."""
    # attention written out: the fused kernels recompute, which is not the model's work
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:
        model.loss(image, None)['loss'].backward()
    model.zero_grad()
    return counter.get_total_flops()


def quartiles_of_ratios(base: list[float], other: list[float]) -> list[float]:
    """Per round, how many times faster ``other`` was than ``base``."""
    ratios = [one / two for one, two in zip(base, other, strict=True)]
    return [round(q, 3) for q in statistics.quantiles(ratios, n=4, method='inclusive')]


def device_name(device: torch.device) -> str:
    if device.type == 'cuda':
        return torch.cuda.get_device_name(device)
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    for line in lines:
        if line.startswith('model name'):
            return line.split(':', 1)[1].strip()
    return platform.processor() or platform.machine()
