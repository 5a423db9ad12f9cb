"""Models, options and comparisons that the tests of layer decay share."""

import copy

from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from torch import nn

OURS = 'mim_secrets.LayerDecayOptimWrapperConstructor'
MMPRETRAINS = 'mmpretrain.LearningRateDecayOptimWrapperConstructor'
LAYERS = 3
ARCH = dict(embed_dims=8, num_layers=LAYERS, num_heads=2, feedforward_channels=16)
LR, DECAY, RATE = 2e-3, 0.05, 0.65
SWIN = dict(
    arch=dict(embed_dims=8, depths=[2, 1, 3, 1], num_heads=[1, 1, 2, 2]), img_size=64, window_size=2
)
ENCODERS = {
    'ViT': dict(type='mim_secrets.ViT', arch=ARCH, img_size=32, patch_size=8),
    'mmpretrain ViT': dict(
        type='mmpretrain.VisionTransformer', arch=ARCH, img_size=32, patch_size=8, pre_norm=True
    ),
    'Swin': dict(type='mim_secrets.Swin', **SWIN),
    'mmpretrain Swin': dict(type='mmpretrain.SwinTransformer', **SWIN),
    'SwinV2': dict(
        SWIN, type='mim_secrets.SwinV2', arch=dict(SWIN['arch'], extra_norm_every_n_blocks=2)
    ),
}
TOKENS = dict(cls_token=dict(decay_mult=0.0), pos_embed=dict(decay_mult=0.0))
FINETUNING = dict(layer_decay_rate=RATE, norm_decay_mult=0.0, bias_decay_mult=0.0)
PARAMWISE = {
    'rate alone': dict(layer_decay_rate=RATE),
    'no rate': dict(norm_decay_mult=0.5),
    'fine-tuning': dict(FINETUNING, custom_keys=TOKENS),
    'flat': dict(layer_decay_rate=RATE, flat_decay_mult=0.25),
    'every option': dict(
        layer_decay_rate=0.75,
        norm_decay_mult=0.5,
        bias_decay_mult=0.25,
        flat_decay_mult=0.125,
        custom_keys={'.ln1': dict(decay_mult=2.0), 'backbone': dict(), 'norm': dict(decay_mult=3)},
    ),
    'options of None': dict(norm_decay_mult=None, bias_decay_mult=None, flat_decay_mult=0.0),
}


def classifier(encoder: str | dict) -> nn.Module:
    backbone = ENCODERS[encoder] if isinstance(encoder, str) else encoder
    head = dict(type='LinearClsHead', num_classes=2, in_channels=8)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(dict(type='ImageClassifier', backbone=backbone, head=head))


def wrapper_for(
    model: nn.Module, paramwise: dict | None, constructor: str = OURS, scope: str = 'mmpretrain'
) -> OptimWrapper:
    cfg = dict(
        optimizer=dict(type='AdamW', lr=LR, weight_decay=DECAY),
        constructor=constructor,
        paramwise_cfg=copy.deepcopy(paramwise),
    )
    with DefaultScope.overwrite_default_scope(scope):
        return build_optim_wrapper(model, cfg)


def settings(model: nn.Module, wrapper: OptimWrapper) -> dict[str, tuple[float, float]]:
    """Name -> (rate, weight decay)."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {
        names[parameter]: (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
