"""A small governor on the host driver, for tests."""

import os

import governor

MiB = 1 << 20
BLOCK = 2 * MiB
BUDGET = 64 * MiB
ALLOWANCE = 16 * MiB
BLOCKS_THAT_FIT = (BUDGET - ALLOWANCE) // BLOCK

os.environ["GOVERNOR_HOST_DRIVER"] = "gb10,memory=256MiB,context=8MiB"


def open_governor(**changes):
    options = dict(budget=BUDGET, allowance=ALLOWANCE, driver="host")
    return governor.Governor(**{**options, **changes})
