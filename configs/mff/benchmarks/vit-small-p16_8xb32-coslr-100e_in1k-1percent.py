_base_ = '../../mae/benchmarks/vit-small-p16_8xb32-coslr-100e_in1k-1percent.py'
