"""The grid of reconstructions, pixel by pixel, and the tool that writes it."""

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mim_secrets.models import MAE
from mim_secrets.registry import MODELS
from mim_secrets.visualization import fixed_mask, reconstruction_grid
from mim_secrets.visualization.reconstruction import (
    GREY,
    GUTTER,
    INK,
    masked_pixels,
    to_rgb,
)
from tests import tiny_run

TOOL = Path(__file__).parents[2] / 'tools' / 'visualization' / 'reconstruct.py'


def bgr_images(count: int = 2, size: int = tiny_run.SIZE) -> torch.Tensor:
    """uint8 (count, 3, size, size), as a data loader hands them over."""
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, size, size)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def preprocess(model: MAE, images: torch.Tensor) -> torch.Tensor:
    return model.data_preprocessor(dict(inputs=images, data_samples=None))['inputs']


def panels(grid: np.ndarray, count: int, side: int) -> list[list[np.ndarray]]:
    """[row][column] -> (side, side, 3), cut out of a grid from its lower end."""
    top = len(grid) - count * (side + GUTTER)
    return [
        [
            grid[top + row * (side + GUTTER) :][:side][:, GUTTER + column * (side + GUTTER) :][
                :, :side
            ]
            for column in range(4)
        ]
        for row in range(count)
    ]


@pytest.mark.parametrize(
    'preprocessor', [tiny_run.PREPROCESSOR, {}], ids=['normalised', 'plain bgr']
)
def test_columns_show_what_their_titles_say(preprocessor: dict) -> None:
    """Breaks when normalisation or channel order is not undone, when columns change
    places, or when a patch without content is not grey."""
    model = MODELS.build({**tiny_run.MODEL, 'data_preprocessor': preprocessor}).eval()
    images = bgr_images()
    inputs = preprocess(model, images)
    mask = fixed_mask(model, inputs, seed=3)
    pictures = model.reconstruct(inputs, mask)
    grid = reconstruction_grid(pictures, mask, model.data_preprocessor)

    assert grid.dtype == np.uint8
    hidden = masked_pixels(mask, 32, 32)
    assert hidden.mean() == 0.75
    said = to_rgb(pictures.reconstruction, model.data_preprocessor)
    for row, (original, masked, reconstruction, pasted) in enumerate(
        panels(grid, count=2, side=128)
    ):
        rgb = images[row].permute(1, 2, 0).numpy()[..., ::-1]
        shrunk = [p[::4, ::4] for p in (original, masked, reconstruction, pasted)]
        enlarged = rgb.repeat(4, axis=0).repeat(4, axis=1)
        np.testing.assert_array_equal(original, enlarged)
        np.testing.assert_array_equal(shrunk[1][~hidden[row]], rgb[~hidden[row]])
        assert (shrunk[1][hidden[row]] == GREY).all()
        assert (shrunk[2][~hidden[row]] == GREY).all()
        np.testing.assert_array_equal(shrunk[2][hidden[row]], said[row][hidden[row]])
        np.testing.assert_array_equal(shrunk[3][~hidden[row]], rgb[~hidden[row]])
        np.testing.assert_array_equal(shrunk[3][hidden[row]], said[row][hidden[row]])


@pytest.mark.parametrize('norm_pix', [True, False])
def test_perfect_predictions_paste_into_the_original(norm_pix: bool) -> None:
    """Breaks when per-patch normalisation is not undone exactly, or patches are put
    back in another place or orientation than they were cut from."""
    head = dict(type='mim_secrets.PixelHead', norm_pix=norm_pix)
    model = MODELS.build({**tiny_run.MODEL, 'head': head}).eval()
    inputs = preprocess(model, bgr_images())
    mask = fixed_mask(model, inputs, seed=3)
    model.predict_masked = lambda images, mask: model.head.target(images, mask.masked)
    pictures = model.reconstruct(inputs, mask)
    torch.testing.assert_close(pictures.pasted, inputs)
    for row in panels(reconstruction_grid(pictures, mask, model.data_preprocessor), 2, 128):
        np.testing.assert_array_equal(row[3], row[0])


def test_masked_pixels_follow_the_rows_of_a_wide_image() -> None:
    """Breaks when rows and columns of patches are exchanged."""
    backbone = {**tiny_run.BACKBONE, 'img_size': (16, 48)}
    model = MODELS.build({**tiny_run.MODEL, 'backbone': backbone})
    inputs = torch.ones(1, 3, 16, 48)
    mask = fixed_mask(model, inputs, seed=0)
    hidden = masked_pixels(mask, 16, 48)
    seen = model.reconstruct(inputs, mask).masked[0, 0].numpy()
    np.testing.assert_array_equal(hidden[0], seen == 0)


