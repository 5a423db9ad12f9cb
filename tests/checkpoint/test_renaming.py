"""The engine of the layouts: templates, groups of names, and what is left over."""

import pytest
import torch

from mim_secrets.checkpoint.renaming import Change, Rule, same, translate, under

JOINED = Change(
    lambda parts, wanted: [torch.cat(list(parts))], lambda whole, wanted: whole[0].chunk(wanted)
)
SHARED = Change(
    lambda one, wanted: list(one) * wanted,
    lambda many, wanted: many[:1] if all(torch.equal(many[0], x) for x in many) else None,
)


def tensors(*names: str) -> dict[str, torch.Tensor]:
    return {name: torch.full((2,), float(index)) for index, name in enumerate(names)}


@pytest.mark.parametrize(
    ('theirs', 'ours', 'name', 'renamed'),
    [
        ('norm', 'ln', 'norm', 'ln'),
        ('norm.*', 'ln.*', 'norm.weight', 'ln.weight'),
        ('a.{n}.b.*', 'x.{n}.*', 'a.12.b.c.bias', 'x.12.c.bias'),
        ('a.{s}.{b}.*', 'x.{b}.{s}.*', 'a.1.2.w', 'x.2.1.w'),
        ('a.{s}', 'x.{s+1}', 'a.9', 'x.10'),
        ('a.{s+1}', 'x.{s}', 'a.10', 'x.9'),
        ('a.0.{n}', 'x.{n}', 'a.0.3', 'x.3'),
    ],
)
def test_a_template_leads_both_ways(theirs: str, ours: str, name: str, renamed: str) -> None:
    """Breaks when a number or the rest of a name is read or written wrongly."""
    rules = [Rule(theirs, ours)]
    there = translate(tensors(name), rules)
    assert list(there.tensors) == [renamed]
    assert there.sources == {renamed: (name,)}
    assert list(translate(there.tensors, rules, back=True).tensors) == [name]


@pytest.mark.parametrize(
    ('template', 'name'),
    [
        ('norm', 'norm.weight'),
        ('norm.*', 'norm'),
        ('norm.*', 'fc_norm.weight'),
        ('a.{n}', 'a.b'),
        ('a.{n}', 'a.1.b'),
        ('a.{s+1}', 'a.0'),
        ('a.b', 'axb'),
    ],
)
def test_other_names_are_left(template: str, name: str) -> None:
    """Breaks when a template takes more than it says: a longer name, a word for a
    number, the number before the first, any character for a dot."""
    assert translate(tensors(name), [Rule(template, 'x')]).left == {name: ''}


def test_tensors_are_handed_on() -> None:
    """Breaks when renaming copies, which a large file has no memory for."""
    before = tensors('a.weight', 'b.weight')
    after = translate(before, [Rule('a.*', 'x.*'), *same('b.*')]).tensors
    assert after['x.weight'] is before['a.weight']
    assert after['b.weight'] is before['b.weight']


def test_the_first_rule_counts() -> None:
    """Breaks when of two names that are read the wrong one is written."""
    rules = [Rule('new.*', 'ours.*'), Rule('old.*', 'ours.*')]
    assert list(translate(tensors('old.weight'), rules).tensors) == ['ours.weight']
    assert list(translate(tensors('ours.weight'), rules, back=True).tensors) == ['new.weight']


def test_a_name_is_filled_once() -> None:
    """Breaks when a second tensor for the same place wins without a word."""
    rules = [Rule('new.*', 'ours.*'), Rule('old.*', 'ours.*')]
    both = tensors('old.weight', 'new.weight')
    done = translate(both, rules)
    assert done.tensors['ours.weight'] is both['new.weight']
    assert done.left == {'old.weight': 'ours.weight is already filled by new.weight'}


def test_several_names_become_one_and_several_again() -> None:
    """Breaks when parts are joined in the order of the file, or those of two blocks."""
    rules = under('a.{n}.', 'x.{n}.', [Rule(('q.*', 'k.*', 'v.*'), 'qkv.*', JOINED)])
    before = tensors('a.0.v.w', 'a.0.q.w', 'a.0.k.w', 'a.1.q.w', 'a.1.k.w', 'a.1.v.w')
    there = translate(before, rules)
    assert there.tensors['x.0.qkv.w'].tolist() == [1, 1, 2, 2, 0, 0]
    assert there.sources['x.1.qkv.w'] == ('a.1.q.w', 'a.1.k.w', 'a.1.v.w')
    back = translate(there.tensors, rules, back=True).tensors
    assert back.keys() == before.keys()
    assert all(torch.equal(back[name], before[name]) for name in before)


def test_a_group_that_is_not_whole_is_left_with_a_reason() -> None:
    """Breaks when half an attention is made up, or dropped without naming the rest."""
    rules = [Rule(('q', 'k'), 'qk', JOINED)]
    assert translate(tensors('q'), rules).left == {'q': 'k, which belongs to it, is not there'}


def test_one_for_all_blocks_and_back_if_all_are_equal() -> None:
    """Breaks when a block is forgotten, or when different tables are made one."""
    rules = [Rule('table', 'x.{n}.table', SHARED), *under('a.{n}.', 'x.{n}.', same('*'))]
    before = tensors('table', 'a.0.w', 'a.1.w', 'a.10.w')
    there = translate(before, rules).tensors
    assert all(there[f'x.{n}.table'] is before['table'] for n in (0, 1, 10))
    assert translate(there, rules, back=True).tensors.keys() == before.keys()
    there['x.10.table'] = torch.ones(2)
    apart = translate(there, rules, back=True).tensors
    assert {'a.0.table', 'a.1.table', 'a.10.table'} <= apart.keys()
    assert 'table' not in apart
    assert translate(tensors('table'), rules).left == {'table': ''}


def test_the_last_stage_has_a_name_of_its_own() -> None:
    """Breaks when the last norm is looked for by a number of stages that is assumed."""
    rules = [*under('a.{s}.', 'x.{s}.', same('*')), Rule('norm.*', 'norm{last}.*')]
    there = translate(tensors('a.0.w', 'a.11.w', 'a.2.w', 'norm.w'), rules).tensors
    assert 'norm11.w' in there
    back = translate({**there, **tensors('norm2.w')}, rules, back=True)
    assert 'norm.w' in back.tensors
    assert back.left == {'norm2.w': ''}
    assert translate(tensors('norm.w'), rules).left == {'norm.w': ''}


def test_a_way_that_there_is_not_is_not_taken() -> None:
    """Breaks when a change that cannot be undone is taken for a mere renaming."""
    rules = [Rule('a', 'x', Change(lambda theirs, wanted: [theirs[0] + 1], None))]
    assert translate(tensors('a'), rules).tensors['x'].tolist() == [1, 1]
    assert translate(tensors('x'), rules, back=True).left == {'x': ''}


def test_a_part_that_gets_lost_is_told() -> None:
    """Breaks when a change leaves out a value without saying so."""
    half = Change(
        lambda theirs, wanted: [torch.cat([theirs[0], torch.zeros(2)])],
        lambda ours, wanted: [ours[0][:2]],
        lambda ours: ['its second half'] if ours[0][2:].any() else [],
    )
    rules = [Rule('a', 'x', half)]
    there = translate(tensors('a'), rules).tensors
    assert translate(there, rules, back=True).lost == {}
    assert translate({'x': torch.ones(4)}, rules, back=True).lost == {'x': 'its second half'}
