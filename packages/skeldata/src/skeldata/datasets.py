"""What is fixed about each dataset: layout, persons, classes, name grammar and protocols.

Adding a dataset is one entry in ``DATASETS`` and, where its files are of a new kind, one parser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from skeldata import official
from skeldata.errors import UsageError
from skeldata.layouts import KINECT20, KINECT25, Layout
from skeldata.names import UCLA_ACTIONS, SampleName, parse_ntu_name, parse_ucla_name

Family = Literal["ntu", "ucla"]


@dataclass(frozen=True)
class Protocol:
    """A published division of a dataset into training and test samples.

    Attributes:
        name: ``xsub``, ``xview`` or ``xset``.
        rule: the division in words.
        is_train: says of a sample whether it is a training sample.
    """

    name: str
    rule: str
    is_train: Callable[[SampleName], bool]


@dataclass(frozen=True)
class Dataset:
    """Facts of one dataset.

    Attributes:
        id: ``ntu60``, ``ntu120`` or ``nw-ucla``.
        title: as papers write it.
        family: which raw format and name grammar it uses.
        layout: joints and groups.
        persons: M, bodies kept per sample.
        classes: class names in label order.
        labels: dataset's action id -> 0-based label.
        suffix: of a raw file.
        protocols: by name.
    """

    id: str
    title: str
    family: Family
    layout: Layout
    persons: int
    classes: tuple[str, ...]
    labels: Mapping[int, int]
    suffix: str
    protocols: Mapping[str, Protocol]

    def parse_name(self, text: str) -> SampleName | None:
        """Take a sample name apart; None if it is not a name of this dataset."""
        name = parse_ntu_name(text) if self.family == "ntu" else parse_ucla_name(text)
        if name is None or name.action not in self.labels:
            return None
        if self.id == "ntu60" and (name.setup or 0) > NTU60_SETUPS:
            return None
        return name

    def require_name(self, text: str) -> SampleName:
        """Take a sample name apart, or raise `UsageError` if it is not one of this dataset."""
        name = self.parse_name(text)
        if name is None:
            raise UsageError(
                f"{text!r} is not a sample name of {self.id}; expected e.g. {self.example}"
            )
        return name

    def label_of(self, text: str) -> int:
        """0-based label of a sample name; `UsageError` if it is not one of this dataset."""
        return self.labels[self.require_name(text).action]

    @property
    def example(self) -> str:
        """A valid sample name, for messages."""
        return "S001C001P001R001A001" if self.family == "ntu" else "a01_s01_e00_v01"

    def protocol(self, name: str) -> Protocol:
        """Find a protocol by name, or raise `UsageError` naming the ones there are."""
        if name not in self.protocols:
            known = ", ".join(self.protocols)
            raise UsageError(f"{self.id} has no protocol {name!r}; use one of: {known}")
        return self.protocols[name]

    def official_names(self) -> tuple[str, ...]:
        """Sorted names of all samples that have a skeleton, as published."""
        return official.names(self.id)

    def missing_names(self) -> frozenset[str]:
        """Names whose skeletons are officially missing or empty."""
        return official.missing(self.id)


NTU60_SETUPS = 17
NTU60_ACTIONS = 60

XSUB60_SUBJECTS = frozenset(
    (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
)
XSUB120_SUBJECTS = XSUB60_SUBJECTS | frozenset((
    45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89,
    91, 92, 93, 94, 95, 97, 98, 100, 103,
))  # fmt: skip

_UCLA_CLASSES = (
    "pick up with one hand", "pick up with two hands", "drop trash", "walk around", "sit down",
    "stand up", "donning", "doffing", "throw", "carry",
)  # fmt: skip


def _protocols(*protocols: Protocol) -> Mapping[str, Protocol]:
    return MappingProxyType({protocol.name: protocol for protocol in protocols})


def _ntu(id: str, title: str, actions: int, protocols: Mapping[str, Protocol]) -> Dataset:
    return Dataset(
        id=id,
        title=title,
        family="ntu",
        layout=KINECT25,
        persons=2,
        classes=official.ntu_actions()[:actions],
        labels=MappingProxyType({action: action - 1 for action in range(1, actions + 1)}),
        suffix=".skeleton",
        protocols=protocols,
    )


@cache
def datasets() -> Mapping[str, Dataset]:
    """All datasets by id, in the order ``ntu60``, ``ntu120``, ``nw-ucla``."""
    ntu60 = _ntu(
        "ntu60",
        "NTU RGB+D 60",
        NTU60_ACTIONS,
        _protocols(
            Protocol("xsub", "20 training subjects", lambda n: n.subject in XSUB60_SUBJECTS),
            Protocol("xview", "cameras 2 and 3 train, camera 1 tests", lambda n: n.camera != 1),
        ),
    )
    ntu120 = _ntu(
        "ntu120",
        "NTU RGB+D 120",
        120,
        _protocols(
            Protocol("xsub", "53 training subjects", lambda n: n.subject in XSUB120_SUBJECTS),
            # Published code of several papers trains on odd setups; the dataset's rule is even.
            Protocol("xset", "even setups train, odd test", lambda n: (n.setup or 0) % 2 == 0),
        ),
    )
    ucla = Dataset(
        id="nw-ucla",
        title="Northwestern-UCLA Multiview Action 3D",
        family="ucla",
        layout=KINECT20,
        persons=1,
        classes=_UCLA_CLASSES,
        labels=MappingProxyType({action: label for label, action in enumerate(UCLA_ACTIONS)}),
        suffix=".json",
        protocols=_protocols(
            Protocol("xview", "views 1 and 2 train, view 3 tests", lambda n: n.camera != 3)
        ),
    )
    return MappingProxyType({dataset.id: dataset for dataset in (ntu60, ntu120, ucla)})


def get_dataset(id: str) -> Dataset:
    """Find a dataset by id, or raise `UsageError` naming the ones there are.

    >>> get_dataset("nw-ucla").layout.joint_count
    20
    """
    known = datasets()
    if id not in known:
        raise UsageError(f"unknown dataset {id!r}; use one of: {', '.join(known)}")
    return known[id]
