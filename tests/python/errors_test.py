"""What a refusal tells."""

import pickle
import unittest

import governor
from small_host import ALLOWANCE, BLOCK, BLOCKS_THAT_FIT, BUDGET, open_governor


class BudgetExceededTest(unittest.TestCase):
    def refusal(self):
        with open_governor() as gov, gov.region("128MiB") as region:
            with gov.tag("kv"):
                region.commit(0, BLOCKS_THAT_FIT - 1)
            with gov.tag("prefix"), self.assertRaises(
                governor.BudgetExceeded
            ) as caught:
                region.commit(BLOCKS_THAT_FIT - 1, 2)
        return caught.exception

    def test_has_the_numbers_of_the_moment(self):
        error = self.refusal()
        self.assertIsInstance(error, MemoryError)
        self.assertEqual(error.asked, 2 * BLOCK)
        self.assertEqual(error.granted, BUDGET - BLOCK)
        self.assertEqual(error.limit, BUDGET)
        self.assertEqual(error.limited_by, "budget")
        self.assertEqual(error.headroom, BLOCK)
        self.assertEqual(
            error.holders,
            [("kv", BUDGET - ALLOWANCE - BLOCK), ("allowance", ALLOWANCE)],
        )
        self.assertEqual(error.tag, "prefix")
        for part in ("4MiB", "64MiB", "prefix", "kv"):
            self.assertIn(part, str(error))

    def test_crosses_processes(self):
        error = self.refusal()
        with self.assertRaises(governor.DoesNotFit) as caught:
            open_governor(budget="1TiB")
        for error in (error, caught.exception):
            copy = pickle.loads(pickle.dumps(error))
            self.assertIs(type(copy), type(error))
            self.assertEqual(str(copy), str(error))
            self.assertEqual(vars(copy), vars(error))

    def test_kinds(self):
        self.assertTrue(issubclass(governor.DriverUnavailable, OSError))
        self.assertTrue(issubclass(governor.GovernorError, RuntimeError))
        self.assertFalse(issubclass(governor.GovernorError, MemoryError))


if __name__ == "__main__":
    unittest.main()
