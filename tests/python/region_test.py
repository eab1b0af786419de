"""Region: what Python adds to the library's own tests is types, errors and lifetimes."""

import gc
import unittest

import governor
from small_host import ALLOWANCE, BLOCK, BLOCKS_THAT_FIT, BUDGET, MiB, open_governor


class RegionTest(unittest.TestCase):
    def setUp(self):
        self.gov = open_governor()
        self.addCleanup(self.gov.close)
        self.region = self.gov.region("128MiB")
        self.addCleanup(self.region.close)

    def test_reserves_whole_blocks_and_holds_nothing(self):
        with self.gov.region(BLOCK + 1) as region:
            self.assertEqual(region.num_blocks, 2)
            self.assertEqual(region.size, 2 * BLOCK)
            self.assertEqual(region.block, BLOCK)
            self.assertEqual(region.resident, 0)
        with self.gov.region("8MiB", block="4MiB") as region:
            self.assertEqual((region.num_blocks, region.block), (2, 4 * MiB))
        self.assertEqual(self.gov.granted, 0)

    def test_commits_and_decommits_in_any_order(self):
        address = self.region.address
        self.region.commit(3, 2)
        self.region.commit(0, 1)
        self.region.decommit(3, 1)
        self.region.decommit(0, 1, synchronize=False)
        self.assertEqual(
            [self.region.is_committed(i) for i in range(6)],
            [False, False, False, False, True, False],
        )
        self.assertEqual(self.region.resident, BLOCK)
        self.assertEqual(self.region.address, address)

    def test_is_refused_past_the_budget_and_stays_as_it_was(self):
        self.region.commit(0, BLOCKS_THAT_FIT)
        with self.assertRaises(governor.BudgetExceeded):
            self.region.commit(BLOCKS_THAT_FIT, 1)
        self.assertEqual(self.region.resident, BUDGET - ALLOWANCE)
        self.region.decommit(0, 1)
        self.region.commit(BLOCKS_THAT_FIT, 1)

    def test_commits_as_much_as_fits(self):
        self.assertEqual(self.region.commit_as_fits(0, 3), 3)
        rest = BLOCKS_THAT_FIT - 3
        self.assertEqual(self.region.commit_as_fits(3, 61, deadline=0.06), rest)
        self.assertEqual(self.region.resident, BUDGET - ALLOWANCE)
        self.assertFalse(self.region.is_committed(BLOCKS_THAT_FIT))
        for deadline in (None, 0.06):
            with self.assertRaises(governor.BudgetExceeded):
                self.region.commit_as_fits(BLOCKS_THAT_FIT, 1, deadline=deadline)
        with self.assertRaisesRegex(ValueError, "block 2"):
            self.region.commit_as_fits(2, 4)
        with self.assertRaisesRegex(TypeError, "count"):
            self.region.commit_as_fits(0, "all")

    def test_a_deadline_ends_the_wait(self):
        self.region.commit(0, BLOCKS_THAT_FIT)
        for deadline in (0, 0.001, None):
            with self.assertRaises(governor.BudgetExceeded):
                self.region.commit(BLOCKS_THAT_FIT, 1, deadline=deadline)
        for deadline, error in (
            (-1, ValueError),
            (float("nan"), ValueError),
            (True, TypeError),
            ("1s", TypeError),
        ):
            with self.subTest(deadline=deadline), self.assertRaises(error):
                self.region.commit(BLOCKS_THAT_FIT, 1, deadline=deadline)

    def test_wrong_blocks_are_named(self):
        self.region.commit(1, 1)
        for first, count, error, text in (
            (0, 2, ValueError, "block 1"),  # committed already
            (0, 0, ValueError, "0"),
            (64, 1, ValueError, "64"),
            (2, 1 << 63, ValueError, str(1 << 63)),
            (-1, 1, ValueError, "-1"),
            (0, 1 << 64, ValueError, str(1 << 64)),
            (0.0, 1, TypeError, "0.0"),
            (0, True, TypeError, "True"),
            ("0", 1, TypeError, "'0'"),
        ):
            with self.subTest(first=first, count=count):
                with self.assertRaisesRegex(error, text):
                    self.region.commit(first, count)
        with self.assertRaisesRegex(ValueError, "block 2"):
            self.region.decommit(1, 2)
        with self.assertRaisesRegex(ValueError, "64"):
            self.region.is_committed(64)
        with self.assertRaisesRegex(ValueError, "-1"):
            self.region.is_committed(-1)
        self.assertEqual(self.region.resident, BLOCK)

    def test_wrong_sizes_are_named(self):
        for size, block, text in (
            (0, BLOCK, "0 bytes"),
            ("50%", BLOCK, "50%"),
            (BLOCK, 0, "granularity"),
            (BLOCK, "3MiB", "granularity"),
            (1 << 63, BLOCK, str(1 << 63)),
        ):
            with self.subTest(size=size, block=block):
                with self.assertRaisesRegex(ValueError, text):
                    self.gov.region(size, block=block)

    def test_a_closed_region_says_so(self):
        region = self.gov.region("8MiB")
        region.commit(0, 2)
        region.close()
        region.close()
        self.assertEqual(self.gov.granted, self.gov.snapshot().cached_bytes)
        for use in (
            lambda: region.commit(0, 1),
            lambda: region.decommit(0, 1),
            lambda: region.is_committed(0),
            lambda: region.view(),
            lambda: region.resident,
            lambda: region.address,
            lambda: region.__dlpack__(),
        ):
            with self.assertRaisesRegex(governor.GovernorError, "closed"):
                use()
        self.assertEqual(region.size, 8 * MiB)
        self.assertIn("closed", repr(region))

    def test_a_with_block_closes_it(self):
        with self.gov.region("8MiB") as region:
            region.commit(0, 4)
        with self.assertRaises(governor.GovernorError):
            region.resident

    def test_a_dropped_region_gives_everything_back(self):
        region = self.gov.region("8MiB")
        region.commit(0, 4)
        del region
        gc.collect()
        self.assertEqual(self.gov.granted, self.gov.snapshot().cached_bytes)

    def test_it_outlives_the_name_of_its_governor(self):
        region = open_governor().region("8MiB")
        gc.collect()
        region.commit(0, 4)
        self.assertEqual(region.resident, 8 * MiB)

    def test_it_can_be_closed_after_its_governor(self):
        gov = open_governor()
        region = gov.region("8MiB")
        gov.close()
        with self.assertRaises(governor.GovernorError):
            region.commit(0, 1)
        region.close()


if __name__ == "__main__":
    unittest.main()
