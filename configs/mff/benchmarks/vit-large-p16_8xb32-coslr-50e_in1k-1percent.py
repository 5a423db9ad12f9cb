_base_ = '../../mae/benchmarks/vit-large-p16_8xb32-coslr-50e_in1k-1percent.py'
