# SPDX-License-Identifier: GPL-2.0-or-later
"""What the rewrite makes, this machine's QEMU takes: the vIOMMU is asked for its properties by QMP."""
import json
import shutil
import subprocess

import pytest

QEMU = shutil.which("qemu-system-x86_64")
pytestmark = pytest.mark.skipif(not QEMU, reason="qemu-system-x86_64 is not installed")

BASE = [QEMU, "-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none", "-S", "-qmp", "stdio"]


def ask(nestpci, line, *commands, group=()):
    """Runs a line through `nestpci exec` and returns the answers to QMP commands."""
    options = [word for members in group for word in ("--group", members)]
    requests = ["qmp_capabilities", *commands, "quit"]
    text = "".join(json.dumps(r if isinstance(r, dict) else {"execute": r}) + "\n" for r in requests)
    done = subprocess.run([nestpci, "exec", *options, "--", *line], input=text, capture_output=True, text=True,
                          timeout=60, check=False)
    answers = [json.loads(answer) for answer in done.stdout.splitlines()]
    answers = [answer for answer in answers if "return" in answer or "error" in answer]
    assert len(answers) == len(requests), done.stderr
    return [answer.get("return", answer.get("error")) for answer in answers[1:-1]]


def get(path, name):
    return {"execute": "qom-get", "arguments": {"path": path, "property": name}}


def viommu_properties(nestpci, line):
    [children] = ask(nestpci, line, {"execute": "qom-list", "arguments": {"path": "/machine/peripheral-anon"}})
    [found] = [child["name"] for child in children if child["type"] == "child<intel-iommu>"]
    path = f"/machine/peripheral-anon/{found}"
    names = ["intremap", "caching-mode", "aw-bits", "eim", "device-iotlb"]
    return dict(zip(names, ask(nestpci, line, *[get(path, name) for name in names])))


LINES = {
    "plain": ["-machine", "q35", "-device", "e1000"],
    "two machines": ["-M", "pc", "-machine", "type=q35", "-device", "e1000"],
    "json devices": ["-machine", "q35", "-device", '{"driver":"pcie-root-port","id":"rp"}', "-device",
                     '{"driver":"e1000e","bus":"rp"}'],
    "wrong place": ["-machine", "q35", "-device", "e1000", "-device", "intel-iommu"],
    "two of them": ["-machine", "q35", "-device", "intel-iommu", "-device", "e1000", "-device",
                    "intel-iommu,intremap=on"],
    "json viommu": ["-machine", "q35", "-device", '{"driver":"intel-iommu","caching-mode":false}', "-device", "e1000"],
}


@pytest.mark.parametrize("name", LINES)
def test_qemu_takes_the_line(nestpci, name):
    properties = viommu_properties(nestpci, [*BASE, *LINES[name]])
    assert properties["intremap"] == "on"
    assert properties["caching-mode"] is True


def test_qemu_refuses_two_viommus(nestpci):
    """Why Proxmox VE's native line of a VM with its own vIOMMU in args cannot be what a rewrite gives."""
    done = subprocess.run([*BASE, "-machine", "q35", "-device", "intel-iommu", "-device", "intel-iommu"], input="",
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "multiple vIOMMUs" in done.stderr


def test_the_viommu_is_created_first(nestpci, tmp_path):
    """A configuration file's devices are created where it stands: behind the vIOMMU."""
    config = tmp_path / "devices.cfg"
    config.write_text('[device "rp"]\n  driver = "pcie-root-port"\n  bus = "pcie.0"\n  addr = "1c.0"\n')
    properties = viommu_properties(nestpci, [*BASE, "-machine", "q35", "-readconfig", str(config), "-device",
                                             "e1000e,bus=rp"])
    assert properties["caching-mode"] is True


def test_the_irqchip_is_split(nestpci):
    """Under TCG it always is; what can be seen is that QEMU takes the word where the rewrite puts it."""
    line = [*BASE, "-machine", "q35", "-device", "e1000"]
    [kind] = ask(nestpci, line, get("/machine/q35/ioapic", "type"))
    assert kind == "ioapic"


def test_the_bridge_of_a_group_is_where_its_members_are(nestpci, tmp_path):
    """vfio-pci cannot be created without a device: the same places are given to emulated ones."""
    line = ["kvm", "-machine", "q35", "-device", "pcie-root-port,id=rp", "-device",
            "vfio-pci,host=01:00.0,bus=rp,addr=0x0.0,multifunction=on", "-device",
            "vfio-pci,host=01:00.1,bus=rp,addr=0x0.1"]
    done = subprocess.run([nestpci, "rewrite", "--null", "--group", "01:00.0,01:00.1", "--", *line],
                          capture_output=True, text=True, check=True)
    words = done.stdout.split("\0")[1:-1]
    emulated = [word.replace("vfio-pci,host=01:00.0", "e1000,id=f0").replace("vfio-pci,host=01:00.1", "e1000,id=f1")
                for word in words]
    [f0, f1] = ask(nestpci, [*BASE, *emulated], get("/machine/peripheral/f0", "parent_bus"),
                   get("/machine/peripheral/f1", "parent_bus"))
    assert f0 == f1 == "/machine/peripheral/nestpci-bridge0/nestpci-bridge0"
