"""The metrics of single-object tracking that can be computed without a server."""

import logging
from collections.abc import Sequence

import numpy as np
from mmengine.dist import all_gather_object
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mim_secrets.datasets.tracking import Sequence as Clip
from mim_secrets.evaluation.tracking_curves import (
    Curves,
    Overlaps,
    got10k_overlaps,
    got10k_scores,
    mean_curves,
    ope_curves,
    ope_scores,
)
from mim_secrets.registry import METRICS


class SequenceMetric(BaseMetric):
    """Scores whole sequences, each of them a dict of ``sequence``, its ``boxes`` (N, 4) as
    tracked, and the ``size`` (width, height) of its frames."""

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            if sample['sequence'].has_truth:
                self.results.append(self.score(**sample))

    def evaluate(self, size: int) -> dict[str, float]:
        # mmengine's own gathering takes every process for one with as many results
        self.results = [result for part in all_gather_object(self.results) for result in part]
        results, self.results = self.results, []
        if not results:
            print_log(
                f'{type(self).__name__}: none of {size} sequences has true boxes behind the first '
                "frame, so nothing is scored; upload the archive to the benchmark's server.",
                logger='current',
                level=logging.WARNING,
            )
            return {}
        # a float, since mmengine writes null for a count into its JSON file
        scores = {**self.compute_metrics(results), 'sequences': float(len(results))}
        return {f'{self.prefix}/{name}': value for name, value in scores.items()}


@METRICS.register_module()
class OPEMetric(SequenceMetric):
    """Success and precision of one-pass evaluation, in percent: LaSOT's figures.

    ``success_auc`` is the mean over 21 overlap thresholds, ``precision_at_20px`` the
    share of frames with centres at most 20 pixels apart. Papers call two things
    normalised precision, so both are given: ``norm_precision_at_0.2`` (LaSOT) and
    ``norm_precision_auc_0_to_0.5`` (TrackingNet). Frames without a target count as
    missed; ``target_present`` is the share of the others. All are means over sequences.
    """

    default_prefix = 'ope'

    def score(self, sequence: Clip, boxes: np.ndarray, size: tuple[int, int]) -> Curves:
        return ope_curves(boxes, sequence)

    def compute_metrics(self, results: list[Curves]) -> dict[str, float]:
        return ope_scores(mean_curves(results, 'mean'))


@METRICS.register_module()
class GOT10kMetric(SequenceMetric):
    """Average overlap and success rates of GOT-10k, in percent: ``AO``, ``SR0.5`` and
    ``SR0.75`` over all frames but the first ones and those without cover."""

    default_prefix = 'got10k'

    def score(self, sequence: Clip, boxes: np.ndarray, size: tuple[int, int]) -> Overlaps:
        return got10k_overlaps(boxes, sequence, size)

    def compute_metrics(self, results: list[Overlaps]) -> dict[str, float]:
        return got10k_scores(results)
