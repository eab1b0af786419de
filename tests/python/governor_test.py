"""Opening, reading and closing a Governor."""

import os
import unittest
from unittest import mock

import governor
from small_host import ALLOWANCE, BLOCK, BUDGET, MiB, open_governor


class OpeningTest(unittest.TestCase):
    def test_sizes_are_text_or_bytes(self):
        for budget in ("64MiB", "25%", 64 * MiB, numpy_int(64 * MiB)):
            with self.subTest(budget=budget), open_governor(budget=budget) as gov:
                self.assertEqual(gov.budget, 64 * MiB)
                self.assertEqual(gov.allowance, ALLOWANCE)

    def test_what_is_not_a_size_is_named(self):
        for value, error in (
            (True, TypeError),
            (1.5, TypeError),
            (b"1GiB", TypeError),
            ([1], TypeError),
            (-1, ValueError),
            (1 << 64, ValueError),
            ("", ValueError),
            ("24G", ValueError),
            ("-1GiB", ValueError),
            ("101%", ValueError),
            ("1GiB\0", ValueError),
            ("\ud800", ValueError),
        ):
            for name in ("budget", "os_reserve", "allowance"):
                with self.subTest(name=name, value=value):
                    with self.assertRaises(error) as caught:
                        open_governor(**{name: value})
                    if value != "\ud800":
                        self.assertIn(name, str(caught.exception))
        with self.assertRaisesRegex(ValueError, "-17"):
            open_governor(budget=-17)
        with self.assertRaisesRegex(TypeError, "1.5"):
            open_governor(budget=1.5)

    def test_what_does_not_fit_is_named(self):
        for options, asked, limit, limited_by, tag, remedy in (
            (dict(budget="1TiB"), 1 << 40, 256 * MiB, "device", "budget", "smaller budget"),
            (
                dict(budget="200MiB", os_reserve="100MiB"),
                200 * MiB, 156 * MiB, "os_reserve", "budget", "smaller budget or os_reserve",
            ),
            (
                dict(budget="8MiB", allowance="9MiB"),
                9 * MiB, 8 * MiB, "budget", "allowance", "smaller allowance .*allowance=",
            ),
        ):
            with self.subTest(**options):
                with self.assertRaisesRegex(governor.DoesNotFit, remedy) as caught:
                    open_governor(**options)
                error = caught.exception
                self.assertIsInstance(error, ValueError)
                self.assertIsInstance(error, governor.BudgetExceeded)
                self.assertEqual((error.asked, error.limit), (asked, limit))
                self.assertEqual((error.granted, error.headroom), (0, limit))
                self.assertEqual((error.limited_by, error.tag), (limited_by, tag))
                self.assertEqual(error.holders, [])
                # What it says would fit does.
                open_governor(**{**options, error.tag: error.headroom})
        with self.assertRaisesRegex(ValueError, "7"):
            open_governor(device=7)

    def test_other_arguments_are_checked(self):
        with self.assertRaisesRegex(ValueError, "metal"):
            open_governor(driver="metal")
        with self.assertRaisesRegex(TypeError, "driver"):
            open_governor(driver=3)
        with self.assertRaisesRegex(TypeError, "device"):
            open_governor(device=True)
        with self.assertRaisesRegex(TypeError, "priority"):
            open_governor(priority=1.0)
        with self.assertRaisesRegex(ValueError, "priority"):
            open_governor(priority=1 << 40)
        with self.assertRaises(TypeError):
            open_governor(buget=1)

    def test_shares_are_not_there_yet(self):
        with self.assertRaisesRegex(governor.GovernorError, "not there yet"):
            open_governor(share="serving")

    def test_a_device_without_virtual_memory_is_no_driver(self):
        with mock.patch.dict(os.environ, GOVERNOR_HOST_DRIVER="old"):
            with self.assertRaises(governor.DriverUnavailable) as caught:
                open_governor()
        self.assertIsInstance(caught.exception, OSError)

    def test_the_environment_fills_in(self):
        environment = dict(
            GOVERNOR_DRIVER="host", GOVERNOR_BUDGET="48MiB", GOVERNOR_ALLOWANCE="8MiB"
        )
        with mock.patch.dict(os.environ, environment):
            with governor.Governor() as gov:
                self.assertEqual(gov.mem_get_info(), (40 * MiB, 48 * MiB))
            with governor.Governor(budget="32MiB") as gov:
                self.assertEqual(gov.mem_get_info(), (24 * MiB, 32 * MiB))

    def test_a_variable_that_does_not_parse_is_an_error(self):
        with mock.patch.dict(os.environ, GOVERNOR_BUDGET="lots"):
            with self.assertRaisesRegex(ValueError, "GOVERNOR_BUDGET.*lots"):
                open_governor()


