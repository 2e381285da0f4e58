#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# /init of the lab's machines. What a user would do on each level is done here, with the same nestpci on all of them:
#
#   L0  list, bind, check, exec: start L1 from a line without a vIOMMU
#   L1  list, bind, check, start L2 (which needs no vIOMMU, being no hypervisor)
#   L2  list, check, read and write the disk
#
# What is said goes to the console, which each level hands on to the one outside, as lines that the lab understands:
#
#   @@L1 step TEXT       something begins
#   @@L1 device JSON     a function of the device as this level sees it (an object of nestpci list --json)
#   @@L1 check FINDING   a line of nestpci check --brief
#   @@L1 snapshot |LINE  a line of nestpci capture; tabs and backslashes are escaped
#   @@L1 log TEXT        a message of a program or the kernel
#   @@L1 failed STEP TEXT
#   @@L1 proved DISK
#   @@L1 end

export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
exec </dev/console >/dev/console 2>&1

level=0 device=nvme fault=none memory_l1=512 memory_l2=128 capture=0 levels=3
for word in $(cat /proc/cmdline); do
	case $word in
	nestpci.level=*) level=${word#*=} ;;
	nestpci.device=*) device=${word#*=} ;;
	nestpci.fault=*) fault=${word#*=} ;;
	nestpci.memory_l1=*) memory_l1=${word#*=} ;;
	nestpci.memory_l2=*) memory_l2=${word#*=} ;;
	nestpci.capture=*) capture=${word#*=} ;;
	nestpci.levels=*) levels=${word#*=} ;;
	esac
done
disks=1
[ "$device" = gpu-like ] && disks=2

# A line of the kernel's, or of another level's, may be open: begin afresh.
say() {
	printf '\n@@L%s %s\n' "$level" "$*"
}

say_lines() {
	while read -r line; do say "$1 $line"; done
}

end() {
	if [ "$level" != 2 ]; then
		# Faults first: what comes after them may be much.
		dmesg | grep -E 'DMAR: \[|IO_PAGE_FAULT' | head -n 5 | say_lines log
		dmesg | grep -E 'DMAR|AMD-Vi|vfio|nvme|iommu: ' | tail -n 30 | say_lines log
	fi
	say end
	poweroff -f
	sleep 60
}

failed() {
	say "failed $*"
	end
}

# NVMe functions only: on every level they are the device. What is nested in an object is left out.
devices() {
	nestpci list --json --class 0108 | tr -d '\n' | grep -o '{ *"address"[^{}]*"passable"' | sed 's/, *"passable"$/ }/'
}

addresses() {
	devices | sed 's/.*"address":"\([^"]*\)".*/\1/'
}

# check [OPTIONS]: what nestpci says of this level. Its verdicts are judged from outside.
check() {
	say "step check"
	run_to /tmp/findings nestpci check --brief --level "$level" "$@"
	# The console of an inner level is slow: what is right needs no words.
	sed 's/^\(PASS [^ ]*\) .*/\1/' /tmp/findings | say_lines check
	[ "$status" = 0 ] || [ "$status" = 1 ] || failed "check" "nestpci check ended with status $status"
}

# Not in L2 of three levels, whose console gives some 100 bytes a second.
take_snapshot() {
	[ "$capture" = 1 ] || return 0
	[ "$level" != 2 ] || [ "$levels" = 2 ] || return 0
	say "step capture"
	run_to /tmp/snapshot nestpci capture
	sed 's/\\/\\\\/g; s/\t/\\t/g; s/^/|/' /tmp/snapshot | sed "s/^/@@L$level snapshot /"
}

count_disks() {
	ls -d /sys/block/nvme*n1 2>/dev/null | wc -l
}

uptime_seconds() {
	cut -d. -f1 /proc/uptime
}

wait_for_disks() {
	limit=$(($(uptime_seconds) + 60))
	while [ "$(count_disks)" -lt "$disks" ] && [ "$(uptime_seconds)" -lt "$limit" ]; do
		dmesg | grep -q 'nvme.*[Ff]ailed' && break
		usleep 100000
	done
	[ "$(count_disks)" -ge "$disks" ] || failed "driver" "the nvme driver got no disk from the device"
}

prove() {
	for path in /sys/block/nvme*n1; do
		disk=/dev/${path##*/}
		nonce=$(dd if="$disk" bs=512 count=1 2>/dev/null | sed -n '1s/^nestpci nonce \([0-9a-f]*\)$/\1/p')
		[ -n "$nonce" ] || failed "proof" "no nonce could be read from $disk"
		# The answer can only be given by somebody who has read the nonce; and some data goes there and back.
		printf 'nestpci answer %s level %s\n' "$(echo "$nonce" | rev)" "$level" |
			dd of="$disk" bs=512 seek=8 conv=sync,fsync 2>/dev/null || failed "proof" "$disk cannot be written"
		dd if="$disk" of="$disk" bs=65536 skip=1 seek=16 count=4 conv=fsync 2>/dev/null ||
			failed "proof" "data on $disk cannot be copied"
		say "proved $disk"
	done
}

# Runs a command, and says what it writes to standard error; its standard output is the console. Sets status.
run() {
	{
		{
			"$@" 2>&1 1>&3 </dev/null
			echo $? >/tmp/status
		} | say_lines log
	} 3>&1
	status=$(cat /tmp/status)
}

# The same, with its standard output in a file.
run_to() {
	file=$1
	shift
	"$@" >"$file" 2>/tmp/messages </dev/null
	status=$?
	say_lines log </tmp/messages
}

# Where pages are huge, L1 maps L2's memory with a few hundred invalidations instead of tens of thousands.
echo always >/sys/kernel/mm/transparent_hugepage/enabled
echo always >/sys/kernel/mm/transparent_hugepage/defrag

say "step booted, kernel $(uname -r)"
wait_for_disks
say "step list the devices"
devices | say_lines device
set -- $(addresses)
device_address=$1

if [ "$level" = 2 ]; then
	check --device "$device_address"
	take_snapshot
	say "step read the disk and answer on it"
	prove
	end
fi

vendor=amd
grep -q '^flags.* vmx' /proc/cpuinfo && vendor=intel
modprobe "kvm-$vendor" 2>/dev/null || failed "kvm" "kvm-$vendor cannot be loaded: no virtualization extension at this level"
modprobe vfio_iommu_type1

inner=$((level + 1))
memory=$memory_l1
[ "$inner" = 2 ] && memory=$memory_l2
if [ $# = 1 ]; then
	functions="-device vfio-pci,host=$1,id=hostdev0,bus=rp1,addr=0x0"
else
	functions="-device vfio-pci,host=$1,id=hostdev0,bus=rp1,addr=0x0.0,multifunction=on \
		-device vfio-pci,host=$2,id=hostdev1,bus=rp1,addr=0x0.1"
fi
# What no level needs is left out: each takes time to find.
machine=q35,sata=off,smbus=off,hpet=off,i8042=off,vmport=off,smm=off
iommu="-device intel-iommu,intremap=on,caching-mode=on"
start="nestpci exec --"
before="" behind=""
if [ "$level" = 0 ]; then
	[ "$fault" = none ] || start=""
	case $fault in
	without-caching-mode) before="-device intel-iommu,intremap=on" machine=$machine,kernel-irqchip=split ;;
	without-irqchip) before=$iommu ;;
	misplaced-viommu) behind=$iommu machine=$machine,kernel-irqchip=split ;;
	esac
