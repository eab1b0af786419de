"""How a Plan shows itself: as text, and as HTML."""

import html.parser
import pathlib
import re
import tempfile
import unicodedata
import unittest
from fractions import Fraction

import governor
from governor import plan_html
from model_files import gguf

HOSTILE = "\x1b[2J<script>alert(1)</script>\"'&\u202e\n\r\0 Llama"


def plans():
    """Of a model of 80 layers: plans that differ in what they show."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "large.gguf"
        path.write_bytes(gguf(layers=80, name=HOSTILE))
        model = governor.read_model(path)
        draft = pathlib.Path(folder) / "draft.gguf"
        draft.write_bytes(gguf(layers=1))
        return dict(
            fits=model.plan("2GiB"),
            full=model.plan(
                "2GiB",
                activations="100MiB",
                graphs="30MiB",
                draft=draft,
                bandwidth=273,
                engine="vllm",
            ),
            tight=model.plan("1040MiB", max_seqs=1000),
            does_not_fit=model.plan("1GiB", bandwidth=273),
            no_budget=model.plan(kv_memory="100MiB"),
            too_small=model.plan(kv_memory="1MiB", max_seqs=2**24, max_model_len=2**30),
            enormous=model.plan(2**63, weights=2**59, max_seqs=2**24),
            ranks=model.plan("2GiB", tp=2, pp=4),
            no_allowance=model.plan("1GiB", allowance=0),
        )


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


class TextTest(unittest.TestCase):
    def test_is_short_enough_to_read(self):
        for kind, plan in plans().items():
            with self.subTest(kind):
                flags = plan.engine_flags or ()
                lines = [
                    line for line in repr(plan).splitlines() if line not in flags
                ]
                self.assertLessEqual(len(lines), 40)
                self.assertLessEqual(max(map(columns, lines)), 100)
                self.assertNotRegex(repr(plan), r"[^\n\x20-\x7e]")

    def test_the_verdict_comes_first(self):
        for kind, plan in plans().items():
            with self.subTest(kind):
                verdict = "fits: " if plan.fits else "does not fit"
                self.assertTrue(repr(plan).startswith(verdict))

    def test_shows_the_parts_and_what_to_change(self):
        plan = plans()["full"]
        text = repr(plan)
        for part in ("budget +2GiB", "activations +100MiB", "graphs +30MiB", "draft model"):
            self.assertRegex(text, part)
        self.assertIn(f"{plan.num_blocks} blocks", text)
        self.assertIn(f"{len(plan.notes)} assumptions", text)
        self.assertNotIn("adapters", text)
        plan = plans()["does_not_fit"]
        self.assertIn(f"({plan.missing_bytes} bytes)", repr(plan))
        self.assertIn("what to change first:", repr(plan))
        self.assertIn(plan.changes[0]["change"].split()[0], repr(plan))

    def test_shows_the_limits_and_the_flags(self):
        plan = plans()["full"]
        text = repr(plan)
        for words in (
            f"({plan.smallest_budget_bytes} bytes)",
            f"longest context in this budget: 1 x {plan.longest_model_len} tokens",
            f"most sequences in this budget: {plan.most_seqs} x ",
            "flags of vllm:\n" + "\n".join(plan.engine_flags) + "\n",
        ):
            self.assertIn(words, text)
        text = repr(plans()["no_budget"])
        self.assertIn("smallest KV cache for", text)
        self.assertIn("most sequences in this KV cache", text)
        self.assertNotIn("flags of", text)

    def test_the_bar_is_the_budget(self):
        for kind, plan in plans().items():
            with self.subTest(kind):
                bar = re.search(r"^  \[(.*)\]$", repr(plan), re.MULTILINE).group(1)
                self.assertEqual(len(bar), 60)
                self.assertRegex(bar, r"^W*D*R*A*G*L*U*K*\.*$")
        bar = re.search(r"\[(.*)\]", repr(plans()["full"])).group(1)
        cells = 60 * 100 / 2048  # of activations
        self.assertAlmostEqual(bar.count("A"), cells, delta=1)


class Fragment(html.parser.HTMLParser):
    """Reads a fragment whose every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)

    @property
    def bar(self):
        return next(a for _, a in self.tags if a.get("role") == "img")

    @property
    def widths(self):
        found = (re.match(r"width:([\d.]+)%", a.get("style", "")) for _, a in self.tags)
        return [Fraction(width.group(1)) for width in found if width]