class ReadingTest(unittest.TestCase):
    def setUp(self):
        self.gov = open_governor()
        self.addCleanup(self.gov.close)

    def test_mem_get_info_is_arithmetic(self):
        self.assertEqual(self.gov.mem_get_info(), (BUDGET - ALLOWANCE, BUDGET))
        with self.gov.lease(5 * MiB):
            self.assertEqual(
                self.gov.mem_get_info(), (BUDGET - ALLOWANCE - 5 * MiB, BUDGET)
            )
            self.assertEqual(self.gov.granted, 5 * MiB)
            self.assertEqual(self.gov.headroom, BUDGET - ALLOWANCE - 5 * MiB)
        self.assertEqual(self.gov.granted, 0)

    def test_properties_cannot_be_set(self):
        for name in ("budget", "granted", "headroom", "allowance", "os_reserve"):
            with self.assertRaises(AttributeError):
                setattr(self.gov, name, 1)

    def test_the_default_os_reserve_is_an_eighth_of_a_small_machine(self):
        self.assertEqual(self.gov.os_reserve, 32 * MiB)

    def test_a_snapshot_adds_up(self):
        with self.gov.region("16MiB") as region, self.gov.tag("kv"):
            region.commit(0, 3)
            snapshot = self.gov.snapshot()
        self.assertEqual(
            snapshot.total_bytes,
            snapshot.governed_bytes
            + snapshot.unmanaged_bytes
            + snapshot.other_processes_bytes
            + snapshot.os_bytes
            + snapshot.evictable_bytes
            + snapshot.free_bytes,
        )
        self.assertEqual(snapshot.governed_bytes, 3 * BLOCK)
        self.assertEqual(snapshot.granted_bytes, 3 * BLOCK)
        self.assertEqual(
            snapshot.holders[1], {"tag": "kv", "granted_bytes": 3 * BLOCK}
        )
        self.assertEqual(snapshot.driver, "host")
        self.assertIn("governed_bytes = 6291456 (6MiB)", repr(snapshot))
        # A copy: nobody else's reading changes.
        snapshot.to_dict()["holders"].clear()
        self.assertEqual(len(snapshot.to_dict()["holders"]), 2)
        with self.assertRaises(AttributeError):
            snapshot.total


class ClosingTest(unittest.TestCase):
    def test_a_closed_governor_says_so(self):
        gov = open_governor()
        gov.close()
        gov.close()
        for use in (
            gov.mem_get_info,
            gov.snapshot,
            lambda: gov.granted,
            lambda: gov.headroom,
            lambda: gov.region("2MiB"),
            lambda: gov.lease(1),
            lambda: gov.tag("kv"),
        ):
            with self.assertRaisesRegex(governor.GovernorError, "closed"):
                use()
        self.assertEqual(gov.budget, BUDGET)
        self.assertIn("closed", repr(gov))

    def test_it_stays_open_while_something_is_held(self):
        gov = open_governor()
        with gov.lease(MiB):
            with self.assertRaisesRegex(governor.GovernorError, "1MiB"):
                gov.close()
            self.assertEqual(gov.granted, MiB)
        gov.close()

    def test_two_governors_have_two_budgets(self):
        with open_governor() as first, open_governor(budget="32MiB") as second:
            with first.lease(BUDGET - ALLOWANCE):
                self.assertEqual(first.headroom, 0)
                self.assertEqual(second.headroom, 16 * MiB)
                second.lease("16MiB").release()


def numpy_int(value):
    import numpy

    return numpy.int64(value)


if __name__ == "__main__":
    unittest.main()
