_base_ = '../../mae/benchmarks/vit-large-p16_8xb128_in1k-c.py'
