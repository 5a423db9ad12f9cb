"""A walking person: 17 joints in the order of COCO, and a body of capsules around them.

The figure's frame: x to its right, y where it looks, z up, height 1.
"""

import math

from .exact import Vector, add, cosine, cross, dot, scale, sine, subtract, turned, unit
from .scene import Part, Thing

KEYPOINTS = (
    'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear',
    'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist',
    'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
)  # fmt: skip

STRIDE_LENGTH = 0.8  # ground covered by one full cycle, in figure heights
_HEAD = (0.0, 0.02, 0.935)
_HEAD_HALF = (0.048, 0.058, 0.065)
_FACE = {  # relative to the centre of the head; just under its surface
    'nose': (0.0, 0.055, -0.008),
    'left_eye': (-0.02, 0.049, 0.014),
    'right_eye': (0.02, 0.049, 0.014),
    'left_ear': (-0.045, 0.0, 0.002),
    'right_ear': (0.045, 0.0, 0.002),
}
_RADIUS = {'shoulder': 0.036, 'elbow': 0.03, 'wrist': 0.026,
           'hip': 0.052, 'knee': 0.04, 'ankle': 0.032}  # fmt: skip


def _hanging(start: Vector, length: float, swing: float) -> Vector:
    """End of a limb that hangs from `start`, swung forward by some degrees."""
    return add(start, (0.0, length * sine(swing), -length * cosine(swing)))


def joints(stride: float) -> dict[str, Vector]:
    """Where the 17 key points are at a phase of the walk, 0 to 1, in the figure's frame."""
    found = {name: add(_HEAD, offset) for name, offset in _FACE.items()}
    for side, sign, phase in (('left', -1.0, 360.0 * stride), ('right', 1.0, 360.0 * stride + 180)):
        swing = sine(phase)
        leg = 26.0 * swing
        bend = 8.0 + 34.0 * max(0.0, cosine(phase))  # the knee bends while its leg comes forward
        hip = (sign * 0.058, 0.0, 0.5)
        knee = _hanging(hip, 0.235, leg + 4.0)
        arm = -24.0 * swing
        shoulder = (sign * 0.115, 0.0, 0.8)
        elbow = add(_hanging(shoulder, 0.16, arm), (sign * 0.03, 0.0, 0.0))
        found[f'{side}_hip'], found[f'{side}_knee'] = hip, knee
        found[f'{side}_ankle'] = _hanging(knee, 0.225, leg + 4.0 - bend)
        found[f'{side}_shoulder'], found[f'{side}_elbow'] = shoulder, elbow
        found[f'{side}_wrist'] = _hanging(elbow, 0.15, arm + 22.0)
    # Whichever foot is lower stands on the ground, so the body rises and sinks as it walks.
    lowest = min(found['left_ankle'][2], found['right_ankle'][2])
    drop = (0.0, 0.0, 0.04 - lowest)
    return {name: add(point, drop) for name, point in found.items()}


def _limb(start: Vector, end: Vector, radius: float) -> tuple[Vector, tuple, float]:
    """Centre, half axes and `k` of a capsule from one joint to another."""
    along = subtract(end, start)
    direction = unit(along)
    aside = unit(cross(direction, (0.6, 0.8, 0.0) if abs(direction[2]) > 0.7 else (0.0, 0.0, 1.0)))
    axes = tuple(scale(v, radius) for v in (aside, cross(direction, aside), direction))
    return scale(add(start, end), 0.5), axes, 0.5 * math.sqrt(dot(along, along)) / radius


def figure_parts(thing: Thing, foot: Vector, index: int) -> list[Part]:
    """The body: head, neck, torso, arms and legs, placed in the world."""
    joint = joints(thing.stride)
    rise = joint['nose'][2] - _FACE['nose'][2] - _HEAD[2]
    pieces = [
        ('ball', add(_HEAD, (0.0, 0.0, rise)), _upright(_HEAD_HALF), 0.0, True),
        ('capsule', (0.0, 0.005, 0.85 + rise), _upright((0.032, 0.032, 0.032)), 1.0, True),
        ('capsule', (0.0, 0.0, 0.665 + rise), _upright((0.108, 0.066, 0.07)), 1.5, False),
        ('capsule', (0.0, 0.0, 0.505 + rise), _upright((0.1, 0.066, 0.05)), 0.4, True),
    ]
    for side, sign in (('left', -1.0), ('right', 1.0)):
        shoulder, elbow, wrist = (joint[f'{side}_{j}'] for j in ('shoulder', 'elbow', 'wrist'))
        hip, knee, ankle = (joint[f'{side}_{j}'] for j in ('hip', 'knee', 'ankle'))
        toe = add(ankle, (sign * 0.012, 0.075, -0.012))
        pieces += [
            ('capsule', *_limb(shoulder, elbow, _RADIUS['shoulder']), False),
            ('capsule', *_limb(elbow, wrist, _RADIUS['wrist']), False),
            ('capsule', *_limb(hip, knee, _RADIUS['hip']), True),
            ('capsule', *_limb(knee, ankle, _RADIUS['ankle']), True),
            ('capsule', *_limb(ankle, toe, 0.028), False),
        ]
    size = thing.size
    return [
        Part(
            shape,
            add(foot, scale(turned(centre, thing.turn), size)),
            tuple(scale(turned(axis, thing.turn), size) for axis in axes),
            length,
            index,
            trimmed,
        )
        for shape, centre, axes, length, trimmed in pieces
    ]


def _upright(half: Vector) -> tuple[Vector, Vector, Vector]:
    return ((half[0], 0.0, 0.0), (0.0, half[1], 0.0), (0.0, 0.0, half[2]))


def figure_keypoints(thing: Thing) -> list[tuple[Vector, float]]:
    """Per key point, in the order of COCO: its place in the world and how deep under
    the surface of the body it may lie and still count as seen."""
    joint = joints(thing.stride)
    foot = (thing.x, thing.y, 0.0)
    points = []
    for name in KEYPOINTS:
        depth = 2.0 * _RADIUS.get(name.split('_')[-1], 0.012)
        place = add(foot, scale(turned(joint[name], thing.turn), thing.size))
        points.append((place, depth * thing.size))
    return points
