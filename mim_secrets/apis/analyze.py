"""Look at how models attend: what ``tools/analyze.py`` does, for programs."""

import hashlib
import json
import platform
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.dist import is_main_process

from mim_secrets.analysis.curvature import curvature_tables
from mim_secrets.analysis.measures import MEASURES, make_measures
from mim_secrets.analysis.measures.fusion import fusion_tables
from mim_secrets.analysis.overlay import overlay_pictures
from mim_secrets.analysis.pictures import Pictures
from mim_secrets.analysis.results import Results
from mim_secrets.analysis.run import GROUP_SIZE, Analysis
from mim_secrets.analysis.sources import read_subject
from mim_secrets.analysis.subject import Subject
from mim_secrets.progress import Display, no_display
from mim_secrets.version import __version__

# What is looked at once, beside the measures that images stream through.
FUSION, OVERLAYS, CURVATURE = 'fusion', 'overlays', 'curvature'
CHOICES = (*MEASURES, FUSION, OVERLAYS, CURVATURE)
DEFAULT = CHOICES[:-1]  # curvature takes longer than all others together


def analyze(
    models: Sequence[str | Subject],
    images: str,
    num_images: int = 1000,
    measures: Sequence[str] = DEFAULT,
    *,
    state: str | Path | None = None,
    until_ci: float | None = None,
    image_size: int | None = None,
    batch_size: int = GROUP_SIZE,
    workers: int = 0,
    seed: int = 0,
    cka: dict | None = None,
    overlays: dict | None = None,
    device: str | torch.device = 'cpu',
    display: Display = no_display,
) -> Results:
    """Measure models on the same images.

    Args:
        models: ``NAME=SOURCE`` as ``tools/analyze.py`` takes them, or subjects.
        images: A folder, or a ``.txt`` list.
        num_images: A random sample of so many.
        measures: Some of ``CHOICES``.
        state: A folder from which a run that was stopped can go on.
        until_ci: Stop early when the 95 % interval of the mean of every layer is
            within this share of it on either side.
        image_size: Instead of the models' own sizes.
        batch_size: Images that pass a model at once.
        workers: Processes that read images.
        seed: Of the choice of images and of untrained weights.
        cka: ``part``, ``tokens`` and ``estimator`` of ``CKA``.
        overlays: ``queries``, ``layers`` and ``heads`` of ``overlay_pictures``.
        display: Shows how far something is, such as ``progress_display``.
    """
    unknown = [name for name in measures if name not in CHOICES]
    if unknown:
        raise ValueError(f'There is no measure {unknown[0]!r}; choose from {", ".join(CHOICES)}.')
    watched = any(MEASURES[name].watched for name in measures if name in MEASURES)
    if until_ci is not None and not watched:
        raise ValueError(
            'until_ci watches the intervals of distance, entropy or kl; measure one of them.'
        )
    subjects = _subjects(models, seed, image_size, device)
    sizes = {subject.image_size for subject in subjects.values()}
    pictures = Pictures(images, num_images, sizes, seed)
    streaming = [name for name in measures if name in MEASURES]
    options = dict(cka=cka or {})
    analysis = Analysis(
        subjects,
        lambda: make_measures(streaming, subjects, **options),
        pictures,
        batch_size=min(batch_size, GROUP_SIZE),
        workers=workers,
        until_ci=until_ci,
        state=state and Path(state),
        identity=_identity(subjects, options),
    )
    with display('measuring') as progress:
        tables = analysis.run(progress)
    shown = {}
    if is_main_process():
        if FUSION in measures:
            tables |= fusion_tables(subjects)
        if CURVATURE in measures:
            for name, subject in subjects.items():
                with display(f'curvature of {name}') as progress:
                    found = curvature_tables(subject, pictures, progress)
                for kind, table in found.items():
                    tables.setdefault(kind, {})[name] = table
        if OVERLAYS in measures:
            shown = overlay_pictures(subjects, pictures, **overlays or {})
    return Results(
        subjects={name: subject.source for name, subject in subjects.items()},
        settings=_settings(subjects, pictures, analysis, seed),
        tables=tables,
        pictures=shown,
    )


def _subjects(
    models: Sequence[str | Subject], seed: int, image_size: int | None, device: object
) -> dict[str, Subject]:
    subjects: dict[str, Subject] = {}
    for model in models:
        subject = model if isinstance(model, Subject) else read_subject(model, seed, image_size)
        if subject.name in subjects:
            raise ValueError(f'Two models are called {subject.name}; give each its own name.')
        subject.model.to(device).eval()
        subjects[subject.name] = subject
    return subjects


def _identity(subjects: dict[str, Subject], options: dict) -> str:
    """What results depend on beside images: weights above all."""
    told = []
    for name, subject in subjects.items():
        digest = hashlib.sha256()
        for tensor in subject.model.state_dict().values():
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        told.append([name, digest.hexdigest(), subject.image_size, subject.mean, subject.std])
    return json.dumps([told, options, __version__])


def _settings(
    subjects: dict[str, Subject], pictures: Pictures, analysis: Analysis, seed: int
) -> dict[str, str]:
    device = next(next(iter(subjects.values())).model.parameters()).device
    hardware = torch.cuda.get_device_name(device) if device.type == 'cuda' else platform.machine()
    sizes = ', '.join(sorted({f'{s.image_size} x {s.image_size}' for s in subjects.values()}))
    return {
        'images': f'{analysis.images_seen:,} of the {pictures.available:,} in '
        f'{pictures.source}, drawn with seed {seed}',
        'size': f'{sizes} pixels, cut out of the middle',
        'precision': 'float32',
        'device': f'{device.type}, {hardware}',
        'versions': f'mim_secrets {__version__}, torch {torch.__version__}, Python '
        f'{platform.python_version()}',
    }
