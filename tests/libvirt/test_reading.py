# SPDX-License-Identifier: GPL-2.0-or-later
"""What nestpci reads of a real libvirtd: which VMs there are, how they are defined, how they run, what that is worth."""
import json
import pathlib
import re
import shlex
import subprocess
import time

import pytest

from conftest import domain_xml

INTEL = "<iommu model='intel'><driver intremap='on' caching_mode='on'/></iommu>"
SPLIT = "<features><acpi/><ioapic driver='qemu'/></features>"


def findings(libvirt, *words, status=(0, 1), **more):
    """As level 0: these VMs are hypervisors, whatever machine the tests run on."""
    done = libvirt.nest("check", *words, "--level", "0", "--json", **more)
    assert done.returncode in status, done.stderr
    return {(each["check"], each["subject"]): each for each in json.loads(done.stdout)["findings"]}


def a_device():
    """A PCI device of this machine: libvirt takes no address that is not there."""
    names = sorted(path.name for path in pathlib.Path("/sys/bus/pci/devices").iterdir())
    if not names:
        pytest.skip("no PCI device on this machine")
    return names[-1]


def hostdev(address, place=""):
    domain, bus, slot, function = re.split("[:.]", address)
    return f"""<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/>
      <source><address domain='0x{domain}' bus='0x{bus}' slot='0x{slot}' function='0x{function}'/></source>{place}
    </hostdev>"""


def line_of_libvirt(libvirt, xml):
    """The -device words that libvirt itself makes of an XML, and the other options."""
    path = libvirt.folder / "native.xml"
    path.write_text(xml)
    words = shlex.split(libvirt.virsh("domxml-to-native", "qemu-argv", path))
    return [json.loads(word) for word in words if word.startswith('{"driver":')], words


def test_a_definition_is_judged(libvirt):
    port = "<controller type='pci' index='1' model='pcie-root-port'/>"
    place = "<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"
    libvirt.define(domain_xml("l1", head=SPLIT, devices=INTEL + port + hostdev(a_device(), place)))
    found = findings(libvirt, "--vm", "l1")
    assert found["vm-viommu-present", "VM l1"]["verdict"] == "PASS"
    assert found["vm-viommu-first", "VM l1"]["verdict"] == "PASS"
    assert found["vm-irqchip-split", "VM l1"]["verdict"] == "PASS"
    assert found["vm-device-exists", "VM l1 hostdev0"]["verdict"] == "PASS"
    assert found["vm-device-pcie", "VM l1 hostdev0"]["verdict"] == "PASS"
    assert found["vm-understood", "VM l1"]["verdict"] == "PASS"


def test_what_is_read_is_the_line_that_libvirt_makes(libvirt):
    """Buses and addresses come out as in the line that libvirt itself prints."""
    bridge = "<controller type='pci' index='2' model='pcie-to-pci-bridge'/>"
    place = "<address type='pci' domain='0x0000' bus='0x02' slot='0x03' function='0x0'/>"
    xml = domain_xml("l1", head=SPLIT, devices=INTEL + bridge + hostdev(a_device(), place))
    devices, words = line_of_libvirt(libvirt, xml)
    assert devices[0]["driver"] == "intel-iommu"
    vfio = next(each for each in devices if each["driver"] == "vfio-pci")
    assert (vfio["id"], vfio["bus"], vfio["addr"]) == ("hostdev0", "pci.2", "0x3")
    assert "kernel_irqchip=split" in words[words.index("-machine") + 1]
    libvirt.define(xml)
    found = findings(libvirt, "--vm", "l1")
    assert "behind a bridge" in found["vm-device-pcie", "VM l1 hostdev0"]["summary"]
    # The same line, read as a line, gives the same verdicts.
    line = libvirt.folder / "line"
    line.write_text("\0".join(["kvm", *words[words.index("-name"):]]) + "\0")
    as_line = findings(libvirt, "--vm-file", line)
    for check in ("vm-viommu-first", "vm-viommu-caching-mode", "vm-irqchip-split", "vm-machine-q35"):
        assert as_line[check, "VM l1"]["verdict"] == found[check, "VM l1"]["verdict"], check


