"""What is said of made-up results, and where nothing is."""

from dataclasses import replace

import numpy as np
import pytest

from mim_secrets.analysis.report.claims import Words, change, compare, extreme, last_three
from mim_secrets.analysis.report.measure_claims import CLAIMS
from mim_secrets.analysis.report.words import Span, listed, span

from .made_up_results import layer_table, made_up_results, table

WORDS = Words('the size', 'is larger', 'is smaller')


def test_numbers_are_said_with_their_intervals():
    """Breaks when digits are lost that an interval needs, or an unknown one is claimed."""
    assert str(Span(30.123, 29.5, 30.6, 'px')) == '30.1 px (29.5 to 30.6)'
    assert str(Span(0.12345, 0.12342, 0.12348, '')) == '0.1235 (0.1234 to 0.1235)'
    assert str(Span(0.123401, 0.123392, 0.123411, '')) == '0.12340 (0.12339 to 0.12341)'
    assert str(Span(-1.5, -2, -1, 'nats')) == '−1.50 nats (−2.00 to −1.00)'
    assert Span(2, 1, 3, 'px').aside == '(2.00 px, 1.00 to 3.00)'
    assert str(Span(12345, 12345, 12345, '')) == '12,345'
    assert str(Span(3, np.nan, np.nan, '')) == '3.00'
    assert Span(2.8001, 0, 0, 'px').to(Span(2.8003, 0, 0, 'px')) == '(from 2.8001 to 2.8003 px)'
    assert listed(['a', 'b', 'c']) == 'a, b and c'


def test_means_over_rows_have_careful_intervals():
    """Breaks when rows are averaged otherwise, or one without a number spoils them all."""
    found = table('x', 'px', [1, 3, np.nan], [0.5, 1.5, np.nan], layer=[0, 1, 2])
    assert span(found) == (2, 1, 3, 'px')
    assert span(found, found.index['layer'] == 1) == (3, 1.5, 4.5, 'px')
    assert str(span(found, found.index['layer'] == 2)) == '– px'


def test_models_are_compared_only_where_intervals_lie_apart():
    """Breaks when overlapping intervals give a claim, or ones apart none."""
    near, far, unsure = Span(1, 0, 2, 'px'), Span(5, 4, 6, 'px'), Span(2.5, 1.5, 3.5, 'px')
    assert compare('there', dict(a=near, b=far), WORDS) == (
        'There, a (1.00 px, 0.00 to 2.00) is smaller than b (5.00 px, 4.00 to 6.00).'
    )
    assert 'b (5.00 px, 4.00 to 6.00) is larger than a' in compare(
        'there', dict(b=far, a=near), WORDS
    )
    assert compare('there', dict(a=near, c=unsure), WORDS) == (
        'There, the size does not tell a (1.00 px, 0.00 to 2.00) apart from '
        'c (2.50 px, 1.50 to 3.50): the intervals overlap.'
    )
    both = compare('there', dict(a=near, b=far, c=unsure), WORDS)
    assert 'is smaller than b' in both and 'do not tell it apart from c' in both
    unknown = Span(np.nan, np.nan, np.nan, 'px')
    assert 'none are compared' in compare('there', dict(a=near, b=unknown), WORDS)
    bare = Span(9.0, np.nan, np.nan, 'px')
    told = compare('there', dict(a=near, d=bare), WORDS)
    assert told.endswith('from d (9.00 px): of so few images there is no interval.')


def test_trends_are_claimed_only_where_intervals_lie_apart():
    """Breaks when a change within the intervals is called one."""
    low, high, wide = Span(1, 0, 2, 'px'), Span(5, 4, 6, 'px'), Span(3, 0, 6, 'px')
    spans = dict(a=(low, high), b=(high, low), c=(low, wide), d=(low, high))
    assert change('here', 'there', spans, WORDS) == (
        'From here to there, the size rises in a (from 1.00 to 5.00 px) and d (from 1.00 to '
        '5.00 px); it falls in b (from 5.00 to 1.00 px); it does not clearly change in c.'
    )


def test_a_highest_layer_needs_room_to_all_others():
    """Breaks when a layer is singled out although another one's interval reaches it."""
    assert 'highest in layer 1 (5.00' in extreme(layer_table('x', '', [1, 5, 2], 1), WORDS)
    assert 'not clearly higher' in extreme(layer_table('x', '', [1, 5, 4], 1), WORDS)


def test_the_last_three_layers_leave_one_before():
    """Breaks when a shallow model is compared with itself."""
    assert last_three(layer_table('x', '', [9, 1, 2, 3, 4])).mean == 3
    assert last_three(layer_table('x', '', [9, 1, 2])).mean == 1.5


