"""The package: what it shows, what its stubs promise, what it says unbuilt."""

import ast
import copy
import pathlib
import pickle
import shutil
import subprocess
import sys
import tempfile
import unittest

import governor
from governor import _governor
from small_host import open_governor

PACKAGE = pathlib.Path(governor.__file__).parent


def names_in_stub():
    """The names of the module, and of each class the names it defines."""
    names = {}
    for node in ast.parse((PACKAGE / "_governor.pyi").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names[node.name] = None
        if isinstance(node, ast.ClassDef):
            names[node.name] = {
                member.name
                for member in node.body
                if isinstance(member, ast.FunctionDef)
            }
    return names


class PackageTest(unittest.TestCase):
    def test_shows_what_it_lists(self):
        for name in governor.__all__:
            self.assertTrue(getattr(governor, name).__doc__, name)

    def test_the_stub_is_the_module(self):
        stub = names_in_stub()
        self.assertEqual(
            set(stub), {name for name in vars(_governor) if name[0] != "_"}
        )
        plumbing = set(vars(governor.Tag)) - stub["Tag"] | {"__slotnames__"}
        for name, members in stub.items():
            if members is not None:
                defined = set(vars(getattr(_governor, name))) - plumbing
                self.assertEqual(members - {"__init__"}, defined - {"__init__"}, name)

    def test_everything_has_a_docstring(self):
        for name, members in names_in_stub().items():
            self.assertTrue(getattr(_governor, name).__doc__, name)
            for member in members or ():
                if not member.startswith("__"):
                    value = getattr(getattr(_governor, name), member)
                    self.assertTrue(value.__doc__, f"{name}.{member}")

    def test_reports_annotate_the_keys_of_json(self):
        with open_governor() as gov:
            keys = set(gov.snapshot().to_dict())
        self.assertEqual(set(governor.Snapshot.__annotations__), keys)

    def test_is_typed(self):
        self.assertTrue((PACKAGE / "py.typed").exists())

    def test_unbuilt_it_says_how_to_build(self):
        with tempfile.TemporaryDirectory() as folder:
            sources = pathlib.Path(folder, "governor")
            sources.mkdir()
            for file in PACKAGE.glob("*.py"):
                shutil.copy(file, sources)
            run = subprocess.run(
                [sys.executable, "-c", "import governor"],
                env={"PYTHONPATH": folder},
                capture_output=True,
                text=True,
            )
        self.assertEqual(run.returncode, 1)
        last_line = run.stderr.strip().splitlines()[-1]
        self.assertRegex(last_line, "^ImportError: .*bazel build //bindings/python")


class ConstructionTest(unittest.TestCase):
    """No object is made around nothing."""

    def test_only_a_governor_makes_its_objects(self):
        for kind in (
            governor.Region,
            governor.RegionView,
            governor.Lease,
            governor.Tag,
        ):
            with self.subTest(kind):
                with self.assertRaises(TypeError):
                    kind()
                with self.assertRaises(TypeError):
                    kind.__new__(kind)
                with self.assertRaises(TypeError):
                    type("Mine", (kind,), {})

    def test_a_governor_without_init_says_so(self):
        empty = governor.Governor.__new__(governor.Governor)
        for use in (
            empty.mem_get_info,
            empty.close,
            empty.snapshot,
            lambda: empty.budget,
            lambda: empty.granted,
            lambda: empty.region("2MiB"),
            lambda: empty.lease(1),
            lambda: empty.tag("kv"),
            lambda: empty.on_reclaim(print),
            lambda: empty.transient("x", 1),
            lambda: empty.keep_in_memory(b"x"),
            empty.page_back,
            empty.start_thread,
            empty.tick,
            lambda: empty.__exit__(None, None, None),
            lambda: repr(empty),
        ):
            with self.assertRaisesRegex(governor.GovernorError, "__init__"):
                use()

    def test_a_second_init_changes_nothing(self):
        with open_governor() as gov:
            budget = gov.budget
            gov.__init__(budget="32MiB", driver="host")
            self.assertEqual(gov.budget, budget)

    def test_a_subclass_opens_by_init(self):
        class Mine(governor.Governor):
            def __init__(self, call):
                if call:
                    super().__init__(budget="32MiB", allowance=0, driver="host")

        with Mine(True) as mine:
            self.assertEqual(mine.budget, 32 << 20)
            self.assertEqual(mine.headroom, mine.mem_get_info()[0])
        with self.assertRaises(TypeError):
            Mine(False)

    def test_nothing_is_copied_or_pickled(self):
        with open_governor() as gov, gov.region("2MiB") as region:
            for thing in (gov, region, region.view(), gov.tag("kv")):
                with self.assertRaises(TypeError):
                    copy.copy(thing)
                with self.assertRaises(TypeError):
                    pickle.dumps(thing)


if __name__ == "__main__":
    unittest.main()
