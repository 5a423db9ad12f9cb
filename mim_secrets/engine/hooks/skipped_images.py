"""The books of images that a data set could not use."""

import json
from pathlib import Path

from mmengine.dist import barrier, get_rank, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mim_secrets.registry import HOOKS

_LEAST_JUDGED = 1000
_LISTED_IN_LOG = 20
_FILES = 'skipped_images*.jsonl'


class TooManyBadImagesError(ValueError):
    """More images are bad than a run was told to bear."""


@HOOKS.register_module()
class SkippedImagesHook(Hook):
    """Count and list the images that ``PretrainImages`` skipped.

    They stand in ``skipped_images.jsonl`` in the work directory, a line for each, as
    soon as they are met (in ``skipped_images_rank1.jsonl`` and so on for the other
    processes of a distributed run), and in the log when training ends.

    Args:
        max_bad_share: A run stops once more than this share of the samples met a bad
            image; it is judged as if at least 1000 samples had been seen.
    """

    priority = 'BELOW_NORMAL'

    def __init__(self, max_bad_share: float = 0.01) -> None:
        if not 0 <= max_bad_share <= 1:
            raise ValueError(
                f'SkippedImagesHook: max_bad_share is {max_bad_share}; it is a share of the '
                'images, from 0 to 1.'
            )
        self.max_bad_share = max_bad_share
        self.samples = 0
        self.skips = 0
        self.reasons: dict[str, str] = {}

    def before_train(self, runner: Runner) -> None:
        rank = get_rank()
        name = 'skipped_images.jsonl' if rank == 0 else f'skipped_images_rank{rank}.jsonl'
        self._file = Path(runner.work_dir) / name
        if runner.iter == 0 and is_main_process():
            for file in self._file.parent.glob(_FILES):
                file.unlink()
        barrier()
        self.reasons = read_skipped(self._file)  # not empty where a run is resumed

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        samples = data_batch.get('data_samples', ()) if isinstance(data_batch, dict) else ()
        self.samples += len(samples)
        for sample in samples:
            for path, reason in getattr(sample, 'skipped', ()):
                self._count(path, reason)

    def _count(self, path: str, reason: str) -> None:
        self.skips += 1
        if path not in self.reasons:
            self.reasons[path] = reason
            with self._file.open('a') as file:
                file.write(json.dumps(dict(path=path, reason=reason)) + '\n')
        if self.skips > self.max_bad_share * max(self.samples, _LEAST_JUDGED):
            raise TooManyBadImagesError(
                f'{self.skips} of {self.samples} samples met an image that cannot be used, '
                f'more than a share of {self.max_bad_share:g}; the last is {path}: {reason}; '
                f'all are listed in {self._file}. Mend or remove them, or raise '
                'max_bad_share of SkippedImagesHook.'
            )

    def after_train(self, runner: Runner) -> None:
        barrier()  # the other processes have written their lists
        if not is_main_process():
            return
        reasons: dict[str, str] = {}
        for file in sorted(self._file.parent.glob(_FILES)):
            reasons |= read_skipped(file)
        if not reasons:
            runner.logger.info('No image was skipped.')
            return
        lines = [f'{path}: {reason}' for path, reason in reasons.items()]
        more = len(lines) - _LISTED_IN_LOG
        if more > 0:
            lines[_LISTED_IN_LOG:] = [f'and {more} more']
        runner.logger.warning(
            f'{len(reasons)} images were skipped, because they cannot be used '
            f'({self._file.parent}/{_FILES}):\n  ' + '\n  '.join(lines)
        )


def read_skipped(file: Path) -> dict[str, str]:
    """Reasons by path, from a list that an earlier run or another process wrote."""
    reasons = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:  # a killed run may leave half a line
            continue
        reasons[entry['path']] = entry['reason']
    return reasons
