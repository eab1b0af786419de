"""Arrays over a region: DLPack, as numpy takes it."""

import ctypes
import gc
import unittest

import numpy

import governor
from small_host import BLOCK, MiB, open_governor

K_DL_CPU = 1
K_DL_CUDA = 2


def write(address, data):
    ctypes.memmove(address, data, len(data))


class DlpackTest(unittest.TestCase):
    def setUp(self):
        self.gov = open_governor()
        self.region = self.gov.region("16MiB")

    def test_an_array_is_the_memory_itself(self):
        self.region.commit(0, 8)
        array = numpy.from_dlpack(self.region)
        self.assertEqual(array.shape, (16 * MiB,))
        self.assertEqual(array.dtype, numpy.uint8)
        self.assertEqual(array.ctypes.data, self.region.address)

        data = bytes(range(256)) * (BLOCK // 256)
        write(self.region.address + 5 * BLOCK, data)
        self.assertEqual(array[5 * BLOCK : 6 * BLOCK].tobytes(), data)

        # What happens to other blocks does not touch it.
        self.region.decommit(0, 5)
        self.region.decommit(6, 2)
        self.assertEqual(array[5 * BLOCK : 6 * BLOCK].tobytes(), data)
        self.region.commit(0, 4)
        self.assertEqual(array[5 * BLOCK : 6 * BLOCK].tobytes(), data)

    def test_every_block_must_be_committed(self):
        self.region.commit(0, 5)
        self.region.commit(6, 2)
        with self.assertRaisesRegex(BufferError, "block 5.*view"):
            numpy.from_dlpack(self.region)
        self.region.close()

    def test_a_view_is_a_part(self):
        self.region.commit(2, 3)
        view = self.region.view(2, 3)
        self.assertEqual((view.first, view.count), (2, 3))
        self.assertEqual(view.size, 3 * BLOCK)
        self.assertEqual(view.address, self.region.address + 2 * BLOCK)
        array = numpy.from_dlpack(view)
        self.assertEqual(array.shape, (3 * BLOCK,))
        self.assertEqual(array.ctypes.data, view.address)

        rest = self.region.view(3)
        self.assertEqual((rest.first, rest.count), (3, 5))
        with self.assertRaisesRegex(BufferError, "block 5"):
            numpy.from_dlpack(rest)

    def test_a_view_of_uncommitted_blocks_must_be_asked_for(self):
        self.region.commit(4, 1)
        array = numpy.from_dlpack(self.region.view(uncommitted_ok=True))
        self.assertEqual(array.shape, (16 * MiB,))
        write(self.region.address + 4 * BLOCK, b"governed")
        self.assertEqual(array[4 * BLOCK : 4 * BLOCK + 8].tobytes(), b"governed")

    def test_a_view_has_blocks_of_the_region(self):
        for first, count, error in (
            (0, 9, ValueError),
            (8, None, ValueError),
            (8, 1, ValueError),
            (0, 0, ValueError),
            (1 << 63, 1, ValueError),
            (-1, 1, ValueError),
            (0, 1.0, TypeError),
        ):
            with self.subTest(first=first, count=count):
                with self.assertRaises(error):
                    self.region.view(first, count)

    def test_an_array_keeps_the_region_alive(self):
        self.region.commit(0, 8)
        write(self.region.address, b"still here")
        array = numpy.from_dlpack(self.region)
        self.region = self.gov = None
        gc.collect()
        self.assertEqual(array[:10].tobytes(), b"still here")

    def test_a_view_keeps_the_region_alive(self):
        view = self.region.view(0, 1, uncommitted_ok=True)
        address = self.region.address
        self.region = self.gov = None
        gc.collect()
        self.assertEqual(view.address, address)

    def test_a_region_with_arrays_is_not_closed(self):
        self.region.commit(0, 8)
        first = numpy.from_dlpack(self.region)
        second = numpy.from_dlpack(self.region.view(1, 2))[7:9]
        with self.assertRaisesRegex(BufferError, "2"):
            self.region.close()
        self.assertEqual(self.region.resident, 16 * MiB)
        del first
        with self.assertRaisesRegex(BufferError, "1"):
            self.region.close()
        del second
        self.region.close()
        self.gov.close()

    def test_a_capsule_that_nobody_took_is_no_array(self):
        self.region.commit(0, 8)
        capsule = self.region.__dlpack__()
        with self.assertRaises(BufferError):
            self.region.close()
        del capsule
        self.region.close()

    def test_the_protocols_arguments(self):
        self.region.commit(0, 8)
        self.assertEqual(self.region.__dlpack_device__(), (K_DL_CPU, 0))
        self.region.__dlpack__(
            stream=None, max_version=(1, 0), dl_device=(K_DL_CPU, 0), copy=False
        )
        for arguments, error in (
            (dict(copy=True), BufferError),
            (dict(dl_device=(K_DL_CUDA, 0)), BufferError),
            # Streams are of the GPU.
            (dict(stream=1), ValueError),
            (dict(stream=-1), ValueError),
        ):
            with self.subTest(**arguments), self.assertRaises(error):
                self.region.__dlpack__(**arguments)
        with self.assertRaises(TypeError):
            self.region.__dlpack__(None)
        self.region.close()

    def test_host_memory_is_no_cuda_array(self):
        self.region.commit(0, 8)
        self.assertFalse(hasattr(self.region, "__cuda_array_interface__"))
        self.assertFalse(hasattr(self.region.view(), "__cuda_array_interface__"))

    def test_a_closed_region_exports_nothing(self):
        view = self.region.view(uncommitted_ok=True)
        self.region.close()
        with self.assertRaisesRegex(governor.GovernorError, "closed"):
            numpy.from_dlpack(view)
        self.gov.close()


if __name__ == "__main__":
    unittest.main()
