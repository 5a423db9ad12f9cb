"""What metafiles and READMEs say of the configs is true, or has a source."""

import re
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from modelindex.load_model_index import load

from tests.config_models import (
    BENCHMARKS,
    IMAGENET,
    LIBRARIES,
    ROOT,
    built_on_meta,
    cost_of,
    optimizer_of,
    read,
)

# folder -> name of the collection
METHODS = dict(
    mae='MAE',
    mff='MFF',
    pixmim='PixMIM',
    simmim='SimMIM',
    supervised='Supervised',
    dark_secrets='Dark Secrets',
)
ARCHS = {
    'vit-small-p16': 'ViT-S/16',
    'vit-base-p16': 'ViT-B/16',
    'vit-large-p16': 'ViT-L/16',
    'swin-base-w6': 'Swin-B',
    'swin-base-w7': 'Swin-B',
    'swin-large-w14': 'Swin-L',
    'swinv2-base-w14': 'SwinV2-B',
    'swinv2-large-w14': 'SwinV2-L',
}
FINETUNE = 'ImageNet-1k fine-tune'
_rows = yaml.safe_load((ROOT / 'docs/published.yml').read_text())
PUBLISHED = {row['id']: row for row in _rows}


def metafile(method: str) -> dict:
    return yaml.safe_load((ROOT / f'configs/{method}/metafile.yml').read_text())


def readme(method: str) -> str:
    return (ROOT / f'configs/{method}/README.md').read_text()


MODELS = [
    pytest.param(method, model, id=model['Name'])
    for method in METHODS
    for model in metafile(method)['Models']
]


@pytest.mark.parametrize('method', METHODS)
def test_every_config_has_an_entry_and_every_entry_a_config(method: str) -> None:
    """Breaks when a config is added, renamed or removed without its entry."""
    configs = {f'configs/{name}' for name in IMAGENET if name.startswith(f'{method}/')}
    assert {model['Config'] for model in metafile(method)['Models']} == configs


@pytest.mark.parametrize('method', METHODS)
def test_names_are_unique_and_link_to_each_other(method: str) -> None:
    """Breaks when an entry is copied, or a downstream link leads nowhere."""
    names = [model['Name'] for model in metafile(method)['Models']]
    assert len(names) == len(set(names))
    for model in metafile(method)['Models']:
        assert set(model.get('Downstream', [])) <= set(names), model['Name']


@pytest.mark.parametrize(('method', 'model'), MODELS)
@pytest.mark.slow
def test_an_entry_describes_its_config(method: str, model: dict) -> None:
    """Breaks when a size, length, batch or collection is copied and not computed, as
    in the metafile that MFF was first released with."""
    (collection,) = metafile(method)['Collections']
    assert model['In Collection'] == collection['Name'] == METHODS[method]
    assert (ROOT / collection['README']).is_file()
    name = model['Config'].removeprefix('configs/')
    cfg = read(name)
    facts = model['Metadata']
    assert facts['Epochs'] == cfg.train_cfg.max_epochs
    assert facts['Batch Size'] == 8 * cfg.train_dataloader.batch_size
    assert (facts['Parameters'], facts['FLOPs']) == cost_of(name)[:2]
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
        assert source['method'] == METHODS[method]
        told = re.match(r'([\w-]+)_\w+(?:-\w+)?-(\d+)e-pre_', model['Name'])
        arch, epochs = told.groups()
        size = read(model['Config'].removeprefix('configs/')).model.backbone.img_size
        assert source['task'] in (FINETUNE, f'{FINETUNE} {size}px')
        assert source['arch'] == ARCHS[arch]
        # 500,000 iterations are 799 epochs and a third
        assert abs(source['pretrain_epochs'] - int(epochs)) <= 1


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
    """Every figure of the method on ImageNet that we cite, from docs/published.yml."""
    rows = [
        [row['arch'], row['pretrain_epochs'], row['task'], row['value'], row['source']]
        for row in PUBLISHED.values()
        if row['method'] == METHODS[method] and row['metric'] == 'top1'
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
    filled = [table for table in tables if table.count('\n') > 1]
    missing = [table for table in filled if table not in readme(method)]
    assert not missing, '\n\n'.join(['put into the README:', *missing])


@pytest.mark.parametrize('method', ['mae', 'mff', 'pixmim', 'simmim'])
def test_readmes_list_what_follows_pretraining(method: str) -> None:
    """Breaks when a config for another library is added where nobody will find it."""
    folder = ROOT / 'configs' / method
    paths = [path for library in LIBRARIES for path in (folder / library).glob('*.py')]
    links = [f'- [{path.stem}]({path.relative_to(folder).as_posix()})' for path in paths]
    assert links
    assert [link for link in links if link not in readme(method).splitlines()] == []


@pytest.mark.parametrize('method', METHODS)
def test_paths_of_the_readme_exist(method: str) -> None:
    """Breaks when a command or link of the README names a file that is not there."""
    text = readme(method).replace(published_table(method), '')  # names files of others
    links = re.findall(r'\]\((?!http)([^)#]+)\)', text)
    assert all((ROOT / 'configs' / method / link).exists() for link in links), links
    named = re.findall(r'\b(?:configs|tools|docs)/[\w./-]+\.(?:py|sh|yml)', text)
    assert named
    assert not [path for path in named if not (ROOT / path).is_file()]


def examples(method: str) -> list[str]:
    return re.findall(r'```python\n(.*?)```', readme(method), re.DOTALL)


EXAMPLES = [(method, number) for method in METHODS for number in range(len(examples(method)))]


@pytest.mark.parametrize(('method', 'number'), EXAMPLES)
def test_configs_in_the_readme_work(method: str, number: int, tmp_path: Path) -> None:
    """Breaks when a config that the README shows cannot be read or built."""
    example = examples(method)[number].replace("'./", f"'{ROOT}/configs/{method}/")
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


def test_figures_of_the_methods_page_have_a_source() -> None:
    """Breaks when a figure is typed in, or stands beside another method or length."""
    page = (ROOT / 'docs/en/methods.md').read_text()
    rows = [line for line in page.splitlines() if line.startswith('| `')]
    cited = 0
    for row in rows:
        method = re.match(r'\| `(\w+)`', row)[1]
        *_, published, _ = row.split('|')
        for value, source in re.findall(r'(\d+\.\d+)[^(,]*\(`([\w-]+)`\)', published):
            assert PUBLISHED[source]['value'] == float(value), source
            assert PUBLISHED[source]['method'] == method
            assert f'{PUBLISHED[source]["pretrain_epochs"]} epochs' in published
            cited += 1
        assert len(re.findall(r'\d+\.\d', published)) == published.count('(`'), row
    assert cited == 8
