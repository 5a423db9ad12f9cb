"""The unit shapes: where a ray first meets each, and which way its surface looks there.

Every shape lives in its own frame, roughly inside the cube [-1, 1]^3; a part of a
thing places that frame in the world. `o` and `d` are the origin and the direction
of the rays in the shape's frame, three components each. One of the two is an array
for each pixel and the other three numbers: camera rays share their origin, shadow
rays their direction. `k` is the half length of a capsule, unused by the others.

A first hit is the distance t in units of d, infinite for a ray that misses.
"""

import numpy as np

INFINITY = np.float32(np.inf)
RING_HOLE = 0.55  # inner radius of the ring over its outer one
_ON_BASE = -0.998  # a surface point at or below this height belongs to the base

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def _entered(enter, leave):
    return np.where((enter < leave) & (enter > 0), enter, INFINITY)


def _slab(o, d):
    """Where a ray enters and leaves the layer between -1 and 1 of one axis."""
    inverse = 1.0 / d
    middle = -o * inverse
    half = abs(inverse)
    return middle - half, middle + half


def _half_spaces(o, d, planes):
    """Convex body of all points with a x + b y + c z <= e for each plane (a, b, c, e)."""
    enter, leave = -INFINITY, INFINITY
    for a, b, c, e in planes:
        speed = a * d[0] + b * d[1] + c * d[2]
        t = (e - (a * o[0] + b * o[1] + c * o[2])) / speed
        inward = speed < 0
        enter = np.maximum(enter, np.where(inward, t, -INFINITY))
        leave = np.minimum(leave, np.where(inward, INFINITY, t))
    return _entered(enter, leave)


def ball(o, d, k):
    a = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    b = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
    c = o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - 1.0
    t = (-b - np.sqrt(b * b - a * c)) / a
    return np.where(t > 0, t, INFINITY)


def block(o, d, k):
    x0, x1 = _slab(o[0], d[0])
    y0, y1 = _slab(o[1], d[1])
    z0, z1 = _slab(o[2], d[2])
    return _entered(np.maximum(np.maximum(x0, y0), z0), np.minimum(np.minimum(x1, y1), z1))


def can(o, d, k):
    a = d[0] * d[0] + d[1] * d[1]
    b = o[0] * d[0] + o[1] * d[1]
    root = np.sqrt(b * b - a * (o[0] * o[0] + o[1] * o[1] - 1.0))
    z0, z1 = _slab(o[2], d[2])
    return _entered(np.maximum((-b - root) / a, z0), np.minimum((-b + root) / a, z1))


def cone(o, d, k):
    """Radius 1 on the ground at z = -1, tip at z = 1."""
    radius, shrink = (1.0 - o[2]) * 0.5, d[2] * -0.5
    a = d[0] * d[0] + d[1] * d[1] - shrink * shrink
    b = o[0] * d[0] + o[1] * d[1] - radius * shrink
    c = o[0] * o[0] + o[1] * o[1] - radius * radius
    root = np.sqrt(b * b - a * c)
    first = INFINITY
    for t in ((-b - root) / a, (-b + root) / a):
        z = o[2] + t * d[2]
        first = np.minimum(first, np.where((t > 0) & (abs(z) <= 1.0), t, INFINITY))
    t = (-1.0 - o[2]) / d[2]
    x, y = o[0] + t * d[0], o[1] + t * d[1]
    return np.minimum(first, np.where((t > 0) & (x * x + y * y <= 1.0), t, INFINITY))


def pyramid(o, d, k):
    sides = ((1, 0, 0.5, 0.5), (-1, 0, 0.5, 0.5), (0, 1, 0.5, 0.5), (0, -1, 0.5, 0.5))
    return _half_spaces(o, d, sides + ((0, 0, -1, 1),))


def wedge(o, d, k):
    """A ramp, high at x = -1, that runs down to the ground at x = 1."""
    planes = ((1, 0, 1, 0), (-1, 0, 0, 1), (0, 1, 0, 1), (0, -1, 0, 1), (0, 0, -1, 1))
    return _half_spaces(o, d, planes)


