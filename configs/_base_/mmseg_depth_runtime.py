"""Runtime of depth in epochs: mmseg's, with our modules; names without prefix are mmseg's."""

_base_ = 'mmseg::_base_/default_runtime.py'

custom_imports = dict(
    imports=['mim_secrets', 'mim_secrets.models.depth', 'mim_secrets.datasets.depth'],
    allow_failed_imports=False,
)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='CheckpointHook', interval=1, max_keep_ckpts=1, save_best='depth/rmse', rule='less'
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
)
custom_hooks = [dict(type='mim_secrets.WeightsTableHook')]
log_processor = dict(by_epoch=True)
randomness = dict(seed=0, diff_rank_seed=True)
sync_bn = 'torch'  # so that the same batch gives the same statistics on any number of devices
