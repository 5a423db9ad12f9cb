"""MFF that decodes one in two of the masked patches."""

_base_ = './mff_vit-nano-p4_1xb64-coslr-25e_playground-32px.py'

model = dict(masking=dict(asked_share=0.5))
