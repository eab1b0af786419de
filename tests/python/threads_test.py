"""Many threads on one governor."""

import random
import threading
import unittest

import governor
from small_host import (ALLOWANCE, BLOCK, BLOCKS_THAT_FIT, BUDGET,
                        open_governor)

THREADS = 64
BLOCKS_EACH = 4
ROUNDS = 200


def run_in_threads(work):
    """Calls work(i) on THREADS threads at once, and raises what they raise."""
    errors = []
    together = threading.Barrier(THREADS)

    def run(i):
        together.wait()
        try:
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[i]) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class ThreadsTest(unittest.TestCase):
    def test_blocks_of_ones_own_are_granted_or_refused(self):
        granted, refused = [0] * THREADS, [0] * THREADS
        with open_governor() as gov:
            region = gov.region(THREADS * BLOCKS_EACH * BLOCK)

            def work(i):
                choose = random.Random(i)
                mine = set()
                for _ in range(ROUNDS):
                    block = i * BLOCKS_EACH + choose.randrange(BLOCKS_EACH)
                    try:
                        if block in mine:
                            region.decommit(block, 1)
                            mine.remove(block)
                        else:
                            region.commit(block, 1)
                            mine.add(block)
                            granted[i] += 1
                    except governor.BudgetExceeded as error:
                        self.assertEqual(error.limited_by, "budget")
                        refused[i] += 1
                for block in mine:
                    self.assertTrue(region.is_committed(block))
                    region.decommit(block, 1)

            # What is left is less than one thread alone may want.
            with gov.lease((BLOCKS_THAT_FIT - BLOCKS_EACH // 4) * BLOCK):
                run_in_threads(work)
            self.assertEqual(region.resident, 0)
            self.assertGreater(sum(granted), 0)
            self.assertGreater(sum(refused), 0)
            self.assertLessEqual(
                gov.snapshot().peak_granted_bytes, BUDGET - ALLOWANCE
            )
            region.close()

    def test_the_same_block_is_granted_once(self):
        with open_governor() as gov, gov.region("2MiB") as region:
            winners = []

            def work(i):
                try:
                    region.commit(0, 1)
                    winners.append(i)
                except (ValueError, governor.GovernorError):
                    pass  # committed already, or another thread is at it

            run_in_threads(work)
            self.assertEqual(len(winners), 1)

    def test_a_lease_is_settled_and_given_back_once(self):
        with open_governor() as gov:
            for _ in range(ROUNDS // 10):
                lease = gov.lease(BLOCK)

                def work(i):
                    lease.settle()
                    self.assertIn(lease.size, (0, BLOCK))
                    lease.release()
                    self.assertEqual(lease.size, 0)

                run_in_threads(work)
                self.assertEqual(gov.granted, 0)

    def test_closing_under_others_is_an_error_or_done(self):
        gov = open_governor()
        region = gov.region("8MiB")
        closed = []

        def work(i):
            try:
                if i % 2:
                    gov.close()
                    closed.append(i)
                else:
                    region.commit(i % 4, 1)
                    region.decommit(i % 4, 1)
            except (ValueError, governor.GovernorError):
                pass

        run_in_threads(work)
        region.close()
        gov.close()


if __name__ == "__main__":
    unittest.main()
