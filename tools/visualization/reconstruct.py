"""Show what a pre-trained model makes of images of which it sees a part.

    python tools/visualization/reconstruct.py CONFIG CHECKPOINT photo.jpg -o out.png
    python tools/visualization/reconstruct.py CONFIG CHECKPOINT FOLDER --mask-ratio 0.9

CHECKPOINT is a file or the work directory of a run. Images are resized and cropped
to the size that the model was trained with. The columns of the picture are the
image, what the model sees, what it says of the rest, and both together.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mim_secrets.apis.cli import run_cli
from mim_secrets.checkpoint.initializer import newest_checkpoint
from mim_secrets.checkpoint.reading import read_checkpoint
from mim_secrets.models import MaskedImageModel
from mim_secrets.registry import MODELS
from mim_secrets.visualization import fixed_mask, reconstruction_grid

SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp'}
MOST_IMAGES = 64  # rows beyond this make a picture that nobody can look at


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Draw reconstructions')
    parser.add_argument('config', help='config of the pre-training')
    parser.add_argument('checkpoint', help='checkpoint file, or a work directory')
    parser.add_argument('images', nargs='+', help='image files, or folders of them')
    parser.add_argument('-o', '--out', default='reconstruction.png')
    parser.add_argument('--mask-ratio', type=float, help='instead of the ratio in the config')
    parser.add_argument('--seed', type=int, default=0, help='of the mask')
    parser.add_argument('--device', default='cpu', help='such as cuda:0')
    parser.add_argument('--debug', action='store_true', help='show the stack of frames of an error')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    paths = find_images(args.images)
    model = build_model(args.config, args.mask_ratio)
    load_weights(model, newest_checkpoint(args.checkpoint))
    model = model.to(args.device).eval()

    # grid and stride of the first level are what every encoder knows
    stride = model.backbone.level_strides[0]
    size = [stride * side for side in model.backbone.patch_resolution]
    images = np.stack([fit(read_image(path), *size) for path in paths])
    inputs = torch.from_numpy(images).permute(0, 3, 1, 2)
    batch = dict(inputs=inputs, data_samples=None)
    inputs = model.data_preprocessor(batch)['inputs']
    mask = fixed_mask(model, inputs, args.seed)
    pictures = model.reconstruct(inputs, mask)
    picture = reconstruction_grid(pictures, mask, model.data_preprocessor)
    write_image(Path(args.out), picture)
    print(
        f'{len(paths)} images, {mask.masked.shape[1]} of {mask.binary().shape[1]} '
        f'patches masked: {args.out}'
    )


def build_model(config: str, mask_ratio: float | None) -> MaskedImageModel:
    if not Path(config).is_file():
        raise FileNotFoundError(
            f'There is no config at {config}; give the one the model was trained with.'
        )
    cfg = Config.fromfile(config)
    init_default_scope(cfg.get('default_scope', 'mim_secrets'))
    if mask_ratio is not None and 'masking' in cfg.model:
        cfg.model.masking.ratio = mask_ratio
    model = MODELS.build(cfg.model)
    if not isinstance(model, MaskedImageModel):
        raise ValueError(
            f'The model of {config} is a {type(model).__name__}, which reconstructs '
            'nothing; give a config of masked pre-training, as in configs/mae/.'
        )
    return model


def load_weights(model: MaskedImageModel, path: Path) -> None:
    """Load a whole pre-trained model; a picture by half of one would mislead."""
    problem = None
    try:
        result = model.load_state_dict(read_checkpoint(path), strict=False)
    except RuntimeError as error:  # one line for each tensor of another shape
        problem = str(error).splitlines()[1].strip().rstrip('.')
    else:
        if result.missing_keys:
            problem = f'{len(result.missing_keys)} tensors are missing from the file, '
            problem += f'such as {result.missing_keys[-1]}'
        elif result.unexpected_keys:
            problem = f'the file has {len(result.unexpected_keys)} tensors more, '
            problem += f'such as {result.unexpected_keys[0]}'
    if problem:
        raise ValueError(
            f'{path} does not fit the model of the config: {problem}; give a '
            'checkpoint of pre-training itself and the config it was written with.'
        )


def find_images(names: list[str]) -> list[Path]:
    """Files as they are, folders as the images directly inside, sorted."""
    paths = []
    for path in map(Path, names):
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise FileNotFoundError(
                    f'There is no image in {path}; name files, or a folder that holds '
                    f'some itself ({", ".join(sorted(SUFFIXES))}).'
                )
            paths.extend(inside)
        elif path.is_file():
            paths.append(path)
        else:
            raise FileNotFoundError(f'There is no image at {path}; check the path.')
    if len(paths) > MOST_IMAGES:
        raise ValueError(
            f'{len(paths)} images are too many for one picture; name at most {MOST_IMAGES}.'
        )
    return paths


def read_image(path: Path) -> np.ndarray:
    """(H, W, 3), BGR as mmcv's pipelines read it."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f'{path} is not an image that can be read; leave it out.')
    return image


def fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize until the image just covers (height, width), then crop the centre."""
    scale = max(height / image.shape[0], width / image.shape[1])
    rows, columns = (
        max(round(side * scale), least)
        for side, least in zip(image.shape[:2], (height, width), strict=True)
    )
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = cv2.resize(image, (columns, rows), interpolation=how)
    top, left = (rows - height) // 2, (columns - width) // 2
    return image[top : top + height, left : left + width]


def write_image(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f'{path} does not end like an image; call it {path}.png.')
    encoded = cv2.imencode(path.suffix, picture[..., ::-1])[1]
    encoded.tofile(path)


if __name__ == '__main__':
    run_cli(main)
