# SPDX-License-Identifier: MIT
"""What is written: JSON, Markdown, and the page."""

import html
import pathlib
import re
import tempfile
import unittest

from suite import catalog, compare, markdown, page, record, schedule

FACTS = [("processor", "a processor"), ("kernel", "a kernel"), ("compilers", "C: one"),
         ("commit", "abc"), ("date", "today")]


def result(case, impl, runs, bench="switch", **more):
    one = schedule.Result(bench, case, impl, more.get("unit", "ns"))
    one.runs, one.failure, one.also = runs, more.get("failure"), more.get("also", {})
    return one


def some():
    return [result("two_sites", "hocket", [1.0, 2.0, 1.5]), result("two_sites", "go", [6.0, 6.5, 5.0]),
            result("two_sites", "pcl", [], failure="a <b> | c"), result("deep", "hocket", [4.0]),
            result("64", "hocket", [1.0], "http", also={"p50": [3.0, 5.0]})]


class Json(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.file = pathlib.Path(self.place.name) / "numbers.json"

    def test_keys(self):
        for one in some()[:2]:
            self.assertEqual(list(one.as_json()), record.KEYS)
        self.assertEqual(some()[0].as_json(), {
            "bench": "switch", "case": "two_sites", "impl": "hocket", "unit": "ns", "min": 1.0,
            "median": 1.5, "runs": [1.0, 2.0, 1.5]})

    def test_there_and_back(self):
        numbers = [one.as_json() for one in some() if one.runs]
        changes = compare.with_old(numbers, numbers)
        record.write(self.file, numbers, record.more(some(), FACTS, ["so"], changes, ["said"]))
        self.assertEqual(record.read(self.file), numbers)
        self.assertEqual(record.beside(self.file).name, "numbers.more.json")
        text = record.beside(self.file).read_text("utf-8")
        for part in ["a <b> | c", '"p50"', '"so"', '"said"', '"commit": "abc"']:
            self.assertIn(part, text)
        self.assertNotIn("Infinity", text)

    def test_what_is_not_ours(self):
        for text in ["", "{}", "[1]", '[{"bench": "switch"}]']:
            self.file.write_text(text, encoding="utf-8")
            with self.assertRaises(record.Failed):
                record.read(self.file)
        with self.assertRaises(record.Failed):
            record.read(self.file / "missing")

    def test_names(self):
        for impl in catalog.IMPLS:
            self.assertTrue(catalog.is_named(impl), impl)
        self.assertFalse(catalog.is_named("pthread"))


class Text(unittest.TestCase):
    def tables(self, text):
        """Each a list of rows of cells."""
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines()
                if line.startswith("|")]
        self.assertEqual(len({len(row) for row in rows}), 1)
        return [[cell.strip() for cell in row] for row in rows]

    def test_markdown(self):
        cases = [case for case in schedule.by_case(some()) if case[0] == "switch"]
        rows = self.tables(markdown.of_bench("switch", cases, "Here."))
        self.assertEqual(rows[2], ["`two_sites`, ns", "**hocket**", "1.50", "1.00", "2.00", "1.00 x"])
        self.assertEqual(rows[3], ["", "go", "6.00", "5.00", "6.50", "4.00 x"])
        self.assertEqual(rows[4][1:3], ["pcl", "fails: a <b> \\| c"])

    def test_overview(self):
        rows = self.tables(markdown.overview(list(schedule.by_case(some())), ["go", "pcl"], "Here."))
        self.assertEqual(rows[2], ["`switch/two_sites`", "1.50 ns", "4.00 x", "-"])

    def test_page(self):
        numbers = [one.as_json() for one in some() if one.runs]
        changes = compare.with_old(numbers, numbers)
        text = page.html(some(), FACTS, ["A remark."], changes, ["Compared."])
        for part in ["a processor", "commit abc", "A remark.", "Compared.", "<button>copy</button>",
                     html.escape("a <b> | c")]:
            self.assertIn(part, text)
        self.assertEqual(text.count("<svg"), 3)
        # It needs nothing from elsewhere.
        self.assertIsNone(re.search(r"(src|href)=|@import|url\(|https?:", text))

    def test_page_of_nothing(self):
        self.assertIn("</html>", page.html([], FACTS, []))