# Of each measure what the two sentences must hold for the made-up numbers: with narrow
# intervals, then with ones that all overlap.
TOLD = dict(
    distance=(
        ('mim (24.5 px, 24.4 to 24.6) looks nearer than sup', 'in all layers it is more local'),
        ('does not tell mim', 'do not show mim to be more local in all layers than sup'),
    ),
    entropy=(('spreads attention less than sup', 'rises in'), ('does not tell', 'not clearly')),
    kl=(
        ('mim (1.00 nats, 0.98 to 1.02) has more diverse heads', 'falls in sup (from'),
        ('does not tell mim', 'does not clearly change in mim and sup'),
    ),
    cka=(
        ('has layers more alike than sup', 'are more like each other than like those of sup'),
        ('does not tell mim', 'not clearly more like each other than like those of sup'),
    ),
    spectrum=(
        ('keeps more of the highest frequency than sup', 'falls in mim'),
        ('does not tell mim', 'does not clearly change in mim and sup'),
    ),
    rank=(('fills fewer directions than sup', 'rises in mim'), ('does not tell', 'not clearly')),
    reconstruction=(
        ('mim (0.812, 0.792 to 0.833) errs less than sup', 'rises in mim'),
        ('does not tell mim', 'does not clearly change in mim and sup'),
    ),
    curvature=(
        ('has the sharper loss than sup', 'is below zero in mim'),
        ('does not tell mim', 'is not clearly below zero in mim'),
    ),
)  # fmt: skip


@pytest.mark.parametrize('measure', TOLD)
def test_sentences_follow_the_numbers(measure):
    """Breaks when a measure's rule is not kept in one of its two outcomes."""
    narrow, wide = made_up_results(), widened(made_up_results())
    for results, told in zip((narrow, wide), TOLD[measure]):
        claims = CLAIMS[measure](results)
        assert 'do not overlap' in claims.rule
        for sentence, words in zip(claims.sentences, told, strict=True):
            assert words in sentence
            assert sentence.endswith('.') and sentence[0] == 'm' or sentence[0].isupper()


@pytest.mark.parametrize('measure', CLAIMS)
@pytest.mark.parametrize('overlap', [False, True])
def test_one_model_is_compared_with_itself_alone(measure, overlap):
    """Breaks when a lone model is compared, or its layers are where intervals overlap."""
    results = made_up_results(('alone',))
    claims = CLAIMS[measure](widened(results) if overlap else results)
    text = ' '.join(claims.sentences)
    assert 'tell' not in text and ' than sup' not in text
    if measure in ('distance', 'entropy', 'kl', 'spectrum', 'rank') and overlap:
        assert 'does not clearly change in alone' in text and 'not clearly higher' in text
    if measure == 'spectrum' and not overlap:
        assert 'falls in alone (from −2.00 to −3.00)' in text and 'highest in layer 0' in text
    if measure == 'cka':
        assert ('not clearly less alike' in text) is overlap


def test_shares_are_named_without_intervals():
    """Breaks when the largest share is not the one named, or equal shares have a winner."""
    results = made_up_results(('mff', 'late'))
    first, second = CLAIMS['fusion'](results).sentences
    assert 'Level 0 of mff weighs most (0.247' in first and 'level 1 of late' in first
    assert 'the shallower half of the levels has 0.548 in mff (3 of 6 levels)' in second
    equal = table('fusion', 'share', [0.25] * 4, layer=np.arange(4))
    results = replace(results, tables={'fusion': {'mff': equal}})
    assert CLAIMS['fusion'](results).sentences[0] == 'All levels weigh the same in mff.'


def test_the_reverse_of_local_is_seen():
    """Breaks when the supervised model is named first and the claim then lost."""
    found = made_up_results()
    turned = {
        name: dict(reversed(tables.items())) if '|' not in ' '.join(tables) else tables
        for name, tables in found.tables.items()
    }
    results = replace(found, subjects=dict(reversed(found.subjects.items())), tables=turned)
    first, second = CLAIMS['distance'](results).sentences
    assert ' looks farther than mim' in first
    assert second.startswith('Even in layer 5, where it looks farthest')
    assert 'mim looks nearer than the last third of sup' in second


def widened(results):
    """The same results with intervals that all overlap."""
    tables = {
        name: {
            model: replace(one, values=one.values._replace(low=one.values.mean - 100,
                                                           high=one.values.mean + 100))
            for model, one in found.items()
        }
        for name, found in results.tables.items()
    }  # fmt: skip
    return replace(results, tables=tables)
