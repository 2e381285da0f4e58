# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for the end of a VM, restarting it, one start only, and what the running QEMU says."""
import os
import signal
import socket
import time

import pytest

from conftest import READY

# Real QEMU without devices of a host; with them, one that is like it.
DISK = READY + "hostpci0: 0000:04:00.0,pcie=1\n"
GPU = READY + "hostpci0: 0000:01:00,pcie=1\n"
FIFTY_MS = 0.05


def verdicts(text):
    return {line.split()[1]: line.split()[0] for line in text.splitlines()
            if line.startswith(("PASS ", "FAIL ", "UNKNOWN "))}


def check_passed(result, order="PASS"):
    assert result.status == 0, result
    found = verdicts(result.out)
    assert found["vm-viommu-present"] == found["vm-viommu-one"] == found["vm-viommu-caching-mode"] == "PASS", result
    assert found["vm-viommu-interrupt-remapping"] == found["vm-irqchip-split"] == "PASS", result
    assert found["vm-viommu-first"] == order, result
    assert "FAIL" not in found.values(), result


def wait_until_waiting(process):
    for line in process.stderr:
        if "waiting until VM" in line:
            return
    raise AssertionError("it does not wait")


def ended(process):
    out, err = process.communicate(timeout=60)
    return type("Ended", (), {"status": process.returncode, "out": out, "err": err,
                              "__repr__": lambda self: f"status {self.status}\n{self.out}\n{self.err}"})()


def test_start(node):
    result = node.nestpci("viommu", "101", "--start", "--yes")
    check_passed(result)
    assert any(word.startswith("intel-iommu,") for word in node.line())
    # It runs, and all is well: nothing is done to it.
    pid = node.pid()
    result = node.nestpci("viommu", "101", "--restart", "--yes")
    check_passed(result)
    assert node.pid() == pid and "runs with its vIOMMU already" in result.err


def test_default_leaves_the_running_vm_alone(node):
    node.qm("start", "101")
    pid = node.pid()
    result = node.nestpci("viommu", "101", "--yes")
    assert result.status == 0, result
    assert node.pid() == pid and "a reboot inside does not do" in result.err
    assert "new machine: q35,viommu=intel" in node.qm("pending", "101")
    result = node.nestpci("viommu", "--verify", "101")
    assert result.status == 1 and verdicts(result.out) == {"vm-viommu-present": "FAIL"}
    # Defined, and not in force yet: that is said each time.
    result = node.nestpci("viommu", "101", "--yes")
    assert result.status == 1 and "a reboot inside does not do" in result.err, result


@pytest.mark.parametrize("conf", [READY, DISK])
def test_restart(node, conf):
    node.put(conf)
    if conf is READY:  # no guest runs in it that could answer
        node.qm("start", "101")
        result = node.nestpci("viommu", "101", "--restart", "--timeout", "1", "--yes")
        assert result.status == 4 and "got timeout" in result.err, result
        assert node.pid() and "the settings are made" in result.err
        return
    node.qm("start", "101")
    pid = node.pid()
    result = node.nestpci("viommu", "101", "--restart", "--yes")
    check_passed(result)
    assert node.pid() != pid
    assert not any("stop 101" in call for call in node.calls())


def test_wait_and_start_at_once(node):
    node.qm("start", "101")
    process = node.start_nestpci("viommu", "101", "--wait", "--yes")
    wait_until_waiting(process)
    node.power_off()
    result = ended(process)
    check_passed(result)
    assert node.times("started at")[-1] > node.times("cleaned up at")[-1]


def test_start_follows_the_end_of_cleanup(node):
    """The fake's own start-up is between: what it costs is measured in the same run, and taken off."""
    (node.here / "run/fake/slow-cleanup").write_text("0.5")
    node.qm("start", "101")
    process = node.start_nestpci("viommu", "101", "--wait", "--yes")
    wait_until_waiting(process)
    node.power_off()
    check_passed(ended(process))
    before = time.monotonic()
    node.run("qm", "status", "101")
    own = time.monotonic() - before
    delay = node.times("started at")[-1] - node.times("cleaned up at")[-1]
    assert 0 < delay < FIFTY_MS + own * 1.5, (delay, own)


