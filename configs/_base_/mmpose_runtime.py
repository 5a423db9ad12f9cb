"""Runtime of pose: mmpose's, with our modules; names without prefix are mmpose's."""

_base_ = 'mmpose::_base_/default_runtime.py'

custom_imports = dict(imports=['mim_secrets'], allow_failed_imports=False)

default_hooks = dict(checkpoint=dict(save_best='auto', rule='greater', max_keep_ckpts=1))
custom_hooks = [dict(type='SyncBuffersHook'), dict(type='mim_secrets.WeightsTableHook')]
randomness = dict(seed=0, diff_rank_seed=True)
