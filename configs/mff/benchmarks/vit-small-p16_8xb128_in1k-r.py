_base_ = '../../mae/benchmarks/vit-small-p16_8xb128_in1k-r.py'
