"""Results of an analysis that never took place."""

import numpy as np

from mim_secrets.analysis.results import Results
from mim_secrets.analysis.statistics import Estimate
from mim_secrets.analysis.tables import Table

IMAGES = 96
BANDS = 8


def table(name, unit, mean, width=0.0, notes=(), **index):
    """A table whose intervals reach ``width`` to either side."""
    mean = np.asarray(mean, np.float64)
    index = {column: np.asarray(values) for column, values in index.items()}
    return Table(name, unit, IMAGES, index, Estimate(mean, mean - width, mean + width), notes)


def layer_table(name, unit, mean, width=0.0, stage=0):
    """A number for each layer."""
    return table(
        name, unit, mean, width, layer=np.arange(len(mean)), stage=np.broadcast_to(stage, len(mean))
    )


def made_up_results(names=('mim', 'sup'), depth=6, heads=4, width=0.02):
    """All tables: the first model looks near in all layers, the others farther with depth,
    and their heads grow alike."""
    tables = {}
    generator = np.random.default_rng(0)
    for number, name in enumerate(names):
        for key, one in _of_model(number, depth, heads, width, generator).items():
            tables.setdefault(key, {})[name] = one
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            tables['cka'][f'{one} | {other}'] = _likeness(depth, 0.4, 0.5, width)
    picture = generator.integers(0, 255, (60, 90, 3), dtype=np.uint8)
    return Results(
        {name: f'made up, number {number}' for number, name in enumerate(names)},
        {'images': f'{IMAGES} made up', 'seed': '0'},
        tables,
        {f'What {name} looks at': picture for name in names},
    )


def _of_model(number, depth, heads, width, generator):
    layers = np.arange(depth)
    stage = (2 * layers) // depth
    flat = number == 0
    rise = layers / max(1, depth - 1)
    distance = 20 + 4 * rise if flat else 20 + (30 + 3 * number) * rise
    kl = 1 + 0 * rise if flat else 1.1 - 0.9 * rise
    spread = generator.normal(0, 1, (depth, heads))
    by_head = dict(layer=layers.repeat(heads), stage=stage.repeat(heads))
    by_head['head'] = np.tile(np.arange(heads), depth)
    first, second = np.array([(a, b) for a in range(heads) for b in range(heads)]).T
    pairs = dict(layer=layers.repeat(heads**2), stage=stage.repeat(heads**2))
    pairs |= dict(head=np.tile(first, depth), other=np.tile(second, depth))

    def of_heads(name, unit, means, size):
        values = (means[:, None] + size * spread).flatten().clip(0)
        return {
            name: table(name, unit, values, width * size, **by_head),
            f'{name}_layer': layer_table(
                f'{name}_layer', unit, values.reshape(depth, heads).mean(1), width * size, stage
            ),
        }

    curve = np.linspace(0, 1, 9)
    spectra = -(2 + number + rise[:, None]) * curve
    steps = np.arange(0, 100, 20)
    shares = np.full((len(steps), depth), 1 / depth)
    shares += np.outer(steps / 100, np.where(layers == number, 0.1, -0.1 / (depth - 1)))
    grid = np.linspace(-1, 12, 60)
    return {
        **of_heads('distance', 'px', distance, 5),
        **of_heads('distance_renormalised', 'px', distance * 1.05, 5),
        **of_heads('distance_relative', 'of uniform', distance / 60, 0.08),
        'distance_ceiling': layer_table('distance_ceiling', 'px', 60 - 6 * stage, 0, stage),
        **of_heads('entropy', 'nats', 3 + 0.5 * rise + number / 4, 0.3),
        'kl': table('kl', 'nats', (kl[:, None] * (first != second)).flatten(), width, **pairs),
        'kl_head': of_heads('kl_head', 'nats', kl, 0.1)['kl_head'],
        'kl_layer': layer_table('kl_layer', 'nats', kl, width, stage),
        'cka': _likeness(depth, 0.9 if flat else 0.5, 1, width),
        'spectrum': table(
            'spectrum', 'log ratio to frequency 0', spectra.flatten(), width,
            layer=layers.repeat(9), stage=stage.repeat(9), frequency=np.tile(curve, depth),
        ),
        'spectrum_layer': layer_table(
            'spectrum_layer', 'log ratio to frequency 0', spectra[:, -1], width, stage
        ),
        'reconstruction': table(
            'reconstruction', 'relative error', 0.2 + number / 10 + 0.7 * np.arange(BANDS) / BANDS,
            width, ('Masks are made up.',),
            low_frequency=np.arange(BANDS) / BANDS, high_frequency=(np.arange(BANDS) + 1) / BANDS,
        ),
        'fusion': table('fusion', 'share', shares[-1], layer=layers),
        'fusion_history': table(
            'fusion_history', 'share', shares.T.flatten(),
            step=np.tile(steps, depth), layer=layers.repeat(len(steps)),
        ),
        'rank': layer_table('rank', 'directions', 20 + 10 * rise + 5 * number, 1, stage),
        'curvature': table(
            'curvature', '', [9 - number, 6, 4, 3, 2, -0.5], width, number=[0, 1, 2, 3, 4, -1]
        ),
        'curvature_density': table(
            'curvature_density', '', np.exp(-grid.clip(0) - 20 * grid.clip(max=0) ** 2), 0.001,
            eigenvalue=grid,
        ),
    }  # fmt: skip


def _likeness(depth, low, high, width):
    across, up = np.divmod(np.arange(depth**2), depth)
    values = high - (high - low) * np.abs(across - up) / max(1, depth - 1)
    return table('cka', 'CKA', values, width, layer=across, other=up)
