# SPDX-License-Identifier: GPL-2.0-or-later
"""Each verdict of each check is reached by some case: every place in src/check that gives one is come to.

The judges are compiled once more, with counters (gcov). tests/unit/test-check-*.c run on them, and the golden cases of
'nestpci check'. Where one call gives one of two verdicts, the tables of the unit tests (struct reach) demand both.
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess

import pytest

GIVES = re.compile(r"^\t.*\bjudge_(pass|warn|fail|unknown|unknown_fact|na|missing)\b")
LIBRARIES = ("vm", "qemu", "boot", "host", "base")
PROGRAM = ("verb", "lab", "report", "change")
LEAST = 600


def run(words, folder, **more):
    done = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, timeout=300,
                          check=False, **more)
    assert done.returncode == 0, f"{words}: {done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module", name="counted")
def run_with_counters(tree, build, tmp_path_factory):
    """The folder with the counters of all tests."""
    folder = tmp_path_factory.mktemp("counted")
    flags = run(["pkg-config", "--cflags", "json-c"], folder).split()
    flags += ["-std=gnu11", "-D_GNU_SOURCE", "-O0", "-w", f"-I{tree}/src", f"-I{tree}/tests/unit", f"-I{build}"]
    judges = sorted((tree / "src/check").glob("*.c"))
    tests = sorted((tree / "tests/unit").glob("test-check-*.c"))
    assert judges and tests

    def compile_one(file):
        more = ["--coverage"] if file in judges else []
        run(["gcc", *flags, *more, "-c", file, "-o", f"{file.stem}.o"], folder)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, judges + tests))
    run(["ar", "rc", "libjudges.a", *(f"{file.stem}.o" for file in judges)], folder)
    libraries = [f"{build}/src/{name}/lib{name}.a" for name in LIBRARIES]
    for test in tests:
        run(["gcc", "--coverage", "-o", test.stem, f"{test.stem}.o", "libjudges.a", *libraries, "-l:libjson-c.a",
             "-lcmocka"], folder)
        run([folder / test.stem], folder, env={**os.environ, "NESTPCI_SOURCE": str(tree)})
    lines = ["-Wl,--start-group", *(f"{build}/src/{name}/lib{name}.a" for name in PROGRAM), *libraries,
             "libjudges.a", "-Wl,--end-group"]
    run(["gcc", *flags, "-c", tree / "src/main.c", "-o", "main.o"], folder)
    run(["gcc", "--coverage", "-o", "nestpci", "main.o", *lines, "-l:libjson-c.a"], folder)
    run_golden_cases(tree / "tests/golden", folder / "nestpci", tmp_path_factory.mktemp("empty"))
    return folder


def run_golden_cases(golden, program, empty):
    """Whether they print what they should, the suite itself says."""
    for file in sorted(golden.glob("check*/**/cmd")):
        text = "".join(line for line in file.read_text().splitlines(True) if not line.startswith("#"))
        for name, value in (("CASE", file.parent), ("TMP", empty), ("SNAPSHOTS", golden.parent / "snapshots")):
            text = text.replace(f"@{name}@", str(value))
        stdin = file.with_name("stdin")
        subprocess.run([program, *shlex.split(text)], cwd=file.parent, capture_output=True, timeout=60, check=False,
                       input=stdin.read_bytes() if stdin.exists() else b"")


def counts_of(folder, name):
    """How often each line of a file was come to."""
    report = json.loads(run(["gcov", "--json-format", "--stdout", f"{name}.gcda"], folder))
    counts = {}
    for file in report["files"]:
        if os.path.basename(file["file"]) == f"{name}.c":
            for line in file["lines"]:
                number = line["line_number"]
                counts[number] = max(counts.get(number, 0), line["count"])
    return counts


def statement(lines, number):
    """Numbers of the lines of the statement that line `number` is part of."""
    first = last = number
    while not lines[last - 1].endswith(";"):
        last += 1
    while not re.search(r"([;{})]|else)$", lines[first - 2]):
        first -= 1
    return range(first, last + 1)


def test_each_verdict_is_reached(tree, counted):
    places = 0
    missed = []
    for file in sorted((tree / "src/check").glob("*.c")):
        lines = file.read_text().splitlines()
        starts = [number for number, line in enumerate(lines, 1) if GIVES.match(line)]
        if not starts:
            continue
        counts = counts_of(counted, file.stem)
        for start in starts:
            places += 1
            if not any(counts.get(number) for number in statement(lines, start)):
                missed.append(f"{file.name}:{start}: {lines[start - 1].strip()}")
    assert not missed, "no case comes to:\n" + "\n".join(missed)
    assert places >= LEAST


def test_each_check_is_asserted(tree, nestpci):
    """By its name, in a unit test or in what a golden case prints."""
    texts = "".join(file.read_text() for file in (tree / "tests/unit").glob("test-check-*.c"))
    printed = "".join(file.read_text() for file in (tree / "tests/golden").glob("check*/**/stdout"))
    table = json.loads(run([nestpci, "check", "--list", "--json"], tree))
    ids = {check["id"] for check in table["checks"]}
    assert len(ids) > 100
    assert [name for name in sorted(ids) if f'"{name}"' not in texts and not re.search(rf"\b{name}\b", printed)] == []
