# SPDX-License-Identifier: GPL-2.0-or-later
"""A node of Proxmox VE: a live system of its own in namespaces of mounts and processes, with the fakes of this folder.

/etc, /var/lib, /run, /sys and /usr/bin are its own; /sys is that of tests/hosts/server (an Intel host with a GPU of two
functions in one group). Nothing of it is left when its first process is killed.
"""
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent

VERSIONS = {  # of qemu-server and of pve-qemu-kvm
    "7.4": ("7.4-2", "7.2.0-8"),
    "8.4": ("8.4.10", "9.2.0-7"),
    "8.3": ("8.3.0", "9.0.2-4"),
    "9.2": ("9.2.6", "11.0.0-2"),
}

ENTER = """
set -e
mount --make-rprivate /
mount --bind /usr/bin "$1/run/realbin"
mount --bind "$1/sys" /sys
mount --bind "$1/var-lib" /var/lib
mount --bind "$1/etc" /etc
mount --rbind "$1/run" /run
mount --bind "$1/usr-bin" /usr/bin
echo ready
exec "$2" /run/fake/qm
"""

READY = "name: l1\nmemory: 2048\nostype: l26\ncpu: host\nbios: ovmf\nefidisk0: local-lvm:vm-101-disk-0,efitype=4m,size=4M\n" \
        "scsi0: local-lvm:vm-101-disk-1,size=32G\nmachine: q35\n"


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.out}--- stderr\n{self.err}"


class Node:
    def __init__(self, here, build, qemu, release):
        self.here = here
        self.build = build
        self.qemu = qemu
        self.environment = {"PATH": "/run/fake:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/tmp"}
        self.make_tree(release)
        self.init = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", ENTER, "enter",
             str(here), str(HERE / "fake-qmeventd")], stdout=subprocess.PIPE, text=True)
        assert self.init.stdout.readline() == "ready\n", "no namespaces to be had"
        children = pathlib.Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children").read_text().split()
        self.inside = int(children[0])
        self.wait_for(lambda: (here / "run/qmeventd.sock").exists(), "qmeventd")

    def make_tree(self, release):
        here = self.here
        for name in ("etc/pve/nodes/pve1/qemu-server", "etc/pve/ha", "var-lib/dpkg/info", "run/qemu-server", "run/lock",
                     "run/fake/volumes", "run/realbin", "usr-bin"):
            (here / name).mkdir(parents=True)
        (here / "etc/pve/local").symlink_to("nodes/pve1")
        for name in ("passwd", "group", "ld.so.cache", "nsswitch.conf", "dpkg"):
            source = pathlib.Path("/etc") / name
            if source.is_dir():
                shutil.copytree(source, here / "etc" / name, symlinks=True)
            elif source.exists():
                shutil.copy(source, here / "etc" / name)
        shutil.copytree("/etc/alternatives", here / "etc/alternatives", symlinks=True)
        (here / "etc/hostname").write_text("pve1\n")
        shutil.copytree(TREE / "tests/hosts/server/sys", here / "sys", symlinks=True,
                        ignore=shutil.ignore_patterns(".keep"))
        for program in os.listdir("/usr/bin"):
            (here / "usr-bin" / program).symlink_to(f"/run/realbin/{program}")
        # As package pve-qemu-kvm has it: a link.
        for name in ("kvm", "qemu-system-x86_64"):
            (here / "usr-bin" / name).unlink(missing_ok=True)
        shutil.copy(HERE / "fake-kvm", here / "usr-bin/qemu-system-x86_64")
        (here / "usr-bin/kvm").symlink_to("qemu-system-x86_64")
        shutil.copy(HERE / "fake-qm", here / "run/fake/qm")
        shutil.copy(self.qemu, here / "run/fake/qemu-system-x86_64")
        (here / "var-lib/dpkg/diversions").write_text("")
        self.set_release(release)

    def set_release(self, release):
        server, qemu = VERSIONS[release]
        packages = {"qemu-server": server, "pve-qemu-kvm": qemu, "pve-manager": f"{release}.1", "dpkg": "1.21.22"}
        (self.here / "var-lib/dpkg/status").write_text("".join(
            f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"
            for name, version in packages.items()))

    def close(self):
        self.init.kill()
        self.init.wait()
        self.init.stdout.close()

    # ---- Running things ----

    def enter(self, words, **more):
        command = ["nsenter", f"--target={self.inside}", "--mount", "--pid", *map(str, words)]
        return subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, text=True, cwd="/", **more)

    def run(self, *words, timeout=60):
        process = self.enter(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{words} did not end:\n{out}\n{err}") from None
        return Result(subprocess.CompletedProcess(words, process.returncode, out, err))

    def nestpci(self, *words, **more):
        return self.run(self.build / "nestpci", *words, **more)

    def start_nestpci(self, *words):
        return self.enter([self.build / "nestpci", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def qm(self, *words):
        result = self.run("qm", *words)
        assert result.status == 0, result
        return result.out

    @staticmethod
    def wait_for(holds, what, seconds=20):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"{what} did not come about"
            time.sleep(0.005)

    # ---- VMs ----

    def conf(self, vmid=101, node="pve1"):
        return self.here / f"etc/pve/nodes/{node}/qemu-server/{vmid}.conf"

    def put(self, text=READY, vmid=101, node="pve1"):
        path = self.conf(vmid, node)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def get(self, key, vmid=101):
        """As the next start uses it."""
        match = re.search(rf"^{key}: (.*)$", self.qm("config", vmid), re.M)
        return match and match.group(1)

    def pid(self, vmid=101):
        """Inside."""
        try:
            pid = int((self.here / f"run/qemu-server/{vmid}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if self.run("test", "-d", f"/proc/{pid}").status == 0 else None

    def line(self, vmid=101):
        """Words of the running QEMU."""
        return self.run("cat", f"/proc/{self.pid(vmid)}/cmdline").out.split("\0")

    def power_off(self, vmid=101):
        """As the guest itself does it."""
        assert self.run("kill", "-TERM", self.pid(vmid)).status == 0

    # ---- Faults, and what was seen ----

    def fault(self, *lines):
        (self.here / "run/fake/faults").write_text("".join(line + "\n" for line in lines))

    def calls(self):
        path = self.here / "run/fake/calls"
        return path.read_text().splitlines() if path.exists() else []

    def sets(self):
        return [call for call in self.calls() if call.startswith("qm set")]

    def times(self, what):
        return [float(call.rsplit(" ", 1)[1]) for call in self.calls() if call.startswith(what)]


@pytest.fixture(scope="session")
def fake_qemu(tmp_path_factory):
    allowed = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"], capture_output=True)
    if allowed.returncode:
        pytest.skip(f"no namespaces to be had: {allowed.stderr.decode().strip()}")
    program = tmp_path_factory.mktemp("fake") / "fake-qemu"
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-o", program, HERE / "fake-qemu.c"],
                   check=True)
    return program


@pytest.fixture
def make_node(tmp_path, build, fake_qemu):
    nodes = []

    def make(release="9.2"):
        here = tmp_path / f"node{len(nodes)}"
        here.mkdir()
        nodes.append(Node(here, build, fake_qemu, release))
        return nodes[-1]

    yield make
    for node in nodes:
        node.close()


@pytest.fixture
def node(make_node):
    node = make_node()
    node.put()
    return node
