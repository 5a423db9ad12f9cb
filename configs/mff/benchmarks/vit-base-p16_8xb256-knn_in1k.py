_base_ = '../../mae/benchmarks/vit-base-p16_8xb256-knn_in1k.py'
