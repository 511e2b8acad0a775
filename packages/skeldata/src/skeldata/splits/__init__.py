"""Label splits: drawn by hash or imported, written as plain lists, verified by drawing again."""

from skeldata.splits.arguments import format_ratio, parse_ratio, parse_seeds
from skeldata.splits.balance import Balance, Cell, balance
from skeldata.splits.compare import Comparison, compare_splits
from skeldata.splits.draw import draw, labelled_counts, rank_names
from skeldata.splits.imported import Imported, examine_list, import_list
from skeldata.splits.listing import Finding, names_digest
from skeldata.splits.manifest import Manifest, write_split
from skeldata.splits.pool import name_key, training_names
from skeldata.splits.published import PUBLISHED, PublishedList, published
from skeldata.splits.read import is_bare, read_index, read_manifest
from skeldata.splits.split import Split, list_split
from skeldata.splits.verify import Verification, examine, verify_manifest

__all__ = [
    "PUBLISHED",
    "Balance",
    "Cell",
    "Comparison",
    "Finding",
    "Imported",
    "Manifest",
    "PublishedList",
    "Split",
    "Verification",
    "balance",
    "compare_splits",
    "draw",
    "examine",
    "examine_list",
    "format_ratio",
    "import_list",
    "is_bare",
    "labelled_counts",
    "list_split",
    "name_key",
    "names_digest",
    "parse_ratio",
    "parse_seeds",
    "published",
    "rank_names",
    "read_index",
    "read_manifest",
    "training_names",
    "verify_manifest",
    "write_split",
]
