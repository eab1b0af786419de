"""The floor: what the operating system keeps, and memory that comes back from swap."""

import mmap
import os
import tempfile
import unittest
from unittest import mock

import governor
from small_host import ALLOWANCE, BUDGET, MiB, open_governor

ALL = BUDGET - ALLOWANCE


def machine_memory():
    with open("/proc/meminfo") as file:
        return int(file.readline().split()[1]) << 10


def restore_variable(name, value):
    if value is None:
        del os.environ[name]
    else:
        os.environ[name] = value


class FloorTest(unittest.TestCase):
    def test_no_grant_takes_what_the_system_keeps(self):
        # A machine of which all but 2 % is to be kept has nothing to spare: the
        # budget has room, and says so, but nobody is granted it.
        size = machine_memory() >> 20 << 20
        os.environ["GOVERNOR_OS_RESERVE"] = "98%"
        self.addCleanup(os.environ.pop, "GOVERNOR_OS_RESERVE")
        machine = os.environ["GOVERNOR_HOST_DRIVER"]
        os.environ["GOVERNOR_HOST_DRIVER"] = f"gb10,memory={size},context=0"
        self.addCleanup(os.environ.__setitem__, "GOVERNOR_HOST_DRIVER", machine)
        with open_governor(budget=None, allowance=0) as gov:
            self.assertGreater(gov.budget, ALL)
            free, total = gov.mem_get_info()
            self.assertEqual((free, total), (gov.budget, gov.budget))
            self.assertLess(gov.headroom, free)
            with self.assertRaises(governor.BudgetExceeded) as caught:
                gov.lease(gov.budget)
            self.assertEqual(caught.exception.limited_by, "os_reserve")
            self.assertEqual(caught.exception.asked, gov.budget)
            self.assertEqual(caught.exception.limit, gov.budget)
            self.assertLess(caught.exception.headroom, gov.budget)
            self.assertIn("os_reserve", str(caught.exception))
            self.assertEqual(gov.granted, 0)
            self.assertEqual(gov.snapshot().limited_by, "os_reserve")

    def test_an_allowance_that_the_machine_cannot_spare_says_so(self):
        size = machine_memory() >> 20 << 20
        changes = dict(
            GOVERNOR_OS_RESERVE="98%",
            GOVERNOR_HOST_DRIVER=f"gb10,memory={size},context=0",
        )
        with mock.patch.dict(os.environ, changes):
            with self.assertRaises(governor.BudgetExceeded) as caught:
                open_governor(budget=None, allowance="100%")
        error = caught.exception
        self.assertNotIsInstance(error, ValueError)
        self.assertEqual((error.limited_by, error.tag), ("os_reserve", "allowance"))
        self.assertEqual(error.asked, error.limit)
        self.assertLess(error.headroom, error.asked)
        self.assertRegex(str(error), "smaller allowance .*allowance=")
        self.assertNotIn("smaller budget", str(error))
        self.assertNotIn("smaller os_reserve", str(error))

    def test_the_reserve_is_the_floor(self):
        with open_governor(os_reserve="100MiB") as gov:
            self.assertEqual(gov.os_reserve, 100 * MiB)
            self.assertEqual(gov.snapshot().floor_bytes, 100 * MiB)

    def test_a_settled_lease_is_granted_still_and_not_on_its_way(self):
        # Nobody else's memory is on its way in a record of this test's own.
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        shared = os.environ.get("GOVERNOR_SHARE_DIR")
        os.environ["GOVERNOR_SHARE_DIR"] = folder.name
        self.addCleanup(restore_variable, "GOVERNOR_SHARE_DIR", shared)
        with open_governor(tick=True) as gov, gov.lease(MiB) as lease:
            in_flight = gov.snapshot().in_flight_bytes
            lease.settle()
            lease.settle()
            self.assertEqual(gov.snapshot().in_flight_bytes, in_flight - MiB)
            self.assertEqual(lease.size, MiB)
            self.assertEqual(gov.granted, MiB)


class KeptMemoryTest(unittest.TestCase):
    def setUp(self):
        self.gov = open_governor(tick=True)
        self.addCleanup(self.gov.close)

    def test_memory_that_is_not_swapped_needs_nothing(self):
        for buffer in (bytearray(1 << 20), mmap.mmap(-1, 1 << 20)):
            with self.gov.keep_in_memory(buffer) as kept:
                self.assertEqual(self.gov.page_back(), 0)
                self.gov.tick()
            kept.release()
            self.assertEqual(self.gov.page_back(), 0)

    def test_a_kept_buffer_stays_where_it_is(self):
        buffer = bytearray(1 << 20)
        kept = self.gov.keep_in_memory(buffer)
        with self.assertRaises(BufferError):
            buffer.extend(b"x" * (1 << 20))
        kept.release()
        buffer.extend(b"x")

    def test_arguments_are_checked(self):
        for buffer in (None, 7, "text", [1, 2]):
            with self.subTest(buffer=buffer), self.assertRaises(TypeError):
                self.gov.keep_in_memory(buffer)
        with self.assertRaises(ValueError):
            self.gov.keep_in_memory(b"")

    def test_after_close_there_is_no_governor(self):
        self.gov.close()
        for use in (
            self.gov.page_back,
            self.gov.tick,
            self.gov.start_thread,
            lambda: self.gov.headroom,
            lambda: self.gov.keep_in_memory(bytearray(1)),
            lambda: self.gov.on_reclaim(print),
            lambda: self.gov.transient("x", 1),
        ):
            with self.assertRaisesRegex(governor.GovernorError, "closed"):
                use()


if __name__ == "__main__":
    unittest.main()
