"""Learning rates that fall with depth, for our encoders in any library's model.

Clark et al., "ELECTRA", ICLR 2020, with the depths that MAE's fine-tuning uses:
the stem has depth 0, block i has depth i + 1, and what comes after the blocks,
the last norm and the whole rest of the model, learns at the full rate.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping

from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from mim_secrets.registry import OPTIM_WRAPPER_CONSTRUCTORS

NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)
DECAYS = ('norm_decay_mult', 'bias_decay_mult', 'flat_decay_mult')
OPTIONS = ('layer_decay_rate', *DECAYS, 'custom_keys', 'merging_counts')
CUSTOM_OPTIONS = ('lr_mult', 'decay_mult')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Give a parameter the base rate times ``rate ** (deepest - its depth)``.

    The depth is what ``model.backbone.get_layer_depth(name, 'backbone.')`` says, be
    the model a classifier, a masked image model, a detector, a segmentor or a pose
    estimator. Every option means what it means to mmpretrain's
    ``LearningRateDecayOptimWrapperConstructor``, except that ``lr_mult`` counts::

        optim_wrapper = dict(
            optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
            constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
            paramwise_cfg=dict(
                layer_decay_rate=0.65,
                norm_decay_mult=0.0,
                bias_decay_mult=0.0,
                custom_keys={'pos_embed': dict(decay_mult=0.0)}))

    Parameters with one rate and one weight decay share a group; groups and their
    members come in order of depth, then of the model. Frozen parameters are left
    out, a parameter with several names counts under its first.

    Fields of ``paramwise_cfg``:

    - ``layer_decay_rate``: Above 0 and at most 1, the default.
    - ``custom_keys``: Part of a name -> ``lr_mult`` and ``decay_mult``, each 1 where
      it is left out. The longest key that a name contains is the only one that
      counts for it, and it replaces the three options below.
    - ``norm_decay_mult``: Of the weight decay of normalisation layers.
    - ``bias_decay_mult``: Of other parameters called ``bias``.
    - ``flat_decay_mult``: Of other parameters with one dimension. Class tokens and
      position embeddings have three: name them in ``custom_keys``.
    - ``merging_counts``: Count each patch merging as one depth more; for encoders
      whose ``get_layer_depth`` takes it.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        # never empty: mmengine would not ask for groups
        defaults = dict(layer_decay_rate=1.0, custom_keys={})
        super().__init__(optim_wrapper_cfg, {**defaults, **(paramwise_cfg or {})})

    def _validate_cfg(self) -> None:
        options = self.paramwise_cfg
        custom = options['custom_keys']
        _check_names(options, OPTIONS, 'paramwise_cfg')
        for key, entry in custom.items():
            _check_names(entry, CUSTOM_OPTIONS, f'paramwise_cfg.custom_keys[{key!r}]')
        rate = options['layer_decay_rate']
        if not 0 < rate <= 1:
            raise ValueError(
                f'paramwise_cfg: layer_decay_rate is {rate}, but a rate that falls from '
                'block to block needs a factor above 0 and at most 1, such as 0.75.'
            )
        if self.base_lr is None:
            raise ValueError(
                'optim_wrapper: layer decay multiplies the learning rate, and the '
                'optimizer has none; write it, as in optimizer.lr=1e-3.'
            )
        decays = any('decay_mult' in entry for entry in custom.values())
        if self.base_wd is None and (decays or any(name in options for name in DECAYS)):
            raise ValueError(
                'optim_wrapper: paramwise_cfg multiplies the weight decay, and the '
                'optimizer has none; write it, as in optimizer.weight_decay=0.05.'
            )

    def add_params(self, params: list[dict], module: nn.Module) -> None:
        """Append the groups of a model's trained parameters to ``params``."""
        depth_of = ask_encoder(module, self.paramwise_cfg.get('merging_counts', False))
        rows = []
        for name, parameter, owner in _trained_parameters(module):
            depth, count = depth_of(name)
            settings = self._settings(name, parameter, owner, count - 1 - depth)
            rows.append((depth, settings, name, parameter))
        groups: dict[tuple, dict] = {}
        for _, settings, name, parameter in sorted(rows, key=lambda r: (r[0], *r[1].values())):
            group = dict(settings, params=[], param_names=[])
            group = groups.setdefault(tuple(settings.values()), group)
            group['params'].append(parameter)
            group['param_names'].append(name)
        params.extend(groups.values())
        rates = [group['lr'] for group in groups.values()]
        print_log(
            f'Layer decay: {len(groups)} groups of parameters, learning rates '
            f'{min(rates, default=0):.3g} to {max(rates, default=0):.3g}; '
            'tools/analysis_tools/param_groups.py lists them.',
            logger='current',
        )

    def _settings(
        self, name: str, parameter: nn.Parameter, owner: nn.Module, layers_above: int
    ) -> dict[str, float]:
        """Learning rate and weight decay, the latter if the optimizer names one."""
        options = self.paramwise_cfg
        custom = _longest_match(options['custom_keys'], name)
        scale = options['layer_decay_rate'] ** layers_above
        settings = dict(lr=self.base_lr * scale * (custom or {}).get('lr_mult', 1.0))
        if self.base_wd is None:
            return settings
        if custom is not None:
            factor = custom.get('decay_mult', 1.0)
        else:
            applies = (
                isinstance(owner, NORMS),
                name.rpartition('.')[2] == 'bias',
                parameter.ndim == 1,
            )
            factors = [options.get(o) for o, holds in zip(DECAYS, applies, strict=True) if holds]
            factor = next((factor for factor in factors if factor is not None), 1.0)
        return dict(settings, weight_decay=self.base_wd * factor)


