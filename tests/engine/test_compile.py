"""``compile=True`` in a config."""

import pytest
import torch

from mim_secrets.engine.runner import compile_model
from tests.models.small import small_model


@pytest.mark.slow
def test_the_forward_pass_is_compiled_whole() -> None:
    """Breaks when something in the road from visible pixels to predictions stops the
    tracing, so that pieces run uncompiled, or when the result changes."""
    model = small_model('MFF')
    images = torch.randn(2, 3, 32, 32)
    mask = model.draw_mask(images)
    expected = model.predict_masked(images, mask)
    before = list(model.state_dict())
    compile_model(model, backend='eager', fullgraph=True)
    torch.testing.assert_close(model.predict_masked(images, mask), expected)
    assert list(model.state_dict()) == before


def test_models_without_a_forward_pass_that_we_know() -> None:
    """Breaks when compile=True is passed over without a word."""
    with pytest.raises(ValueError, match='Linear has none of the methods predict_masked'):
        compile_model(torch.nn.Linear(2, 2))
