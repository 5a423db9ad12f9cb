"""What adapters read is what modules compute, for every family."""

import importlib
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from mmpretrain.models import ViTEVA02
from torch import nn

from mim_secrets.analysis.adapters import UnknownFamilyError, find_adapter
from mim_secrets.analysis.adapters.kit import check_adapter
from mim_secrets.analysis.adapters.protocol import Tokens
from mim_secrets.analysis.capture import PARTS, Capture
from mim_secrets.models.backbones.replknet import RepLKNet
from tests.analysis.encoders import ENCODERS, HF, PLAIN, encoder_and_images

KERNELS = dict(large_kernel_sizes=[5], layers=[1], channels=[8], small_kernel=3, dw_ratio=1)
EVERY = pytest.mark.parametrize('name', ENCODERS)


@EVERY
def test_what_is_read_is_what_is_computed(name: str) -> None:
    """Breaks when a family's scale, bias, order of heads or windows, padding, mask or
    shift is read otherwise than it is, or another version of its package changes it."""
    encoder, images = encoder_and_images(name)
    assert check_adapter(find_adapter(encoder), encoder, images) < 1e-5


@EVERY
@torch.inference_mode()
def test_blocks_add_attention_and_perceptron(name: str) -> None:
    """Breaks when windows are put together otherwise than the block does, or a branch has
    the shortcut in it: what a block puts out would not be its inputs and both branches."""
    encoder, images = encoder_and_images(name)
    adapter = find_adapter(encoder)
    layers = adapter.layers(encoder)
    seen: dict[tuple[int, str], Tokens] = {}
    with Capture(
        adapter,
        layers,
        on_tokens=lambda i, part, tokens: seen.update({(i, part): tokens}),
        parts=PARTS,
    ) as capture:
        capture.run(encoder, images)
    block, attention, mlp = (seen[1, part].values for part in PARTS)
    if 'v2' in name:
        norms = ['layernorm_before', 'layernorm_after'] if 'hugging' in name else ['norm1', 'norm2']
        first, second = (getattr(layers[1].block, norm) for norm in norms)
        attention, mlp = first(attention), second(mlp)
    torch.testing.assert_close(block - seen[0, 'block'].values, attention + mlp)
    grid = [-(-length // layers[1].stride) for length in images.shape[2:]]
    assert seen[1, 'block'].map().shape[1:3] == tuple(grid)


@pytest.mark.parametrize(
    'name', ['ours-vit', 'ours-vit-table', 'mmpretrain-vit', 'timm-vit', 'ours-swin', 'timm-swin']
)
def test_queries_keys_and_values_are_computed_once(name: str) -> None:
    """Breaks when an adapter multiplies by the largest matrix of attention again, which
    costs more than all measures."""
    encoder, images = encoder_and_images(name)
    adapter = find_adapter(encoder)
    layers, calls = adapter.layers(encoder), []
    for layer in layers:
        layer.heard.register_forward_hook(lambda *_, name=layer.name: calls.append(name))
    read = []
    with Capture(adapter, layers, lambda number, attention: read.append(number)) as capture:
        capture.run(encoder, images)
    assert calls == [layer.name for layer in layers]
    assert read == list(range(len(layers)))


def test_layers_of_a_pyramid_know_their_stage() -> None:
    """Breaks when strides do not double, or layers of all stages count as one."""
    for name in ('ours-swin', 'mmpretrain-swin', 'timm-swin', 'huggingface-swin'):
        encoder, _ = encoder_and_images(name)
        layers = find_adapter(encoder).layers(encoder)
        assert [(layer.stage, layer.stride, layer.heads) for layer in layers] == [
            (0, 4, 2),
            (0, 4, 2),
            (1, 8, 4),
        ]
        assert all(encoder.get_submodule(layer.name) is layer.block for layer in layers)


def test_a_model_around_an_encoder_is_called() -> None:
    """Breaks when the part with the layers has to be called itself."""
    transformers = importlib.import_module('transformers')
    config = transformers.ViTConfig(image_size=16, patch_size=8, **HF)
    model = transformers.ViTForImageClassification(config).eval()
    images = torch.randn(2, 3, 16, 16)
    assert check_adapter(find_adapter(model.vit), model.vit, images, forward=model) < 1e-5


@pytest.mark.parametrize(
    'encoder',
    [
        lambda: nn.Linear(1, 1),
        lambda: RepLKNet(KERNELS, out_indices=(0,), strides=(2,), dilations=(1,)),
        lambda: ViTEVA02(PLAIN, img_size=32, patch_size=8),
    ],
    ids=['linear', 'replknet', 'eva02'],
)
def test_unknown_families_are_refused(encoder: Callable[[], nn.Module]) -> None:
    """Breaks when an encoder without attention, or with one that differs from what its
    base class has, is measured as if it were known."""
    with pytest.raises(UnknownFamilyError, match='write one of about'):
        find_adapter(encoder())


@pytest.mark.slow
def test_no_other_package_is_needed() -> None:
    """Breaks when timm or transformers is imported to ask whether an encoder is theirs."""
    code = (
        'import sys, torch, mim_secrets.analysis.adapters as adapters\n'
        'before = set(sys.modules)\n'
        'try: adapters.find_adapter(torch.nn.Identity())\n'
        'except adapters.UnknownFamilyError: print({"timm"} & set(sys.modules),'
        ' {"timm", "transformers"} & (set(sys.modules) - before))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ['set()', 'set()']