def test_a_reboot_inside_is_no_stop(node):
    node.qm("start", "101")
    pid = node.pid()
    process = node.start_nestpci("viommu", "101", "--wait", "--yes")
    wait_until_waiting(process)
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(str(node.here / "run/qemu-server/101.qmp"))
        stream = channel.makefile("rw")
        stream.readline()
        for command in ("qmp_capabilities", "system_reset"):
            stream.write('{"execute": "%s"}\n' % command)
            stream.flush()
            stream.readline()
    time.sleep(0.5)
    assert process.poll() is None and node.pid() == pid
    node.power_off()
    check_passed(ended(process))


def test_somebody_else_starts_it_first(node):
    node.put(DISK)
    node.qm("start", "101")
    process = node.start_nestpci("viommu", "101", "--wait", "--yes")
    wait_until_waiting(process)
    node.qm("reboot", "101")
    result = ended(process)
    check_passed(result)
    assert "started by somebody else" in result.err
    assert len(node.times("started at")) == 2


def test_wait_of_a_stopped_vm_starts_it(node):
    check_passed(node.nestpci("viommu", "101", "--wait", "--yes"))


def test_interrupted_waiting(node):
    node.qm("start", "101")
    process = node.start_nestpci("viommu", "101", "--wait", "--yes")
    wait_until_waiting(process)
    assert node.run("pkill", "-INT", "-x", "nestpci").status == 0
    result = ended(process)
    assert result.status == 4 and "interrupted while VM 101 was waited for" in result.err, result
    assert node.pid()


# ---- For one start ----

def test_once(node):
    node.put(DISK)
    before = sorted(node.conf().read_text().splitlines())
    result = node.nestpci("viommu", "101", "--once", "--start", "--yes")
    check_passed(result)
    assert any(word.startswith("intel-iommu,") for word in node.line())
    assert node.get("machine") == "q35"
    node.qm("stop", "101")
    assert sorted(node.conf().read_text().splitlines()) == before
    assert "undone" in node.nestpci("log").out


@pytest.mark.parametrize("conf", [DISK, GPU])
def test_once_and_killed_while_it_waits(node, conf):
    node.put(conf)
    before = sorted(node.conf().read_text().splitlines())
    node.qm("start", "101")
    process = node.start_nestpci("viommu", "101", "--once", "--wait", "--yes")
    wait_until_waiting(process)
    # Others are not held off, and do not take it for one that was cut off.
    assert node.nestpci("apply", "--yes").status == 0
    if conf is DISK:
        assert node.get("machine").startswith("q35,viommu=intel")
    assert node.run("pkill", "-KILL", "-x", "nestpci").status == 0
    process.communicate()
    result = node.nestpci("apply", "--yes") if conf is DISK else node.nestpci("viommu", "101", "--remove", "--yes")
    assert result.status == 0, result
    node.qm("stop", "101")
    assert sorted(node.conf().read_text().splitlines()) == before
    assert node.run("readlink", "/usr/bin/kvm").out == "qemu-system-x86_64\n"


def test_once_by_the_wrapper(node):
    node.put(GPU)
    result = node.nestpci("viommu", "101", "--once", "--start", "--yes")
    check_passed(result)
    assert node.run("readlink", "/usr/bin/kvm").out == "qemu-system-x86_64\n"
    node.qm("stop", "101")
    node.qm("start", "101")
    assert not any(word.startswith("intel-iommu") for word in node.line())