def ask_encoder(model: nn.Module, merging_counts: bool = False) -> Callable[[str], tuple[int, int]]:
    """A function from a parameter's name to its depth and the number of depths."""
    model = _unwrapped(model)
    if not hasattr(model, 'backbone'):
        raise ValueError(
            f'Layer decay: {type(model).__name__} has no backbone whose depth could be '
            'asked for; call the encoder `backbone`, or remove `constructor` from '
            'optim_wrapper.'
        )
    encoder = _unwrapped(model.backbone)
    kind = type(encoder).__name__
    get_layer_depth = getattr(encoder, 'get_layer_depth', None)
    if get_layer_depth is None:
        raise ValueError(
            f'Layer decay: the backbone {kind} has no get_layer_depth(name, prefix); use '
            'an encoder that has it, such as mim_secrets.ViT, or remove `constructor` '
            'from optim_wrapper.'
        )
    if not merging_counts:
        return lambda name: get_layer_depth(name, 'backbone.')
    if 'merging_counts' not in inspect.signature(get_layer_depth).parameters:
        raise ValueError(
            f'Layer decay: the backbone {kind} cannot count patch mergings as depths; '
            'remove merging_counts from paramwise_cfg, or use mim_secrets.SwinV2.'
        )
    return lambda name: get_layer_depth(name, 'backbone.', merging_counts=True)


def _trained_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter, nn.Module]]:
    """Name, parameter and the module that owns it, each parameter once."""
    seen = set()
    for prefix, module in _modules(model):
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad and parameter not in seen:
                seen.add(parameter)
                yield prefix + name, parameter, module


def _modules(module: nn.Module, prefix: str = '') -> Iterator[tuple[str, nn.Module]]:
    """Every module with its name and a dot, as if nothing were wrapped."""
    module = _unwrapped(module)
    yield prefix, module
    for name, child in module.named_children():
        yield from _modules(child, f'{prefix}{name}.')


def _unwrapped(model: nn.Module) -> nn.Module:
    while is_model_wrapper(model):
        model = model.module
    return model


def _longest_match(custom_keys: Mapping[str, dict], name: str) -> dict | None:
    """The entry of the longest key within a name, the first in the alphabet of several."""
    matches = sorted((key for key in custom_keys if key in name), key=lambda key: (-len(key), key))
    return custom_keys[matches[0]] if matches else None


def _check_names(given: Mapping, known: tuple[str, ...], where: str) -> None:
    if not isinstance(given, Mapping):
        raise ValueError(
            f'{where}: {given!r} is no dict; write dict({known[0]}=...), and so on for '
            f'{", ".join(known[1:])}.'
        )
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(
            f'{where}: LayerDecayOptimWrapperConstructor does not know '
            f'{", ".join(unknown)}; it knows {", ".join(known)}.'
        )
