# SPDX-License-Identifier: GPL-2.0-or-later
"""
A disk with a real Debian on it, for machines that boot by a boot loader: two kernels with initramfs-tools, GRUB for BIOS
and for UEFI, an ESP, and as init a script that runs what a test tells it (tests/guest/debian-init.sh). What there is to
mend: GRUB switches the IOMMU off.

The packages come from where this machine's own come from. The disk is built once and kept, under a name that changes
with the versions of the packages and with the files here.
"""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

import debian_vm

GUEST = pathlib.Path(__file__).resolve().parent.parent / "guest"
KERNEL = "linux-image-cloud-amd64"
PACKAGES = ["busybox", "dosfstools", "e2fsprogs", "fdisk", "grub-common", "grub-efi-amd64-bin", "grub-pc-bin", "grub2-common",
            "initramfs-tools", "kmod", "logsave", "systemd-boot-efi", "udev", "zstd"]
NEEDED = ["apt-cache", "debugfs", "e2fsck", "fsck.vfat", "mkfs.ext4", "mkfs.vfat", "mmdebstrap", "mtype", "qemu-img",
          "qemu-system-x86_64", "sfdisk"]

SECTOR = 512
MIB = 1 << 20
ESP_UUID = "1AB0-1AB0"
ESP_START, ESP_SIZE = 2 * MIB, 96 * MIB
ROOT_START, ROOT_SIZE = ESP_START + ESP_SIZE, 900 * MIB
# sfdisk's words. The first holds what GRUB for BIOS has behind the boot sector; the end is for the backup of the table.
TABLE = f"""label: gpt
start={MIB // SECTOR}, size={MIB // SECTOR}, type=21686148-6449-6E6F-744E-656564454649
start={ESP_START // SECTOR}, size={ESP_SIZE // SECTOR}, type=C12A7328-F81F-11D2-BA4B-00C04FC93EC9
start={ROOT_START // SECTOR}, size={ROOT_SIZE // SECTOR}, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
"""

# What an emulated processor need not do, as in the lab's own machines.
QUICK = "mitigations=off nokaslr tsc=reliable no_timer_check cryptomgr.notests"
FILES = {
    "etc/default/grub": f"""GRUB_DEFAULT=saved
GRUB_TIMEOUT=0
GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"
GRUB_CMDLINE_LINUX="console=ttyS0 {QUICK}"
GRUB_TERMINAL=console
""",
    "etc/fstab": f"LABEL=root / ext4 errors=remount-ro 0 1\nUUID={ESP_UUID} /boot/efi vfat umask=0077 0 0\n",
    "etc/initramfs-tools/conf.d/small": "MODULES=list\n",
    "etc/hostname": "grub\n",
}


def reason_to_skip():
    if os.geteuid() != 0:
        return "putting up a Debian's files needs root"
    missing = [name for name in NEEDED if not shutil.which(name)]
    if not debian_vm.OVMF.exists():
        missing.append("OVMF")
    return f"not there: {', '.join(missing)}" if missing else None


def output(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout


def sources():
    """This machine's sources of Debian, as lines of sources.list, and the codename of the release."""
    fields = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(CODENAME)"
    found = [line.split() for line in output("apt-get", "indextargets", "--format", fields, "Created-By: Packages",
                                             "Origin: Debian").splitlines()]
    assert found, "apt knows no source of Debian's: run apt-get update"
    return [f"deb {uri} {release} {component}" for uri, release, component, _ in found], found[0][3]


def kernels():
    """The packages of two kernels: of the newest versions of the meta-package, or else an ordinary one as the second."""
    text = output("apt-cache", "show", KERNEL)
    found = list(dict.fromkeys(re.findall(r"^Depends: (linux-image-\S+)", text, re.MULTILINE)))
    if len(found) < 2:
        text = output("apt-cache", "show", KERNEL.replace("-cloud", ""))
        found += re.findall(r"^Depends: (linux-image-\S+)", text, re.MULTILINE)[:1]
    return found[:2]


def key_of(packages):
    """Of the versions of all packages, and of all that goes onto the disk."""
    versions = re.findall(r"^(\S+):\n.*\n +Candidate: (.*)", output("apt-cache", "policy", *packages), re.MULTILINE)
    assert len(versions) == len(packages), versions
    digest = hashlib.sha256(repr(sorted(versions)).encode())
    for path in (pathlib.Path(__file__), GUEST / "debian-init.sh"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def put_up_tree(tree, packages):
    lines, codename = sources()
    unwanted = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")]
    # Before the kernels' scripts make the initramfs, and look for what mounts "/".
    files = [f"--essential-hook=mkdir -p $1/{os.path.dirname(name)}" for name in FILES]
    files += [f"--essential-hook=printf '%s' '{text}' >$1/{name}" for name, text in FILES.items()]
    subprocess.run(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}",
                    "--aptopt=Apt::Install-Recommends \"false\"", *unwanted, *files, codename, tree, *lines], check=True)
    shutil.copy(GUEST / "debian-init.sh", tree / "usr/sbin/init")
    (tree / "usr/sbin/init").chmod(0o755)
    (tree / "boot/efi").mkdir()


def make_disk(disk, tree):
    disk.touch()
    os.truncate(disk, ROOT_START + ROOT_SIZE + MIB)
    subprocess.run(["sfdisk", "--quiet", disk], input=TABLE, text=True, check=True)
    # Small clusters: UEFI takes a file system with few of them for FAT16.
    subprocess.run(["mkfs.vfat", "-F", "32", "-s", "2", "-i", ESP_UUID.replace("-", ""), "--offset",
                    str(ESP_START // SECTOR), disk, str(ESP_SIZE // 1024)], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-L", "root", "-d", tree, "-E", f"offset={ROOT_START}", disk,
                    f"{ROOT_SIZE // 1024}k"], check=True)


def install_grub(disk, tree, folder):
    """GRUB is installed by itself, in the machine that it will boot; that one is started without it."""
    kernel = sorted((tree / "boot").glob("vmlinuz-*"))[-1]
    direct = ["-kernel", kernel, "-initrd", str(kernel).replace("vmlinuz", "initrd.img"), "-append",
              f"root=LABEL=root console=ttyS0 {QUICK}"]
    with debian_vm.Machine(folder, disk, disk_format="raw", options=direct) as machine:
        machine.wait_ready()
        machine.ok("grub-install --target=i386-pc /dev/nvme0n1")
        machine.ok("grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram")
        machine.ok("update-grub")
        machine.power_off()


def build(disk):
    partial = disk.with_suffix(".partial")
    work = disk.with_suffix(".work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    partial.unlink(missing_ok=True)
    put_up_tree(work / "tree", [*PACKAGES, *kernels()])
    make_disk(partial, work / "tree")
    install_grub(partial, work / "tree", work)
    shutil.rmtree(work)
    partial.rename(disk)


@contextlib.contextmanager
def locked(path):
    with open(path, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def get(cache):
    """The disk's path; it is not to be written to."""
    cache.mkdir(parents=True, exist_ok=True)
    disk = cache / f"debian-disk-{key_of([*PACKAGES, *kernels()])}.img"
    with locked(cache / "debian-disk.lock"):
        if not disk.exists():
            for old in cache.glob("debian-disk-*.img"):
                old.unlink()
            build(disk)
    return disk
