"""The package: what it shows, what its stubs promise, what it says unbuilt."""

import ast
import pathlib
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
        plumbing = set(vars(governor.Tag)) - names_in_stub()["Tag"] - {"name"}
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


if __name__ == "__main__":
    unittest.main()
