/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that belong to vfio-pci from boot on.
 *
 * By address: ids (vfio-pci.ids=) would take every device of the kind, the host's own disk included. The kernel's own
 * way for one device is driver_override (Documentation/ABI/testing/sysfs-bus-pci), and the one place where nothing has
 * loaded a driver yet is a script of the initramfs that runs before udev: initramfs-tools(7), scripts/init-top. A udev
 * rule comes too late where another device of the kind makes udev load the driver first, which then takes all; so does
 * an `install` line of modprobe.d, and that one is read only by modprobe, not by the kernel's built-in drivers. The
 * script gives a device back to nobody that a built-in driver took already: it unbinds that driver.
 *
 * vfio-pci itself need not be in the initramfs: until it is loaded, the device has no driver. Where it is built in, it
 * was registered before the override was there, and takes the device only when the bus is asked again (drivers_probe).
 *
 * Addresses move when cards do. So each device is named by its whole path through the bridges, and its ids are
 * compared; what is another device now is left alone, and the kernel's log tells.
 */
#include "change/makers.h"
#include "host/bind.h"
#include "host/pci.h"

/* "00": initramfs-tools orders scripts that do not ask for each other by tsort(1), that is by name; one is udev. */
static const struct own_file script = {
	"/etc/initramfs-tools/scripts/init-top/00nestpci", 0755,
	"#!/bin/sh\n"
	"# Written by nestpci; 'nestpci undo' takes it back.\n"
	"# Keeps devices for vfio-pci before any driver is loaded. A device that is another one now is left alone.\n"
	"case $1 in\n"
	"prereqs)\n"
	"\techo\n"
	"\texit 0\n"
	"\t;;\n"
	"esac\n"
	"\n"
	"# keep PATH VENDOR DEVICE SUBSYSTEM_VENDOR SUBSYSTEM_DEVICE\n"
	"keep() {\n"
	"\tdevice=/sys/devices/$1\n"
	"\tfound=\n"
	"\tfor id in vendor device subsystem_vendor subsystem_device; do\n"
	"\t\tvalue=none\n"
	"\t\t[ ! -r \"$device/$id\" ] || read -r value <\"$device/$id\"\n"
	"\t\tfound=\"$found $value\"\n"
	"\tdone\n"
	"\tif [ \"$found\" != \" $2 $3 $4 $5\" ]; then\n"
	"\t\techo \"nestpci: $1 is not $2:$3 $4:$5 but$found: left alone\" >/dev/kmsg\n"
	"\t\treturn\n"
	"\tfi\n"
	"\techo vfio-pci >\"$device/driver_override\"\n"
	"\t[ ! -e \"/sys/bus/pci/drivers/vfio-pci/${1##*/}\" ] || return 0\n"
	"\t[ ! -e \"$device/driver\" ] || echo \"${1##*/}\" >\"$device/driver/unbind\"\n"
	"\techo \"${1##*/}\" >/sys/bus/pci/drivers_probe\n"
	"}\n"
};

static const char *id_text(struct arena *arena, int32_t id)
{
	return id == PCI_UNKNOWN ? "none" : arena_printf(arena, "0x%04x", (unsigned int)id);
}

static int add_device(struct plan *plan, struct pci_address address, struct error *error)
{
	struct pci_function function;
	char name[PCI_ADDRESS_TEXT_MAX];
	char *real;
	static const char devices[] = "/sys/devices/";
	const char *link = pci_path(plan->arena, address, "");
	int r = pci_read_function(plan->root, plan->arena, address, &function, error);
	if (r == 0)
		r = root_real_path(plan->root, plan->arena, link, &real, error);
	if (r < 0)
		return r;
	if (!text_starts_with(real, devices) || function.vendor == PCI_UNKNOWN || function.device == PCI_UNKNOWN)
		return error_set(error, -EINVAL, "%s: its place (%s) or its ids are not known", link, real);
	pci_address_format(address, name);
	const char *line = arena_printf(plan->arena, "keep %s %s %s %s %s", real + strlen(devices),
					id_text(plan->arena, function.vendor), id_text(plan->arena, function.device),
					id_text(plan->arena, function.subsystem_vendor),
					id_text(plan->arena, function.subsystem_device));
	return make_line(plan, &script, line, arena_printf(plan->arena, "keep %s for vfio-pci from boot on", name),
			 error);
}

static int check_host(struct plan *plan, struct pci_address address, struct bind_plan *ret, struct error *error)
{
	static const struct bind_options options = { .timeout_ms = BIND_LIMIT_MS };
	if (plan->root->kind != ROOT_LIVE)
		return error_set(error, -ENOTSUP,
				 "whether a system needs a device can be judged on the running system alone: run this "
				 "there");
	int r = bind_check(plan->root, plan->arena, address, error);
	if (r == 0)
		r = bind_plan(plan->root, plan->arena, address, &options, ret, error);
	if (r < 0)
		return r;
	if (ret->refusals.count)
		return error_set(error, -EBUSY, "refused: %s", ret->refusals.items[0]);
	for (size_t i = 0; i < ret->notes.count; i++)
		list_add(&plan->notes, ret->notes.items[i]);
	return 0;
}

int make_bind_at_boot(struct plan *plan, const struct boot *boot, struct pci_address address, struct error *error)
{
	char name[PCI_ADDRESS_TEXT_MAX];
	struct bind_plan members;
	size_t planned = plan->count;
	pci_address_format(address, name);
	int r = check_host(plan, address, &members, error);
	if (r < 0)
		return error_prefix(error, r, "%s", name);
	if (!makers_have(plan->root, "/usr/sbin/update-initramfs", true) ||
	    !makers_have(plan->root, "/etc/initramfs-tools", true))
		return error_set(
			error, -ENOTSUP,
			"%s: only an initramfs of initramfs-tools is known to nestpci here. Have yours write "
			"'vfio-pci' to /sys/bus/pci/devices/%s/driver_override before it starts udev (dracut: a "
			"module with a pre-udev hook; mkinitcpio: a hook with run_earlyhook)",
			name, name);
	for (size_t i = 0; i < members.count && r == 0; i++)
		if (!members.members[i].stays || text_equals(members.members[i].before.driver, "vfio-pci"))
			r = add_device(plan, members.members[i].address, error);
	if (r == 0)
		r = make_module_load(plan, boot, "vfio-pci", error);
	if (r == 0 && plan->count > planned)
		r = make_initramfs(plan, "the script is part of the initramfs", error);
	return r;
}
