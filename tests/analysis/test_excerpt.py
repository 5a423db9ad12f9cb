"""Two measures on another page."""

from pathlib import Path

from mim_secrets.analysis.report.excerpt import excerpt
from tests.analysis.made_up_results import made_up_results


def test_figures_sentences_and_the_way_to_the_rest(tmp_path: Path) -> None:
    """Breaks when a figure or a sentence is missing, colours have no value on the other
    page, or links lead nowhere."""
    results = made_up_results()
    folders = [tmp_path / f'seed{seed}' / 'secrets' for seed in (0, 1)]
    for folder in folders:
        results.write(folder / 'tables')
    found = excerpt(folders, tmp_path)
    assert found.html.count('<svg') >= 2 * len(results.subjects)
    assert found.html.count('<li>') == 4
    for folder in folders:
        assert f'href="{folder.relative_to(tmp_path)}/report.html"' in found.html
    used = {part.split(')')[0] for part in found.html.split('var(--')[1:]}
    own = {name for name in used if name.startswith('model')}
    assert own and all(f'--{name}:' in found.style for name in own)
    assert '.panels' in found.style
