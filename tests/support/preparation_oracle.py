"""Preparation of one recording, restated from the contract in float64 with plain loops.

Written from the text alone, and slowly: it shares no line with the package it checks. Only numbers
that contribute to the result are read; validity of the file is not its business.
"""

import json
import math

import numpy as np

FRAMES = 50


def ntu_frames(data: bytes):
    """[{body id: 25 x [x, y, z]} per frame], in file order."""
    lines = iter(data.decode().replace("\r", "").split("\n"))
    frames = []
    for _ in range(int(next(lines))):
        bodies = {}
        for _ in range(int(next(lines))):
            body_id = next(lines).split(" ")[0]
            bodies[body_id] = [
                [float(value) for value in next(lines).split(" ")[:3]]
                for _ in range(int(next(lines)))
            ]
        frames.append(bodies)
    return frames


def ucla_frames(data: bytes):
    return [{"only": frame} for frame in json.loads(data)["skeletons"]]


def spread(points):
    """Sum over the axes of the standard deviation of a list of points."""
    total = 0.0
    for axis in range(3):
        values = [point[axis] for point in points]
        mean = math.fsum(values) / len(values)
        total += math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
    return total


def minus(a, b):
    return [x - y for x, y in zip(a, b, strict=True)]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def unit(a):
    return [x / math.sqrt(dot(a, a)) for x in a]


def cross(a, b):
    return [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]


def prepared(frames, *, persons, spine, across):
    """(joint (M, 50, V, 3), motion, present (M, 50), L) of a recording.

    ``spine`` is the bone of length 1 along +z from the origin joint, ``across`` the one towards +x.
    """
    order = []
    for frame in frames:
        order += [body for body in frame if body not in order]
    # Energy: how far joints spread around joint 0, over all frames of the body.
    energy = {}
    first = {}
    for body in order:
        own = [frame[body] for frame in frames if body in frame]
        first[body] = own[0]
        energy[body] = spread([minus(point, joints[0]) for joints in own for point in joints])
    chosen = order
    if len(order) > 1:
        most = max(energy.values())
        chosen = []
        for body in order:
            width = max(p[0] for p in first[body]) - min(p[0] for p in first[body])
            height = max(p[1] for p in first[body]) - min(p[1] for p in first[body])
            if energy[body] >= 0.85 * most or 0.8 * height > width:
                chosen.append(body)
        chosen.sort(key=lambda body: -energy[body])
        chosen = chosen[:persons]
    main = first[chosen[0]]

    origin = main[spine[0]]
    up = minus(main[spine[1]], main[spine[0]])
    scale = math.sqrt(dot(up, up))
    z = unit(up)
    flat = minus(main[across[1]], main[across[0]])
    x = unit(minus(flat, [dot(flat, z) * c for c in z]))
    y = cross(z, x)

    kept = [frame for frame in frames if any(body in frame for body in chosen)]
    length = len(kept)
    joints = len(main)
    joint = np.zeros((persons, FRAMES, joints, 3))
    present = np.zeros((persons, FRAMES), dtype=bool)
    for m, body in enumerate(chosen):
        track = []
        for frame in kept:
            if body not in frame:
                track.append(None)
                continue
            moved = [[c / scale for c in minus(point, origin)] for point in frame[body]]
            track.append([[dot(p, x), dot(p, y), dot(p, z)] for p in moved])
        for i in range(FRAMES):
            position = i * (length - 1) / (FRAMES - 1)
            low = (i * (length - 1)) // (FRAMES - 1)
            high = min(low + 1, length - 1)
            share = position - low
            nearest = high if share > 0.5 + 1e-12 else low
            if track[nearest] is None:
                continue
            present[m, i] = True
            if track[low] is not None and track[high] is not None:
                for v in range(joints):
                    for c in range(3):
                        a, b = track[low][v][c], track[high][v][c]
                        joint[m, i, v, c] = a * (1 - share) + b * share
            else:
                joint[m, i] = track[low] if track[low] is not None else track[high]
    motion = np.zeros_like(joint)
    for m in range(persons):
        for i in range(FRAMES - 1):
            if present[m, i] and present[m, i + 1]:
                motion[m, i] = joint[m, i + 1] - joint[m, i]
    return joint, motion, present, length


def prepared_ntu(data: bytes):
    return prepared(ntu_frames(data), persons=2, spine=(0, 20), across=(20, 5))


def prepared_ucla(data: bytes):
    return prepared(ucla_frames(data), persons=1, spine=(0, 2), across=(4, 8))
