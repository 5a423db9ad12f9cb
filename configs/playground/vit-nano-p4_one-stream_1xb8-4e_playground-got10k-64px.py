"""The same on the playground as GOT-10k has it, tested on its val split.

Data: python tools/dataset_converters/make_playground.py data/playground_got10k \
--layout got10k --preset small
"""

_base_ = './vit-nano-p4_one-stream_1xb8-4e_playground-lasot-64px.py'

data_root = 'data/playground_got10k'
train_dataloader = dict(
    dataset=dict(sources=[dict(type='mim_secrets.GOT10k', root=data_root)]),
)
val_dataloader = dict(
    dataset=dict(type='mim_secrets.GOT10k', root=data_root, split='val'),
)
val_evaluator = dict(type='mim_secrets.GOT10kMetric')
test_dataloader, test_evaluator = val_dataloader, val_evaluator
