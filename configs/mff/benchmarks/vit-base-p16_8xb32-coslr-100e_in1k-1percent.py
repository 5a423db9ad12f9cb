_base_ = '../../mae/benchmarks/vit-base-p16_8xb32-coslr-100e_in1k-1percent.py'