def ring(o, d, k):
    """A wheel that stands upright: a cylinder along y with a round hole."""
    a = d[0] * d[0] + d[2] * d[2]
    b = o[0] * d[0] + o[2] * d[2]
    c = o[0] * o[0] + o[2] * o[2]
    rim = np.sqrt(b * b - a * (c - 1.0))
    hole = np.sqrt(b * b - a * (c - RING_HOLE * RING_HOLE))
    y0, y1 = _slab(o[1], d[1])
    enter = np.maximum((-b - rim) / a, y0)
    leave = np.minimum((-b + rim) / a, y1)
    hole_start, hole_end = (-b - hole) / a, (-b + hole) / a
    through_hole = (hole_start < enter) & (enter < hole_end)
    first = np.where(through_hole | (enter < 0), hole_end, enter)
    return np.where((enter < leave) & (first > 0) & (first < leave), first, INFINITY)


def capsule(o, d, k):
    """Radius 1 around the segment from z = -k to z = k."""
    a = d[0] * d[0] + d[1] * d[1]
    b = o[0] * d[0] + o[1] * d[1]
    c = o[0] * o[0] + o[1] * o[1] - 1.0
    side = (-b - np.sqrt(b * b - a * c)) / a
    z = o[2] + side * d[2]
    from_end = o[2] - np.where(z > 0, np.float32(k), np.float32(-k))
    a, b, c = a + d[2] * d[2], b + from_end * d[2], c + from_end * from_end
    end = (-b - np.sqrt(b * b - a * c)) / a
    t = np.where(abs(z) <= k, side, end)
    return np.where(t > 0, t, INFINITY)


FIRST_HIT = {f.__name__: f for f in (ball, block, can, capsule, cone, pyramid, ring, wedge)}


def normal(shape: str, x: np.ndarray, y: np.ndarray, z: np.ndarray, k: float) -> Arrays:
    """Outward direction, of any length, at surface points given in the shape's frame."""
    zero, one = np.float32(0), np.float32(1)
    if shape == 'ball':
        return x, y, z
    if shape == 'capsule':
        return x, y, z - np.minimum(np.maximum(z, -k), k)
    if shape == 'block':
        ax, ay, az = abs(x), abs(y), abs(z)
        on_x = (ax >= ay) & (ax >= az)
        on_y = ~on_x & (ay >= az)
        return np.where(on_x, x, zero), np.where(on_y, y, zero), np.where(on_x | on_y, zero, z)
    if shape == 'can':
        on_lid = z * z > x * x + y * y
        return np.where(on_lid, zero, x), np.where(on_lid, zero, y), np.where(on_lid, z, zero)
    if shape == 'cone':
        base = z < _ON_BASE
        slope = np.where(base, -one, (one - z) * 0.25)
        return np.where(base, zero, x), np.where(base, zero, y), slope
    if shape == 'pyramid':
        base = z < _ON_BASE
        on_x = abs(x) > abs(y)
        side_x = np.where(on_x & ~base, np.where(x > 0, one, -one), zero)
        side_y = np.where(~on_x & ~base, np.where(y > 0, one, -one), zero)
        return side_x, side_y, np.where(base, -one, np.float32(0.5))
    if shape == 'wedge':
        away = (x + z, -x - 1.0, abs(y) - 1.0, -z - 1.0)  # the plane it lies on is nearest to 0
        best = np.maximum(np.maximum(away[0], away[1]), np.maximum(away[2], away[3]))
        ramp, back, end = away[0] == best, away[1] == best, away[2] == best
        return (
            np.where(ramp, one, np.where(back, -one, zero)),
            np.where(end & ~ramp, np.where(y > 0, one, -one), zero),
            np.where(ramp, one, np.where(back | end, zero, -one)),
        )
    radius = np.sqrt(x * x + z * z)
    away_rim, away_hole, away_face = radius - 1.0, RING_HOLE - radius, abs(y) - 1.0
    on_face = (away_face > away_rim) & (away_face > away_hole)
    outward = np.where(on_face, zero, np.where(away_rim > away_hole, one, -one))
    return outward * x, np.where(on_face, y, zero), outward * z
