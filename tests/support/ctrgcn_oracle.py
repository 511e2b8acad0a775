"""The preparation that SGN and CTR-GCN share, restated from its description with plain loops.

It shares no line with the package it checks. A recording is a list of frames, each a dict from body
id to (V, 3) float32 in the order of the file; the result is what they publish before padding: an
(L, 2 * V * 3) float32 array, actor 1 in the first half. ``closing_gaps`` numbers the frames of a
body without holes from its first appearance, as their reader does; otherwise bodies stay where they
were, which is what we promise.
"""

import numpy as np

SHORT = 11
WIDE = 0.8
NOISE = 0.69754
SPINE_MIDDLE = 1


def frames_of(sequence):
    """A `RawSequence` as a list of frames, bodies in the order of the file."""
    frames = [{} for _ in range(sequence.frame_count)]
    for body in sequence.bodies:
        for frame, xyz in zip(body.frame_index, body.xyz, strict=True):
            frames[frame][body.body_id] = xyz
    return frames


def variance(poses):
    points = np.vstack([np.float32(pose) for pose in poses])
    return np.sum(np.var(points, axis=0))


def is_noisy(pose):
    xs, ys = pose[:, 0], pose[:, 1]
    return np.float64(xs.max() - xs.min()) > WIDE * np.float64(ys.max() - ys.min())


def denoised(frames, *, persons=2, closing_gaps=False):
    """(joints (L, persons * V * 3), ids of all bodies that survive, liveliest first)."""
    frames = [frame for frame in frames if frame]
    poses, times = {}, {}
    for t, frame in enumerate(frames):
        for body, pose in frame.items():
            poses.setdefault(body, []).append(pose)
            times.setdefault(body, []).append(t)
    if closing_gaps:
        times = {body: [t[0] + k for k in range(len(t))] for body, t in times.items()}
    width = next(iter(frames[0].values())).size
    joints = np.zeros((len(frames), persons * width), dtype=np.float32)

    def write(body, actor):
        for t, pose in zip(times[body], poses[body], strict=True):
            joints[t, actor * width : (actor + 1) * width] = np.reshape(pose, -1)

    if len(poses) == 1:
        (body,) = poses
        write(body, 0)
        return joints, [body]

    motion = {body: variance(own) for body, own in poses.items()}
    left = [body for body in poses if len(poses[body]) > SHORT]
    if len(left) > 1:
        for body in list(left):
            if len(left) == 1:
                break
            clean = [pose for pose in poses[body] if not is_noisy(pose)]
            noisy = len(poses[body]) - len(clean)
            if noisy == 0:
                continue
            if noisy / len(poses[body]) >= NOISE:
                left.remove(body)
            else:
                motion[body] = min(motion[body], variance(clean))
    order = []
    while left:
        largest = left[0]
        for body in left:
            if motion[body] > motion[largest]:
                largest = body
        order.append(largest)
        left.remove(largest)

    write(order[0], 0)
    start1, end1 = times[order[0]][0], times[order[0]][-1]
    start2, end2 = 0, 0
    for body in order[1:]:
        start, end = times[body][0], times[body][-1]
        if min(end1, end) - max(start1, start) <= 0:
            write(body, 0)
            start1, end1 = min(start1, start), max(end1, end)
        elif persons == 2 and min(end2, end) - max(start2, start) <= 0:
            write(body, 1)
            start2, end2 = min(start2, start), max(end2, end)
    return joints[joints.any(axis=1)], order


def centred(joints, persons=2):
    """Minus the spine middle of actor 1 in its first non-zero frame; absent actors stay zero."""
    actors = joints.reshape(len(joints), persons, -1, 3).copy()
    absent = ~actors.any(axis=(2, 3))
    first = next(pose for pose in actors[:, 0] if pose.any())
    actors -= first[SPINE_MIDDLE].copy()
    actors[absent] = 0
    return actors.reshape(joints.shape)


def published(frames, *, persons=2, closing_gaps=False):
    return centred(denoised(frames, persons=persons, closing_gaps=closing_gaps)[0], persons)
