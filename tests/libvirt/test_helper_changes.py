# SPDX-License-Identifier: GPL-2.0-or-later
"""What nestpci-libvirt changes, with a real libvirtd: definitions stored and put back, domains started and waited for."""
import errno
import subprocess
import time

import pytest

from conftest import domain_xml

WISHES = {"viommu": True, "libvirt": 9000000}
GROUPS = {"0000:01:00.0": "14", "0000:01:00.1": "14", "0000:02:00.0": "15"}


def hostdev(bus, function, address=""):
    return (f"<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='{bus}' "
            f"slot='0x00' function='{function}'/></source>{address}</hostdev>")


def edited(daemon, name, /, **wishes):
    before = daemon.definition(name)
    result = daemon.ask("edit", xml=before, wishes={**WISHES, **wishes})
    assert isinstance(result, dict), result
    return before, result["xml"]


def store_and_put_back(daemon, name, /, **wishes):
    """Stores what is wished for, and takes it back; returns what libvirt made of it."""
    file_before = daemon.file(name)
    before, after = edited(daemon, name, **wishes)
    stored = daemon.ask("store", domain=name, before=before, after=after)
    assert isinstance(stored, dict), stored
    # Done already is no failure, and there is nothing more to do.
    assert daemon.ask("store", domain=name, before=before, after=after) == stored
    again = daemon.ask("edit", xml=stored["xml"], wishes={**WISHES, **wishes})
    assert (again["changed"], again["done"]) == (False, [])
    assert daemon.ask("compare", wanted=after, now=stored["xml"])["difference"] is None
    assert daemon.ask("compare", wanted=before, now=stored["xml"])["difference"]
    assert daemon.ask("store", domain=name, before=after, after=before)["xml"] == before
    assert daemon.definition(name) == before
    assert daemon.file(name) == file_before
    return stored["xml"]


def test_a_definition_is_stored_and_put_back(libvirt):
    libvirt.define(domain_xml("l1"))
    stored = store_and_put_back(libvirt, "l1")
    assert "<driver intremap='on' caching_mode='on'/>" in stored
    assert "<ioapic driver='qemu'/>" in stored


def test_a_host_group_is_put_behind_one_bridge(libvirt):
    libvirt.define(domain_xml("l1", devices=hostdev("0x01", "0x0") + hostdev("0x01", "0x1") + hostdev("0x02", "0x0")))
    stored = store_and_put_back(libvirt, "l1", groups=GROUPS, aw_bits=39)
    assert stored.count("model='pcie-to-pci-bridge'") == 1
    assert "aw_bits='39'" in stored
    line = libvirt.ask("line", xml=stored)["line"]
    assert line.index("intel-iommu") < line.index("vfio-pci")
    assert '"driver":"pcie-pci-bridge"' in line


def test_a_device_on_the_root_bus_gets_a_port(libvirt):
    place = "<address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/>"
    libvirt.define(domain_xml("l1", devices=hostdev("0x02", "0x0", place)))
    stored = store_and_put_back(libvirt, "l1", groups=GROUPS)
    assert stored.count("model='pcie-root-port'") == libvirt.definition("l1").count("model='pcie-root-port'") + 1


def test_an_i440fx_becomes_a_q35_and_is_one_again(libvirt):
    devices = ("<disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>"
               "<interface type='ethernet'><model type='e1000'/></interface><input type='tablet' bus='usb'/>")
    xml = domain_xml("old", machine="pc", devices=devices).replace("<controller type='usb' model='none'/>", "")
    libvirt.define(xml)
    assert "pc-i440fx-" in libvirt.definition("old")
    stored = store_and_put_back(libvirt, "old", q35=True)
    assert "machine='pc-q35-" in stored and "bus='sata'" in stored


def test_memory_that_may_be_locked_is_raised_for_an_old_libvirt(libvirt):
    libvirt.define(domain_xml("l1", devices=hostdev("0x01", "0x0") + hostdev("0x02", "0x0")))
    stored = store_and_put_back(libvirt, "l1", groups=GROUPS, libvirt=8006000)
    assert "<hard_limit unit='KiB'>1310720</hard_limit>" in stored


