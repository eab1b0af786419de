"""Callbacks that give back: which thread they run on, and what they cannot break."""

import gc
import os
import sys
import threading
import time
import unittest
import weakref

import governor
from small_host import ALLOWANCE, BUDGET, MiB, open_governor

ALL = BUDGET - ALLOWANCE
LONG = 60  # seconds that no test takes


class Cache:
    """Leases that go one by one when it is asked to give back."""

    def __init__(self, gov, size=ALL, parts=4):
        self.leases = [gov.lease(size // parts) for _ in range(parts)]
        self.asked = []
        self.threads = []

    def give_back(self, wanted, seconds):
        self.asked.append((wanted, seconds))
        self.threads.append(threading.current_thread())
        given = 0
        while given < wanted and self.leases:
            lease = self.leases.pop()
            given += lease.size
            lease.release()
        return given


class Unraisable:
    """What went to sys.unraisablehook meanwhile."""

    def __enter__(self):
        self.before = sys.unraisablehook
        self.seen = []
        sys.unraisablehook = lambda report: self.seen.append(report.exc_type)
        return self.seen

    def __exit__(self, *_):
        sys.unraisablehook = self.before


class ThreadTest(unittest.TestCase):
    """The governor's own thread."""

    def setUp(self):
        self.gov = open_governor()
        self.addCleanup(self.gov.close)

    def test_a_lease_that_waits_is_served_by_another_thread(self):
        cache = Cache(self.gov)
        with self.gov.on_reclaim(cache.give_back):
            with self.gov.lease(ALL // 2, deadline=LONG) as lease:
                self.assertEqual(lease.size, ALL // 2)
            # The main thread waited in lease() without the GIL.
            self.assertNotIn(threading.main_thread(), cache.threads)
            wanted, seconds = cache.asked[0]
            self.assertIs(type(wanted), int)
            self.assertIs(type(seconds), float)
            self.assertEqual(wanted, ALL // 2)
            self.assertLessEqual(seconds, LONG)
        cache.leases.clear()

    def test_a_commit_that_waits_is_served(self):
        cache = Cache(self.gov)
        with self.gov.on_reclaim(cache.give_back), self.gov.region("8MiB") as region:
            region.commit(0, 4, deadline=LONG)
            self.assertEqual(region.resident, 8 * MiB)
        cache.leases.clear()

    def test_a_callback_that_blocks_delays_nobody_past_the_deadline(self):
        lease = self.gov.lease(ALL)
        entered, leave = threading.Event(), threading.Event()

        def block(wanted, seconds):
            entered.set()
            leave.wait(LONG)

        registration = self.gov.on_reclaim(block)
        with self.assertRaises(governor.BudgetExceeded):
            self.gov.lease(MiB, deadline=0.2)
        self.assertTrue(entered.wait(LONG))
        leave.set()
        registration.cancel()
        lease.release()

    def test_cancel_waits_for_the_call_under_way(self):
        lease = self.gov.lease(ALL)
        entered, leave, done = threading.Event(), threading.Event(), []

        def block(wanted, seconds):
            entered.set()
            leave.wait(LONG)
            done.append(True)

        registration = self.gov.on_reclaim(block)
        asker = threading.Thread(
            target=lambda: self.gov.lease(MiB, deadline=LONG).release()
        )
        asker.start()
        entered.wait(LONG)
        threading.Timer(0.05, leave.set).start()
        registration.cancel()
        self.assertTrue(done)
        registration.cancel()
        lease.release()
        asker.join()

    def block_until(self, leave, then):
        """A callback that waits for `leave`, entered; what it was registered as."""
        entered = threading.Event()

        def block(wanted, seconds):
            entered.set()
            leave.wait(LONG)
            then()

        registration = self.gov.on_reclaim(block)
        with self.assertRaises(governor.BudgetExceeded):
            self.gov.lease(ALL, deadline=0.05)
        self.assertTrue(entered.wait(LONG))
        return registration

    def test_each_of_two_that_cancel_waits_for_the_call_under_way(self):
        lease = self.gov.lease(ALL)
        leave, done, seen = threading.Event(), [], []
        registration = self.block_until(leave, lambda: done.append(True))

        def cancel():
            registration.cancel()
            seen.append(list(done))

        cancellers = [threading.Thread(target=cancel) for _ in range(2)]
        for canceller in cancellers:
            canceller.start()
        threading.Timer(0.05, leave.set).start()
        for canceller in cancellers:
            canceller.join()
        self.assertEqual(seen, [[True], [True]])
        lease.release()

    def test_a_callback_may_cancel_what_another_thread_is_cancelling(self):
        lease = self.gov.lease(ALL)
        leave, done, held = threading.Event(), [], []

        def cancel_too():
            held[0].cancel()
            done.append(True)

        held.append(self.block_until(leave, cancel_too))
        threading.Timer(0.05, leave.set).start()
        held[0].cancel()
        self.assertEqual(done, [True])
        lease.release()

    def test_close_waits_for_a_callback_that_gives_back(self):
        region = self.gov.region(ALL)
        region.commit(0, region.num_blocks)
        leave, done = threading.Event(), []

        def give_back():
            region.decommit(0, region.num_blocks)
            done.append(True)

        registration = self.block_until(leave, give_back)
        threading.Timer(0.05, leave.set).start()
        self.gov.close()
        self.assertEqual(done, [True])
        registration.cancel()
        with self.assertRaisesRegex(governor.GovernorError, "closed"):
            self.gov.lease(MiB)

    def test_close_that_is_refused_leaves_all_as_it_was(self):
        lease = self.gov.lease(ALL)
        leave, done = threading.Event(), []
        with self.block_until(leave, lambda: done.append(True)):
            threading.Timer(0.05, leave.set).start()
            with self.assertRaisesRegex(governor.GovernorError, "still hold"):
                self.gov.close()
            lease.release()
        self.assertEqual(done, [True])
        # The thread is there again.
        cache = Cache(self.gov)
        with self.gov.on_reclaim(cache.give_back):
            self.gov.lease(MiB, deadline=LONG).release()
        cache.leases.clear()

    def test_a_callback_may_drop_the_last_reference_to_its_governor(self):
        leave, left, held = threading.Event(), threading.Event(), {}
        threads = set(os.listdir("/proc/self/task"))
        gov = open_governor()

        def drop(wanted, seconds):
            entered.set()
            leave.wait(LONG)
            held.clear()
            left.set()

        entered = threading.Event()
        held.update(lease=gov.lease(ALL), registration=gov.on_reclaim(drop))
        with self.assertRaises(governor.BudgetExceeded):
            gov.lease(MiB, deadline=0.05)
        self.assertTrue(entered.wait(LONG))
        del gov
        leave.set()
        self.assertTrue(left.wait(LONG))
        # Its thread ends, and so does the one that ends it.
        until = time.monotonic() + LONG
        while set(os.listdir("/proc/self/task")) - threads:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.001)

    def test_a_callback_may_use_the_governor_but_not_close_it(self):
        lease = self.gov.lease(ALL)
        errors = []

        def use(wanted, seconds):
            self.gov.snapshot()
            self.gov.tick()
            lease.release()
            try:
                self.gov.close()
            except governor.GovernorError as error:
                errors.append(str(error))
            return ALL

        with self.gov.on_reclaim(use):
            self.gov.lease(MiB, deadline=LONG).release()
        self.assertTrue(errors)
        self.gov.lease(MiB).release()


class TickTest(unittest.TestCase):
    """The program's own loop."""

    def setUp(self):
        self.threads = threading.active_count()
        self.gov = open_governor(tick=True)
        self.addCleanup(self.gov.close)

    def ask_and_tick(self, size=MiB, deadline=LONG):
        """What became of a request on another thread while this one ticks."""
        answers = []

        def ask():
            try:
                with self.gov.lease(size, deadline=deadline) as lease:
                    answers.append(lease.size)
            except governor.BudgetExceeded as error:
                answers.append(error)

        asker = threading.Thread(target=ask)
        asker.start()
        while asker.is_alive():
            self.assertGreater(self.gov.tick(), 0)
            asker.join(0.001)
        return answers[0]

    def test_callbacks_run_inside_tick_and_no_thread_is_started(self):
        tasks = len(os.listdir("/proc/self/task"))
        cache = Cache(self.gov)
        with self.gov.on_reclaim(cache.give_back):
            self.assertEqual(len(os.listdir("/proc/self/task")), tasks)
            self.assertEqual(self.ask_and_tick(), MiB)
        self.assertEqual(set(cache.threads), {threading.main_thread()})
        cache.leases.clear()

    def test_cheap_ones_are_asked_first_and_then_low_priorities(self):
        lease = self.gov.lease(ALL)
        order = []

        def named(name):
            return lambda wanted, seconds: order.append(name)

        registrations = [
            self.gov.on_reclaim(named("last"), priority=5),
            self.gov.on_reclaim(named("third"), priority=1),
            self.gov.on_reclaim(named("second"), priority=-1),
            self.gov.on_reclaim(named("first"), priority=9, cheap=True),
        ]
        self.ask_and_tick(deadline=0.3)
        self.assertEqual(order[:4], ["first", "second", "third", "last"])
        for registration in registrations:
            registration.cancel()
        lease.release()

    def test_what_a_callback_raises_or_returns_harms_nobody(self):
        def fail(wanted, seconds):
            raise KeyError("mine")

        for callback, error in (
            (fail, KeyError),
            (lambda wanted, seconds: "all of it", TypeError),
            (lambda wanted, seconds: -1, ValueError),
            (lambda wanted, seconds: 1 << 70, ValueError),
            (lambda wanted, seconds: 2.5, TypeError),
            (lambda: 0, TypeError),
            (lambda wanted, seconds: sys.exit(3), SystemExit),
        ):
            with self.subTest(error=error), Unraisable() as seen:
                cache = Cache(self.gov)
                with self.gov.on_reclaim(callback, priority=-1):
                    with self.gov.on_reclaim(cache.give_back):
                        self.assertEqual(self.ask_and_tick(), MiB)
                self.assertIn(error, seen)
                cache.leases.clear()
                gc.collect()
                self.assertEqual(self.gov.granted, 0)

    def test_one_that_lies_gives_nothing_away(self):
        lease = self.gov.lease(ALL)
        with self.gov.on_reclaim(lambda wanted, seconds: wanted):
            answer = self.ask_and_tick(deadline=0.3)
        self.assertIsInstance(answer, governor.BudgetExceeded)
        self.assertEqual(self.gov.granted, ALL)
        lease.release()

    def test_cancel_inside_the_callback(self):
        lease = self.gov.lease(ALL)
        calls = []

        def once(wanted, seconds):
            calls.append(wanted)
            registration.cancel()

        registration = self.gov.on_reclaim(once)
        self.ask_and_tick(deadline=0.3)
        self.ask_and_tick(deadline=0.3)
        self.assertEqual(len(calls), 1)
        lease.release()

    def test_a_callback_may_drop_its_own_registration_and_raise(self):
        lease = self.gov.lease(ALL)
        held = []

        def drop(wanted, seconds):
            held.clear()
            raise KeyError

        held.append(self.gov.on_reclaim(drop))
        del drop
        with Unraisable() as seen:
            self.ask_and_tick(deadline=0.3)
        self.assertEqual(seen, [KeyError])
        lease.release()

    def test_one_that_keeps_its_own_registration_is_collected(self):
        class Engine:
            def shrink(self, wanted, seconds):
                asked.append(wanted)

        lease = self.gov.lease(ALL)
        asked = []
        engine = Engine()
        engine.registration = self.gov.on_reclaim(engine.shrink)
        seen = weakref.ref(engine)
        gc.collect()
        self.ask_and_tick(deadline=0.1)
        self.assertTrue(asked)
        del engine
        gc.collect()
        self.assertIsNone(seen())
        asked.clear()
        self.ask_and_tick(deadline=0.1)
        self.assertEqual(asked, [])
        lease.release()

    def test_a_dropped_registration_is_not_asked(self):
        lease = self.gov.lease(ALL)
        calls = []
        with self.assertWarns(RuntimeWarning):
            self.gov.on_reclaim(lambda wanted, seconds: calls.append(wanted))
            gc.collect()
        self.ask_and_tick(deadline=0.1)
        self.assertEqual(calls, [])
        lease.release()

    def test_close_inside_the_callback_is_refused(self):
        lease = self.gov.lease(ALL)
        errors = []

        def close(wanted, seconds):
            lease.release()
            try:
                self.gov.close()
            except governor.GovernorError as error:
                errors.append(error)

        with self.gov.on_reclaim(close):
            self.assertEqual(self.ask_and_tick(), MiB)
        self.assertEqual(len(errors), 1)

    def test_arguments_are_checked(self):
        for arguments, error, text in (
            (dict(callback=None), TypeError, "callback.*None"),
            (dict(callback=7), TypeError, "callback.*7"),
            (dict(callback=print, priority="low"), TypeError, "priority.*low"),
            (dict(callback=print, cheap=1), TypeError, "cheap.*1"),
        ):
            with self.subTest(**arguments):
                with self.assertRaisesRegex(error, text):
                    self.gov.on_reclaim(**arguments)

    def test_registrations_are_made_by_governors_alone(self):
        for kind in (
            governor.ReclaimRegistration,
            governor.Transient,
            governor.KeptMemory,
        ):
            with self.subTest(kind), self.assertRaises(TypeError):
                kind()


if __name__ == "__main__":
    unittest.main()
