#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# 'nestpci list', 'bind' and 'unbind' against a real kernel. Run as root inside a VM that has an IOMMU and may lose its
# devices:
#
#   an NVMe disk alone in its IOMMU group, empty;
#   an NVMe device with two functions in one group, empty;
#   a virtio network card in a group of its own.
#
# Needed: nestpci in PATH (or $NESTPCI); hold-vfio (hold-vfio.c, linked statically); the applets of
# busybox; /proc /sys /dev /run /tmp mounted; modules where modprobe finds them, vfio-pci not loaded yet.
# Prints "ok NAME" or "not ok NAME: why" for each test; exit status 1 when one was not ok.

NESTPCI=${NESTPCI:-nestpci}
DEVICES=/sys/bus/pci/devices
OUT=/tmp/bind-test.out
failed=0
problem=

# --- what tests say -------------------------------------------------------------------------------------------------

problem() { [ -n "$problem" ] || problem="$*"; }

# What a failed test may have left must not fail the next ones.
start_afresh() {
	for place in /tmp/mnt "$DEVICES/$PAIR1/driver_override" /sys/bus/pci/drivers/vfio-pci/bind \
		/sys/bus/pci/drivers/nvme/unbind; do
		umount "$place" 2>/dev/null
	done
	for place in $(sed -n 's|^\(/[^ ]*\).*|\1|p' /proc/swaps); do
		swapoff "$place"
	done
	for a in "$ALONE" "$PAIR0" "$CARD"; do
		$NESTPCI unbind "$a" 2>&1 | sed 's/^/# /'
	done
	for a in "$ALONE" "$PAIR0" "$PAIR1"; do
		disk_of "$a" >/dev/null
	done
}

# Runs a test: a function of that name.
t() {
	problem=
	"$1"
	if [ -z "$problem" ]; then
		echo "ok $1"
	else
		echo "not ok $1: $problem"
		failed=1
		sed 's/^/# /' "$OUT"
		start_afresh
	fi
}

# wants STATUS COMMAND...: what it prints is in $OUT.
wants() {
	want=$1
	shift
	"$@" >"$OUT" 2>&1
	got=$?
	[ $got -eq "$want" ] || problem "'$*' gave $got, wanted $want: $(tail -n 1 "$OUT")"
}

says() { grep -qF -- "$1" "$OUT" || problem "does not say '$1'"; }
says_not() { ! grep -qF -- "$1" "$OUT" || problem "says '$1'"; }

driver_of() { [ -e "$DEVICES/$1/driver" ] && basename "$(readlink "$DEVICES/$1/driver")" || echo none; }
group_of() { basename "$(readlink "$DEVICES/$1/iommu_group")"; }
override_of() { cat "$DEVICES/$1/driver_override"; }

# has ADDRESS DRIVER OVERRIDE
has() {
	[ "$(driver_of "$1")" = "$2" ] || problem "$1 has driver $(driver_of "$1"), wanted $2"
	[ "$(override_of "$1")" = "$3" ] || problem "$1 has override $(override_of "$1"), wanted $3"
}

no_record() { [ -z "$(ls /run/nestpci/bind 2>/dev/null)" ] || problem "a record is left: $(ls /run/nestpci/bind)"; }

# The disk of an NVMe function; waits for it.
disk_of() {
	n=0
	while [ $n -lt 100 ]; do
		for d in "$DEVICES/$1"/nvme/nvme*/nvme*n1; do
			[ -e "$d" ] && [ -b "/dev/${d##*/}" ] && echo "/dev/${d##*/}" && return
		done
		usleep 100000
		n=$((n + 1))
	done
	echo "no disk at $1" >&2
}

# --- the devices ----------------------------------------------------------------------------------------------------

ALONE=
PAIR0=
PAIR1=
CARD=
for d in "$DEVICES"/*; do
	a=${d##*/}
	case $(cat "$d/class") in
	0x010802)
		case $(ls "$d/iommu_group/devices" | wc -l) in
		1) ALONE=$a ;;
		2) if [ -z "$PAIR0" ]; then PAIR0=$a; else PAIR1=$a; fi ;;
		esac
		;;
	0x020000) CARD=$a ;;
	esac
done
for d in "$DEVICES"/*; do
	[ "$(cat "$d/class")" = 0x060400 ] && BRIDGE=${d##*/}
