#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Init of the machines of tests/lab/debian_vm.py. Runs, one after the other, the lines that come by the second serial port,
# and answers each by "end STATUS LENGTH" and what it printed. "reboot" and "poweroff" do it as a Debian does: all is
# written, and file systems are taken off.
export PATH=/mnt:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
OUT=/tmp/out

mounted() { grep -q " $1 " /proc/mounts; }

mounted /proc || mount -t proc proc /proc
mounted /sys || mount -t sysfs sysfs /sys
mounted /dev || mount -t devtmpfs devtmpfs /dev
mounted /run || mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs tmpfs /tmp
[ ! -d /sys/firmware/efi ] || mount -t efivarfs efivarfs /sys/firmware/efi/efivars
mount -o remount,rw /
mount -a
# What the test brings along is on the second disk: nestpci itself, and scripts.
mount -t tmpfs tmpfs /mnt
tar -C /mnt -xf /dev/nvme1n1

leave() {
	exec 3>&-
	sync
	umount -a -r 2>/dev/null
	mount -o remount,ro / 2>/dev/null
	busybox "$1" -f
}

stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
echo "ready" >&3
while read -r line <&3; do
	case $line in
	reboot | poweroff) leave "$line" ;;
	esac
	sh -c "$line" </dev/null >$OUT 2>&1
	echo "end $? $(wc -c <$OUT)" >&3
	cat $OUT >&3
done
leave poweroff