def test_large_images_are_not_enlarged_and_titles_are_written() -> None:
    """Breaks when a picture grows without need, or its columns have no names."""
    backbone = {**tiny_run.BACKBONE, 'img_size': 160, 'patch_size': 32}
    model = MODELS.build({**tiny_run.MODEL, 'backbone': backbone}).eval()
    inputs = preprocess(model, bgr_images(1, 160))
    mask = fixed_mask(model, inputs, seed=0)
    grid = reconstruction_grid(model.reconstruct(inputs, mask), mask, model.data_preprocessor)
    assert grid.shape[1] == 4 * 160 + 5 * GUTTER
    header = grid[: len(grid) - 160 - GUTTER]
    for column in range(4):
        title = header[:, GUTTER + column * (160 + GUTTER) :][:, :160]
        assert (title == INK).all(axis=2).sum() > 10


def test_fixed_mask_comes_from_its_seed_and_spares_the_models_stream() -> None:
    """Breaks when pictures of two epochs show different patches, or when drawing
    one changes the masks that training draws."""
    model = MODELS.build(tiny_run.MODEL)
    inputs = torch.zeros(2, 3, 32, 32)
    model.masking.reseed(5)
    expected = [model.draw_mask(inputs).masked for _ in range(3)]

    model.masking.reseed(5)
    torch.testing.assert_close(model.draw_mask(inputs).masked, expected[0])
    first = fixed_mask(model, inputs, seed=1)
    torch.testing.assert_close(model.draw_mask(inputs).masked, expected[1])
    second = fixed_mask(model, inputs, seed=1)
    torch.testing.assert_close(model.draw_mask(inputs).masked, expected[2])
    assert torch.equal(first.masked, second.masked)
    assert not torch.equal(first.masked, fixed_mask(model, inputs, seed=2).masked)


def run_tool(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """``reconstruct.py`` as from a shell; a mistake raises SystemExit."""
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
    spec = importlib.util.spec_from_file_location('reconstruct', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    tool.run_cli(tool.main)


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with config.py, model.pth, classifier.pth and images/dark/*.png."""
    folder = tmp_path_factory.mktemp('trained')
    Config(dict(default_scope='mim_secrets', model=tiny_run.MODEL)).dump(folder / 'config.py')
    state_dict = MODELS.build(tiny_run.MODEL).state_dict()
    torch.save(dict(state_dict=state_dict), folder / 'model.pth')
    encoder = {k: v for k, v in state_dict.items() if k.startswith('backbone.')}
    torch.save(dict(state_dict=encoder), folder / 'classifier.pth')
    tiny_run.write_images(folder / 'images')
    return folder


def test_tool_writes_a_row_for_each_image_of_any_size(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when folders and files cannot be mixed, images of other sizes and
    shapes do not fit the model, or the mask ratio is not the one asked for."""
    cv2.imwrite(str(tmp_path / 'wide.jpg'), np.full((40, 90, 3), 200, np.uint8))
    cv2.imwrite(str(tmp_path / 'small.png'), np.full((9, 5, 3), 200, np.uint8))
    out = tmp_path / 'deep' / 'out.png'
    files = [trained / 'config.py', trained / 'model.pth', trained / 'images/dark']
    files += [tmp_path / 'wide.jpg', tmp_path / 'small.png', '-o', out]
    run_tool(monkeypatch, *files, '--mask-ratio', 0.5)
    grid = cv2.imread(str(out))
    rows = panels(grid, count=8, side=128)
    assert ((rows[6][1] == GREY).all(axis=2)).mean() == 0.5
    assert (rows[7][0] == 200).all()


@pytest.mark.parametrize(
    ('files', 'sentence'),
    [
        (['none.py', 'model.pth', 'images/dark'], 'There is no config at'),
        (['config.py', 'none.pth', 'images/dark'], 'There is no checkpoint at'),
        (['config.py', 'model.pth', 'none.png'], 'There is no image at'),
        (['config.py', 'model.pth', 'images'], 'There is no image in'),
        (['config.py', 'model.pth', 'config.py'], 'is not an image'),
        (['config.py', 'classifier.pth', 'images/dark'], 'does not fit'),
        (['classifier.py', 'model.pth', 'images/dark'], 'reconstructs nothing'),
        (['wider.py', 'model.pth', 'images/dark'], 'does not fit'),
        (['config.py', 'model.pth', 'images/dark', '--mask-ratio', '1'], 'between 0'),
        (['config.py', 'model.pth', 'images/dark', '-o', 'out.txt'], 'call it'),
    ],
)
def test_tool_ends_in_one_sentence(
    files: list[str],
    sentence: str,
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Breaks when a mistake ends in a stack of frames, or in a picture drawn by a
    model whose decoder was never loaded."""
    scope = dict(default_scope='mim_secrets')
    wider = {**tiny_run.MODEL['neck'], 'dims': 64}
    Config(dict(model={**tiny_run.MODEL, 'neck': wider}, **scope)).dump(trained / 'wider.py')
    classifier = dict(type='ImageClassifier', backbone=tiny_run.BACKBONE)
    Config(dict(model=classifier, default_scope='mmpretrain')).dump(trained / 'classifier.py')
    monkeypatch.chdir(trained)
    with pytest.raises(SystemExit) as exit_info:
        run_tool(monkeypatch, *files)
    message = str(exit_info.value.code)
    assert sentence in message
    assert len(message.splitlines()) <= 2
