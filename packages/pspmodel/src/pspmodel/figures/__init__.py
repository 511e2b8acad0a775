"""Pictures of data, training and results, as matplotlib figures; nothing here keeps global state."""

from pspmodel.figures.attention import AttendedPerson, attention_picture
from pspmodel.figures.comparison import Series, accuracy_by_ratio
from pspmodel.figures.confusion import confusion_matrix
from pspmodel.figures.curves import RunCurve, StageSpan, learning_curves, loss_curve
from pspmodel.figures.embedding import embedding_map
from pspmodel.figures.skeleton import SIDE_COLOURS, draw_skeleton, skeleton_strip, up_axis
from pspmodel.figures.style import png, save

__all__ = [
    "SIDE_COLOURS",
    "AttendedPerson",
    "RunCurve",
    "Series",
    "StageSpan",
    "accuracy_by_ratio",
    "attention_picture",
    "confusion_matrix",
    "draw_skeleton",
    "embedding_map",
    "learning_curves",
    "loss_curve",
    "png",
    "save",
    "skeleton_strip",
    "up_axis",
]
