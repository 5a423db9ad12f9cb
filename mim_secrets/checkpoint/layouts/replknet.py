"""Layouts of RepLKNet. Ours, which is mmpretrain's, is the only one that is known."""

from dataclasses import replace

from mim_secrets.checkpoint.layouts.layout import HERE, Layout
from mim_secrets.checkpoint.layouts.vit import DECODER_AND_HEAD, SURROUNDINGS
from mim_secrets.checkpoint.renaming import same

OURS = Layout(
    HERE,
    'replknet',
    "this package; mmpretrain's RepLKNet",
    encoder_at='backbone.',
    signs=(
        'stages.0.blocks.0.prelkb_bn.weight',
        'stem.0.conv.weight',
        'transitions.0.0.conv.weight',
    ),
    encoder=same('stem.{n}.*', 'mask_token', 'stages.{s}.*', 'transitions.{s}.*'),
    beside=SURROUNDINGS,
)

# written only, since a file of mmpretrain's is told as ours
MMPRETRAIN = replace(
    OURS,
    name='mmpretrain',
    about="mmpretrain's RepLKNet, the same as mim_secrets",
    beside=DECODER_AND_HEAD,
)

REPLKNETS = (OURS, MMPRETRAIN)
