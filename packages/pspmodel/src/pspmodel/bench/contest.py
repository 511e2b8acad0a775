"""What is compared: a recipe, a device and clips, the same for both sides."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from pathlib import Path

import torch

from pspmodel.bench.batches import Source, source
from pspmodel.bench.flops import Shapes, flops
from pspmodel.config import NetworkConfig, RunConfig
from pspmodel.data.resident import ResidentData
from pspmodel.errors import UsageError
from pspmodel.methods import DataFacts
from pspmodel.methods.psp import PSPOptions
from pspmodel.nn.dsta import PSP_BLOCKS, Block, scaled_blocks
from pspmodel.nn.psp import PSPNetwork
from pspmodel.recipe import checked, load_config
from pspmodel.train.setup import pick_device
from skeldata import open_store

SIZES = frozenset(
    ("heads", "contrast_weight", "temperature",
     "part_from_body", "joint_from_part", "joint_from_body")
)  # fmt: skip
"""Options that the plain implementation has, too; the others must be those of `psp-code`."""

_SHARED = ("data", "network", "classification", "pseudo_labels")


@dataclass(frozen=True)
class Settings:
    """What to compare; can be pickled.

    Attributes:
        recipe: name or ``.toml`` file.
        overrides: ``key=value`` texts as in training.
        store: None makes random clips.
        one_person: share of random clips with one person.
        labelled, unlabelled: clips of a step; None takes the recipe's.
        width: factor on all widths of the network; None takes the recipe's.
        device: ``auto``, ``cpu`` or ``cuda``.
        seed: of weights and clips.
    """

    recipe: str = "psp-code"
    overrides: tuple[str, ...] = ()
    store: Path | None = None
    one_person: float = 0.8
    labelled: int | None = None
    unlabelled: int | None = None
    width: float | None = None
    device: str = "auto"
    seed: int = 0


class Contest:
    """Everything that both sides share: device, recipe, clips.

    Attributes:
        blocks: sizes of the encoder.

    Raises:
        UsageError: the recipe does not train PSP, has another encoder than PSP's or contrasts nothing;
            or the store is too small.
        ConfigError: the recipe or an override is invalid.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.device = pick_device(settings.device)
        given = None if settings.store is None else open_store(settings.store)
        self.config = _config(settings, "ntu60" if given is None else given.dataset.id)
        self.options = checked(PSPOptions, self.config.options, "options of psp")
        if not (self.options.levels and self.options.contrast_weight):
            raise UsageError("the recipe contrasts nothing; bench compares psp with its contrast")
        self.source: Source = source(
            given,
            settings.labelled or self.config.train.labelled_batch,
            settings.unlabelled or self.config.train.unlabelled_batch,
            settings.one_person,
            settings.seed,
        )
        store = self.source.store
        self.facts = DataFacts(
            dataset=store.dataset.id,
            layout=store.layout,
            classes=len(store.dataset.classes),
            persons=store.persons,
            frames=self.config.data.frames or store.frames,
            streams=self.config.data.streams,
        )
        self.data = ResidentData(store, self.device, self.config.data)
        dsta = self.config.network.dsta
        sizes = tuple(Block(*block) for block in dsta.blocks) or PSP_BLOCKS
        self.blocks = sizes if dsta.width == 1 else scaled_blocks(dsta.width, sizes)

    def few(self) -> Contest:
        """The same contest with four clips, for what would take long with all."""
        small = copy(self)
        small.source = self.source.few()
        return small

    def differences(self) -> list[str]:
        """In which settings the recipe's mathematics are not those of the released code."""
        released = load_config("psp-code", dataset=self.facts.dataset)
        theirs = PSPOptions.model_validate(released.options).model_dump()
        found = [
            f"{name} is {value}, not {theirs[name]}"
            for name, value in self.options.model_dump().items()
            if name not in SIZES and value != theirs[name]
        ]
        for section in _SHARED:
            ours, published = (getattr(c, section).model_dump() for c in (self.config, released))
            found += [
                f"{section}.{name} is {value}, not {published[name]}"
                for name, value in ours.items()
                if value != published[name] and name not in ("dsta", "unlabelled")
            ]
        if (temporal := self.config.network.dsta.temporal) != released.network.dsta.temporal:
            found.append(
                f"network.dsta.temporal is {temporal}, not {released.network.dsta.temporal}"
            )
        if self.config.network.dsta.heads != self.options.heads:
            found.append("network.dsta.heads and options.heads differ")
        return found

    def plain_shapes(self) -> Shapes:
        """What a training step of the plain implementation sends through its network."""
        known, free = len(self.source.labelled), len(self.source.unlabelled)
        bodies = 2 * self.facts.persons  # of a clip, joint and motion
        return Shapes(
            self.source.store.frames,
            encoded=bodies * (known + free),
            classified=2 * known,
            attended=bodies * free,
            projected=3 * 2 * free,
            contrasted=free,
        )

    def plain_flops(self) -> int:
        """Operations of a step of the plain implementation, whatever mathematics the recipe has."""
        dsta = self.config.network.dsta.model_copy(update={"temporal": "convolution"})
        with torch.device("meta"):
            network = PSPNetwork(
                self.facts.layout,
                self.facts.classes,
                network=NetworkConfig(dsta=dsta),
                heads=self.options.heads,
            )
        return flops(network, self.plain_shapes())


def _config(settings: Settings, dataset: str) -> RunConfig:
    config = load_config(
        settings.recipe, dataset=dataset, overrides=settings.overrides, seed=settings.seed
    )
    if config.method != "psp":
        raise UsageError(f"recipe {config.recipe} trains {config.method}; bench compares psp")
    if config.network.encoder != "dsta":
        raise UsageError(
            f"network.encoder is {config.network.encoder}; bench compares psp with its own, dsta"
        )
    if settings.width is None:
        return config
    dsta = config.network.dsta.model_copy(update={"width": settings.width})
    network = config.network.model_copy(update={"dsta": dsta})
    return config.model_copy(update={"network": network})