done
echo "# alone $ALONE, pair $PAIR0 $PAIR1, card $CARD, bridge $BRIDGE"
if [ -z "$ALONE" ] || [ -z "$PAIR1" ] || [ -z "$CARD" ]; then
	echo "not ok devices: this VM lacks one"
	exit 1
fi
disk_of "$ALONE" >/dev/null
disk_of "$PAIR0" >/dev/null
disk_of "$PAIR1" >/dev/null
: >"$OUT"

# --- list -----------------------------------------------------------------------------------------------------------

list_shows_them() {
	wants 0 $NESTPCI list
	grep -qE "^ *$(group_of "$ALONE")  $ALONE  .*  nvme( |$)" "$OUT" || problem "no line for $ALONE"
	grep -qE "^ *$(group_of "$PAIR0")  $PAIR1  " "$OUT" || problem "$PAIR1 is not with its group"
	[ "$(grep -c : "$OUT")" = "$(ls $DEVICES | wc -l)" ] || problem "not one line for each device"
	wants 0 $NESTPCI list --json
	says "\"address\":\"$CARD\""
}

# --- the way there and back -----------------------------------------------------------------------------------------

malformed_addresses() {
	wants 2 $NESTPCI bind 01:00
	says "'01:00' is no PCI address"
	wants 2 $NESTPCI bind
	wants 2 $NESTPCI unbind "$ALONE" "$CARD"
}

missing_addresses() {
	wants 3 $NESTPCI bind 0000:7f:1f.7
	says "there is no PCI device 0000:7f:1f.7"
	wants 3 $NESTPCI unbind 0000:7f:1f.7
	says "there is no PCI device 0000:7f:1f.7"
}

bridges_are_refused() {
	wants 3 $NESTPCI bind "$BRIDGE"
	says "it is a bridge"
	[ "$(driver_of "$BRIDGE")" = pcieport ] || problem "the bridge lost its driver"
	wants 3 $NESTPCI bind 0000:00:00.0
	says "host bridge"
}

dry_run_changes_nothing() {
	wants 0 $NESTPCI bind --dry-run "$ALONE"
	says "$ALONE: nvme -> vfio-pci"
	has "$ALONE" nvme "(null)"
	no_record
}

# The first: vfio-pci is not loaded yet.
bind_loads_the_driver() {
	[ -e /sys/bus/pci/drivers/vfio-pci ] && return
	wants 0 $NESTPCI bind "$ALONE"
	says "loading vfio-pci"
	has "$ALONE" vfio-pci vfio-pci
	wants 0 $NESTPCI unbind "$ALONE"
}

bind_and_unbind() {
	wants 0 $NESTPCI bind "$ALONE"
	says "$ALONE: nvme -> vfio-pci"
	has "$ALONE" vfio-pci vfio-pci
	has "$PAIR0" nvme "(null)"
	[ -e "/dev/vfio/$(group_of "$ALONE")" ] || problem "no /dev/vfio node"
	grep -qx driver=nvme "/run/nestpci/bind/$ALONE" || problem "the record does not say nvme"
	wants 0 $NESTPCI unbind "$ALONE"
	says "$ALONE: vfio-pci -> nvme"
	has "$ALONE" nvme "(null)"
	no_record
	disk=$(disk_of "$ALONE")
	wants 0 dd if="$disk" of=/dev/null bs=4096 count=1
}

bind_twice() {
	wants 0 $NESTPCI bind "$ALONE"
	wants 0 $NESTPCI bind "$ALONE"
	says "nothing to do"
	grep -qx driver=nvme "/run/nestpci/bind/$ALONE" || problem "the record does not say nvme any more"
	wants 0 $NESTPCI unbind "$ALONE"
	has "$ALONE" nvme "(null)"
	wants 0 $NESTPCI unbind "$ALONE"
	says "nothing to do"
}

json_tells_the_result() {
	wants 0 $NESTPCI bind --json "$ALONE"
	says '"changed":true'
	says '"driver":"nvme"'
	wants 0 $NESTPCI unbind --json "$ALONE"
	says '"changed":true'
	wants 3 $NESTPCI bind --json 7f:00.0
	says '"changed":false'
	says '"error":"there is no PCI device'
}

an_override_that_was_there_comes_back() {
	echo nvme >"$DEVICES/$ALONE/driver_override"
	wants 0 $NESTPCI bind "$ALONE"
	wants 0 $NESTPCI unbind "$ALONE"
	has "$ALONE" nvme nvme
	echo >"$DEVICES/$ALONE/driver_override"
}

