#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# 'nestpci apply' and 'undo' on files of a vfat: no owner, no permissions of a file's own, no xattrs, times of two seconds.
# Run as root inside a machine whose ESP, of which nobody minds the content, is mounted on /boot/efi, or named by $1.
# Prints "ok NAME" or "not ok NAME: why" for each test; exit status 1 when one was not ok.

NESTPCI=${NESTPCI:-nestpci}
DEVICE=${1:-$(awk '$2 == "/boot/efi" { print $1 }' /proc/mounts)}
PLACE=/tmp/vfat
TREE=$PLACE/tree
CONF=$TREE/etc/modules-load.d/nestpci.conf
OUT=/tmp/vfat.out
failed=0
umount "$DEVICE" # else all mounts of it have the options of the first

problem() { [ -n "$problem" ] || problem="$*"; }

# mounts OPTIONS: anew
mounts() {
	umount $PLACE 2>/dev/null
	mkdir -p $PLACE
	mount -t vfat -o "$1" "$DEVICE" $PLACE || problem "cannot mount $DEVICE"
}

# wants STATUS COMMAND...: what it prints is in $OUT.
wants() {
	want=$1
	shift
	"$@" >$OUT 2>&1
	got=$?
	[ $got -eq "$want" ] || problem "'$*' gave $got, wanted $want"
}

applies() { wants "$1" $NESTPCI apply --yes --root $TREE --load-module vfio-pci; }
undoes() { wants "$1" $NESTPCI undo --yes --root $TREE; }
says() { grep -qF -- "$1" $OUT || problem "does not say '$1'"; }
holds() { [ "$(cat $CONF 2>&1)" = "$1" ] || problem "the file holds '$(cat $CONF 2>&1)', not '$1'"; }
no_leftover() { [ -z "$(find $TREE -name '.*.nestpci')" ] || problem "left: $(find $TREE -name '.*.nestpci')"; }

# Each test begins with a file that somebody else wrote, a while ago.
t() {
	problem=
	mounts umask=0077
	rm -rf $TREE
	mkdir -p $TREE/etc/modules-load.d
	echo kvm >$CONF
	touch -d '2020-02-02 02:02:02' $CONF
	"$1"
	if [ -z "$problem" ]; then
		echo "ok $1"
	else
		echo "not ok $1: $problem"
		failed=1
		sed 's/^/# /' $OUT
	fi
}

edits_and_gives_back() {
	before=$(stat -c '%Y %a %u' $CONF)
	applies 0
	grep -q vfio-pci $CONF || problem "nothing was written"
	grep -q kvm $CONF || problem "what stood there is gone"
	applies 0
	says "nothing to do"
	undoes 0
	holds kvm
	[ "$(stat -c '%Y %a %u' $CONF)" = "$before" ] || problem "was $before, is $(stat -c '%Y %a %u' $CONF)"
	no_leftover
}

makes_and_removes() {
	rm -r $TREE/etc/modules-load.d
	applies 0
	grep -q vfio-pci $CONF || problem "nothing was written"
	undoes 0
	[ ! -e $TREE/etc/modules-load.d ] || problem "the folder is still there"
}

gives_back_when_mounted_anew() {
	applies 0
	mounts umask=0077
	applies 0
	says "nothing to do"
	undoes 0
	holds kvm
}

# Permissions and owner are the mount's, not the file's: another mount changes no file.
gives_back_under_other_permissions() {
	applies 0
	mounts umask=0022,uid=1
	applies 0
	says "nothing to do"
	undoes 0
	holds kvm
}

sees_what_was_edited() {
	applies 0
	echo mine >>$CONF
	undoes 3
	says "was edited since"
}

says_that_it_is_read_only() {
	mount -o remount,ro $PLACE
	applies 3
	says "Read-only file system"
	holds kvm
}

says_that_it_is_full() {
	dd if=/dev/zero of=$PLACE/filler bs=1M 2>/dev/null
	applies 3
	says "No space left on device"
	holds kvm
	no_leftover
	rm $PLACE/filler
	applies 0
	undoes 0
	holds kvm
}

t edits_and_gives_back
t makes_and_removes
t gives_back_when_mounted_anew
t gives_back_under_other_permissions
t sees_what_was_edited
t says_that_it_is_read_only
t says_that_it_is_full
umount $PLACE
exit $failed
