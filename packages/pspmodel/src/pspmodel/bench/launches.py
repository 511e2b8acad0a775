"""How many operations a step hands to the device: what a GPU without graphs waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    count: int = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Count what computes or moves data: neither views nor bare allocations."""
        self.count += not (func.is_view or func._schema.name in _FREE)
        return func(*args, **(kwargs or {}))


_FREE = frozenset(
    f"aten::{name}"
    for name in (
        "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach", "view",
        "_unsafe_view", "_reshape_alias", "is_same_size", "promote_types",
    )
)  # fmt: skip


def launches(step: Callable[[], object]) -> int:
    """Operations of one call that run on data, forward and backward, as PyTorch dispatches them.

    A stand-in, counted on any device, for kernel launches: some operations take several kernels.

    >>> import torch
    >>> x = torch.ones(3, requires_grad=True)
    >>> launches(lambda: (x.view(3, 1) * 2).exp())
    2
    """
    counter = _Counter()  # type: ignore[no-untyped-call]
    with counter:
        step()
    return int(counter.count)
