#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A real libvirtd, a real kernel with an IOMMU, and a device with two functions in one group: it is given to a domain with
# managed='yes', and the guest in it reads and writes both. Run as root in a VM that has nothing else to do; /l1.xml is the
# domain. Prints "ok NAME" or "not ok NAME: why" for each test, and what programs say as lines that begin with "# ".

export LIBVIRT_DEFAULT_URI=qemu:///system
failed=0

ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $*"
	failed=1
}
note() { sed 's/^/# /' "$@"; }

# t NAME CONDITION...: a command that must succeed.
t() {
	name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name: $*"; fi
}

functions() { ls /sys/bus/pci/drivers/"$1" | grep -c '^0000:'; }
has() { [ "$(functions "$1" 2>/dev/null || echo 0)" = "$2" ]; }
definition() { virsh -q dumpxml --inactive --security-info l1; }

virtlogd --pid-file /run/virtlogd.pid >/tmp/virtlogd.out 2>&1 &
libvirtd --pid-file /run/libvirtd.pid >/tmp/libvirtd.out 2>&1 &
libvirtd=$!
n=0
while ! virsh -q list >/tmp/list 2>&1 && [ $n -lt 300 ]; do
	usleep 200000
	kill -0 $libvirtd 2>/dev/null || break
	n=$((n + 1))
done
t libvirtd_answers virsh -q list
if [ $failed = 1 ]; then # nothing that follows would say anything
	note /tmp/libvirtd.out
	exit 1
fi
t both_functions_have_their_driver has nvme 2

t the_domain_is_defined virsh -q define /l1.xml
definition >/tmp/before
t the_definition_can_be_read [ -s /tmp/before ]
t nothing_is_done_when_it_is_shown nestpci viommu l1 --dry-run
t it_is_the_same_afterwards sh -c 'virsh -q dumpxml --inactive --security-info l1 | cmp -s - /tmp/before'
nestpci viommu l1 --yes --start >/tmp/given 2>&1
status=$?
note /tmp/given
t the_domain_has_its_viommu_and_runs [ $status = 0 ]
t functions_of_one_group_share_a_bridge grep -q 'one host group. are behind one PCIe-to-PCI bridge' /tmp/given
for check in present one caching-mode interrupt-remapping width first; do
	t "running_$check" grep -q "^PASS vm-viommu-$check " /tmp/given
done
t both_functions_are_given_away has vfio-pci 2
if [ $status != 0 ]; then
	note /tmp/libvirtd.out
	tail -n 20 /var/log/libvirt/qemu/l1.log | note
	exit 1
fi

# An open group is refused before libvirt is asked.
address=$(ls /sys/bus/pci/drivers/vfio-pci | grep '^0000:' | head -n 1)
nestpci unbind "$address" >/tmp/refused 2>&1
t unbind_is_refused_while_the_domain_runs grep -q 'holds /dev/vfio/' /tmp/refused

echo "{\"operation\": \"wait\", \"domain\": \"l1\", \"seconds\": 600}" | nestpci-libvirt >/tmp/waited
t the_guest_ends_by_itself grep -q result /tmp/waited
tr -d '\r' </tmp/l1.log | grep -E '@@L2|DMAR|nvme' | tail -n 25 | note
t the_guest_reads_and_writes_both [ "$(grep -c '@@L2 proved' /tmp/l1.log)" = 2 ]
t libvirt_gives_them_back has nvme 2

# Who keeps account of a device is the one who moves it.
virsh -q autostart l1
address=$(ls /sys/bus/pci/drivers/nvme | grep '^0000:' | head -n 1)
nestpci bind "$address" >/tmp/bound 2>&1
status=$?
note /tmp/bound
t bind_goes_by_libvirt [ $status = 0 ]
t and_says_so grep -q "note: libvirt moves $address, because domain l1 has it" /tmp/bound
t both_are_bound has vfio-pci 2
t unbind_goes_by_libvirt nestpci unbind "$address"
t both_are_back has nvme 2

nestpci undo --yes >/tmp/undone 2>&1
t the_definition_is_taken_back [ $? = 0 ]
t it_is_as_it_was_before sh -c 'virsh -q dumpxml --inactive --security-info l1 | cmp -s - /tmp/before'
exit $failed
