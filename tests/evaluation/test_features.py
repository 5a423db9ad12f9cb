"""Features of a frozen encoder: which, of what, and without leaving a trace."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from mim_secrets.evaluation import extract_features
from mim_secrets.evaluation.features import pool
from mim_secrets.evaluation.undisturbed import undisturbed
from mim_secrets.registry import MODELS
from tests import tiny_run


def test_pooling_takes_the_tokens_it_says() -> None:
    """Breaks when the class token gets into the average, when the two poolings
    are mixed up, or when an encoder's own pooling passes for another."""
    backbone = MODELS.build(tiny_run.BACKBONE)
    tokens = torch.randn(2, 17, 48)
    torch.testing.assert_close(pool((tokens,), backbone, 'avg'), tokens[:, 1:].mean(1))
    torch.testing.assert_close(pool((tokens,), backbone, 'cls'), tokens[:, 0])
    feature_map = torch.randn(2, 48, 4, 4)
    torch.testing.assert_close(pool(feature_map, backbone, 'avg'), feature_map.flatten(2).mean(2))
    pooled = MODELS.build({**tiny_run.BACKBONE, 'out_type': 'cls_token'})
    torch.testing.assert_close(pool((tokens[:, 0],), pooled, 'cls'), tokens[:, 0])
    with pytest.raises(ValueError, match="set out_type='raw'"):
        pool((tokens[:, 0],), pooled, 'avg')
    with pytest.raises(ValueError, match='out_type'):
        pool(feature_map, backbone, 'cls')


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run.write_images(tmp_path_factory.mktemp('data') / 'images')


@pytest.fixture(scope='module')
def data(images: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The loader config of the images; a runner sets the scope for building it."""
    tiny_run.runner(tmp_path_factory.mktemp('scope'))
    return tiny_run.loader(images)


def random_states() -> tuple:
    return (
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(),
    )


def test_feature_extraction_leaves_no_trace(images: Path, data: dict) -> None:
    """Breaks when a probe changes a mode, even of a part that was frozen in
    evaluation mode, or a random state, even when it is stopped half way."""
    model = MODELS.build(tiny_run.MODEL).train()
    model.backbone.layers[0].eval()
    modes = [module.training for module in model.modules()]
    flip = dict(type='RandomFlip', prob=0.5)
    dataloader = Runner.build_dataloader(tiny_run.loader(images, flip, shuffle=True))
    states = random_states()

    features = extract_features(model, dataloader)
    assert random_states() == states
    assert [module.training for module in model.modules()] == modes
    assert not features.values.requires_grad
    with pytest.raises(ZeroDivisionError), undisturbed(model):
        torch.rand(3), np.random.rand(3), random.random(), 1 / 0
    assert random_states() == states
    assert [module.training for module in model.modules()] == modes


@pytest.mark.slow
def test_features_are_the_encoders_for_every_image_in_order(data: dict) -> None:
    """Breaks when images are masked, skipped, reordered, not normalised, or lose
    their label; and when a classifier's encoder is read in another way."""
    model = MODELS.build(tiny_run.MODEL).eval()
    dataloader = Runner.build_dataloader(data)
    features = extract_features(model, dataloader)
    assert features.labels.tolist() == [0] * 6 + [1] * 6
    images = torch.stack([item['inputs'] for item in dataloader.dataset])
    inputs = model.data_preprocessor(dict(inputs=images, data_samples=None))['inputs']
    with torch.no_grad():
        expected = model.extract_feat(inputs)[-1][:, 1:].mean(dim=1)
    torch.testing.assert_close(features.values, expected)

    preprocessor = {**tiny_run.PREPROCESSOR, 'type': 'mmpretrain.ClsDataPreprocessor'}
    classifier = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=tiny_run.BACKBONE,
            data_preprocessor=preprocessor,
        )
    )
    classifier.backbone.load_state_dict(model.backbone.state_dict())
    for collate in ('default_collate', 'pseudo_collate'):
        dataloader = Runner.build_dataloader({**data, 'collate_fn': dict(type=collate)})
        for each in (model, classifier):
            values = extract_features(each, dataloader).values
            torch.testing.assert_close(values, expected)


def test_a_loader_that_drops_images_is_refused(data: dict) -> None:
    """Breaks when accuracy is silently measured on a part of the images."""
    model = MODELS.build(tiny_run.MODEL)
    with pytest.raises(ValueError, match='drop_last=False'):
        extract_features(model, Runner.build_dataloader({**data, 'drop_last': True}))


def test_images_without_labels_are_refused(images: Path, data: dict) -> None:
    """Breaks when a missing label ends in an error that names no cause."""
    unlabelled = tiny_run.loader(images)
    unlabelled['dataset']['with_label'] = False
    with pytest.raises(ValueError, match='with_label=True'):
        extract_features(MODELS.build(tiny_run.MODEL), Runner.build_dataloader(unlabelled))


def _features_on_rank(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2
    )
    tiny_run.runner(Path(folder) / str(rank))
    torch.manual_seed(0)
    model = MODELS.build(tiny_run.MODEL)
    images = Path(folder) / 'images'
    features = extract_features(model, Runner.build_dataloader(tiny_run.loader(images), seed=0))
    torch.save(tuple(features), Path(folder) / f'{rank}.pt')


@pytest.mark.slow
def test_two_ranks_put_their_shares_together(tmp_path: Path) -> None:
    """Breaks when a rank keeps its share to itself, the order of the data set is
    lost, or images that only pad the last share are counted."""
    tiny_run.write_images(tmp_path / 'images', per_class=4)
    last = sorted((tmp_path / 'images' / 'light').iterdir())[-1]
    last.unlink()  # seven images do not divide by two
    torch.multiprocessing.spawn(_features_on_rank, (str(tmp_path),), nprocs=2)

    tiny_run.runner(tmp_path / 'alone')
    torch.manual_seed(0)
    model = MODELS.build(tiny_run.MODEL)
    alone = extract_features(model, Runner.build_dataloader(tiny_run.loader(tmp_path / 'images')))
    assert len(alone.labels) == 7
    for rank in range(2):
        values, labels = torch.load(tmp_path / f'{rank}.pt', weights_only=True)
        torch.testing.assert_close(values, alone.values)
        assert torch.equal(labels, alone.labels)
