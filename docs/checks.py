#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""checks.py NESTPCI

Prints docs/checks.md: the table of checks, and which failure mode is found by what. The checks and the patterns of logs
are what the program NESTPCI says; the failure modes, and why some are not found, stand in two files beside this script.

    docs/checks.py build/nestpci > docs/checks.md
"""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

HEAD = """\
# Checks

Made by `docs/checks.py` from the program: change that, not this. `nestpci explain CHECK` tells more of each.
"""


def read_rows(name):
    """The lines "F001 text" of a file, as a dictionary."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def read_table(program):
    done = subprocess.run([program, "check", "--list", "--json"], capture_output=True, check=True)
    return json.loads(done.stdout)


def coverage(table):
    """Which checks and patterns find a failure mode: {"F001": ["cpu-virtualization", ...]}."""
    found = {}
    for thing in table["checks"] + table["log_patterns"]:
        for row in thing["rows"]:
            found.setdefault(row, []).append(thing["id"])
    return found


def checks_section(table):
    yield f"## The {len(table['checks'])} checks"
    yield ""
    yield "What each judges: `host` once, `device` each device at hand, `vm` the VM at hand, `vm-device` each of its devices."
    family = None
    for check in table["checks"]:
        if check["family"] != family:
            family = check["family"]
            yield from ("", f"### {check['family_title']}", "", "| check | judges | levels | passes when |", "|---|---|---|---|")
        levels = " ".join(str(level) for level in check["levels"])
        yield f"| `{check['id']}` | {check['scope']} | {levels} | {check['title']} |"


def rows_section(table, rows, reasons):
    found = coverage(table)
    covered = [row for row in rows if row in found]
    yield from ("", "## Failure modes", "")
    yield (f"Of {len(rows)} known ways to fail, {len(covered)} are found by a check or by one of the "
           f"{len(table['log_patterns'])} patterns of logs.")
    yield from ("", "| | what is wrong | found by |", "|---|---|---|")
    for row, text in rows.items():
        by = ", ".join(f"`{name}`" for name in found.get(row, [])) or f"not found: {reasons.get(row, '')}"
        yield f"| {row} | {text} | {by} |"


def render(program):
    table = read_table(program)
    lines = [*checks_section(table), *rows_section(table, read_rows("failure-modes.txt"), read_rows("rows-not-covered.txt"))]
    return HEAD + "\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write(render(sys.argv[1]))
