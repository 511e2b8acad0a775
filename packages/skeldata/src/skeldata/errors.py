"""Every error that skeldata raises on purpose.

::

    SkeldataError                    exit 4   the root: catch this one
    ├── UsageError      (ValueError) exit 2   a wrong argument
    ├── ParseError      (ValueError) exit 4   one raw file is not what its format promises
    ├── SourceError     (OSError)    exit 4   a folder or zip is missing, damaged or contradicts itself
    │   └── AllRejectedError         exit 4   no recording of the source could be used
    ├── RecipeError     (ValueError) exit 2   a preparation recipe is invalid
    ├── ManifestError   (ValueError) exit 4   a name list does not match its manifest, rule or store
    ├── StoreError                   exit 4   a store is unreadable, damaged or of another kind
    │   ├── StoreExistsError (FileExistsError)  exit 2   the output is already there
    │   └── StoreBusyError                    exit 2   another run is writing the output
    ├── InterruptedRunError          exit 130 Ctrl-C; what is finished is kept
    ├── RejectedFilesError           exit 3   ``--strict`` and a file was rejected
    └── MissingExtraError (ImportError) exit 2   an optional dependency is not installed

A message is one line: what went wrong, the value, where, what to do about it.
"""

from __future__ import annotations


class SkeldataError(Exception):
    """Root of the tree; ``exit_code`` is what the command line returns for it."""

    exit_code = 4


class UsageError(SkeldataError, ValueError):
    """An argument has a value that cannot be used."""

    exit_code = 2


class ParseError(SkeldataError, ValueError):
    """One raw recording is not what its format promises.

    Attributes:
        reason: what is wrong, with the offending value.
        line: 1-based line in the file, or None when no line can be named.
        name: the sample or file, or None when parsed from bare bytes.
    """

    def __init__(self, reason: str, *, line: int | None = None, name: str | None = None) -> None:
        self.reason = reason
        self.line = line
        self.name = name
        where = f"{name or 'input'}{f', line {line}' if line is not None else ''}"
        super().__init__(f"{where}: {reason}")

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the parts, not from the message, when crossing processes."""
        return _parse_error, (self.reason, self.line, self.name)

    def named(self, name: str) -> ParseError:
        """The same error, saying which file it was."""
        return ParseError(self.reason, line=self.line, name=name)


def _parse_error(reason: str, line: int | None, name: str | None) -> ParseError:
    return ParseError(reason, line=line, name=name)


class SourceError(SkeldataError, OSError):
    """A folder or archive of raw recordings is missing, damaged or contradicts itself."""


class AllRejectedError(SourceError):
    """Every recording was rejected, so nothing was written."""


class RecipeError(SkeldataError, ValueError):
    """A preparation recipe is invalid; the message lists every fault found."""

    exit_code = 2


class ManifestError(SkeldataError, ValueError):
    """A list of names does not match its manifest, its rule or the store."""


class StoreError(SkeldataError):
    """A store is unreadable, damaged or of another kind than asked for."""


class StoreExistsError(StoreError, FileExistsError):
    """The output already exists and ``--overwrite`` was not given."""

    exit_code = 2


class StoreBusyError(StoreError):
    """Another living process is writing the same output."""

    exit_code = 2


class RejectedFilesError(SkeldataError):
    """With ``--strict``: files were rejected, so nothing was written."""

    exit_code = 3


class InterruptedRunError(SkeldataError):
    """The user stopped a run; the message says how to go on."""

    exit_code = 130


class MissingExtraError(SkeldataError, ImportError):
    """An optional dependency is needed and not installed; the message gives the command."""

    exit_code = 2
