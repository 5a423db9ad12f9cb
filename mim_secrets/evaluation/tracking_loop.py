"""Test a tracker on whole sequences, by what ``tools/test.py`` runs."""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import all_gather_object, barrier, get_rank, get_world_size, master_only
from mmengine.evaluator import Evaluator
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from mmengine.runner.amp import autocast

from mim_secrets.datasets.tracking import Sequence as Clip
from mim_secrets.evaluation.tracking_results import finished, write_result
from mim_secrets.evaluation.tracking_run import Skipped, frame_size, open_clip, run_tracker
from mim_secrets.evaluation.tracking_submission import has_server, write_archive
from mim_secrets.progress import no_display, progress_display
from mim_secrets.registry import DATASETS, LOOPS

_LOADER_KEYS = {'dataset', 'batch_size', 'num_workers'}
# OpenMMLab's tools give these to every loader, for torch's
_TOLERATED_KEYS = {'pin_memory', 'persistent_workers', 'collate_fn'}


class Clips:
    """The sequences of a test in place of a data loader: each is as long as it is.

    Args:
        dataset: A reader with ``names()`` and ``read(name)``, or its config.
        batch_size: How many sequences are tracked side by side.
        num_workers: Threads that decode frames.
    """

    def __init__(self, dataset: object, batch_size: int = 1, num_workers: int = 2) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        self.batch_size, self.num_workers = batch_size, num_workers
        self.names = list(self.dataset.names())

    def __len__(self) -> int:
        return len(self.names)


