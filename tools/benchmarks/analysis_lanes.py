"""What the benchmark of measures compares: forward passes, and the same looked at."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import cka_packages
import numpy as np
import torch
from step_measures import seconds_of

from mim_secrets.analysis.adapters import find_adapter
from mim_secrets.analysis.measures.cka import CKA
from mim_secrets.analysis.measures.heads import Distance, Divergence, Entropy
from mim_secrets.analysis.measures.measure import Group
from mim_secrets.analysis.run import look
from mim_secrets.analysis.subject import Subject
from mim_secrets.models.backbones.vit import ViT

PLAIN, AGAIN = 'forwards', 'forwards again'
HEADS, OURS = 'distance, entropy, divergence', 'CKA'


@dataclass(frozen=True)
class Size:
    """How large the work is."""

    wide: str | dict = 'base'
    narrow: str | dict = 'tiny'
    image: int = 224
    images: int = 128
    group: int = 32


TOY = dict(embed_dims=32, num_layers=3, num_heads=2, feedforward_channels=64)
QUICK = Size(wide=TOY, narrow=TOY, image=64, images=16, group=8)


@dataclass
class Lane:
    """One variant, and how long each round of it took."""

    work: Callable[[], object]
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    result: object = None

    def round(self, device: torch.device) -> None:
        before = time.process_time()
        self.seconds.append(seconds_of(self._keep_result, device))
        self.processor.append(time.process_time() - before)

    def _keep_result(self) -> None:
        self.result = self.work()


def build_subject(name: str, arch: str | dict, image: int, device: torch.device) -> Subject:
    model = ViT(arch, img_size=image, patch_size=16, out_type='tokens').eval().to(device)
    adapter = find_adapter(model)
    return Subject(
        name, 'random weights', model, model, model, adapter, adapter.layers(model), image,
        mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0),
    )  # fmt: skip


@torch.inference_mode()
def pass_through(subjects: dict[str, Subject], groups: list[torch.Tensor]) -> None:
    for images in groups:
        for subject in subjects.values():
            subject.forward(images)


def look_at_heads(subjects: dict[str, Subject], images: torch.Tensor) -> None:
    measures = [kind(subjects) for kind in (Distance, Entropy, Divergence)]
    group = Group(0, np.arange(len(images)))
    for name, subject in subjects.items():
        look(name, subject, measures, images, group.images)
    for measure in measures:
        measure.end_group(group)


def compare_layers(subjects: dict[str, Subject], groups: list[torch.Tensor]) -> np.ndarray:
    """CKA (L, L) of the layers of one model with those of the other."""
    measure = CKA(subjects)
    for number, images in enumerate(groups):
        group = Group(number, len(images) * number + np.arange(len(images)))
        measure.begin_group(group)
        for name, subject in subjects.items():
            look(name, subject, [measure], images, group.images)
        measure.end_group(group)
    between = measure.tables()['cka'][' | '.join(subjects)]
    return between.values.mean.reshape(between.index['layer'].max() + 1, -1)


def attention_lanes(size: Size, batch: int, device: torch.device) -> dict[str, Lane]:
    subjects = dict(model=build_subject('model', size.wide, size.image, device))
    images = torch.randn(batch, 3, size.image, size.image, device=device)
    plain = partial(pass_through, subjects, [images])
    heads = partial(look_at_heads, subjects, images)
    return {PLAIN: Lane(plain), AGAIN: Lane(plain), HEADS: Lane(heads)}


def cka_lanes(size: Size, device: torch.device) -> dict[str, Lane]:
    names = ('one', 'other')
    subjects = {name: build_subject(name, size.narrow, size.image, device) for name in names}
    # a little of few patterns: noise alone is like no other noise, in any layer
    patterns = torch.randn(8, 3, size.image, size.image, device=device)
    images = torch.randn(size.images, 3, size.image, size.image, device=device)
    images += 0.1 * torch.einsum(
        'np,pchw->nchw', torch.randn(size.images, 8, device=device), patterns
    )
    groups = list(images.split(size.group))
    plain = partial(pass_through, subjects, groups)
    works = {PLAIN: plain, AGAIN: plain, OURS: partial(compare_layers, subjects, groups)}
    models = [subject.model for subject in subjects.values()]
    layers = [layer.name for layer in subjects['one'].layers]
    for package in cka_packages.PACKAGES:
        if cka_packages.version_of(package):
            works[package] = cka_packages.build(package, models, images, size.group, layers)
    return {name: Lane(work) for name, work in works.items()}
