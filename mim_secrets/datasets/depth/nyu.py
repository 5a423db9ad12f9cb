"""NYUv2 by its published lists: 24,231 pairs to train and 654 to test."""

from mim_secrets.registry import DATASETS

from .pairs import DepthPairs


@DATASETS.register_module()
class NYUDepth(DepthPairs):
    """``sync/ROOM/{rgb_*.jpg,sync_depth_*.png}`` to train, ``official_splits/test`` to test;
    depth in millimetres.

    Args:
        ann_file: ``nyudepthv2_{train,test}_files_with_gt.txt``.
        data_prefix: Folders of the images and of the depth maps, which are the same.
    """

    def __init__(
        self, ann_file: str, depth_scale: float = 1000.0, farthest: float = 20.0, **kwargs: object
    ) -> None:
        super().__init__(ann_file, depth_scale, farthest, **kwargs)
