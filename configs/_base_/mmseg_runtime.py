"""Runtime of segmentation in iterations: mmseg's, with our modules; names without
prefix are mmseg's."""

_base_ = 'mmseg::_base_/default_runtime.py'

custom_imports = dict(imports=['mim_secrets'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=16000, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
)
custom_hooks = [dict(type='mim_secrets.WeightsTableHook')]
randomness = dict(seed=0, diff_rank_seed=True)
