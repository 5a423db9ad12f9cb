_base_ = (
    '../../mae/tracking/'
    'vit-base-p16_one-stream_4xb32-amp-300e_lasot-got10k-trackingnet-coco-384px.py'
)
