"""What the shared objects export and need: no name less than the real driver,
and none more."""

import re
import unittest

from tests.libcuda import shared_objects

RUNTIMES = r"(lib(c|m|dl|pthread|stdc\+\+|gcc_s)|ld-linux-.*)\.so\.[0-9]+"

NVML = """
    nvmlDeviceGetComputeRunningProcesses
    nvmlDeviceGetComputeRunningProcesses_v2
    nvmlDeviceGetComputeRunningProcesses_v3
    nvmlDeviceGetCount
    nvmlDeviceGetCount_v2
    nvmlDeviceGetCudaComputeCapability
    nvmlDeviceGetHandleByIndex
    nvmlDeviceGetHandleByIndex_v2
    nvmlDeviceGetHandleByPciBusId_v2
    nvmlDeviceGetHandleByUUID
    nvmlDeviceGetIndex
    nvmlDeviceGetMemoryInfo
    nvmlDeviceGetMemoryInfo_v2
    nvmlDeviceGetName
    nvmlDeviceGetUUID
    nvmlErrorString
    nvmlInit
    nvmlInitWithFlags
    nvmlInit_v2
    nvmlShutdown
    nvmlSystemGetCudaDriverVersion
    nvmlSystemGetCudaDriverVersion_v2
    nvmlSystemGetDriverVersion
    nvmlSystemGetNVMLVersion
    nvmlSystemGetProcessName
""".split()


class ExportsTest(unittest.TestCase):

    def test_libcuda_exports_what_the_real_driver_does(self):
        real = shared_objects.testdata("exported_names.txt")
        self.assertEqual(len(real), 674)
        self.assertEqual(sorted(shared_objects.exports(shared_objects.LIBCUDA)),
                         real)

    def test_each_name_of_libcuda_has_an_address_of_its_own(self):
        exports = shared_objects.exports(shared_objects.LIBCUDA)
        self.assertEqual(len(set(exports.values())), len(exports))

    def test_libnvidia_ml_exports_its_functions(self):
        self.assertEqual(
            sorted(shared_objects.exports(shared_objects.LIBNVIDIA_ML)), NVML)

    def test_both_need_the_runtimes_alone_and_have_their_names(self):
        for path in (shared_objects.LIBCUDA, shared_objects.LIBNVIDIA_ML):
            with self.subTest(path):
                for needed in shared_objects.dynamic(path, "NEEDED"):
                    self.assertTrue(re.fullmatch(RUNTIMES, needed), needed)
                self.assertEqual(shared_objects.dynamic(path, "SONAME"),
                                 [path.rsplit("/", 1)[1]])


if __name__ == "__main__":
    unittest.main()
