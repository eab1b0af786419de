"""Where the two shared objects are, and what they say of themselves."""

import os
import subprocess

_DRIVER = os.path.join(os.environ["TEST_SRCDIR"], "governor", "governor",
                       "driver")
LIBCUDA = os.path.join(_DRIVER, "libcuda", "libcuda.so.1")
LIBNVIDIA_ML = os.path.join(_DRIVER, "libnvidia_ml", "libnvidia-ml.so.1")


def exports(path):
    """{exported name: address} of a shared object."""
    output = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--format=posix", path],
        check=True, capture_output=True, text=True).stdout
    found = {}
    for line in output.splitlines():
        name, kind, address = line.split()[:3]
        assert kind == "T", line  # a function, and unversioned
        found[name] = int(address, 16)
    return found


def dynamic(path, tag):
    """What the dynamic section says under `tag`."""
    output = subprocess.run(["readelf", "--dynamic", "--wide", path],
                            check=True, capture_output=True, text=True).stdout
    return [line.split("[")[1].split("]")[0]
            for line in output.splitlines() if f"({tag})" in line]


def testdata(name):
    """The lines of a file in testdata that are no comments."""
    path = os.path.join(os.path.dirname(__file__), "testdata", name)
    with open(path, encoding="utf-8") as file:
        return [line for line in file.read().splitlines()
                if not line.startswith("#")]
