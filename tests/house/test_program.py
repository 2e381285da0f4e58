# SPDX-License-Identifier: GPL-2.0-or-later
"""What is promised of the programs themselves: their help, their size, what they need."""
import re
import shutil
import subprocess

import pytest

WIDTH = 80
# nestpci carries the wrapper inside.
SIZE_LIMITS = {"nestpci": 3 * 1024 * 1024, "nestpci-wrapper": 1024 * 1024}


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, **more)


def verbs_of(nestpci):
    listed = run(nestpci, "--help").stdout.split("Verbs:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def test_help_lists_verbs(nestpci):
    done = run(nestpci, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert {"list", "bind", "unbind", "rewrite", "exec", "lab"} <= set(verbs_of(nestpci))
    assert [line for line in done.stdout.splitlines() if len(line) > WIDTH] == []


def test_help_is_found_however_one_asks(nestpci):
    wanted = run(nestpci, "--help").stdout
    for words, status in ((["help"], 0), (["-h"], 0), ([], 2)):
        done = run(nestpci, *words)
        assert (words, done.returncode, done.stdout) == (words, status, wanted)


def test_the_verbs_that_sentences_name_exist(nestpci):
    with open(nestpci, "rb") as program:
        named = set(re.findall(rb"'nestpci ([a-z]+)", program.read()))
    assert {b"check", b"list", b"rewrite"} <= named
    # The first line of a snapshot, and what the wrapper says.
    assert {name.decode() for name in named} - {"snapshot", "answer"} <= set(verbs_of(nestpci))


def test_every_verb_has_help(nestpci):
    for verb in verbs_of(nestpci):
        for option in ("--help", "-h"):
            done = run(nestpci, verb, option)
            assert (verb, done.returncode, done.stderr) == (verb, 0, "")
            assert done.stdout.startswith(f"Usage: nestpci {verb}")
            assert [line for line in done.stdout.splitlines() if len(line) > WIDTH] == []
            assert "\t" not in done.stdout


def test_every_verb_refuses_an_unknown_option(nestpci):
    for verb in verbs_of(nestpci):
        done = run(nestpci, verb, "--no-such-option")
        assert (verb, done.returncode, done.stdout) == (verb, 2, "")
        assert done.stderr.startswith(f"nestpci: {verb}: unknown option '--no-such-option'")


def test_every_verb_is_in_the_manual(nestpci, tree):
    manual = (tree / "docs/man/nestpci.1.scd").read_text()
    for verb in verbs_of(nestpci):
        own_page = tree / f"docs/man/nestpci-{verb}.1.scd"
        assert own_page.exists() or re.search(rf"^\*{verb}\*", manual, re.M), f"no manual for '{verb}'"


def test_manual_pages_can_be_made(tree):
    if not shutil.which("scdoc"):
        pytest.skip("no scdoc")
    pages = sorted((tree / "docs/man").glob("*.scd"))
    assert pages
    for page in pages:
        with open(page, encoding="utf-8") as source:
            done = run("scdoc", stdin=source)
        assert (page.name, done.returncode, done.stderr) == (page.name, 0, "")


def test_output_that_cannot_be_written_is_a_failure(nestpci):
    with open("/dev/full", "w", encoding="utf-8") as full:
        for words in (["--help"], ["--version"], ["list", "--help"]):
            done = subprocess.run([nestpci, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            assert (words, done.returncode) == (words, 3)
            assert done.stderr == "nestpci: could not write to standard output\n"


@pytest.mark.parametrize("name", SIZE_LIMITS)
def test_program_is_static_and_small(name, build, tmp_path):
    program = build / name
    dynamic = run("readelf", "--dynamic", program).stdout
    headers = run("readelf", "--program-headers", program).stdout
    assert "NEEDED" not in dynamic
    assert "INTERP" not in headers
    stripped = tmp_path / name
    assert run("strip", "-o", stripped, program).returncode == 0
    assert stripped.stat().st_size < SIZE_LIMITS[name]


@pytest.mark.parametrize("folder, pattern, prefix", [
    ("tests/unit", "test-*.c", "test-"), ("tests/fuzz", "fuzz-*.c", "fuzz-"), ("docs", "man/*.scd", "")])
def test_the_build_forgets_no_file(tree, folder, pattern, prefix):
    build_file = (tree / folder / "meson.build").read_text()
    for path in (tree / folder).glob(pattern):
        assert f"'{path.stem.removeprefix(prefix)}'" in build_file, f"{path} is in no list of {folder}/meson.build"
