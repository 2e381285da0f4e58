# SPDX-License-Identifier: GPL-2.0-or-later
"""What only a terminal shows: a table that is cut at its width."""
import fcntl
import os
import pathlib
import pty
import struct
import subprocess
import termios

SERVER = pathlib.Path(__file__).resolve().parent.parent / "hosts" / "server"
HOST = pathlib.Path(__file__).resolve().parent / "list" / "hosts" / "workstation"


def run_on_terminal(words, columns):
    """Runs a program with a terminal as its standard output, and returns the lines it printed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    output = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not block:
            break
        output += block
    os.close(ours)
    assert child.wait(timeout=60) == 0
    return output.decode().replace("\r\n", "\n").splitlines()


def test_list_fits_into_80_columns(nestpci):
    lines = run_on_terminal([nestpci, "list", "--root", HOST], 80)
    assert len(lines) == 8
    assert max(len(line) for line in lines) <= 80
    assert any(line.endswith("...") for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_what_stands_in_the_way_fits_as_well(nestpci):
    lines = run_on_terminal([nestpci, "list", "--root", SERVER], 80)
    assert max(len(line) for line in lines) <= 80
    assert any("no: root file system" in line for line in lines)
    assert any("no: process 900 (pipe" in line for line in lines)


def test_show_fits_into_80_columns(nestpci):
    for address in ("01:00.0", "00:14.0", "10000:e1:00.0", "00:1f.4"):
        lines = run_on_terminal([nestpci, "show", "--root", SERVER, address], 80)
        assert [line for line in lines if len(line) > 80] == []
        assert lines[0].startswith(address if len(address) > 7 else f"0000:{address}")


def test_list_is_whole_where_there_is_room(nestpci):
    lines = run_on_terminal([nestpci, "list", "--root", HOST], 250)
    assert any("NVMe SSD Controller SM981/PM981/PM983" in line for line in lines)
    assert not any(line.endswith("...") for line in lines)


def test_vms_fit_into_80_columns(nestpci):
    cluster = pathlib.Path(__file__).resolve().parent.parent / "snapshots" / "desktop-cluster.snap"
    lines = run_on_terminal([nestpci, "vm", "list", "--snapshot", cluster], 80)
    assert len(lines) == 12
    assert max(len(line) for line in lines) <= 80
    for name in ("100", "105", "106", "200", "5000"):
        lines = run_on_terminal([nestpci, "vm", "show", "--snapshot", cluster, name], 80)
        assert [line for line in lines if len(line) > 80] == []
