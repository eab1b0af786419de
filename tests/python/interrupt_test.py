"""Ctrl-C while governor waits, requests that are one request, and what is dropped."""

import gc
import os
import signal
import sys
import threading
import time
import unittest
import warnings

import governor
from small_host import ALLOWANCE, BUDGET, MiB, open_governor

ALL = BUDGET - ALLOWANCE
LONG = 60  # seconds that no test takes


class Blocker:
    """A callback that stays in its call until it may leave, and gives nothing."""

    def __init__(self):
        self.calls = []
        self.done = []
        self.entered, self.leave = threading.Event(), threading.Event()

    def __call__(self, wanted, seconds):
        self.calls.append(seconds)
        self.entered.set()
        self.leave.wait(LONG)
        self.done.append(True)


class InterruptTest(unittest.TestCase):
    def setUp(self):
        self.gov = open_governor()
        self.addCleanup(self.gov.close)
        self.blocker = Blocker()
        self.addCleanup(self.blocker.leave.set)

    def register(self):
        """A registration whose callback is in its call, on the governor's thread."""
        registration = self.gov.on_reclaim(self.blocker)
        with self.gov.lease(ALL), self.assertRaises(governor.BudgetExceeded):
            self.gov.lease(MiB, deadline=0.05)
        self.assertTrue(self.blocker.entered.wait(LONG))
        return registration

    def interrupt(self, call, *arguments):
        """Ctrl-C while `call` waits for the callback, or just before."""
        interrupt = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT])
        with self.assertRaises(KeyboardInterrupt):
            interrupt.start()
            call(*arguments)
        interrupt.join()
        # It was not the callback's end that ended the wait.
        self.assertEqual(self.blocker.done, [])

    def test_ctrl_c_ends_the_wait_of_cancel_and_it_can_be_called_again(self):
        registration = self.register()
        self.interrupt(registration.cancel)
        self.interrupt(registration.__exit__, None, None, None)
        threading.Timer(0.05, self.blocker.leave.set).start()
        registration.cancel()
        self.assertEqual(self.blocker.done, [True])
        registration.cancel()
        with self.gov.lease(ALL), self.assertRaises(governor.BudgetExceeded):
            self.gov.lease(MiB, deadline=0.05)
        self.assertEqual(len(self.blocker.calls), 1)

    def test_ctrl_c_ends_the_wait_of_close_and_it_can_be_called_again(self):
        registration = self.register()
        self.interrupt(self.gov.close)
        self.assertNotIn("closed", repr(self.gov))
        self.gov.lease(MiB).release()
        self.interrupt(self.gov.__exit__, KeyError, KeyError(), None)
        threading.Timer(0.05, self.blocker.leave.set).start()
        self.gov.close()
        self.assertEqual(self.blocker.done, [True])
        self.assertIn("closed", repr(self.gov))
        registration.cancel()

    def test_a_close_that_was_interrupted_leaves_the_thread_at_work(self):
        registration = self.register()
        self.interrupt(self.gov.close)
        self.blocker.leave.set()
        registration.cancel()
        leases = [self.gov.lease(ALL)]
        with self.gov.on_reclaim(lambda wanted, seconds: leases.pop().release()):
            self.gov.lease(MiB, deadline=LONG).release()
        self.assertEqual(leases, [])

    def test_another_that_cancels_goes_on_where_one_was_interrupted(self):
        registration = self.register()
        seen = []

        def cancel():
            registration.cancel()
            seen.append(list(self.blocker.done))

        other = threading.Thread(target=cancel)
        interrupt = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
        with self.assertRaises(KeyboardInterrupt):
            interrupt.start()
            other.start()
            registration.cancel()
        interrupt.join()
        self.assertEqual(self.blocker.done, [])
        self.blocker.leave.set()
        other.join()
        self.assertEqual(seen, [[True]])

    def test_a_drop_waits_for_nobody(self):
        registration = self.register()
        with self.assertWarns(RuntimeWarning):
            del registration
            gc.collect()
        self.assertEqual(self.blocker.done, [])
        with self.gov.lease(ALL), self.assertRaises(governor.BudgetExceeded):
            self.gov.lease(MiB, deadline=0.05)
        self.blocker.leave.set()
        self.gov.close()
        self.assertEqual(len(self.blocker.calls), 1)

    def test_a_governor_that_is_dropped_waits_for_nobody(self):
        threads = set(os.listdir("/proc/self/task"))
        gov, blocker = open_governor(), Blocker()
        registration, lease = gov.on_reclaim(blocker), gov.lease(ALL)
        with self.assertRaises(governor.BudgetExceeded):
            gov.lease(MiB, deadline=0.05)
        self.assertTrue(blocker.entered.wait(LONG))
        lease.release()
        with self.assertWarns(RuntimeWarning):
            del gov, registration, lease
        self.assertEqual(blocker.done, [])
        blocker.leave.set()
        until = time.monotonic() + LONG
        while set(os.listdir("/proc/self/task")) - threads:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.001)
        self.assertEqual(blocker.done, [True])

    def test_ctrl_c_ends_every_kind_of_request(self):
        region = self.gov.region(ALL)
        for request in (
            lambda: self.gov.lease(MiB, deadline=LONG),
            lambda: self.gov.transient("capture", MiB, deadline=LONG),
            lambda: region.commit(0, 1, deadline=LONG),
            lambda: region.commit_as_fits(0, 1, deadline=float("inf")),
        ):
            with self.gov.lease(ALL), self.subTest(request):
                self.interrupt(request)
            self.assertEqual(self.gov.granted, 0)
        self.assertEqual(region.resident, 0)
        region.close()

    def test_a_handler_that_does_not_raise_ends_no_wait(self):
        handled, lease = [], self.gov.lease(ALL)

        def handle(*_):
            handled.append(self.gov.headroom)
            lease.release()

        before = signal.signal(signal.SIGUSR1, handle)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        interrupt = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1])
        interrupt.start()
        with self.gov.lease(ALL, deadline=LONG):
            self.assertEqual(handled, [0])
        interrupt.join()


