"""A tracker on the playground as LaSOT has it: template 32 px, search window 64 px.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
Data: python tools/dataset_converters/make_playground.py data/playground_lasot \
--layout lasot --preset small
"""

_base_ = [
    '../_base_/models/two-stream_swinv2-base-w12-384px.py',
    '../_base_/datasets/playground-lasot_bs8_64px.py',
    '../_base_/schedules/playground_tracking_4e.py',
    '../_base_/tracking_runtime.py',
]

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=32,
            depths=[2, 2, 2],
            num_heads=[2, 4, 4],
            extra_norm_every_n_blocks=0,
        ),
        img_size=64,
        patch_size=2,
        window_size=4,
        out_indices=[2],
        drop_last=0,
        drop_path_rate=0.0,
    ),
    fusion=dict(dims=128, depth=2, num_heads=4, drop_path_rate=0.0),
    head=dict(in_channels=128),
    template_size=32,
    search_size=64,
    least_side=2.0,
)

train_pipeline = _base_.train_pipeline
train_pipeline[-2].amount = 0.4  # of brightness, as in the real run
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=_base_.max_epochs))
sync_bn = None
