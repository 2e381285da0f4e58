# SPDX-License-Identifier: GPL-2.0-or-later
"""The document about checks says what the program does, and what the program promises is kept."""
import importlib.util
import json
import re
import subprocess

import pytest

LEAST_COVERED = 150


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module", name="checks")
def load_checks(tree):
    """The script that makes the document, as a module."""
    spec = importlib.util.spec_from_file_location("checks", tree / "docs/checks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", name="table")
def read_table(nestpci, checks):
    return checks.read_table(nestpci)


def test_the_document_is_up_to_date(tree, nestpci, checks):
    written = (tree / "docs/checks.md").read_text()
    assert written == checks.render(nestpci), "run: docs/checks.py build/nestpci > docs/checks.md"


def test_enough_failure_modes_are_covered(checks, table):
    rows = checks.read_rows("failure-modes.txt")
    covered = set(checks.coverage(table))
    assert covered <= set(rows), f"no such failure modes: {sorted(covered - set(rows))}"
    assert len(covered) >= LEAST_COVERED


def test_each_failure_mode_is_found_or_has_a_reason(checks, table):
    rows = set(checks.read_rows("failure-modes.txt"))
    covered = set(checks.coverage(table))
    reasons = set(checks.read_rows("rows-not-covered.txt"))
    assert rows == {f"F{number:03}" for number in range(1, len(rows) + 1)}
    assert reasons == rows - covered


def test_every_check_and_pattern_can_be_explained(nestpci, table):
    for thing in table["checks"] + table["log_patterns"]:
        done = run(nestpci, "explain", thing["id"])
        assert (thing["id"], done.returncode, done.stderr) == (thing["id"], 0, "")
        assert done.stdout.startswith(f"{thing['id']}: ")
        too_long = [line for line in done.stdout.splitlines() if len(line) > 80 and " " in line.strip()[:64]]
        assert too_long == [], thing["id"]


def test_ids_are_unique(table):
    ids = [thing["id"] for thing in table["checks"] + table["log_patterns"]]
    assert sorted(ids) == sorted(set(ids))


def test_findings_are_those_of_the_table(nestpci, table):
    """On this machine, whatever it is: as text and as JSON, and the exit status is what was found."""
    done = run(nestpci, "check", "--json")
    report = json.loads(done.stdout)
    failed = [finding for finding in report["findings"] if finding["verdict"] == "FAIL"]
    assert done.returncode == (1 if failed else 0)
    known = {check["id"] for check in table["checks"]}
    assert {finding["check"] for finding in report["findings"]} <= known
    of_host = [check["id"] for check in table["checks"] if check["scope"] == "host"]
    assert [finding["check"] for finding in report["findings"] if finding["scope"] == "host"] == of_host
    for finding in report["findings"]:
        assert finding["summary"] and "defect of nestpci" not in finding["summary"], finding
        if finding["verdict"] in ("FAIL", "WARN"):
            assert finding["evidence"], f"{finding['check']} shows nothing for its {finding['verdict']}"
    text = run(nestpci, "check")
    assert text.returncode == done.returncode
    for finding in failed:
        assert re.search(rf"^FAIL .*{re.escape(finding['check'])}", text.stdout.replace("\n         ", " "), re.M)
