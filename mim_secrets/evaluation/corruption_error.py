"""The error on ImageNet-C: of each corruption, and the mean over all of them."""

from collections import Counter
from collections.abc import Iterable, Sequence

from mmengine.evaluator import BaseMetric

from mim_secrets.datasets.robustness import CORRUPTIONS, SEVERITIES
from mim_secrets.evaluation.alexnet_errors import ALEXNET_ERRORS
from mim_secrets.registry import METRICS

Verdict = tuple[str, int, bool]  # corruption, severity, whether the class was right


@METRICS.register_module()
class CorruptionError(BaseMetric):
    """Corruption errors in percent of AlexNet's, and their mean, the mCE.

    Gives ``error/NAME``, in percent of the images and averaged over the severities, and
    ``CE/NAME``, in percent of AlexNet's error, of each corruption that is there with
    all five severities. ``mean_error`` and ``mCE`` are means over all 15 corruptions,
    so without one of them there is neither, and ``absent`` names what is missing.
    """

    default_prefix = 'imagenet_c'

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            if 'corruption' not in sample or 'severity' not in sample:
                raise ValueError(
                    'CorruptionError: a sample does not say how it was corrupted; give it '
                    "ImageNetC and PackInputs with meta_keys=('corruption', 'severity')."
                )
            right = int(sample['pred_score'].argmax()) == int(sample['gt_label'])
            self.results.append((sample['corruption'], sample['severity'], right))

    def compute_metrics(self, results: list[Verdict]) -> dict[str, float | list[str]]:
        errors = corruption_errors(results)
        metrics = {f'error/{name}': error for name, error in errors.items()}
        relative = {name: 100 * error / ALEXNET_ERRORS[name] for name, error in errors.items()}
        metrics |= {f'CE/{name}': error for name, error in relative.items()}
        absent = [name for name in CORRUPTIONS if name not in errors]
        if absent:
            return metrics | dict(absent=absent)
        count = len(CORRUPTIONS)
        return metrics | dict(
            mean_error=sum(errors.values()) / count, mCE=sum(relative.values()) / count
        )


def corruption_errors(verdicts: Iterable[Verdict]) -> dict[str, float]:
    """Percent of wrong images by corruption, each severity weighing the same.

    Corruptions that lack a severity are left out.
    """
    seen, wrong = Counter(), Counter()
    for corruption, severity, right in verdicts:
        seen[corruption, severity] += 1
        wrong[corruption, severity] += not right
    errors = {}
    for name in CORRUPTIONS:
        cells = [(name, severity) for severity in SEVERITIES]
        if all(cell in seen for cell in cells):
            errors[name] = 100 * sum(wrong[cell] / seen[cell] for cell in cells) / len(cells)
    return errors