def test_the_cpu_and_firmware_of_a_hypervisor(libvirt):
    libvirt.define(domain_xml("l1", head="<cpu mode='custom' match='exact'><model>qemu64</model></cpu>"))
    stored = store_and_put_back(libvirt, "l1", host_cpu=True)
    assert "<cpu mode='maximum'" in stored


def test_secrets_are_kept_and_not_shown(libvirt):
    libvirt.define(domain_xml("l1", devices="<graphics type='vnc' passwd='s3cret'/>"))
    stored = store_and_put_back(libvirt, "l1")
    assert "passwd='s3cret'" in stored
    other = stored.replace("s3cret", "changed")
    assert "s3cret" not in libvirt.ask("compare", wanted=stored, now=other)["difference"]


def test_what_somebody_else_edited_is_not_overwritten(libvirt):
    libvirt.define(domain_xml("l1"))
    before, after = edited(libvirt, "l1")
    libvirt.define(before.replace("<vcpu placement='static'>1</vcpu>", "<vcpu placement='static'>2</vcpu>"))
    code, text = libvirt.ask("store", domain="l1", before=before, after=after)
    assert code == errno.ESTALE
    assert text == "domain 'l1' was edited since: /domain/vcpu is '2' instead of '1'"
    assert "iommu" not in libvirt.definition("l1")


def test_an_edit_after_ours_is_seen(libvirt):
    libvirt.define(domain_xml("l1"))
    before, after = edited(libvirt, "l1")
    stored = libvirt.ask("store", domain="l1", before=before, after=after)["xml"]
    for was, now in (("caching_mode='on'", "caching_mode='off'"), ("<acpi/>", ""),
                     ("</devices>", "<sound model='ich9'/></devices>"), ("<vcpu", "<description>mine</description><vcpu"),
                     ("</devices>", "<controller type='scsi' index='0' model='virtio-scsi'/></devices>"),
                     ("</devices>", "<controller type='pci' index='9' model='pcie-root-port'/></devices>")):
        libvirt.define(stored.replace(was, now))
        code, text = libvirt.ask("store", domain="l1", before=after, after=before)
        assert code == errno.ESTALE, text


def test_what_libvirt_does_not_keep_is_found_and_the_old_definition_is_back(libvirt):
    """What this libvirt changes without a word is the unit; what it would drop, its schema refuses before."""
    libvirt.define(domain_xml("l1"))
    before, after = edited(libvirt, "l1")
    changed = after.replace("<memory unit='KiB'>131072", "<memory unit='MiB'>128")
    code, text = libvirt.ask("store", domain="l1", before=before, after=changed)
    assert code == errno.ENOTSUP
    assert "did not keep the new definition: /domain/memory has unit='KiB' instead of 'MiB'. The old one is back" in text
    assert libvirt.definition("l1") == before
    unknown = after.replace("caching_mode='on'", "caching_mode='on' no_such='on'")
    code, text = libvirt.ask("store", domain="l1", before=before, after=unknown)
    assert code == errno.EINVAL and "failed to validate against schema" in text
    assert libvirt.definition("l1") == before


def test_what_libvirt_refuses_is_not_stored(libvirt):
    libvirt.define(domain_xml("l1"))
    before, after = edited(libvirt, "l1")
    for wrong in (after.replace("caching_mode='on'", "caching_mode='maybe'"), after.replace("<ioapic driver='qemu'/>", "")):
        code, text = libvirt.ask("store", domain="l1", before=before, after=wrong)
        assert code in (errno.EINVAL, errno.ENOTSUP), text
        assert libvirt.definition("l1") == before
    code, text = libvirt.ask("line", xml=after.replace("<ioapic driver='qemu'/>", ""))
    assert "ioapic" in text


def test_a_saved_state_is_not_ignored(libvirt):
    libvirt.define(domain_xml("l1"))
    before, after = edited(libvirt, "l1")
    libvirt.virsh("start", "l1")
    libvirt.virsh("managedsave", "l1")
    code, text = libvirt.ask("store", domain="l1", before=before, after=after)
    assert code == errno.EBUSY and "virsh managedsave-remove l1" in text
    assert libvirt.ask("stakes", domain="l1") == (code, text)


