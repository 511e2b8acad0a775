"""The digest of a store's root attributes, so that a change of any of them shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SEAL = "attributes_digest"


def attributes_digest(attributes: Mapping[str, Any]) -> str:
    """sha256 hex of root attributes, their own digest left out.

    Over the line ``skeldata-attributes/1`` and the attributes as ASCII JSON with sorted keys and no
    white space.
    """
    others = {key: value for key, value in attributes.items() if key != SEAL}
    text = json.dumps(others, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"skeldata-attributes/1\n{text}".encode()).hexdigest()
