"""One sample's performance as a depth camera sees it: programme, subject and camera -> joints.

The performance (speed, amplitude, phases, sway) belongs to subject, setup, replication and action,
so the three cameras of a replication see the same movement; view and sensor noise are each
camera's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from skeldata.names import SampleName
from skeldata.synth.actions import TWO_PERSON_ACTIONS, Movement, programme
from skeldata.synth.human import (
    ANKLE,
    ELBOW,
    FOOT,
    LEFT_OF,
    MIRROR,
    PELVIS,
    PIVOTS,
    SHOULDER,
    Floats,
    body_bones,
    pose,
)
from skeldata.synth.seeds import generator

_FEET = (LEFT_OF[ANKLE], LEFT_OF[FOOT], ANKLE, FOOT)
_LEFT_HANDED = 0.1  # share of subjects
# Where cameras stand around the scene and, for NTU, where subjects turn: in each replication
# towards another side camera. Degrees about the vertical.
_CAMERA_AZIMUTH = {1: 0.0, 2: -45.0, 3: 45.0}
_FACING = {1: -45.0, 2: 45.0}
_SHORTEST = 2.0  # seconds that a performance lasts at least
_RISE = 0.5  # seconds to take up a gesture
_SENSOR_NOISE = np.array([0.002, 0.002, 0.003])  # white, metres; depth is the worst
_DRIFT_NOISE = 0.015  # slow, metres, before it is smoothed


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """One body in the camera frame (x, y up, z away from the camera).

    Attributes:
        xyz: (T, 25, 3) float64, metres.
        turned: (T, 25, 3, 3) float64, orientation of each joint as a rotation matrix.
    """

    xyz: Floats
    turned: Floats


def performance(name: SampleName, seed: int) -> tuple[object, ...]:
    """What the cameras of one performance share, as the beginning of a generator's key."""
    return (seed, name.setup, name.subject, name.replication, name.action)


def perform(name: SampleName, seed: int, frames: int, fps: float) -> list[Actor]:
    """Play a sample: one actor, or two for the two-person actions of NTU RGB+D.

    Args:
        name: the sample; action, subject, camera, replication and setup matter.
        seed: of the whole synthetic dataset.
        frames: T, at least 1.
        fps: frames a second.
    """
    pair = name.setup is not None and name.action in TWO_PERSON_ACTIONS
    people = [_animate(name, seed, role, frames, fps, pair) for role in range(1 + pair)]
    stage = generator(*performance(name, seed), "stage")
    gap = stage.uniform(0.95, 1.25)
    facing = _FACING[name.replication] if name.setup is not None else stage.uniform(-30, 30)
    facing += stage.uniform(-8, 8) + 90 * pair  # a pair is seen from its side
    spot = stage.uniform((-0.3, 0, -0.2), (0.3, 0, 0.2))

    camera = generator(seed, "camera", name.setup, name.camera)
    height, distance = camera.uniform(0.75, 1.0), camera.uniform(2.7, 3.6)
    tilt = camera.uniform(-5, 5)
    azimuth = _CAMERA_AZIMUTH[name.camera] + camera.uniform(-4, 4)

    noise = generator(seed, "noise", name.text)
    view = Rotation.from_euler("yx", [facing - azimuth, tilt], degrees=True)
    origin = Rotation.from_euler("y", -azimuth, degrees=True).apply(spot)
    origin += np.array([0, -height, distance])
    actors = []
    for role, (xyz, turned) in enumerate(people):
        placed = view
        if pair:
            placed = view * Rotation.from_euler("y", 180 * role, degrees=True)
            xyz = xyz + np.array([0, 0, gap / 2])
        matrix = placed.as_matrix()
        seen = xyz @ matrix.T + origin + _noise(frames, noise)
        actors.append(Actor(seen, matrix @ turned))
    return actors


