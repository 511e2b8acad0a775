"""Clips to look at: moving pictures, strips, contact sheets and a page that plays.

GIF and PNG need matplotlib and pillow (extra ``[view]``), HTML needs nothing.
"""

from skeldata.view.make import draw_clip, draw_sheet

__all__ = ["draw_clip", "draw_sheet"]
