"""SimMIM on SwinV2-B, asked for pixels relative to their surroundings, as released."""

_base_ = './simmim_swin-base-w6-192px.py'

model = dict(
    # offsets are measured against the window: 6 in the last stage, not 12 cut to 6
    backbone=dict(type='SwinV2', window_size=[12, 12, 12, 6], drop_path_rate=0.1),
    head=dict(target=dict(type='LocalNormTarget', window=47)),
)
