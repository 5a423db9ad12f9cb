"""The same for a ViT of 12 blocks. Nobody has published a recipe: with 0.8 its patches learn
at a twentieth of the head's rate, as those of SwinV2-B do."""

_base_ = './depth_swinv2-base_25e.py'

optim_wrapper = dict(
    paramwise_cfg=dict(
        _delete_=True,
        layer_decay_rate=0.8,
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            'cls_token': dict(decay_mult=0.0),
            'pos_embed': dict(decay_mult=0.0),
        },
    ),
)
