"""One short table of how weights came about, instead of two lines per parameter."""

import re
from collections.abc import Iterable

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mim_secrets.checkpoint.layouts import from_mmpretrain
from mim_secrets.registry import HOOKS

# mmengine's sentence about the origin of a parameter -> a word or two
ORIGINS = [
    (re.compile(r'The value is the same before'), 'as constructed'),
    (re.compile(r'user-defined `init_weights` in (\w+)'), r'\1.init_weights'),
    (re.compile(r'PretrainedInit: load from (\S+)'), r'\1'),
    (re.compile(r'SharedCheckpointInit: (\S+)'), r'\1'),
    (re.compile(r'(\w+)Init\b'), r'\1'),
]


@HOOKS.register_module()
class WeightsTableHook(Hook):
    """Log where every part of a model got its weights from.

    Symptom: mmengine writes two lines for every parameter when a model is
    initialised, hundreds for a transformer, and is silent about the parameters
    that a checkpoint did not fill.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        model = _unwrapped(runner.model)

        def log_table() -> None:
            origins = {
                name: _origin(model._params_init_info[parameter]['init_info'])
                for name, parameter in model.named_parameters()
            }
            runner.logger.info('Initialised\n' + weights_table(model, origins))

        # an attribute of this one model, so that no class is patched
        model._dump_init_info = log_table

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        model = _unwrapped(runner.model)
        loaded = checkpoint.get('state_dict', checkpoint)
        loaded = {name.removeprefix('module.'): value for name, value in loaded.items()}
        loaded = from_mmpretrain(loaded)
        expected = model.state_dict()
        _check_fit(expected, loaded, must_be_whole=runner._resume or not _trains(runner))
        origins = {
            name: 'checkpoint' if name in loaded else 'initialisation'
            for name, _ in model.named_parameters()
        }
        unused = _patterns(loaded.keys() - expected.keys())
        runner.logger.info(
            f'Loaded\n{weights_table(model, origins)}\n'
            f'in the checkpoint but not used: {", ".join(unused) or "nothing"}'
        )


def weights_table(model: nn.Module, origins: dict[str, str]) -> str:
    """Part of the model | parameters | trained | where its values come from."""
    groups: dict[str, list[tuple[nn.Parameter, str]]] = {}
    for name, parameter in model.named_parameters():
        group = '.'.join(name.split('.')[:2])
        groups.setdefault(group, []).append((parameter, origins[name]))
    rows = [('part', 'parameters', 'trained', 'from')]
    for group, members in groups.items():
        count = sum(parameter.numel() for parameter, _ in members)
        trained = sum(p.numel() for p, _ in members if p.requires_grad)
        share = 'yes' if trained == count else 'no' if trained == 0 else 'partly'
        sources = sorted({source for _, source in members})
        rows.append((group, f'{count:,}', share, ', '.join(sources)))
    total = sum(parameter.numel() for parameter in model.parameters())
    rows.append(('all', f'{total:,}', '', ''))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return '\n'.join(
        f'  {row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}'
        for row in rows
    )


def _check_fit(
    expected: dict[str, torch.Tensor],
    loaded: dict[str, torch.Tensor],
    must_be_whole: bool,
) -> None:
    """Refuse what mmengine would load in part with nothing but a log line."""
    for name, tensor in expected.items():
        if name in loaded and loaded[name].shape != tensor.shape:
            if name.endswith('pos_embed'):
                continue  # the encoder resizes its own on loading, the decoder's are computed
            raise ValueError(
                f'The checkpoint does not fit: {name} is {tuple(loaded[name].shape)} in '
                f'the file and {tuple(tensor.shape)} in the model; use the config that '
                'the checkpoint was trained with.'
            )
    missing = sorted(expected.keys() - loaded.keys())
    if len(missing) == len(expected) or (missing and must_be_whole):
        raise ValueError(
            f'The checkpoint does not fit: it lacks {len(missing)} of the '
            f'{len(expected)} tensors of the model ({", ".join(_patterns(missing)[:4])}); '
            'use the config that the checkpoint was trained with, or start an encoder '
            "from it by init_cfg=dict(type='SharedCheckpoint', checkpoint=...)."
        )


def _patterns(names: Iterable[str]) -> list[str]:
    """Names with the numbers of blocks left out, each once."""
    return sorted({re.sub(r'\.\d+\.', '.*.', name) for name in names})


def _origin(sentence: str) -> str:
    for pattern, word in ORIGINS:
        match = pattern.search(sentence)
        if match:
            return match.expand(word)
    return ' '.join(sentence.split())


def _trains(runner: Runner) -> bool:
    return runner._train_loop is not None and not isinstance(runner._train_loop, dict)


def _unwrapped(model: nn.Module) -> nn.Module:
    return model.module if is_model_wrapper(model) else model
