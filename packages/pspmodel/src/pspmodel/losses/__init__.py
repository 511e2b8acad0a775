"""Losses: one file each, with its equation."""

from pspmodel.losses.nt_xent import coarse_to_fine, nt_xent

__all__ = ["coarse_to_fine", "nt_xent"]
