_base_ = '../../mae/benchmarks/vit-base-p16_8xb2048-amp-linear-coslr-90e_in1k.py'
