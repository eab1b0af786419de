"""A forked child owns nothing of its parent's."""

import gc
import os
import unittest
import weakref

import numpy

import governor
from small_host import BLOCK, MiB, open_governor


def in_child(function):
    """What `function` returns, as text, or how it failed, in a forked child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = str(function())
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        answer = pipe.read().decode()
    assert os.waitpid(child, 0)[1] == 0
    return answer


class ForkTest(unittest.TestCase):
    def setUp(self):
        self.gov = open_governor()
        self.region = self.gov.region("8MiB")
        self.region.commit(0, 2)
        self.lease = self.gov.lease(MiB)

    def tearDown(self):
        # The children changed nothing here.
        self.assertEqual(self.gov.granted, 2 * BLOCK + MiB)
        self.assertEqual(self.region.resident, 2 * BLOCK)
        self.lease.release()
        self.region.close()
        self.gov.close()

    def test_every_use_says_so(self):
        gov, region = self.gov, self.region
        for name, use in dict(
            mem_get_info=gov.mem_get_info,
            granted=lambda: gov.granted,
            headroom=lambda: gov.headroom,
            snapshot=gov.snapshot,
            make_region=lambda: gov.region("2MiB"),
            make_lease=lambda: gov.lease(1),
            close=gov.close,
            commit=lambda: region.commit(2, 1),
            decommit=lambda: region.decommit(0, 1),
            resident=lambda: region.resident,
            is_committed=lambda: region.is_committed(0),
            dlpack=lambda: region.view(0, 1).__dlpack__(),
            close_region=region.close,
            release=self.lease.release,
            settle=self.lease.settle,
            on_reclaim=lambda: gov.on_reclaim(print),
            transient=lambda: gov.transient("x", 1),
            keep_in_memory=lambda: gov.keep_in_memory(bytearray(1)),
            page_back=gov.page_back,
            start_thread=gov.start_thread,
            tick=gov.tick,
        ).items():
            with self.subTest(name):
                self.assertRegex(in_child(use), "^GovernorError: .*child")

    def test_leaving_with_blocks_is_silent(self):
        def leave():
            for manager in (self.lease, self.region, self.gov):
                manager.__exit__(None, None, None)
            return "left"

        self.assertEqual(in_child(leave), "left")

    def test_dropping_everything_is_silent(self):
        arrays = [numpy.from_dlpack(self.region.view(0, 1))]
        held = (self.lease, self.region, self.gov)
        dropped = [weakref.ref(thing) for thing in held]
        del held

        def drop():
            del arrays[:], self.lease, self.region, self.gov
            gc.collect()
            # The last references, so the destructors ran.
            return [thing() for thing in dropped]

        self.assertEqual(in_child(drop), "[None, None, None]")
        del arrays[:]

    def test_a_child_has_no_thread_and_drops_its_callbacks(self):
        registration = self.gov.on_reclaim(lambda wanted, seconds: None)
        phase = self.gov.transient("x", MiB)
        kept = self.gov.keep_in_memory(bytearray(1 << 20))

        def drop():
            registration.cancel()
            phase.end()
            kept.release()
            del self.gov
            return "dropped"

        self.assertEqual(in_child(drop), "dropped")
        phase.end()
        kept.release()
        registration.cancel()

    def test_a_child_can_open_its_own(self):
        def open_own():
            with open_governor() as own, own.region("4MiB") as region:
                region.commit(0, 2)
                return region.resident

        self.assertEqual(in_child(open_own), str(2 * BLOCK))


if __name__ == "__main__":
    unittest.main()
