_base_ = '../../mae/tracking/vit-base-p16_one-stream_4xb32-amp-100e_got10k-256px.py'
