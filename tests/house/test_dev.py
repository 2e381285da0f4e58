# SPDX-License-Identifier: GPL-2.0-or-later
"""The front door: what it says when called wrongly, and that the sum of a test run is right."""
import subprocess
import sys

import pytest


def dev(tree, *words, **more):
    return subprocess.run([tree / "dev", *words], capture_output=True, text=True, check=False, timeout=30, **more)


def test_help_names_every_verb(tree, tmp_path):
    done = dev(tree, "help", cwd=tmp_path)
    assert done.returncode == 0
    for verb in ("demo", "test", "build", "fuzz", "bench", "format", "lint", "help"):
        assert f"\n  {verb}" in done.stdout
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("words, message", [
    (["nothing"], "unknown verb 'nothing'"),
    (["test", "nothing"], "test: no suite 'nothing'; there are: unit fuzz change golden house"),
    (["fuzz", "nothing"], "fuzz: no target 'nothing'; there are: "),
    (["fuzz", "--runs"], "fuzz: --runs needs a number"),
    (["fuzz", "--runs", "many"], "fuzz: --runs needs a number"),
    (["build", "all"], "build: takes no arguments"),
    (["format", "--all"], "format: unknown argument '--all'"),
    (["bench", "0"], "bench: '0' is no number of pairs"),
])
def test_wrong_use_is_said_before_anything_is_done(tree, words, message):
    done = dev(tree, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_wrong_extent_of_the_lab_is_refused(tree):
    done = dev(tree, "test", env={"LAB": "some"})
    assert (done.returncode, done.stderr) == (2, "./dev: test: LAB is 'some'; it can be no, two or full "
                                                 "(see './dev help')\n")


def count(tree, tmp_path, *suites):
    """Runs count.py over suites (exit status, JUnit text); returns its exit status and its last line."""
    arguments = []
    for number, (status, text) in enumerate(suites):
        path = tmp_path / f"{number}.junit.xml"
        if text is not None:
            path.write_text(text)
        arguments += [f"suite{number}", str(status), str(path)]
    done = subprocess.run([sys.executable, "-I", "-B", tree / "tests/count.py", *arguments], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout.splitlines()[-1]


GOOD = '<testsuites><testsuite><testcase name="a"/><testcase name="b"/></testsuite></testsuites>'
MIXED = ('<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>'
         '<testcase name="c"><error/></testcase><testcase name="d"><skipped/></testcase></testsuite></testsuites>')
SKIPPED = '<testsuites><testsuite><testcase name="a"><skipped/></testcase></testsuite></testsuites>'


@pytest.mark.parametrize("suites, status, line", [
    ([(0, GOOD)], 0, "2 passed, 0 failed, 0 skipped"),
    ([(0, GOOD), (1, MIXED)], 1, "3 passed, 2 failed, 1 skipped"),
    ([(0, GOOD), (1, GOOD)], 1, "4 passed, 1 failed, 0 skipped"),
    ([(0, GOOD), (0, None)], 1, "2 passed, 1 failed, 0 skipped"),
    ([(0, GOOD), (0, "<test")], 1, "2 passed, 1 failed, 0 skipped"),
    ([(0, SKIPPED)], 1, "0 passed, 0 failed, 1 skipped"),
    ([], 1, "0 passed, 0 failed, 0 skipped"),
])
def test_the_sum_loses_nothing(tree, tmp_path, suites, status, line):
    assert count(tree, tmp_path, *suites) == (status, line)


def test_a_program_that_died_counts(tree, tmp_path):
    (tmp_path / "0.json").write_text('{"name": "a", "result": "OK"}\n{"name": "b", "result": "ERROR"}\n')
    assert count(tree, tmp_path, (0, GOOD)) == (1, "2 passed, 1 failed, 0 skipped")