@LOOPS.register_module()
class TrackingTestLoop(BaseLoop):
    """Track every sequence of a data set, write its boxes down, and score them.

    ::

        test_dataloader = dict(
            dataset=dict(type='mim_secrets.LaSOT', root='data/lasot', split='test'),
            batch_size=8, num_workers=8)
        test_cfg = dict(type='mim_secrets.TrackingTestLoop')
        test_evaluator = dict(type='mim_secrets.OPEMetric')

    Results are files in the benchmark's format below ``work_dir/tracking``, in a folder
    whose name ends in a hash of the weights and settings: a test that was interrupted
    goes on with the sequences that have no file, and other weights have another folder.
    A split without true boxes is packed for its server. Sequences that cannot be read
    are skipped and listed.

    Args:
        runner: The runner; its model has ``start`` and ``track``.
        dataloader: ``dataset``, ``batch_size`` and ``num_workers``.
        evaluator: Metrics of sequences, or an empty list.
        fp16: Track under autocast.
    """

    stage = 'test'  # as which hooks are told of it

    def __init__(
        self,
        runner: Runner,
        dataloader: dict,
        evaluator: Evaluator | dict | list,
        fp16: bool = False,
    ) -> None:
        dataloader = {k: v for k, v in dataloader.items() if k not in _TOLERATED_KEYS}
        if dataloader.keys() - _LOADER_KEYS or 'dataset' not in dataloader:
            raise ValueError(
                f'{type(self).__name__}: {self.stage}_dataloader has '
                f'{", ".join(sorted(dataloader))}; it takes '
                'dataset, batch_size (sequences side by side) and num_workers (threads).'
            )
        # batch_size and num_workers say nothing about what comes out
        self._settings = dict(dataset=dataloader['dataset'], model=runner.cfg.get('model'))
        super().__init__(runner, Clips(**dataloader))
        self.evaluator = evaluator
        if not isinstance(evaluator, Evaluator):
            self.evaluator = runner.build_evaluator(evaluator)
        self.fp16 = fp16

    def run(self) -> dict[str, float]:
        runner, clips = self.runner, self.dataloader
        runner.call_hook(f'before_{self.stage}')
        runner.call_hook(f'before_{self.stage}_epoch')
        runner.model.eval()
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        folder = self.folder(model)
        mine = clips.names[get_rank() :: get_world_size()]
        skipped, metrics = self._track(model, mine, folder)
        barrier()
        skipped = [one for part in all_gather_object(skipped) for one in part]
        self._summarise(skipped, folder)
        left_out = {one.name for one in skipped}
        self._score([name for name in mine if name not in left_out], folder)
        metrics = {**self.evaluator.evaluate(len(clips)), **metrics}
        metrics['tracking/skipped'] = float(len(skipped))  # mmengine's JSON has no counts
        self._pack(skipped, folder)
        runner.call_hook(f'after_{self.stage}_epoch', metrics=metrics)
        runner.call_hook(f'after_{self.stage}')
        return metrics

    def folder(self, model: torch.nn.Module) -> Path:
        """Where results of these weights with these settings on this data lie."""
        digest = hashlib.blake2b(digest_size=4)
        settings = self._settings | dict(fp16=self.fp16)
        digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
        for name, tensor in sorted(model.state_dict().items()):
            digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())
        data = type(self.dataloader.dataset).__name__
        return Path(self.runner.work_dir) / 'tracking' / f'{data}-{digest.hexdigest()}'

    def _track(
        self, model: torch.nn.Module, names: list[str], folder: Path
    ) -> tuple[list[Skipped], dict[str, float]]:
        """Track what has no result yet; what could not be, and the speed."""
        lengths, skipped, before = self._plan(names, folder)
        if before:
            self._say(f'{before} of {len(names)} sequences were tracked before: {folder}')
        read, seconds, frames = self.dataloader.dataset.read, 0.0, 0
        show = progress_display if get_rank() == 0 else no_display
        with show('Tracking, frames') as display, torch.no_grad(), autocast(enabled=self.fp16):
            counter = _Counter(display, sum(lengths.values()))
            for result in run_tracker(
                model,
                read,
                lengths,
                self.dataloader.batch_size,
                self.dataloader.num_workers,
                counter,
            ):
                if isinstance(result, Skipped):
                    skipped.append(result)
                    continue
                clip = result.clip
                boxes, times = np.array(result.boxes), np.array(result.seconds)
                write_result(folder, clip.benchmark, clip.name, boxes, times)
                seconds, frames = seconds + times.sum(), frames + len(times)
        return skipped, {'tracking/frames_per_second': frames / seconds} if frames else {}

    def _plan(self, names: list[str], folder: Path) -> tuple[dict[str, int], list[Skipped], int]:
        """Frames of what is to be tracked, what cannot be, and how many are done already.

        All annotations are read before the first frame: mistakes in them show at once,
        and the time that is left can be told.
        """
        lengths, skipped, before = {}, [], 0
        for name in names:
            clip = open_clip(self.dataloader.dataset.read, name)
            if isinstance(clip, Skipped):
                skipped.append(clip)
            elif finished(folder, clip.benchmark, name, len(clip.frames)) is None:
                lengths[name] = len(clip.frames)
            else:
                before += 1
        return lengths, skipped, before

    def _score(self, names: list[str], folder: Path) -> None:
        """Hand results to the metrics, as they stand in the files."""
        for name in names if self.evaluator.metrics else ():
            clip: Clip = self.dataloader.dataset.read(name)
            if clip.has_truth:
                boxes = finished(folder, clip.benchmark, name, len(clip.frames))
                self.evaluator.process([dict(sequence=clip, boxes=boxes, size=frame_size(clip))])

    def _summarise(self, skipped: list[Skipped], folder: Path) -> None:
        total = len(self.dataloader)
        if len(skipped) == total:
            raise ValueError(f'None of {total} sequences could be tracked. {skipped[0]}')
        if skipped:
            lines = ''.join(f'\n  {one}' for one in skipped)
            what = f'{len(skipped)} of {total} sequences were skipped and are not in the scores:'
            self._say(what + lines, logging.WARNING)
        self._say(f'{total - len(skipped)} of {total} sequences have results in {folder}')

    @master_only
    def _pack(self, skipped: list[Skipped], folder: Path) -> None:
        """The archive of a split whose true boxes only a server knows."""
        names, read = self.dataloader.names, self.dataloader.dataset.read
        left_out = {one.name for one in skipped}
        example = read(next(name for name in names if name not in left_out))
        if example.has_truth or not has_server(example.benchmark):
            return
        if skipped:
            self._say('No archive for the server: it needs every sequence.', logging.WARNING)
            return
        archive = folder.with_suffix('.zip')
        for warning in write_archive(folder, map(read, names), archive):
            self._say(warning, logging.WARNING)
        self._say(f'Upload this to the server of {example.benchmark}: {archive}')

    def _say(self, message: str, level: int = logging.INFO) -> None:
        if get_rank() == 0:
            self.runner.logger.log(level, message)


@LOOPS.register_module()
class TrackingValLoop(TrackingTestLoop):
    """The same in between epochs of training; ``val_cfg``, ``val_dataloader`` and so on."""

    stage = 'val'


class _Counter:
    """Adds up frames for a display."""

    def __init__(self, display: Callable[[int, int], None], total: int) -> None:
        self._display, self._total, self._done = display, total, 0
        display(0, total)

    def __call__(self, frames: int) -> None:
        self._done += frames
        self._display(self._done, self._total)
