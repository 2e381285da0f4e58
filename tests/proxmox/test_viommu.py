# SPDX-License-Identifier: GPL-2.0-or-later
"""nestpci viommu on a node of Proxmox VE: what it sets, and what it refuses."""
import pytest

from conftest import READY

GPU = READY + "hostpci0: 0000:01:00,pcie=1\n"     # two functions of one group
DISK = READY + "hostpci0: 0000:04:00.0,pcie=1\n"  # alone in its group


def give(node, *options, vmid="101"):
    result = node.nestpci("viommu", vmid, "--yes", *options)
    assert result.status == 0, result
    return result


def refused(node, *words, options=(), vmid="101"):
    """Nothing is changed, and the reason and the way out are said."""
    before = node.conf(vmid).read_text() if node.conf(vmid).exists() else None
    result = node.nestpci("viommu", vmid, "--yes", *options)
    assert result.status == 3, result
    for word in words:
        assert word in result.err, result
    assert not node.sets()
    if before is not None:
        assert node.conf(vmid).read_text() == before
    return result


# ---- What is set ----

def test_native_and_again(node):
    before = node.conf().read_text()
    result = give(node)
    assert "qm set 101 --machine 'q35,viommu=intel" in result.out
    assert node.get("machine").startswith("q35,viommu=intel")
    changed = dict(line.split(": ", 1) for line in node.conf().read_text().splitlines())
    machine = changed.pop("machine")
    assert changed == {key: value for key, value in (line.split(": ", 1) for line in before.splitlines())
                       if key != "machine"} and machine
    sets = len(node.sets())
    assert "all that it needs already" in give(node).err
    assert len(node.sets()) == sets


@pytest.mark.parametrize("before, after", [
    ("q35", "q35,viommu=intel"),
    ("type=q35", "type=q35,viommu=intel"),
    ("pc-q35-8.1", "pc-q35-8.1,viommu=intel"),
    ("q35,enable-s3=1", "q35,enable-s3=1,viommu=intel"),
    ("viommu=virtio,type=q35", "viommu=intel,type=q35"),
    ("enable-s3=1,viommu=virtio,type=pc-q35-8.1,enable-s4=0", "enable-s3=1,viommu=intel,type=pc-q35-8.1,enable-s4=0"),
])
def test_grammar_of_machine_is_kept(node, before, after):
    node.put(READY.replace("machine: q35", f"machine: {before}"))
    give(node)
    machine = node.get("machine")
    assert machine in (after, after + ",aw-bits=39"), machine
    assert node.nestpci("viommu", "101", "--remove", "--yes").status == 0
    assert node.get("machine") == before


def test_old_release_sets_machine_without_properties(make_node):
    node = make_node("7.4")
    node.put(READY.replace("efitype=4m,", ""))
    result = give(node)
    assert "qemu-server 7.4-2 has no viommu=" in result.err
    assert node.get("machine") == "q35"
    assert "vm 101" in (node.here / "etc/nestpci/wrapper.conf").read_text()
    assert "nestpci-wrapper" in node.run("strings", "/usr/bin/kvm").out


def test_cpu_keeps_its_flags(node):
    node.put(READY.replace("cpu: host", "cpu: x86-64-v2-AES,flags=+aes"))
    give(node)
    assert node.get("cpu") == "host,flags=+aes"


def test_devices_get_a_port_of_their_own(node):
    node.put(READY + "hostpci0: 0000:04:00.0,rombar=0\nhostpci1: host=05:00,pcie=1\n")
    result = give(node)
    assert node.get("hostpci0") == "0000:04:00.0,rombar=0,pcie=1"
    assert node.get("hostpci1") == "host=05:00,pcie=1"
    assert "moves to another address in the guest" in result.err


def test_two_functions_of_one_group_need_the_wrapper(node):
    node.put(GPU)
    result = give(node)
    assert "one IOMMU group of this host" in result.err
    assert node.get("machine") == "q35"
    assert "vm 101" in (node.here / "etc/nestpci/wrapper.conf").read_text()


