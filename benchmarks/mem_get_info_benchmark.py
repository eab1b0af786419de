"""What mem_get_info costs from Python, beside a call that does nothing."""

import os
import sys
import timeit

import governor


class Nothing:
    def mem_get_info(self):
        return (0, 0)


def nanoseconds(function):
    calls = 200_000
    times = timeit.repeat(function, number=calls, repeat=9)
    return sorted(time / calls * 1e9 for time in times)


def main():
    gov = governor.Governor(
        budget="2GiB", driver=os.environ.get("GOVERNOR_DRIVER", "host"))
    print(f"Python {sys.version.split()[0]}")
    for name, function in [
        ("governor.mem_get_info()", gov.mem_get_info),
        ("a Python method that returns (0, 0)", Nothing().mem_get_info),
    ]:
        times = nanoseconds(function)
        print(f"{name:38} median {times[len(times) // 2]:7.1f} ns"
              f"  min {times[0]:7.1f}  max {times[-1]:7.1f}")
    gov.close()


if __name__ == "__main__":
    main()
