"""The part of a picture in which depth is compared, by the names that papers use."""

from fractions import Fraction

# top, bottom, left, right as shares of height and width
CROPS = {
    # rows 45 to 471 and columns 41 to 601 of 480 x 640, where NYUv2's sensor sees
    'nyu': (Fraction(45, 480), Fraction(471, 480), Fraction(41, 640), Fraction(601, 640)),
    # Eigen et al., NeurIPS 2014
    'eigen': tuple(map(Fraction, ('0.3324324', '0.91351351', '0.0359477', '0.96405229'))),
    # Garg et al., ECCV 2016
    'garg': tuple(map(Fraction, ('0.40810811', '0.99189189', '0.03594771', '0.96405229'))),
}


def crop_box(name: str | None, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a crop, rounded down; the whole picture for no name."""
    if name is None:
        return slice(0, height), slice(0, width)
    top, bottom, left, right = CROPS[name]
    return slice(int(top * height), int(bottom * height)), slice(
        int(left * width), int(right * width)
    )
