# SPDX-License-Identifier: GPL-2.0-or-later
"""nestpci viommu, with domains of a real libvirtd."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import domain_xml

IOMMU = "<driver intremap='on' caching_mode='on'/>"


def nest(libvirt, *words, status=0, **more):
    done = libvirt.nest(*words, **more)
    assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def journal(libvirt):
    return libvirt.nest("log").stdout


@pytest.fixture(autouse=True)
def no_journal(libvirt):
    """Each test begins with an empty journal."""
    yield
    libvirt.run("sh", "-c", "rm -rf /var/lib/nestpci/*")


def test_a_domain_gets_its_viommu_and_loses_it(libvirt):
    libvirt.define(domain_xml("l1"))
    before, file_before = libvirt.definition("l1"), libvirt.file("l1")
    shown = nest(libvirt, "viommu", "l1", "--dry-run").stdout
    assert "+    <iommu model='intel'>" in shown
    assert libvirt.definition("l1") == before and journal(libvirt) == ""
    done = nest(libvirt, "viommu", "l1", "--yes")
    assert shown.splitlines()[:20] == done.stdout.splitlines()[:20]
    assert IOMMU in libvirt.definition("l1")
    again = nest(libvirt, "viommu", "l1", "--yes")
    assert "is defined with all that it needs already" in again.stderr
    nest(libvirt, "undo", "--yes")
    assert (libvirt.definition("l1"), libvirt.file("l1")) == (before, file_before)
    nest(libvirt, "viommu", "l1", "--yes")
    nest(libvirt, "viommu", "l1", "--remove", "--yes")
    assert (libvirt.definition("l1"), libvirt.file("l1")) == (before, file_before)


def verdicts(libvirt):
    shown = json.loads(libvirt.nest("check", "--level", "0", "--vm", "l1", "--json").stdout)
    return {finding["check"]: finding["verdict"] for finding in shown["findings"]}


def test_check_agrees(libvirt):
    """Judged as a VM that passes a device on."""
    device = "<hostdev mode='subsystem' type='pci'><source><address bus='0xfe' slot='0x1f'/></source></hostdev>"
    libvirt.define(domain_xml("l1", devices=device))
    assert verdicts(libvirt)["vm-viommu-present"] == "FAIL"
    nest(libvirt, "viommu", "l1", "--yes")
    found = verdicts(libvirt)
    for check in ("present", "caching-mode", "interrupt-remapping", "first"):
        assert found[f"vm-viommu-{check}"] == "PASS", found
    assert found["vm-irqchip-split"] == "PASS"


def test_what_runs_is_verified(libvirt):
    libvirt.define(domain_xml("l1"))
    libvirt.virsh("start", "l1")
    assert "FAIL vm-viommu-present" in nest(libvirt, "viommu", "l1", "--verify", status=1).stdout
    libvirt.virsh("destroy", "l1")
    done = nest(libvirt, "viommu", "l1", "--yes", "--start")
    for check in ("present", "one", "caching-mode", "interrupt-remapping", "first"):
        assert f"PASS vm-viommu-{check} " in done.stdout


def test_a_viommu_set_by_hand_is_taken_away(libvirt):
    libvirt.define(domain_xml("l1", head="<features><acpi/><ioapic driver='qemu'/></features>",
                              devices=f"<iommu model='intel'>{IOMMU}</iommu>"))
    nest(libvirt, "viommu", "l1", "--remove", "--yes")
    assert "<iommu" not in libvirt.definition("l1")
    assert "nothing to do" in nest(libvirt, "viommu", "l1", "--remove", "--yes").stderr


def test_for_one_start(libvirt):
    libvirt.define(domain_xml("l1"))
    before = libvirt.definition("l1")
    nest(libvirt, "viommu", "l1", "--yes", "--once", "--start")
    assert libvirt.definition("l1") == before
    assert "PASS vm-viommu-present" in nest(libvirt, "viommu", "l1", "--verify").stdout


@pytest.mark.parametrize("xml, reason", [
    (domain_xml("l1", machine="pc"), "q35 can. That is another machine for the guest"),
    (domain_xml("l1", head="<features><acpi/></features>", devices="<iommu model='virtio'/>"), "<iommu model='virtio'>; take that away first"),
    (domain_xml("l1").replace("<domain type='qemu'>", "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/"
                              "qemu/1.0'><qemu:commandline><qemu:arg value='-device'/><qemu:arg value='intel-iommu'/>"
                              "</qemu:commandline>"), "<qemu:commandline> already (intel-iommu)"),
], ids=["i440fx", "virtio", "hidden"])
def test_refusals(libvirt, xml, reason):
    libvirt.define(xml)
    before = libvirt.definition("l1")
    assert reason in nest(libvirt, "viommu", "l1", "--yes", status=3).stderr
    assert libvirt.definition("l1") == before and journal(libvirt) == ""


def test_an_i440fx_is_converted_when_asked(libvirt):
    libvirt.define(domain_xml("l1", machine="pc"))
    before = libvirt.definition("l1")
    done = nest(libvirt, "viommu", "l1", "--yes", "--convert")
    assert "names of its network interfaces change" in done.stderr
    assert "machine='pc-q35-" in libvirt.definition("l1")
    nest(libvirt, "undo", "--yes")
    assert libvirt.definition("l1") == before


def test_a_saved_state_and_a_transient_domain_are_refused(libvirt):
    libvirt.define(domain_xml("l1"))
    libvirt.virsh("start", "l1")
    libvirt.virsh("managedsave", "l1")
    assert "virsh managedsave-remove l1" in nest(libvirt, "viommu", "l1", "--yes", status=3).stderr
    path = libvirt.folder / "transient.xml"
    path.write_text(domain_xml("passing"))
    libvirt.virsh("create", path)
    assert "is transient" in nest(libvirt, "viommu", "passing", "--yes", status=3).stderr


def test_no_password_is_shown_and_none_lost(libvirt):
    libvirt.define(domain_xml("l1", devices="<iommu model='intel'/><graphics type='vnc' passwd='s3cret'/>"))
    done = nest(libvirt, "viommu", "l1", "--yes")
    assert "s3cret" not in done.stdout + done.stderr
    assert "passwd='s3cret'" in libvirt.definition("l1")


def test_what_cannot_be_tried_beforehand_is_said(libvirt):
    """No huge pages here: libvirt makes no QEMU line of that, whatever else is in it."""
    libvirt.define(domain_xml("l1", head="<memoryBacking><hugepages/></memoryBacking>"))
    done = nest(libvirt, "viommu", "l1", "--yes")
    assert "cannot be tried beforehand" in done.stderr and "huge" in done.stderr
    assert IOMMU in libvirt.definition("l1")


def test_a_session_is_given_no_devices(libvirt):
    """Its own daemon, in the test's folder."""
    session = {"LIBVIRT_DEFAULT_URI": "qemu:///session", "XDG_RUNTIME_DIR": str(libvirt.folder / "session"),
               "XDG_CONFIG_HOME": str(libvirt.folder / "config"), "XDG_CACHE_HOME": str(libvirt.folder / "cache")}
    path = libvirt.folder / "session.xml"
    virsh = ["virsh", "--quiet"]
    try:
        path.write_text(domain_xml("mine", devices="<hostdev mode='subsystem' type='pci' managed='no'><source>"
                                   "<address bus='0xfe' slot='0x1f'/></source></hostdev>"))
        libvirt.run(*virsh, "define", path, env=session)
        done = nest(libvirt, "viommu", "mine", "--yes", status=3, env=session)
        assert "may not take devices from the host" in done.stderr
        path.write_text(domain_xml("other"))
        libvirt.run(*virsh, "define", path, env=session)
        nest(libvirt, "viommu", "other", "--yes", env=session)
        assert IOMMU in libvirt.run(*virsh, "dumpxml", "--inactive", "other", env=session).stdout
    finally:
        for pid in (libvirt.folder / "session").rglob("*.pid"):
            os.kill(int(pid.read_text()), signal.SIGTERM)


