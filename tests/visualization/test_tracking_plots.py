"""Success and precision plots."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mim_secrets.visualization.tracking_plots import console_table, curve_plot, save_figure


def test_a_narrow_terminal_shows_every_word_of_a_heading() -> None:
    """Breaks when a name that is longer than its column is cut, as rich does with one word."""
    names = ['success_auc', 'precision_at_20px', 'norm_precision_auc_0_to_0.5', 'target_present']
    console = Console(width=60)
    with console.capture() as capture:
        console.print(console_table(['tracker', *names], [['ours', 51.6, 75.7, 53.2, 90.6]]))
    printed = capture.get().replace('┃', ' ').split()
    for word in ' '.join(names).replace('_', ' ').split():
        assert word in printed


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
