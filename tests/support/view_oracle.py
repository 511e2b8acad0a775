"""What a camera sees of a store's joints, worked out with scipy's rotations."""

import re

import numpy as np
from scipy.spatial.transform import Rotation


def on_stage(joint, present, layout, up):
    """Joints (M, T, V, 3) turned so that one body faces the viewer: right, nearer, up."""
    vertical = {"y": np.array([0.0, 1, 0]), "z": np.array([0.0, 0, 1])}[up]
    left = [layout.joints.index("left shoulder"), layout.joints.index("left hip")]
    right = [layout.joints.index("right shoulder"), layout.joints.index("right hip")]
    body = joint[0, present[0]].astype(np.float64)
    across = (body[:, left] - body[:, right]).mean(axis=(0, 1))
    across -= vertical * (across @ vertical)
    across /= np.linalg.norm(across)
    nearer = np.cross(across, vertical)
    return np.stack([joint @ across, joint @ nearer, joint @ vertical], axis=-1)


def seen(stage, azimuth, elevation):
    """Stage points as a camera sees them: right, nearer, up."""
    turned = Rotation.from_euler("zx", [azimuth, -elevation], degrees=True)
    return turned.apply(stage.reshape(-1, 3)).reshape(stage.shape)


def expected(store, row, azimuth=25.0, elevation=10.0):
    """Pictured joints (M, T, V, 2), right and up, of a row with one body."""
    stage = on_stage(store.read([row])[0], store.read_present([row])[0], store.layout, "z")
    return seen(stage, azimuth, elevation)[..., [0, 2]]


def path_ends(d):
    """The bones of an SVG path, (n, 2, 2) pixels."""
    numbers = re.findall(r"M(\S+) (\S+?)L(\S+?) ([-\d.]+)", d)
    return np.array(numbers, dtype=np.float64).reshape(-1, 2, 2)


def to_pixels(points, pixels):
    """How pixels follow from pictured points (n, 2): one scale, two offsets; and the misfit.

    Returns:
        scale, offset of x, offset of y, largest distance in pixels; y points down.
    """
    count = len(points)
    system = np.zeros((2 * count, 3))
    system[:count, 0], system[:count, 1] = points[:, 0], 1
    system[count:, 0], system[count:, 2] = -points[:, 1], 1
    target = np.concatenate([pixels[:, 0], pixels[:, 1]])
    found, *_ = np.linalg.lstsq(system, target, rcond=None)
    return (*found, float(np.abs(system @ found - target).max()))
