"""Show at which rate and weight decay each part of a config's model would learn.

    python tools/analysis_tools/param_groups.py CONFIG
    python tools/analysis_tools/param_groups.py CONFIG --name pos_embed
    python tools/analysis_tools/param_groups.py CONFIG --cfg-options \\
        optim_wrapper.paramwise_cfg.layer_decay_rate=0.75

The config may be of any OpenMMLab library and name any constructor. No checkpoint
and no data is read. Rates are those before any schedule.

"depth" is what the encoder says of its parameters, "of base" is the share of the
optimizer's own rate, and "layers.0.* (8 of 12)" means that 8 of the 12 trained
tensors under layers.0 are on this line. --name lists single parameters instead.
"""

import argparse
import contextlib
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mmengine.config import Config, DictAction
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from rich import box
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.optim import Optimizer

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from mim_secrets.apis.cli import run_cli
from mim_secrets.apis.launch import read_config
from mim_secrets.engine.optimizers import ask_encoder

DECIDE_GROUPS = ('constructor', 'optimizer', 'paramwise_cfg')
MOST_PATTERNS = 3  # of names on one line


@dataclass(frozen=True)
class Entry:
    """One parameter and how it learns; a group of None means not at all."""

    name: str
    size: int
    trained: bool
    depth: int | None = None
    group: int | None = None
    lr: float = 0.0
    weight_decay: float = 0.0


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Show the parameter groups of a config')
    parser.add_argument('config', help='config file')
    parser.add_argument('--name', help='list the parameters whose names contain this')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='change keys of the config, as in optim_wrapper.optimizer.lr=1e-3',
    )
    parser.add_argument('--debug', action='store_true', help='show the stack of frames of an error')
    # what read_config looks for, and what has no meaning without a run
    parser.set_defaults(work_dir=None, launcher='none', local_rank=0)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    MMLogger.get_instance('mim_secrets', log_level='ERROR')  # no line per parameter
    cfg = read_config(args)
    for key in ('model', 'optim_wrapper'):
        if not cfg.get(key):
            raise ValueError(f'{args.config} has no {key}; give a config that trains a model.')
    model, optimizer = build(cfg)
    entries = list_entries(model, optimizer, cfg)
    # as wide in a log file as on a screen
    console = Console(width=120)
    if args.name is None:
        console.print(table_of_groups(entries, optimizer, cfg))
    else:
        console.print(table_of_names(entries, args.name))


def build(cfg: Config) -> tuple[nn.Module, Optimizer]:
    """The model as constructed, and the optimizer that the config asks for."""
    cfg.model.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
    # the rest of the wrapper's config, such as mixed precision, may need a GPU
    wrapper = {key: cfg.optim_wrapper[key] for key in DECIDE_GROUPS if key in cfg.optim_wrapper}
    scope = DefaultScope.overwrite_default_scope(cfg.get('default_scope'))
    # some libraries' constructors print every parameter
    with scope, contextlib.redirect_stdout(io.StringIO()):
        model = MODELS.build(cfg.model)
        return model, build_optim_wrapper(model, wrapper).optimizer


def list_entries(model: nn.Module, optimizer: Optimizer, cfg: Config) -> list[Entry]:
    """Every parameter of the model, in the order of the model."""
    paramwise = cfg.optim_wrapper.get('paramwise_cfg') or {}
    try:
        depth_of = ask_encoder(model, paramwise.get('merging_counts', False))
    except ValueError:  # the constructor does without depths, and so does the table
        depth_of = None
    groups = {
        parameter: (number, group)
        for number, group in enumerate(optimizer.param_groups)
        for parameter in group['params']
    }
    entries = []
    for name, parameter in model.named_parameters():
        facts = dict(name=name, size=parameter.numel(), trained=parameter.requires_grad)
        if depth_of is not None:
            facts['depth'] = depth_of(name)[0]
        if parameter.requires_grad and parameter in groups:
            number, group = groups[parameter]
            facts.update(group=number, lr=group['lr'], weight_decay=group.get('weight_decay', 0.0))
        entries.append(Entry(**facts))
    return entries


