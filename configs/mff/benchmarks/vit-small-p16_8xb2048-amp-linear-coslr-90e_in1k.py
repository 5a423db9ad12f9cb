_base_ = '../../mae/benchmarks/vit-small-p16_8xb2048-amp-linear-coslr-90e_in1k.py'