a_device_without_a_driver_comes_back_without() {
	echo "$ALONE" >"$DEVICES/$ALONE/driver/unbind"
	wants 0 $NESTPCI bind "$ALONE"
	has "$ALONE" vfio-pci vfio-pci
	wants 0 $NESTPCI unbind "$ALONE"
	has "$ALONE" none "(null)"
	echo "$ALONE" >/sys/bus/pci/drivers_probe
	disk_of "$ALONE" >/dev/null
}

unbind_without_a_record() {
	wants 0 $NESTPCI bind "$ALONE"
	rm "/run/nestpci/bind/$ALONE"
	wants 0 $NESTPCI unbind "$ALONE"
	says "now with nvme"
	has "$ALONE" nvme "(null)"
}

a_group_goes_together() {
	wants 0 $NESTPCI bind "$PAIR1"
	says "$PAIR0: nvme -> vfio-pci"
	says "$PAIR1: nvme -> vfio-pci"
	has "$PAIR0" vfio-pci vfio-pci
	has "$PAIR1" vfio-pci vfio-pci
	has "$ALONE" nvme "(null)"
	wants 0 $NESTPCI unbind "$PAIR0"
	has "$PAIR0" nvme "(null)"
	has "$PAIR1" nvme "(null)"
	no_record
}

# --- users ----------------------------------------------------------------------------------------------------------

# refused ADDRESS TEXT
refused() {
	wants 3 $NESTPCI bind "$1"
	says "refused: "
	says "$2"
	no_record
}

mounted_disks_are_refused() {
	disk=$(disk_of "$ALONE")
	wants 0 mke2fs -F "$disk"
	mkdir -p /tmp/mnt
	wants 0 mount -t ext2 "$disk" /tmp/mnt
	refused "$ALONE" "${disk#/dev/} is mounted at /tmp/mnt (ext2)"
	has "$ALONE" nvme "(null)"
	umount /tmp/mnt
	wants 0 $NESTPCI bind --dry-run "$ALONE"
}

mounts_in_another_namespace_are_seen() {
	disk=$(disk_of "$ALONE")
	wants 0 mke2fs -F "$disk"
	unshare -m sh -c "mount -t ext2 $disk /tmp/mnt && echo ready >/tmp/ready && exec sleep 1000" &
	pid=$!
	while [ ! -e /tmp/ready ]; do usleep 100000; done
	rm /tmp/ready
	refused "$ALONE" "${disk#/dev/} is claimed by the kernel"
	kill $pid
	wait $pid 2>/dev/null
	n=0
	while [ $n -lt 50 ] && ! $NESTPCI bind --dry-run "$ALONE" >/dev/null 2>&1; do usleep 100000; n=$((n + 1)); done
	wants 0 $NESTPCI bind --dry-run "$ALONE"
}

swap_is_refused() {
	disk=$(disk_of "$ALONE")
	wants 0 mkswap "$disk"
	wants 0 swapon "$disk"
	refused "$ALONE" "${disk#/dev/} is swap space"
	swapoff "$disk"
}

open_disks_are_refused() {
	disk=$(disk_of "$PAIR1")
	sleep 1000 <"$disk" &
	pid=$!
	usleep 200000
	refused "$PAIR0" "$PAIR1: process $pid (sleep) holds $disk open"
	has "$PAIR0" nvme "(null)"
	has "$PAIR1" nvme "(null)"
	kill $pid
	wait $pid 2>/dev/null
}

open_controllers_are_refused() {
	controller=$(ls -d "$DEVICES/$ALONE"/nvme/nvme*)
	sleep 1000 <"/dev/${controller##*/}" &
	pid=$!
	usleep 200000
	refused "$ALONE" "process $pid (sleep) holds /dev/${controller##*/} open"
	kill $pid
	wait $pid 2>/dev/null
}

a_node_elsewhere_is_seen() {
	disk=$(disk_of "$ALONE")
	cp -a "$disk" /tmp/node
	sleep 1000 </tmp/node &
	pid=$!
	usleep 200000
	refused "$ALONE" "process $pid (sleep) holds $disk open"
	kill $pid
	wait $pid 2>/dev/null
	rm /tmp/node
}

