"""Semi-supervised skeleton action recognition on a skeldata store."""

__version__ = "0.1.0"
