"""Zips of raw recordings for tests: taken apart, and written again with changes."""

import zipfile


def members(source):
    """Content of each recording of a zip, by sample name."""
    with zipfile.ZipFile(source) as archive:
        return {
            name.rpartition("/")[2].removesuffix(".skeleton"): archive.read(name)
            for name in archive.namelist()
        }


def rewrite(source, target, changed):
    """The same recordings with some changed or added; returns the target."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in (members(source) | changed).items():
            archive.writestr(f"{name}.skeleton", data)
    return target


def folder_is_clean(folder, *kept):
    """Check that nothing but this lies in a folder."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(kept)
