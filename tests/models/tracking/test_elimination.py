"""Which tokens of the search window are dropped, and what becomes of them."""

import math
from types import SimpleNamespace

import pytest
import torch

from mim_secrets.engine.hooks import CandidateEliminationHook
from mim_secrets.models.tracking.elimination import middle_tokens
from tests.models.tracking.small import batch, one_stream


def attention_by_hand(block: torch.nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """(heads, N, N) of one sample, as the block itself computes it."""
    width, heads = tokens.shape[-1], block.attn.num_heads
    inner = block.ln1(tokens)
    qkv = inner @ block.attn.qkv.weight.T + block.attn.qkv.bias
    query, key, _ = (part.view(-1, heads, width // heads) for part in qkv.split(width, dim=1))
    rows = []
    for head in range(heads):
        scores = query[:, head] @ key[:, head].T / math.sqrt(width // heads)
        rows.append(scores.exp() / scores.exp().sum(dim=1, keepdim=True))
    return torch.stack(rows)


def features_of(tracker, data: dict) -> torch.Tensor:
    """(B, N, D), what the head is given."""
    seen = []
    handle = tracker.head.register_forward_pre_hook(lambda head, inputs: seen.append(inputs[0]))
    tracker(**data)
    handle.remove()
    return seen[0].flatten(2).transpose(1, 2)


@torch.no_grad()
def test_a_share_of_one_changes_nothing() -> None:
    """Breaks when tokens lose their places, or another way through a block is another block."""
    tracker = one_stream(elimination=dict(blocks=[0, 2, 3], share=1.0))
    data = tracker.data_preprocessor(batch(3))
    expected = one_stream()
    expected.load_state_dict(tracker.state_dict())
    torch.testing.assert_close(features_of(tracker, data), features_of(expected, data))


@torch.no_grad()
@pytest.mark.parametrize('template_size', [32, 24])
def test_the_tokens_attended_to_most_stay(template_size: int) -> None:
    """Breaks when other tokens are kept, a second block counts places of the first wrong,
    dropped ones are not zero, or those kept are not what the block makes of them alone."""
    share, known = 0.6, (template_size // 8) ** 2
    tracker = one_stream(elimination=dict(blocks=[1, 2], share=share), template_size=template_size)
    for block in tracker.backbone.layers:
        block.attn.qkv.weight.data *= 4  # untrained attention is all but even
    data = tracker.data_preprocessor(batch(3, template_size))
    features, inputs = features_of(tracker, data), data['inputs']
    middle = [5, 6, 9, 10] if template_size == 32 else [4]
    for index in range(3):
        pair = [inputs[key][index : index + 1] for key in ('template', 'search')]
        tokens = torch.cat([tracker.backbone.embed(image)[0][0, 1:] for image in pair])
        places = list(range(64))
        for number, block in enumerate(tracker.backbone.layers):
            weights = attention_by_hand(block, tokens)[:, middle].mean(dim=(0, 1))[known:]
            tokens = tokens + block.attn(block.ln1(tokens)[None])[0]
            if number in (1, 2):
                order = sorted(range(len(places)), key=lambda i: -float(weights[i]))
                kept = sorted(order[: math.ceil(share * len(places))])
                tokens = torch.cat([tokens[:known], tokens[known:][kept]])
                places = [places[i] for i in kept]
            tokens = tokens + block.ffn(block.ln2(tokens[None]), identity=0)[0]
        tokens = tracker.backbone.ln1(tokens)[known:]
        assert len(places) == 24  # of 64, then of 39
        torch.testing.assert_close(features[index, places], tokens, rtol=1e-4, atol=1e-5)
        dropped = sorted(set(range(64)) - set(places))
        assert not features[index, dropped].any()
    assert not torch.equal(features[0] == 0, features[1] == 0)  # each sample has its own


def test_the_middle_of_a_template() -> None:
    """Breaks when even or odd numbers of patches shift the middle."""
    assert middle_tokens((3, 3)) == [4]
    assert middle_tokens((4, 4)) == [5, 6, 9, 10]
    assert middle_tokens((2, 3)) == [1, 4]


def test_what_is_left_learns() -> None:
    """Breaks when choosing tokens cuts the gradient, in particular beside checkpointing."""
    grads = []
    for with_cp in (False, True):
        tracker = one_stream(dict(with_cp=with_cp), elimination=dict(blocks=[1], share=0.5))
        data = tracker.data_preprocessor(batch(2), True)
        sum(tracker.train()(**data, mode='loss').values()).backward()
        grads.append(tracker.backbone.patch_embed.projection.weight.grad)
    assert grads[0].any()
    torch.testing.assert_close(*grads)


def test_training_drops_tokens_only_after_a_while() -> None:
    """Breaks when the share jumps, rises, ends elsewhere, or tests follow the epoch."""
    tracker = one_stream(elimination=dict(blocks=[1], share=0.7))
    hook = CandidateEliminationHook(begin=20, length=80)
    runner = SimpleNamespace(model=tracker, epoch=0, max_epochs=300)
    hook.before_train(runner)
    shares = {}
    for runner.epoch in range(300):
        hook.before_train_epoch(runner)
        shares[runner.epoch] = tracker.elimination.training_share
    assert shares[0] == shares[20] == 1.0
    assert shares[60] == pytest.approx(0.85)
    assert shares[100] == shares[299] == pytest.approx(0.7)
    assert all(shares[epoch] >= shares[epoch + 1] for epoch in range(299))
    runner.epoch = 0
    hook.before_train_epoch(runner)
    data = tracker.data_preprocessor(batch(2))
    zeros = (features_of(tracker, data) == 0).all(dim=2).sum(dim=1)
    assert zeros.tolist() == [64 - 45] * 2
    assert not (features_of(tracker.train(), data) == 0).all(dim=2).any()


def test_a_ramp_that_cannot_be_is_refused() -> None:
    """Breaks when training ends with other tokens than tests have, or nothing is dropped."""
    hook = CandidateEliminationHook(begin=20, length=80)
    with pytest.raises(ValueError, match='the model keeps all tokens; set model.elimination'):
        hook.before_train(SimpleNamespace(model=one_stream(), max_epochs=300))
    tracker = one_stream(elimination=dict(blocks=[1], share=0.7))
    with pytest.raises(ValueError, match='falls up to epoch 100, but the run has 99'):
        hook.before_train(SimpleNamespace(model=tracker, max_epochs=99))
    with pytest.raises(ValueError, match='begin is 0 and length 0'):
        CandidateEliminationHook(begin=0, length=0)