# ---- Others at the same time ----

def ask(libvirt, *words):
    """nestpci on a terminal, with its question on the screen. Returns the process and the terminal."""
    screen, terminal = os.openpty()
    process = subprocess.Popen(libvirt.words(libvirt.nestpci, *words), stdin=terminal, stdout=terminal, stderr=terminal,
                               env={"PATH": os.environ["PATH"], "HOME": str(libvirt.folder)}, start_new_session=True)
    os.close(terminal)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(screen, 4096)
    return process, screen


def answer(process, screen):
    os.write(screen, b"y\n")
    shown = b""
    try:
        while block := os.read(screen, 4096):
            shown += block
    except OSError:
        pass
    return process.wait(60), shown.decode().replace("\r\n", "\n")


def test_an_edit_between_plan_and_apply_is_refused_with_the_difference(libvirt):
    libvirt.define(domain_xml("l1"))
    process, screen = ask(libvirt, "viommu", "l1")
    libvirt.define(libvirt.definition("l1").replace(">1</vcpu>", ">2</vcpu>"))
    edited = libvirt.definition("l1")
    status, shown = answer(process, screen)
    assert status == 3, shown
    assert "-  <vcpu placement='static'>1</vcpu>" in shown and "+  <vcpu placement='static'>2</vcpu>" in shown
    assert libvirt.definition("l1") == edited


def test_an_edit_between_apply_and_undo_is_refused_with_the_difference(libvirt):
    libvirt.define(domain_xml("l1"))
    nest(libvirt, "viommu", "l1", "--yes")
    libvirt.define(libvirt.definition("l1").replace(">1</vcpu>", ">2</vcpu>"))
    edited = libvirt.definition("l1")
    done = nest(libvirt, "undo", "--yes", status=3)
    assert "+  <vcpu placement='static'>2</vcpu>" in done.stdout + done.stderr
    assert libvirt.definition("l1") == edited


