"""Ctrl-C while governor waits, requests that are one request, and what is dropped."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import unittest
import warnings

import governor
from small_host import ALLOWANCE, BUDGET, MiB, open_governor

ALL = BUDGET - ALLOWANCE
LONG = 60  # seconds that no test takes
TASKS = "/proc/self/task"


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

    def handle(self, handler):
        """SIGUSR1 runs `handler` from now on."""
        before = signal.signal(signal.SIGUSR1, handler)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)

    def test_a_handler_may_cancel_what_is_cancelled_below_it(self):
        registration, handled = self.register(), []

        def handle(*_):
            threading.Timer(0.05, self.blocker.leave.set).start()
            registration.cancel()
            with registration:
                handled.append(True)

        self.handle(handle)
        signals = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1])
        signals.start()
        registration.cancel()
        self.assertEqual(self.blocker.done, [True])
        signals.join()
        self.assertEqual(handled, [True])

    def test_a_close_that_is_interrupted_too_late_raises_and_has_closed(self):
        tasks = set(os.listdir(TASKS))
        registration = self.register()
        (thread,) = set(os.listdir(TASKS)) - tasks

        def handle(*_):
            self.blocker.leave.set()
            while thread in os.listdir(TASKS):
                time.sleep(0.001)
            raise KeyError

        def interrupt():
            while "closed" not in repr(self.gov):  # or being closed
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGUSR1)

        self.handle(handle)
        other = threading.Thread(target=interrupt)
        other.start()
        with self.assertRaises(KeyError):
            self.gov.close()
        other.join()
        self.assertIn("closed", repr(self.gov))
        self.assertEqual(self.blocker.done, [True])
        self.gov.close()
        registration.cancel()

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

    def test_the_thread_that_ends_what_was_dropped_takes_no_signal(self):
        registration = self.register()
        tasks = set(os.listdir(TASKS))
        with self.assertWarns(RuntimeWarning):
            del registration
        (thread,) = set(os.listdir(TASKS)) - tasks
        with open(f"{TASKS}/{thread}/status") as status:
            (blocked,) = [int(s.split()[1], 16) for s in status if "SigBlk" in s]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            self.assertTrue(blocked >> (number - 1) & 1, number)
        self.assertEqual(signal.pthread_sigmask(signal.SIG_BLOCK, []), set())
        self.blocker.leave.set()

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

        self.handle(handle)
        interrupt = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1])
        interrupt.start()
        with self.gov.lease(ALL, deadline=LONG):
            self.assertEqual(handled, [0])
        interrupt.join()


class OtherThreadTest(unittest.TestCase):
    """A wait on another thread than the main one, where no handler runs."""

    def test_it_needs_no_gil_until_it_is_over(self):
        gov = open_governor()
        self.addCleanup(gov.close)
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        phase = gov.transient("capture", ALL)
        asker = threading.Thread(
            target=lambda: gov.lease(MiB, deadline=2 * LONG).release()
        )
        # From here on the GIL is this thread's: until it blocks, in start()
        # alone, and that until the other one is in its wait.
        sys.setswitchinterval(1000)
        asker.start()
        until = time.monotonic() + 0.3  # several looks at signals
        while time.monotonic() < until:
            pass
        # With the GIL held; a release() would let the other one have it.
        del phase
        until = time.monotonic() + LONG / 4
        while gov.granted != MiB and time.monotonic() < until:
            pass
        self.assertEqual(gov.granted, MiB)
        asker.join()
        self.assertEqual(gov.granted, 0)

    def test_the_main_thread_is_not_who_imports_first(self):
        code = """
import os, signal, threading

def load():
    global host
    import small_host as host

importer = threading.Thread(target=load)
importer.start()
importer.join()
with host.open_governor() as gov, gov.lease(gov.headroom):
    threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()
    try:
        gov.lease(1, deadline=1000)
    except KeyboardInterrupt:
        print("interrupted")
"""
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=LONG,
        )
        self.assertEqual((run.returncode, run.stdout), (0, "interrupted\n"), run.stderr)


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

    def test_ctrl_c_in_a_callback_reaches_whoever_called_tick(self):
        lease = self.gov.lease(ALL)

        def interrupted(wanted, seconds):
            os.kill(os.getpid(), signal.SIGINT)
            while True:  # until it is here
                pass

        with self.gov.on_reclaim(interrupted):
            asker = threading.Thread(
                target=lambda: self.gov.lease(MiB, deadline=LONG).release()
            )
            asker.start()
            with self.assertRaises(KeyboardInterrupt):
                while True:
                    self.gov.tick()
        lease.release()
        asker.join()

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
