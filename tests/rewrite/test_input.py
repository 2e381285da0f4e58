# SPDX-License-Identifier: GPL-2.0-or-later
"""Input of every kind and size: it comes through byte for byte, or is refused by name, with nothing half done."""
import os
import subprocess

LINE = [b"kvm", b"-machine", b"q35", b"-device", b"e1000"]
RIGHT = [b"kvm", b"-machine", b"q35,kernel-irqchip=split", b"-device", b"intel-iommu,intremap=on,caching-mode=on",
         b"-device", b"e1000"]


def run(nestpci, *arguments, text=None, env=None):
    return subprocess.run([nestpci, *arguments], input=text, capture_output=True, check=False, env=env)


def words(nestpci, text):
    """Words of a shell line, through the rewrite."""
    done = run(nestpci, "rewrite", "--null", "--shell", "-", text=text)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(b"\0")[:-1]


def test_words_as_arguments(nestpci):
    done = run(nestpci, "rewrite", "--null", "--", *LINE)
    assert done.stdout.split(b"\0")[:-1] == RIGHT


def test_ten_thousand_words(nestpci):
    many = b" ".join([*LINE, *[b"-device e1000,id=x%d" % i for i in range(5000)]])
    assert len(words(nestpci, many)) == len(RIGHT) + 10000


def test_a_word_of_a_mebibyte(nestpci):
    big = b"x" * (1 << 20)
    assert words(nestpci, b" ".join(LINE) + b" -append " + big)[-1] == big


def test_a_property_of_a_mebibyte_is_kept_when_its_word_changes(nestpci):
    big = b"x" * (1 << 20)
    got = words(nestpci, b"kvm -machine q35,a=" + big + b" -device e1000")
    assert got[2] == b"q35,a=" + big + b",kernel-irqchip=split"


def test_bytes_that_are_no_utf8(nestpci):
    odd = bytes(range(1, 256)).replace(b"'", b"")
    assert words(nestpci, b" ".join(LINE) + b" -name '" + odd + b"'")[-1] == odd
    done = run(nestpci, "rewrite", "--shell", "-", text=b" ".join(LINE) + b" -name '" + odd + b"'")
    assert b"'" + odd + b"'" in done.stdout
    done = run(nestpci, "rewrite", "--json", "--", *LINE, b"-name", b"\xff")
    assert done.returncode == 3
    assert b"word 9 is not UTF-8" in done.stderr
    assert done.stdout == b""


def test_the_whole_way_through_exec(nestpci, tmp_path):
    """exec becomes QEMU: same process, words as rewritten, descriptors and environment kept."""
    fake = tmp_path / "kvm"
    fake.write_text('#!/bin/sh\necho $$; printf "%s\\n" "$@"; echo "$SAY"; cat /dev/fd/$FD; exit 5\n')
    fake.chmod(0o755)
    reading, writing = os.pipe()
    os.write(writing, b"from a descriptor")
    os.close(writing)
    with subprocess.Popen([nestpci, "exec", "--", fake, *LINE[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={"SAY": "from the environment", "PATH": os.environ["PATH"], "FD": str(reading)},
                          pass_fds=[reading]) as process:
        out, err = process.communicate()
    os.close(reading)
    assert process.returncode == 5
    lines = out.decode().splitlines()
    assert lines[0] == str(process.pid)
    assert [line.encode() for line in lines[1:-2]] == RIGHT[1:]
    assert lines[-2:] == ["from the environment", "from a descriptor"]
    assert b"added before" in err


def test_output_that_cannot_be_written_is_a_failure(nestpci):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([nestpci, "rewrite", "--", *LINE], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
    assert b"could not write to standard output" in done.stderr


def test_a_pipe_is_not_read_for_devices(nestpci, tmp_path):
    """What comes out of a FIFO is QEMU's: reading it here would take it away."""
    fifo = tmp_path / "devices"
    os.mkfifo(fifo)
    done = subprocess.run([nestpci, "rewrite", "--null", "--", *LINE[:3], b"-readconfig", fifo], capture_output=True,
                          check=False, timeout=10)
    assert done.returncode == 0
    assert done.stdout.split(b"\0")[3:5] == RIGHT[3:5]
