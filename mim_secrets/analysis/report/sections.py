"""The sections of the report: the question, how it was answered, and from which tables."""

from collections.abc import Callable
from dataclasses import dataclass

from mim_secrets.analysis.report import figures, training_figures
from mim_secrets.analysis.report.drawing import Picture
from mim_secrets.analysis.results import Results


@dataclass(frozen=True)
class Section:
    """One measure.

    Attributes:
        key: Of its claims and its place on the page.
        question: Its heading.
        needs: The tables without which it is left out.
        shown: The table that is shown in full.
        files: Other tables, of which only files are named.
        figures: Draws it.
        how: How it was computed.
    """

    key: str
    question: str
    needs: tuple[str, ...]
    shown: str
    files: tuple[str, ...]
    figures: Callable[[Results], list[Picture]]
    how: str


SECTIONS = [
    Section(
        'distance',
        'How far do heads look?',
        ('distance', 'distance_layer'),
        'distance_layer',
        (
            'distance', 'distance_ceiling', 'distance_relative', 'distance_relative_layer',
            'distance_renormalised', 'distance_renormalised_layer',
        ),
        figures.distance,
        'For every patch that asks, distances to all patches that it can attend to, in pixels of '
        'the input, are averaged with its attention probabilities as weights; then over patches, '
        'windows and images. Attention to class tokens counts as no distance; the renormalised '
        'tables hold rows without them, made to sum to 1 again. Relative tables are divided by '
        'the distance of uniform attention.',
    ),
    Section(
        'entropy',
        'Do heads look at a few places, or everywhere?',
        ('entropy', 'entropy_layer'),
        'entropy_layer',
        ('entropy',),
        figures.entropy,
        'The entropy of each row of attention probabilities, in nats, over all tokens that it can '
        'attend to, averaged over queries and images. It tells a narrow view from a broad one '
        'where distances are alike.',
    ),
    Section(
        'kl',
        'Do the heads of a layer do different things?',
        ('kl_head', 'kl_layer'),
        'kl_layer',
        ('kl', 'kl_head'),
        figures.kl,
        'For all ordered pairs of heads of a layer the Kullback-Leibler divergence between their '
        'rows of attention, in nats, averaged over queries and images. A head is shown with the '
        'mean over its partners, a layer with the mean over all pairs.',
    ),
    Section(
        'cka',
        'Which layers hold the same features?',
        ('cka',),
        'cka',
        (),
        figures.cka,
        'Linear centred kernel alignment of the features that two layers have for the same '
        'images. It is 1 for features that are the same up to a rotation and a scale, and, '
        'estimated without bias, about 0 for independent ones.',
    ),
    Section(
        'spectrum',
        'Does fine detail survive the layers?',
        ('spectrum_layer',),
        'spectrum_layer',
        ('spectrum',),
        figures.spectrum,
        'Tokens without class tokens are a map like a picture. Of the log amplitude of its '
        'Fourier transform, averaged over channels and images, the value at frequency 0 is '
        'subtracted.',
    ),
    Section(
        'rank',
        'How many directions do features fill?',
        ('rank',),
        'rank',
        (),
        figures.rank,
        'The singular values of the features of all images, made to sum to 1, have an entropy; '
        'the effective rank (RankMe) is its exponential.',
    ),
    Section(
        'reconstruction',
        'Which frequencies are rebuilt?',
        ('reconstruction',),
        'reconstruction',
        (),
        training_figures.reconstruction,
        'Masked patches are rebuilt, and the power of what is wrong in a band of frequencies is '
        'divided by that of the true picture.',
    ),
    Section(
        'fusion',
        'Which levels does the model fuse?',
        ('fusion',),
        'fusion',
        ('fusion_history',),
        training_figures.fusion,
        'The weights with which the outputs of layers are summed before pixels are rebuilt, '
        'after the softmax.',
    ),
    Section(
        'curvature',
        'How sharply does the loss bend?',
        ('curvature',),
        'curvature',
        ('curvature_density',),
        training_figures.curvature,
        'Eigenvalues of the matrix of second derivatives of the loss, found by Lanczos iteration '
        'on products of that matrix with vectors, for fixed images and masks.',
    ),
]  # fmt: skip