def test_a_device_of_the_users_own_words_comes_first(libvirt):
    """What stands in <qemu:commandline> is created before libvirt's own devices, with libvirt 8.0 and QEMU 6.2."""
    xml = domain_xml("l1", head=SPLIT, devices=INTEL + hostdev(a_device()))
    xml = xml.replace("<domain ", "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' ")
    xml = xml.replace("</domain>", "<qemu:commandline><qemu:arg value='-device'/>"
                      "<qemu:arg value='vfio-pci,host=0000:7f:1f.7'/></qemu:commandline></domain>")
    devices, words = line_of_libvirt(libvirt, xml)
    if not devices:
        pytest.skip("this libvirt writes no JSON")
    assert words.index("vfio-pci,host=0000:7f:1f.7") > words.index(json.dumps(devices[0], separators=(",", ":")))
    libvirt.define(xml)
    found = findings(libvirt, "--vm", "l1")
    assert found["vm-viommu-first", "VM l1"]["verdict"] == "FAIL"
    assert found["vm-args", "VM l1"]["verdict"] == "WARN"


def test_a_running_domain_is_one_vm(libvirt):
    libvirt.define(domain_xml("l1", head=SPLIT, devices=INTEL))
    libvirt.virsh("start", "l1")
    done = libvirt.nest("check", "--vm", "nobody")
    assert done.returncode == 3
    assert re.search(r"\bl1\b(?!.*\bl1\b)", done.stderr), done.stderr
    found = findings(libvirt, "--vm", "l1")
    assert found["vm-pending", "VM l1"]["verdict"] == "PASS"
    assert found["vm-kvm", "VM l1"]["verdict"] == "WARN"
    uuid = libvirt.virsh("domuuid", "l1").strip()
    assert findings(libvirt, "--vm", uuid)["vm-pending", "VM l1"]["verdict"] == "PASS"


def test_what_waits_for_the_next_start_is_told(libvirt):
    libvirt.define(domain_xml("l1"))
    libvirt.virsh("start", "l1")
    libvirt.define(domain_xml("l1", head=SPLIT, devices=INTEL))
    found = findings(libvirt, "--vm", "l1")["vm-pending", "VM l1"]
    assert found["verdict"] == "WARN"
    shown = json.dumps(found["evidence"])
    assert "iommu: now not set, then <iommu model='intel'>" in shown
    assert "features/ioapic: now not set" in shown
    # Now there is no vIOMMU, at the next start there is one.
    done = libvirt.nest("vm", "show", "--json", "l1")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert "intel" not in json.dumps(shown["in_force"])
    assert "intel" in json.dumps(shown)
    libvirt.virsh("destroy", "l1")
    assert findings(libvirt, "--vm", "l1")["vm-pending", "VM l1"]["verdict"] != "WARN"


def test_a_transient_domain_is_seen(libvirt):
    path = libvirt.folder / "transient.xml"
    path.write_text(domain_xml("passing", head=SPLIT, devices=INTEL))
    libvirt.virsh("create", path)
    assert findings(libvirt, "--vm", "passing")["vm-viommu-one", "VM passing"]["verdict"] == "PASS"


def test_a_managed_save_is_told(libvirt):
    libvirt.define(domain_xml("l1", head=SPLIT, memory=64))
    libvirt.virsh("start", "l1")
    libvirt.virsh("managedsave", "l1")
    found = findings(libvirt, "--vm", "l1")["vm-hibernated", "VM l1"]
    assert found["verdict"] == "WARN" and "managedsave-remove l1" in found["remedy"]


def test_two_domains_claim_one_device(libvirt):
    device = a_device()
    for name in ("l1", "other"):
        libvirt.define(domain_xml(name, head=SPLIT, devices=INTEL + hostdev(device)))
    found = findings(libvirt, "--vm", "l1")["vm-device-shared", "VM l1 hostdev0"]
    assert found["verdict"] == "WARN" and "VM other has the same device" in found["summary"]


