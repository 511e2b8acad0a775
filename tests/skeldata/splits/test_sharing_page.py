"""``docs/sharing-splits.md``: what it says of digests is true; ``tests/docs`` runs its commands."""

import re
from pathlib import Path

from skeldata.splits import draw, published

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "sharing-splits.md").read_text(encoding="utf-8")


def test_what_the_page_says_of_digests_is_true():
    first = draw("nw-ucla", "xview", "5%")
    assert PAGE.count(first.digest) >= 3
    assert f"5 %, seed 0, {first.digest[:8]}" in PAGE
    assert f"({published('x-car').digest[:8]})" in PAGE


def test_the_page_shows_every_command_that_two_labs_need():
    shown = set(re.findall(r"^\$ skeldata splits (\w+)", PAGE, re.MULTILINE))
    assert shown >= {"make", "show", "balance", "verify", "import", "compare"}