def set_width(node, bits, first_stage=False):
    """Of the host's IOMMU: MGAW and SAGAW of its capabilities; scalable mode with first-stage tables of the extended."""
    folder = node.here / "sys/class/iommu/dmar0/intel-iommu"
    folder.mkdir()
    cap = 0xd2008c40000062 | (bits - 1) << 16 | (0x2 if bits == 39 else 0x4) << 8
    ecap = 0xf050da | (1 << 43 | 1 << 46 | 1 << 47 if first_stage else 0)
    (folder / "cap").write_text(f"{cap:x}\n")
    (folder / "ecap").write_text(f"{ecap:x}\n")
    (folder / "version").write_text("1:0\n")


@pytest.mark.parametrize("release, bits, machine, wrapper", [
    ("9.2", 39, "q35,viommu=intel,aw-bits=39", False),
    ("9.2", 48, "q35,viommu=intel", False),
    ("8.4", 39, "q35", True),             # QEMU's default may be 48, and no aw-bits= yet
    ("8.4", 48, "q35,viommu=intel", False),
    ("8.3", 39, "q35,viommu=intel", False),  # QEMU's default is 39
])
def test_width(make_node, release, bits, machine, wrapper):
    node = make_node(release)
    set_width(node, bits)
    node.put()
    result = give(node)
    assert node.get("machine") == machine, result
    conf = node.here / "etc/nestpci/wrapper.conf"
    assert conf.exists() == wrapper
    if wrapper:
        assert "aw-bits=39" in conf.read_text()


def test_width_of_first_stage_tables(node):
    set_width(node, 48, first_stage=True)
    give(node)
    assert node.get("machine") == "q35,viommu=intel,aw-bits=39"


def test_dry_run_changes_nothing(node):
    before = node.conf().read_text()
    result = node.nestpci("viommu", "--dry-run", "--restart", "101")
    assert result.status == 0, result
    assert "--machine" in result.out and "ask the guest to shut down" in result.out
    assert node.conf().read_text() == before and not node.sets()
    assert not (node.here / "var-lib/nestpci").exists()


# ---- Machine type and firmware ----

OLD = "name: old\ncpu: host\nmemory: 2048\nscsi0: local-lvm:vm-101-disk-1,size=32G\n"


def test_an_installed_guest_is_not_converted_unasked(node):
    node.put(OLD)
    refused(node, "i440fx with SeaBIOS", "network cards under other names", "--convert")
    node.put(OLD + "bios: ovmf\nefidisk0: local-lvm:vm-101-disk-0,size=4M\n")
    refused(node, "VM 101 is an i440fx, and needs q35", "--convert")
    node.put(OLD + "machine: q35\nhostpci0: 0000:04:00.0,pcie=1\n")
    refused(node, "q35 with SeaBIOS", "--keep-firmware")


def test_convert_and_exact_undo(node):
    node.put(OLD)
    before = node.conf().read_text().splitlines()
    result = give(node, "--convert")
    assert "network names change" in result.err and "EFI system partition" in result.err
    assert node.get("bios") == "ovmf"
    assert node.get("efidisk0") == "local-lvm:vm-101-disk-0,efitype=4m,pre-enrolled-keys=0,size=4M"
    assert node.get("machine").startswith("q35,viommu=intel")
    assert len(list((node.here / "run/fake/volumes").iterdir())) == 1
    result = node.nestpci("undo", "--yes")
    assert result.status == 0, result
    assert sorted(node.conf().read_text().splitlines()) == sorted(before)
    assert not list((node.here / "run/fake/volumes").iterdir())


def test_nothing_installed_is_converted(node):
    node.put("name: new\nmemory: 2048\nide2: none,media=cdrom\n")
    refused(node, "--efi-storage STORAGE", "qm set 101 --efidisk0")
    give(node, "--efi-storage", "local")
    assert node.get("efidisk0").startswith("local:101/vm-101-disk-0.raw,efitype=4m")
    assert node.get("cpu") == "host"


