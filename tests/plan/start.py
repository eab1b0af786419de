"""One start of a governed program: opens a governor, plans, and holds the planned KV cache.

    start.py MODEL BUDGET      BUDGET: a size, a percentage, or `default`

Prints one JSON line: what mem_get_info() said, the plan, and what was resident.
"""

import json
import sys

import governor

model, budget = sys.argv[1:]
gov = governor.Governor(
    budget=None if budget == "default" else budget, driver="host")
info = gov.mem_get_info()
# As a user spells it, so that the plan asks the device, too.
plan = governor.plan(
    model, budget=None if budget == "default" else budget, max_model_len=4096,
    driver="host")

# The weights' share of the budget is there beside the KV cache. It is not granted: their
# memory is not taken, for there is nothing to load, and the machine need not spare it.
share = (plan.budget_bytes - plan.allowance_bytes - plan.kv_bytes - plan.left_bytes)
assert plan.budget_bytes == gov.budget
BLOCK = 2 << 20
blocks = -(-plan.kv_bytes // BLOCK)
assert share + blocks * BLOCK <= info[0] + BLOCK
with gov.region(blocks * BLOCK, block=BLOCK) as region:
    region.commit(0, blocks)
    resident = region.resident
print(json.dumps({
    "mem_get_info": info,
    "plan": plan.to_dict(),
    "resident": resident,
    "committed_all": resident == blocks * BLOCK,
}))
gov.close()
