"""Runtime of pre-training runs, on which `classification_runtime.py` builds."""

default_scope = 'mim_secrets'
custom_imports = dict(imports=['mim_secrets'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=100),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
)
custom_hooks = [
    dict(type='mim_secrets.WeightsTableHook'),
    dict(type='mim_secrets.ResumableRandomnessHook'),
    dict(type='mim_secrets.SkippedImagesHook'),
]
# One seed for every method, so that all of them see the same crops in the same order.
randomness = dict(seed=0, diff_rank_seed=True)

visualizer = dict(
    type='Visualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
)
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
log_level = 'INFO'
load_from = None
resume = False
