"""What a head looks at, painted: by attention that is made up, and by models."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mim_secrets.analysis.adapters import find_adapter
from mim_secrets.analysis.adapters.places import Windows, list_places
from mim_secrets.analysis.attention import Attention, Places
from mim_secrets.analysis.overlay import (
    PANEL,
    Row,
    View,
    attention_sheet,
    overlay_pictures,
    paint,
    row_of,
    surroundings,
)
from mim_secrets.analysis.pictures import Pictures
from mim_secrets.analysis.sheet import GUTTER, LABELS, LINE, MARGIN, TEXT, TITLE
from mim_secrets.analysis.subject import Subject
from mim_secrets.models.backbones.swin import Swin
from tests.analysis.small import PATCH, SIZE, small_subject, write_noise

GREY = np.full((SIZE, SIZE, 3), 128, np.uint8)


def looking_at(key: tuple[int, int], tokens: tuple[int, int], places: Places) -> Attention:
    """Attention of two heads: the first of all queries looks at one key, (window, token),
    the second at everything alike."""
    windows, count = tokens
    keys = torch.zeros(1, windows, 2, count, 1)
    keys[0, key[0], 0, key[1]] = 5.0
    return Attention(torch.ones(1, windows, 2, count, 1), keys, keys, None, places)


def brightness(picture: np.ndarray) -> np.ndarray:
    return picture @ [0.2126, 0.7152, 0.0722]


def brightest(panel: np.ndarray, stride: float) -> tuple[int, int]:
    """The patch of a panel that is brightest at its middle."""
    middles = ((np.arange(round(len(panel) / stride)) + 0.5) * stride).astype(int)
    patches = brightness(panel)[np.ix_(middles, middles)]
    return tuple(int(n) for n in np.unravel_index(patches.argmax(), patches.shape))


def whole(size: int = SIZE) -> View:
    return View(0, 0, PANEL / size, (PANEL, PANEL))


def panel_of(picture: np.ndarray) -> np.ndarray:
    return np.full((PANEL, PANEL, 3), picture[0, 0], np.uint8)


def test_a_row_of_a_vit_is_that_of_the_patch_at_the_spot() -> None:
    """Breaks when the class token counts as a patch, rows and columns change places, or
    queries and keys do."""
    places = list_places((3, 4), PATCH, 13, torch.device('cpu'))
    attention = looking_at((0, 1 + 2 * 4 + 3), (1, 13), places)
    # the query of row 1, column 2 looks at row 0, column 1 instead
    attention.key[0, 0, 0, 1 + 1] = -5.0
    attention.query[0, 0, 0, 1 + 1 * 4 + 2] = -1.0
    row = row_of(attention.maps(), (1.4 * PATCH, 2.6 * PATCH), (3, 4), PATCH)
    assert row.patch == (1, 2)
    assert row.values.shape == (2, 3, 4)
    assert np.unravel_index(row.values[0].argmax(), (3, 4)) == (0, 1)
    others = row_of(attention.maps(), (0, 0), (3, 4), PATCH)
    assert others.patch == (0, 0)
    assert np.unravel_index(others.values[0].argmax(), (3, 4)) == (2, 3)
    np.testing.assert_allclose(row.values[1], 1 / 13, rtol=1e-5)


def test_a_row_of_a_shifted_window_is_where_the_window_was() -> None:
    """Breaks when patches are not put back to where they were before the map was rolled,
    when padding is shown, or what the window holds from the other side of the map."""
    windows = Windows((7, 7), (4, 4), (2, 2))
    places = windows.places(PATCH, torch.device('cpu'))
    # in rolled and padded coordinates the patch (row, column) is at (row - 2, column - 2)
    attention = looking_at((0, 3 * 4 + 1), (4, 16), places)  # rolled (3, 1): patch (5, 3)
    row = row_of(attention.maps(), (2.5 * PATCH, 4.5 * PATCH), (7, 7), PATCH)
    assert row.patch == (2, 4)
    seen = ~np.isnan(row.values)
    expected = np.zeros((2, 7, 7), bool)
    expected[:, 2:6, 2:6] = True
    np.testing.assert_array_equal(seen, expected)
    assert np.unravel_index(np.nanargmax(row.values[0]), (7, 7)) == (5, 3)
    np.testing.assert_allclose(np.nansum(row.values, axis=(1, 2)), 1, rtol=1e-5)
    corner = row_of(attention.maps(), (0, 0), (7, 7), PATCH)
    expected[:] = False
    expected[:, :2, :2] = True
    np.testing.assert_array_equal(~np.isnan(corner.values), expected)


@pytest.mark.parametrize('picture', [GREY * 0, GREY, GREY + 127], ids=['black', 'grey', 'white'])
def test_the_brightest_patch_is_the_one_looked_at(picture: np.ndarray) -> None:
    """Breaks when colours are not in the order of probabilities on any picture, or panels
    are not drawn row by row."""
    values = np.full((1, 4, 4), 0.01)
    values[0, 2, 1], values[0, 3, 3] = 0.3, 0.1
    view = whole()
    panel = paint(panel_of(picture), Row((0, 2), values), 0, PATCH, view)
    assert brightest(panel, PANEL / 4) == (2, 1)
    middle = (np.arange(4) * PANEL // 4 + PANEL // 8).astype(int)
    bright = brightness(panel)[np.ix_(middle, middle)]
    assert bright[2, 1] > bright[3, 3] > bright[1, 1]
    # a frame of white and black is around the query, and nowhere else
    white = (panel == 255).all(axis=2)
    rows, columns = np.nonzero(white)
    assert rows.max() <= PANEL // 4 + 3
    assert columns.min() >= PANEL // 2 - 3 and columns.max() <= 3 * PANEL // 4 + 3


def test_what_cannot_be_seen_is_grey_and_dark() -> None:
    """Breaks when a window's surroundings are coloured, which would read as probability 0."""
    values = np.full((1, 4, 4), np.nan)
    values[0, :2, :2] = [[0.25, 0.25], [0.4, 0.1]]
    panel = paint(panel_of(GREY), Row((0, 0), values), 0, PATCH, whole())
    beyond = panel[PANEL // 2 + 8 :, PANEL // 2 + 8 :]
    assert (beyond == beyond[0, 0, 0]).all()
    assert beyond[0, 0, 0] < 64
    inside = panel[PANEL // 4 + 8 : PANEL // 2, PANEL // 4 + 8 : PANEL // 2]
    assert np.ptp(inside[0, 0].astype(int)) > 30


def test_a_window_is_shown_with_a_little_around_it() -> None:
    """Breaks when a small window fills a few pixels only, lies out of view, or when a view
    leads out of the picture."""
    values = np.full((1, 16, 16), np.nan)
    values[0, 12:16, 4:8] = 0.1
    view = surroundings(Row((12, 4), values), 4, (64, 64))
    # the window is 16 pixels wide, from column 16 on, and at the lower edge
    assert view.scale == pytest.approx(PANEL / 24)
    assert (view.top, view.left) == pytest.approx((40, 12))
    down, across = view.patches(4)
    assert (down.min(), down.max(), across.min(), across.max()) == (10, 15, 3, 8)
    everything = surroundings(Row((0, 0), np.zeros((1, 8, 16))), 4, (32, 64))
    assert everything == (0, 0, PANEL / 64, (PANEL // 2, PANEL))


def panels_of(sheet: np.ndarray, rows: int, columns: int) -> list[list[np.ndarray]]:
    """Panels of a sheet whose rows stand together, found from its upper left corner on."""
    first = MARGIN + round(LINE * TITLE / TEXT) + GUTTER + LINE
    step = PANEL + GUTTER
    left = MARGIN + LABELS
    return [
        [
            sheet[first + row * (step + LINE) :, left + column * step :][:PANEL, :PANEL]
            for column in range(columns)
        ]
        for row in range(rows)
    ]


def noise_picture(size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)


def test_a_sheet_of_a_vit_shows_where_its_head_looks() -> None:
    """Breaks when a sheet has other heads, layers or queries than were asked for.

    Positions decide alone what layer 1 attends to: head 2 looks at patch (3, 1)."""
    subject = small_subject('vit')
    encoder = subject.encoder
    projection = encoder.patch_embed.projection
    projection.weight.data.zero_()
    projection.bias.data.zero_()
    for block in encoder.layers[:1]:
        block.attn.proj.weight.data.zero_()
        block.attn.proj.bias.data.zero_()
        block.ffn.layers[1].weight.data.zero_()
        block.ffn.layers[1].bias.data.zero_()
    block, target = encoder.layers[1], 1 + 3 * 4 + 1
    with torch.no_grad():
        tokens = block.ln1(encoder.pos_embed + torch.cat(
            [encoder.cls_token, encoder.cls_token.new_zeros(1, 16, 24)], dim=1
        ))  # fmt: skip
        tokens = tokens - tokens[:, 1:].mean(dim=1, keepdim=True)
        qkv = block.attn.qkv
        qkv.weight[:24], qkv.bias[:24] = 0, 3.0
        # keys of head 2 measure how much a token is like the one at the target
        qkv.weight[24:48], qkv.bias[24:48] = 0, 0.0
        qkv.weight[40:48] = tokens[0, target] / tokens[0, target].norm()
    sheet = attention_sheet(subject, noise_picture(), [(0.1, 0.9)], layers=[1], heads=[0, 2])
    ((shown, flat, pointed),) = panels_of(sheet, 1, 3)
    # the frame under the query's patch, which is in the upper right corner
    assert (shown[PANEL // 4 + 1 : PANEL // 4 + 3, -PANEL // 4 :] == 255).all()
    assert brightest(pointed, PANEL / 4) == (3, 1)
    # the other head looks at all alike: every patch has the colour of the highest
    dark, bright = np.quantile(brightness(flat), [0.05, 0.95])
    assert dark > brightness(pointed).mean()
    assert bright > dark
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3


def swin_subject() -> Subject:
    torch.manual_seed(0)
    arch = dict(embed_dims=8, depths=[2, 2], num_heads=[1, 2])
    encoder = Swin(arch, img_size=64, window_size=4, out_indices=(1,)).eval()
    adapter = find_adapter(encoder)
    return replace(
        small_subject('swin'),
        model=encoder,
        encoder=encoder,
        forward=encoder,
        adapter=adapter,
        layers=adapter.layers(encoder),
        image_size=64,
    )


def test_a_sheet_of_a_swin_shows_windows() -> None:
    """Breaks when windows are not shown, when a layer without a head gets another one's
    picture, or layers of different stages cannot stand on one sheet."""
    picture = np.full((64, 64, 3), 200, np.uint8)
    subject = swin_subject()
    # all heads look at their windows alike
    for layer in subject.layers:
        layer.attention.w_msa.qkv.weight.data.zero_()
        layer.attention.w_msa.relative_position_bias_table.data.zero_()
    sheet = attention_sheet(subject, picture, [(0.3, 0.3)], layers=[1, 2])
    (_, first, gap), (_, second, third) = panels_of(sheet, 2, 3)
    assert (gap == 255).all()
    np.testing.assert_array_equal(second, third)
    # 4 x 4 patches of 4 pixels, shifted by 2: a window of 16 pixels in a view of 24
    coloured = np.ptp(first.astype(int), axis=2) > 60
    assert coloured.mean() == pytest.approx((16 / 24) ** 2, abs=0.05)
    rows, columns = np.nonzero(coloured)
    expected = [4 / 24 * PANEL, 20 / 24 * PANEL]
    assert [rows.min(), rows.max()] == pytest.approx(expected, abs=2)
    assert [columns.min(), columns.max()] == pytest.approx(expected, abs=2)


def test_queries_and_layers_are_rows() -> None:
    """Breaks when a query or a layer is left out, or by default not the ends and a middle
    layer are taken."""
    subject, picture = small_subject(), noise_picture()
    one = attention_sheet(subject, picture, [(0.5, 0.5)])
    last = dict(layers=[2], heads=[1])
    single = attention_sheet(subject, picture, [(0.5, 0.5)], **last)
    np.testing.assert_array_equal(panels_of(single, 1, 2)[0][1], panels_of(one, 3, 4)[2][2])
    double = attention_sheet(subject, picture, [(0.1, 0.1), (0.5, 0.5)], **last)
    step = PANEL + GUTTER + LINE
    assert len(double) - len(single) == step + LINE
    # sets of rows are set apart
    np.testing.assert_array_equal(
        panels_of(double[step + LINE :], 1, 2)[0][1], panels_of(single, 1, 2)[0][1]
    )
    named = attention_sheet(subject, picture, [(0.5, 0.5)], layers=[0, 1, 2], heads=[0, 1, 2])
    np.testing.assert_array_equal(one, named)


@pytest.mark.parametrize(
    ('choice', 'word'),
    [(dict(layers=[3]), 'layers 0 to 2'), (dict(heads=[3]), 'heads 0 to 2'),
     (dict(heads=[0] * 13), 'room for 12')],
)  # fmt: skip
def test_what_a_model_lacks_is_refused(choice: dict, word: str) -> None:
    """Breaks when a wrong number gives another layer's picture, or an error without help."""
    with pytest.raises(ValueError, match=word):
        attention_sheet(small_subject(), noise_picture(), [(0.5, 0.5)], **choice)


def test_every_subject_gets_a_sheet(tmp_path) -> None:
    """Breaks when a subject gets the picture in another one's size, or names are lost."""
    subjects = {'vit': small_subject('vit'), 'swin': swin_subject()}
    pictures = Pictures(str(write_noise(tmp_path, 2)), 2, {SIZE, 64})
    sheets = overlay_pictures(subjects, pictures)
    assert len(sheets) == 2
    for (title, sheet), name in zip(sheets.items(), subjects):
        assert name in title
        assert sheet.dtype == np.uint8 and sheet.ndim == 3
