"""Every scenario of scenarios.cc in Python: every driver call and every operator new fails.

The module is a copy of the shipped one with fault_control.h in it. sweep.h says what is to
hold after each fault; a fault that hangs is ended by faulthandler.
"""

import ctypes
import faulthandler
import os
import unittest

MACHINE = "gb10,memory=1GiB,context=16MiB"
os.environ["GOVERNOR_HOST_DRIVER"] = MACHINE

import governor
from governor import _governor

MiB = 1 << 20
BLOCK = 2 * MiB

OUT_OF_MEMORY = 2
NOT_SUPPORTED = 801
ERRORS = {
    OUT_OF_MEMORY: "OUT_OF_MEMORY",
    NOT_SUPPORTED: "NOT_SUPPORTED",
    800: "NOT_PERMITTED",
    1: "INVALID_VALUE",
    999: "UNKNOWN",
    4: "DEINITIALIZED",
    700: "ILLEGAL_ADDRESS",
}

faults = ctypes.PyDLL(_governor.__file__)
faults.fault_scenarios.restype = ctypes.c_char_p
faults.fault_live_objects.restype = ctypes.c_char_p
faults.fault_open_host.argtypes = [ctypes.c_char_p]
faults.fault_fail_call.argtypes = [ctypes.c_uint64, ctypes.c_int, ctypes.c_int]
faults.fault_fail_allocation.argtypes = [ctypes.c_uint64, ctypes.c_int]
for counter in (
    faults.fault_stop_allocation_faults,
    faults.fault_total_calls,
    faults.fault_physical_bytes,
):
    counter.restype = ctypes.c_uint64


class Scenario:
    def __init__(self, line):
        self.name, prepare, act, traits = line.split("\t")
        self.prepare = self.steps(prepare)
        self.act = self.steps(act)
        self.traits = traits.split()
        self.drops = any(verb.startswith("drop") for verb, _ in self.act)

    @staticmethod
    def steps(text):
        words = [step.split() for step in text.split("; ") if step]
        return [(verb, [int(number) for number in numbers]) for verb, *numbers in words]


SCENARIOS = [Scenario(line) for line in faults.fault_scenarios().decode().splitlines()]


class World:
    """At most one governor, one region, one lease and one tag."""

    def __init__(self):
        self.gov = self.region = self.lease = self.tag = None
        self.governed = None

    def perform(self, step):
        """Returns None, or the class of what was raised. Anything that the library would
        not raise passes."""
        verb, numbers = step
        try:
            getattr(self, "do_" + verb)(*numbers)
        except (governor.GovernorError, governor.DriverUnavailable, MemoryError, ValueError) as e:
            return type(e)

    def perform_all(self, steps):
        answers = [self.perform(step) for step in steps]
        return next((answer for answer in answers if answer), None)

    @property
    def has_region(self):
        return self.region is not None and "closed" not in repr(self.region)

    @property
    def is_open(self):
        return self.gov is not None and "closed" not in repr(self.gov)

    @property
    def granted(self):
        return self.gov.granted - (self.lease.size if self.lease else 0)

    def do_open(self):
        self.gov = governor.Governor(
            budget="128MiB", os_reserve="64MiB", allowance="16MiB", driver="host"
        )

    def do_reserve(self):
        if self.gov:
            self.region = self.gov.region("64MiB")

    def do_commit(self, first, count):
        if self.region:
            self.region.commit(first, count)

    def do_commit_rest(self):
        self.do_commit(0, 32)

    def do_decommit(self, first, count):
        if self.region:
            self.region.decommit(first, count)

    def do_decommit_now(self, first, count):
        if self.region:
            self.region.decommit(first, count, synchronize=False)

    def do_decommit_all(self):
        for block in range(32):
            if self.region.is_committed(block):
                self.region.decommit(block, 1)

    def do_lease(self, mib):
        if self.gov:
            self.lease = self.gov.lease(mib * MiB)

    def do_lease_past(self, mib):
        if self.gov:
            self.lease = self.gov.lease(self.gov.headroom + mib * MiB)

    def do_wait_lease(self, mib):
        if self.gov:
            self.lease = self.gov.lease(self.gov.headroom + mib * MiB, deadline=0.001)

    def do_release(self):
        if self.lease:
            self.lease.release()

    def do_tag(self):
        if self.gov:
            self.tag = self.gov.tag("kv")
            self.tag.__enter__()

    def do_untag(self):
        if self.tag:
            self.tag.__exit__(None, None, None)

    def do_snapshot(self):
        if self.gov:
            self.governed = self.gov.snapshot().governed_bytes

    def do_close_region(self):
        if self.region:
            self.region.close()

    def do_close(self):
        if self.gov:
            self.gov.close()

    def do_drop_region(self):
        self.region = None

    def do_drop_governor(self):
        self.gov = None

    def do_drop(self):
        self.lease = self.region = self.gov = None


