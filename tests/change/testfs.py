# SPDX-License-Identifier: GPL-2.0-or-later
"""
A file system in memory, by FUSE, for tests: testfs.py KIND MOUNT SOURCE CUTS

SOURCE is copied into it first. Three kinds:

  power    Whenever something was changed, what a power failure could leave then is written to a folder of its own below
           CUTS: what was synced and nothing else; everything; and all names, but of files only the content that was
           synced. (POSIX promises no more than the first; journaling file systems may give any of them.)
  pmxcfs   What Proxmox VE's cluster file system does not do (facts of its source and manual): no links, no extended
           attributes, permissions and owner are what it gives (chmod to 0640 or 0600 and chown to root:www-data are
           taken, and ignored), no file above 1 MiB; while a file CUTS/no-quorum is there nothing can be written (EACCES).
  sysfs    Attributes: what is written replaces the whole, and of words that are to choose from it chooses one (EINVAL:
           there is no such word). Nothing is made, renamed or removed. What was written is gone with the mount.
"""
import errno
import hashlib
import os
import pathlib
import stat
import sys
import time

import fusepy as fuse

LIMIT = 1024 * 1024
WWW_DATA = 33


class Node:
    def __init__(self, mode, uid=0, gid=0):
        self.mode, self.uid, self.gid = mode, uid, gid
        self.mtime = time.time_ns()
        self.data = bytearray()
        self.names = {}
        self.keep()

    def is_folder(self):
        return stat.S_ISDIR(self.mode)

    def keep(self):
        """Synced."""
        self.kept = (bytes(self.data), self.mode, self.uid, self.gid, self.mtime)
        self.kept_names = dict(self.names)


def load(path):
    status = path.stat()
    node = Node(status.st_mode, status.st_uid, status.st_gid)
    if path.is_dir():
        node.names = {child.name: load(child) for child in path.iterdir()}
    else:
        node.data = bytearray(path.read_bytes())
    node.mtime = status.st_mtime_ns
    node.keep()
    return node


def digest(node, names, data, into):
    into.update(repr((node.mode, len(node.names if names else node.kept_names))).encode())
    for name, child in sorted((node.names if names else node.kept_names).items()):
        into.update(name.encode() + b"\0")
        if child.is_folder():
            digest(child, names, data, into)
        else:
            into.update(repr(child.kept[:4] if not data else
                             (bytes(child.data), child.mode, child.uid, child.gid)).encode())
    into.update(b"/")


def write_out(node, path, names, data):
    path.mkdir(parents=True)
    for name, child in (node.names if names else node.kept_names).items():
        place = path / name
        if child.is_folder():
            write_out(child, place, names, data)
            continue
        content, mode, uid, gid, mtime = child.kept
        if data:
            content, mode, uid, gid, mtime = bytes(child.data), child.mode, child.uid, child.gid, child.mtime
        place.write_bytes(content)
        os.chown(place, uid, gid)
        place.chmod(stat.S_IMODE(mode))
        os.utime(place, ns=(mtime, mtime))


class Memory(fuse.Operations):
    use_ns = True

    def __init__(self, source, cuts):
        self.root = load(source)
        self.cuts = cuts
        self.seen = set()
        self.count = 0

    # --- What a kind is about ---

    def changed(self):
        """After each change."""

    def may_change(self):
        """Before each change."""

    # --- Places ---

    def find(self, path):
        node = self.root
        for part in pathlib.PurePosixPath(path).parts[1:]:
            if part not in node.names:
                raise fuse.FuseOSError(errno.ENOENT)
            node = node.names[part]
        return node

    def parent(self, path):
        return self.find(os.path.dirname(path)), os.path.basename(path)

    # --- Reading ---

    def getattr(self, path, fh=None):
        node = self.find(path)
        return {"st_mode": node.mode, "st_uid": node.uid, "st_gid": node.gid, "st_size": len(node.data),
                "st_mtime": node.mtime, "st_atime": node.mtime, "st_ctime": node.mtime,
                "st_nlink": 2 if node.is_folder() else 1}

    def readdir(self, path, fh):
        return [".", "..", *self.find(path).names]

    def read(self, path, size, offset, fh):
        return bytes(self.find(path).data[offset:offset + size])

    def open(self, path, flags):
        if flags & (os.O_WRONLY | os.O_RDWR):
            self.may_change()
        self.find(path)
        return 0

    # --- Changing ---

    def add(self, path, node):
        self.may_change()
        folder, name = self.parent(path)
        folder.names[name] = node
        self.changed()

    def create(self, path, mode, fi=None):
        self.add(path, Node(stat.S_IFREG | stat.S_IMODE(mode)))
        return 0

    def mkdir(self, path, mode):
        self.add(path, Node(stat.S_IFDIR | stat.S_IMODE(mode)))

    def write(self, path, data, offset, fh):
        self.may_change()
        node = self.find(path)
        node.data[offset:offset + len(data)] = data
        node.mtime = time.time_ns()
        self.changed()
        return len(data)

    def truncate(self, path, length, fh=None):
        self.may_change()
        node = self.find(path)
        node.data = node.data[:length].ljust(length, b"\0")
        self.changed()

    def unlink(self, path):
        self.may_change()
        folder, name = self.parent(path)
        del folder.names[name]
        self.changed()

    def rmdir(self, path):
        if self.find(path).names:
            raise fuse.FuseOSError(errno.ENOTEMPTY)
        self.unlink(path)

    def rename(self, old, new):
        self.may_change()
        source, name = self.parent(old)
        target, new_name = self.parent(new)
        over = target.names.get(new_name)
        if over and over.is_folder() and over.names:
            raise fuse.FuseOSError(errno.ENOTEMPTY)
        target.names[new_name] = source.names.pop(name)
        self.changed()

    def chmod(self, path, mode):
        self.may_change()
        node = self.find(path)
        node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)
        self.changed()

    def chown(self, path, uid, gid):
        self.may_change()
        node = self.find(path)
        node.uid, node.gid = uid if uid >= 0 else node.uid, gid if gid >= 0 else node.gid
        self.changed()

    def utimens(self, path, times=None):
        self.may_change()
        self.find(path).mtime = times[1] if times else time.time_ns()
        self.changed()

    def fsync(self, path, datasync, fh):
        self.find(path).keep()
        self.changed()
        return 0

    def fsyncdir(self, path, datasync, fh):
        self.find(path).keep()
        self.changed()
        return 0


