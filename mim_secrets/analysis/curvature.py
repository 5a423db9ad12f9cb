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
    subjects: dict[str, Subject],
    pictures: Pictures,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, dict[str, Table]]:
    """``curvature`` (number: the highest eigenvalues, falling, then -1: the lowest) and
    ``curvature_density`` (eigenvalue) of the models that have a loss.

    A masked image model has that of pre-training; a classifier has that of
    classification if the images lie in as many folders as it has classes.
    """
    tables: dict[str, dict[str, Table]] = {'curvature': {}, 'curvature_density': {}}
    for name, subject in subjects.items():
        loss = loss_of(subject, pictures)
        if loss is None:
            continue
        found = measure_curvature(loss, progress=progress)
        about = f'Of the {loss.name} loss over {found.parameters:,} parameters of the encoder.'
        ends = [np.append(*pair) for pair in zip(found.highest, found.lowest)]
        numbers = np.append(np.arange(len(found.highest.mean)), -1)
        tables['curvature'][name] = Table(
            'curvature', '', found.images, dict(number=numbers), Estimate(*ends), (about, INTERVALS)
        )
        tables['curvature_density'][name] = Table(
            'curvature_density',
            '',
            found.images,
            dict(eigenvalue=found.density.grid),
            found.density.values,
            (about, OVER_STARTS),
        )
    return {name: models for name, models in tables.items() if models}


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
