"""The baseline: encoder and classifier, trained on the labelled clips alone."""

from __future__ import annotations

from typing import ClassVar

from pspmodel.config import RunConfig, StrictModel
from pspmodel.methods.base import DataFacts
from pspmodel.methods.joint import JointMethod
from pspmodel.nn.streams import StreamClassifier


class SupervisedOptions(StrictModel):
    """There are none: network and classification have sections of their own."""


class Supervised(JointMethod):
    """Cross-entropy alone; unlabelled clips are not looked at.

    ``--method supervised`` with any recipe of joint training gives that recipe's supervised twin: the
    same steps, changes and averaging, and with equal seed the very weights it starts from.
    """

    Options = SupervisedOptions
    uses_unlabelled: ClassVar[bool] = False

    def __init__(self, facts: DataFacts, options: SupervisedOptions, config: RunConfig) -> None:
        super().__init__(facts, options, config)
        self.network = StreamClassifier(config.network, facts.layout, facts.classes, facts.streams)
