"""kNN and linear accuracy, and the hook and the loop that measure them."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mim_secrets.evaluation import (
    Features,
    fit_linear,
    knn_top1,
    linear_top1,
    run_probes,
)
from tests import tiny_run


def random_features(count: int, dims: int, num_classes: int, seed: int) -> Features:
    """Noise around one centre for each class, the same centres for every seed."""
    centres = torch.randn(num_classes, dims, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(num_classes, (count,), generator=generator)
    noise = torch.randn(count, dims, generator=generator)
    return Features(centres[labels] + 1.5 * noise, labels)


def slow_knn(bank: Features, query: Features, k: int, temperature: float) -> float:
    """The definition, one query at a time, in double precision."""
    values, labels = bank.values.double().numpy(), bank.labels.numpy()
    right = 0
    for vector, label in zip(query.values.double().numpy(), query.labels, strict=True):
        norms = np.linalg.norm(values, axis=1) * np.linalg.norm(vector)
        similarity = values @ vector / norms
        votes = {}
        for index in np.argsort(-similarity)[:k]:
            vote = np.exp(similarity[index] / temperature)
            votes[labels[index]] = votes.get(labels[index], 0) + vote
        right += max(votes, key=votes.get) == label.item()
    return 100 * right / len(query.labels)


@pytest.mark.parametrize('chunk', [1, 7, 1000])
@pytest.mark.parametrize('k', [1, 10, 500])
def test_knn_is_its_definition_in_any_chunks(k: int, chunk: int) -> None:
    """Breaks when a neighbour is lost between chunks, votes are not weighted by
    similarity, or a bank smaller than k is not taken whole."""
    bank, query = random_features(60, 8, 4, 2), random_features(41, 8, 4, 3)
    expected = slow_knn(bank, query, k, 0.07)
    assert 25 < expected < 100
    assert knn_top1(bank, query, k=k, chunk=chunk) == pytest.approx(expected)


def test_one_close_neighbour_outvotes_two_distant_ones() -> None:
    """Breaks when votes are counted instead of weighted, or length matters."""
    bank = Features(torch.tensor([[0.1, 0.0], [5.0, 5.0], [5.0, -5.0]]), torch.tensor([0, 1, 1]))
    query = Features(torch.tensor([[3.0, 0.2]]), torch.tensor([0]))
    assert knn_top1(bank, query, k=3) == 100
    assert knn_top1(bank, query, k=3, temperature=10) == 0  # nearly one vote each


def newton_logistic(
    values: np.ndarray, labels: np.ndarray, num_classes: int, decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias by Newton's method on the full Hessian."""
    count, dims = values.shape
    inputs = np.hstack([values, np.ones((count, 1))])
    decays = np.repeat(np.append(np.full(dims, decay), 0.0), num_classes)
    weight = np.zeros((dims + 1, num_classes))
    for _ in range(30):
        p = np.exp(inputs @ weight)
        p /= p.sum(axis=1, keepdims=True)
        gradient = inputs.T @ (p - np.eye(num_classes)[labels]) / count
        gradient = gradient.reshape(-1) + decays * weight.reshape(-1)
        curvature = np.einsum('nc,cd->ncd', p, np.eye(num_classes)) - np.einsum('nc,nd->ncd', p, p)
        hessian = np.einsum('ni,nj,ncd->icjd', inputs, inputs, curvature) / count
        hessian = hessian.reshape(len(decays), -1) + np.diag(decays)
        # the bias is only determined up to a constant, hence the pseudo-inverse
        weight -= (np.linalg.pinv(hessian) @ gradient).reshape(weight.shape)
    return weight[:-1], weight[-1]


@pytest.mark.parametrize('chunk', [13, 1000])
def test_linear_fit_finds_the_optimum_in_any_chunks(chunk: int) -> None:
    """Breaks when the gradient, the decay or the sum over chunks is wrong, or
    L-BFGS stops before it has arrived."""
    features = random_features(200, 5, 3, 2)
    weight, bias = fit_linear(features, 3, decay=1e-2, chunk=chunk)
    expected, expected_bias = newton_logistic(
        features.values.double().numpy(), features.labels.numpy(), 3, 1e-2
    )
    np.testing.assert_allclose(weight.numpy(), expected, atol=2e-3)
    np.testing.assert_allclose(
        (bias - bias.mean()).numpy(), expected_bias - expected_bias.mean(), atol=2e-3
    )


