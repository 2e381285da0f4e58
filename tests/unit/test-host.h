/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fake host: a tree of files as the kernel shows them, in the test's folder. */
#pragma once

#include "base/pci-address.h"
#include "base/root.h"
#include "unit.h"

#define FAKE_PATH_MAX 512

/* Folders that are missing on the way are made. */
static inline void fake_parents(void *const *state, const char *path)
{
	char folder[FAKE_PATH_MAX];
	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		put_directory(state, folder);
	}
}

static inline void fake_file(void *const *state, const char *path, const char *content)
{
	fake_parents(state, path);
	put_file(state, path, content);
}

/* `target` may be absolute: inside the root it stays inside. */
static inline void fake_link(void *const *state, const char *path, const char *target)
{
	fake_parents(state, path);
	put_link(state, path, target);
}

/* Path of a function's sysfs folder, or of something in it; good until the next call but seven. */
static inline const char *fake_path(const char *address, const char *name)
{
	static char paths[8][FAKE_PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 8];
	snprintf(path, FAKE_PATH_MAX, "/sys/devices/pci0000:00/%s/%s", address, name);
	return path;
}

/* A PCI function: "0x010802". `group` and `driver` may be NULL. */
static inline void fake_pci(void *const *state, const char *address, const char *class, const char *group,
			    const char *driver)
{
	char text[FAKE_PATH_MAX];
	fake_file(state, fake_path(address, "class"), class);
	fake_file(state, fake_path(address, "vendor"), "0x1b36\n");
	fake_file(state, fake_path(address, "device"), "0x0010\n");
	fake_file(state, fake_path(address, "subsystem_vendor"), "0x1af4\n");
	fake_file(state, fake_path(address, "subsystem_device"), "0x1100\n");
	fake_file(state, fake_path(address, "revision"), "0x02\n");
	fake_file(state, fake_path(address, "driver_override"), "(null)\n");
	snprintf(text, sizeof(text), "/sys/bus/pci/devices/%s", address);
	fake_link(state, text, fake_path(address, ""));
	if (driver) {
		snprintf(text, sizeof(text), "/sys/bus/pci/drivers/%s", driver);
		put_directory(state, text);
		fake_link(state, fake_path(address, "driver"), text);
	}
	if (group) {
		snprintf(text, sizeof(text), "/sys/kernel/iommu_groups/%s/devices/%s", group, address);
		fake_link(state, text, fake_path(address, ""));
		snprintf(text, sizeof(text), "/sys/kernel/iommu_groups/%s", group);
		fake_link(state, fake_path(address, "iommu_group"), text);
	}
}

/* Whether fake_device() makes links in /sys/dev, as every kernel does; a tree made by hand may lack them. */
static bool fake_has_dev = true;

/* The links that say that there is such a thing as /sys/dev, though nothing of ours may be in it. */
static inline void fake_dev(void *const *state)
{
	put_directory(state, "/sys/dev/block");
	put_directory(state, "/sys/class/block");
	put_directory(state, "/sys/devices/virtual/mem/null");
	fake_link(state, "/sys/dev/char/1:3", "../../devices/virtual/mem/null");
}

/* A kernel device in `folder` ("/sys/devices/.../nvme0n1p1"): `number` is "259:1", or NULL without a device node. */
static inline void fake_device(void *const *state, const char *folder, const char *subsystem, const char *number)
{
	char path[FAKE_PATH_MAX];
	char target[FAKE_PATH_MAX];
	snprintf(path, sizeof(path), "%s/subsystem", folder);
	snprintf(target, sizeof(target), "/sys/class/%s", subsystem);
	fake_link(state, path, target);
	snprintf(path, sizeof(path), "/sys/class/%s/%s", subsystem, strrchr(folder, '/') + 1);
	fake_link(state, path, folder);
	if (!number)
		return;
	snprintf(path, sizeof(path), "%s/dev", folder);
	fake_file(state, path, number);
	if (!fake_has_dev)
		return;
	snprintf(path, sizeof(path), "/sys/dev/%s/%.*s", strcmp(subsystem, "block") == 0 ? "block" : "char",
		 (int)strcspn(number, "\n"), number);
	snprintf(target, sizeof(target), "../..%s", folder + strlen("/sys"));
	fake_link(state, path, target);
}

static inline struct pci_address address_of(const char *text)
{
	struct pci_address address;
	assert_int(pci_address_parse(text, &address, NULL), 0);
	return address;
}

static inline void open_fake(void *const *state, struct root *root)
{
	struct error error;
	if (root_open(root, *state, &error) < 0)
		fail_msg("%s", error.text);
}
