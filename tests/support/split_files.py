"""Ways to change a split on disk."""

import json

from skeldata.splits.jsonfile import json_lines


def edit(path, **changes):
    """Write a manifest again with some keys changed; None takes a key out."""
    content = {**json.loads(path.read_text()), **changes}
    path.write_bytes(json_lines({k: v for k, v in content.items() if v is not ...}))
