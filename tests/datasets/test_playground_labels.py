"""What the renderer says about a scene agrees with what it drew."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mim_secrets.datasets.playground import (
    CLASSES,
    KEYPOINTS,
    SEMANTIC_CLASSES,
    Scene,
    Style,
    render,
    render_clip,
    sample_clip,
    sample_scene,
)

CROWDED = Style(distractors=3, figure_chance=0.8, occluder_chance=0.5)
ALONE = Style(distractors=0, figure_chance=0.0, occluder_chance=0.0)
SMALL = replace(ALONE, object_height=(0.42, 0.6))  # fits into the image wherever it is moved


@pytest.fixture(scope='module')
def crowded():
    return [render(sample_scene(3, i, CROWDED), (72, 96)) for i in range(24)]


def moved(scene: Scene, **places: tuple[float, float]) -> Scene:
    """The scene with its main thing twice, at the given places."""
    main = scene.things[0]
    return replace(scene, things=tuple(replace(main, x=x, y=y) for x, y in places.values()))


def test_shapes_and_types_of_all_labels(crowded):
    """Breaks when a field changes its shape, its type or its range."""
    for r in crowded:
        things = len(r.categories)
        assert r.image.shape == (72, 96, 3) and r.image.dtype == np.uint8
        assert r.masks.shape == (things, 72, 96) and r.masks.dtype == bool
        assert r.boxes.shape == (things, 4) and r.visibility.shape == (things,)
        assert r.semantic.shape == (72, 96) and r.semantic.dtype == np.uint8
        assert r.depth.shape == (72, 96) and r.depth.dtype == np.float32
        assert r.keypoints.shape == (len(r.figures), len(KEYPOINTS), 3)
        assert r.class_name == CLASSES[r.label] == CLASSES[r.categories[0]]
        assert (r.visibility >= 0).all() and (r.visibility <= 1).all()


def test_mask_touches_all_four_sides_of_its_box(crowded):
    """Breaks when a box is off by one, is made of the hidden part too, or swaps x and y."""
    checked = 0
    for r in crowded:
        for mask, box in zip(r.masks, r.boxes.astype(int)):
            if not mask.any():
                assert (box == 0).all()
                continue
            x0, y0, x1, y1 = box
            inside = mask[y0:y1, x0:x1]
            assert inside.sum() == mask.sum()
            assert inside[0].any() and inside[-1].any()
            assert inside[:, 0].any() and inside[:, -1].any()
            checked += 1
    assert checked > 40


@pytest.mark.parametrize(
    ('name', 'low', 'high'), [('ball', 0.74, 0.83), ('pyramid', 0.4, 0.68), ('can', 0.85, 1.0)]
)
def test_mask_fills_the_share_of_its_box_that_its_shape_has(name, low, high):
    """Breaks when a shape is drawn wrongly: a ball fills pi / 4 of its box, a can nearly all."""
    label = CLASSES.index(name)
    style = replace(ALONE, squeeze=0.0)
    for i in range(label, label + 50, 10):
        r = render(sample_scene(0, i, style), 96)
        x0, y0, x1, y1 = r.boxes[0]
        assert low < r.masks[0].sum() / ((x1 - x0) * (y1 - y0)) < high


def test_semantic_map_masks_and_depth_agree(crowded):
    """Breaks when the maps are sampled at different points or masks overlap."""
    for r in crowded:
        assert r.masks.sum(axis=0).max() <= 1
        for mask, category in zip(r.masks, r.categories):
            assert (r.semantic[mask] == 2 + category).all()
        background = ~r.masks.any(axis=0)
        assert (r.semantic[background] <= 1).all()
        sky = r.semantic == SEMANTIC_CLASSES.index('sky')
        assert (r.depth[sky] == 0).all() and (r.depth[~sky] > 0).all()


def test_depth_of_the_ground_is_that_of_the_plane():
    """Breaks when depth is not the distance along the optical axis, or intrinsics are off."""
    seen = 0
    for i in range(12):
        scene = sample_scene(5, i, ALONE)
        r = render(scene, (60, 80))
        _, down, forward = scene.camera.axes()
        focal, centre = float(r.intrinsics[1, 1]), float(r.intrinsics[1, 2])
        slope = (np.arange(60) + 0.5 - centre) / focal
        plane = -scene.camera.position[2] / (slope * down[2] + forward[2])
        ground = r.semantic == SEMANTIC_CLASSES.index('ground')
        expected = np.broadcast_to(plane[:, None], ground.shape)[ground]
        # Towards the horizon the formula itself amplifies float32 rounding.
        tolerance = 1e-5 * np.maximum(1, expected)
        assert (abs(r.depth[ground] - expected) <= tolerance * expected).all()
        seen += ground.sum()
    assert seen > 12 * 60 * 80 // 4


def test_depth_of_a_ball_is_its_nearest_point():
    """Breaks when curved surfaces are met at the wrong distance."""
    scene = sample_scene(0, CLASSES.index('ball'), replace(ALONE, squeeze=0.0, off_centre=0.0))
    r = render(scene, 97)
    ball = scene.things[0]
    centre = np.array([ball.x, ball.y, 0.5 * ball.size]) - scene.camera.position
    expected = np.sqrt((centre**2).sum()) - 0.5 * ball.size
    assert r.depth[48, 48] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize('label', range(len(CLASSES)), ids=CLASSES)
def test_nearer_things_hide_farther_ones(label):
    """Breaks when the order of drawing, not of depth, decides who is seen."""
    scene = sample_scene(2, label, SMALL)
    before, behind = (0.0, 0.0), (0.0, 1.5 * scene.things[0].size)
    first = render(moved(scene, a=before, b=behind), 64)
    second = render(moved(scene, a=behind, b=before), 64)
    assert first.visibility[0] == second.visibility[1] == 1.0
    assert first.visibility[1] == second.visibility[0] < 0.9
    np.testing.assert_array_equal(first.masks, second.masks[::-1])
    np.testing.assert_array_equal(first.depth, second.depth)


def test_visibility_counts_what_lies_outside_the_image():
    """Breaks when a thing cut by the image edge is called fully visible."""
    scene = sample_scene(0, CLASSES.index('block'), ALONE)
    camera, main = scene.camera, scene.things[0]
    depth = -camera.position[1]
    edge = 0.5 * depth / camera.focal  # the right edge of the image, about
    r = render(replace(scene, things=(replace(main, x=edge),)), 64)
    assert 0.2 < r.visibility[0] < 0.8
    r = render(replace(scene, things=(main, replace(main, x=20 * edge))), 64)
    assert r.visibility.tolist() == [1.0, 0.0]
    assert not r.masks[1].any() and (r.boxes[1] == 0).all()


def test_seen_keypoints_lie_on_the_mask_of_their_figure(crowded):
    """Breaks when key points and picture use different cameras or poses."""
    seen = 0
    for r in crowded:
        for keypoints, figure in zip(r.keypoints, r.figures):
            for x, y in keypoints[keypoints[:, 2] == 2, :2]:
                assert r.masks[figure][int(y), int(x)]
                seen += 1
    assert seen > 200


def test_joints_of_a_lone_figure_lie_on_it_and_most_are_seen():
    """Breaks when joints leave the body, or visibility is always (or never) granted."""
    label = CLASSES.index('figure')
    flags = []
    for i in range(label, label + 80, 10):
        r = render(sample_scene(0, i, ALONE), 160)
        inside = r.keypoints[0][r.keypoints[0, :, 2] > 0]
        assert len(inside) == 17
        # An eye at the edge of the face may round to the pixel beside it.
        around = cv2.dilate(r.masks[0].astype(np.uint8), np.ones((3, 3), np.uint8))
        assert around[inside[:, 1].astype(int), inside[:, 0].astype(int)].all()
        flags += inside[:, 2].tolist()
    assert 0.6 < np.mean(np.array(flags) == 2) < 0.98


def test_left_and_right_of_a_figure_that_faces_the_camera():
    """Breaks when left and right are swapped, or the face is put on the back of the head."""
    scene = sample_scene(0, CLASSES.index('figure'), ALONE)
    front = render(replace(scene, things=(replace(scene.things[0], turn=180.0),)), 192)
    back = render(replace(scene, things=(replace(scene.things[0], turn=0.0),)), 192)
    x = dict(zip(KEYPOINTS, front.keypoints[0, :, 0]))
    assert x['left_shoulder'] > x['right_shoulder'] and x['left_eye'] > x['right_eye']
    nose = KEYPOINTS.index('nose')
    assert front.keypoints[0, nose, 2] == 2 and back.keypoints[0, nose, 2] == 1


def test_hidden_keypoints_are_flagged_as_hidden():
    """Breaks when a joint behind another thing counts as seen."""
    scene = sample_scene(0, CLASSES.index('figure'), ALONE)
    figure = scene.things[0]
    wall = replace(figure, category=CLASSES.index('block'), y=-0.8 * figure.size, turn=0.0)
    wall = replace(wall, size=1.5 * figure.size)
    r = render(replace(scene, things=(figure, wall)), 96)
    assert r.visibility[0] == 0
    assert set(r.keypoints[0, :, 2].tolist()) == {1.0}


def test_a_shadow_darkens_the_ground_and_only_the_picture():
    """Breaks when shadows vanish, or leak into the labels."""
    scene = sample_scene(0, CLASSES.index('block'), ALONE)
    lamp_off = replace(scene, light=replace(scene.light, lamp=0.0))
    lit, dark = render(scene, 96), render(lamp_off, 96)
    ground = lit.semantic == SEMANTIC_CLASSES.index('ground')
    gain = lit.image.sum(axis=2).astype(int) - dark.image.sum(axis=2)
    in_shadow = ground & (gain == 0)
    assert 0.01 < in_shadow.sum() / ground.sum() < 0.3
    assert np.median(gain[ground]) > 30
    np.testing.assert_array_equal(lit.depth, dark.depth)


def test_a_clip_moves_one_world():
    """Breaks when things change identity, stand still, or jump between frames."""
    clip = sample_clip(0, CLASSES.index('figure'), CROWDED, frames=6)
    tracks = render_clip(clip, 64)
    assert len(tracks.frames) == 6
    assert tracks.boxes.shape == (6, len(clip[0].things), 4)
    assert tracks.visibility.shape == tracks.boxes.shape[:2]
    for frame in tracks.frames:
        np.testing.assert_array_equal(frame.categories, tracks.frames[0].categories)
    steps = abs(np.diff(tracks.boxes[:, 0], axis=0)).max(axis=1)
    assert (steps < 12).all() and steps.sum() > 2
    places = {(scene.things[0].x, scene.things[0].y) for scene in clip}
    cameras = {scene.camera.position for scene in clip}
    assert len(places) == len(cameras) == 6


def test_too_small_images_are_refused():
    """Breaks when a size that cannot be drawn fails deep in the renderer."""
    with pytest.raises(ValueError, match='at least 8x8'):
        render(sample_scene(0, 0, ALONE), (4, 64))
