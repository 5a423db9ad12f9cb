"""Runtime of trackers: that of pre-training with our data and models of tracking."""

_base_ = './default_runtime.py'

custom_imports = dict(
    imports=['mim_secrets', 'mim_secrets.datasets.tracking', 'mim_secrets.models.tracking'],
    allow_failed_imports=False,
)

default_hooks = dict(checkpoint=dict(interval=5, max_keep_ckpts=1))
sync_bn = 'torch'  # so that the same batch gives the same statistics on any number of devices
