"""Leases and tags."""

import gc
import os
import signal
import threading
import unittest

import governor
from small_host import ALLOWANCE, BUDGET, MiB, open_governor


class LeaseTest(unittest.TestCase):
    def setUp(self):
        self.gov = open_governor()
        self.addCleanup(self.gov.close)

    def test_holds_until_it_is_released(self):
        lease = self.gov.lease("5MiB")
        self.assertEqual(lease.size, 5 * MiB)
        self.assertEqual(self.gov.granted, 5 * MiB)
        lease.release()
        lease.release()
        self.assertEqual(lease.size, 0)
        self.assertEqual(self.gov.granted, 0)

    def test_ends_with_its_block_also_when_that_fails(self):
        with self.assertRaises(KeyError):
            with self.gov.lease(MiB) as lease:
                self.assertEqual(lease.size, MiB)
                raise KeyError
        self.assertEqual(self.gov.granted, 0)

    def test_ctrl_c_ends_a_wait(self):
        with self.gov.lease(self.gov.headroom):
            # Whether it comes before the wait or within it, it ends the call.
            interrupt = threading.Timer(
                0.1, os.kill, [os.getpid(), signal.SIGINT])
            with self.assertRaises(KeyboardInterrupt):
                interrupt.start()
                self.gov.lease(1, deadline=float("inf"))
            interrupt.join()
        self.assertEqual(self.gov.granted, 0)

    def test_closing_does_not_hide_what_was_raised(self):
        with self.assertRaises(KeyError):
            with open_governor() as gov:
                lease = gov.lease(MiB)
                raise KeyError
        with self.assertRaises(governor.GovernorError):
            with gov:
                pass
        lease.release()
        gov.close()

    def test_a_dropped_lease_gives_back(self):
        self.gov.lease(MiB)
        gc.collect()
        self.assertEqual(self.gov.granted, 0)

    def test_it_outlives_the_name_of_its_governor(self):
        lease = open_governor().lease(MiB)
        gc.collect()
        self.assertEqual(lease.size, MiB)
        lease.release()

    def test_arguments_are_checked(self):
        for arguments, error, text in (
            (dict(size=0), ValueError, "0"),
            (dict(size=-5), ValueError, "-5"),
            (dict(size="2GB!"), ValueError, "2GB!"),
            (dict(size=2.5), TypeError, "2.5"),
            (dict(size=1, priority="high"), TypeError, "priority.*high"),
            (dict(size=1, deadline=-2), ValueError, "deadline.*-2"),
            (dict(size=1, deadline="soon"), TypeError, "deadline.*soon"),
        ):
            with self.subTest(**arguments):
                with self.assertRaisesRegex(error, text):
                    self.gov.lease(**arguments)
        self.gov.lease(1, priority=-3, deadline=0.5).release()

    def test_waits_without_the_gil(self):
        everything = self.gov.lease(BUDGET - ALLOWANCE)
        started = threading.Event()
        granted = []

        def wait():
            started.set()
            with self.gov.lease(MiB, deadline=60) as lease:
                granted.append(lease.size)

        waiter = threading.Thread(target=wait)
        waiter.start()
        started.wait()
        everything.release()
        waiter.join()
        self.assertEqual(granted, [MiB])

    def test_a_governor_is_not_closed_under_a_waiter(self):
        everything = self.gov.lease(BUDGET - ALLOWANCE)
        waiter = threading.Thread(
            target=lambda: self.gov.lease(MiB, deadline=60).release()
        )
        waiter.start()
        with self.assertRaises(governor.GovernorError):
            self.gov.close()
        everything.release()
        waiter.join()


class TagTest(unittest.TestCase):
    def setUp(self):
        self.gov = open_governor()
        self.addCleanup(self.gov.close)

    def asker(self):
        """The tag of a request made now."""
        with self.assertRaises(governor.BudgetExceeded) as caught:
            self.gov.lease(2 * BUDGET)
        return caught.exception.tag

    def test_names_what_is_granted_inside(self):
        self.assertEqual(self.asker(), "untagged")
        with self.gov.tag("kv") as tag:
            self.assertEqual(tag.name, "kv")
            with self.gov.tag("prefix"):
                self.assertEqual(self.asker(), "prefix")
            self.assertEqual(self.asker(), "kv")
        self.assertEqual(self.asker(), "untagged")

    def test_is_of_one_thread(self):
        seen = []
        with self.gov.tag("kv"):
            other = threading.Thread(target=lambda: seen.append(self.asker()))
            other.start()
            other.join()
        self.assertEqual(seen, ["untagged"])

    def test_ends_when_its_block_fails(self):
        with self.assertRaises(KeyError), self.gov.tag("kv"):
            raise KeyError
        self.assertEqual(self.asker(), "untagged")

    def test_is_entered_once_and_left_where_it_was_entered(self):
        tag = self.gov.tag("kv")
        with tag:
            with self.assertRaisesRegex(governor.GovernorError, "kv"):
                tag.__enter__()
            errors = []

            def leave():
                try:
                    tag.__exit__(None, None, None)
                except governor.GovernorError as error:
                    errors.append(error)

            other = threading.Thread(target=leave)
            other.start()
            other.join()
            self.assertEqual(len(errors), 1)
            self.assertEqual(self.asker(), "kv")
        with tag:  # a tag can be used again
            self.assertEqual(self.asker(), "kv")

    def test_names_are_checked(self):
        for name, error in (
            ("", ValueError),
            ("x" * 64, ValueError),
            ("two\nlines", ValueError),
            ("ünicode", ValueError),
            (7, TypeError),
        ):
            with self.subTest(name=name), self.assertRaises(error):
                self.gov.tag(name)

    def test_a_process_has_only_so_many(self):
        for name in ("kv", "prefix"):  # which the other tests need
            self.gov.tag(name)
        with self.assertRaisesRegex(governor.GovernorError, "64"):
            for i in range(65):
                self.gov.tag(f"name{i}")


if __name__ == "__main__":
    unittest.main()
