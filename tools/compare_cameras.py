"""How the three cameras of NW-UCLA saw the same performances: which hand moves, and who is mirrored.

    python tools/compare_cameras.py all_sqe.zip

Prints the tables of docs/results/nw-ucla-cameras.md. Every performance was recorded by up to three
cameras at once, so that differences between its recordings are the cameras' doing.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skeldata import KINECT20, SampleName, get_dataset, read_ucla

Poses = NDArray[np.float64]
Recordings = dict[SampleName, Poses]

HIP, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HAND, RIGHT_HAND = (
    KINECT20.joints.index(name)
    for name in ("hip centre", "left shoulder", "right shoulder", "left hand", "right hand")
)
MOMENTS = np.linspace(0.1, 0.9, 9)
"""Where along a recording poses of two cameras are compared, as a share of its length."""


def recordings(archive: Path) -> Recordings:
    """Every recording of the zip: (T, 20, 3) metres in its camera's axes, x right, y up.

    One that stands under several names is taken once, as of the first camera among them.
    """
    parse = get_dataset("nw-ucla").parse_name
    found: Recordings = {}
    seen: set[bytes] = set()
    with zipfile.ZipFile(archive) as members:
        for member in sorted(members.namelist()):
            name = parse(Path(member).stem)
            if name is None:
                continue
            poses = read_ucla(members.read(member)).bodies[0].xyz
            if poses.tobytes() not in seen:
                seen.add(poses.tobytes())
                found[name] = poses.astype(np.float64)
    return found


def faces_camera(poses: Poses) -> float:
    """Share of frames whose shoulders lie in the image as they do when somebody faces the camera."""
    return float((poses[:, RIGHT_SHOULDER, 0] > poses[:, LEFT_SHOULDER, 0]).mean())


def right_hand_moves_more(poses: Poses) -> bool:
    """Whether the right hand's way, seen from the hip, is the longer one."""
    hands = poses[:, [LEFT_HAND, RIGHT_HAND]] - poses[:, [HIP]]
    left, right = np.linalg.norm(np.diff(hands, axis=0), axis=2).sum(axis=0)
    return bool(right > left)


def misfit(pose: Poses, other: Poses) -> float:
    """Mean distance of two poses' joints, (V, 3) each, hip on hip, best turned about the vertical."""
    a, b = pose - pose[HIP], other - other[HIP]
    # The best turn in the plane is the phase of the sum of products of complex coordinates.
    flat_a, flat_b = a[:, 0] + 1j * a[:, 2], b[:, 0] + 1j * b[:, 2]
    turn = np.exp(1j * np.angle(np.vdot(flat_a, flat_b)))
    return float(np.hypot(abs(turn * flat_a - flat_b), a[:, 1] - b[:, 1]).mean())


def mirrored(poses: Poses) -> Poses:
    """Left and right exchanged, as in a mirror."""
    return poses[:, KINECT20.flip_index] * (-1, 1, 1)


def mirrored_fits_better(poses: Poses, others: Poses) -> bool:
    """Whether one camera's recording is more like the mirror image of the other's than like it."""
    ours, theirs = (x[np.round(MOMENTS * (len(x) - 1)).astype(int)] for x in (poses, others))
    pairs = zip(ours, mirrored(ours), theirs, strict=True)
    return float(np.median([misfit(a, c) - misfit(b, c) for a, b, c in pairs])) > 0


def by_camera(found: Recordings, name: SampleName, camera: int) -> Poses | None:
    """What another camera recorded of the same performance; None if it was not kept."""
    text = f"{name.text[:-2]}{camera:02}"
    return found.get(get_dataset("nw-ucla").require_name(text))


def rows(found: Recordings) -> Iterator[list[str]]:
    """The table: a head, a row for each class, a row for all."""
    dataset = get_dataset("nw-ucla")
    pairs = list(combinations((1, 2, 3), 2))
    head = [f"right hand, camera {camera}" for camera in (1, 2, 3)]
    yield ["class", *head, *(f"mirrored, cameras {a} and {b}" for a, b in pairs)]
    for action in (*dataset.labels, None):
        own = {name: x for name, x in found.items() if action in (name.action, None)}
        title = "all" if action is None else dataset.classes[dataset.labels[action]]
        hands = [
            [right_hand_moves_more(x) for name, x in own.items() if name.camera == camera]
            for camera in (1, 2, 3)
        ]
        mirrors = [
            [
                mirrored_fits_better(poses, other)
                for name, poses in own.items()
                if name.camera == first and (other := by_camera(found, name, second)) is not None
            ]
            for first, second in pairs
        ]
        yield [title, *(per_cent(cell) for cell in (*hands, *mirrors))]


def per_cent(cases: list[bool]) -> str:
    """How many are true."""
    return f"{100 * np.mean(cases):.0f}" if cases else "none"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("archive", type=Path, help="all_sqe.zip")
    found = recordings(parser.parse_args().archive)
    for camera in (1, 2, 3):
        own = [faces_camera(x) for name, x in found.items() if name.camera == camera]
        print(f"camera {camera}: {len(own)} recordings, facing it in {100 * np.mean(own):.1f} %")
    for number, row in enumerate(rows(found)):
        print("| " + " | ".join(row) + " |")
        if number == 0:
            print("|---" * len(row) + "|")


if __name__ == "__main__":
    main()
