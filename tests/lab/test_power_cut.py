# SPDX-License-Identifier: GPL-2.0-or-later
"""
The power fails while nestpci changes a machine. On ext4 and on vfat, after each of many cuts: every file stands whole, as
it was or as it was to be; and the machine boots, and the next apply or undo finishes the job.
"""
import collections
import contextlib
import json
import subprocess

import pytest

import debian_disk
import debian_vm
import write_log

pytestmark = [pytest.mark.labfull,
              pytest.mark.skipif(debian_disk.reason_to_skip() is not None, reason=str(debian_disk.reason_to_skip()))]

GRUB_FILES = ["/etc/default/grub", "/etc/default/grub.d/zz-nestpci.cfg", "/boot/grub/grub.cfg"]
APPLY = "nestpci apply --yes --set-kernel-parameter intel_iommu=on"
MARK = "=====mark====="


class Cut:
    """A machine whose writes are logged, from `begin` on until the power fails."""

    def __init__(self, folder, disk, nestpci):
        self.log = folder / "log"
        image = debian_vm.overlay(disk, folder / "disk")
        self.machine = debian_vm.Machine(folder, image, brought=debian_vm.pack(folder, {"nestpci": nestpci}),
                                         drive=write_log.drive(image, self.log))
        self.first = 0

    def begin(self):
        """What was there before is on the disk; later cuts are between here and the end."""
        self.machine.ok("date >/root/date && sync")
        self.first = len(write_log.read(self.log))

    def contents(self, command, files):
        """What files hold once the command has been run, in one go: nothing more is written meanwhile."""
        shown = "; ".join(f"cat {name} 2>/dev/null; echo {MARK}" for name in files)
        text = self.machine.ok(f"{command} >/dev/null 2>/tmp/said || {{ cat /tmp/said; exit 1; }}; {shown}; true")
        return dict(zip(files, text.split(f"{MARK}\n")))

    def partition(self, path, disk, start, size):
        """As it was when it began."""
        result = write_log.Partition(path, disk, start, size)
        result.write(self.log, write_log.read(self.log)[:self.first])
        return result

    def entries(self):
        return write_log.read(self.log)[self.first:]


