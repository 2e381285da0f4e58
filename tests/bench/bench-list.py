#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""bench-list.py NESTPCI MEASURE

Measures commands that look at all of a host, on trees of 500, 5000 and 50000 PCI functions (make-pci-tree.py): against
lspci, run by turns; whether the time grows no more than the number of functions; the memory. A row of COMMANDS is a
command with its limits. Prints what was measured; exit status 1 when a limit is passed, or when a command did not do
what is measured.
"""
import collections
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

SIZES = (500, 5000, 50000)
MIDDLE = 5000  # where it is compared, and its memory is taken
ROUNDS = {500: 15, 5000: 9, 50000: 3}
PCI_IDS = pathlib.Path("/usr/share/misc/pci.ids")


def addresses(text):
    return len(set(re.findall(r"\b[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b", text)))


def groups(text):
    found = re.search(r"there are (\d+) IOMMU groups", text)
    return int(found.group(1)) if found else 0


def lspci(tree):
    return ["lspci", "-nnk", "-O", f"sysfs.path={tree}/sys/bus/pci"]


Command = collections.namedtuple("Command", [
    "name",
    "words",  # of nestpci, for a tree
    "shows_all",  # whether this output is about so many functions
    "rival",  # a command line for a tree, or None
    "rival_part",  # how much of the rival's time it may take
    "seconds",  # that it may take at MIDDLE, or None
    "growth",  # how much more than linear its time may grow from one size to the next
    "memory",  # MiB
])

COMMANDS = [
    Command("list", lambda tree: ["list", "--root", tree], lambda output, count: addresses(output) == count,
            lspci, 0.5, None, 1.5, 32),
    # It names a count of groups, which grows with the functions, and says something of every part of a host.
    Command("check", lambda tree: ["check", "--brief", "--level", "0", "--root", tree],
            lambda output, count: groups(output) > count / 2 and len(output.splitlines()) > 30,
            None, None, 0.1, 1.5, 32),
]


class Failed(Exception):
    """Nothing to measure."""


def measure(program, words):
    """Seconds and KiB of one run."""
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    numbers = done.stdout.split()
    if done.returncode != 0 or len(numbers) != 3 or numbers[2] != "0":
        raise Failed(f"{' '.join(words)}: {done.stderr.strip() or 'exit status ' + (numbers or ['?'])[-1]}")
    return int(numbers[0]) / 1e9, int(numbers[1])


def measure_by_turns(program, lines, rounds):
    """Median of the seconds, and most KiB, of each; a first round only warms up."""
    runs = [[measure(program, line) for line in lines] for _ in range(rounds + 1)][1:]
    return [(statistics.median(run[i][0] for run in runs), max(run[i][1] for run in runs)) for i in range(len(lines))]


def make_trees(folder):
    trees = {}
    for count in SIZES:
        trees[count] = f"{folder}/{count}"
        subprocess.run([sys.executable, pathlib.Path(__file__).with_name("make-pci-tree.py"), str(count),
                        trees[count]], check=True)
        if PCI_IDS.exists():
            os.makedirs(f"{trees[count]}/{PCI_IDS.parent}")
            shutil.copy(PCI_IDS, f"{trees[count]}/{PCI_IDS}")
    return trees


def check_output(command, nestpci, trees):
    for count, tree in trees.items():
        done = subprocess.run([nestpci, *command.words(tree)], capture_output=True, text=True, check=False)
        if done.returncode != 0 or not command.shows_all(done.stdout, count):
            raise Failed(f"{command.name}: does not show {count} functions: {done.stderr.strip()[:200]}")


def run(command, nestpci, program, trees):
    """Prints the measurements of one command; yields what is wrong with them."""
    check_output(command, nestpci, trees)
    times = {}
    for count, tree in trees.items():
        lines = [[nestpci, *command.words(tree)]]
        if command.rival and count == MIDDLE:
            lines.append(command.rival(tree))
        measured = measure_by_turns(program, lines, ROUNDS[count])
        times[count] = measured[0][0]
        memory = measured[0][1] / 1024
        print(f"  {command.name:8} {count:6} functions {times[count] * 1e3:9.1f} ms "
              f"{times[count] / count * 1e6:6.1f} us each {memory:7.1f} MiB")
        if count == MIDDLE and memory > command.memory:
            yield f"{command.name}: {memory:.1f} MiB for {count} functions, wanted {command.memory}"
        if count == MIDDLE and command.seconds and times[count] > command.seconds:
            yield f"{command.name}: {times[count]:.3f} s for {count} functions, wanted {command.seconds}"
        if len(lines) == 2:
            part = measured[0][0] / measured[1][0]
            print(f"  {lines[1][0]:8} {count:6} functions {measured[1][0] * 1e3:9.1f} ms; {command.name} takes "
                  f"{part:.2f} of that")
            if part > command.rival_part:
                yield f"{command.name}: takes {part:.2f} of the time of {lines[1][0]}, wanted {command.rival_part}"
    for smaller, larger in zip(SIZES, SIZES[1:]):
        growth = (times[larger] / larger) / (times[smaller] / smaller)
        print(f"  {command.name:8} from {smaller} to {larger} functions: {growth:.2f} of linear")
        if growth > command.growth:
            yield f"{command.name}: {growth:.2f} of linear from {smaller} to {larger}, wanted {command.growth}"


def main(arguments):
    if len(arguments) != 2:
        print("Usage: bench-list.py NESTPCI MEASURE", file=sys.stderr)
        return 2
    nestpci, program = arguments
    # Memory: a disk would be what is measured.
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="nestpci-bench-", dir=place) as folder:
        try:
            print("Trees of PCI functions, from the start to the end of the program, medians:")
            trees = make_trees(folder)
            wrong = [text for command in COMMANDS for text in run(command, nestpci, program, trees)]
        except (Failed, OSError, subprocess.CalledProcessError) as error:
            wrong = [str(error)]
    for text in wrong:
        print(f"bench-list: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