the_default_route_is_refused() {
	card=$(ls "$DEVICES/$CARD"/virtio*/net)
	ip link set "$card" up
	ip addr add 10.0.2.15/24 dev "$card" 2>/dev/null
	ip route add default via 10.0.2.2
	refused "$CARD" "$card carries the default route (IPv4)"
	ip route del default
	before=$(driver_of "$CARD")
	wants 0 $NESTPCI bind "$CARD"
	has "$CARD" vfio-pci vfio-pci
	wants 0 $NESTPCI unbind "$CARD"
	has "$CARD" "$before" "(null)"
}

an_open_group_is_refused() {
	wants 0 $NESTPCI bind "$PAIR0"
	node=/dev/vfio/$(group_of "$PAIR0")
	sleep 1000 <>"$node" &
	pid=$!
	usleep 200000
	wants 3 $NESTPCI unbind "$PAIR1"
	says "process $pid (sleep) holds $node open"
	has "$PAIR0" vfio-pci vfio-pci
	kill $pid
	wait $pid 2>/dev/null
	wants 0 $NESTPCI unbind "$PAIR1"
	has "$PAIR0" nvme "(null)"
}

# A VM may hold a device and not the group: /proc does not show that, the kernel does.
an_open_device_is_refused() {
	command -v hold-vfio >/dev/null || { problem "hold-vfio is not there"; return; }
	modprobe vfio_iommu_type1
	wants 0 $NESTPCI bind "$PAIR0"
	: >/tmp/hold
	hold-vfio "$(group_of "$PAIR0")" "$PAIR0" >/tmp/hold 2>&1 &
	pid=$!
	n=0
	while ! grep -q ready /tmp/hold && [ $n -lt 50 ]; do usleep 100000; n=$((n + 1)); done
	grep -q ready /tmp/hold || problem "hold-vfio: $(cat /tmp/hold)"
	wants 3 $NESTPCI unbind "$PAIR0"
	says "is open, as by a running VM"
	has "$PAIR0" vfio-pci vfio-pci
	# Somebody takes it by force: that hangs, with the device's lock held. Nobody else must.
	echo "$PAIR0" >/sys/bus/pci/drivers/vfio-pci/unbind &
	usleep 500000
	wants 0 timeout 20 $NESTPCI list
	wants 0 timeout 20 $NESTPCI show "$PAIR0"
	says "driver_override: not done after 1 s; the kernel is holding it up"
	timeout 20 $NESTPCI check --brief --device "$PAIR0" >"$OUT" 2>&1
	[ $? -le 1 ] || problem "check gave more than 1"
	says "driver_override: not done after 1 s; the kernel is holding it up"
	wants 3 timeout 60 $NESTPCI unbind --timeout 2 "$PAIR0"
	says "not done after 2 s"
	kill $pid
	wait
	wants 0 $NESTPCI unbind "$PAIR0"
	has "$PAIR0" nvme "(null)"
	has "$PAIR1" nvme "(null)"
	disk_of "$PAIR0" >/dev/null
}

# --- when something fails -------------------------------------------------------------------------------------------

# A driver_override that reads TEXT and takes no other.
freeze_override() {
	mkdir -p /tmp/frozen
	mount -t tmpfs frozen /tmp/frozen
	echo "$2" >/tmp/frozen/override
	mount -o remount,ro /tmp/frozen
	mount --bind /tmp/frozen/override "$DEVICES/$1/driver_override"
	umount /tmp/frozen
}

# The second member keeps no override: nothing was taken from it, and the first gets back what it had.
the_first_is_restored_when_the_second_fails() {
	freeze_override "$PAIR1" "(null)"
	wants 3 $NESTPCI bind "$PAIR0"
	says "$PAIR1: "
	says "Read-only file system"
	says "all is as it was before"
	umount "$DEVICES/$PAIR1/driver_override"
	has "$PAIR0" nvme "(null)"
	has "$PAIR1" nvme "(null)"
	no_record
}

# The driver was taken away and vfio-pci does not come: each gets its driver back.
a_driver_that_does_not_come() {
	: >/tmp/plain
	mount --bind /tmp/plain /sys/bus/pci/drivers/vfio-pci/bind
	wants 3 $NESTPCI bind "$PAIR0"
	says "the driver is none"
	says "all is as it was before"
	umount /sys/bus/pci/drivers/vfio-pci/bind
	has "$PAIR0" nvme "(null)"
	has "$PAIR1" nvme "(null)"
	no_record
	disk_of "$PAIR0" >/dev/null
}