class Power(Memory):
    def changed(self):
        self.count += 1
        for what, names, data in (("synced", False, False), ("all", True, True), ("names", True, False)):
            sum_of = hashlib.sha256()
            digest(self.root, names, data, sum_of)
            if sum_of.digest() in self.seen:
                continue
            self.seen.add(sum_of.digest())
            write_out(self.root, self.cuts / f"{self.count:04}-{what}", names, data)


class Pmxcfs(Memory):
    def getattr(self, path, fh=None):
        found = super().getattr(path, fh)
        kind = stat.S_IFMT(found["st_mode"])
        allowed = 0o440 if self.is_read_only() else 0o640
        found.update(st_mode=kind | (0o755 if kind == stat.S_IFDIR else allowed), st_uid=0, st_gid=WWW_DATA)
        return found

    def is_read_only(self):
        return (self.cuts / "no-quorum").exists()

    def may_change(self):
        if self.is_read_only():
            raise fuse.FuseOSError(errno.EACCES)

    def write(self, path, data, offset, fh):
        if offset + len(data) > LIMIT:
            raise fuse.FuseOSError(errno.EFBIG)
        return super().write(path, data, offset, fh)

    def chmod(self, path, mode):
        self.may_change()
        if stat.S_IMODE(mode) not in (0o640, 0o600):
            raise fuse.FuseOSError(errno.EPERM)

    def chown(self, path, uid, gid):
        self.may_change()
        if uid not in (-1, 0, 0xffffffff) or gid not in (-1, WWW_DATA, 0xffffffff):
            raise fuse.FuseOSError(errno.EPERM)

    def refuse_link(self, *ignored):
        raise fuse.FuseOSError(errno.EPERM)

    link = symlink = refuse_link

    def getxattr(self, path, name, position=0):
        raise fuse.FuseOSError(errno.ENOTSUP)

    def listxattr(self, path):
        raise fuse.FuseOSError(errno.ENOTSUP)

    def setxattr(self, path, name, value, options, position=0):
        raise fuse.FuseOSError(errno.ENOTSUP)

    def fsyncdir(self, path, datasync, fh):
        raise fuse.FuseOSError(errno.ENOSYS)


class Sysfs(Memory):
    def add(self, path, node):
        raise fuse.FuseOSError(errno.EPERM)

    def unlink(self, path):
        raise fuse.FuseOSError(errno.EPERM)

    def rename(self, old, new):
        raise fuse.FuseOSError(errno.EPERM)

    def truncate(self, path, length, fh=None):
        """Opened with O_TRUNC: sysfs takes that, and does nothing."""

    def write(self, path, data, offset, fh):
        node = self.find(path)
        words = node.data.decode().split()
        wanted = data.decode().strip()
        if any(word.startswith("[") for word in words):
            plain = [word.strip("[]") for word in words]
            if wanted not in plain:
                raise fuse.FuseOSError(errno.EINVAL)
            node.data = bytearray(" ".join(f"[{word}]" if word == wanted else word for word in plain).encode() + b"\n")
        else:
            node.data = bytearray(wanted.encode() + b"\n")
        return len(data)


def main():
    kind, mount, source, cuts = sys.argv[1:]
    operations = {"power": Power, "pmxcfs": Pmxcfs, "sysfs": Sysfs}[kind](pathlib.Path(source), pathlib.Path(cuts))
    fuse.FUSE(operations, mount, foreground=True, nothreads=True, raw_fi=False, default_permissions=False,
              allow_other=False, fsname=f"nestpci-test-{kind}", attr_timeout=0, entry_timeout=0)


if __name__ == "__main__":
    main()
