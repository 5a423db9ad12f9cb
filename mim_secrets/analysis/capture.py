"""Listen to an encoder at work without slowing it down.

Hooks hand on what attention modules are called with, and what blocks put out; the
encoder computes as it always does.
"""

from collections.abc import Callable
from contextlib import ExitStack

import torch
from torch import nn

from mim_secrets.analysis.adapters.protocol import Adapter, Call, Layer, Size, Tokens
from mim_secrets.analysis.attention import Attention

# Parts of a layer whose outputs can be had.
PARTS = ('block', 'attention', 'mlp')


class Capture:
    """A context in which forward passes of an encoder are listened to.

    Args:
        adapter: That of the encoder's family.
        layers: Those that matter.
        on_attention: Called with the number of a layer and its ``Attention``.
        on_tokens: Called with the number of a layer, the part and its ``Tokens``.
        parts: Whose outputs ``on_tokens`` gets; some of ``PARTS``.
    """

    def __init__(
        self,
        adapter: Adapter,
        layers: list[Layer],
        on_attention: Callable[[int, Attention], None] | None = None,
        on_tokens: Callable[[int, str, Tokens], None] | None = None,
        parts: tuple[str, ...] = (),
    ) -> None:
        self.adapter, self.layers, self.parts = adapter, layers, parts
        self.on_attention, self.on_tokens = on_attention, on_tokens
        self.image_size: Size = (0, 0)
        self._hooks = ExitStack()
        self._heard: dict[int, torch.Tensor] = {}
        self._called: set[int] = set()

    def __enter__(self) -> 'Capture':
        for number, layer in enumerate(self.layers):
            self._listen(layer.block, self._note(number))
            if self.on_attention:
                if layer.heard is not None:
                    self._listen(layer.heard, self._hear(number))
                self._listen(layer.attention, self._attend(number))
            for part in self.parts:
                self._listen(getattr(layer, part), self._put_out(number, part))
        return self

    def __exit__(self, *error: object) -> None:
        self._hooks.close()

    def run(self, forward: Callable[[torch.Tensor], object], images: torch.Tensor) -> None:
        """Call the encoder with images (B, C, H, W); every layer has to be passed."""
        self.image_size = tuple(images.shape[-2:])
        self._called.clear()
        with torch.inference_mode():
            forward(images)
        if len(self._called) < len(self.layers):
            lost = [layer.name for i, layer in enumerate(self.layers) if i not in self._called]
            raise ValueError(
                f'The encoder was given images, but they did not pass {", ".join(lost)}; '
                'choose an output of the last layer (out_indices), so that all are computed.'
            )

    def _listen(self, module: nn.Module, hook: Callable) -> None:
        self._hooks.callback(module.register_forward_hook(hook, with_kwargs=True).remove)

    def _note(self, number: int) -> Callable:
        return lambda *_: self._called.add(number) and None

    def _hear(self, number: int) -> Callable:
        def hook(module: nn.Module, args: tuple, kwargs: dict, output: torch.Tensor) -> None:
            self._heard[number] = output

        return hook

    def _attend(self, number: int) -> Callable:
        def hook(module: nn.Module, args: tuple, kwargs: dict, output: object) -> None:
            call = Call(args, kwargs, self._heard.pop(number, None), self.image_size)
            self.on_attention(number, self.adapter.read(self.layers[number], call))

        return hook

    def _put_out(self, number: int, part: str) -> Callable:
        def hook(module: nn.Module, args: tuple, kwargs: dict, output: object) -> None:
            output = output if isinstance(output, torch.Tensor) else output[0]
            tokens = self.adapter.tokens(self.layers[number], output, self.image_size)
            self.on_tokens(number, part, tokens)

        return hook
