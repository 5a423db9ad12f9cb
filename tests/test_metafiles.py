"""What metafiles and READMEs say of the configs is true, or has a source."""

import re
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from modelindex.load_model_index import load
from torch.utils.flop_counter import FlopCounterMode

from tests.config_models import (
    BENCHMARKS,
    IMAGENET,
    ROOT,
    built_on_meta,
    forward_once,
    once,
    optimizer_of,
    read,
)

METHODS = ['mae', 'mff']
ARCHS = {'small': 'ViT-S/16', 'base': 'ViT-B/16', 'large': 'ViT-L/16'}
_rows = yaml.safe_load((ROOT / 'docs/published.yml').read_text())
PUBLISHED = {row['id']: row for row in _rows}


def metafile(method: str) -> dict:
    return yaml.safe_load((ROOT / f'configs/{method}/metafile.yml').read_text())


def readme(method: str) -> str:
    return (ROOT / f'configs/{method}/README.md').read_text()


def cost_of(name: str) -> tuple[int, int]:
    """Parameters, and multiply-adds of one image's forward pass."""
    cfg = read(name)
    return once(measure_cost, cfg, cfg.model)


def measure_cost(cfg: Config) -> tuple[int, int]:
    model = built_on_meta(cfg).eval()
    with FlopCounterMode(display=False) as counter:
        forward_once(model, cfg, batch=1)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return parameters, counter.get_total_flops() // 2


MODELS = [
    pytest.param(method, model, id=model['Name'])
    for method in METHODS
    for model in metafile(method)['Models']
]


@pytest.mark.parametrize('method', METHODS)
def test_every_config_has_an_entry_and_every_entry_a_config(method: str) -> None:
    """Breaks when a config is added, renamed or removed without its entry."""
    configs = {f'configs/{name}' for name in IMAGENET if name.startswith(method)}
    assert {model['Config'] for model in metafile(method)['Models']} == configs


@pytest.mark.parametrize('method', METHODS)
def test_names_are_unique_and_link_to_each_other(method: str) -> None:
    """Breaks when an entry is copied, or a downstream link leads nowhere."""
    names = [model['Name'] for model in metafile(method)['Models']]
    assert len(names) == len(set(names))
    for model in metafile(method)['Models']:
        assert set(model.get('Downstream', [])) <= set(names), model['Name']


@pytest.mark.parametrize(('method', 'model'), MODELS)
def test_an_entry_describes_its_config(method: str, model: dict) -> None:
    """Breaks when a size, length, batch or collection is copied and not computed, as
    in the metafile that MFF was first released with."""
    (collection,) = metafile(method)['Collections']
    assert model['In Collection'] == collection['Name'] == method.upper()
    assert (ROOT / collection['README']).is_file()
    name = model['Config'].removeprefix('configs/')
    cfg = read(name)
    facts = model['Metadata']
    assert facts['Epochs'] == cfg.train_cfg.max_epochs
    assert facts['Batch Size'] == 8 * cfg.train_dataloader.batch_size
    assert (facts['Parameters'], facts['FLOPs']) == cost_of(name)
    if name not in BENCHMARKS:
        assert model['Name'] == Path(name).stem
    assert 'Weights' not in model, 'no weights have been released'


@pytest.mark.parametrize(('method', 'model'), MODELS)
def test_results_are_published_by_others(method: str, model: dict) -> None:
    """Breaks when a figure has no source, another value than its source, or stands
    beside a config of another method, size, length or task."""
    for result in model['Results'] or []:
        source = PUBLISHED[result['Published']]
        ((metric, value),) = result['Metrics'].items()
        publisher = ' '.join(source['source'].split()[:2])
        assert metric == f'Top 1 Accuracy (published by {publisher})'
        assert value == source['value']
        assert source['method'] == method.upper()
        assert source['task'] == 'ImageNet-1k fine-tune'
        told = re.match(r'vit-(\w+)-p16_\w+-\w+-(\d+)e-pre', model['Name'])
        arch, epochs = told.groups()
        assert source['arch'] == ARCHS[arch]
        assert source['pretrain_epochs'] == int(epochs)


