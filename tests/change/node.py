# SPDX-License-Identifier: GPL-2.0-or-later
"""A node of its own for real dpkg, nestpci and the wrapper: a root directory in a mount namespace, never this machine's."""
import os
import pathlib
import shutil
import subprocess

PROGRAMS = ("dash", "dpkg", "dpkg-deb", "dpkg-divert", "dpkg-query", "dpkg-split", "diff", "tar", "rm", "touch", "cat", "sleep",
            "true", "false")
SHARED = ("usr/lib", "usr/lib64", "usr/sbin", "usr/share/dpkg")

# Says which it is, as QEMU does, and what it was given. No script: its interpreter would open it by name a second time.
FAKE_QEMU = r"""
#include <stdio.h>
#include <string.h>
int main(int count, char **words)
{
	if (count > 1 && strcmp(words[1], "--version") == 0)
		return printf("QEMU emulator version %d.0 (pve-qemu-kvm_%d.0-1)\n", VERSION, VERSION) < 0;
	for (int i = 1; i < count; i++)
		puts(words[i]);
	return 0;
}
"""


def why_not():
    """Why there can be no such node here, or None."""
    if os.geteuid() != 0:
        return "a root directory of its own needs root"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        return "no mount namespaces here"
    missing = [name for name in PROGRAMS if not shutil.which(name, path="/usr/bin")]
    return f"not here: {', '.join(missing)}" if missing else None


def make_package(folder, version, target="qemu-system-x86_64"):
    """pve-qemu-kvm as far as it matters: QEMU, and kvm as a link to it."""
    tree = folder / f"pve-qemu-kvm-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: pve-qemu-kvm\nVersion: {version}.0-1\nArchitecture: all\nMaintainer: a test <test@example.org>\n"
        "Description: stands for QEMU\n")
    (tree / "usr/bin").mkdir(parents=True)
    program = tree / "usr/bin" / target
    subprocess.run(["gcc", "-static", "-O1", "-s", f"-DVERSION={version}", "-x", "c", "-o", program, "-"], check=True,
                   input=FAKE_QEMU, text=True)
    (tree / "usr/bin/kvm").symlink_to(target)
    time = 1_500_000_000 + 1000 * version
    for path in (program, tree / "usr/bin/kvm"):
        os.utime(path, (time, time), follow_symlinks=False)
    package = folder / f"pve-qemu-kvm_{version}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, package], check=True, capture_output=True)
    return package


class Node:
    def __init__(self, root, nestpci):
        self.root = root
        for name in ("usr/bin", "etc/dpkg/dpkg.cfg.d", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log", "tmp",
                     "proc", "dev", *SHARED):
            (root / name).mkdir(parents=True, exist_ok=True)
        for name in ("bin", "lib", "lib64", "sbin"):
            (root / name).symlink_to(f"usr/{name}")
        for name in ("status", "diversions"):
            (root / "var/lib/dpkg" / name).touch()
        (root / "dev/null").touch()
        os.utime(root / "dev/null", (0, 0))
        for name in PROGRAMS:
            shutil.copy2(f"/usr/bin/{name}", root / "usr/bin" / name)
        (root / "usr/bin/sh").symlink_to("dash")
        os.utime(root / "usr/bin/sh", (0, 0), follow_symlinks=False)
        shutil.copy2(nestpci, root / "usr/bin/nestpci")

    def command(self, *words, prefix=()):
        mounts = [f"mount --rbind /{name} '{self.root}/{name}'" for name in ("proc", "dev/null", *SHARED)
                  if pathlib.Path("/", name).exists()]
        script = " && ".join([*mounts, "exec \"$@\""])
        return ["unshare", "--mount", "sh", "-c", script, "sh", *prefix, "chroot", self.root, *words]

    def run(self, *words, **more):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        return subprocess.run(self.command(*words), env=environment, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False, **more)

    def must(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def install(self, package):
        shutil.copy(package, self.root / "tmp/package.deb")
        self.must("dpkg", "-i", "/tmp/package.deb")
        (self.root / "tmp/package.deb").unlink()

    def kvm(self, *words):
        return self.run("/usr/bin/kvm", *words)

    def version(self):
        return self.kvm("--version").stdout.split("version ")[1].split(".")[0]

    def time(self, name="usr/bin/kvm"):
        return (self.root / name).stat().st_mtime

    def tree(self):
        """All that is not dpkg's own memory or nestpci's journal; of folders only that they are there."""
        result = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if name.startswith(("var/lib/dpkg", "var/lib/nestpci", "var/log")):
                continue
            status = path.lstat()
            what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
            times = status.st_mtime_ns if path.is_file() else 0
            result[name] = (oct(status.st_mode), status.st_uid, status.st_gid, what, times)
        return result
