"""What mem_get_info costs from Python. Prints JSON; the promise is 500 ns."""

import json
import platform
import timeit

import governor

CALLS = 1_000_000
ROUNDS = 7


def main():
    gov = governor.Governor(budget="1GiB", allowance="64MiB", driver="host")
    rounds = sorted(
        seconds / CALLS * 1e9
        for seconds in timeit.repeat(
            "gov.mem_get_info()", globals={"gov": gov}, number=CALLS, repeat=ROUNDS
        )
    )
    print(
        json.dumps(
            {
                "python": platform.python_version(),
                "machine": platform.machine(),
                "mem_get_info_ns_median": round(rounds[ROUNDS // 2], 1),
                "mem_get_info_ns_min": round(rounds[0], 1),
                "mem_get_info_ns_max": round(rounds[-1], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