def test_once_leaves_what_holds_for_every_start(node):
    """It has the wrapper already; what is mended besides is no reason to take that away."""
    node.put(GPU)
    assert node.nestpci("viommu", "101", "--yes").status == 0
    conf = (node.here / "etc/nestpci/wrapper.conf").read_text()
    (node.here / "etc/dpkg/dpkg.cfg.d/nestpci").unlink()
    check_passed(node.nestpci("viommu", "101", "--once", "--start", "--yes"))
    assert (node.here / "etc/nestpci/wrapper.conf").read_text() == conf
    assert (node.here / "etc/dpkg/dpkg.cfg.d/nestpci").exists()


@pytest.mark.parametrize("conf", [DISK, GPU])
def test_every_start_is_asked_for_while_one_is_waited_for(node, conf):
    node.put(conf)
    node.qm("start", "101")
    process = node.start_nestpci("viommu", "101", "--once", "--wait", "--yes")
    wait_until_waiting(process)
    node.nestpci("viommu", "101", "--yes")
    node.power_off()
    check_passed(ended(process))
    node.qm("stop", "101")
    node.qm("start", "101")
    check_passed(node.nestpci("viommu", "--verify", "101"))
    # And that is what --remove takes away.
    node.qm("stop", "101")
    assert node.nestpci("viommu", "101", "--remove", "--yes").status == 0
    assert node.get("machine") == "q35"
    assert node.run("readlink", "/usr/bin/kvm").out == "qemu-system-x86_64\n"


def test_once_needs_a_start(node):
    node.qm("start", "101")
    before = node.conf().read_text()
    result = node.nestpci("viommu", "101", "--once", "--start", "--yes")
    assert result.status == 3 and "--wait waits for it" in result.err, result
    assert node.conf().read_text() == before


@pytest.mark.parametrize("conf", [DISK, GPU])
def test_once_and_nobody_reads_what_it_says(node, conf):
    node.put(conf)
    node.run("bash", "-c", f"{node.build}/nestpci viommu 101 --once --start --yes 2>&1 | head -1")
    assert any(word.startswith("intel-iommu,") for word in node.line())
    node.wait_for(lambda: node.run("pgrep", "-x", "nestpci").status != 0, "end of nestpci")
    assert node.get("machine") == "q35"
    assert node.run("readlink", "/usr/bin/kvm").out == "qemu-system-x86_64\n"


def test_once_that_does_not_start(node):
    before = sorted(node.conf().read_text().splitlines())
    node.fault("start fail start failed: QEMU exited with code 1")
    result = node.nestpci("viommu", "101", "--once", "--start", "--yes")
    assert result.status == 4 and "QEMU exited with code 1" in result.err, result
    assert sorted(node.conf().read_text().splitlines()) == before


def test_once_and_the_vm_moves_while_it_is_waited_for(node):
    """Its settings are out of reach; that must not hold up everything else for good."""
    node.put(DISK)
    node.qm("start", "101")
    process = node.start_nestpci("viommu", "101", "--once", "--wait", "--yes")
    wait_until_waiting(process)
    text = node.conf().read_text()
    node.conf().unlink()
    node.put(text, node="pve2")
    node.power_off()
    result = ended(process)
    assert result.status == 4 and "is on node pve2" in result.err, result
    result = node.nestpci("undo", "--yes", "--skip-failed")
    assert result.status == 4 and "is on node pve2" in result.err and "yours to do" in result.err, result
    assert node.nestpci("apply", "--yes").status == 0


def test_interrupted_while_the_guest_shuts_down(node):
    node.qm("start", "101")
    process = node.start_nestpci("viommu", "101", "--restart", "--timeout", "30", "--yes")
    node.wait_for(lambda: any(call.startswith("qm shutdown") for call in node.calls()), "the shutdown")
    assert node.run("pkill", "-INT", "-x", "nestpci").status == 0
    result = ended(process)
    assert result.status == 4 and "may do it yet" in result.err, result


# ---- The wrapper at work ----

