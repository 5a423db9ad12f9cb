_base_ = '../../mae/benchmarks/vit-base-p16_8xb128_in1k-c.py'