else
	start=""
fi
parameters="$(sed 's/ *nestpci\.level=[0-9]*//' /proc/cmdline) nestpci.level=$inner"
set -- qemu-system-x86_64 -accel kvm -machine "$machine" -cpu host -smp 1 -m "$memory" \
	-nodefaults -no-user-config -display none -no-reboot $before \
	-device pcie-root-port,id=rp1,chassis=1,slot=1 $functions $behind \
	-chardev stdio,id=console,signal=off -serial chardev:console \
	-kernel /boot/kernel -initrd /boot/initrd -append "$parameters"

# The line as it will be executed: what `nestpci exec` makes of it, or the faulty one.
if [ -n "$start" ]; then
	nestpci rewrite -- "$@" >/tmp/line 2>/dev/null || failed "rewrite" "nestpci rewrite refuses the line"
else
	printf '%s\0' "$@" >/tmp/line
fi
say "step bind $device_address"
run nestpci bind "$device_address"
bind_status=$status
[ "$bind_status" = 0 ] && devices | say_lines device

# Where binding fails, the check has to say why.
check --device "$device_address" --vm-file /tmp/line
[ "$bind_status" = 0 ] || failed "bind" "nestpci bind $device_address ended with status $bind_status"

take_snapshot

say "step start L$inner"
run $start "$@"
[ "$status" = 0 ] || failed "start" "QEMU for L$inner ended with status $status"
say "step L$inner has ended"
end
