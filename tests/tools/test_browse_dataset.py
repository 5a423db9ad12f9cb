"""tools/visualization/browse_dataset.py: what is drawn, and where it lies."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData

from mim_secrets.apis.inferencers.canvas import colour_of
from mim_secrets.apis.labels import Labels, draw, of_results, of_sample
from mim_secrets.datasets.playground import COCO_CLASSES, KittiPlayground, fill
from tests import tiny_run
from tests.conftest import REPO
from tests.tiny_downstream import KINDS

BROWSE = 'visualization/browse_dataset.py'


def grey(height: int = 400, width: int = 500) -> np.ndarray:
    """As large as pictures have to be, so that none is enlarged."""
    return np.full((height, width, 3), 90, np.uint8)


def test_boxes_and_masks_lie_where_they_are() -> None:
    """Breaks when x and y, or the order of colours, are swapped."""
    mask = np.zeros((1, 400, 500), bool)
    mask[0, 100:200, 300:450] = True
    results = dict(
        gt_bboxes=np.array([[300, 100, 450, 200]]), gt_bboxes_labels=np.array([2]), gt_masks=mask
    )
    picture = draw(grey(), of_results(results, dict(classes=COCO_CLASSES)))
    changed = (picture != 90).any(axis=2)
    assert changed[110:190, 310:440].all()
    assert not changed[210:].any() and not changed[:, :290].any()
    inside = picture[150, 375].astype(float) - 90
    assert np.corrcoef(inside, np.array(colour_of(2)) - 90.0)[0, 1] > 0.99


def test_only_sure_predictions_are_drawn() -> None:
    """Breaks when a detector's doubtful boxes cover the picture, or its sure ones are
    missing from what tools/test.py --show-dir writes."""
    masks = torch.zeros(2, 400, 500, dtype=torch.bool)
    masks[0, 100:200, 300:450] = masks[1, 300:380, 50:90] = True
    boxes = torch.tensor([[300.0, 100, 450, 200], [50, 300, 90, 380]])
    things = InstanceData(bboxes=boxes, masks=masks)
    things.set_field(torch.tensor([2, 1]), 'labels')
    things.set_field(torch.tensor([0.9, 0.2]), 'scores')
    sample = BaseDataElement()
    sample.set_field(things, 'pred_instances')
    labels = of_sample(sample, dict(classes=COCO_CLASSES), predicted=True)
    changed = (draw(grey(), labels) != 90).any(axis=2)
    assert changed[110:190, 310:440].all() and not changed[250:].any()
    truth = of_sample(sample, dict(classes=COCO_CLASSES), predicted=False)
    assert (draw(grey(), truth) == 90).all()


def test_a_map_ignores_what_is_unlabelled() -> None:
    """Breaks when pixels without a label are painted, or count as a class."""
    semantic = np.full((400, 500), 255)
    semantic[:200, :250] = 1
    picture = draw(grey(), Labels(classes=('a', 'b'), semantic=semantic))[:400]
    changed = (picture != 90).any(axis=2)
    assert changed[:195, :245].all() and not changed[205:].any() and not changed[:, 255:].any()


def test_joints_that_are_not_seen_are_not_drawn() -> None:
    """Breaks when a joint without a place is drawn at the corner, or a bone to it."""
    joints = np.array([[[100.0, 300], [0, 0], [110, 310]]])
    people = Labels(joints=joints, seen=np.array([[2, 0, 1]]), links=[(0, 1), (0, 2)])
    changed = (draw(grey(), people) != 90).any(axis=2)
    assert changed[300, 100] and changed[305, 105] and not changed[:280].any()


@pytest.mark.slow
@pytest.mark.parametrize(('mode', 'width'), [('original', 1), ('concat', 2), ('pipeline', 2)])
@pytest.mark.parametrize('library', KINDS)
def test_every_library_is_drawn(tool, downstream, library: str, mode: str, width: int) -> None:
    """Breaks when labels of a library are not found in its pipeline, or are lost on it."""
    phase = dict(original='test', concat='val', pipeline='train')[mode]
    options = ['--phase', phase, '--mode', mode, '--number', 2, '--show-dir', 'shown']
    tool(BROWSE, downstream(library), *options)
    pictures = sorted(Path('shown').glob('0*.png'))
    assert len(pictures) == 2 and (Path('shown') / 'sheet.png').is_file()
    assert cv2.imread(str(pictures[0])).shape[1] > 280 * width


@pytest.mark.slow
def test_what_is_masked_is_covered(tool, tmp_path: Path) -> None:
    """Breaks when the share of an image that its encoder does not see is another."""
    root = tiny_run.write_images(tmp_path / 'images')
    config = tmp_path / 'mae.py'
    loader = tiny_run.loader(root, dict(type='Resize', scale=(32, 32)))
    config.write_text(
        f'model = {tiny_run.MODEL}\ntrain_dataloader = {loader}\ndefault_scope = "mim_secrets"\n'
    )
    tool(BROWSE, config, '--number', 1, '--show-dir', 'shown')
    picture = cv2.imread(str(next(Path('shown').glob('0*.png'))))[6:390, 6:390]
    patches = picture.reshape(4, 96, 4, 96, 3).swapaxes(1, 2).reshape(16, -1)
    noise = patches.std(axis=1)
    assert (noise < 0.5 * noise.max()).sum() == 12


@pytest.mark.slow
@pytest.mark.parametrize(('mode', 'parts'), [('original', 1), ('concat', 2), ('pipeline', 3)])
def test_measured_depth_is_drawn(tool, tmp_path: Path, mode: str, parts: int) -> None:
    """Breaks when depth is not found in the pipeline, lies beside its picture once that is
    cropped, or is drawn without the scale that says what colours mean."""
    fill(tmp_path / 'world', replace(KittiPlayground.of('small'), train=2, val=2))
    name = next((REPO / 'configs/playground').glob('*_deconv_*kitti*.py'))
    dataset = 'val_dataloader.dataset'
    options = [f'{dataset}.data_root={tmp_path}/world', f'{dataset}.count=2']
    arguments = ['--phase', 'val', '--mode', mode, '--number', 1, '--show-dir', 'shown']
    tool(BROWSE, name, *arguments, '--cfg-options', *options, f'{dataset}.indices=2')
    picture = cv2.imread(str(next(Path('shown').glob('0*.png'))))
    parts = min(parts, 2)  # the crop is the only step that changes the image
    assert 350 * parts < picture.shape[1] < 500 * parts
    last = picture[:, -400:].astype(int)
    coloured = (np.ptp(last, axis=2) > 60) & (last[..., 2] > last[..., 0])
    assert coloured[:130].mean() > 0.05, 'depth on the picture'
    assert coloured[130:].any(axis=0).mean() > 0.4, 'the scale below it'
