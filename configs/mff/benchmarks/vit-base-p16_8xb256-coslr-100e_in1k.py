_base_ = '../../simmim/benchmarks/vit-base-p16_8xb256-coslr-100e_in1k.py'
