"""Plan and Snapshot: numbers under the names that `governor --json` gives them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from governor._governor import format_size


class _Report:
    """Values by name. The annotations of a subclass are its names."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._known = values

    @property
    def _values(self) -> dict[str, Any]:
        return self._known

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
    residual_bytes: int  # of os_bytes: in no counter of the machine
    driver_pool_bytes: int  # of os_bytes: released, still with the driver
    estimated: list[str]

    budget_bytes: int
    granted_bytes: int  # allowance and debt not counted
    peak_granted_bytes: int
    cached_bytes: int
    allowance_bytes: int
    debt_bytes: int
    headroom_bytes: int
    floor_bytes: int
    in_flight_bytes: int  # of all governors: granted, and not memory yet
    shortfall_bytes: int  # how far the machine is below the floor
    pressure: str  # "none", "some" or "critical"
    pressure_reason: str  # the rate that decided
    limited_by: str  # what headroom ends at
    holders: list[dict[str, Any]]  # tag and granted_bytes, the largest first
    tenants: list[dict[str, Any]]  # everyone in the machine record
    host: dict[str, int] | None  # the machine by its kernel's counters
    host_faults: list[str]  # what of it could not be read


class Plan(_Report):
    """What fits of a model, to the byte. Sizes are bytes; what is not known is None.

    Its numbers are there at once. `model` and the answers to the inverse questions
    (from `smallest_budget_bytes` to `changes`) are worked out when one of them, or
    all of the plan, is first asked for: a few milliseconds.

    `weights_bytes` is of the whole model; what else has a size is of one rank, the
    one that decides how many blocks there are. `per_rank` has them all.
    """

    model: dict[str, Any]  # architecture, name, parameters, layers, ...
    engine: str  # whose layout of the KV cache it is, as `engine` spells it
    platform: str  # "cuda" or "cpu"
    compute_capability: str  # of the device: "12.1"
    profile: str | None  # the stored profile that was used

    device_memory_bytes: int | None  # None: nobody declared or asked it
    integrated: bool | None  # the machine's own memory
    budget_bytes: int | None  # None: only kv_memory was given
    os_reserve_bytes: int | None  # kept back before the budget, no part of it
    weights_bytes: int  # the draft model's included
    draft_weights_bytes: int
    weights_rounding_bytes: int  # on one rank, to whole granules
    activation_bytes: int
    graph_bytes: int  # captured CUDA graphs
    adapter_bytes: int  # LoRA
    allowance_bytes: int  # for memory that nobody governs

    kv_dtype: str
    kv_bytes_per_token: int  # of one more token, in the layers that grow
    kv_bytes_per_sequence: int  # whatever its length: states, full windows
    block_tokens: int
    block_bytes: int
    num_blocks: int
    kv_bytes: int
    blocks_per_sequence: int  # of max_model_len tokens
    required_blocks: int  # of max_seqs such sequences
    groups: list[dict[str, Any]]  # kind, caches, block_tokens, page_bytes, ...

    max_tokens: int
    max_model_len: int  # tokens of the longest sequence
    max_seqs: int  # sequences of that length that must fit
    max_concurrency: float  # and how many do, not rounded
    left_bytes: int | None  # of the budget
    fits: bool
    missing_bytes: int | None  # of the budget, else of kv_memory
    decode_tokens_per_second_bound: float | None  # None: no bandwidth was given

    # None: no value would do.
    smallest_budget_bytes: int | None  # in which max_seqs sequences fit
    smallest_kv_memory_bytes: int | None
    longest_model_len: int | None  # tokens, of max_seqs sequences
    most_seqs: int | None  # sequences of max_model_len tokens
    largest_weights_bytes: int | None  # beside which all the rest fits
    changes: list[dict[str, str]]  # change and what it alone buys, the first first

    per_rank: list[dict[str, Any]]  # rank, stage, layers, weights_bytes, ...
    engine_flags: list[str] | None  # lines to paste, where `engine` was given
    notes: list[str]  # every assumption, in words

    def __init__(
        self,
        values: dict[str, Any],
        complete: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """`complete`, where it is given, returns all values; `values` then lacks
        those that _WORKED_OUT names."""
        super().__init__(values)
        self._complete = complete

    @property
    def _values(self) -> dict[str, Any]:
        # Two threads may both work it out: alike.
        if (complete := self._complete) is not None:
            self._known = complete()
            self._complete = None
        return self._known

    def __getattr__(self, name: str) -> Any:
        if name not in Plan.__annotations__:
            raise AttributeError(f"a {type(self).__name__} has no {name!r}")
        values = self._values if name in _WORKED_OUT else self._known
        return values.get(name)

    def __reduce__(self) -> tuple[type[Plan], tuple[dict[str, Any]]]:
        return type(self), (self._values,)

    def __repr__(self) -> str:
        from governor.plan_report import to_text

        return to_text(self._values)

    def _repr_html_(self) -> str:
        from governor.plan_html import to_html

        return to_html(self._values)


_WORKED_OUT = frozenset(
    {
        "model",
        "smallest_budget_bytes",
        "smallest_kv_memory_bytes",
        "longest_model_len",
        "most_seqs",
        "largest_weights_bytes",
        "changes",
    }
)
