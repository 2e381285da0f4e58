# SPDX-License-Identifier: GPL-2.0-or-later
"""apply and undo on a real vfat: tests/guest/vfat.sh inside a machine."""
import re

import pytest

import debian_disk
import debian_vm

pytestmark = [pytest.mark.labfull,
              pytest.mark.skipif(debian_disk.reason_to_skip() is not None, reason=str(debian_disk.reason_to_skip()))]


def test_vfat(disk, nestpci, tree, tmp_path, capsys):
    brought = debian_vm.pack(tmp_path, {"nestpci": nestpci, "vfat.sh": tree / "tests/guest/vfat.sh"})
    with debian_vm.Machine(tmp_path, debian_vm.overlay(disk, tmp_path / "disk"), brought=brought) as machine:
        status, text = machine.wait_ready().run("vfat.sh")
        machine.power_off()
    found = re.findall("^(?:not )?ok .*", text, re.MULTILINE)
    with capsys.disabled():
        print("\n".join(f"  {line}" for line in found), flush=True)
    assert status == 0, text
    assert len(found) == 7, text
