"""Every measure by the name that a user knows it by."""

from collections.abc import Sequence

from mim_secrets.analysis.measures.cka import CKA
from mim_secrets.analysis.measures.heads import Distance, Divergence, Entropy
from mim_secrets.analysis.measures.measure import Measure
from mim_secrets.analysis.measures.rank import Rank
from mim_secrets.analysis.measures.reconstruction import ReconstructionBands
from mim_secrets.analysis.measures.spectrum import Spectrum
from mim_secrets.analysis.subject import Subject

_ALL = (Distance, Entropy, Divergence, CKA, Spectrum, Rank, ReconstructionBands)
MEASURES: dict[str, type[Measure]] = {measure.name: measure for measure in _ALL}


def make_measures(
    names: Sequence[str], subjects: dict[str, Subject], **options: dict
) -> list[Measure]:
    """New measures; ``options`` of one are given by its name."""
    return [MEASURES[name](subjects, **options.get(name, {})) for name in names]