class Fault:
    """What fails: one driver call or two, or an allocation, by number."""

    def __init__(
        self, call=0, second=0, error=0, allocation=0, from_there_on=False, without_memory=False
    ):
        self.call = call
        self.second = second
        self.error = error
        self.allocation = allocation
        self.from_there_on = from_there_on
        self.without_memory = without_memory

    def __repr__(self):
        return ", ".join(
            f"{name}={ERRORS[value] if name == 'error' else value}"
            for name, value in vars(self).items()
            if value
        )

    def begin(self):
        if self.call:
            faults.fault_fail_call(self.call, self.error, self.from_there_on)
        if self.second:
            faults.fault_fail_call(self.second, self.error, False)
        if self.without_memory:
            faults.fault_fail_allocations_after_driver_error()
        faults.fault_fail_allocation(self.allocation, self.from_there_on)


class PythonFaultSweepTest(unittest.TestCase):
    points = 0

    @classmethod
    def setUpClass(cls):
        faults.fault_open_host(MACHINE.encode())

    @classmethod
    def tearDownClass(cls):
        print(f"{cls.points} fault points in Python")

    def attempt(self, scenario, fault):
        """Returns how many driver calls and allocations the act took."""
        faulthandler.dump_traceback_later(60, exit=True)
        world = World()
        self.assertIsNone(world.perform_all(scenario.prepare))
        before = faults.fault_total_calls()
        fault.begin()
        answer = world.perform_all(scenario.act)
        allocations = faults.fault_stop_allocation_faults()
        calls = faults.fault_total_calls() - before
        self.check_answer(scenario, fault, answer)
        if world.is_open:
            self.assertEqual(world.granted, faults.fault_physical_bytes())
        faults.fault_stop()
        if scenario.drops and fault.call and fault.from_there_on:
            # The driver let nothing go while the objects ended: the rest is the driver's.
            world.do_drop()
            faults.fault_open_host(MACHINE.encode())
        else:
            self.check_use(world)
            self.check_end(world)
        faulthandler.cancel_dump_traceback_later()
        if fault.call or fault.allocation:
            type(self).points += 1
        return calls, allocations

    def check_answer(self, scenario, fault, answer):
        if not fault.call and not fault.allocation:
            refused = governor.BudgetExceeded if "refused" in scenario.traits else None
            self.assertIs(answer, refused)
            return
        may_be = {None}
        if fault.allocation or fault.without_memory:
            may_be.add(MemoryError)
        if {"refused", "may_be_refused"} & set(scenario.traits):
            may_be.add(governor.BudgetExceeded)
        if fault.call:
            may_be.add(governor.GovernorError)
            if fault.error == OUT_OF_MEMORY:
                may_be.add(governor.BudgetExceeded)
            if fault.error == NOT_SUPPORTED:
                may_be.add(governor.DriverUnavailable)
        self.assertIn(answer, may_be)

    def check_use(self, world):
        if world.is_open:
            self.assertIsNone(world.perform(("snapshot", [])))
            self.assertEqual(world.governed, faults.fault_physical_bytes())
        self.assertIsNone(world.perform(("release", [])))
        answer = world.perform(("commit", [30, 2]))
        if not world.has_region or not world.is_open:
            self.assertIn(answer, (None, governor.GovernorError))
            return
        self.assertIsNone(answer)
        self.assertIsNone(world.perform(("decommit_all", [])))
        self.assertIsNone(world.perform(("commit_rest", [])))
        self.assertEqual(world.granted, faults.fault_physical_bytes())

    def check_end(self, world):
        for verb in ("untag", "close_region", "close"):
            self.assertIsNone(world.perform((verb, [])), verb)
        world.do_drop()
        self.assertEqual(faults.fault_live_objects(), b"")
        self.assertEqual(faults.fault_physical_bytes(), 0)

    def sweep(self, counted, points, scenarios=SCENARIOS):
        """Every scenario without faults, and then with those that `points(n)` makes of what
        was counted: 0 driver calls, 1 allocations."""
        for scenario in scenarios:
            # Twice: the first use of some things allocates once and for all.
            self.attempt(scenario, Fault())
            total = self.attempt(scenario, Fault())[counted]
            for n in range(1, total + 1):
                for fault in points(n):
                    with self.subTest(scenario=scenario.name, fault=fault):
                        self.attempt(scenario, fault)

    def test_driver_calls(self):
        self.sweep(
            0,
            lambda n: [
                Fault(call=n, error=error, from_there_on=from_there_on)
                for error in ERRORS
                for from_there_on in (False, True)
            ],
        )

    def test_pairs_of_driver_calls(self):
        hot = [scenario for scenario in SCENARIOS if "hot" in scenario.traits]
        self.assertEqual(len(hot), 5)
        # Pairs with a first call before the nth.
        self.sweep(
            0,
            lambda n: [Fault(call=first, second=n, error=999) for first in range(1, n)],
            hot,
        )

    def test_allocations(self):
        self.sweep(
            1,
            lambda n: [
                Fault(allocation=n, from_there_on=from_there_on) for from_there_on in (False, True)
            ],
        )

    def test_driver_calls_without_memory(self):
        self.sweep(
            0,
            lambda n: [
                Fault(call=n, error=error, without_memory=True) for error in (OUT_OF_MEMORY, 999)
            ],
        )


if __name__ == "__main__":
    unittest.main(failfast=True)
