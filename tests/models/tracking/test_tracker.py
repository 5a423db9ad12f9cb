"""The way from frames to windows and back, whatever finds the thing."""

import numpy as np
import pytest
import torch

from mim_secrets.datasets.tracking.cropping import cut, to_window, window_around
from mim_secrets.models.tracking.tracker import hann
from tests.models.tracking.small import Oracle, batch, frame, one_stream

# height and width of the frame, box before, box after
MOVES = [
    pytest.param((240, 320), (100, 80, 40, 30), (110.3, 71.9, 33.3, 41.7), id='landscape'),
    pytest.param((320, 240), (100, 80, 30, 60), (96.4, 92.2, 28.1, 66.6), id='portrait'),
    pytest.param((240, 320), (0, 0, 50, 40), (0, 0, 61.5, 38.2), id='upper left corner'),
    pytest.param((240, 320), (280, 190, 40, 50), (283.25, 201.5, 36.75, 38.5), id='lower right'),
    pytest.param((1080, 1920), (900.5, 300.25, 300, 200), (850, 350, 310, 190), id='large'),
]


@pytest.mark.parametrize(('size', 'before', 'after'), MOVES)
def test_perfect_maps_give_back_the_true_box(
    size: tuple[int, int], before: tuple, after: tuple
) -> None:
    """Breaks when rows and columns, window and frame, or corners and middles are mixed up."""
    tracker = Oracle()
    before, after = np.array(before, dtype=float), np.array(after, dtype=float)
    (state,) = tracker.start([frame(*size)], [before])
    tracker.answers = [to_window(after, window_around(before, 4.0))]
    ((box, score, state),) = tracker.track([frame(*size)], [state])
    np.testing.assert_allclose(box, after, atol=1e-4)
    np.testing.assert_array_equal(state.box, box)
    assert score == pytest.approx(0.9) and state.frames == 2


def test_boxes_stay_in_the_frame_and_keep_a_size() -> None:
    """Breaks when a box leaves the frame, so that the next window is empty, or vanishes."""
    tracker = Oracle(least_side=6.0)
    (state,) = tracker.start([frame(100, 120)], [[100, 80, 20, 20]])
    window = window_around(state.box, 4.0)
    for found, expected in (
        ((110, 90, 20, 20), (110, 90, 10, 10)),
        ((119, 60, 20, 20), (114, 60, 6, 20)),
        ((90, 70, 2, 1), (90, 70, 6, 6)),
    ):
        tracker.answers = [to_window(np.array(found, dtype=float), window)]
        ((box, _, _),) = tracker.track([frame(100, 120)], [state])
        np.testing.assert_allclose(box, expected, atol=1e-4)


def test_sequences_side_by_side_are_those_one_by_one() -> None:
    """Breaks when a frame, a window or a template of one sequence is used for another."""
    tracker = one_stream()
    frames = [frame(*size, seed) for seed, size in enumerate([(60, 90), (90, 60), (70, 70)])]
    boxes = [[10, 12, 20, 24], [30, 40, 25, 12], [0, 0, 18, 18]]
    alone = []
    for image, box in zip(frames, boxes):
        (state,) = tracker.start([image], [box])
        for _ in range(3):
            ((found, score, state),) = tracker.track([image[::-1].copy()], [state])
        alone.append((found, score))
    states = tracker.start(frames, boxes)
    for _ in range(3):
        results = tracker.track([image[::-1].copy() for image in frames], states)
        states = [state for _, _, state in results]
    for (found, score, _), (expected, expected_score) in zip(results, alone, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert score == pytest.approx(expected_score, abs=1e-5)
    assert not np.allclose(results[0][0], results[1][0])


def test_what_is_near_counts_more_but_its_score_is_told_as_it_is() -> None:
    """Breaks when the penalty is left out, is turned round, or changes the score told."""
    image, box = frame(100, 100), [40, 40, 20, 20]
    near, far = np.array([0.45, 0.45, 0.1, 0.1]), np.array([0.9, 0.9, 0.1, 0.1])

    class Two(Oracle):
        def search(self, template: torch.Tensor, images: torch.Tensor):
            self.answers = [near]
            maps = super().search(template, images)
            maps.score[0, 15, 15], maps.boxes[0, 15, 15] = 0.95, torch.from_numpy(far)
            return maps

    for penalty, expected, score in ((1.0, near, 0.9), (0.49, near, 0.9), (0.0, far, 0.95)):
        tracker = Two(window_penalty=penalty, least_side=1.0)
        ((found, told, _),) = tracker.track([image], tracker.start([image], [box]))
        np.testing.assert_allclose(found, expected * 80 + [10, 10, 0, 0], atol=1e-4)
        assert told == pytest.approx(score)


def test_the_window_is_highest_in_the_middle_and_nowhere_zero() -> None:
    """Breaks when the border can never be chosen, or the window lies off the middle."""
    window = hann(torch.zeros(1, 4, 5))
    assert window.shape == (4, 5) and (window > 0).all()
    torch.testing.assert_close(window, window.flip(0, 1))
    assert window.flatten().topk(2).indices.sort().values.tolist() == [7, 12]
    expected = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, 6) / 6)
    np.testing.assert_allclose(window[1] / window[1].max(), expected, atol=1e-6)


