_base_ = '../../simmim/benchmarks/swin-base-w6_8xb256-coslr-100e_in1k-192px.py'
