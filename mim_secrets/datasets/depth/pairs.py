"""Pictures and depth maps that a list names, ready for mmseg's transforms."""

from mmengine.dataset import BaseDataset

from mim_secrets.registry import DATASETS

from ..classification.counting import missing_images
from .list_files import Pair, read_pairs


@DATASETS.register_module()
class DepthPairs(BaseDataset):
    """A list of pictures and depth maps, the latter as integers with 0 where nothing is known.

    A sample has ``img_path``, ``depth_map_path``, ``seg_fields``, which mmseg's transforms
    go by, and what ``LoadDepth`` needs.

    Args:
        ann_file: A list with ``IMAGE DEPTH [FOCAL]`` on each line.
        depth_scale: Steps of the files to a metre.
        farthest: Metres beyond which a value is a mistake, most likely one of the unit.
        count: How many pairs there have to be; None takes as many as are listed.
        data_prefix: Folders of the images and of the depth maps.
    """

    def __init__(
        self,
        ann_file: str,
        depth_scale: float,
        farthest: float,
        count: int | None = None,
        data_prefix: dict | None = None,
        **kwargs: object,
    ) -> None:
        self.depth_scale = depth_scale
        self.farthest = farthest
        self.count = count
        folders = dict(img_path='', depth_map_path='') | (data_prefix or {})
        super().__init__(ann_file=ann_file, data_prefix=folders, **kwargs)

    def load_data_list(self) -> list[dict]:
        pairs = read_pairs(self.ann_file)
        if self.count is not None and len(pairs) != self.count:
            raise ValueError(
                f'{type(self).__name__}: {self.ann_file} lists {len(pairs):,} pairs, and '
                f'{self.count:,} are expected; take the published list, or set count=None.'
            )
        samples = [self._sample(pair) for pair in pairs]
        self._check_presence(samples)
        return samples

    def depth_path(self, pair: Pair) -> str:
        """Where the depth map of a pair lies."""
        return f'{self.data_prefix["depth_map_path"]}/{pair.depth}'

    def _sample(self, pair: Pair) -> dict:
        return dict(
            img_path=f'{self.data_prefix["img_path"]}/{pair.image}',
            depth_map_path=self.depth_path(pair),
            listed_at=pair.listed_at,
            depth_scale=self.depth_scale,
            farthest=self.farthest,
            seg_fields=[],
        )

    def _check_presence(self, samples: list[dict]) -> None:
        keys = ('img_path', 'depth_map_path')
        missing = missing_images([dict(img_path=one[key]) for one in samples for key in keys])
        if not missing:
            return
        where, path = next(
            (one['listed_at'], one[key]) for one in samples for key in keys if one[key] in missing
        )
        others = f', nor are {len(missing) - 1:,} others' if len(missing) > 1 else ''
        raise FileNotFoundError(
            f'{where}: {path} is not there{others}; complete the data, or check data_root and '
            'data_prefix.'
        )
