"""The interpreter goes while a callback is registered and the governor's thread runs."""

import os
import subprocess
import sys
import unittest

LONG = 60  # seconds that no test takes


# A callback is registered, the thread runs, and a request is short.
PROGRAM = """
import os, sys, threading, time
from small_host import ALLOWANCE, BUDGET, open_governor

gov = open_governor()
lease = gov.lease(BUDGET - ALLOWANCE)
entered = threading.Event()

def callback(wanted, seconds):
    entered.set()
    {body}

registration = gov.on_reclaim(callback)

def ask():
    try:
        gov.lease(1, deadline={deadline})
    except MemoryError:
        pass

threading.Thread(target=ask, daemon=True).start()
entered.wait()
{end}
"""


class ExitTest(unittest.TestCase):
    """Programs of their own, each of which ends in another way."""

    def run_program(self, body, end, deadline=60):
        code = PROGRAM.format(body=body, end=end, deadline=deadline)
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=LONG,
        )

    def test_with_a_callback_and_a_thread(self):
        for end, error in (
            ("", "^$"),
            ("sys.exit(0)", "^$"),
            ("registration.cancel()", "^$"),
            ("del gov, registration", "^.*RuntimeWarning: .*on_reclaim.*dropped.*\n$"),
        ):
            with self.subTest(end):
                run = self.run_program("return 0", end)
                self.assertEqual(run.returncode, 0)
                self.assertRegex(run.stderr, error)

    def test_with_a_callback_that_never_returns(self):
        # It is waited for, but not for ever: the timeout of run_program is above.
        run = self.run_program("time.sleep(1000)", "print('end')")
        self.assertEqual((run.returncode, run.stdout), (0, "end\n"), run.stderr)

    def test_a_forked_child_exits_while_the_callback_runs(self):
        run = self.run_program(
            "time.sleep(1000)",
            """
child = os.fork()
if child == 0:
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
os._exit(0)
""",
        )
        self.assertEqual((run.returncode, run.stdout), (0, "7\n"), run.stderr)


if __name__ == "__main__":
    unittest.main()
