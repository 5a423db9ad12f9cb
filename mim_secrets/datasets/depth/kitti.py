"""KITTI by Eigen's lists: 23,158 pairs to train and 652 to test."""

from pathlib import Path

from mim_secrets.registry import DATASETS

from .list_files import Pair
from .pairs import DepthPairs

PARTS = ('train', 'val')  # folders of the annotated depth, which Eigen's split does not follow


@DATASETS.register_module()
class KITTIDepth(DepthPairs):
    """``raw/DATE/DRIVE/image_02/data/*.png`` and
    ``data_depth_annotated/{train,val}/DRIVE/proj_depth/groundtruth/image_02/*.png``; depth in
    steps of 1/256 metre.

    A depth map is listed from its drive on, or from ``train`` or ``val`` on.

    Args:
        ann_file: ``kitti_eigen_{train,test}_files_with_gt.txt``.
        data_prefix: Folders of the images and of the depth maps.
    """

    def __init__(
        self,
        ann_file: str,
        depth_scale: float = 256.0,
        farthest: float = 200.0,
        data_prefix: dict | None = None,
        **kwargs: object,
    ) -> None:
        self._parts: dict[str, str] = {}
        data_prefix = data_prefix or dict(img_path='raw', depth_map_path='data_depth_annotated')
        super().__init__(ann_file, depth_scale, farthest, data_prefix=data_prefix, **kwargs)

    def depth_path(self, pair: Pair) -> str:
        drive = pair.depth.partition('/')[0]
        if drive not in self._parts:
            self._parts[drive] = self._part(drive)
        return f'{self.data_prefix["depth_map_path"]}/{self._parts[drive]}{pair.depth}'

    def _part(self, drive: str) -> str:
        """The folder between the root and a drive, with a slash, or nothing."""
        root = Path(self.data_prefix['depth_map_path'])
        return next((f'{part}/' for part in PARTS if (root / part / drive).is_dir()), '')
