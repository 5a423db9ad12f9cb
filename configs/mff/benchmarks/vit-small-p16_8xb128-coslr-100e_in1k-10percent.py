_base_ = '../../mae/benchmarks/vit-small-p16_8xb128-coslr-100e_in1k-10percent.py'
