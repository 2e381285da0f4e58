# SPDX-License-Identifier: GPL-2.0-or-later
"""Each verdict of each check is reached by some case: every place in src/check that gives one is come to by the unit tests.

The judges are compiled once more, with counters (gcov), and tests/unit/test-check-*.c run on them. Where one call gives one
of two verdicts, the tables of these tests (struct reach) demand both.
"""
import concurrent.futures
import json
import os
import re
import subprocess

import pytest

GIVES = re.compile(r"^\t.*\bjudge_(pass|warn|fail|unknown|unknown_fact|na|missing)\b")
LIBRARIES = ("vm", "qemu", "boot", "host", "base")
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
    flags += ["-std=gnu11", "-D_GNU_SOURCE", "-O0", "-w", f"-I{tree}/src", f"-I{tree}/tests/unit"]
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
    return folder


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
    assert not missed, "no unit test comes to:\n" + "\n".join(missed)
    assert places >= LEAST


def test_each_check_is_asserted(tree, nestpci):
    """By its name, somewhere in these tests."""
    texts = "".join(file.read_text() for file in (tree / "tests/unit").glob("test-check-*.c"))
    table = json.loads(run([nestpci, "check", "--list", "--json"], tree))
    ids = {check["id"] for check in table["checks"]}
    assert len(ids) > 100
    assert [name for name in sorted(ids) if f'"{name}"' not in texts] == []
