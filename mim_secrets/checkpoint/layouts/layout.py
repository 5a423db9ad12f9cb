"""What is known about the files of one house."""

from dataclasses import dataclass

from mim_secrets.checkpoint.renaming import Rule

HERE = 'mim_secrets'  # the name of our own layout


@dataclass(frozen=True)
class Layout:
    """How one house names the parameters of one family of encoders.

    Attributes:
        name: What ``--to`` takes; unique within a family.
        family: ``vit``, ``swin``, ``swin_v2`` or ``replknet``.
        about: Whose files these are, in a line.
        encoder_at: Where that house keeps the encoder inside a whole model.
        signs: Names, relative to the encoder, by which the layout is told. The
            first is the anchor: whatever stands before it is the prefix. A name
            may be followed by a shape, of which only the number of axes counts.
        absent: Names, relative to the encoder, that speak against the layout.
        encoder: Rules for what is in the encoder, relative to it on both sides.
        beside: Rules for what surrounds it, relative to the whole model.
        writes: Whether ours can be turned into it.
        file_key: Under which name that house looks for the tensors in a ``.pth``
            file; empty where the file is nothing but tensors.
    """

    name: str
    family: str
    about: str
    encoder_at: str
    signs: tuple[str, ...]
    encoder: tuple[Rule, ...]
    beside: tuple[Rule, ...] = ()
    absent: tuple[str, ...] = ()
    writes: bool = True
    file_key: str = 'state_dict'

    def at_home(self, prefix: str) -> bool:
        """Whether ``prefix`` is one under which that house keeps its encoder."""
        return f'.{prefix}'.endswith(f'.{self.encoder_at}')
