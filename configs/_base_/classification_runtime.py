"""Runtime of fine-tuning and linear probing: names without prefix are mmpretrain's."""

_base_ = './default_runtime.py'

default_scope = 'mmpretrain'
visualizer = dict(type='UniversalVisualizer')
