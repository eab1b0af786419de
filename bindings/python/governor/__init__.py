"""A GPU memory budget that is a hard fact.

    gov = governor.Governor(budget="40GiB")
    region = gov.region("16GiB")      # reserves addresses, holds nothing
    region.commit(0, 64)              # or raises governor.BudgetExceeded
    array = torch.from_dlpack(region.view(0, 64))
    plan = governor.plan("model.gguf", budget="40GiB")    # what fits, to the byte

Sizes are bytes, or text: "40GiB", "117GB" (10^9 each), "90%" where a total is
known. Times are seconds.
"""

try:
    from governor._governor import (
        Governor,
        KeptMemory,
        Lease,
        Model,
        ReclaimRegistration,
        Region,
        RegionView,
        Tag,
        Transient,
        plan,
        read_model,
    )
except ModuleNotFoundError as error:
    if error.name != "governor._governor":
        raise
    raise ImportError(
        "governor's extension module is not built: there is no _governor.so beside "
        f"{__file__}. Build it with 'bazel build //bindings/python:governor', and "
        "put the checkout's bazel-bin/bindings/python/site on PYTHONPATH.",
        name=error.name,
    ) from error

from governor.errors import (
    BudgetExceeded,
    DoesNotFit,
    DriverUnavailable,
    GovernorError,
)
from governor.report import Plan, Snapshot

__all__ = [
    "BudgetExceeded",
    "DoesNotFit",
    "DriverUnavailable",
    "Governor",
    "GovernorError",
    "KeptMemory",
    "Lease",
    "Model",
    "Plan",
    "ReclaimRegistration",
    "Region",
    "RegionView",
    "Snapshot",
    "Tag",
    "Transient",
    "plan",
    "read_model",
]
