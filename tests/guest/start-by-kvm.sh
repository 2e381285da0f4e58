#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# /init of an L0 that stands for a node of Proxmox VE: nestpci puts its wrapper in QEMU's place there, and L1 is started
# by /usr/bin/kvm with a line of qm showcmd's (/line, a word on each line; @ADDRESS@ is the device, @PARAMETERS@ what L1's
# kernel is given). L1 is the lab's: it passes the device on to L2, which reads the nonce and answers.
#
# Prints "ok NAME" or "not ok NAME: why" for each test, L1's console between, and "# status N" at the end.

export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
exec </dev/console >/dev/console 2>&1
CONSOLE=/run/l1.console
PIDFILE=/var/run/qemu-server/100.pid
status=0

end() {
	echo "# status $status"
	poweroff -f
	sleep 60
}

ok() { printf '\nok %s\n' "$1"; }

not_ok() {
	printf '\nnot ok %s: %s\n' "$1" "$2"
	sed 's/^/# /' /tmp/out
	status=1
	[ -z "$3" ] || end
}

# wants NAME COMMAND...: what it prints is in /tmp/out.
wants() {
	name=$1
	shift
	if "$@" >/tmp/out 2>&1 </dev/null; then ok "$name"; else not_ok "$name" "'$*' failed" end; fi
}

# says NAME TEXT
says() { if grep -qF -- "$2" /tmp/out; then ok "$1"; else not_ok "$1" "does not say '$2'"; fi; }

echo always >/sys/kernel/mm/transparent_hugepage/enabled
echo always >/sys/kernel/mm/transparent_hugepage/defrag
modprobe kvm-amd 2>/dev/null || modprobe kvm-intel
modprobe vfio_iommu_type1
mkdir -p /var/run/qemu-server
dd if=/dev/zero of=/run/vm-100-disk-1.raw bs=1M count=1 2>/dev/null

wants version_before /usr/bin/kvm --version
cp /tmp/out /tmp/version
settings=$(cat /settings)
wants wrapper_is_put_in_its_place nestpci apply --yes --wrapper "100$settings"
wants diversion_is_registered dpkg-divert --list
says diversion_is_ours "local diversion of /usr/bin/kvm to /usr/bin/kvm.distrib"
wants version_behind_the_wrapper /usr/bin/kvm --version
if cmp -s /tmp/out /tmp/version; then ok version_is_the_same; else not_ok version_is_the_same "it is another"; fi

set -- $(nestpci list --json --class 0108 | tr -d '\n' | grep -o '"address":"[^"]*"' | cut -d'"' -f4)
wants device_is_bound nestpci bind "$1"
parameters="$(sed 's/ *nestpci\.level=[0-9]*//' /proc/cmdline) nestpci.level=1"
sed "s/@ADDRESS@/${1%.*}/; s|@PARAMETERS@|$parameters|" /line | tr '\n' '\0' >/tmp/words
: >$CONSOLE
# As qemu-server: no terminal, umask 0077; the program that was started ends when the machine is up.
if (umask 0077 && LC_ALL=C xargs -0 /usr/bin/kvm </tmp/words >/tmp/out 2>&1); then
	ok l1_is_started
else
	not_ok l1_is_started "kvm failed" end
fi
sed 's/^/# /' /tmp/out
pid=$(cat $PIDFILE)
tr '\0' '\n' <"/proc/$pid/cmdline" >/tmp/out
sed 's/^/# word /' /tmp/out
if [ "$(head -n 1 /tmp/out)" = /usr/bin/kvm ]; then ok argv0_is_kept; else not_ok argv0_is_kept "it is another"; fi
says pidfile_is_kept "$PIDFILE"
says viommu_is_there "intel-iommu"
says irqchip_is_split "kernel-irqchip=split"
[ "$(grep -c intel-iommu /tmp/out)" = 1 ] || not_ok one_viommu "there are several"

tail -n +1 -f $CONSOLE &
# With -no-shutdown QEMU stays when the guest is off; qmeventd ends it then.
while [ -e "/proc/$pid" ] && ! grep -q '^@@L1 end' $CONSOLE; do sleep 1; done
sleep 2
kill "$pid" $!
wants wrapper_is_taken_away nestpci apply --yes --no-wrapper 100
if [ "$(readlink /usr/bin/kvm)" = qemu-system-x86_64 ]; then ok kvm_is_as_before; else not_ok kvm_is_as_before "is not"; fi
wants no_diversion_is_left dpkg-divert --list
[ ! -s /tmp/out ] || not_ok no_diversion_is_left "there is one"
end