@contextlib.contextmanager
def mended_ext4(path):
    """After the file system's check, as at boot. What it does is taken back."""
    undo = path.with_suffix(".undo")
    done = subprocess.run(["e2fsck", "-f", "-y", "-z", undo, path], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout
    yield
    if undo.exists():
        subprocess.run(["e2undo", "-f", undo, path], capture_output=True, check=True)
        undo.unlink()


def ext4_content(path, name):
    done = subprocess.run(["debugfs", "-R", f"cat {name}", path], capture_output=True, text=True, check=True)
    return done.stdout if "File not found" not in done.stderr else ""


def journal_state(text):
    """Of an entry of nestpci's journal: it is whole, or not there."""
    return json.loads(text)["state"] if text else "none"


def tell(capsys, what, seen):
    ways = ", ".join(f"{count} {words}" for words, count in seen.items())
    with capsys.disabled():
        print(f"  {sum(seen.values())} power cuts tried on {what}: {ways}", flush=True)


def which(now, old, new):
    return "old" if now == old else "new" if now == new else "torn"


def boots_and_is_finished(folder, disk, nestpci, command, wanted):
    """A machine with the disk of a power cut starts with the old or the new command line, and is brought to an end."""
    folder.mkdir()
    image = debian_vm.overlay(disk, folder / "disk")
    with debian_vm.Machine(folder, image, brought=debian_vm.pack(folder, {"nestpci": nestpci})) as machine:
        machine.wait_ready()
        # Whichever GRUB read: it does not replay ext4's journal, as the kernel has done since.
        assert len({"intel_iommu=on", "intel_iommu=off"} & set(machine.cmdline())) == 1
        machine.ok(command)
        assert {name: machine.run(f"cat {name} 2>/dev/null")[1] for name in GRUB_FILES} == wanted
        assert "nothing to do" in machine.ok(command)
        machine.power_off()


def test_grub_on_ext4(disk, nestpci, tmp_path, capsys):
    cut = Cut(tmp_path, disk, nestpci)
    with cut.machine as machine:
        machine.wait_ready()
        old = cut.contents("true", GRUB_FILES)
        cut.begin()
        new = cut.contents(APPLY, GRUB_FILES)
        machine.kill()
    assert old != new and "intel_iommu=on" in new["/boot/grub/grub.cfg"]
    partition = cut.partition(tmp_path / "root", disk, debian_disk.ROOT_START, debian_disk.ROOT_SIZE)
    seen, images = collections.Counter(), {}
    for _ in write_log.after_power_cuts(partition, cut.log, cut.entries(), most=100):
        with mended_ext4(partition.path):
            now = {name: ext4_content(partition.path, name) for name in GRUB_FILES}
            state = journal_state(ext4_content(partition.path, "/var/lib/nestpci/journal/1/entry.json"))
        files = [which(now[name], old[name], new[name]) for name in GRUB_FILES]
        assert "torn" not in files, now
        key = f"{'/'.join(files)} ({state})"
        seen[key] += 1
        if state in ("planned", "applying") and key not in images:
            # Of all of them the first and the last are booted.
            images[key] = partition.whole_disk(tmp_path / ("cut-last" if images else "cut-first"))
    tell(capsys, "ext4", seen)
    # All was on the disk when apply said so.
    assert (files, state) == (["new"] * 3, "applied")
    # From the first, and the last, of the states in between.
    assert len(images) > 1, seen
    undone, resumed = list(images.values())[0], list(images.values())[-1]
    boots_and_is_finished(tmp_path / "undone", undone, nestpci, "nestpci undo --yes", old)
    boots_and_is_finished(tmp_path / "resumed", resumed, nestpci, APPLY, new)
    for image in (undone, resumed, partition.path):
        image.unlink()


# ---- vfat ----

TREE = "/boot/efi/tree"
CONF = "etc/modules-load.d/nestpci.conf"
ENTRY = "var/lib/nestpci/journal/1/entry.json"


def vfat_content(path, name):
    """What firmware, or a kernel that mounts it as it is, reads; None: there is no such file."""
    done = subprocess.run(["mtype", "-i", path, f"::tree/{name}"], capture_output=True, check=False)
    return None if done.returncode else done.stdout.decode()


def checked_vfat(path, copy):
    """The same file system after its check, as at boot."""
    subprocess.run(["cp", "--sparse=always", path, copy], check=True)
    done = subprocess.run(["fsck.vfat", "-a", copy], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout
    return copy


@pytest.mark.parametrize("verb", ["apply", "undo"])
def test_files_on_vfat(disk, nestpci, tmp_path, capsys, verb):
    """A file is edited in a tree on the ESP, with the journal beside it. Owners, permissions and links are not kept there."""
    cut = Cut(tmp_path, disk, nestpci)
    run = f"nestpci {{}} --yes --root {TREE}"
    apply, undo = run.format("apply") + " --load-module vfio-pci", run.format("undo")
    with cut.machine as machine:
        machine.wait_ready()
        machine.ok(f"mkdir -p {TREE}/etc/modules-load.d && echo kvm >{TREE}/{CONF}")
        if verb == "undo":
            machine.ok(apply)
        cut.begin()
        old = machine.read(f"{TREE}/{CONF}")
        new = cut.contents(apply if verb == "apply" else undo, [f"{TREE}/{CONF}"])[f"{TREE}/{CONF}"]
        machine.kill()
    assert old != new and "kvm" in old and "kvm" in new
    partition = cut.partition(tmp_path / "esp", disk, debian_disk.ESP_START, debian_disk.ESP_SIZE)
    seen = collections.Counter()
    for number, _ in write_log.after_power_cuts(partition, cut.log, cut.entries(), most=300):
        for image in (partition.path, checked_vfat(partition.path, tmp_path / "checked")):
            now, state = vfat_content(image, CONF), journal_state(vfat_content(image, ENTRY))
            assert which(now, old, new) != "torn", f"cut {number}, {image.name}: {now!r}"
        seen[f"{which(now, old, new)} ({state})"] += 1
    tell(capsys, f"vfat, {verb}", seen)
    assert (now, state) == (new, "applied" if verb == "apply" else "undone")
