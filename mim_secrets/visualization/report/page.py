"""The report: one HTML file that needs nothing but itself."""

import base64
from html import escape
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from .facts import World, list_facts
from .logs import MEASURES, METHODS, Experiment
from .plots import accuracy_plot, loss_plot, share_plot
from .results import caveats, leaders
from .style import STYLE

PRETRAINED = ('mae', 'mff')
LEVEL = 'fusion_level_'


class Excerpt(NamedTuple):
    """A section from another report, and the style that it needs."""

    html: str
    style: str


NOTHING = Excerpt('', '')


def write_report(experiment: Experiment, excerpt: Excerpt = NOTHING) -> Path:
    """Write ``report.html`` into the folder of an experiment."""
    path = experiment.root / 'report.html'
    path.write_text(render_page(experiment, excerpt), encoding='utf-8')
    return path


def render_page(experiment: Experiment, excerpt: Excerpt = NOTHING) -> str:
    config = experiment.any_run('pretrain').config
    world = World(config)
    sections = [
        _head(experiment, config, world),
        _results(experiment, world),
        _scenes(world),
        _reconstructions(experiment, config),
        _loss(experiment),
        _fusion(experiment),
        excerpt.html,
        _what_ran(experiment, world),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>Masked pre-training: a report</title>\n<style>{STYLE}{excerpt.style}</style>\n'
        f'</head>\n<body>\n{"".join(sections)}</body>\n</html>\n'
    )


def _head(experiment: Experiment, config: Config, world: World) -> str:
    count = f'{world.facts["train"]:,} ' if world.facts else ''
    epochs = config.get('train_cfg', {}).get('max_epochs')
    length = f' for {epochs} epochs' if epochs else ''
    return (
        '<h1>What masked pre-training learnt</h1>\n'
        f'<p class="lead">MAE and MFF saw the same {count}rendered images without labels'
        f'{length}. Then their encoders were measured beside one that starts from '
        'scratch.</p>\n'
    )


def _results(experiment: Experiment, world: World) -> str:
    best = {}
    for measure in MEASURES:
        found = [experiment.summary(method, measure) for method in METHODS]
        best[measure] = max((cell.mean for cell in found if cell), default=None)
    rows = ''
    for method, label in METHODS.items():
        cells = ''
        for measure in MEASURES:
            cell = experiment.summary(method, measure)
            leads = cell is not None and cell.mean == best[measure]
            cells += f'<td{" class=best" * leads}>{cell or "–"}</td>'
        key = f'<span class="key" style="background: var(--{method})"></span>'
        rows += f'<tr><th scope="row">{key}{label}</th>{cells}</tr>\n'
    if world.chance is not None:
        cells = f'<td>{world.chance:.1f}</td>' * len(MEASURES)
        rows += f'<tr class="chance"><th scope="row">chance</th>{cells}</tr>\n'
    titles = ''.join(f'<th scope="col">{measure.title}</th>' for measure in MEASURES)
    sentences = ''.join(
        f'<li><b>{title}.</b> {escape(sentence)}</li>\n' for title, sentence in leaders(experiment)
    )
    return (
        '<h2>Who tells the classes apart</h2>\n'
        f'<ul class="findings">\n{sentences}</ul>\n'
        f'<div class="scroll"><table>\n<thead><tr><th></th>{titles}</tr></thead>\n'
        f'<tbody>\n{rows}</tbody></table></div>\n'
        '<p class="note">Top-1 accuracy in percent on the validation images. kNN and '
        'linear probe read features of the frozen encoder; fine-tuning trains all of it '
        f'on few labels. {escape(caveats(experiment, world.facts.get("val")))}</p>\n'
        f'<figure>{accuracy_plot(experiment, world.chance)}</figure>\n'
        f'{_all_values(experiment)}'
    )


def _all_values(experiment: Experiment) -> str:
    rows = ''.join(
        f'<tr><td>{METHODS[method]}</td><td class="words">{measure.title}</td>'
        f'<td>{seed}</td><td>{value.number:.2f}</td>'
        f'<td class="words"><code>{escape(experiment.shown(value.source))}</code></td>'
        '</tr>\n'
        for (method, measure, seed), value in experiment.values.items()
    )
    return (
        '<details><summary>Every seed, and the file each number comes from</summary>\n'
        '<div class="scroll"><table><thead><tr><th>method</th><td class="words">measure'
        '</td><th>seed</th><th>%</th><td class="words">file</td></tr></thead>\n'
        f'<tbody>{rows}</tbody></table></div></details>\n'
    )


def _scenes(world: World) -> str:
    columns = [(name, world.scenes(name)) for name in world.classes]
    if not any(files for _, files in columns):
        return ''
    pictures = ''.join(
        '<div>'
        + ''.join(f'<img src="{_data_uri(p)}" alt="{escape(name)}">' for p in files)
        + f'{escape(name)}</div>\n'
        for name, files in columns
    )
    facts = world.facts
    size = (
        f'{facts["train"]:,} training and {facts["val"]:,} validation images of '
        f'{facts["image_size"]} × {facts["image_size"]} pixels. '
        if facts
        else ''
    )
    return (
        '<h2>The world they looked at</h2>\n'
        f'<figure><div class="scenes">\n{pictures}</div>\n'
        f'<figcaption>{size}A class is a shape; colour, texture, light and view vary. '
        f'From <code>{escape(str(world.root))}/val</code>.</figcaption></figure>\n'
    )


