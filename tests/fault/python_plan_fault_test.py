"""Plans in Python: every operator new fails once. It raises MemoryError, or nothing, and the
next plan is as the first was."""

import ctypes
import faulthandler
import pathlib
import tempfile
import unittest

import governor
from governor import _governor
from model_files import gguf, write_folder

faults = ctypes.PyDLL(_governor.__file__)
faults.fault_fail_allocation.argtypes = [ctypes.c_uint64, ctypes.c_int]
faults.fault_stop_allocation_faults.restype = ctypes.c_uint64


class PythonPlanFaultTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.file = self.folder / "tiny.gguf"
        self.file.write_bytes(gguf(layers=2))
        write_folder(self.folder / "tiny", layers=2)
        faulthandler.dump_traceback_later(240, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)

    def sweep(self, act):
        """`act` without a fault, and then with each of its allocations failing."""
        expected = act()
        faults.fault_fail_allocation(0, False)
        act()
        total = faults.fault_stop_allocation_faults()
        self.assertGreater(total, 10)
        raised = 0
        for n in range(1, total + 1):
            faults.fault_fail_allocation(n, False)
            try:
                answer = act()
            except MemoryError:
                raised += 1
                answer = expected
            finally:
                faults.fault_stop_allocation_faults()
            self.assertEqual(answer, expected, n)
        self.assertGreater(raised, total // 2)
        self.assertEqual(act(), expected)
        return total

    def test_a_file(self):
        self.sweep(lambda: governor.plan(self.file, "2GiB").num_blocks)

    def test_a_folder(self):
        self.sweep(lambda: governor.plan(self.folder / "tiny", "2GiB").num_blocks)

    def test_a_model_that_was_read(self):
        model = governor.read_model(self.file)
        self.sweep(lambda: model.plan("2GiB", engine="vllm", tp=2).num_blocks)

    def test_all_of_a_plan(self):
        model = governor.read_model(self.file)
        plan = model.plan("2GiB")
        complete = plan._complete
        self.assertEqual(complete(), plan.to_dict())
        # The advice makes some hundred plans: the end of them is what is converted.
        self.sweep_end(complete)

    def sweep_end(self, act):
        expected = act()
        faults.fault_fail_allocation(0, False)
        act()
        total = faults.fault_stop_allocation_faults()
        for n in range(max(1, total - 2000), total + 1):
            faults.fault_fail_allocation(n, False)
            try:
                self.assertEqual(act(), expected)
            except MemoryError:
                pass
            finally:
                faults.fault_stop_allocation_faults()
        self.assertEqual(act(), expected)


if __name__ == "__main__":
    unittest.main()
