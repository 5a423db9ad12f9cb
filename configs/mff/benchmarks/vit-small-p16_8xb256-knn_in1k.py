_base_ = '../../mae/benchmarks/vit-small-p16_8xb256-knn_in1k.py'
