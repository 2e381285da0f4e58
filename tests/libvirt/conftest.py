# SPDX-License-Identifier: GPL-2.0-or-later
"""A real libvirtd for these tests alone (daemons.py), and ways to speak with it."""
import json
import os
import pathlib
import shutil
import subprocess
import uuid

import pytest

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ["/usr/sbin/libvirtd", "/usr/sbin/virtlogd", "virsh", "qemu-system-x86_64", "unshare", "nsenter"]


class Libvirt:
    """One libvirtd. Programs run in its mount namespace, where everything of libvirt's is at its usual place."""

    def __init__(self, folder, nestpci):
        self.folder = folder
        self.nestpci = nestpci
        self.supervisor = subprocess.Popen(
            ["unshare", "--mount", "--net", "/usr/bin/python3", "-I", "-B", str(HERE / "daemons.py"), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.supervisor.stdout.readline() == "ready\n"

    def daemon(self, command):
        """start, kill, stop, freeze, thaw: see daemons.py."""
        self.supervisor.stdin.write(command + "\n")
        self.supervisor.stdin.flush()
        answer = self.supervisor.stdout.readline()
        assert answer == "done\n", answer

    def close(self):
        self.supervisor.stdin.close()
        self.supervisor.wait(60)

    def words(self, *words):
        return ["nsenter", f"--mount=/proc/{self.supervisor.pid}/ns/mnt", f"--wd={os.getcwd()}", *map(str, words)]

    def run(self, *words, check=True, timeout=120, **more):
        """A program, beside the daemon."""
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.folder),
                       **more.pop("env", {})}
        done = subprocess.run(self.words(*words), capture_output=True, text=True, timeout=timeout, check=False,
                              env=environment, **more)
        assert not check or done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return done

    def virsh(self, *words, **more):
        return self.run("virsh", "--quiet", "--connect", "qemu:///system", *words, **more).stdout

    def nest(self, *words, **more):
        """nestpci itself."""
        return self.run(self.nestpci, *words, check=False, **more)

    def ask(self, operation, **members):
        """The helper, asked directly: its result, or its error as (errno, text)."""
        request = {"operation": operation, "uri": "qemu:///system", **members}
        done = self.run(self.nestpci.parent / "nestpci-libvirt", input=json.dumps(request), check=False)
        reply = json.loads(done.stdout)
        return reply.get("result") if "result" in reply else (reply["error"]["errno"], reply["error"]["text"])

    def define(self, xml):
        path = self.folder / "domain.xml"
        path.write_text(xml)
        self.virsh("define", path)

    def definition(self, name):
        return self.virsh("dumpxml", "--inactive", "--security-info", name)

    def file(self, name):
        """What the daemon stores."""
        return (self.folder / f"etc/libvirt/qemu/{name}.xml").read_text()

    def remove(self, name):
        self.virsh("destroy", name, check=False)
        self.virsh("undefine", name, "--managed-save", "--snapshots-metadata", "--nvram", check=False)


@pytest.fixture(scope="session")
def libvirtd(tmp_path_factory, nestpci):
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        pytest.skip("not installed: " + ", ".join(missing))
    if os.geteuid() != 0:
        pytest.skip("a private libvirtd needs root, for a mount namespace")
    # A path that is short enough for sockets.
    folder = pathlib.Path(subprocess.run(["mktemp", "-d", "/tmp/nestpci-libvirt-XXXXXX"], capture_output=True, text=True,
                                         check=True).stdout.strip())
    daemon = Libvirt(folder, nestpci)
    try:
        daemon.daemon("start")
        yield daemon
    finally:
        daemon.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def libvirt(libvirtd):
    """The daemon, running, with no domains in it; those of a test are taken away after it."""
    libvirtd.daemon("start")
    yield libvirtd
    libvirtd.daemon("start")
    for name in libvirtd.virsh("list", "--all", "--name").split():
        libvirtd.remove(name)


def domain_xml(name, machine="q35", devices="", head="", kind="qemu", memory=128):
    """A small domain of TCG's; `head` stands before <devices>."""
    return f"""<domain type='{kind}'>
  <name>{name}</name>
  <uuid>{uuid.uuid5(uuid.NAMESPACE_DNS, name)}</uuid>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='{machine}'>hvm</type>
  </os>
  {head}
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    {devices}
  </devices>
</domain>
"""
