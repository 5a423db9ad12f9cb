_base_ = [
    '../../_base_/models/knn_vit-base-p16.py',
    '../../_base_/datasets/imagenet_bs256_knn.py',
    '../../_base_/default_runtime.py',
]
