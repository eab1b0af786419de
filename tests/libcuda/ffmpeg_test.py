"""Debian's ffmpeg, unmodified, over libcuda.so.1: frames go to the device and
come back as they were, and a small device refuses them."""

import os
import subprocess
import unittest

from tests.libcuda import shared_objects

THROUGH_DEVICE = "format=nv12,hwupload_cuda,hwdownload,format=nv12"


def run(filters, host_driver):
    return subprocess.run(
        ["/usr/bin/ffmpeg", "-v", "error", "-nostdin", "-init_hw_device",
         "cuda", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=10",
         "-frames:v", "20", "-vf", filters, "-f", "framemd5", "-"],
        capture_output=True, text=True, timeout=250,
        env={"LD_LIBRARY_PATH": os.path.dirname(shared_objects.LIBCUDA),
             "GOVERNOR_HOST_DRIVER": host_driver})


def hashes(result):
    return [line.split(",")[-1].strip() for line in result.stdout.splitlines()
            if not line.startswith("#")]


class FfmpegTest(unittest.TestCase):

    def test_frames_come_back_as_they_were(self):
        direct = run("format=nv12", "h200")
        self.assertEqual(direct.returncode, 0, direct.stderr)
        self.assertEqual(len(set(hashes(direct))), 20)
        for personality in ("h200,memory=1GiB,context=64MiB", "gb10",
                            "gb10,memory=2GiB,pools=on", "hmm", "old"):
            with self.subTest(personality):
                through = run(THROUGH_DEVICE, personality)
                self.assertEqual(through.returncode, 0, through.stderr)
                self.assertEqual(hashes(through), hashes(direct))

    def test_a_full_device_is_a_failure_that_ffmpeg_names(self):
        result = run(THROUGH_DEVICE,
                     "h200,memory=1MiB,granularity=64KiB,context=4KiB")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("Cannot allocate memory", result.stderr)
        self.assertEqual(hashes(result), [])

    def test_a_personality_that_does_not_parse_is_said_so_once(self):
        result = run(THROUGH_DEVICE, "h200,memory=plenty")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("CUDA_ERROR_INVALID_VALUE", result.stderr)
        said = [line for line in result.stderr.splitlines()
                if "GOVERNOR_HOST_DRIVER" in line]
        self.assertEqual(len(said), 1, result.stderr)
        self.assertIn("plenty", said[0])


if __name__ == "__main__":
    unittest.main()
