"""Success and precision plots."""

from pathlib import Path

import numpy as np
import pytest

from mim_secrets.visualization.tracking_plots import curve_plot, save_figure


@pytest.mark.slow
def test_the_best_tracker_is_named_first_and_files_repeat(tmp_path: Path) -> None:
    """Breaks when the legend keeps the order of the command line, when a tracker's score
    stands beside another's line, or when a plot changes without its numbers."""
    curves = {'low': np.linspace(0.5, 0, 21), 'high': np.linspace(1, 0, 21)}
    scores = {'low': 25.0, 'high': 50.0}
    for name in ('first.one', 'second.one'):
        figure = curve_plot('success', curves, scores, 'LaSOT test')
        save_figure(figure, tmp_path / name)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        '50.0  high', '25.0  low',
    ]  # fmt: skip
    for line, name in zip(axes.get_lines(), ('high', 'low'), strict=True):
        np.testing.assert_allclose(line.get_ydata(), 100 * curves[name])
    for kind in ('svg', 'png'):
        first, second = (tmp_path / f'{name}.one.{kind}' for name in ('first', 'second'))
        assert first.read_bytes() == second.read_bytes()
