"""tools/analysis_tools/get_flops.py: what is counted, and that all of it is."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config

from mim_secrets.apis.cost import build_on_meta, cost_of, image_size
from tests.config_models import ROOT, read
from tests.config_models import cost_of as counted_by_tests
from tests.tiny_downstream import KINDS, SIZE, write_config

UPERNET = 'mae/mmseg/vit-base-p16_upernet_8xb2-amp-160k_ade20k-512x512.py'
SEGMENTOR = ROOT / 'configs' / UPERNET
MFF = 'mff/mff_vit-base-p16_8xb512-amp-src-coslr-300e_in1k.py'
FINETUNE = 'mff/benchmarks/vit-base-p16_8xb256-coslr-100e_in1k.py'


def vit_macs(tokens: int, width: int, depth: int) -> int:
    """Of blocks: four products for attention and two for the MLP, and attention itself."""
    return depth * (12 * tokens * width**2 + 2 * tokens**2 * width)


@pytest.mark.slow
def test_a_vit_costs_what_its_formula_says(tool, capsys) -> None:
    """Breaks when fused attention counts nothing, or a size is not the asked one."""
    tool('analysis_tools/get_flops.py', SEGMENTOR, '--shape', '512', '256')
    printed = capsys.readouterr().out
    patches = 32 * 16
    expected = vit_macs(patches + 1, 768, 12) + patches * 768 * 768
    row = re.search(r'backbone +([\d,]+) +([\d,]+) +([\d.]+) G', printed)
    assert float(row[3]) == pytest.approx(expected / 1e9, abs=1e-3)
    assert 'EncoderDecoder, an image of 512 x 256' in printed


@pytest.mark.slow
@pytest.mark.parametrize('name', [MFF, FINETUNE])
def test_it_counts_what_the_metafiles_say(name: str) -> None:
    """Breaks when the tool and the metafiles' count differ."""
    cfg = read(name)
    whole = cost_of(build_on_meta(cfg), image_size(cfg))[-1]
    assert (whole.parameters, whole.macs) == counted_by_tests(name)[:2]


@pytest.mark.slow
@pytest.mark.parametrize('library', KINDS)
def test_parts_make_up_the_whole(tmp_path: Path, library: str) -> None:
    """Breaks when a part is called past the counter, or the whole is not all of it."""
    cfg = Config.fromfile(write_config(tmp_path, library, Path('nowhere')))
    *parts, whole = cost_of(build_on_meta(cfg), image_size(cfg))
    assert image_size(cfg) == (SIZE, SIZE)
    assert sum(part.macs for part in parts) == whole.macs
    assert sum(part.parameters for part in parts) == whole.parameters
    assert all(part.macs > 0 for part in parts)


@pytest.mark.slow
def test_regions_are_counted(tmp_path: Path) -> None:
    """Breaks when the second stage of a detector is left out, or does not grow with the
    number of regions that it is given."""
    roi_heads = []
    for regions in (8, 16):
        cfg = Config.fromfile(write_config(tmp_path, 'mmdet', Path('nowhere')))
        cfg.model.test_cfg.rpn.max_per_img = cfg.model.test_cfg.rcnn.max_per_img = regions
        parts = {part.name: part.macs for part in cost_of(build_on_meta(cfg), (64, 96))}
        roi_heads.append(parts['roi_head'])
    assert roi_heads[1] == 2 * roi_heads[0] > 0
