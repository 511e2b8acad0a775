"""Where joint names stand: in two columns beside the body, in an order that never jumps."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from skeldata.view.scene import Scene


class Label(NamedTuple):
    """The name of one joint of the main body.

    Attributes:
        joint: index.
        column: left or right of the body, as the viewer sees it.
        height: of its line, as a share of the picture's height from the bottom.
    """

    joint: int
    column: Literal["left", "right"]
    height: float


def label_places(scene: Scene) -> list[Label]:
    """A place for every joint's name, from the main body's first frame.

    Each goes to the side it lies nearer to; the columns are as long as each other, or differ by
    one, and their lines are in order of height, so that few leaders cross.
    """
    first = int(np.argmax(scene.present[0]))
    pictured = scene.camera.project(scene.stage[0, first])
    by_x = np.argsort(pictured[:, 0], kind="stable")
    half = len(by_x) // 2
    labels = []
    for column, joints in (("left", by_x[:half]), ("right", by_x[half:])):
        upward = joints[np.argsort(pictured[joints, 1], kind="stable")]
        for place, joint in enumerate(upward):
            labels.append(Label(int(joint), column, (place + 0.5) / len(upward)))  # type: ignore[arg-type]
    return labels