# Giving back fails at the second: both stay with vfio-pci, and the record stays.
unbind_is_all_or_nothing() {
	wants 0 $NESTPCI bind "$PAIR0"
	freeze_override "$PAIR1" vfio-pci
	wants 3 $NESTPCI unbind "$PAIR0"
	says "all is as it was before"
	umount "$DEVICES/$PAIR1/driver_override"
	has "$PAIR0" vfio-pci vfio-pci
	has "$PAIR1" vfio-pci vfio-pci
	[ -e "/run/nestpci/bind/$PAIR0" ] || problem "the record is gone"
	wants 0 $NESTPCI unbind "$PAIR0"
	has "$PAIR0" nvme "(null)"
}

# A write that hangs (here: a pipe that nobody reads) does not hang nestpci; and what is left can be put right.
a_write_that_hangs() {
	rm -f /tmp/fifo
	mkfifo /tmp/fifo
	mount --bind /tmp/fifo /sys/bus/pci/drivers/nvme/unbind
	wants 4 timeout 60 $NESTPCI bind --timeout 2 "$PAIR0"
	says "/sys/bus/pci/drivers/nvme/unbind '$PAIR0': not done after 2 s"
	umount /sys/bus/pci/drivers/nvme/unbind
	wants 0 $NESTPCI unbind "$PAIR0"
	has "$PAIR0" nvme "(null)"
	has "$PAIR1" nvme "(null)"
	no_record
}

two_at_once() {
	$NESTPCI bind "$PAIR0" >/tmp/one 2>&1 &
	one=$!
	$NESTPCI bind "$PAIR1" >/tmp/two 2>&1 &
	two=$!
	wait $one || problem "the first failed: $(cat /tmp/one)"
	wait $two || problem "the second failed: $(cat /tmp/two)"
	cat /tmp/one /tmp/two >"$OUT"
	says "nothing to do"
	has "$PAIR0" vfio-pci vfio-pci
	wants 0 $NESTPCI unbind "$PAIR0"
	has "$PAIR1" nvme "(null)"
}

# kill_after MICROSECONDS VERB: 'nestpci VERB' for the pair.
kill_after() {
	$NESTPCI "$2" "$PAIR0" >"$OUT" 2>&1 &
	pid=$!
	usleep "$1"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	usleep 300000
}

# Killed at any moment, on the way there or back, the record leads back.
killed_half_way() {
	for delay in 0 5000 10000 20000 40000 80000 160000; do
		for verb in bind unbind; do
			[ $verb = bind ] || wants 0 $NESTPCI bind "$PAIR0"
			kill_after $delay $verb
			wants 0 $NESTPCI unbind "$PAIR0"
			has "$PAIR0" nvme "(null)"
			has "$PAIR1" nvme "(null)"
			disk_of "$PAIR0" >/dev/null
			disk_of "$PAIR1" >/dev/null
		done
	done
	no_record
}

# Held up in the moment when a device has neither vfio-pci nor what it had: the record stays, and leads back; also after
# a 'bind' in this state, which must not write down that the device had nothing.
an_unbind_that_hangs() {
	rm -f /tmp/fifo
	mkfifo /tmp/fifo
	for again in no yes; do
		wants 0 $NESTPCI bind "$PAIR0"
		mount --bind /tmp/fifo /sys/bus/pci/drivers/nvme/bind
		wants 4 timeout 60 $NESTPCI unbind --timeout 2 "$PAIR0"
		says "/sys/bus/pci/drivers/nvme/bind '$PAIR0': not done after 2 s"
		umount /sys/bus/pci/drivers/nvme/bind
		has "$PAIR0" none "(null)"
		[ -e "/run/nestpci/bind/$PAIR0" ] || problem "the record is gone"
		[ $again = no ] || wants 0 $NESTPCI bind "$PAIR0"
		wants 0 $NESTPCI unbind "$PAIR0"
		has "$PAIR0" nvme "(null)"
		has "$PAIR1" nvme "(null)"
		disk_of "$PAIR0" >/dev/null
		disk_of "$PAIR1" >/dev/null
	done
	no_record
}