def test_a_snapshot_judges_as_the_machine(libvirt, tmp_path):
    libvirt.define(domain_xml("payroll-machine", head=SPLIT, devices=INTEL + hostdev(a_device())))
    libvirt.virsh("start", "payroll-machine", check=False)
    live = findings(libvirt, "--vm", "payroll-machine")
    for options, name in ((["--keep-private"], "payroll-machine"), ([], None)):
        snapshot = tmp_path / "machine.snap"
        done = libvirt.nest("capture", "--force", *options, snapshot)
        assert done.returncode == 0, done.stderr
        text = snapshot.read_text()
        if not name:
            assert "payroll" not in text
            name = re.search(r'"name":"(vmname\d+)"', text).group(1)
        replayed = findings(libvirt, "--snapshot", snapshot, "--vm", name)
        for (check, subject), finding in live.items():
            # Of processes that came and went meanwhile, not all is known.
            if check.startswith("vm-") and check != "vm-device-shared":
                again = replayed[check, subject.replace("payroll-machine", name)]
                assert again["verdict"] == finding["verdict"], again["summary"]


def test_a_connection_that_is_not_there_is_told(libvirt):
    libvirt.define(domain_xml("defined-here"))
    done = libvirt.nest("check", "--connect", "qemu+unix:///system?socket=/nowhere/sock", "--vm", "defined-here")
    assert done.returncode == 3 and "there is no VM 'defined-here'" in done.stderr
    done = libvirt.nest("check", "--connect", "qemu+unix:///system?socket=/nowhere/sock", "--brief")
    assert "/nowhere/sock" in done.stderr


def test_a_frozen_libvirtd_does_not_hold_up_for_ever(libvirt):
    libvirt.daemon("freeze")
    try:
        started = time.monotonic()
        done = libvirt.nest("check", "--brief", timeout=90)
        assert "no answer within 30 s" in done.stderr
        assert time.monotonic() - started < 60
    finally:
        libvirt.daemon("thaw")


def test_without_a_socket_nothing_is_started(libvirt, tmp_path):
    """No helper is started, whatever is in PATH: strace sees all."""
    if list(pathlib.Path("/run/libvirt").glob("*-sock*")):
        pytest.skip("this machine has a libvirt of its own that runs")
    calls = tmp_path / "calls"
    done = subprocess.run(["strace", "-f", "-e", "trace=execve", "-o", calls, libvirt.nestpci, "check", "--brief"],
                          capture_output=True, text=True, timeout=120, check=False,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
    assert done.returncode in (0, 1)
    assert "nestpci-libvirt" not in calls.read_text()


@pytest.mark.parametrize("size, why", [(10, "libvirt takes at most 4 MiB"), (40, "larger than 32 MiB")])
def test_a_file_that_is_too_large_is_refused(libvirt, tmp_path, size, why):
    path = tmp_path / "large.xml"
    path.write_text("<domain>" + "<!-- x -->" * (size * 1024 * 1024 // 10) + "</domain>")
    done = libvirt.nest("check", "--vm-file", path)
    assert done.returncode == 3 and why in done.stderr


def test_two_hundred_domains(libvirt):
    """All read and one judged in one run; the time as a ratio to virsh list --all and virsh dumpxml of each."""
    many = 200
    for number in range(many):
        libvirt.define(domain_xml(f"vm{number}", head=SPLIT, devices=INTEL))
    started = time.monotonic()
    commands = ["list --all"] + [f"dumpxml vm{number}" for number in range(many)]
    libvirt.virsh(input="\n".join(commands) + "\n")
    one_virsh = time.monotonic() - started
    started = time.monotonic()
    libvirt.virsh("list", "--all")
    for number in range(many):
        libvirt.virsh("dumpxml", f"vm{number}")
    virsh = time.monotonic() - started
    started = time.monotonic()
    found = findings(libvirt, "--vm", "vm199")
    ours = time.monotonic() - started
    print(f"\n{many} domains: nestpci check {ours:.2f} s; one virsh for each {virsh:.2f} s, ratio {ours / virsh:.3f}; "
          f"one virsh for all {one_virsh:.2f} s, ratio {ours / one_virsh:.2f}")
    assert found["vm-viommu-one", "VM vm199"]["verdict"] == "PASS"
    assert ours < virsh