def test_keep_firmware(node):
    node.put(OLD + "machine: q35\nhostpci0: 0000:04:00.0,pcie=1\n")
    result = give(node, "--keep-firmware")
    assert "SeaBIOS is kept" in result.err
    assert node.get("bios") is None
    node.put(OLD)
    calls = len(node.sets())
    result = node.nestpci("viommu", "101", "--yes", "--keep-firmware")
    assert result.status == 3 and "--convert" in result.err
    assert len(node.sets()) == calls


def test_efi_disk_of_old_release_has_no_type(make_node):
    node = make_node("7.4")
    node.put("name: new\nmemory: 2048\ncpu: host\n")
    give(node, "--efi-storage", "local-lvm")
    assert node.get("efidisk0").startswith("local-lvm:vm-101-disk-0")
    assert node.get("machine") == "q35"


# ---- Refusals ----

@pytest.mark.parametrize("more, words", [
    ("template: 1\n", ["is a template", "clones"]),
    ("lock: backup\n", ["is locked (backup)", "qm unlock 101"]),
    ("lock: migrate\n", ["is locked (migrate)"]),
    ("lock: suspended\nvmstate: local-lvm:vm-101-state\n", ["is hibernated", "qm resume 101"]),
    ("args: -device intel-iommu,intremap=on\n", ["has a vIOMMU in args", "qm set 101 --args"]),
    ("hostpci0: 0000:04:00.0,legacy-igd=1\n", ["legacy-igd=1", "i440fx alone"]),
])
def test_refused_by_name(node, more, words):
    node.put(READY + more)
    refused(node, *words)


@pytest.mark.parametrize("line, words", [
    ("machine: q35, viommu=intel\n", ["line 8", "there is no key ' viommu'", "drop it", "qm set 101 --machine"]),
    ("machine: q35\nhostpci0: 04:00,host=05:00\n", ["line 9", "'host' stands twice", "qm set 101 --hostpci0"]),
    ("machine: q35\nargs: -machine q35,kernel-irqchip=on\n", ["kernel-irqchip=on", "take it out of args"]),
])
def test_what_would_not_be_as_it_says(node, line, words):
    node.put(READY.replace("machine: q35\n", line))
    refused(node, *words)


def test_what_qm_will_drop_is_said(node):
    node.put(READY + "frobnicate: 1\n\n[PENDING]\nhostpci1: 04:00,host=05:00\n")
    result = give(node)
    assert "line 9: 'frobnicate'" in result.err and "line 12: 'hostpci1'" in result.err and "undo does not bring it back" in result.err, result


@pytest.mark.parametrize("machine", ["q35,viommu=intel", "viommu=intel,type=q35"])
def test_old_release_does_not_start_with_properties(make_node, machine):
    node = make_node("7.4")
    node.put(READY.replace("machine: q35", f"machine: {machine}"))
    refused(node, "knows no properties there", "qm set 101 --machine q35'")
    assert not (node.here / "etc/nestpci").exists()


def test_elsewhere(node):
    node.put(vmid=102, node="pve2")
    refused(node, "VM 102 is on node pve2", "run nestpci there", vmid="102")


def test_no_such_vm(node):
    refused(node, "there is no VM '999' here", vmid="999")


def test_wrong_use(node):
    for words in ([], ["101", "102"], ["101", "--wait", "--restart"], ["101", "--once"], ["101", "--remove", "--start"],
                  ["101", "--timeout", "0", "--restart"], ["101", "--aw-bits", "40"], ["101"],
                  ["101", "--efi-storage", "a b"], ["101", "--convert", "--keep-firmware"]):
        result = node.nestpci("viommu", *words, *(["--yes"] if words != ["101"] else []))
        assert result.status == 2 and result.err, (words, result)


def test_only_what_host_can(node):
    set_width(node, 39)
    refused(node, "aw-bits=48 is wider than this host's IOMMU", options=["--aw-bits", "48"])


# ---- Away ----

def test_remove_what_was_set_by_hand(node):
    node.put(READY.replace("machine: q35", "machine: q35,viommu=intel,aw-bits=39"))
    result = node.nestpci("viommu", "101", "--remove", "--yes")
    assert result.status == 0, result
    assert node.get("machine") == "q35"
    result = node.nestpci("viommu", "101", "--remove", "--yes")
    assert "nothing to do" in result.err


