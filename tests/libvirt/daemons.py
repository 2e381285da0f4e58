#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""daemons.py FOLDER: real virtlogd and libvirtd with nothing of this machine's.

To be run by `unshare --mount --net`. Whatever libvirt and nestpci call their own (/etc/libvirt, /run/libvirt, ...) is a folder below
FOLDER here, so that programs started in this mount namespace (nsenter --mount) find it at its real place, and others at
FOLDER/run/libvirt/libvirt-sock. Reads commands from standard input, a line each, and answers each with one line:

  start          both daemons; those that run stay
  kill           SIGKILL to libvirtd; its VMs go on
  stop           SIGTERM to libvirtd, and waits for it
  freeze, thaw   SIGSTOP and SIGCONT to libvirtd

At the end of its input, however that came about, it kills all that runs below it, VMs too. Orphans become its children
(libvirt's QEMUs are), and it must see them off: libvirt waits for a QEMU to be gone, and a zombie is not.
"""
import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
OWN = ["/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt", "/run/libvirt", "/var/lib/nestpci"]

QEMU_CONF = """
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = [ ]
cgroup_controllers = [ ]
stdio_handler = "logd"
"""
LIBVIRTD_CONF = """
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
log_filters = "1:qemu.qemu_driver 3:*"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
"""


def prepare(folder):
    for path in OWN:
        place = folder / path.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--bind", place, path], check=True)
    pathlib.Path("/etc/libvirt/qemu.conf").write_text(QEMU_CONF)
    pathlib.Path("/etc/libvirt/libvirtd.conf").write_text(LIBVIRTD_CONF)
    pathlib.Path("/etc/libvirt/virtlogd.conf").write_text("")


def answers(socket):
    import socket as sockets
    try:
        with sockets.socket(sockets.AF_UNIX) as client:
            client.connect(socket)
        return True
    except OSError:
        return False


class Daemons:
    def __init__(self, folder):
        self.folder = folder
        self.pids = {}
        self.gone = set()
        signal.signal(signal.SIGCHLD, self.see_off)

    def see_off(self, *_):
        try:
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                self.gone.add(pid)
        except ChildProcessError:
            pass

    def runs(self, name):
        return name in self.pids and self.pids[name] not in self.gone

    def launch(self, name, socket):
        if self.runs(name):
            return
        log = self.folder / f"{name}.out"
        with open(log, "ab") as output:
            words = [f"/usr/sbin/{name}", "--pid-file", f"/run/libvirt/{name}.pid"]
            self.pids[name] = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                               start_new_session=True).pid
        end = time.monotonic() + 60
        while not answers(socket):
            if not self.runs(name) or time.monotonic() > end:
                raise RuntimeError(log.read_text()[-500:].replace("\n", "; "))
            time.sleep(0.02)

    def start(self):
        self.launch("virtlogd", "/run/libvirt/virtlogd-sock")
        self.launch("libvirtd", "/run/libvirt/libvirt-sock")

    def signal(self, number):
        os.kill(self.pids["libvirtd"], number)
        while number in (signal.SIGKILL, signal.SIGTERM) and self.runs("libvirtd"):
            time.sleep(0.02)

    def do(self, command):
        signals = {"kill": signal.SIGKILL, "stop": signal.SIGTERM, "freeze": signal.SIGSTOP, "thaw": signal.SIGCONT}
        if command == "start":
            self.start()
        else:
            self.signal(signals[command])


def descendants(pid):
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from descendants(child)


def kill_all():
    """What is killed may have had children, which are ours then."""
    while children := list(descendants(os.getpid())):
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def main(folder):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prepare(folder)
    # A signal to the whole process group must not end it before it has killed what is below it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    daemons = Daemons(folder)
    try:
        print("ready", flush=True)
        for line in sys.stdin:
            try:
                daemons.do(line.strip())
                print("done", flush=True)
            except (OSError, RuntimeError, KeyError) as problem:
                print(f"failed: {problem}", flush=True)
    finally:
        kill_all()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
