"""ImageNet-C: the validation images, each spoilt in 15 ways and 5 strengths."""

from pathlib import Path

from mmengine.dataset import BaseDataset

from mim_secrets.registry import DATASETS

from .variants import check_count, class_names, list_classes

# In the order of the paper's table: noise, blur, weather, digital. The archive named
# "extra" holds four more, which were kept for tuning and are no part of the benchmark.
CORRUPTIONS = (
    'gaussian_noise', 'shot_noise', 'impulse_noise',
    'defocus_blur', 'glass_blur', 'motion_blur', 'zoom_blur',
    'snow', 'frost', 'fog', 'brightness',
    'contrast', 'elastic_transform', 'pixelate', 'jpeg_compression',
)  # fmt: skip
SEVERITIES = (1, 2, 3, 4, 5)


@DATASETS.register_module()
class ImageNetC(BaseDataset):
    """Images in ``data_root/CORRUPTION/SEVERITY/WNID/*.JPEG``, as the archives unpack.

    A sample has ``corruption`` and ``severity`` beside path and label, for
    ``CorruptionError``; ``meta_keys`` of ``PackInputs`` must name both. What is not
    there is left out, and the metric says so.

    Args:
        data_root: The folder that holds the folders of the corruptions.
        num_images: How many images each severity of a corruption must have; not checked
            if None.
        pipeline: As for mmengine's ``BaseDataset``.
    """

    def __init__(self, data_root: str, num_images: int | None = None, **kwargs: object) -> None:
        self.num_images = num_images
        super().__init__(data_root=data_root, test_mode=True, **kwargs)

    def load_data_list(self) -> list[dict]:
        samples = []
        for corruption in CORRUPTIONS:
            for severity in SEVERITIES:
                folder = Path(self.data_root, corruption, str(severity))
                if not folder.is_dir():
                    continue
                found = list_classes(folder, 'ImageNetC')
                check_count(len(found), self.num_images, 'images', folder, 'ImageNetC')
                for sample in found:
                    sample.update(corruption=corruption, severity=severity)
                samples += found
        if not samples:
            raise FileNotFoundError(
                f'ImageNetC: {self.data_root} holds none of the 15 corruptions; unpack '
                'noise.tar, blur.tar, weather.tar and digital.tar there, so that '
                f'{self.data_root}/gaussian_noise/1 holds the folders of the classes.'
            )
        self._metainfo['classes'] = class_names()
        return samples
