#!/usr/bin/env python3
"""Draws the swap cliff: the same loop with governor and without, on one time axis.

Runs //tests/pressure:swap_cliff_test (root, a swap file, a cgroup), which writes
what it saw, and makes of it swap_cliff.svg and swap_cliff.json.

    bazel build //tests/pressure:swap_cliff_test
    sudo GOVERNOR_TEST_LONG=1 python3 benchmarks/swap_cliff.py [FOLDER]

With --from FOLDER it runs nothing and draws the series that are there.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

TESTS = pathlib.Path("bazel-bin/tests/pressure")
RUNS = [("swap_cliff_plain", "without governor", "#c0392b"),
        ("swap_cliff_governed", "with governor", "#1f6f8b")]
WIDTH, HEIGHT, LEFT, TOP, GAP = 860, 170, 80, 50, 45


def rates(series, window=0.5):
    """(seconds, tokens a second) over `window` seconds, from running totals.

    Time in which the loop only waited for a processor is left out.
    """
    points, first = [], 0
    for row in series:
        while row[0] - series[first][0] > window:
            first += 1
        passed = (row[0] - series[first][0]) - (row[5] - series[first][5])
        if passed > window / 50:
            points.append((row[0], (row[1] - series[first][1]) / passed))
    return points


def mib_swapped_in(series, page=os.sysconf("SC_PAGESIZE")):
    return [(row[0], row[2] * page / 2**20) for row in series]


def mib_of_cache(series):
    return [(row[0], row[3] / 2**20) for row in series]


PANELS = [("tokens per second", rates),
          ("swapped in, MiB in all", mib_swapped_in),
          ("held by the cache, MiB", mib_of_cache)]


def panel(index, title, lines, seconds):
    """One diagram; `lines` is a list of (colour, points)."""
    top = TOP + index * (HEIGHT + GAP)
    most = max([y for _, points in lines for _, y in points] + [1e-9])

    def place(x, y):
        return (f"{LEFT + x / seconds * WIDTH:.1f},"
                f"{top + HEIGHT - y / most * HEIGHT:.1f}")

    out = [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{title}</text>',
           f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" '
           'fill="none" stroke="#999"/>']
    for part in (0, 0.5, 1):
        y = top + HEIGHT - part * HEIGHT
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
                   f'{most * part:.4g}</text>')
    step = max(1, round(seconds / 10))
    for second in range(0, int(seconds) + 1, step):
        x = LEFT + second / seconds * WIDTH
        out.append(f'<text x="{x:.1f}" y="{top + HEIGHT + 16}" '
                   f'text-anchor="middle">{second} s</text>')
    for colour, points in lines:
        path = " ".join(place(x, y) for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                   'stroke-width="1.8"/>')
    return out


def draw(runs):
    """The whole picture, of {name: series}."""
    seconds = max(series[-1][0] for series in runs.values())
    height = TOP + len(PANELS) * (HEIGHT + GAP)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" '
           f'width="{LEFT + WIDTH + 30}" height="{height}" '
           'font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>']
    for index, (name, label, colour) in enumerate(RUNS):
        out.append(f'<text x="{LEFT + index * 180}" y="22" fill="{colour}" '
                   f'font-weight="bold">{label}</text>')
    for index, (title, of) in enumerate(PANELS):
        lines = [(colour, of(runs[name])) for name, _, colour in RUNS
                 if name in runs]
        out += panel(index, title, lines, seconds)
    return "\n".join(out + ["</svg>\n"])


def run_test(folder):
    environment = dict(os.environ, GOVERNOR_SERIES=str(folder),
                       GOVERNOR_HOG=str((TESTS / "hog").resolve()))
    environment.setdefault("TEST_TMPDIR", tempfile.gettempdir())
    return subprocess.run([TESTS / "swap_cliff_test"], env=environment,
                          check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?", default=".", type=pathlib.Path)
    parser.add_argument("--from", dest="source", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        source = arguments.source or pathlib.Path(made)
        status = 0 if arguments.source else run_test(source)
        runs = {}
        for name, _, _ in RUNS:
            file = source / f"{name}.json"
            if file.exists():
                runs[name] = json.loads(file.read_text())["series"]
    if len(runs) < len(RUNS):
        print("swap_cliff: a run is missing: the test was skipped or failed "
              "before it began (it needs root, a swap file and a memory cgroup)",
              file=sys.stderr)
        return 1
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "swap_cliff.svg").write_text(draw(runs))
    (arguments.folder / "swap_cliff.json").write_text(
        json.dumps({"columns": ["seconds", "tokens", "pages_swapped_in",
                                "cache_bytes", "pressure",
                                "waited_seconds"], "runs": runs}))
    print(arguments.folder / "swap_cliff.svg")
    return status


if __name__ == "__main__":
    sys.exit(main())
