"""Accuracy on images of some of the classes that a classifier knows."""

from collections.abc import Sequence

import torch
from mmengine.evaluator import BaseMetric

from mim_secrets.registry import METRICS


@METRICS.register_module()
class SubsetAccuracy(BaseMetric):
    """Top-1 accuracy in percent, where no other class than those of the data counts.

    ImageNet-A and -R have images of 200 classes, and their authors let a classifier of
    all 1,000 choose among these 200. Which they are, the data set says in
    ``metainfo['labels']``; labels stay numbers among all classes.
    """

    default_prefix = 'accuracy'

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        labels = (self.dataset_meta or {}).get('labels')
        if not labels:
            raise ValueError(
                'SubsetAccuracy: the data set does not say which classes its images have; '
                'use mim_secrets.ImageNetVariant, or Accuracy for images of all classes.'
            )
        labels = torch.tensor(labels)
        for sample in data_samples:
            scores = sample['pred_score'].cpu()
            if len(scores) <= labels.max():
                raise ValueError(
                    f'SubsetAccuracy: the classifier knows {len(scores)} classes, but the '
                    f'data has class number {labels.max()}; test one that was trained on '
                    'all of ImageNet-1k.'
                )
            chosen = labels[scores[labels].argmax()]
            self.results.append(bool(chosen == sample['gt_label'].cpu()))

    def compute_metrics(self, results: list[bool]) -> dict[str, float]:
        return dict(top1=100 * sum(results) / len(results))
