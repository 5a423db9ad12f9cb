"""A tracker on the playground as LaSOT has it: template 32 px, search window 64 px.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
Data: python tools/dataset_converters/make_playground.py data/playground_lasot \
--layout lasot --preset small
"""

_base_ = [
    '../_base_/models/one-stream_vit-base-p16-256px.py',
    '../_base_/datasets/playground-lasot_bs8_64px.py',
    '../_base_/schedules/playground_tracking_4e.py',
    '../_base_/tracking_runtime.py',
]

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=96,
            num_layers=6,
            num_heads=4,
            feedforward_channels=384,
        ),
        img_size=64,
        patch_size=4,
        position='sincos',
        drop_path_rate=0.0,
    ),
    head=dict(in_channels=96, channels=64),
    template_size=32,
    search_size=64,
    least_side=2.0,
)
optim_wrapper = dict(optimizer=dict(lr=4e-3))
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=_base_.max_epochs))
