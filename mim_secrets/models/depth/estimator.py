"""Metric depth of single images, in mmseg's frame."""

import torch
from mmseg.models.segmentors import DepthEstimator as MMSegDepthEstimator

from mim_secrets.models.depth.deconv_head import cut_to_image
from mim_secrets.models.depth.sliding import average, flipped_too, shifted_boxes, sliding_boxes
from mim_secrets.registry import MODELS

# mode -> what it needs beside it, and what it may have
MODES = dict(
    whole=((), ('flip',)),
    slide=(('crop_size', 'stride'), ('flip',)),
    shifted=(('windows',), ('flip', 'reference_compat')),
)


@MODELS.register_module()
class DepthEstimator(MMSegDepthEstimator):
    """An encoder and a depth head; mmseg's, with test modes of its own.

    (mmseg's throws away what its mode ``slide`` has predicted.) Images of any size and
    either orientation may come. ``test_cfg`` is one of::

        dict(mode='whole')                                 # the image at once
        dict(mode='slide', crop_size=(480, 480), stride=(160, 160))
        dict(mode='shifted', windows=2)                    # squares along the longer side

    each with ``flip=True`` to average every prediction with that of the mirror image.
    Windows cover every pixel and are averaged where they overlap. ``reference_compat=
    True`` places the shifted ones as the code of Dark Secrets does, where the last
    columns may lie in no window: their depth is not a number, which ``DepthMetric``
    counts.
    """

    def __init__(self, backbone: dict, decode_head: dict, *, test_cfg: dict, **kwargs) -> None:
        super().__init__(backbone, decode_head, test_cfg=test_cfg, **kwargs)
        check_test_cfg(self.test_cfg)

    def encode_decode(
        self, inputs: torch.Tensor, batch_img_metas: list[dict] | None = None
    ) -> torch.Tensor:
        """Images (B, C, H, W) to metres (B, 1, H, W)."""
        depth = self.decode_head(self.extract_feat(inputs, batch_img_metas))
        return cut_to_image(depth, inputs.shape[-2:])

    def inference(self, inputs: torch.Tensor, batch_img_metas: list[dict]) -> torch.Tensor:
        """Images (B, C, H, W) to metres (B, 1, H, W), as ``test_cfg`` says."""
        cfg, size = self.test_cfg, tuple(inputs.shape[-2:])
        predict = flipped_too(self.encode_decode) if cfg.get('flip') else self.encode_decode
        if cfg['mode'] == 'whole':
            return predict(inputs)
        if cfg['mode'] == 'slide':
            boxes = sliding_boxes(size, cfg['crop_size'], cfg['stride'])
        else:
            boxes = shifted_boxes(size, cfg['windows'], cfg.get('reference_compat', False))
        return average(predict, inputs, boxes)

    def _forward(self, inputs: torch.Tensor, data_samples: list | None = None) -> torch.Tensor:
        return self.encode_decode(inputs)


def check_test_cfg(cfg: dict) -> None:
    """Refuse what would leave a test mode without its settings, or pixels without a window."""
    mode = cfg.get('mode')
    if mode not in MODES:
        raise ValueError(f'test_cfg: mode is {mode!r}; choose from {", ".join(map(repr, MODES))}.')
    needed, optional = MODES[mode]
    missing = sorted(set(needed) - set(cfg))
    unknown = sorted(set(cfg) - {'mode', *needed, *optional})
    if missing or unknown:
        raise ValueError(
            f'test_cfg: {", ".join(missing or unknown)} {"is missing" if missing else "is unknown"}'
            f' in mode {mode!r}; it needs {", ".join(needed) or "nothing"} and may have '
            f'{", ".join(optional)}.'
        )
    if mode == 'slide' and any(s > c for s, c in zip(cfg['stride'], cfg['crop_size'])):
        raise ValueError(
            f'test_cfg: stride {tuple(cfg["stride"])} is larger than crop_size '
            f'{tuple(cfg["crop_size"])}, which leaves pixels out; make it at most as large.'
        )
    if mode == 'shifted' and cfg['windows'] < 1:
        raise ValueError(f'test_cfg: windows is {cfg["windows"]}; give 1 or more.')
