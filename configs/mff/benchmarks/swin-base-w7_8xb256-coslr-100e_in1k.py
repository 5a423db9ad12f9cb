_base_ = '../../simmim/benchmarks/swin-base-w7_8xb256-coslr-100e_in1k.py'
