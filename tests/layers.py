#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""layers.py [TREE]

Enforces what ARCHITECTURE.md says about the folders under src/: who may include whom, who may touch files and start
processes, who may speak. Also: the licence line of every source file, and no path of one developer's machine in any
file. Prints each offending line with the reason; exit status 1 when there is one.
"""
import pathlib
import re
import subprocess
import sys

# What a folder may include besides itself. A file directly under src/ has a row of its own.
USES = {
    "base": set(),
    "host": {"base"},
    "qemu": {"base"},
    "boot": {"base"},
    "report": {"base"},
    "vm": {"base", "host", "qemu", "boot"},
    "check": {"base", "host", "qemu", "boot", "vm"},
    "change": {"base", "host", "qemu", "boot", "vm", "check"},
    "lab": {"base", "host", "qemu", "boot", "vm", "check", "change", "report"},
    "verb": {"base", "host", "qemu", "boot", "vm", "check", "change", "lab", "report"},
    "libvirt": {"base"},
    "main.c": {"base", "verb"},
    "wrapper.c": {"base", "host", "qemu", "vm"},
}

# The only ones that speak to people.
SPEAKERS = {"base", "lab", "verb", "main.c", "wrapper.c"}

# check/ judges models: it opens no file and starts no process, neither by our modules nor by the system's.
CHECK_HEADERS = re.compile(
    r'[<"](base/(root|file|child|say)\.h|fcntl\.h|dirent\.h|spawn\.h|unistd\.h|sys/(wait|stat|socket|mman)\.h)[>"]')
CHECK_CALLS = re.compile(
    r"\b((root|file|child)_[a-z_]+|f?open(at2?)?|fdopen|opendir|scandir|popen|system|v?fork|clone|exec[lv]p?e?|"
    r"posix_spawnp?|syscall|s?e?tenv|getenv)\s*\(")

# libvirt and libxml2 are linked by the helper alone.
HELPERS_HEADERS = re.compile(r"<(libvirt|libxml)/")

SHELLS = re.compile(r"\b(system|popen)\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
LICENCE = "SPDX-License-Identifier: GPL-2.0-or-later"
DEVELOPERS_PATH = re.compile(r"(?<![\w.@$}>/-])/(?:(?:home|Users)/[a-z]\w*|root/|work/)")
SPACE_FOR_LICENCE = 3  # lines: a script has its interpreter first


def without_comments_and_strings(text):
    """The code alone; every newline stays, so that line numbers do."""
    def blank(match):
        return "\n" * match.group().count("\n") if match.group().startswith("/") else '""'
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def include_offence(layer, style, header):
    folder = header.split("/")[0] if "/" in header else None
    if folder not in USES:
        if style == '"' and header != "version.h":
            return "say which folder it is in"
        return None
    if folder != layer and folder not in USES[layer]:
        allowed = ", ".join(sorted(USES[layer])) or "nothing"
        return f"{layer} may use: {allowed}"
    if header == "base/say.h" and layer not in SPEAKERS:
        return f"{layer} does not speak to people; verbs do"
    return None


def check_layers(tree):
    for path in sorted((tree / "src").rglob("*.[ch]")):
        layer = path.relative_to(tree / "src").parts[0]
        if layer not in USES:
            yield path, 1, layer, "is in no layer that ARCHITECTURE.md knows"
            continue
        text = path.read_text(errors="replace")
        code = without_comments_and_strings(text).splitlines()
        for number, line in enumerate(text.splitlines(), 1):
            include = INCLUDE.match(line)
            reason = include_offence(layer, *include.groups()) if include else None
            if layer == "check" and include and CHECK_HEADERS.search(line):
                reason = "check opens no file and starts no process: it judges models"
            if layer == "check" and number <= len(code) and CHECK_CALLS.search(code[number - 1]):
                reason = "check opens no file and starts no process: it judges models"
            if layer != "libvirt" and include and HELPERS_HEADERS.search(line):
                reason = "only the helper is linked with libvirt and libxml2"
            if number <= len(code) and SHELLS.search(code[number - 1]):
                reason = "no shell: programs are started by base/child"
            if reason:
                yield path, number, line, reason


def files_of(tree):
    """What is tracked, and what would be; all there is where Git does not know the tree."""
    command = ["git", "-c", "safe.directory=*", "-C", str(tree), "ls-files", "-z", "--cached", "--others",
               "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
        paths = [tree / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [path for path in tree.rglob("*") if not {".git", "build"} & set(path.relative_to(tree).parts)]
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


def check_files(tree):
    for path in files_of(tree):
        content = path.read_bytes()
        if b"\0" in content[:8192]:
            continue
        lines = content.decode(errors="replace").split("\n")
        is_source = path.suffix in (".c", ".h", ".py") or lines[0].startswith("#!")
        if is_source and not any(LICENCE in line for line in lines[:SPACE_FOR_LICENCE]):
            yield path, 1, lines[0], f"no licence line ({LICENCE})"
        for number, line in enumerate(lines, 1):
            if DEVELOPERS_PATH.search(line):
                yield path, number, line, "names a path of one developer's machine"


def main(arguments):
    tree = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent).resolve()
    offences = [*check_layers(tree), *check_files(tree)]
    for path, number, line, reason in offences:
        print(f"{path.relative_to(tree)}:{number}: {line.strip()[:120]}\n\t{reason}")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