@pytest.mark.parametrize('method', METHODS)
def test_other_tools_can_read_the_metafile(method: str) -> None:
    """Breaks when ``mim`` could not list our models."""
    index = load(str(ROOT / f'configs/{method}/metafile.yml'))
    index.build_models_with_collections()
    assert len(index.models) == len(metafile(method)['Models'])


def table(header: list[str], rows: list[list[object]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join(f'| {" | ".join(map(str, line))} |' for line in lines)


def zoo_table(method: str, benchmarks: bool) -> str:
    """Size and cost of every config, from the metafile."""
    rows = {}
    for model in metafile(method)['Models']:
        path = model['Config'].removeprefix(f'configs/{method}/')
        if path.startswith('benchmarks/') == benchmarks:
            facts = model['Metadata']
            rows[path] = [
                f'[{Path(path).stem}]({path})',
                facts['Epochs'],
                f'{facts["Parameters"] / 1e6:.1f}',
                f'{facts["FLOPs"] / 1e9:.1f}',
            ]
    return table(['Config', 'Epochs', 'Params (M)', 'Flops (G)'], list(rows.values()))


def published_table(method: str) -> str:
    """Every figure of the method that we cite, from docs/published.yml."""
    rows = [
        [row['arch'], row['pretrain_epochs'], row['task'], row['value'], row['source']]
        for row in PUBLISHED.values()
        if row['method'] == method.upper()
    ]
    return table(['Model', 'Pre-training epochs', 'Task', 'Top-1', 'Source'], rows)


@pytest.mark.parametrize('method', METHODS)
def test_tables_of_the_readme_are_up_to_date(method: str) -> None:
    """Breaks when a README differs from its metafile or from docs/published.yml; the
    message shows the table to put in."""
    tables = [
        zoo_table(method, benchmarks=False),
        zoo_table(method, benchmarks=True),
        published_table(method),
    ]
    missing = [table for table in tables if table not in readme(method)]
    assert not missing, '\n\n'.join(['put into the README:', *missing])


@pytest.mark.parametrize('method', METHODS)
def test_paths_of_the_readme_exist(method: str) -> None:
    """Breaks when a command or link of the README names a file that is not there."""
    text = readme(method)
    links = re.findall(r'\]\((?!http)([^)#]+)\)', text)
    assert all((ROOT / 'configs' / method / link).exists() for link in links), links
    named = re.findall(r'\b(?:configs|tools|docs)/[\w./-]+\.(?:py|sh|yml)', text)
    assert named
    assert not [path for path in named if not (ROOT / path).is_file()]


def examples(method: str) -> list[str]:
    return re.findall(r'```python\n(.*?)```', readme(method), re.DOTALL)


@pytest.mark.parametrize('number', range(len(examples('mff'))))
def test_configs_in_the_readme_work(number: int, tmp_path: Path) -> None:
    """Breaks when a config that the README shows cannot be read or built."""
    example = examples('mff')[number].replace("'./", f"'{ROOT}/configs/mff/")
    (tmp_path / 'example.py').write_text(example)
    cfg = Config.fromfile(tmp_path / 'example.py')
    model = built_on_meta(cfg)
    groups = optimizer_of(cfg, model).optimizer.param_groups
    if 'level_logits' in example:
        logits = model.fusion.level_logits
        (group,) = [g for g in groups if g['params'][0] is logits]
        assert group['weight_decay'] == 0
    if 'custom_hooks' in example:
        kinds = {hook['type'].split('.')[-1] for hook in cfg.custom_hooks}
        assert {'ResumableRandomnessHook', 'ProbeHook', 'ReconstructionHook'} <= kinds
