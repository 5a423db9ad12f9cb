"""The same with fewer tokens of the search window from block to block."""

_base_ = './vit-base-p16_one-stream_4xb32-amp-300e_lasot-got10k-trackingnet-coco-384px.py'

model = dict(elimination=dict(blocks=[3, 6, 9], share=0.7))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mim_secrets.CandidateEliminationHook', begin=20, length=80),
]