def test_a_template_is_replaced_when_it_should_be() -> None:
    """Breaks when the first template is lost without being asked to, an uncertain box becomes
    the template, or the frames are counted wrong."""
    image, box = frame(80, 80), np.array([20.0, 20, 20, 20])
    moved = np.array([24.0, 18, 20, 20])

    def replaced(score: float, update: dict | None) -> list[bool]:
        tracker = Oracle(template_update=update)
        tracker.score = score
        states = tracker.start([image], [box])
        first, happened = states[0].template, []
        for _ in range(4):
            tracker.answers = [to_window(moved, window_around(states[0].box, 4.0))]
            ((_, _, state),) = tracker.track([image], states)
            happened.append(not torch.equal(state.template, states[0].template))
            states = [state]
        if any(happened):
            picture = cut(image, window_around(states[0].box, 2.0), 16)
            new = torch.from_numpy(picture).permute(2, 0, 1)[None]
            expected = tracker.data_preprocessor.normalise(new)[0]
            torch.testing.assert_close(states[0].template, expected)
        else:
            assert torch.equal(states[0].template, first)
        return happened

    assert replaced(0.9, None) == [False] * 4
    # the first box found is the second frame; once replaced, it stays the same picture
    assert replaced(0.9, dict(every=1, above=0.5)) == [True, False, False, False]
    assert replaced(0.9, dict(every=3, above=0.5)) == [False, False, True, False]
    assert replaced(0.4, dict(every=1, above=0.5)) == [False] * 4


def test_pictures_are_normalised_alike_in_training_and_tests() -> None:
    """Breaks when a test swaps red and blue, or training leaves the mean."""
    tracker = Oracle()
    colour = np.array([10, 100, 200], dtype=np.uint8)  # blue, green, red
    picture = np.broadcast_to(colour, (64, 64, 3)).copy()
    (state,) = tracker.start([picture], [[24, 24, 16, 16]])
    expected = (np.array([200, 100, 10]) - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    np.testing.assert_allclose(state.template[:, 8, 8], expected, rtol=1e-5)
    packed = torch.from_numpy(picture[:16, :16].transpose(2, 0, 1).copy())
    for inputs in (packed[None], [packed]):
        data = tracker.data_preprocessor(dict(inputs=dict(template=inputs)))
        torch.testing.assert_close(data['inputs']['template'][0], state.template)


def test_pairs_get_their_boxes() -> None:
    """Breaks when the box of another cell or another pair is taken."""
    tracker = Oracle()
    tracker.answers = [np.array([0.1, 0.6, 0.3, 0.2]), np.array([0.5, 0.2, 0.2, 0.6])]
    data = tracker.data_preprocessor(batch(2, 16, 32))
    samples = tracker(**data, mode='predict')
    for sample, expected in zip(samples, tracker.answers, strict=True):
        np.testing.assert_allclose(sample.pred_box, expected, rtol=1e-6)
        assert float(sample.pred_score) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ('box', 'said'),
    [
        ((120, 10, 5, 5), r'\(120, 10, 5, 5\), lies outside the frame of 100 x 80 pixels'),
        ((-9, 10, 5, 5), 'lies outside the frame'),
        ((10, 10, 0, 5), 'has no area'),
        ((10, 10, float('nan'), 5), 'has no area'),
    ],
)
def test_a_first_box_that_shows_nothing_is_refused(box: tuple, said: str) -> None:
    """Breaks when a black template is followed."""
    with pytest.raises(ValueError, match=said):
        Oracle().start([frame(80, 100)], [box])


def test_settings_that_cannot_be_are_refused() -> None:
    """Breaks when a mistake in a config is met after hours, or never."""
    with pytest.raises(ValueError, match='window_penalty is 1.5; it is from 0 to 1'):
        Oracle(window_penalty=1.5)
    for update in (dict(every=0, above=0.5), dict(every=5)):
        with pytest.raises(ValueError, match='template_update is .* give dict'):
            Oracle(template_update=update)
    tracker = Oracle()
    with pytest.raises(ValueError, match='the search has 64 x 64 pixels, but search_size is 32'):
        tracker(**tracker.data_preprocessor(batch(2, 16, 64)))
    with pytest.raises(ValueError, match="mode is 'train'"):
        tracker(**tracker.data_preprocessor(batch(2, 16, 32)), mode='train')