def _animate(
    name: SampleName, seed: int, role: int, frames: int, fps: float, pair: bool
) -> tuple[Floats, Floats]:
    """Positions (T, 25, 3), feet on the plane y = 0, and orientations (T, 25, 3, 3)."""
    # A pair's second performer is another person than the one in the name.
    person = generator(seed, "subject", name.setup is not None, name.subject + 1000 * role)
    bones = body_bones(person)
    left_handed = person.uniform() < _LEFT_HANDED
    rng = generator(*performance(name, seed), "motion", role)

    time = _warped_time(frames, fps, rng)
    lasts = max(float(time[-1]), _SHORTEST)
    time += (lasts - time[-1]) / 2  # a shorter clip is cut from the middle
    turns = np.zeros((frames, PIVOTS, 3))
    _stand(turns, person)
    lift, walked = np.zeros(frames), np.zeros(frames)
    planted = 0.0
    for movement in programme(name.action, role):
        scale = movement.amplitude * np.exp(rng.normal(0, 0.12))
        hertz = movement.hertz * np.exp(rng.normal(0, 0.08))
        angle = 2 * np.pi * hertz * time + movement.phase + rng.normal(0, 0.5)
        course = scale * _course(movement, time, lasts, hertz, rng.uniform(0, 0.3))
        _gesture(turns, movement, angle, course, left_handed)
        lift += movement.gesture.jump * course * np.maximum(0, -np.sin(angle))
        walked += movement.gesture.travel * scale * (0.5 if pair else 1) * (time / lasts - 0.5)
        planted = max(planted, float(movement.gesture.planted))
    turns += gaussian_filter1d(rng.normal(0, 0.12, turns.shape), 0.4 * fps, axis=0)

    xyz, turned = pose(bones, turns)
    standing, _ = pose(bones, np.zeros((1, PIVOTS, 3)))
    ankles = [LEFT_OF[ANKLE], ANKLE]
    shift = planted * (standing[:, ankles].mean(1) - xyz[:, ankles].mean(1))
    shift[:, 1] = lift - gaussian_filter1d(xyz[:, _FEET, 1].min(1), 0.05 * fps)
    shift[:, 2] -= walked
    shift[:, ::2] += gaussian_filter1d(rng.normal(0, 0.05, (frames, 2)), 0.5 * fps, axis=0)
    return xyz + shift[:, None], turned


def _warped_time(frames: int, fps: float, rng: np.random.Generator) -> Floats:
    """Seconds of each frame for somebody who is now a little quicker, now a little slower."""
    pace = np.exp(rng.normal(0, 0.1)) * (
        1 + gaussian_filter1d(rng.normal(0, 0.8, frames), 0.5 * fps)
    )
    return np.cumsum(np.maximum(pace, 0.3)) / fps


def _stand(turns: Floats, person: np.random.Generator) -> None:
    """A resting stance, a little different for everyone."""
    for pivot, rest in ((SHOULDER, (0.05, 0, 0.12)), (ELBOW, (0.2, 0, 0))):
        turn = np.array(rest) + person.normal(0, 0.04, 3)
        turns[:, pivot] += turn
        turns[:, LEFT_OF[pivot]] += turn * MIRROR
    turns[:, PELVIS] += person.normal(0, 0.03, 3)


def _course(movement: Movement, time: Floats, lasts: float, hertz: float, onset: float) -> Floats:
    """How far the gesture is taken up at each time, 0 to 1, starting ``onset`` seconds in."""
    up = _smoothstep((time - onset) / _RISE)
    if movement.course == "stay":
        return up
    there_and_back = up * _smoothstep((lasts - time) / _RISE)
    if movement.course == "pulse":
        return np.asarray(there_and_back * np.sin(np.pi * hertz / 2 * (time - onset)) ** 2)
    return there_and_back


def _smoothstep(x: Floats) -> Floats:
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))


def _gesture(
    turns: Floats, movement: Movement, angle: Floats, course: Floats, left_handed: bool
) -> None:
    """Add a gesture to the rotation vectors, on the sides the movement says."""
    gesture = movement.gesture
    swing = course * (0.4 if movement.course == "stay" else 1.0)
    for part, waves in (
        (gesture.hold, (course, course)),
        (gesture.swing, (swing * np.sin(angle), swing * np.sin(angle + np.pi))),
        (gesture.swirl, (swing * np.cos(angle), swing * np.cos(angle + np.pi))),
    ):
        for pivot, vector in part.items():
            if pivot not in LEFT_OF:  # the trunk moves once, towards the leading side
                turn = vector * MIRROR if left_handed else np.array(vector)
                turns[:, pivot] += waves[0][:, None] * turn
                continue
            for left in (False, True):
                leading = left == left_handed
                if movement.sides == "one" and not leading:
                    continue
                wave = waves[movement.sides == "alternate" and not leading]
                turn = vector * MIRROR if left else np.array(vector)
                turns[:, LEFT_OF[pivot] if left else pivot] += wave[:, None] * turn


def _noise(frames: int, rng: np.random.Generator) -> Floats:
    """What a depth sensor adds, (T, 25, 3) metres: white noise and slow drift of each joint."""
    white = rng.normal(0, 1, (frames, 25, 3)) * _SENSOR_NOISE
    drift = gaussian_filter1d(rng.normal(0, _DRIFT_NOISE, (frames, 25, 3)), 3, axis=0)
    return np.asarray(white + drift)
