# SPDX-License-Identifier: MIT
"""The results as JSON, for programs: docs/design/benchmarks.md has the schema."""

import json

KEYS = ["bench", "case", "impl", "unit", "min", "median", "runs"]


class Failed(Exception):
    """Why a file is none of ours."""


def beside(path):
    """The file of all that is no number of the table."""
    return path.with_suffix(".more.json")


def write(path, numbers, rest):
    for file, what in ((path, numbers), (beside(path), rest)):
        file.write_text(json.dumps(what, indent=1) + "\n", encoding="utf-8")


def more(results, facts, remarks, changes, said):
    """What goes into the file beside."""
    return {
        "machine": dict(facts),
        "remarks": remarks,
        "failures": [{"bench": r.bench, "case": r.case, "impl": r.impl, "reason": r.failure}
                     for r in results if r.failure],
        "also": [one for r in results for one in r.also_as_json()],
        "compared": {"remarks": said, "changes": [c._asdict() for c in changes]},
    }


def read(path):
    """The numbers of another run."""
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failed(f"'{path}' cannot be read: {error}") from error
    if not isinstance(numbers, list) or not all(
            isinstance(one, dict) and set(KEYS) <= one.keys() for one in numbers):
        raise Failed(f"'{path}' is no list of results of bench/run.sh")
    return [{key: one[key] for key in KEYS} for one in numbers]
