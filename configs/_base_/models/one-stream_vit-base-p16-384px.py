"""The same with larger windows, in which the thing may have gone farther."""

_base_ = './one-stream_vit-base-p16-256px.py'

model = dict(
    backbone=dict(img_size=384),
    template_size=192,
    search_size=384,
    search_factor=5.0,
)
