"""The cross-attention decoder, asked for one in four of the masked patches."""

_base_ = './mff_vit-base-p16_8xb512-amp-src-cross-coslr-300e_in1k.py'

model = dict(masking=dict(asked_share=0.25))