def table_of_groups(entries: list[Entry], optimizer: Optimizer, cfg: Config) -> Table:
    """A line for each pair of rate and weight decay, then what does not learn, then a total."""
    base = optimizer.defaults['lr']
    constructor = cfg.optim_wrapper.get('constructor', "mmengine's default constructor")
    table = Table(
        title=f'{type(optimizer).__name__}, lr {base:g}, '
        f'weight decay {optimizer.defaults.get("weight_decay", 0):g}, {constructor}',
        box=box.SIMPLE_HEAD,
        title_justify='left',
    )
    for column in ('depth', 'group', 'lr', 'of base', 'decay', 'tensors', 'parameters'):
        table.add_column(column, justify='right', no_wrap=True)
    table.add_column('names', overflow='fold')

    learning = [entry for entry in entries if entry.group is not None]
    lines: dict[tuple, list[Entry]] = {}
    for entry in sorted(learning, key=lambda entry: (entry.depth or 0, entry.group)):
        lines.setdefault((entry.lr, entry.weight_decay), []).append(entry)
    every_name = [entry.name for entry in learning]
    for (lr, weight_decay), members in lines.items():
        same_rate = {entry.name for entry in learning if entry.lr == lr}
        table.add_row(
            span(entry.depth for entry in members),
            span(entry.group for entry in members),
            f'{lr:.3g}',
            f'{lr / base:.3g}' if base else '',
            f'{weight_decay:.3g}',
            *amounts(members),
            tell([entry.name for entry in members], same_rate, every_name),
        )
    for title, trained in (('frozen', False), ('in no group', True)):
        rest = [e for e in entries if e.group is None and e.trained == trained]
        if rest:
            names = [entry.name for entry in rest]
            told = tell(names, set(names), [entry.name for entry in entries])
            depths = span(entry.depth for entry in rest)
            table.add_row(depths, '-', title, '', '', *amounts(rest), told)
    table.add_section()
    groups = len(optimizer.param_groups)
    table.add_row('total', str(groups), '', '', '', *amounts(entries), '')
    return table


def table_of_names(entries: list[Entry], part: str) -> Table:
    """A line for each parameter whose name contains ``part``."""
    found = [entry for entry in entries if part in entry.name]
    if not found:
        raise ValueError(
            f'--name: no parameter of the model contains {part!r}; without --name the '
            'names are told in short.'
        )
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column('parameter', overflow='fold')
    for column in ('depth', 'group', 'lr', 'decay', 'parameters'):
        table.add_column(column, justify='right', no_wrap=True)
    for entry in found:
        learns = entry.group is not None
        table.add_row(
            entry.name,
            span([entry.depth]),
            span([entry.group]),
            f'{entry.lr:.3g}' if learns else 'in no group' if entry.trained else 'frozen',
            f'{entry.weight_decay:.3g}' if learns else '',
            f'{entry.size:,}',
        )
    return table


def amounts(entries: list[Entry]) -> tuple[str, str]:
    """Number of tensors and of their elements."""
    return str(len(entries)), f'{sum(entry.size for entry in entries):,}'


def span(numbers: Iterable[int | None]) -> str:
    """'3', '3-5', '3, 7', or how many there are of several with gaps; '-' for none."""
    known = sorted({number for number in numbers if number is not None})
    if 1 < len(known) == known[-1] - known[0] + 1:
        return f'{known[0]}-{known[-1]}'
    if len(known) > 2:
        return f'{len(known)} of them'
    return ', '.join(map(str, known)) or '-'


def tell(names: list[str], same_rate: set[str], every_name: list[str]) -> str:
    """Names in short: patterns that hold nothing else, or else nothing of another rate."""
    inside: dict[str, list[str]] = {}
    for name in every_name:
        for prefix in prefixes(name):
            inside.setdefault(prefix, []).append(name)
    patterns = covering(names, set(names), inside)
    if len(patterns) > MOST_PATTERNS:
        patterns = covering(names, same_rate, inside)
    told = []
    for pattern in patterns[:MOST_PATTERNS]:
        members = inside[pattern]
        held = len(set(members).intersection(names))
        share = '' if held == len(members) else f' ({held} of {len(members)})'
        told.append(members[0] if len(members) == 1 else f'{pattern}.*{share}')
    if len(patterns) > MOST_PATTERNS:
        told.append(f'{len(patterns) - MOST_PATTERNS} more')
    return ', '.join(told)


def covering(names: list[str], allowed: Collection[str], inside: dict[str, list[str]]) -> list[str]:
    """The shortest prefixes that hold all ``names`` and only ``allowed`` ones."""
    first = (
        next(prefix for prefix in prefixes(name) if allowed.issuperset(inside[prefix]))
        for name in names
    )
    return list(dict.fromkeys(first))


def prefixes(name: str) -> list[str]:
    """'a.b.c' -> 'a', 'a.b', 'a.b.c'."""
    parts = name.split('.')
    return ['.'.join(parts[: end + 1]) for end in range(len(parts))]


if __name__ == '__main__':
    run_cli(main)
