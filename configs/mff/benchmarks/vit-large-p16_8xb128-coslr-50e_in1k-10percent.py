_base_ = '../../mae/benchmarks/vit-large-p16_8xb128-coslr-50e_in1k-10percent.py'