def test_a_transient_domain_is_refused(libvirt):
    path = libvirt.folder / "transient.xml"
    path.write_text(domain_xml("passing"))
    libvirt.virsh("create", path)
    code, text = libvirt.ask("stakes", domain="passing")
    assert code == errno.ENOTSUP and "transient" in text


def test_snapshots_are_told_of(libvirt):
    libvirt.define(domain_xml("l1"))
    path = libvirt.folder / "snapshot.xml"
    path.write_text("<domainsnapshot><name>first</name><state>shutoff</state><creationTime>1</creationTime>"
                    f"{libvirt.definition('l1')}</domainsnapshot>")
    libvirt.virsh("snapshot-create", "l1", path, "--redefine")
    assert libvirt.ask("stakes", domain="l1")["snapshots"] == 1
    store_and_put_back(libvirt, "l1")


@pytest.fixture
def running(libvirt):
    libvirt.define(domain_xml("l1"))
    before, after = edited(libvirt, "l1")
    assert isinstance(libvirt.ask("store", domain="l1", before=before, after=after), dict)
    assert libvirt.ask("start", domain="l1") == {}
    return libvirt


def get(libvirt, path, name):
    command = {"execute": "qom-get", "arguments": {"path": path, "property": name}}
    return libvirt.ask("qmp", domain="l1", command=command)["answer"]["return"]


def test_qemu_has_what_was_defined(running):
    assert get(running, "/machine/peripheral/iommu0", "caching-mode") is True
    assert get(running, "/machine/peripheral/iommu0", "intremap") == "on"
    assert get(running, "/machine/q35/ioapic", "type") == "ioapic"
    answer = running.ask("qmp", domain="l1", command={"execute": "no-such-command"})["answer"]
    assert answer["error"]["class"] == "CommandNotFound"


def test_a_domain_that_runs_is_not_started_again(running):
    code, text = running.ask("start", domain="l1")
    assert code == errno.EBUSY and "already running" in text


def wait(libvirt, **members):
    """The helper, waiting in the background."""
    words = libvirt.words(libvirt.nestpci.parent / "nestpci-libvirt")
    request = f'{{"operation": "wait", "uri": "qemu:///system", "domain": "l1", "seconds": {members.get("seconds", 0)}}}'
    waiting = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    waiting.stdin.write(request)
    waiting.stdin.close()
    return waiting


def test_a_stop_is_waited_for_by_events(running):
    waiting = wait(running)
    time.sleep(1)
    assert waiting.poll() is None
    ticks = sum(map(int, open(f"/proc/{waiting.pid}/stat", encoding="ascii").read().split()[13:15]))
    time.sleep(1)
    now = sum(map(int, open(f"/proc/{waiting.pid}/stat", encoding="ascii").read().split()[13:15]))
    assert now - ticks <= 1, "it polls"
    running.virsh("destroy", "l1")
    begin = time.monotonic()
    assert waiting.stdout.read() == '{"result":{}}\n'
    assert time.monotonic() - begin < 5
    assert running.ask("wait", domain="l1") == {}


def test_a_reset_is_no_stop_and_time_runs_out(running):
    waiting = wait(running, seconds=3)
    running.virsh("reset", "l1")
    answer = waiting.stdout.read()
    assert f'"errno":{errno.ETIMEDOUT}' in answer and "still runs" in answer


def test_a_daemon_that_ends_is_told_of(running):
    waiting = wait(running)
    time.sleep(1)
    running.daemon("kill")
    answer = waiting.stdout.read()
    assert f'"errno":{errno.ECONNRESET}' in answer
    running.daemon("start")
    assert "running" in running.virsh("list")


def test_a_guest_that_does_not_listen_is_not_forced(running):
    """No system in it: nobody hears the button."""
    code, text = running.ask("shut-down", domain="l1", seconds=2)
    assert code == errno.ETIMEDOUT and "was asked to shut down" in text
    assert "running" in running.virsh("list")


def test_nodes_that_are_not_there(libvirt):
    code, text = libvirt.ask("node-detach", address="0000:fe:1f.7")
    assert code == errno.ENOENT and "0000:fe:1f.7" in text
