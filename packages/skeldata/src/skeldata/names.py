"""Sample names and the one strict grammar of each dataset.

NTU RGB+D: ``SsssCcccPpppRrrrAaaa`` (setup, camera, performer, replication, action).
NW-UCLA: ``aAA_sSS_eEE_vVV`` (action, subject, episode, view).
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class SampleName:
    """A sample name taken apart.

    Attributes:
        text: the name as written, without folder or suffix.
        action: 1-based action id of the dataset's own numbering.
        subject: performer.
        camera: camera (NTU) or view (NW-UCLA).
        replication: replication (NTU) or episode (NW-UCLA).
        setup: NTU's setup, None for NW-UCLA.
    """

    text: str
    action: int
    subject: int
    camera: int
    replication: int
    setup: int | None = None


_NTU = re.compile(r"S([0-9]{3})C([0-9]{3})P([0-9]{3})R([0-9]{3})A([0-9]{3})", re.ASCII)
_UCLA = re.compile(r"a([0-9]{2})_s([0-9]{2})_e([0-9]{2})_v([0-9]{2})", re.ASCII)

UCLA_ACTIONS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)
"""The action ids that exist; 7 and 10 do not. The 0-based label is the position here."""


def parse_ntu_name(text: str) -> SampleName | None:
    """Take an NTU sample name apart; None if the text is not one.

    >>> parse_ntu_name("S001C002P003R001A060").subject
    3
    >>> parse_ntu_name("S001C004P003R001A060") is None   # there are three cameras
    True
    """
    match = _NTU.fullmatch(text)
    if match is None:
        return None
    setup, camera, subject, replication, action = map(int, match.groups())
    if not (
        1 <= setup <= 32
        and 1 <= camera <= 3
        and 1 <= subject <= 106
        and 1 <= replication <= 2
        and 1 <= action <= 120
    ):
        return None
    return SampleName(text, action, subject, camera, replication, setup)


def parse_ucla_name(text: str) -> SampleName | None:
    """Take an NW-UCLA sample name apart; None if the text is not one.

    >>> parse_ucla_name("a12_s10_e04_v03").camera
    3
    >>> parse_ucla_name("a07_s10_e04_v03") is None   # there is no action 7
    True
    """
    match = _UCLA.fullmatch(text)
    if match is None:
        return None
    action, subject, episode, view = map(int, match.groups())
    if action not in UCLA_ACTIONS or not (1 <= subject <= 10 and 1 <= view <= 3):
        return None
    return SampleName(text, action, subject, view, episode)
