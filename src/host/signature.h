/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a disk carries that other programs put together: the few signatures that matter, where there is no udev to ask. */
#pragma once

/*
 * "LUKS", "LVM2", "MD RAID", "ZFS" by the first signature in an open file or block device; NULL: none of them. Returns 0 or
 * a negative errno.
 */
int signature_find(int fd, const char **ret);
