#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""count.py NAME STATUS FILE [NAME STATUS FILE]...

Sums up what the runners of several suites left in JUnit XML files. STATUS is the runner's exit status: a runner that
failed without saying which test counts as one failure, so that nothing gets lost. The last line is the sum.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def count_cases(path):
    """(passed, failed, skipped) of the test cases in a JUnit file."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def count_bad_programs(path):
    """Meson's own log knows of programs that died between two test cases, which its JUnit file does not count."""
    log = pathlib.Path(str(path).replace(".junit.xml", ".json"))
    if log == pathlib.Path(path) or not log.exists():
        return 0
    results = [json.loads(line)["result"] for line in log.read_text().splitlines()]
    return sum(result not in ("OK", "SKIP", "EXPECTEDFAIL") for result in results)


def count_suite(status, path):
    try:
        passed, failed, skipped = count_cases(path)
    except (OSError, ElementTree.ParseError):
        return 0, 1, 0
    return passed, max(failed, count_bad_programs(path), int(status != 0)), skipped


def main(arguments):
    total = [0, 0, 0]
    for name, status, path in zip(*[iter(arguments)] * 3):
        counts = count_suite(int(status), path)
        total = [sum(pair) for pair in zip(total, counts)]
        print("{:<8} {:>4} passed, {} failed, {} skipped".format(name, *counts))
    print()
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
