"""Phases that take memory which governor does not allocate."""

import gc
import os
import threading
import unittest

import governor
from small_host import ALLOWANCE, BUDGET, MiB, open_governor

ALL = BUDGET - ALLOWANCE


class TransientTest(unittest.TestCase):
    def setUp(self):
        # Where peaks are recorded.
        self.home = os.path.join(os.environ["TEST_TMPDIR"], self.id())
        os.makedirs(self.home, exist_ok=True)
        os.environ["XDG_CONFIG_HOME"] = self.home
        self.gov = open_governor(tick=True)
        self.addCleanup(self.gov.close)

    def test_reserves_while_it_lasts(self):
        with self.gov.transient("graph_capture", "16MiB") as phase:
            self.assertEqual((phase.name, phase.size), ("graph_capture", 16 * MiB))
            self.assertIn("graph_capture", repr(phase))
            self.assertEqual(self.gov.headroom, ALL - 16 * MiB)
            with self.assertRaises(governor.BudgetExceeded):
                self.gov.lease(ALL)
        self.assertEqual(self.gov.headroom, ALL)
        self.assertEqual(phase.peak, 0)
        phase.end()

    def test_one_that_ended_cannot_be_entered(self):
        phase = self.gov.transient("graph_capture", "16MiB")
        with phase:
            pass
        with self.assertRaisesRegex(governor.GovernorError, "has ended"):
            phase.__enter__()
        self.assertEqual(self.gov.headroom, ALL)

    def test_a_phase_of_which_nothing_was_measured_is_not_recorded(self):
        self.gov.transient("compile", "8MiB").end()
        path = os.path.join(self.home, "governor", "phases.json")
        self.assertFalse(os.path.exists(path))

    def test_what_is_reclaimable_shrinks_first(self):
        leases = [self.gov.lease(ALL // 4) for _ in range(4)]

        def shrink(wanted, seconds):
            given = 0
            while given < wanted and leases:
                given += leases[-1].size
                leases.pop().release()
            return given

        phases = []
        with self.gov.on_reclaim(shrink):
            asker = threading.Thread(
                target=lambda: phases.append(
                    self.gov.transient("capture", ALL // 2, deadline=60)
                )
            )
            asker.start()
            while asker.is_alive():
                self.gov.tick()
                asker.join(0.001)
        self.assertEqual(len(leases), 2)
        self.assertEqual(phases[0].size, ALL // 2)
        phases[0].end()
        leases.clear()

    def test_ends_when_its_body_fails(self):
        with self.assertRaises(KeyError):
            with self.gov.transient("capture", MiB):
                raise KeyError
        self.assertEqual(self.gov.headroom, ALL)

    def test_a_dropped_one_gives_back(self):
        self.gov.transient("capture", MiB)
        gc.collect()
        self.assertEqual(self.gov.headroom, ALL)

    def test_one_that_does_not_fit_is_refused(self):
        with self.assertRaises(governor.BudgetExceeded) as caught:
            self.gov.transient("capture", ALL + 1)
        self.assertEqual(caught.exception.limited_by, "budget")
        self.assertEqual(caught.exception.tag, "capture")
        self.assertEqual(caught.exception.headroom, ALL)

    def test_arguments_are_checked(self):
        for arguments, error, text in (
            (dict(name="", size=1), ValueError, "1 to 63"),
            (dict(name=3, size=1), TypeError, "name.*3"),
            (dict(name="capture", size=0), ValueError, "0"),
            (dict(name="capture", size="lots"), ValueError, "lots"),
            (dict(name="capture", size=1, deadline="soon"), TypeError, "deadline"),
        ):
            with self.subTest(**arguments):
                with self.assertRaisesRegex(error, text):
                    self.gov.transient(**arguments)

    def test_it_may_end_after_its_governor_was_closed(self):
        gov = open_governor()
        phase = gov.transient("capture", MiB)
        try:
            gov.close()
        except governor.GovernorError:
            pass  # it holds bytes
        phase.end()
        gov.close()


if __name__ == "__main__":
    unittest.main()