def test_two_functions_of_one_group_start_by_the_wrapper(node):
    node.put(GPU)
    # Without it QEMU stops, which is why.
    node.qm("set", "101", "--machine", "q35,viommu=intel")
    failed = node.run("qm", "start", "101")
    assert failed.status and "used in multiple address spaces" in failed.out
    result = node.nestpci("viommu", "101", "--start", "--yes")
    check_passed(result)
    assert len([word for word in node.line() if word.startswith("intel-iommu")]) == 1
    assert node.line()[0] == "/usr/bin/kvm"


def test_old_release(make_node):
    node = make_node("7.4")
    node.put()
    result = node.nestpci("viommu", "101", "--start", "--yes")
    check_passed(result)
    node.qm("stop", "101")
    assert node.nestpci("viommu", "101", "--remove", "--yes").status == 0
    node.qm("start", "101")
    assert not any(word.startswith("intel-iommu") for word in node.line())


# ---- HA ----

def manage(node):
    (node.here / "etc/pve/ha/resources.cfg").write_text("vm: 101\n\tstate started\n")


def test_ha_starts_in_its_own_time(node):
    manage(node)
    result = node.nestpci("viommu", "101", "--start", "--yes")
    check_passed(result)


def test_ha_restarts_in_its_own_time(node):
    node.put(DISK)
    node.qm("start", "101")
    pid = node.pid()
    manage(node)
    result = node.nestpci("viommu", "101", "--restart", "--yes")
    check_passed(result)
    assert node.pid() != pid


# ---- What cannot be verified ----

def test_busy_monitor_is_not_known(node):
    node.put(DISK)
    node.nestpci("viommu", "101", "--start", "--yes")
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(str(node.here / "run/qemu-server/101.qmp"))
        channel.recv(1)
        result = node.nestpci("viommu", "--verify", "101")
    assert result.status == 3 and result.out.startswith("UNKNOWN vm-viommu-present"), result
    assert "serves one at a time" in result.out
    check_passed(node.nestpci("viommu", "--verify", "101"))


def test_started_and_not_known_is_not_nothing(node):
    """Its monitor is taken as soon as it is there."""
    node.put(DISK)
    process = node.start_nestpci("viommu", "101", "--start", "--yes")
    path = str(node.here / "run/qemu-server/101.qmp")
    with socket.socket(socket.AF_UNIX) as channel:
        node.wait_for(lambda: channel.connect_ex(path) == 0, "its monitor")
        result = ended(process)
    assert result.status == 4 and "UNKNOWN vm-viommu-present" in result.out and "--verify 101" in result.err, result


def test_verify_of_what_does_not_run(node):
    result = node.nestpci("viommu", "--verify", "101")
    assert result.status == 3 and "does not run" in result.err


def test_two_viommus_fail(node):
    """By hand, past us: only one that is like QEMU would take it."""
    node.put(DISK + "args: -device intel-iommu,intremap=on,caching-mode=on\n")
    node.qm("set", "101", "--machine", "q35,viommu=intel")
    node.qm("start", "101")
    result = node.nestpci("viommu", "--verify", "101")
    assert result.status == 1 and verdicts(result.out)["vm-viommu-one"] == "FAIL", result


def test_plain_qemu(node):
    process = node.enter(["bash", "-c", 'for QEMU_MODULE_DIR in /usr/lib/*/qemu; do export QEMU_MODULE_DIR; done; exec "$@"', "bash",
                          "/run/realbin/qemu-system-x86_64", "-S", "-machine", "q35", "-display", "none", "-m", "64", "-nodefaults",
                          "-device", "intel-iommu,intremap=on,caching-mode=on", "-accel", "tcg", "-L", "/usr/share/seabios", "-name", "plain",
                          "-qmp", "unix:/run/plain.qmp,server=on,wait=off"])
    try:
        node.wait_for(lambda: (node.here / "run/plain.qmp").exists(), "QEMU")
        check_passed(node.nestpci("viommu", "--verify", "plain"))
        result = node.nestpci("viommu", "plain", "--yes")
        assert result.status == 3 and "nestpci exec" in result.err, result
    finally:
        node.run("pkill", "-KILL", "-f", "name plain")
        process.wait()
