# SPDX-License-Identifier: GPL-2.0-or-later
"""
Kernel parameters on machines that boot by a boot loader from a disk: planned, applied, in force after a reboot with every
kernel that is installed, and gone after undo and another.
"""
import pytest

import debian_disk
import debian_vm

pytestmark = [pytest.mark.labfull,
              pytest.mark.skipif(debian_disk.reason_to_skip() is not None, reason=str(debian_disk.reason_to_skip()))]

OLDER = "grub-reboot '1>2'"  # in Debian's submenu: the newest, its recovery entry, the older one


@pytest.fixture
def start(disk, nestpci, tree, tmp_path):
    """Starts a machine on a disk of its own."""
    machines = []

    def make(**more):
        brought = debian_vm.pack(tmp_path, {"nestpci": nestpci, "proxmox-boot-tool": tree / "tests/guest/proxmox-boot-tool"})
        machine = debian_vm.Machine(tmp_path, debian_vm.overlay(disk, tmp_path / "disk"), brought=brought, **more)
        machines.append(machine)
        return machine.start().wait_ready()
    yield make
    for machine in machines:
        machine.kill()


def said_by_check(machine, name):
    """The verdict of one check."""
    _, text = machine.run(f"nestpci check --brief --only {name}")
    return text.split()[0] if text else ""


def assert_everywhere(machine, wanted, unwanted, kernels=2):
    """Every kernel's entry, the recovery entries apart, has the words and lacks the others."""
    lines = [line.split() for line in machine.read("/boot/grub/grub.cfg").splitlines() if line.split()[:1] == ["linux"]]
    plain = [words for words in lines if "single" not in words]
    assert len({words[1] for words in plain}) == kernels, lines
    for words in plain:
        assert set(wanted) <= set(words) and not set(unwanted) & set(words), words


ON = ["iommu=pt"]
OFF = ["intel_iommu=off"]


def assert_running(machine, words, others):
    running = machine.cmdline()
    assert set(words) <= set(running) and not set(others) & set(running), running


def test_grub(start):
    """What check finds wrong is mended: the IOMMU is switched off on the command line of all kernels."""
    machine = start()
    newest = machine.release()
    before = machine.read("/etc/default/grub")
    assert_running(machine, OFF, ON)
    assert said_by_check(machine, "iommu-not-disabled") == "FAIL"
    plan = machine.ok("nestpci plan --for iommu-not-disabled")
    assert "-GRUB_CMDLINE_LINUX_DEFAULT" in plan and "grub.cfg" in plan
    assert machine.read("/etc/default/grub") == before
    done = machine.ok("nestpci apply --yes --for iommu-not-disabled --set-kernel-parameter iommu=pt")
    assert "reboot this host" in done
    assert_everywhere(machine, ON, OFF)
    # Nothing is in force yet, and that is said.
    assert said_by_check(machine, "boot-parameters-in-force") == "WARN"

    machine.reboot()
    assert machine.release() == newest
    assert_running(machine, ON, OFF)
    for name in ("iommu-not-disabled", "iommu-active", "iommu-groups", "boot-parameters-in-force"):
        assert said_by_check(machine, name) == "PASS", name
    machine.ok(OLDER)
    machine.reboot()
    assert machine.release() != newest
    assert_running(machine, ON, OFF)
    assert said_by_check(machine, "boot-parameters-in-force") == "PASS"
    assert "nothing to do" in machine.ok("nestpci apply --yes --set-kernel-parameter iommu=pt")
    assert "applied" in machine.ok("nestpci log")

    machine.ok("nestpci undo --yes")
    assert machine.read("/etc/default/grub") == before
    assert_everywhere(machine, OFF, ON)
    machine.reboot()
    assert machine.release() == newest
    assert_running(machine, OFF, ON)
    machine.ok(OLDER)
    machine.reboot()
    assert machine.release() != newest
    assert_running(machine, OFF, ON)
    assert "undone" in machine.ok("nestpci log")
    machine.power_off()


def test_grub_by_uefi(start):
    machine = start(firmware="uefi")
    machine.ok("nestpci apply --yes --set-kernel-parameter intel_iommu=on")
    machine.reboot()
    assert_running(machine, ["intel_iommu=on"], OFF)
    assert said_by_check(machine, "boot-parameters-in-force") == "PASS"
    machine.ok("nestpci undo --yes")
    machine.reboot()
    assert_running(machine, OFF, ["intel_iommu=on"])
    machine.power_off()


def with_esp(machine, command):
    """Runs a command while the ESP of a machine that Proxmox VE's tool would keep is mounted on /media."""
    return machine.ok(f"mkdir -p /media && mount /dev/nvme0n1p2 /media && {{ {command}; }}; umount /media")


def test_systemd_boot_kept_by_proxmox(start):
    """Kernels and entries are on a vfat that is mounted by the tool alone."""
    machine = start(firmware="uefi")
    machine.ok("proxmox-boot-tool setup systemd-boot")
    before = machine.read("/etc/kernel/cmdline")
    machine.reboot()
    newest = machine.release()
    assert any(word.startswith("initrd=\\EFI\\proxmox\\") for word in machine.cmdline())
    assert "systemd-boot" in machine.run("nestpci check --brief --only boot-loader-known")[1]
    plan = machine.ok("nestpci plan --set-kernel-parameter iommu=pt")
    assert "/etc/kernel/cmdline" in plan and "proxmox-boot-tool refresh" in plan
    machine.ok("nestpci apply --yes --set-kernel-parameter iommu=pt")
    entries = with_esp(machine, "cat /media/loader/entries/*.conf")
    assert entries.count("iommu=pt") == 2, entries

    machine.reboot()
    assert "iommu=pt" in machine.cmdline()
    assert said_by_check(machine, "boot-parameters-in-force") == "PASS"
    with_esp(machine, f"mv /media/loader/entries/proxmox-{newest}.conf /media/")
    machine.reboot()
    assert machine.release() != newest and "iommu=pt" in machine.cmdline()

    machine.ok("nestpci undo --yes")
    assert machine.read("/etc/kernel/cmdline") == before
    assert "iommu=pt" not in with_esp(machine, "cat /media/loader/entries/*.conf")
    machine.reboot()
    assert machine.release() == newest and "iommu=pt" not in machine.cmdline()
    machine.power_off()


def test_grub_kept_by_proxmox(start):
    """GRUB, its configuration and the kernels are on the ESP; /etc/kernel/cmdline is there, and nobody reads it."""
    machine = start(firmware="uefi")
    machine.ok("proxmox-boot-tool setup grub")
    machine.reboot()
    assert machine.cmdline()[0].startswith("BOOT_IMAGE=/vmlinuz-")
    # The disk's own grub.cfg is of no account.
    machine.ok("rm -r /boot/grub")
    assert "kept by proxmox-boot-tool" in machine.run("nestpci check --brief --only boot-loader-known")[1]
    plan = machine.ok("nestpci plan --set-kernel-parameter iommu=pt")
    assert "zz-nestpci.cfg" in plan and "/etc/kernel/cmdline" not in plan and "proxmox-boot-tool refresh" in plan
    machine.ok("nestpci apply --yes --set-kernel-parameter iommu=pt")
    machine.reboot()
    assert "iommu=pt" in machine.cmdline()
    machine.ok("nestpci undo --yes")
    machine.reboot()
    assert "iommu=pt" not in machine.cmdline()
    machine.power_off()