def test_ten_at_once(libvirt):
    libvirt.define(domain_xml("l1"))
    before = libvirt.definition("l1")
    words = libvirt.words(libvirt.nestpci, "viommu", "l1", "--yes")
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(10)]
    outputs = [process.communicate(timeout=240)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 10, outputs
    assert libvirt.definition("l1").count("<iommu") == 1
    assert len(re.findall(r"^\d+ ", journal(libvirt), re.M)) == 1
    nest(libvirt, "undo", "--yes")
    assert libvirt.definition("l1") == before


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8])
def test_libvirtd_killed_in_the_middle(libvirt, delay):
    """What was begun is finished or taken back by the next run; never is half of it there."""
    libvirt.define(domain_xml("l1"))
    before = libvirt.definition("l1")
    process = subprocess.Popen(libvirt.words(libvirt.nestpci, "viommu", "l1", "--yes"), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    time.sleep(delay)
    libvirt.daemon("kill")
    process.communicate(timeout=120)
    libvirt.daemon("start")
    assert libvirt.definition("l1") in (before, ) or IOMMU in libvirt.definition("l1")
    nest(libvirt, "viommu", "l1", "--yes")
    assert IOMMU in libvirt.definition("l1")
    while "applied" in journal(libvirt):
        nest(libvirt, "undo", "--yes")
    assert libvirt.definition("l1") == before


def test_killed_itself_in_the_middle(libvirt):
    libvirt.define(domain_xml("l1"))
    before = libvirt.definition("l1")
    libvirt.daemon("freeze")
    process = subprocess.Popen(libvirt.words(libvirt.nestpci, "viommu", "l1", "--yes"), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    time.sleep(0.5)
    libvirt.daemon("thaw")
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    nest(libvirt, "viommu", "l1", "--yes")
    while "applied" in journal(libvirt):
        nest(libvirt, "undo", "--yes")
    assert libvirt.definition("l1") == before


# ---- A guest ----

INIT = """#!/bin/sh
export PATH=/bin:/sbin:/usr/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
dmesg | grep -E 'DMAR|AMD-Vi'
echo "groups: $(ls /sys/kernel/iommu_groups | wc -l)"
echo "units: $(ls /sys/class/iommu)"
echo "ready"
read -r line
echo "ending"
poweroff -f
"""


def newc(name, mode, content):
    fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


@pytest.fixture
def guest(libvirt, build):
    """A domain that boots a real kernel, says what IOMMU it sees, and ends when it is written to."""
    files = json.loads(subprocess.run([libvirt.nestpci, "lab", "prepare", "--json", "--cache", build / "lab"],
                                      stdout=subprocess.PIPE, check=True).stdout)
    image = libvirt.folder / "initrd"
    base = (build / "lab" / files["initrd"][2]).read_bytes()
    image.write_bytes(base + b"\0" * (-len(base) % 4) + newc("init", 0o100755, INIT.encode()) + newc("TRAILER!!!", 0, b""))
    xml = domain_xml("guest", memory=256, devices=f"<serial type='unix'><source mode='bind' "
                     f"path='{libvirt.folder}/console'/><log file='{libvirt.folder}/console.log' append='off'/></serial>")
    boot = (f"<kernel>{files['kernel']}</kernel><initrd>{image}</initrd><cmdline>quiet mitigations=off nokaslr "
            "tsc=reliable no_timer_check cryptomgr.notests intel_iommu=on console=ttyS0 panic=-1</cmdline></os>")
    libvirt.define(xml.replace("</os>", boot))
    return libvirt


def console(libvirt, wanted, seconds=240):
    log = libvirt.folder / "console.log"
    end = time.monotonic() + seconds
    while True:
        text = log.read_text(errors="replace") if log.exists() else ""
        if wanted in text:
            return text
        assert time.monotonic() < end, text[-2000:]
        time.sleep(0.5)


def end_guest(libvirt):
    libvirt.run("/usr/bin/python3", "-c", "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
                "s.sendall(b'end\\n'); s.recv(1)", libvirt.folder / "console")


def test_the_guest_sees_it_and_wait_starts_it_anew(guest):
    guest.virsh("start", "guest")
    assert "groups: 0\n" in console(guest, "ready").replace("\r", "")
    waiting = subprocess.Popen(guest.words(guest.nestpci, "viommu", "guest", "--yes", "--wait"), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    while "waiting until VM guest is stopped" not in (line := waiting.stdout.readline()):
        assert line, "it ended"
    end_guest(guest)
    shown = waiting.communicate(timeout=120)[0]
    assert waiting.returncode == 0, shown
    assert "PASS vm-viommu-present" in shown
    text = console(guest, "ready").replace("\r", "")
    assert re.search(r"DMAR: dmar0: reg_base_addr fed90000", text), text
    assert re.search(r"DMAR-IR: Enabled IRQ remapping", text), text
    assert re.search(r"^groups: [1-9]", text, re.M), text
    assert "units: dmar0" in text
