# SPDX-License-Identifier: GPL-2.0-or-later
"""The tree keeps its rules; and tests/layers.py, which says so, can tell when one does not."""
import subprocess
import sys

import pytest

LICENCE = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n"


def layers(tree, *arguments):
    return subprocess.run([sys.executable, "-I", "-B", tree / "tests/layers.py", *arguments], capture_output=True,
                          text=True, check=False)


def test_this_tree_keeps_the_rules(tree):
    done = layers(tree)
    assert done.stdout == "" and done.returncode == 0


OFFENCES = [
    ("src/base/a.c", '#include "host/pci.h"', "base may use: nothing"),
    ("src/host/a.c", '#include "qemu/argv.h"', "host may use: base"),
    ("src/qemu/a.c", '#include "host/pci.h"', "qemu may use: base"),
    ("src/qemu/a.c", '# include <host/pci.h>', "qemu may use: base"),
    ("src/boot/a.c", '#include "host/pci.h"', "boot may use: base"),
    ("src/vm/a.h", '#include "check/check.h"', "vm may use: base, boot, host, qemu"),
    ("src/check/a.c", '#include "change/plan.h"', "check may use: "),
    ("src/change/a.c", '#include "lab/lab.h"', "change may use: "),
    ("src/lab/a.c", '#include "verb/verb.h"', "lab may use: "),
    ("src/report/a.c", '#include "host/pci.h"', "report may use: base"),
    ("src/check/a.c", '#include "report/table.h"', "check may use: "),
    ("src/main.c", '#include "host/pci.h"', "main.c may use: base, verb"),
    ("src/wrapper.c", '#include "lab/lab.h"', "wrapper.c may use: base, host, qemu, vm"),
    ("src/new/a.c", "int a;", "is in no layer"),
    ("src/host/a.c", '#include "pci.h"', "say which folder it is in"),
    ("src/host/a.c", '#include "../base/text.h"', "say which folder it is in"),
    ("src/host/a.c", '#include "base/say.h"', "does not speak to people"),
    ("src/check/a.c", '#include "base/root.h"', "opens no file and starts no process"),
    ("src/check/a.c", "#include <fcntl.h>", "opens no file and starts no process"),
    ("src/check/a.c", "int a(void) { return root_exists(0, 0); }", "opens no file and starts no process"),
    ("src/check/a.c", 'void *a(void) { return fopen ("x", "r"); }', "opens no file and starts no process"),
    ("src/host/a.c", 'int a(void) { return system("true"); }', "no shell"),
]


@pytest.mark.parametrize("path, line, reason", OFFENCES)
def test_an_offence_is_found(tree, tmp_path, path, line, reason):
    source = tmp_path / path
    source.parent.mkdir(parents=True)
    source.write_text(f"{LICENCE}\n{line}\n")
    done = layers(tree, tmp_path)
    assert done.returncode == 1
    first = done.stdout.splitlines()[0]
    assert first.startswith(f"{path}:")
    assert first.startswith(f"{path}:3: {line}") or reason == "is in no layer"
    assert reason in done.stdout


INNOCENT = [
    ("src/check/a.c", "/* root_exists() and fopen() are for others */"),
    ("src/check/a.c", 'const char *a = "open(2) failed: system(3)";'),
    ("src/check/a.c", "#include <json-c/json.h>"),
    ("src/verb/a.c", '#include "lab/lab.h"'),
    ("src/vm/a.c", '#include "qemu/viommu.h"'),
    ("src/main.c", '#include "version.h"'),
]


@pytest.mark.parametrize("path, line", INNOCENT)
def test_the_innocent_are_left_alone(tree, tmp_path, path, line):
    source = tmp_path / path
    source.parent.mkdir(parents=True)
    source.write_text(f"{LICENCE}\n{line}\n")
    done = layers(tree, tmp_path)
    assert done.stdout == "" and done.returncode == 0


def test_a_file_without_its_licence_is_found(tree, tmp_path):
    (tmp_path / "a.py").write_text("print()\n")
    done = layers(tree, tmp_path)
    assert done.returncode == 1
    assert "a.py:1: print()\n\tno licence line" in done.stdout


@pytest.mark.parametrize("where", ["home/somebody/x", "root/.cache", "work/main"])
def test_a_path_of_a_developers_machine_is_found(tree, tmp_path, where):
    (tmp_path / "notes.md").write_text(f"\nsee /{where}\n")
    done = layers(tree, tmp_path)
    assert done.returncode == 1
    assert f"notes.md:2: see /{where}\n" in done.stdout
