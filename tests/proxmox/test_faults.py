# SPDX-License-Identifier: GPL-2.0-or-later
"""qm fails, hangs, lies; others are quicker; ten at once."""
import fcntl
import subprocess
import time

from conftest import READY


def fails(node, *words, status=3):
    before = node.conf().read_text()
    result = node.nestpci("viommu", "101", "--yes")
    assert result.status == status, result
    for word in words:
        assert word in result.err, result
    assert node.conf().read_text() == before
    return result


def test_words_of_qm_are_quoted(node):
    node.fault("set fail hook script said no")
    result = fails(node, "'qm set 101 --machine", "failed: hook script said no", "nothing was changed")
    assert "exit status" not in result.err


def test_a_lock_that_is_held(node):
    folder = node.here / "run/lock/qemu-server"
    folder.mkdir()
    with open(folder / "lock-101.conf", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fails(node, "can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout")


def test_set_that_is_dropped(node):
    node.fault("set drop")
    fails(node, "said that it was done, but", "machine: 'q35'")


def test_set_that_is_done_and_fails(node):
    """What the file says decides."""
    node.fault("set late")
    result = node.nestpci("viommu", "101", "--yes")
    assert result.status == 0, result
    assert node.get("machine").startswith("q35,viommu=intel")


def test_an_edit_of_another_key_is_kept(node):
    node.fault("set edit memory 4096")
    result = node.nestpci("viommu", "101", "--yes")
    assert result.status == 0, result
    assert node.get("memory") == "4096" and node.get("machine").startswith("q35,viommu=intel")


def test_an_edit_of_the_same_key_stops_it(node):
    node.fault("set edit machine pc-q35-9.1")
    result = node.nestpci("viommu", "101", "--yes")
    assert result.status == 3 and "somebody else set it" in result.err, result
    assert node.get("machine") == "pc-q35-9.1"


def test_the_second_of_two_fails_and_both_are_taken_back(node):
    node.put(READY.replace("cpu: host", "cpu: kvm64"))
    before = sorted(node.conf().read_text().splitlines())
    node.fault("set late", "set fail no more")  # the first is done
    result = node.nestpci("viommu", "101", "--yes")
    assert result.status == 3 and "no more" in result.err, result
    assert sorted(node.conf().read_text().splitlines()) == before
    assert node.nestpci("viommu", "101", "--yes").status == 0


def test_hanging_qm_is_interrupted(node):
    node.fault("set hang")
    process = node.start_nestpci("viommu", "101", "--yes")
    node.wait_for(lambda: node.sets(), "qm set")
    time.sleep(0.3)
    assert node.run("pkill", "-INT", "-x", "nestpci").status == 0
    _, err = process.communicate(timeout=30)
    assert process.returncode == 3 and "interrupted" in err, err
    assert node.get("machine") == "q35"
    assert node.run("pgrep", "-f", "qm set").status == 1


def test_start_that_fails(node):
    node.fault("start fail start failed: QEMU exited with code 1")
    result = node.nestpci("viommu", "101", "--start", "--yes")
    assert result.status == 4 and "start failed: QEMU exited with code 1" in result.err, result
    assert "the settings are made" in result.err


def test_killed_between_two_settings(node):
    node.put(READY.replace("cpu: host", "cpu: kvm64"))
    node.fault("set late", "set hang")
    process = node.start_nestpci("viommu", "101", "--yes")
    node.wait_for(lambda: len(node.sets()) == 2, "the second set")
    assert node.run("pkill", "-KILL", "-x", "nestpci").status == 0
    process.communicate()
    node.run("pkill", "-KILL", "-f", "qm set")
    result = node.nestpci("viommu", "101", "--yes")
    assert result.status == 0 and "was cut off" in result.err, result
    assert node.get("cpu") == "host" and node.get("machine").startswith("q35,viommu=intel")


def test_no_qm(node):
    (node.here / "run/fake/qm").rename(node.here / "run/fake/gone")
    fails(node, "there is no program 'qm' here")


def test_ten_at_once_and_others_between(node):
    node.put(READY.replace("cpu: host", "cpu: kvm64,flags=+aes"))
    processes = [node.start_nestpci("viommu", "101", "--yes") for _ in range(10)]
    others = [node.enter(["qm", "set", "101", f"--{key}", value], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
              for key, value in (("memory", "4096"), ("cores", "4"), ("tags", "l1"), ("onboot", "1"), ("sockets", "2"))]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
    kept = {}
    for process, (key, value) in zip(others, (("memory", "4096"), ("cores", "4"), ("tags", "l1"), ("onboot", "1"),
                                              ("sockets", "2"))):
        out, err = process.communicate(timeout=60)
        # A lock that was waited for in vain is said; what qm said was done must be there.
        if process.returncode == 0:
            kept[key] = value
        else:
            assert "got timeout" in err, err
    for key, value in kept.items():
        assert node.get(key) == value
    assert node.get("machine").count("viommu=") == 1
    assert node.get("cpu") == "host,flags=+aes"
    assert len([line for line in node.nestpci("log").out.splitlines() if "set machine of VM 101" in line]) == 1
    assert kept
    result = node.nestpci("viommu", "101", "--start", "--yes")
    assert result.status == 0 and "PASS vm-viommu-one" in result.out, result
