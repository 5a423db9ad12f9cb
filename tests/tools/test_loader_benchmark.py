"""The loader benchmark, at toy size; what it measures is not judged here."""

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.datasets.pictures import write_folder

BENCHMARKS = Path(__file__).parents[2] / 'tools' / 'benchmarks'
VARIANTS = [
    'mmpretrain MAE', 'mmpretrain MFF', 'reference rrc', 'fast rrc', 'cached rrc',
    'reference src', 'fast src', 'cached src', 'decoding alone',
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize('written', [True, False], ids=['written', 'taken'])
def test_every_way_of_loading_is_timed(tmp_path: Path, written: bool) -> None:
    """Breaks when a pipeline of either library fails, or is not timed in every round."""
    out = tmp_path / 'loader.csv'
    source = ['--size', '120x90']
    if not written:
        write_folder(tmp_path / 'images', 6)
        source = ['--images', str(tmp_path / 'images')]
    command = [sys.executable, '-W', 'ignore', str(BENCHMARKS / 'loader.py'), *source]
    command += ['--number', '4', '--batch-size', '2', '--rounds', '2', '--out', str(out)]
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(out.open()))
    assert [row['variant'] for row in rows] == VARIANTS
    for row in rows:
        assert all(row.values()), row
        assert (row['images'], row['rounds']) == ('4', '2')
        assert float(row['images_per_second_per_core']) > 0
    assert rows[0]['ratio_to_mae'] == rows[1]['ratio_to_mff'] == '1.0'
    assert ('120x90' if written else 'several sizes') == rows[0]['size']


def test_images_have_the_bits_of_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when the images become so smooth, or so noisy, that decoding takes another
    share of the time than it does for photographs."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from loader_images import natural_image

    sys.modules.pop('loader_images')
    images = [natural_image(index, 500, 375) for index in range(3)]
    np.testing.assert_array_equal(images[1], natural_image(1, 500, 375))
    for image in images:
        data = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, 90))[1]
        assert 2.0 < 8 * len(data) / (500 * 375) < 3.0