def test_linear_probe_does_not_depend_on_scale_and_offset_of_channels() -> None:
    """Breaks when features are not standardised."""
    bank, query = random_features(300, 6, 3, 2), random_features(100, 6, 3, 3)
    scale, offset = torch.logspace(-3, 3, 6), torch.linspace(-50, 50, 6)
    accuracy = linear_top1(bank, query)
    assert 50 < accuracy < 100
    moved = [Features(f.values * scale + offset, f.labels) for f in (bank, query)]
    assert linear_top1(*moved) == pytest.approx(accuracy, abs=1)


def test_each_query_image_is_judged_by_itself() -> None:
    """Breaks when the statistics of the query images enter their features."""
    bank, query = random_features(300, 6, 3, 2), random_features(90, 6, 3, 3)
    order = query.labels.argsort()
    thirds = [Features(query.values[i], query.labels[i]) for i in order.split(30)]
    for probe in (knn_top1, linear_top1):
        apart = sum(probe(bank, third) for third in thirds) / 3
        assert apart == pytest.approx(probe(bank, query))


def test_linear_probe_is_repeatable_and_leaves_one_class_alone() -> None:
    """Breaks when the fit draws random numbers, or when a class that only the
    query has shifts the others."""
    bank, query = random_features(300, 6, 3, 2), random_features(100, 6, 3, 3)
    first = linear_top1(bank, query)
    torch.rand(5)
    assert linear_top1(bank, query) == first
    query.labels[:10] = 7
    assert linear_top1(bank, query) <= 90


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run.write_images(tmp_path_factory.mktemp('data') / 'images')


@pytest.mark.slow
def test_hook_logs_scalars_and_does_not_disturb_training(images: Path, tmp_path: Path) -> None:
    """Breaks when the hook misses an epoch or the last one, when a backend does
    not get the scalars, or when a run with probes ends with other weights."""
    hook = dict(
        type='ProbeHook',
        bank=tiny_run.loader(images),
        query=tiny_run.loader(images),
        interval=2,
    )
    probed = tiny_run.runner(
        tmp_path / 'probed', custom_hooks=[hook], **tiny_run.training(images, epochs=3)
    )
    plain = tiny_run.runner(tmp_path / 'plain', **tiny_run.training(images, epochs=3))
    states = []
    for run in (probed, plain):
        torch.manual_seed(0), np.random.seed(0), random.seed(0)
        run.train()
        states.append(run.model.state_dict())
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name

    folder = Path(probed.log_dir) / 'vis_data'
    lines = (folder / 'scalars.json').read_text().splitlines()
    logged = [record for record in map(json.loads, lines) if 'probe/knn_top1' in record]
    assert [record['step'] for record in logged] == [2, 3]
    assert all(0 <= record['probe/linear_top1'] <= 100 for record in logged)
    assert 'probe/knn_top1' in (folder / f'{probed.timestamp}.json').read_text()
    events = EventAccumulator(str(folder)).Reload()
    assert [event.step for event in events.Scalars('probe/linear_top1')] == [2, 3]
    buffer = probed.message_hub.get_scalar('probe/knn_top1')
    assert buffer.current() == logged[-1]['probe/knn_top1']


@pytest.mark.slow
def test_loop_tests_a_checkpoint(images: Path, tmp_path: Path) -> None:
    """Breaks when mmengine's runner cannot build the loop from a config, when bank
    and query change places, or when the metrics are in no JSON file."""
    bank = tiny_run.loader(images)
    query = tiny_run.loader(images)
    query['dataset']['indices'] = 7
    run = tiny_run.runner(
        tmp_path,
        test_dataloader=query,
        test_cfg=dict(type='ProbeLoop', bank=bank),
        test_evaluator=[],
    )
    metrics = run.test()
    expected = run_probes(run.model, *map(Runner.build_dataloader, (bank, query)))
    assert metrics == {f'probe/{name}': value for name, value in expected.items()}
    assert metrics['probe/linear_top1'] == 100
    dumped = json.loads((Path(run.log_dir) / f'{run.timestamp}.json').read_text())
    assert metrics.items() <= dumped.items()


def test_loop_refuses_an_evaluator_that_it_would_ignore(images: Path, tmp_path: Path) -> None:
    """Breaks when a config asks for a metric and silently does not get it."""
    run = tiny_run.runner(
        tmp_path,
        test_dataloader=tiny_run.loader(images),
        test_cfg=dict(type='ProbeLoop', bank=tiny_run.loader(images)),
        test_evaluator=dict(type='mmpretrain.Accuracy'),
    )
    with pytest.raises(ValueError, match='test_evaluator = '):
        run.test()
