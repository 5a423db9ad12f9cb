"""MFF that decodes one in two of the masked patches."""

_base_ = '../mff/mff_vit-base-p16_8xb512-amp-src-coslr-300e_in1k.py'

model = dict(masking=dict(asked_share=0.5))