def _reconstructions(experiment: Experiment, config: Config) -> str:
    halves, sources = '', []
    for method in PRETRAINED:
        runs = [experiment.run(seed, method, 'pretrain') for seed in experiment.seeds]
        paths = [path for run in runs if (path := run.newest_picture('reconstruction'))]
        if paths:
            sources.append(paths[0])
            label = METHODS[method]
            halves += (
                f'<div><h3>{label}</h3><img src="{_data_uri(paths[0])}" '
                f'alt="Images, masked, and as {label} rebuilds them"></div>\n'
            )
    if not halves:
        return ''
    note = ''
    if config.get('model', {}).get('head', {}).get('norm_pix'):
        note = (
            ' The models were not asked for the mean and the contrast of a patch; '
            'these are taken from the true one.'
        )
    return (
        '<h2>What they make of the masked patches</h2>\n'
        f'<figure><div class="pair">\n{halves}</div>\n'
        '<figcaption>From left to right: the image, what the encoder sees, what is '
        f'predicted, and the prediction beside what was visible.{note} '
        f'{_sources(experiment, sources)}</figcaption></figure>\n'
    )


def _loss(experiment: Experiment) -> str:
    curves = {method: experiment.curves(method, 'loss') for method in PRETRAINED}
    curves = {method: seeds for method, seeds in curves.items() if seeds}
    if not curves:
        return ''
    sources = [path for seeds in curves.values() for c in seeds for path in c.sources]
    return (
        '<h2>How the loss fell</h2>\n'
        f'<figure>{loss_plot(curves)}\n<figcaption>Mean squared error on masked '
        'patches, averaged between two lines of the log. The numbers are the last '
        f'values{_over_seeds(experiment)}. {_sources(experiment, sources)}'
        '</figcaption></figure>\n'
    )


def _fusion(experiment: Experiment) -> str:
    runs = [experiment.run(seed, 'mff', 'pretrain') for seed in experiment.seeds]
    keys = sorted({k for r in runs for k in r.training_keys() if k.startswith(LEVEL)})
    if not keys:
        return ''
    levels = {int(k.removeprefix(LEVEL)): experiment.curves('mff', k) for k in keys}
    final = {
        level: sum(curve.values[-1] for curve in seeds) / len(seeds)
        for level, seeds in levels.items()
    }
    most, least = max(final, key=final.__getitem__), min(final, key=final.__getitem__)
    sources = [path for curve in levels[most] for path in curve.sources]
    return (
        '<h2>Which levels MFF fuses</h2>\n'
        f'<p>At the end block {most} has the largest share ({final[most]:.3f}) and '
        f'block {least} the smallest ({final[least]:.3f}); equal shares would be '
        f'{1 / len(final):.3f}.</p>\n'
        f'<figure>{share_plot(levels)}\n<figcaption>Softmax weights of the levels, '
        'counted from the block next to the image. Dashed: equal shares, where training '
        'starts. All levels but the last are projected before they are summed, so a '
        f'share is not yet an influence. The numbers are the last values'
        f'{_over_seeds(experiment)}. '
        f'{_sources(experiment, sources)}</figcaption></figure>\n'
    )


def _what_ran(experiment: Experiment, world: World) -> str:
    records = experiment.records()
    entries = ''.join(
        f'<dt>{escape(name)}</dt><dd>{escape(text)}</dd>\n'
        for name, text in list_facts(experiment, world)
    )
    longest = max((record['seconds'] for _, record in records), default=1) or 1
    rows = ''.join(
        f'<tr><td>{escape(record["title"])}{_starts(record)}</td>'
        f'<td>{_clock(record["seconds"])}</td><td class="length"><span class="bar" '
        f'style="width: {max(1, 100 * record["seconds"] / longest):.0f}%"></span></td>'
        '</tr>\n'
        for _, record in records
    )
    commands = ''.join(
        f'<p><code>{escape(" ".join(record["command"]))}</code></p>\n' for _, record in records
    )
    return (
        f'<h2>What ran, and how long</h2>\n<dl class="facts">\n{entries}</dl>\n'
        '<div class="scroll"><table><thead><tr><th>stage</th><th>m:ss</th>'
        f'<td class="length"></td></tr></thead>\n<tbody>{rows}</tbody></table></div>\n'
        '<p class="note">Up to two stages ran side by side. From <code>stages/*.json'
        '</code>; the complete output of each stage is beside it.</p>\n'
        f'<details><summary>The commands</summary>\n{commands}</details>\n'
    )


def _starts(record: dict) -> str:
    return f' ({record["starts"]} starts)' if record['starts'] > 1 else ''


def _over_seeds(experiment: Experiment) -> str:
    if len(experiment.seeds) == 1:
        return ''
    return ', averaged over seeds; each seed has a curve of its own'


def _sources(experiment: Experiment, paths: list[Path]) -> str:
    paths = list(dict.fromkeys(paths))
    names = [f'<code>{escape(experiment.shown(path))}</code>' for path in paths]
    if len(names) <= 2:
        return f'From {" and ".join(names)}.'
    listed = '<br>'.join(names)
    return f'<details><summary>From {len(names)} files</summary>{listed}</details>'


def _data_uri(path: Path) -> str:
    kind = 'png' if path.suffix == '.png' else 'jpeg'
    return f'data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}'


def _clock(seconds: float) -> str:
    return f'{round(seconds) // 60}:{round(seconds) % 60:02d}'
