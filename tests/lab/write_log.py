# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a machine wrote to its disk, in order, and the disk as it was after any of these writes. QEMU keeps the log (its
driver blklogwrites, in the format of the kernel's Documentation/admin-guide/device-mapper/log-writes.rst).
"""
import random
import struct

SECTOR = 512
BLOCK = 1 << 20
MAGIC = 0x6a736677736872
FLUSH, FUA, DISCARD = 1, 2, 4


def drive(disk, log):
    """QEMU's words for a drive "disk" that is logged. What is in the host's memory counts as written."""
    log.touch()
    return ["-blockdev", f"driver=file,filename={disk},node-name=file,cache.no-flush=on",
            "-blockdev", "driver=qcow2,file=file,node-name=image,cache.no-flush=on",
            "-blockdev", f"driver=file,filename={log},node-name=log,cache.no-flush=on",
            "-blockdev", f"driver=blklogwrites,file=image,log=log,log-sector-size={SECTOR},node-name=disk"]


class Entry:
    def __init__(self, sector, sectors, flags, place):
        self.start, self.length = sector * SECTOR, sectors * SECTOR
        self.flags, self.place = flags, place  # where in the log the data are

    def ends_an_interval(self):
        """What was answered before it is on the disk for good."""
        return self.flags & (FLUSH | FUA)


def read(log):
    """All that is in the log. Its head counts entries only up to the last flush: they are followed to their end instead."""
    entries = []
    with open(log, "rb") as file:
        magic, version, _, size = struct.unpack("<QQQI", file.read(28))
        assert (magic, version, size) == (MAGIC, 1, SECTOR), (magic, version, size)
        place = SECTOR
        while True:
            file.seek(place)
            head = file.read(32)
            if not any(head):
                return entries
            sector, sectors, flags, _ = struct.unpack("<QQQQ", head)
            entries.append(Entry(sector, sectors, flags, place + SECTOR))
            place += SECTOR + (0 if flags & DISCARD else sectors * SECTOR)


def intervals(entries):
    """The writes between two flushes, each list with the flush that ends it."""
    result = [[]]
    for entry in entries:
        result[-1].append(entry)
        if entry.ends_an_interval():
            result.append([])
    return [interval for interval in result if interval]


def cuts(interval, seed, samples=2):
    """
    What of an interval may be on the disk when the power fails in it: all of a beginning of it; and, because a disk with
    a memory of its own writes in its own order, any of them. Each as a list of entries; the empty one is left out.
    """
    chance = random.Random(seed)
    for _ in range(samples if len(interval) > 1 else 0):
        some = [entry for entry in interval if chance.random() < 0.5]
        if some:
            yield some
    for end in sorted({len(interval) // 3, 2 * len(interval) // 3, len(interval)} - {0}):
        yield interval[:end]


def copy(source, start, size, target, place):
    """Part of an open file into another, which has only zeros there; those are not written."""
    source.seek(start)
    for done in range(0, size, BLOCK):
        block = source.read(min(BLOCK, size - done))
        if block.count(0) != len(block):
            target.seek(place + done)
            target.write(block)


class Partition:
    """A partition's content in a file of its own, which follows the log."""

    def __init__(self, path, base, start, size):
        self.path, self.base, self.first, self.size = path, base, start, size
        with open(base, "rb") as source, open(path, "wb") as target:
            target.truncate(size)
            copy(source, start, size, target, 0)

    def holds(self, entry):
        inside = self.first <= entry.start and entry.start + entry.length <= self.first + self.size
        return inside and entry.length and not entry.flags & DISCARD

    def write(self, log, entries):
        """Returns what was there before, to be put back."""
        old = []
        with open(log, "rb") as source, open(self.path, "r+b") as target:
            for entry in entries:
                if not self.holds(entry):
                    continue
                target.seek(entry.start - self.first)
                old.append((entry.start - self.first, target.read(entry.length)))
                source.seek(entry.place)
                target.seek(entry.start - self.first)
                target.write(source.read(entry.length))
        return old

    def whole_disk(self, path):
        """The disk that it is from, with this partition as it is now."""
        end = self.first + self.size
        with open(self.base, "rb") as rest, open(self.path, "rb") as source, open(path, "wb") as target:
            size = rest.seek(0, 2)
            target.truncate(size)
            copy(rest, 0, self.first, target, 0)
            copy(source, 0, self.size, target, self.first)
            copy(rest, end, size - end, target, end)
        return path

    def put_back(self, old):
        with open(self.path, "r+b") as target:
            for place, content in reversed(old):
                target.seek(place)
                target.write(content)


def after_power_cuts(partition, log, entries, most, seed=1):
    """
    Yields (number, total) each time that the partition is as a power cut would leave it, from the first of `entries` to
    the last; it must be left as it was found. Where more than `most` are to be tried, chance chooses; the last one, of
    all that was written, is always there.
    """
    plan = []
    for number, interval in enumerate(intervals(entries)):
        # Where nothing was written that matters, there is nothing new to look at.
        matter = [entry for entry in interval if partition.holds(entry)]
        plan += [(number, cut) for cut in cuts(matter, seed + number)]
    chosen = set(random.Random(seed).sample(range(len(plan) - 1), min(most, len(plan)) - 1)) | {len(plan) - 1}
    at = 0
    for count, index in enumerate(sorted(chosen), 1):
        number, cut = plan[index]
        for interval in intervals(entries)[at:number]:
            partition.write(log, interval)
        at = number
        old = partition.write(log, cut)
        yield count, len(chosen)
        partition.put_back(old)
