"""Whose file it is, which of several encoders is meant, and what is said if nobody's."""

import pytest
import torch

from mim_secrets.checkpoint.layouts import (
    LAYOUTS,
    UnknownLayout,
    from_mmpretrain,
    from_ours,
    layout_named,
    recognise,
    to_ours,
)
from tests.checkpoint.layout_checks import random_tensors, under
from tests.checkpoint.test_layouts_swin_lists import swin
from tests.checkpoint.test_layouts_vit_lists import mae_encoder


@pytest.mark.parametrize(
    ('prefixes', 'chosen', 'why'),
    [
        (['student.', 'teacher.'], 'teacher.', 'student. left aside, because these weights were'),
        (['module.student.', 'module.teacher.'], 'module.teacher.', 'averaged in training'),
        (['student.backbone.', 'teacher.backbone.'], 'teacher.backbone.', 'averaged'),
        (['model.', 'ema_model.module.'], 'ema_model.module.', 'model. left aside'),
        (['model_ema.', ''], 'model_ema.', '(no prefix) left aside'),
        (['architecture.', 'teacher.'], 'architecture.', 'because this prefix is shorter'),
        (['backbone.', 'momentum_encoder.'], 'backbone.', 'momentum_encoder. left aside'),
        (['b.', 'a.long.'], 'b.', 'a.long. left aside, because this prefix is shorter'),
    ],
)
def test_of_several_encoders_the_stated_one_is_taken(prefixes, chosen, why) -> None:
    """Breaks when the order between student, teacher, average and guide changes."""
    encoders = {p: random_tensors(mae_encoder(), seed=i) for i, p in enumerate(prefixes)}
    tensors = {}
    for prefix, encoder in encoders.items():
        tensors |= under(prefix, encoder)
    found = recognise(tensors)
    assert found.prefix == chosen
    assert why in found.why
    converted = to_ours(tensors, found)
    taken = converted.tensors['backbone.cls_token']
    assert taken is encoders[chosen]['cls_token']
    others = [name for name in tensors if not name.startswith(chosen)]
    assert all(name in converted.dropped for name in others)


def test_what_is_no_part_of_the_encoder_is_named() -> None:
    """Breaks when something disappears on the way without a reason."""
    extra = dict(optimizer_step=(1,), dist_token=(1, 1, 4), **{'blocks.0.adapter.weight': (4, 4)})
    tensors = under('module.', random_tensors(mae_encoder() | extra))
    tensors['queue'] = torch.zeros(3)
    assert to_ours(tensors).dropped == {
        'module.optimizer_step': 'no place in our vit',
        'module.dist_token': 'no place in our vit',
        'module.blocks.0.adapter.weight': 'no place in our vit',
        'queue': 'not part of the encoder',
    }


def test_nothing_is_copied_that_only_changes_its_name() -> None:
    """Breaks when a large file is in memory twice."""
    tensors = random_tensors(mae_encoder())
    ours = to_ours(tensors)
    assert all(ours.tensors[new] is tensors[old] for new, (old,) in ours.sources.items())
    assert len(ours.tensors) == len(tensors)


@pytest.mark.parametrize(
    ('names', 'said'),
    [
        (['conv1.weight', 'fc.bias'], 'its names begin with conv1.weight, fc.bias'),
        ([], 'none at all'),
        (
            ['module.blocks.0.norm1.weight', 'module.blocks.0.attn.qkv.weight'],
            'nearest: timm (vit), but blocks.0.mlp.fc1.weight is not there and '
            'patch_embed.proj.weight is not there under module.',
        ),
    ],
)
def test_an_unknown_file_hears_what_is_missing(names: list[str], said: str) -> None:
    """Breaks when a foreign file is taken for somebody's, or the message says nothing."""
    with pytest.raises(UnknownLayout) as error:
        recognise({name: torch.zeros(1) for name in names})
    message = str(error.value)
    assert said in message
    assert message.endswith('convert.py --table.')


def test_an_encoder_with_parts_that_we_have_not_is_refused() -> None:
    """Breaks when registers or norms of queries are dropped and the rest is loaded."""
    for name in ('reg_token', 'blocks.0.attn.q_norm.weight'):
        tensors = random_tensors(mae_encoder() | {name: (4,)})
        with pytest.raises(UnknownLayout, match=rf'timm \(vit\), but {name} is there'):
            recognise(tensors)


def test_every_layout_has_a_name_and_a_family_of_its_own() -> None:
    """Breaks when two tables answer to the same --to."""
    names = [(layout.name, layout.family) for layout in LAYOUTS]
    assert len(set(names)) == len(names)
    for name, family in names:
        assert layout_named(name, family).name == name


def test_a_layout_that_there_is_not_is_refused_with_those_that_are() -> None:
    """Breaks when a typing mistake ends in a stack of frames."""
    with pytest.raises(ValueError, match="no layout 'tim' for a swin encoder; there are hugg"):
        layout_named('tim', 'swin')


def test_another_family_is_refused() -> None:
    """Breaks when a Swin is written as a ViT with nothing in it."""
    ours = to_ours(random_tensors(swin(1))).tensors
    with pytest.raises(ValueError, match='timm is a layout for a vit, and there is none'):
        from_ours(ours, layout_named('timm', 'vit'))


@pytest.mark.parametrize('prefix', ['', 'algorithm.'])
def test_models_of_mmpretrain_are_renamed_whole(prefix: str) -> None:
    """Breaks when what is no fusion is touched, or a prefix hides the fusion."""
    names = ('backbone.proj_layers.3.bias', 'backbone.ln1.bias', 'anything.else', 'backbone.x_proj')
    tensors = under(prefix, random_tensors(dict.fromkeys(names, (2,))))
    tensors[prefix + 'backbone.proj_weights'] = torch.randn(3, 1, 1, 1)
    renamed = from_mmpretrain(tensors, prefix)
    assert renamed.keys() == {
        prefix + name for name in ('fusion.projections.3.bias', 'fusion.level_logits', *names[1:])
    }
    assert renamed[prefix + 'fusion.level_logits'].shape == (3,)


def test_a_decoder_is_not_taken_for_the_encoder() -> None:
    """Breaks when blocks like the encoder's, under a shorter prefix, are enough."""
    encoder = random_tensors(mae_encoder())
    blocks = {name: tensor for name, tensor in encoder.items() if name.startswith('blocks.')}
    theirs = under('dec.', blocks) | under('encoder.', encoder)
    assert recognise(theirs).prefix == 'encoder.'
    ours = {n.removeprefix('backbone.'): t for n, t in to_ours(encoder).tensors.items()}
    blocks = {name: tensor for name, tensor in ours.items() if name.startswith('layers.')}
    assert recognise(under('neck.', blocks) | under('backbone.', ours)).prefix == 'backbone.'
