"""MFF with a cross-attention decoder, each block of which weighs levels by itself."""

_base_ = './mff_vit-nano-p4_1xb64-coslr-25e_playground-32px.py'

model = dict(fusion=dict(streams=2), neck=dict(type='CrossDecoder'))
