# SPDX-License-Identifier: GPL-2.0-or-later
"""Each kind of boot set-up: what is generated has the parameter, what is undone has not, and a failure rolls back."""
import re

import pytest

KINDS = {
    "debian": lambda system: system.make_debian(),
    "proxmox-grub": lambda system: system.make_proxmox("grub"),
    "proxmox-systemd": lambda system: system.make_proxmox("systemd"),
    "proxmox-both": lambda system: system.make_proxmox("systemd", "grub"),
    "systemd-boot": lambda system: system.make_systemd_boot(),
    "fedora": lambda system: system.make_fedora(),
}
WISH = ["--set-kernel-parameter", "intel_iommu=on", "--set-kernel-parameter", "iommu=pt"]


def lines_of(system):
    """What the kernels would be given: the lines of all entries and grub.cfg, recovery entries apart."""
    normal, recovery = [], []
    for path in [*system.root.rglob("boot/**/*"), *system.root.rglob("esp/**/*")]:
        if not (path.name == "grub.cfg" or path.suffix == ".conf"):
            continue
        for line in path.read_text().splitlines():
            match = re.match(r"\s*(?:linux \S+|options +)(.*root=.*)", line)
            if match:
                (recovery if " single" in line else normal).append(match[1].split())
    assert normal
    return normal, recovery


@pytest.fixture(params=KINDS)
def kind(request, make_system):
    return KINDS[request.param](make_system())


def test_every_entry_gets_the_parameters_and_loses_them(kind):
    before = kind.state()
    done = kind.apply(*WISH)
    assert done.returncode == 0, done.stderr
    normal, recovery = lines_of(kind)
    for line in normal:
        assert [word for word in line if "iommu" in word] == ["intel_iommu=on", "iommu=pt"], line
    for line in recovery:
        assert not [word for word in line if "iommu" in word]
    after = kind.state()
    again = kind.apply(*WISH)
    assert (again.returncode, "nothing to do" in again.stderr, kind.state()) == (0, True, after), again.stderr
    assert kind.undo().returncode == 0
    if "grubby" not in kind.calls()[0]:
        assert kind.state() == before
        return
    # grubby knows words, not their order.
    assert [sorted(line) for line in lines_of(kind)[0]] == [sorted("root=/dev/sda2 ro rhgb quiet intel_iommu=off".split())]


def test_each_command_that_fails_rolls_back(kind, make_system):
    before = kind.state()
    kind.apply(*WISH)
    count = len(kind.calls())
    assert kind.undo().returncode == 0
    for number in range(1, count + 1):
        (kind.here / "FAIL").write_text(f"{number}\n")
        done = kind.apply(*WISH)
        assert (done.returncode, "nothing was changed" in done.stderr) == (3, True), done.stderr
        if "grubby" not in kind.calls()[0]:
            assert kind.state() == before
        assert "intel_iommu=off" in lines_of(kind)[0][0]


def test_each_command_that_fails_on_the_way_back_is_run_again(kind):
    before = kind.state()
    kind.apply(*WISH)
    done = kind.undo()
    count = len(kind.calls()) // 2
    assert done.returncode == 0
    for number in range(1, count + 1):
        assert kind.apply(*WISH).returncode == 0
        (kind.here / "FAIL").write_text(f"{number}\n")
        done = kind.undo()
        assert (done.returncode, "--skip-failed" in done.stderr) == (4, True), done.stderr
        assert kind.undo().returncode == 0
        if "grubby" not in kind.calls()[0]:
            assert kind.state() == before


def test_kernels_that_came_and_went_since_are_dealt_with(make_system):
    """An entry of a kernel that was removed is not missed, and one that came since loses the parameter as well."""
    system = make_system().make_systemd_boot()
    assert system.apply(*WISH).returncode == 0
    (system.root / "boot/vmlinuz-6.1.0-18-amd64").unlink()
    (system.root / "boot/efi/loader/entries/0123-6.1.0-18-amd64.conf").unlink()
    system.put_kernels("6.1.0-25-amd64")
    system.generate("kernel-install", "add", "6.1.0-25-amd64", "/boot/vmlinuz-6.1.0-25-amd64")
    assert [line.count("intel_iommu=on") for line in lines_of(system)[0]] == [1, 1]
    done = system.undo()
    assert done.returncode == 0, done.stderr
    assert system.calls()[-2:] == ["kernel-install add 6.1.0-21-amd64 /boot/vmlinuz-6.1.0-21-amd64",
                                   "kernel-install add 6.1.0-25-amd64 /boot/vmlinuz-6.1.0-25-amd64"]
    assert [line.count("intel_iommu=off") for line in lines_of(system)[0]] == [1, 1]


def test_the_loop_that_is_shown_is_what_is_run(make_system):
    """Pasted into a shell, the plan's loop does what nestpci does."""
    system = make_system().make_systemd_boot()
    shown = system.run("plan", *WISH).stdout
    assert '\nfor file in /boot/vmlinuz-*; do kernel-install add "${file#/boot/vmlinuz-}" "$file"; done\n' in shown
