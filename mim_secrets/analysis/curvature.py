"""The curvature of every subject's own loss, as tables."""

from collections.abc import Callable

import numpy as np
import torch

from mim_secrets.analysis.measures.curvature import (
    BatchLoss,
    classification_loss,
    measure_curvature,
    pretraining_loss,
)
from mim_secrets.analysis.pictures import Pictures
from mim_secrets.analysis.statistics import Estimate
from mim_secrets.analysis.subject import Subject
from mim_secrets.analysis.tables import Table
from mim_secrets.models import MaskedImageModel

NUM_IMAGES = 64
INTERVALS = 'Intervals of eigenvalues resample groups of images at fixed eigenvectors.'
OVER_STARTS = 'Intervals of the density are over random start vectors.'


def curvature_tables(
    subject: Subject, pictures: Pictures, progress: Callable[[int, int], None] | None = None
) -> dict[str, Table]:
    """``curvature`` (number: the highest eigenvalues, falling, then -1: the lowest) and
    ``curvature_density`` (eigenvalue); nothing of a model without a loss.

    A masked image model has that of pre-training; a classifier has that of
    classification if the images lie in as many folders as it has classes.
    """
    loss = loss_of(subject, pictures)
    if loss is None:
        return {}
    found = measure_curvature(loss, progress=progress)
    about = f'Of the {loss.name} loss over {found.parameters:,} parameters of the encoder.'
    numbers = np.append(np.arange(len(found.highest.mean)), -1)
    ends = Estimate(*(np.append(*pair) for pair in zip(found.highest, found.lowest)))
    grid, density = found.density.grid, found.density.values
    columns = dict(
        curvature=(dict(number=numbers), ends, INTERVALS),
        curvature_density=(dict(eigenvalue=grid), density, OVER_STARTS),
    )
    return {
        name: Table(name, '', found.images, index, values, (about, note))
        for name, (index, values, note) in columns.items()
    }


def loss_of(subject: Subject, pictures: Pictures) -> BatchLoss | None:
    """The loss that a subject was trained with, on the first pictures."""
    number = min(NUM_IMAGES, len(pictures))
    images = [pictures[index][subject.image_size] for index in range(number)]
    images = subject.prepare(torch.stack(images))
    if isinstance(subject.model, MaskedImageModel):
        return pretraining_loss(subject.model, images)
    classes = getattr(getattr(subject.model, 'head', None), 'num_classes', None)
    labels = pictures.labels()
    if classes is None or labels is None or max(labels) + 1 != classes:
        return None
    return classification_loss(subject.model, images, torch.tensor(labels[:number]))
