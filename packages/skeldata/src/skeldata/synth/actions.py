"""What people do: gestures, and the motion programme of each action id.

A programme is drawn from the action id alone, so every subject, camera and seed performs the same
action: a main gesture that goes round with the id, and a lesser one of another limb. Ids do not
move as their official names say; they only move differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from skeldata.synth.human import ANKLE, ELBOW, HIP, KNEE, NECK, SHOULDER, UPPER_SPINE, WAIST
from skeldata.synth.seeds import generator

Limb = Literal["arm", "leg", "trunk"]
Sides = Literal["one", "both", "alternate"]
Course = Literal["repeat", "pulse", "stay"]
Turns = Mapping[int, tuple[float, float, float]]

TWO_PERSON_ACTIONS = frozenset((*range(50, 61), *range(106, 121)))
"""A050-A060 and A106-A120 of NTU RGB+D: two bodies that face each other."""


@dataclass(frozen=True)
class Gesture:
    """A way of moving, written for the right side.

    Attributes:
        name: in words.
        limb: what moves; two gestures of a programme never share it.
        hold: rotation vectors (radians) by pivot, taken up and kept while the gesture lasts.
        swing: added times a sine.
        swirl: added times a cosine.
        sides: on which sides it can be done.
        courses: how it can run; swings without a pose to hold never ``stay``.
        jump: height of the flight, metres.
        travel: metres walked forward in the whole clip.
        planted: the feet keep their place, so the hips move over them.
    """

    name: str
    limb: Limb
    hold: Turns = field(default_factory=dict)
    swing: Turns = field(default_factory=dict)
    swirl: Turns = field(default_factory=dict)
    sides: tuple[Sides, ...] = ("one", "both", "alternate")
    courses: tuple[Course, ...] = ("repeat", "pulse", "stay")
    jump: float = 0.0
    travel: float = 0.0
    planted: bool = False


_SWINGS: tuple[Course, ...] = ("repeat", "pulse")

# +x of a shoulder or hip lifts the limb forward and +x of an elbow bends it; -x bends a knee or
# bows the waist; +z lifts the right limb sideways.
GESTURES = (
    Gesture("wave", "arm", {SHOULDER: (0, 0, 1.7), ELBOW: (0, 0, 1.2)}, {ELBOW: (0, 0, 0.6)}),
    Gesture(
        "bow", "trunk", {WAIST: (-0.5, 0, 0)}, {WAIST: (-0.4, 0, 0), NECK: (-0.2, 0, 0)},
        sides=("one",),
    ),
    Gesture(
        "kick", "leg", {HIP: (0.45, 0, 0), KNEE: (-0.55, 0, 0)},
        {HIP: (0.6, 0, 0), KNEE: (0.45, 0, 0)}, sides=("one",),
    ),
    Gesture(
        "punch", "arm", {SHOULDER: (0.75, 0, 0.1), ELBOW: (1.5, 0, 0)},
        {SHOULDER: (0.7, 0, 0), ELBOW: (-1.2, 0, 0)},
    ),
    Gesture(
        "squat", "leg", {HIP: (1.0, 0, 0.1), KNEE: (-1.5, 0, 0), ANKLE: (0.5, 0, 0)},
        {HIP: (0.45, 0, 0), KNEE: (-0.6, 0, 0)}, sides=("both",), planted=True,
    ),
    Gesture(
        "twist", "trunk", {}, {WAIST: (0, 0.7, 0), UPPER_SPINE: (0, 0.3, 0)},
        {WAIST: (0, 0, 0.15)}, sides=("one",), courses=_SWINGS,
    ),
    Gesture(
        "clap", "arm", {SHOULDER: (0.8, 0.1, 0), ELBOW: (0.8, 0, 0)}, {SHOULDER: (0, 0.5, 0)},
        sides=("both",),
    ),
    Gesture(
        "walk", "leg", {KNEE: (-0.35, 0, 0)}, {HIP: (0.5, 0, 0)}, {KNEE: (0.35, 0, 0)},
        sides=("alternate",), courses=_SWINGS, travel=0.8,
    ),
    Gesture(
        "side raise", "arm", {SHOULDER: (0, 0, 0.9)}, {SHOULDER: (0, 0, 0.7)}, courses=_SWINGS,
    ),
    Gesture(
        "nod", "trunk", {}, {NECK: (-0.6, 0, 0), UPPER_SPINE: (-0.35, 0, 0)}, sides=("one",),
        courses=_SWINGS,
    ),
    Gesture(
        "jump", "leg", {HIP: (0.35, 0, 0), KNEE: (-0.7, 0, 0), ANKLE: (0.3, 0, 0)},
        {HIP: (0.3, 0, 0), KNEE: (-0.5, 0, 0)}, sides=("both",), courses=_SWINGS, jump=0.3,
        planted=True,
    ),
    Gesture(
        "hand to head", "arm", {SHOULDER: (1.0, 0, 0.5), ELBOW: (2.0, 0, 0)},
        {SHOULDER: (0.2, 0, 0), ELBOW: (0.3, 0, 0)},
    ),
    Gesture(
        "side lean", "trunk", {}, {WAIST: (0, 0, 0.4), UPPER_SPINE: (0, 0, 0.2)}, sides=("one",),
        courses=_SWINGS,
    ),
    Gesture(
        "knee raise", "leg", {HIP: (0.6, 0, 0), KNEE: (-0.8, 0, 0)},
        {HIP: (0.6, 0, 0), KNEE: (-0.6, 0, 0)}, sides=("one",),
    ),
    Gesture(
        "arm circle", "arm", {SHOULDER: (0, 0, 1.5)}, {SHOULDER: (0.6, 0.5, 0)},
        {SHOULDER: (0, 0, 0.6)}, sides=("one", "both"), courses=_SWINGS,
    ),
    Gesture(
        "sit", "leg", {HIP: (1.4, 0, 0.05), KNEE: (-1.45, 0, 0)},
        {HIP: (0.1, 0, 0), KNEE: (-0.1, 0, 0)}, sides=("both",), courses=("stay", "pulse"),
        planted=True,
    ),
    Gesture(
        "chest rub", "arm", {SHOULDER: (0.5, 0.6, 0), ELBOW: (1.7, 0, 0)},
        {SHOULDER: (0, 0.4, 0.15)},
    ),
    Gesture(
        "trunk circle", "trunk", {}, {WAIST: (-0.35, 0, 0)}, {WAIST: (0, 0, 0.35)},
        sides=("one",), courses=_SWINGS,
    ),
    Gesture(
        "side kick", "leg", {HIP: (0, 0, 0.45)}, {HIP: (0, 0, 0.45), KNEE: (-0.2, 0, 0)},
        sides=("one",), courses=_SWINGS,
    ),
    Gesture(
        "stretch", "arm", {SHOULDER: (0, 0, 2.6), ELBOW: (0, 0, 0.3)}, {SHOULDER: (0.1, 0, 0.35)},
    ),
    Gesture(
        "throw", "arm", {SHOULDER: (1.2, 0, 0.8), ELBOW: (1.3, 0, 0)},
        {SHOULDER: (1.1, -0.3, 0), ELBOW: (-0.8, 0, 0), WAIST: (0, 0.35, 0)}, sides=("one",),
    ),
    Gesture(
        "butt kick", "leg", {KNEE: (-0.9, 0, 0)}, {KNEE: (-0.85, 0, 0), HIP: (-0.15, 0, 0)},
        sides=("alternate",), courses=_SWINGS,
    ),
    Gesture(
        "typing", "arm", {SHOULDER: (0.35, 0, 0), ELBOW: (1.35, 0, 0)}, {ELBOW: (0.35, 0, 0)},
    ),
    Gesture(
        "reach back", "arm", {SHOULDER: (-0.5, 0, 0.25), ELBOW: (0.7, 0, 0)},
        {SHOULDER: (-0.3, 0, 0.1), WAIST: (0, -0.25, 0)},
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Movement:
    """A gesture as one programme does it.

    Attributes:
        gesture: what is done.
        sides: with one side (the subject's better one), both alike, or both in turn.
        course: swinging for most of the clip, in separate pulses, or taken up for good.
        hertz: swings a second.
        amplitude: factor on all angles.
        phase: of the swing, radians.
    """

    gesture: Gesture
    sides: Sides
    course: Course
    hertz: float
    amplitude: float
    phase: float


@cache
def programme(action: int, role: int = 0) -> tuple[Movement, ...]:
    """The movements of an action, main one first; ``role`` 1 is the partner of a pair.

    >>> [movement.gesture.name for movement in programme(7)]
    ['clap', 'jump']
    >>> programme(7)[0].sides
    'both'
    """
    rng = generator("programme", action, role)
    # The partner's main gesture is shifted so that it seldom equals the actor's.
    cycle, index = divmod(action - 1 + 7 * role, len(GESTURES))
    main = GESTURES[index]
    others = [gesture for gesture in GESTURES if gesture.limb != main.limb]
    second = others[int(rng.integers(len(others)))]
    movements = []
    for gesture, least, most in ((main, 0.9, 1.1), (second, 0.3, 0.7)):
        movements.append(
            Movement(
                gesture=gesture,
                sides=gesture.sides[(cycle + int(rng.integers(3))) % len(gesture.sides)],
                course=gesture.courses[(cycle + int(rng.integers(3))) % len(gesture.courses)],
                hertz=float(0.5 * 4.0 ** rng.uniform()),
                amplitude=float(rng.uniform(least, most)),
                phase=float(rng.uniform(0, 6.28)),
            )
        )
    return tuple(movements)
