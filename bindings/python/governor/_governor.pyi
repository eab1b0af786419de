from collections.abc import Callable, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, SupportsFloat, SupportsIndex, Union

from governor.report import Plan, Snapshot

Size = Union[str, SupportsIndex]  # "40GiB", or bytes
Path = Union[str, bytes, PathLike[str], PathLike[bytes]]
# Seconds from now that a request may wait while it is short, for callbacks that
# are asked to give back. None: it does not wait, and only caches are asked.
Deadline = Union[float, None]

class Governor:
    def __init__(
        self,
        budget: Size | None = None,
        device: SupportsIndex = 0,
        os_reserve: Size | None = None,
        share: None = None,
        priority: SupportsIndex | None = None,
        allowance: Size | None = None,
        driver: str | None = None,
        tick: bool = False,
    ) -> None: ...
    @property
    def budget(self) -> int: ...
    @property
    def granted(self) -> int: ...
    @property
    def headroom(self) -> int: ...
    @property
    def allowance(self) -> int: ...
    @property
    def os_reserve(self) -> int: ...
    def mem_get_info(self) -> tuple[int, int]: ...
    def snapshot(self) -> Snapshot: ...
    def region(self, size: Size, block: Size = "2MiB") -> Region: ...
    def lease(
        self,
        size: Size,
        priority: SupportsIndex | None = None,
        deadline: Deadline = None,
    ) -> Lease: ...
    def tag(self, name: str) -> Tag: ...
    def on_reclaim(
        self,
        # (wanted bytes, seconds from now to give them back in) -> bytes given back
        callback: Callable[[int, float], SupportsIndex | None],
        priority: SupportsIndex = 0,
        cheap: bool = False,
    ) -> ReclaimRegistration: ...  # keep it: dropped, it ends with a RuntimeWarning
    def transient(
        self,
        name: str,
        size: Size,
        priority: SupportsIndex | None = None,
        deadline: Deadline = None,
    ) -> Transient: ...
    def keep_in_memory(self, buffer: Any) -> KeptMemory: ...
    def page_back(self) -> int: ...
    def start_thread(self) -> None: ...
    def tick(self) -> float: ...
    def close(self) -> None: ...
    def __enter__(self) -> Governor: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class RegionView:
    @property
    def address(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def first(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...
    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

class Region:
    @property
    def address(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def block(self) -> int: ...
    @property
    def num_blocks(self) -> int: ...
    @property
    def resident(self) -> int: ...
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...
    def commit(
        self,
        first: SupportsIndex,
        count: SupportsIndex,
        deadline: Deadline = None,
    ) -> None: ...
    def commit_as_fits(
        self,
        first: SupportsIndex,
        count: SupportsIndex,
        deadline: Deadline = None,
    ) -> int: ...
    def decommit(
        self,
        first: SupportsIndex,
        count: SupportsIndex,
        synchronize: bool = True,
    ) -> None: ...
    def is_committed(self, block: SupportsIndex) -> bool: ...
    def view(
        self,
        first: SupportsIndex = 0,
        count: SupportsIndex | None = None,
        uncommitted_ok: bool = False,
    ) -> RegionView: ...
    def close(self) -> None: ...
    def __enter__(self) -> Region: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

class Lease:
    @property
    def size(self) -> int: ...
    def settle(self) -> None: ...
    def release(self) -> None: ...
    def __enter__(self) -> Lease: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class ReclaimRegistration:
    def cancel(self) -> None: ...
    def __enter__(self) -> ReclaimRegistration: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class Transient:
    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def peak(self) -> int: ...
    def end(self) -> None: ...
    def __enter__(self) -> Transient: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class KeptMemory:
    def release(self) -> None: ...
    def __enter__(self) -> KeptMemory: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class Tag:
    @property
    def name(self) -> str: ...
    def __enter__(self) -> Tag: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class Model:
    @property
    def architecture(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def context_length(self) -> int: ...
    @property
    def weights_bytes(self) -> int: ...
    def plan(
        self,
        budget: Size | None = None,
        *,
        os_reserve: Size | None = None,
        device_memory: Size | None = None,
        discrete: bool | None = None,
        allowance: Size | None = None,
        activations: Size | None = None,
        graphs: Size | None = None,
        weights: Size | None = None,
        kv_memory: Size | None = None,
        max_model_len: SupportsIndex | None = None,
        max_seqs: SupportsIndex | None = None,
        shared_prefix: SupportsIndex | None = None,
        engine: str | None = None,
        platform: str | None = None,
        compute_capability: str | None = None,
        tp: SupportsIndex | None = None,
        pp: SupportsIndex | None = None,
        block_tokens: SupportsIndex | None = None,
        kv_dtype: str | None = None,
        state_dtype: str | None = None,
        max_batched_tokens: SupportsIndex | None = None,
        prefix_caching: bool | None = None,
        draft: Path | Model | None = None,
        draft_tokens: SupportsIndex | None = None,
        lora: Sequence[Path] | None = None,
        bandwidth: SupportsFloat | SupportsIndex | None = None,  # GB/s, 10^9 bytes each
        profile: str | None = None,
        profiles: Path | None = None,
        assume_gqa: bool | None = None,
        device: SupportsIndex | None = None,
        driver: str | None = None,
    ) -> Plan: ...

def read_model(path: Path, *, assume_gqa: bool = False) -> Model: ...
def plan(
    path: Path,
    budget: Size | None = None,
    *,
    os_reserve: Size | None = None,
    device_memory: Size | None = None,
    discrete: bool | None = None,
    allowance: Size | None = None,
    activations: Size | None = None,
    graphs: Size | None = None,
    weights: Size | None = None,
    kv_memory: Size | None = None,
    max_model_len: SupportsIndex | None = None,
    max_seqs: SupportsIndex | None = None,
    shared_prefix: SupportsIndex | None = None,
    engine: str | None = None,
    platform: str | None = None,
    compute_capability: str | None = None,
    tp: SupportsIndex | None = None,
    pp: SupportsIndex | None = None,
    block_tokens: SupportsIndex | None = None,
    kv_dtype: str | None = None,
    state_dtype: str | None = None,
    max_batched_tokens: SupportsIndex | None = None,
    prefix_caching: bool | None = None,
    draft: Path | Model | None = None,
    draft_tokens: SupportsIndex | None = None,
    lora: Sequence[Path] | None = None,
    bandwidth: SupportsFloat | SupportsIndex | None = None,  # GB/s, 10^9 bytes each
    profile: str | None = None,
    profiles: Path | None = None,
    assume_gqa: bool | None = None,
    device: SupportsIndex | None = None,
    driver: str | None = None,
) -> Plan: ...
def format_size(size: int) -> str: ...
