"""How other packages name the parameters that we have too.

A layout is a table of (their name, our name); names end in a dot where whole
families follow. Everything that no table mentions has the same name on both
sides.
"""

import torch

# mmpretrain keeps MFF's fusion inside the encoder.
MMPRETRAIN = [
    ('backbone.proj_layers.', 'fusion.projections.'),
    ('backbone.proj_weights', 'fusion.level_logits'),
]

StateDict = dict[str, torch.Tensor]


def from_mmpretrain(state_dict: StateDict, prefix: str = '') -> StateDict:
    """mmpretrain's MAE or MFF under our names; what has our names already stays."""
    renamed = _rename(state_dict, [(theirs, ours) for theirs, ours in MMPRETRAIN], prefix)
    logits = prefix + 'fusion.level_logits'
    if logits in renamed:
        renamed[logits] = renamed[logits].flatten()  # theirs is (K, 1, 1, 1)
    return renamed


def to_mmpretrain(state_dict: StateDict, prefix: str = '') -> StateDict:
    """Our MAE or MFF under mmpretrain's names."""
    renamed = _rename(state_dict, [(ours, theirs) for theirs, ours in MMPRETRAIN], prefix)
    weights = prefix + 'backbone.proj_weights'
    if weights in renamed:
        renamed[weights] = renamed[weights].view(-1, 1, 1, 1)
    return renamed


def _rename(state_dict: StateDict, table: list[tuple[str, str]], prefix: str) -> StateDict:
    renamed = {}
    for name, tensor in state_dict.items():
        for old, new in table:
            if name.startswith(prefix + old):
                name = prefix + new + name[len(prefix + old) :]
                break
        renamed[name] = tensor
    return renamed