# A third driver is somebody else's decision: nothing is done, and what the device had is not forgotten.
a_third_driver_is_left() {
	wants 0 $NESTPCI bind "$ALONE"
	sed -i 's/^driver=nvme/driver=another/' "/run/nestpci/bind/$ALONE"
	echo "$ALONE" >/sys/bus/pci/drivers/vfio-pci/unbind
	echo >"$DEVICES/$ALONE/driver_override"
	echo "$ALONE" >/sys/bus/pci/drivers/nvme/bind
	wants 3 $NESTPCI unbind "$ALONE"
	says "somebody else has decided about it"
	has "$ALONE" nvme "(null)"
	[ -e "/run/nestpci/bind/$ALONE" ] || problem "the record is gone"
	rm -f "/run/nestpci/bind/$ALONE"
	disk_of "$ALONE" >/dev/null
}

# A loop device is no holder of the disk that it stands on, and does not claim it.
loop_devices_are_refused() {
	disk=$(disk_of "$ALONE")
	[ -e /dev/loop1 ] || modprobe loop 2>/dev/null
	if ! losetup /dev/loop1 "$disk" 2>/dev/null; then
		echo "# no loop devices here"
		return
	fi
	refused "$ALONE" "${disk#/dev/} is what the loop device loop1 stands on"
	wants 3 $NESTPCI bind --inactive-ok "$ALONE"
	losetup -d /dev/loop1
	wants 0 $NESTPCI bind --dry-run "$ALONE"
}

# udev's database, as it is on a host: what it says, what it does not know; and the kernel is asked in any case.
inactive_members_are_refused() {
	disk=$(disk_of "$ALONE")
	entry=/run/udev/data/b$(cat "/sys/class/block/${disk#/dev/}/dev")
	mkdir -p /run/udev/data
	refused "$ALONE" "$entry: udev knows nothing of it (--inactive-ok takes it nevertheless)"
	printf 'E:ID_FS_TYPE=crypto_LUKS\nE:ID_FS_USAGE=crypto\n' >"$entry"
	refused "$ALONE" "${disk#/dev/} carries data of crypto_LUKS"
	wants 0 $NESTPCI bind --dry-run --inactive-ok "$ALONE"
	wants 0 mke2fs -F "$disk"
	rm -f /tmp/ready
	unshare -m sh -c "mount -t ext2 $disk /tmp/mnt && echo ready >/tmp/ready && exec sleep 1000" &
	pid=$!
	while [ ! -e /tmp/ready ]; do usleep 100000; done
	rm /tmp/ready
	wants 3 $NESTPCI bind --inactive-ok "$ALONE"
	says "${disk#/dev/} is claimed by the kernel"
	kill $pid
	wait $pid 2>/dev/null
	rm -r /run/udev
	n=0
	while [ $n -lt 50 ] && ! $NESTPCI bind --dry-run "$ALONE" >/dev/null 2>&1; do usleep 100000; n=$((n + 1)); done
	wants 0 $NESTPCI bind --dry-run "$ALONE"
}

# A helper that answers as nestpci-libvirt does (docs/libvirt-helper.md), for a domain that has $ALONE; it notes what it
# was asked, and does what libvirt would. "node-detach" fails while /tmp/libvirt-refuses is there.
make_libvirt() {
	bus=$(echo "$ALONE" | cut -d: -f2)
	mkdir -p /run/libvirt /tmp/bin
	: >/run/libvirt/libvirt-sock
	rm -f /tmp/asked
	cat >/tmp/bin/nestpci-libvirt <<-END
		#!/bin/sh
		request=\$(cat)
		device=$DEVICES/$ALONE
		case \$request in
		*'"operation":"list"'*)
			echo '{"result": {"uri": "qemu:///system", "libvirt": 9000000, "domains": [{"name": "l1",
			"uuid": "30d42f19-7e4b-5d98-b8db-d600ca6ca472", "state": "shut off", "active": false,
			"persistent": true, "autostart": $1, "managed_save": false, "definition": {"name": "domain",
			"attributes": {"type": "kvm"}, "children": [{"name": "name", "text": "l1"}, {"name": "uuid",
			"text": "30d42f19-7e4b-5d98-b8db-d600ca6ca472"}, {"name": "devices", "children": [{"name": "hostdev",
			"attributes": {"mode": "subsystem", "type": "pci", "managed": "yes"}, "children": [{"name": "source",
			"children": [{"name": "address", "attributes": {"domain": "0x0000", "bus": "0x$bus", "slot": "0x00",
			"function": "0x0"}}]}]}]}]}}]}}' ;;
		*'"operation":"node-detach"'*'"address":"$ALONE"'*)
			echo detach >>/tmp/asked
			if [ -e /tmp/libvirt-refuses ]; then
				echo '{"error": {"text": "detach: it is in use by domain l2", "errno": 16}}'
				exit 1
			fi
			echo vfio-pci >\$device/driver_override
			echo $ALONE >\$device/driver/unbind
			echo $ALONE >/sys/bus/pci/drivers_probe
			echo '{"result": {}}' ;;
		*'"operation":"node-reattach"'*'"address":"$ALONE"'*)
			echo reattach >>/tmp/asked
			echo >\$device/driver_override
			echo $ALONE >\$device/driver/unbind
			echo $ALONE >/sys/bus/pci/drivers_probe
			echo '{"result": {}}' ;;
		*)
			echo "\$request" >>/tmp/asked
			exit 2 ;;
		esac
	END
	chmod 755 /tmp/bin/nestpci-libvirt
	PATH=/tmp/bin:$PATH
}

