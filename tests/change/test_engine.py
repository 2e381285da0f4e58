# SPDX-License-Identifier: GPL-2.0-or-later
"""Applying and undoing on a system of files: what happens when all goes well, and when it does not."""
import concurrent.futures
import os
import pathlib
import pty
import shutil
import subprocess

import pytest

COMMANDS = ["update-initramfs -u -k all", "update-grub"]


def test_plan_writes_nothing_and_runs_nothing(system):
    before = system.state()
    done = system.run("plan", "--set-kernel-parameter", "intel_iommu=on")
    assert (done.returncode, done.stderr) == (0, "")
    assert "update-grub" in done.stdout
    assert (system.state(), system.calls(), system.entries()) == (before, [], [])


def test_the_shown_diffs_can_be_given_to_patch(system):
    done = system.run("plan", "--set-kernel-parameter", "intel_iommu=on")
    diffs = done.stdout.split("# 3.")[0]
    patched = subprocess.run(["patch", "-d", system.root, "-p1", "--no-backup-if-mismatch"], input=diffs, text=True,
                             capture_output=True, check=False)
    assert patched.returncode == 0, patched.stdout
    wanted = {name: value[0] for name, value in system.state().items() if name.startswith("etc/default/grub")
              and isinstance(value, tuple)}
    system.put("etc/default/grub", 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"\n')
    (system.root / "etc/default/grub.d/zz-nestpci.cfg").unlink()
    system.apply("--set-kernel-parameter", "intel_iommu=on")
    assert {name: system.state()[name][0] for name in wanted} == wanted


def test_apply_then_undo_gives_back_everything(system):
    before, times = system.state(), system.times()
    done = system.apply()
    assert done.returncode == 0
    assert "reboot this host" in done.stderr
    assert system.calls() == COMMANDS
    after = system.state()
    assert after["etc/default/grub"][0] == 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'
    assert after["etc/default/grub"][1:] == before["etc/default/grub"][1:]
    assert 'intel_iommu=on" # nestpci\n' in after["etc/default/grub.d/zz-nestpci.cfg"][0]
    assert after["etc/modprobe.d/nestpci.conf"][0].endswith("options kvm_intel nested=1\n")
    assert system.undo().returncode == 0
    assert system.calls() == COMMANDS * 2
    assert (system.state(), system.times()) == (before, times)


def test_applying_twice_is_applying_once(system):
    assert system.apply().returncode == 0
    after = system.state()
    again = system.apply()
    assert (again.returncode, again.stderr) == (0, "nestpci: apply: nothing to do: it is so already\n")
    assert (system.state(), system.entries(), system.calls()) == (after, ["1"], COMMANDS)


def test_what_was_configured_but_never_generated_is_generated(system):
    system.put("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on"\n')
    system.put("boot/grub/grub.cfg", "menuentry 'Linux' {\n\tlinux /vmlinuz-6.1.0-21-amd64 root=/dev/sda1 quiet\n}\n")
    done = system.apply("--set-kernel-parameter", "intel_iommu=on")
    assert (done.returncode, system.calls()) == (0, ["update-grub"])


def test_an_option_that_a_later_file_sets_otherwise_is_refused(system):
    system.put("etc/modprobe.d/zz-kvm.conf", "options kvm-intel nested=0\n")
    before = system.state()
    done = system.apply("--set-module-option", "kvm_intel.nested=1")
    assert (done.returncode, "/etc/modprobe.d/zz-kvm.conf:1 sets nested=0" in done.stderr) == (3, True), done.stderr
    assert system.state() == before
    system.put("etc/modprobe.d/zz-kvm.conf", "options kvm ignore_msrs=0\n")
    system.put("etc/modprobe.d/kvm.conf", "options kvm-intel nested=0\n")
    assert system.apply("--set-module-option", "kvm_intel.nested=1").returncode == 0


@pytest.mark.parametrize("number", [1, 2])
def test_a_command_that_fails_takes_back_what_was_done(system, number):
    before, times = system.state(), system.times()
    (system.here / "FAIL").write_text(f"{number}\n")
    done = system.apply()
    assert done.returncode == 3
    assert "told to fail" in done.stderr and "nothing was changed" in done.stderr
    assert (system.state(), system.times()) == (before, times)
    # What may have been generated was generated again.
    assert system.calls() == COMMANDS[:number] * 2
    assert "undone: run chroot" in system.run("log").stdout


def test_taking_back_that_fails_is_finished_later(system):
    before = system.state()
    (system.here / "BROKEN").write_text("update-initramfs")
    done = system.apply()
    assert done.returncode == 4
    assert "done in part" in done.stderr
    (system.here / "BROKEN").unlink()
    assert system.undo().returncode == 0
    assert system.state() == before


def test_a_program_that_fails_for_good_holds_nothing_up(system):
    """update-grub is broken when it is time to go back: there is a way on, and it is told."""
    old = system.state()
    assert system.apply().returncode == 0
    (system.here / "BROKEN").write_text("update-grub")
    done = system.undo()
    assert done.returncode == 4
    assert "fake update-grub: broken" in done.stderr and "'nestpci undo --skip-failed'" in done.stderr
    # Nothing else is changed before this is settled: again, and by whatever is tried.
    again = system.apply()
    assert (again.returncode, "'nestpci undo --skip-failed'" in again.stderr) == (4, True)
    assert system.undo().returncode == 4
    skipped = system.undo("--skip-failed")
    assert skipped.returncode == 4
    assert "which is yours to do once it works: run chroot" in skipped.stderr
    assert "passed over while it was taken back" in system.run("log").stdout
    now = system.state()
    assert {name: now[name] for name in now if name != "boot/grub/grub.cfg"} == \
        {name: old[name] for name in old if name != "boot/grub/grub.cfg"}
    (system.here / "BROKEN").unlink()
    assert "nothing to do" in system.undo().stderr
    assert system.apply("--set-kernel-parameter", "iommu=pt").returncode == 0


def test_a_program_that_works_again_finishes_it(system):
    old = system.state()
    assert system.apply().returncode == 0
    (system.here / "BROKEN").write_text("update-initramfs update-grub")
    assert system.undo().returncode == 4
    (system.here / "BROKEN").unlink()
    done = system.run("apply", "--yes", "--continue")
    assert (done.returncode, system.state()) == (0, old), done.stderr
    assert "undone" in system.run("log").stdout


def test_continuing_does_what_was_cut_off_and_nothing_else(system):
    before = system.state()
    done = system.run("apply", "--yes", "--continue")
    assert (done.returncode, system.state(), system.entries()) == (0, before, [])


def test_an_edit_while_it_was_half_done_is_shown_with_the_way_out(system):
    system.apply()
    (system.here / "BROKEN").write_text("update-grub")
    assert system.undo().returncode == 4
    system.put("etc/default/grub", "GRUB_TIMEOUT=1\n", 0o640)
    (system.here / "BROKEN").unlink()
    done = system.apply("--set-kernel-parameter", "iommu=pt")
    assert (done.returncode, "'nestpci undo --keep-edited'" in done.stderr) == (4, True), done.stderr
    assert system.undo("--keep-edited").returncode == 0
    assert (system.root / "etc/default/grub").read_text() == "GRUB_TIMEOUT=1\n"
    assert system.apply("--set-kernel-parameter", "iommu=pt").returncode == 0


def test_a_program_that_is_missing_is_named(system):
    (system.here / "fakes" / "chroot").unlink()
    system.environment["PATH"] = str(system.here / "fakes")
    before = system.state()
    done = system.apply()
    # The system's own chroot(8) is found in its folder; the tree has no such program.
    assert done.returncode == 4 and "update-initramfs" in done.stderr
    now = system.state()
    assert {name: now[name] for name in before} == before


def test_undo_refuses_what_was_edited_and_shows_it(system):
    system.apply()
    drop_in = system.root / "etc/default/grub.d/zz-nestpci.cfg"
    drop_in.write_text(drop_in.read_text() + "# mine\n")
    edited = system.state()
    done = system.undo()
    assert done.returncode == 3
    assert "zz-nestpci.cfg was edited since" in done.stderr and "\n+# mine\n" in done.stderr
    assert system.state() == edited
    kept = system.undo("--keep-edited")
    assert kept.returncode == 0
    assert drop_in.read_text().endswith("# mine\n")
    assert "intel_iommu=off" in (system.root / "etc/default/grub").read_text()


def test_undo_refuses_changed_permissions(system):
    system.apply()
    (system.root / "etc/default/grub").chmod(0o600)
    done = system.undo()
    assert done.returncode == 3
    assert "# /etc/default/grub: permissions 0600, were 0640" in done.stderr


def test_undo_of_an_earlier_entry_waits_for_the_later_one(system):
    system.apply("--set-kernel-parameter", "intel_iommu=on")
    system.apply("--set-kernel-parameter", "iommu=pt")
    before = system.state()
    assert system.undo("1").returncode == 3
    assert system.state() == before
    assert system.undo().returncode == 0
    assert system.undo().returncode == 0
    assert "nothing to do" in system.undo().stderr
    assert "nothing to do" in system.undo("1").stderr
    assert system.undo("7").returncode == 3


def test_ten_at_once_are_one_after_another(system):
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        done = list(pool.map(lambda _: system.apply(), range(10)))
    assert [one.returncode for one in done] == [0] * 10, [one.stderr for one in done]
    assert (system.entries(), system.calls()) == (["1"], COMMANDS)
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        done = list(pool.map(lambda number: system.apply("--set-kernel-parameter", f"p{number}=1"), range(10)))
    assert [one.returncode for one in done] == [0] * 10
    drop_in = (system.root / "etc/default/grub.d/zz-nestpci.cfg").read_text()
    assert sorted(word for word in drop_in.replace('"', " ").split() if word.startswith("p")) == sorted(
        f"p{number}=1" for number in range(10))


def test_it_asks_nobody_who_is_not_there(system):
    for verb in (["apply", "--load-module", "vfio-pci"], ["undo"]):
        done = system.run(*verb)
        assert (done.returncode, "--yes" in done.stderr) == (2, True)
    assert system.entries() == []


def on_a_terminal(system, answer, before_answer=lambda: None):
    """Runs apply on a terminal, and answers its question."""
    leader, follower = pty.openpty()
    words = [system.nestpci, "apply", "--root", system.root, "--set-kernel-parameter", "iommu=pt"]
    with subprocess.Popen(words, stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=system.environment) as program:
        os.close(follower)
        said = ""
        while not said.endswith("[y/N] "):
            said += program.stderr.read(1)
        before_answer()
        os.write(leader, answer)
        output, errors = program.communicate(timeout=30)
    os.close(leader)
    return program.returncode, output, errors


def test_the_answer_decides(system):
    before = system.state()
    status, output, _ = on_a_terminal(system, b"n\n")
    assert (status, system.state()) == (1, before)
    assert "+++ /etc/default/grub.d/zz-nestpci.cfg" in output
    status, _, _ = on_a_terminal(system, b"y\n")
    assert (status, system.calls()) == (0, ["update-grub"])


def test_ground_that_moved_while_it_asked_stops_it(system):
    status, _, errors = on_a_terminal(system, b"y\n", lambda: system.put("etc/default/grub.d/zz-nestpci.cfg", "X=1\n"))
    assert status == 3
    assert "edited since the plan was made" in errors and "\n+X=1\n" in errors
    assert system.calls() == []


def test_a_signal_stops_it_and_takes_back_what_was_done(system):
    before = system.state()
    script = system.here / "fakes" / "chroot"
    script.rename(script.with_name("real"))
    script.write_text('#!/bin/sh\n[ -e "$0.was" ] || { : >"$0.was"; kill $PPID; sleep 60; }\nexec "${0%/*}/real" "$@"\n')
    script.chmod(0o755)
    done = system.apply()
    assert done.returncode == 3, done.stderr
    assert "interrupted" in done.stderr
    assert system.state() == before


def test_log_shows_all_and_one(system):
    system.apply()
    listed = system.run("log")
    assert listed.returncode == 0
    assert "applied\n   edit /etc/default/grub\n" in listed.stdout
    assert "run update-grub" in listed.stdout
    assert "+options kvm_intel nested=1" in system.run("log", "1").stdout
    assert '"state":"applied"' in system.run("log", "--json").stdout
    assert system.run("log", "2").returncode == 3


def test_a_damaged_entry_is_not_passed_over(system):
    system.apply()
    entry = system.root / "var/lib/nestpci/journal/1/entry.json"
    entry.write_text(entry.read_text().replace('"applied"', '"aplied"'))
    for done in (system.apply(), system.undo(), system.run("log")):
        assert (done.returncode, "entry.json: 'state'" in done.stderr) == (3, True), done.stderr


@pytest.mark.parametrize("kind", ["ext4", "vfat"])
def test_file_systems_keep_what_they_can(make_system, tmp_path, kind):
    """On vfat nothing has an owner, permissions or attributes of its own; on ext4 all of it stays."""
    maker = shutil.which(f"mkfs.{kind}", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if os.geteuid() != 0 or not maker:
        pytest.skip(f"mounting needs root, and mkfs.{kind}")
    image, place = tmp_path / "image", tmp_path / "mounted"
    place.mkdir()
    image.write_bytes(b"")
    os.truncate(image, 32 << 20)
    subprocess.run([maker, image], check=True, capture_output=True)
    mounted = subprocess.run(["mount", "-o", "loop", image, place], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount {kind} here: {mounted.stderr.strip()}")
    try:
        system = make_system(pathlib.Path(place)).make_debian()
        if kind == "ext4":
            os.setxattr(system.root / "etc/default/grub", "user.kept", b"\0value")
            os.chown(system.root / "etc/default/grub", 12, 34)
        before = system.state()
        assert system.apply().returncode == 0
        assert system.state()["etc/default/grub"][1:] == before["etc/default/grub"][1:]
        assert system.undo().returncode == 0
        assert system.state() == before
    finally:
        subprocess.run(["umount", place], check=True)
