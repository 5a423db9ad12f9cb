"""MFF with a cross-attention decoder, each block of which weighs levels by itself."""

_base_ = '../mff/mff_vit-base-p16_8xb512-amp-src-coslr-300e_in1k.py'

model = dict(fusion=dict(streams=8), neck=dict(type='CrossDecoder'))