class OneRequestTest(unittest.TestCase):
    """A request that waits is one, whatever Python does meanwhile."""

    def setUp(self):
        self.gov = open_governor(tick=True)
        self.addCleanup(self.gov.close)

    def test_callbacks_are_told_the_requests_own_deadline(self):
        region = self.gov.region(ALL)
        for request in (
            lambda: self.gov.lease(MiB, deadline=LONG).release(),
            lambda: self.gov.transient("capture", MiB, deadline=LONG).end(),
            lambda: region.commit(0, 1, deadline=LONG),
            lambda: region.commit_as_fits(1, 1, deadline=LONG),
        ):
            lease, told = self.gov.lease(self.gov.headroom), []

            def give_back(wanted, seconds):
                told.append(seconds)
                lease.release()

            with self.subTest(request), self.gov.on_reclaim(give_back):
                asker = threading.Thread(target=request)
                asker.start()
                while asker.is_alive():
                    self.gov.tick()
                    asker.join(0.001)
                self.assertGreater(told[0], LONG / 2)
                self.assertLessEqual(told[0], LONG)
        region.close()

    def test_each_tick_finds_the_request_that_waits(self):
        lease, told = self.gov.lease(ALL), []
        with self.gov.on_reclaim(lambda wanted, seconds: told.append(wanted)):
            asker = threading.Thread(
                target=lambda: self.gov.lease(MiB, deadline=LONG).release()
            )
            asker.start()
            while not told:
                self.gov.tick()
            until = time.monotonic() + 0.3  # several looks at signals
            while time.monotonic() < until:
                before = len(told)
                self.gov.tick()
                self.assertGreater(len(told), before)
            lease.release()
            asker.join()
        self.assertEqual(set(told), {MiB})


class DropTest(unittest.TestCase):
    """A registration that nobody keeps."""

    def setUp(self):
        self.gov = open_governor(tick=True)
        self.addCleanup(self.gov.close)

    def test_one_that_is_dropped_at_once_warns_where_it_is(self):
        with self.assertWarnsRegex(RuntimeWarning, "on_reclaim.*keep") as caught:
            self.gov.on_reclaim(print)
        self.assertEqual(os.path.basename(caught.filename), "interrupt_test.py")

    def test_one_that_was_ended_is_silent(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.gov.on_reclaim(print):
                pass
            self.gov.on_reclaim(print).cancel()
            with open_governor(tick=True) as closed:
                registration = closed.on_reclaim(print)
            del registration
            gc.collect()

    def test_a_warning_that_is_an_error_harms_nobody(self):
        seen = []
        before, sys.unraisablehook = sys.unraisablehook, seen.append
        self.addCleanup(setattr, sys, "unraisablehook", before)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.gov.on_reclaim(print)
        self.assertEqual([report.exc_type for report in seen], [RuntimeWarning])


if __name__ == "__main__":
    unittest.main()