def test_remove_takes_back_all_that_was_done(node):
    node.put(READY.replace("cpu: host", "cpu: kvm64") + "hostpci0: 0000:04:00.0\n")
    before = sorted(node.conf().read_text().splitlines())
    give(node)
    assert sorted(node.conf().read_text().splitlines()) != before
    result = node.nestpci("viommu", "101", "--remove", "--yes")
    assert result.status == 0, result
    assert sorted(node.conf().read_text().splitlines()) == before
    assert "undone" in node.nestpci("log").out


def test_remove_leaves_what_was_set_since(node):
    node.put(READY.replace("cpu: host", "cpu: kvm64"))
    give(node)
    node.qm("set", "101", "--machine", "pc-q35-9.2,viommu=intel")
    result = node.nestpci("viommu", "101", "--remove", "--yes")
    assert result.status == 0, result
    assert node.get("machine") == "pc-q35-9.2"
    assert node.get("cpu") == "kvm64"
    assert "set by somebody else since" in result.err


def test_remove_with_the_wrapper(node):
    node.put(GPU)
    node.put(GPU.replace("01:00", "05:00"), vmid=102)
    kvm = node.run("readlink", "/usr/bin/kvm").out
    give(node)
    give(node, "--eim", "on", vmid="102")
    # A second time nothing is in the way: what the wrapper adds is none of args.
    give(node)
    result = node.nestpci("viommu", "101", "--remove", "--yes")
    assert (result.status, "args" in result.err) == (0, False), result.err
    conf = (node.here / "etc/nestpci/wrapper.conf").read_text()
    assert "vm 101" not in conf and "vm 102" in conf
    assert "nestpci-wrapper" in node.run("strings", "/usr/bin/kvm").out
    result = node.nestpci("viommu", "102", "--remove", "--yes")
    assert result.status == 0, result
    assert node.run("readlink", "/usr/bin/kvm").out == kvm
    assert not (node.here / "usr-bin/kvm.distrib").exists()
    assert "diversion of /usr/bin/kvm" not in node.run("dpkg-divert", "--list").out


@pytest.mark.parametrize("moved", [False, True])
def test_remove_where_the_vm_is_gone(node, moved):
    """A new VM may get its id."""
    node.put(GPU)
    give(node)
    node.conf().unlink()
    if moved:
        node.put(GPU, node="pve2")
    result = node.nestpci("viommu", "101", "--remove", "--yes")
    assert result.status == 3 and "nestpci apply --no-wrapper 101" in result.err, result
    assert node.nestpci("apply", "--no-wrapper", "101", "--yes").status == 0
    assert node.run("readlink", "/usr/bin/kvm").out == "qemu-system-x86_64\n"


def test_etc_that_is_read_only(node):
    node.put(GPU)
    result = node.run("bash", "-c", f"mount -o remount,ro,bind /etc; {node.build}/nestpci viommu 101 --yes")
    assert result.status == 3 and "Read-only file system" in result.err, result
    assert "nothing was changed" in result.err


def test_native_takes_over_from_the_wrapper(make_node):
    node = make_node("7.4")
    node.put(DISK)
    give(node)
    node.set_release("9.2")
    result = give(node)
    assert "the wrapper is told to leave VM 101 alone" in result.err
    assert node.get("machine").startswith("q35,viommu=intel")
    assert node.run("readlink", "/usr/bin/kvm").out == "qemu-system-x86_64\n"


def test_undo_and_log(node):
    before = node.conf().read_text()
    give(node)
    log = node.nestpci("log")
    assert "set machine of VM 101" in log.out
    assert "qm set 101 --machine" in node.nestpci("log", "1").out
    node.qm("set", "101", "--machine", "pc-q35-9.2")
    result = node.nestpci("undo", "--yes")
    assert result.status == 3 and "+pc-q35-9.2" in result.err, result
    node.qm("set", "101", "--machine", "q35,viommu=intel")
    assert node.nestpci("undo", "--yes").status == 0
    assert sorted(node.conf().read_text().splitlines()) == sorted(before.splitlines())
