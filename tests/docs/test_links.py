"""Relative links and anchors of every page lead somewhere."""

from pathlib import Path

import pytest

from support.pages import EVERY_PAGE, ROOT, anchors, links


def fault(page, target):
    """Why a link of a page leads nowhere, or None."""
    path, mark, anchor = target.partition("#")
    if "://" in path or path.startswith("mailto:"):
        return None
    if path.startswith("/"):
        return "an absolute path"
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return "no such file"
    if not file.is_relative_to(ROOT):
        return "outside the repository"
    if mark and anchor not in anchors(file.read_text(encoding="utf-8")):
        return "no such heading"
    return None


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    faults = {target: fault(page, target) for target in links(text)}
    assert not {target: why for target, why in faults.items() if why}


def test_broken_links_are_noticed(tmp_path):
    page = ROOT / "docs" / "store-format.md"
    assert fault(page, "nowhere.md") == "no such file"
    assert fault(page, "store-format.md#nowhere") == "no such heading"
    assert fault(page, "#arrays") is None
    assert fault(page, "../../x") in ("no such file", "outside the repository")
    assert fault(page, "/etc/hosts") == "an absolute path"


def test_links_and_anchors_are_found_as_code_hosts_find_them():
    page = (
        "# The store, format 1\n\n## What `skeldata verify` checks\n## Twice\n## Twice\n"
        "[a](x.md#y) ![b](p.png) `[no](code.md)` [c]\n\n```sh\n# no heading\n[no](fence.md)\n```\n"
        "[c]: z.md\n"
    )
    assert links(page) == ["x.md#y", "p.png", "z.md"]
    assert anchors(page) == {
        "the-store-format-1",
        "what-skeldata-verify-checks",
        "twice",
        "twice-1",
    }


def test_there_are_links_to_check():
    assert sum(len(links(Path(page).read_text(encoding="utf-8"))) for page in EVERY_PAGE) > 40
