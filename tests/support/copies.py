"""Stores in which some recordings stand under several names, as in the real NW-UCLA."""

import json

from skeldata import open_store, prepare
from skeldata.synth import write_ucla


def store_with_copies(folder, groups):
    """A store of synthetic recordings in which those of each group of names hold the same clip."""
    raw = folder / "raw"
    write_ucla(raw, 60, seed=1, actions=[1, 2])
    where = {path.stem: path for path in raw.rglob("*.json")}
    for number, names in enumerate(groups, start=1):
        content = json.loads(where[min(where)].read_text())
        for frame in content["skeletons"]:
            frame[7][1] += number  # a joint that does not decide how clips are normalised
        for name in names:
            content |= {"file_name": name, "label": int(name[1:3])}
            (where[min(where)].parent / f"{name}.json").write_text(json.dumps(content))
    prepare("ucla", [raw], folder / "ucla.zarr", workers=1)
    return open_store(folder / "ucla.zarr")
