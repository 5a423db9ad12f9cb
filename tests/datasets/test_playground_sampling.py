"""What is drawn at random: the class must tell nothing but the shape, and the seed everything."""

import numpy as np
import pytest

from mim_secrets.datasets.playground import (
    CLASSES,
    PATTERNS,
    Style,
    render,
    render_image,
    sample_scene,
)

DRAWS = 3000


@pytest.fixture(scope='module')
def scenes():
    return [sample_scene(11, i, Style()) for i in range(DRAWS)]


def chi_square(table: np.ndarray) -> float:
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


@pytest.mark.parametrize('what', ['thing', 'ground'])
def test_pattern_is_independent_of_class(scenes, what):
    """Breaks when a class prefers a texture. The bound is the 99.9 % point of chi-square
    with (10 - 1) * (6 - 1) = 45 degrees of freedom; the draws are fixed by their seed."""
    table = np.zeros((len(CLASSES), len(PATTERNS)))
    for scene in scenes:
        material = scene.things[0].material if what == 'thing' else scene.ground
        table[scene.label, PATTERNS.index(material.pattern)] += 1
    assert (table > 0).all()
    assert chi_square(table) < 80.1


@pytest.mark.parametrize('what', ['thing', 'ground', 'sky'])
def test_colour_is_independent_of_class(scenes, what):
    """Breaks when a class prefers a colour: F of a one-way analysis of variance for each
    channel, against the 99.9 % point of F(9, 2990), which is 3.11."""
    labels = np.array([scene.label for scene in scenes])
    materials = [s.things[0].material if what == 'thing' else getattr(s, what) for s in scenes]
    for colour in (np.array([m.colour for m in materials]), np.array([m.other for m in materials])):
        groups = [colour[labels == label] for label in range(len(CLASSES))]
        between = sum(len(g) * (g.mean(axis=0) - colour.mean(axis=0)) ** 2 for g in groups)
        within = sum(((g - g.mean(axis=0)) ** 2).sum(axis=0) for g in groups)
        f = (between / (len(CLASSES) - 1)) / (within / (DRAWS - len(CLASSES)))
        assert (f < 3.11).all()


def test_classes_differ_by_shape():
    """Breaks when two classes cast the same silhouette: the mean masks of any two differ."""
    style = Style(distractors=0, figure_chance=0, occluder_chance=0, squeeze=0, off_centre=0)
    means = []
    for label in range(len(CLASSES)):
        masks = [render(sample_scene(1, label + 10 * i, style), 32).masks[0] for i in range(12)]
        means.append(np.mean(masks, axis=0))
    for a in range(len(CLASSES)):
        for b in range(a):
            overlap = np.minimum(means[a], means[b]).sum() / np.maximum(means[a], means[b]).sum()
            assert overlap < 0.85, (CLASSES[a], CLASSES[b])


def test_the_main_object_is_large_and_central():
    """Breaks when a scene is composed so that its label cannot be seen."""
    for i in range(40):
        r = render(sample_scene(0, i, Style()), 64)
        x0, y0, x1, y1 = r.boxes[0]
        assert 0.3 < max(x1 - x0, y1 - y0) / 64 < 0.9
        assert abs(x0 + x1 - 64) / 2 < 12 and abs(y0 + y1 - 64) / 2 < 14
        assert r.visibility[0] > 0.4


def test_turn_stays_within_the_style():
    """Breaks when the knob of difficulty is not connected."""
    straight = [sample_scene(0, i, Style(max_turn=0.0)).things[0].turn for i in range(10)]
    assert len(set(straight[:5])) == 1  # five solids; a figure stands in three quarters
    turns = [abs(sample_scene(0, 10 * i, Style(max_turn=40.0)).things[0].turn) for i in range(50)]
    assert 25 < max(turns) <= 40


def test_scenes_depend_on_seed_split_and_index_alone():
    """Breaks when scenes repeat across splits or seeds, or depend on what was drawn before."""
    image = render_image(sample_scene(0, 7, Style()), 32)
    sample_scene(0, 8, Style())
    np.testing.assert_array_equal(image, render_image(sample_scene(0, 7, Style()), 32))
    others = [
        sample_scene(0, 17, Style()),
        sample_scene(1, 7, Style()),
        sample_scene(0, 7, Style(), split='val'),
    ]
    for other in others:
        assert (render_image(other, 32) != image).any()


def test_an_unknown_split_is_refused():
    """Breaks when a misspelt split quietly draws a world of its own."""
    with pytest.raises(ValueError, match='train, val, test'):
        sample_scene(0, 0, Style(), split='valid')