asked() { [ "$(cat /tmp/asked 2>/dev/null | tr '\n' ' ')" = "$1" ] || problem "libvirt was asked: $(cat /tmp/asked)"; }

libvirt_moves_what_it_manages() {
	make_libvirt true
	wants 0 $NESTPCI bind --dry-run "$ALONE"
	says "note: libvirt moves $ALONE, because domain l1 has it with managed='yes'"
	asked ""
	wants 0 $NESTPCI bind "$ALONE"
	has "$ALONE" vfio-pci vfio-pci
	asked "detach "
	wants 0 $NESTPCI unbind "$ALONE"
	has "$ALONE" nvme "(null)"
	asked "detach reattach "
	no_record
}

# What it refuses is not done behind its back; what is in use is refused before it is asked.
libvirt_may_refuse() {
	make_libvirt true
	: >/tmp/libvirt-refuses
	wants 3 $NESTPCI bind "$ALONE"
	says "by libvirt: detach: it is in use by domain l2"
	has "$ALONE" nvme "(null)"
	no_record
	rm /tmp/libvirt-refuses /tmp/asked
	disk=$(disk_of "$ALONE")
	sleep 1000 <"$disk" &
	pid=$!
	usleep 200000
	refused "$ALONE" "holds $disk open"
	asked ""
	kill $pid
	wait $pid 2>/dev/null
}

# A domain that neither runs nor is started with the host is no reason.
libvirt_is_left_out_of_it() {
	make_libvirt false
	wants 0 $NESTPCI bind "$ALONE"
	says_not libvirt
	wants 0 $NESTPCI unbind "$ALONE"
	asked ""
	rm -r /run/libvirt /tmp/bin
}

# A user other than root is told which file it is about.
without_root() {
	cp "$(command -v ${NESTPCI%% *})" /tmp/nestpci-user
	chmod 755 /tmp/nestpci-user
	wants 3 su -s /bin/sh nobody -c "/tmp/nestpci-user bind $ALONE"
	says "this needs root: $DEVICES/$ALONE/driver_override"
	wants 0 su -s /bin/sh nobody -c "/tmp/nestpci-user list"
	wants 3 su -s /bin/sh nobody -c "/tmp/nestpci-user bind --dry-run $ALONE"
	says "only root can see that"
	has "$ALONE" nvme "(null)"
}

for test in list_shows_them malformed_addresses missing_addresses bridges_are_refused dry_run_changes_nothing \
	bind_loads_the_driver bind_and_unbind bind_twice json_tells_the_result an_override_that_was_there_comes_back \
	a_device_without_a_driver_comes_back_without unbind_without_a_record a_group_goes_together \
	mounted_disks_are_refused mounts_in_another_namespace_are_seen swap_is_refused open_disks_are_refused \
	open_controllers_are_refused a_node_elsewhere_is_seen the_default_route_is_refused an_open_group_is_refused \
	an_open_device_is_refused the_first_is_restored_when_the_second_fails a_driver_that_does_not_come unbind_is_all_or_nothing \
	a_write_that_hangs two_at_once killed_half_way \
	an_unbind_that_hangs a_third_driver_is_left loop_devices_are_refused inactive_members_are_refused \
	libvirt_moves_what_it_manages libvirt_may_refuse libvirt_is_left_out_of_it without_root; do
	t $test
done
exit $failed
