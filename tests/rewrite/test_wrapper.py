# SPDX-License-Identifier: GPL-2.0-or-later
"""The wrapper stands in the place of QEMU and never makes things worse."""
import os
import shutil
import subprocess

import pytest

FAKE = '#!/bin/sh\nprintf "%s\\n" "$0" "$@"\nexit 7\n'
LINE = ["-id", "101", "-machine", "type=q35+pve0", "-device", "e1000"]
RIGHT = ["-id", "101", "-machine", "type=q35+pve0,kernel-irqchip=split", "-device",
         "intel-iommu,intremap=on,caching-mode=on", "-device", "e1000"]


@pytest.fixture
def place(build, tmp_path):
    """A folder with the wrapper as kvm, the real one as kvm.distrib, and a file that names VM 101."""
    shutil.copy(build / "nestpci-wrapper", tmp_path / "kvm")
    (tmp_path / "kvm.distrib").write_text(FAKE)
    (tmp_path / "kvm.distrib").chmod(0o755)
    (tmp_path / "conf").write_text("# which VMs\nvm 101\nvm l1 aw-bits=39 eim=on\n")
    return tmp_path


def run(place, *arguments, conf=None, **more):
    env = dict(os.environ, NESTPCI_WRAPPER_CONF=str(conf or place / "conf"))
    return subprocess.run([place / "kvm", *arguments], capture_output=True, text=True, check=False, env=env, **more)


def lines(done):
    return done.stdout.splitlines()[1:]


def test_acts_on_the_vms_of_its_file(place):
    done = run(place, *LINE)
    assert done.returncode == 7
    assert lines(done) == RIGHT
    assert "VM 101: -device intel-iommu" in done.stderr


def test_by_name_with_settings(place):
    done = run(place, "-name", "guest=l1,debug-threads=on", "-machine", "q35", "-device", "e1000")
    assert "intel-iommu,intremap=on,caching-mode=on,aw-bits=39,eim=on" in lines(done)


@pytest.mark.parametrize("line", [
    ["-id", "102", *LINE[2:]],
    ["--version"],
    ["-version"],
    ["-machine", "help"],
    # pvestatd asks so for the flags that guests can have.
    ["-machine", "pc", "-display", "none", "-chardev", "socket,id=qmp,path=/var/run/qemu-server/-1.qmp,server=on,wait=off",
     "-mon", "chardev=qmp,mode=control", "-pidfile", "/var/run/qemu-server/-1.pid", "-S", "-daemonize", "-cpu", "host"],
    ["-id", "101", "-cpu", "help"],
    [],
])
def test_leaves_all_else_alone_and_says_nothing(place, line):
    done = run(place, *line)
    assert done.returncode == 7
    assert lines(done) == line
    assert done.stderr == ""


@pytest.mark.parametrize("line, reason", [
    (["-id", "101", "-machine", "pc"], "i440fx"),
    (["-id", "101", "-machine", "q35", "-device", "virtio-iommu-pci"], "virtio-iommu"),
    (["-id", "101", "-machine", "q35", "-device", "{"], "not JSON"),
    (["-id", "101", "-machine", "q35", "-incoming", "tcp:0:1"], "saved state"),
])
def test_in_doubt_it_executes_the_line_as_it_came(place, line, reason):
    done = run(place, *line)
    assert done.returncode == 7
    assert lines(done) == line
    assert "is started as it is" in done.stderr
    assert reason in done.stderr


def test_an_open_line(place):
    done = run(place, "-id", "101", "-device")
    assert lines(done) == ["-id", "101", "-device"]


@pytest.mark.parametrize("text, said", [
    ("vm 101\nnonsense\n", "line 2: neither"),
    ("vm 101 bogus=1\n", "'bogus=1' is no setting"),
    ("vm 101 aw-bits=57\n", "39 or 48"),
])
def test_a_wrong_file_stops_it_from_acting(place, text, said):
    (place / "conf").write_text(text)
    done = run(place, *LINE)
    assert done.returncode == 7
    assert lines(done) == LINE
    assert said in done.stderr


def test_without_a_file_it_acts_on_nothing(place):
    done = run(place, *LINE, conf=place / "none")
    assert lines(done) == LINE
    assert done.stderr == ""


def test_keeps_argv0_for_proxmox_and_kvm(place, build):
    """QEMU takes KVM for its default by the end of argv[0]; Proxmox VE knows its processes by it."""
    show = place / "show"
    (place / "show.c").write_text("#include <stdio.h>\nint main(int c, char **v) { return puts(v[0]) < 0; }\n")
    subprocess.run(["gcc", "-o", show, place / "show.c"], check=True)
    (place / "conf").write_text(f"qemu {show}\nvm 101\n")
    env = dict(os.environ, NESTPCI_WRAPPER_CONF=str(place / "conf"))
    done = subprocess.run(["/usr/bin/kvm", *LINE], executable=place / "kvm", capture_output=True, text=True,
                          check=False, env=env)
    assert done.stdout == "/usr/bin/kvm\n"


def test_no_real_qemu(place):
    (place / "kvm.distrib").unlink()
    done = run(place, *LINE)
    assert done.returncode == 127
    assert "kvm.distrib: No such file or directory" in done.stderr


def test_itself_is_not_the_real_qemu(place):
    (place / "conf").write_text(f"qemu {place}/kvm\nvm 101\n")
    done = run(place, *LINE, timeout=10)
    assert done.returncode == 126
    assert "is this wrapper itself" in done.stderr


def test_without_proc_it_goes_by_how_it_was_called(place):
    """As in a chroot that has none."""
    if os.geteuid() != 0:
        pytest.skip("a mount namespace needs root")
    words = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh", place / "kvm", *LINE]
    done = subprocess.run(words, capture_output=True, text=True, check=False,
                          env=dict(os.environ, NESTPCI_WRAPPER_CONF=str(place / "conf")))
    assert lines(done) == RIGHT


def test_of_several_lines_the_last_counts(place):
    (place / "conf").write_text("vm 101 aw-bits=39\nvm 101 eim=on\n")
    assert "intel-iommu,intremap=on,caching-mode=on,eim=on" in lines(run(place, *LINE))


def test_a_number_is_what_id_says(place):
    """Another VM may be called like the number of one that is meant."""
    line = ["-id", "200", "-name", "101", "-machine", "q35"]
    assert lines(run(place, *line)) == line
    assert "intel-iommu,intremap=on,caching-mode=on" in lines(run(place, "-name", "101", "-machine", "q35"))


def test_comments_behind_a_line(place):
    (place / "conf").write_text("vm 101 aw-bits=39   # this host is a small one\n")
    assert "intel-iommu,intremap=on,caching-mode=on,aw-bits=39" in lines(run(place, *LINE))


def test_nobody_listens_on_stderr(place):
    """A closed pipe must not end it before QEMU is there, nor change what QEMU inherits."""
    reading, writing = os.pipe()
    os.close(reading)
    env = dict(os.environ, NESTPCI_WRAPPER_CONF=str(place / "conf"))
    (place / "kvm.distrib").write_text("#!/bin/sh\ngrep -E 'Sig(Blk|Ign|Pnd)' /proc/self/status\nexit 7\n")
    done = subprocess.run([place / "kvm", *LINE], stdout=subprocess.PIPE, stderr=writing, check=False, env=env,
                          text=True)
    os.close(writing)
    assert done.returncode == 7
    plain = subprocess.run([place / "kvm.distrib"], stdout=subprocess.PIPE, check=False, text=True)
    assert done.stdout == plain.stdout
