/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which programs a system has, for makers. */
#include "change/grub-edit.h"
#include "change/makers.h"

static const char *const places[] = {
	"/usr/sbin/update-initramfs", "/usr/bin/dracut",         "/usr/bin/mkinitcpio",    "/usr/sbin/update-grub",
	"/sbin/update-grub",          "/usr/sbin/grub-mkconfig", "/usr/bin/grub-mkconfig", "/usr/sbin/grub2-mkconfig",
	"/usr/bin/grub2-mkconfig",    "/boot/grub/grub.cfg",     "/boot/grub2/grub.cfg",   "/etc/initramfs-tools",
	"/var/lib/dpkg/status",
};

/* Our own files: they are edited, and so read as a whole. */
static const char *const files[] = {
	GRUB_DROP_IN,
	"/etc/modprobe.d/nestpci.conf",
	"/etc/modules-load.d/nestpci.conf",
	"/etc/initramfs-tools/scripts/init-top/00nestpci",
};

void makers_look(const struct root *root, struct arena *arena)
{
	const char *script;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		(void)root_exists(root, places[i]);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct slice text;
		char *real;
		(void)!root_real_path(root, arena, files[i], &real, NULL);
		(void)!root_read(root, arena, files[i], &text, NULL);
	}
	(void)boot_grub_reads_drop_ins(root, arena, &script);
}

bool makers_have(const struct root *root, const char *program, bool is_debians)
{
	struct stat status;
	int r = root_stat(root, program, &status, NULL);
	if (r == -ENODATA && root->snapshot)
		return is_debians && root_exists(root, "/var/lib/dpkg/status");
	return r == 0;
}
