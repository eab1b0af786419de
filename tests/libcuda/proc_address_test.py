"""cuGetProcAddress of libcuda.so.1 against every answer of the real one.

testdata/proc_addresses.txt is the whole sweep, as an H200 answered it. Each of
its answers was an exported address, and so must each of ours be."""

import ctypes
import os
import unittest

from tests.libcuda import shared_objects

SUCCESS, NOT_FOUND, NOT_SUFFICIENT = 0, 1, 2  # CUdriverProcAddressQueryResult

VERSIONS = [2000, 2010, 2020, 2030, 3000, 3010, 3020, 4000, 4010, 4020, 5000,
            5050, 6000, 6050, 7000, 7050, 8000, 9000, 9020, 10000, 10010, 10020,
            11000, 11010, 11020, 11030, 11040, 11050, 11060, 11070, 11080,
            12000, 12010, 12020, 12030, 12040, 12050, 12060, 12080, 12090,
            13000]


def golden():
    """{(name, flags): [(version, exported name or "-")]}"""
    answers = {}
    for line in shared_objects.testdata("proc_addresses.txt"):
        name, flags, *steps = line.split()
        steps = [step.split(":") for step in steps]
        answers[name, int(flags)] = [(int(v), n) for v, n in steps]
    return answers


class ProcAddressTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        os.environ["GOVERNOR_HOST_DRIVER"] = "h200"
        cls.library = ctypes.CDLL(shared_objects.LIBCUDA)
        cls.name_at = {
            cls.address(name): name
            for name in shared_objects.exports(shared_objects.LIBCUDA)}
        cls.ask = cls.library.cuGetProcAddress_v2
        cls.ask.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int,
                            ctypes.c_ulonglong, ctypes.c_void_p]

    @classmethod
    def address(cls, name):
        return ctypes.cast(getattr(cls.library, name), ctypes.c_void_p).value

    def answer(self, name, version, flags):
        """(result, exported name, "?" for any other address, or "-", status)"""
        function, status = ctypes.c_void_p(0x10), ctypes.c_int(-1)
        result = self.ask(name.encode(), ctypes.addressof(function), version,
                          flags, ctypes.addressof(status))
        found = "-"
        if function.value is not None:
            found = self.name_at.get(function.value, "?")
        return result, found, status.value

    def test_each_answer_is_that_of_the_real_driver(self):
        answers = golden()
        names = {name for name, _ in answers}
        self.assertGreater(len(names), 400)
        for name in sorted(names):
            for flags in (0, 1, 2):
                steps = answers.get((name, flags), answers[name, 0])
                for version in VERSIONS:
                    wanted = [found for since, found in steps
                              if since <= version][-1]
                    status = NOT_SUFFICIENT if wanted == "-" else SUCCESS
                    self.assertEqual(self.answer(name, version, flags),
                                     (0, wanted, status),
                                     (name, version, flags))

    def test_a_name_with_a_suffix_is_not_known(self):
        known = {name for name, _ in golden()}
        for name in ["cuNothing", "", "cudaMalloc"] + [
                name for name in self.name_at.values() if name not in known]:
            self.assertEqual(self.answer(name, 13000, 0), (0, "-", NOT_FOUND),
                             name)

    def test_what_is_not_valid_writes_nothing(self):
        for version, flags in [(13010, 0), (20000, 0), (13000, 4)]:
            self.assertEqual(self.answer("cuMemAlloc", version, flags),
                             (1, "?", -1))
        # Measured too, if odd.
        self.assertEqual(self.answer("cuMemAlloc", -1, 0),
                         (0, "cuMemAlloc_v2", SUCCESS))
        self.assertEqual(self.answer("cuMemAlloc", 13000, 3),
                         (0, "cuMemAlloc_v2", SUCCESS))

    def test_the_status_may_be_left_out(self):
        function = ctypes.c_void_p()
        self.assertEqual(self.ask(b"cuInit", ctypes.addressof(function), 13000,
                                  0, None), 0)
        self.assertEqual(function.value, self.address("cuInit"))

    def test_the_first_version_answers_an_error(self):
        old = self.library.cuGetProcAddress
        old.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int,
                        ctypes.c_ulonglong]
        function = ctypes.c_void_p(0x10)
        for name, version, wanted in [
                (b"cuNothing", 11030, 500), (b"cuMemAllocAsync", 11000, 500),
                (b"cuInit", 13010, 1), (b"cuInit", 11030, 0)]:
            self.assertEqual(old(name, ctypes.addressof(function), version, 0),
                             wanted, name)
        self.assertEqual(function.value, self.address("cuInit"))


if __name__ == "__main__":
    unittest.main()
