"""The exceptions of governor. A caller's mistake is Python's own ValueError."""

from __future__ import annotations

from typing import Any


class GovernorError(RuntimeError):
    """What is neither a refusal, nor a caller's mistake, nor a missing driver:
    a wrong order of calls, a forked child, an error of the driver."""


class DriverUnavailable(OSError):
    """No CUDA driver or device where one was asked for, or one that cannot map
    memory by hand."""


class BudgetExceeded(MemoryError):
    """A request was refused. Nothing was changed; asking again may work.

    The numbers are those of the moment of refusal, in bytes.
    """

    asked: int
    granted: int  # what all holders of the budget had
    limit: int  # the limit that was hit
    limited_by: str  # which limit: "budget", "os_reserve", "cgroup", "device", ...
    headroom: int  # what would have been granted
    holders: list[tuple[str, int]]  # (tag, bytes), the largest first
    tag: str  # who asked

    def __init__(
        self,
        message: str,
        *,
        asked: int,
        granted: int,
        limit: int,
        limited_by: str,
        headroom: int,
        holders: list[tuple[str, int]],
        tag: str,
    ) -> None:
        super().__init__(message)
        self.asked = asked
        self.granted = granted
        self.limit = limit
        self.limited_by = limited_by
        self.headroom = headroom
        self.holders = holders
        self.tag = tag

    def __reduce__(self) -> tuple[Any, ...]:
        # So that it crosses processes, as multiprocessing sends it.
        return _budget_exceeded, (type(self), self.args[0], self.__dict__)


class DoesNotFit(BudgetExceeded, ValueError):
    """A governor was opened for more than there can be. `tag` is the argument
    that asks for too much, `limit` and `headroom` are the most that it may be."""


def _budget_exceeded(
    kind: type[BudgetExceeded], message: str, numbers: dict[str, Any]
) -> BudgetExceeded:
    return kind(message, **numbers)
