"""The cross-attention decoder, asked for one in four of the masked patches."""

_base_ = './mff_vit-nano-p4_1xb64-cross-coslr-25e_playground-32px.py'

model = dict(masking=dict(asked_share=0.25))
