"""Plan and Snapshot: numbers under the names that `governor --json` gives them."""

from __future__ import annotations

import copy
from typing import Any

from governor._governor import format_size


class _Report:
    """Values by name. The annotations of a subclass are its names."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def to_dict(self) -> dict[str, Any]:
        """A copy, with the keys of the command's --json. What is not known is
        left out; as an attribute it is None."""
        return copy.deepcopy(self._values)

    def __getattr__(self, name: str) -> Any:
        if name in type(self).__annotations__:
            return self._values.get(name)
        raise AttributeError(f"a {type(self).__name__} has no {name!r}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *type(self).__annotations__]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values == other._values

    def __repr__(self) -> str:
        lines = [
            f"    {name} = {_for_people(name, value)}"
            for name, value in self._values.items()
            if not isinstance(value, dict)
        ]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


def _for_people(name: str, value: Any) -> str:
    if name.endswith("_bytes"):
        return f"{value} ({format_size(value)})"
    return repr(value)


class Snapshot(_Report):
    """One reading of a device and of the budget on it, in bytes.

    total = governed + unmanaged + other_processes + os + evictable + free, always;
    which of them are not measured stands in `estimated`.
    """

    device: int
    device_name: str
    driver: str  # "cuda" or "host"

    total_bytes: int
    governed_bytes: int
    unmanaged_bytes: int
    other_processes_bytes: int
    os_bytes: int
    evictable_bytes: int
    free_bytes: int
    estimated: list[str]

    budget_bytes: int
    granted_bytes: int  # the allowance not counted
    peak_granted_bytes: int
    cached_bytes: int
    allowance_bytes: int
    debt_bytes: int
    headroom_bytes: int
    floor_bytes: int
    limited_by: str  # what headroom ends at
    holders: list[dict[str, Any]]  # tag and granted_bytes, the largest first


class Plan(_Report):
    """What fits of a model. Sizes are bytes, of the whole model."""

    model: dict[str, Any]  # architecture, parameters, layers, ...
    budget_bytes: int | None
    os_reserve_bytes: int | None
    weights_bytes: int
    activation_bytes: int
    allowance_bytes: int
    kv_bytes_per_token: int
    kv_bytes_per_sequence: int
    block_tokens: int
    block_bytes: int
    num_blocks: int
    kv_bytes: int
    max_tokens: int
    max_concurrency: float  # sequences of max_model_len tokens
    left_bytes: int | None
    fits: bool
    notes: list[str]  # every assumption, in words; what would fit
