"""Runtime of detection: mmdet's, with our modules; names without prefix are mmdet's."""

_base_ = 'mmdet::_base_/default_runtime.py'

custom_imports = dict(imports=['mim_secrets'], allow_failed_imports=False)

default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
custom_hooks = [dict(type='mim_secrets.WeightsTableHook')]
randomness = dict(seed=0, diff_rank_seed=True)