class HtmlTest(unittest.TestCase):
    def test_the_widths_add_up(self):
        for kind, plan in plans().items():
            with self.subTest(kind):
                fragment = Fragment(plan._repr_html_())
                self.assertEqual(sum(fragment.widths), 100)
                self.assertGreaterEqual(len(fragment.widths), 3)

    def test_a_width_is_the_share_of_its_part(self):
        plan = plans()["fits"]
        widths = Fragment(plan._repr_html_()).widths
        # weights, rounding, allowance, KV cache, left
        for width, size in zip(
            (widths[0], *widths[2:]),
            (plan.weights_bytes, plan.allowance_bytes, plan.kv_bytes, plan.left_bytes),
        ):
            self.assertAlmostEqual(
                float(width), 100 * size / plan.budget_bytes, delta=1e-5
            )

    def test_needs_nothing_from_elsewhere(self):
        for kind, plan in plans().items():
            with self.subTest(kind):
                fragment = Fragment(plan._repr_html_())
                for tag, attributes in fragment.tags:
                    self.assertIn(
                        tag,
                        "div span strong table tr th td details summary ul li pre".split(),
                    )
                    self.assertLessEqual(
                        set(attributes),
                        {"style", "title", "role", "scope", "open"}
                        | {"aria-label", "aria-hidden"},
                    )
                    self.assertNotIn("url(", attributes.get("style", ""))

    def test_what_a_file_says_is_escaped(self):
        for kind, plan in plans().items():
            with self.subTest(kind):
                self.assertIn("<script>", plan.model["name"])
                text = plan._repr_html_()
                self.assertNotIn("<script", text)
                self.assertIn("&lt;script&gt;", text)
                self.assertNotRegex(text, r"[^\n\x20-\x7e]")

    def test_what_notes_say_is_escaped(self):
        values = plans()["does_not_fit"].to_dict()
        values["notes"] = ["<b>note</b>"]
        values["changes"] = [dict(change="<i>this</i>", buys="a & b\x1b")]
        values["engine_flags"] = ["--name '<u>'"]
        values["model"]["architecture"] = "<p>"
        text = governor.Plan(values)._repr_html_()
        for tag in ("<b>", "<i>", "<u>", "<p>", "a & b", "\x1b"):
            self.assertNotIn(tag, text)
        self.assertIn("<b>note</b>", Fragment(text).text)

    def test_can_be_read_aloud(self):
        plan = plans()["full"]
        label = Fragment(plan._repr_html_()).bar["aria-label"]
        for words in ("budget 2GiB", "weights", "draft model", "activations 100MiB"):
            self.assertIn(words, label)

    def test_says_all_that_matters(self):
        for kind, plan in plans().items():
            with self.subTest(kind):
                text = Fragment(plan._repr_html_()).text
                for number in (plan.kv_bytes, plan.allowance_bytes, plan.left_bytes):
                    if number is not None:
                        self.assertIn(f"{number} bytes", text)
                for words in (*plan.notes, *(c["change"] for c in plan.changes)):
                    self.assertIn(words, text)
                self.assertEqual(text.startswith("fits"), plan.fits)
        self.assertIn("rank 7", Fragment(plans()["ranks"]._repr_html_()).text)

    def test_shows_where_the_budget_ends(self):
        plan = plans()["does_not_fit"]
        self.assertIn("the budget ends here", plan._repr_html_())
        self.assertNotIn("the budget ends here", plans()["fits"]._repr_html_())

    def test_letters_and_colours_have_contrast(self):
        def luminance(colour):
            channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
            linear = [
                c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
                for c in channels
            ]
            return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear))

        def contrast(a, b):
            low, high = sorted((luminance(a), luminance(b)))
            return (high + 0.05) / (low + 0.05)

        self.assertEqual(len(set(plan_html._COLOURS.values())), len(plan_html._COLOURS))
        for colour in plan_html._COLOURS.values():
            with self.subTest(colour):
                self.assertGreaterEqual(contrast(colour, "#ffffff"), 4.5)
                self.assertGreaterEqual(contrast(colour, "#111111"), 3)


if __name__ == "__main__":
    unittest.main()
