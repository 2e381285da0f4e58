# SPDX-License-Identifier: GPL-2.0-or-later
"""Command lines in, expected text out. Each folder below with a file 'cmd' is a case: see tests/README.md."""
import difflib
import os
import pathlib
import shlex
import signal
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
REGENERATE = os.environ.get("NESTPCI_REGENERATE") == "1"
SNAPSHOTS = HERE.parent / "snapshots"
EXPECTED = ("stdout", "stderr", "status")
TIME_LIMIT = 60


def find_cases():
    return sorted(path.parent for path in HERE.rglob("cmd"))


def case_name(case):
    return str(case.relative_to(HERE))


def read(case, name):
    path = case / name
    return path.read_bytes() if path.exists() else b""


def words_of(text):
    """A command may go over several lines; a line that begins with '#' is a comment."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return shlex.split("\n".join(lines).replace("\\\n", "\n"))


class Places:
    """The placeholders of a case: its folder, an empty one that is there for this run only, and the machines."""

    def __init__(self, case, scratch):
        self.places = {"@CASE@": str(case), "@TMP@": str(scratch), "@SNAPSHOTS@": str(SNAPSHOTS)}

    def fill(self, text):
        for name, path in self.places.items():
            text = text.replace(name, path)
        return text

    def take_out(self, output):
        for name, path in self.places.items():
            output = output.replace(path.encode(), name.encode())
        return output


def environment(case, scratch, places):
    """Nothing of the caller's: the same everywhere. A file 'env' adds lines NAME=VALUE."""
    variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(scratch)}
    for line in read(case, "env").decode().splitlines():
        name, _, value = line.partition("=")
        variables[name] = places.fill(value)
    return variables


def exit_text(code):
    """What the file 'status' says: a number, or the signal that ended the program."""
    if code == 0:
        return b""
    return f"{code}\n".encode() if code > 0 else f"{signal.Signals(-code).name}\n".encode()


def run_case(program, case, scratch):
    places = Places(case, scratch)
    words = [places.fill(word) for word in words_of(read(case, "cmd").decode())]
    done = subprocess.run([program, *words], input=places.fill(read(case, "stdin").decode(errors="surrogateescape"))
                          .encode(errors="surrogateescape"), capture_output=True, cwd=case, timeout=TIME_LIMIT,
                          env=environment(case, scratch, places), check=False)
    return {
        "stdout": places.take_out(done.stdout),
        "stderr": places.take_out(done.stderr),
        "status": exit_text(done.returncode),
    }


def rewrite_expected(case, results):
    for name, content in results.items():
        if content:
            (case / name).write_bytes(content)
        else:
            (case / name).unlink(missing_ok=True)


def lines_of(content):
    """Readable, whatever the bytes: NUL ends a line, too, and what is no UTF-8 is escaped."""
    return content.decode(errors="backslashreplace").replace("\0", "\\0\n").splitlines()


def differences(name, wanted, got):
    return "\n".join(difflib.unified_diff(lines_of(wanted), lines_of(got), f"expected {name}", f"actual {name}",
                                          lineterm="")) or f"{name}: differs in its last newline"


@pytest.mark.parametrize("case", find_cases(), ids=case_name)
def test_case(case, nestpci, tmp_path):
    results = run_case(nestpci, case, tmp_path)
    assert not results["status"].startswith(b"SIG"), "ended by " + results["status"].decode()
    if REGENERATE:
        rewrite_expected(case, results)
        return
    wrong = [differences(name, read(case, name), results[name]) for name in EXPECTED
             if read(case, name) != results[name]]
    if wrong:
        pytest.fail("\n".join(["nestpci " + read(case, "cmd").decode().strip(), *wrong]), pytrace=False)


def test_no_case_is_forgotten():
    """Expected output without a command would never be looked at."""
    lost = [path for name in EXPECTED for path in HERE.rglob(name) if not (path.parent / "cmd").exists()]
    assert not lost
