#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tap.py PROGRAM

Runs a cmocka program and passes on what it says so that Meson can count and show it: test results (TAP) go to stdout,
everything else to stderr, which Meson prints when a test fails. cmocka before 1.1.6 calls a skipped test "not ok".
"""
import os
import re
import subprocess
import sys

RESULT = re.compile(r"(not )?ok \d+|1\.\.\d+")
LEAKS = "ERROR: LeakSanitizer"


def main(program):
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    failed = False
    with subprocess.Popen([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                          encoding="utf-8", errors="backslashreplace") as child:
        for line in child.stdout:
            # A failed test leaves its function in the middle, so what it held is lost: not what went wrong.
            if failed and LEAKS in line:
                child.stdout.read()
                break
            if not RESULT.match(line):
                print(line.removeprefix("# "), end="", file=sys.stderr)
                continue
            if "# SKIP" in line:
                line = line.removeprefix("not ")
            if line.startswith("not ok"):
                failed = True
                print(line, end="", file=sys.stderr)
            print(line, end="", flush=True)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
