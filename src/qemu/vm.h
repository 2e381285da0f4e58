/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VM that a QEMU command line describes, as far as a vIOMMU cares: machine type, accelerator, irqchip, and the
 * devices with the buses they make and sit on. Each thing knows the option it came from, so that it can be edited.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/pci-address.h"
#include "base/root.h"
#include "base/text.h"
#include "qemu/argv.h"
#include "qemu/keyval.h"

enum qemu_form {
	QEMU_KEYVAL, /* -device vfio-pci,host=... */
	QEMU_JSON,   /* -device {"driver":"vfio-pci",...}: created after all others (QEMU 6.2 and later) */
	QEMU_CONFIG, /* [device] of a -readconfig file */
};

struct qemu_device {
	const char *driver; /* "" when it has none */
	const char *id;     /* or NULL */
	enum qemu_form form;
	const struct qemu_option *option;
	struct keyval properties; /* JSON values as key=value would have them: true is "on"; what -set says, applied */
	bool changed_by_set;      /* a -set changes it: editing its own words would change nothing */
};

/* A -readconfig. */
struct qemu_config {
	const struct qemu_option *option;
	bool readable;       /* its devices are known */
	bool from_memory;    /* not readable, but its name is of a file that Proxmox VE ships: devices by that */
	const char *problem; /* why it is not readable, or NULL */
	size_t device_count;
};

struct qemu_global {
	const char *driver;
	const char *property;
	const char *value;
};

struct qemu_vm {
	const struct qemu_argv *argv;
	const char *program;               /* QEMU's word, or "" */
	const char *type;                  /* machine type in force, or NULL: QEMU's default (i440fx) */
	const struct qemu_option *machine; /* the last -machine, or NULL */

	const char *accelerator;                  /* "kvm", "tcg", "kvm:tcg", ...: as asked for; NULL: not named */
	bool bypasses_iommu;                      /* default_bus_bypass_iommu is on */
	const char *irqchip;                      /* kernel-irqchip in force, or NULL */
	const struct qemu_option *irqchip_option; /* the -machine or -accel that it stands in */

	struct qemu_device *devices; /* in the order in which QEMU creates them */
	size_t device_count;
	struct qemu_config *configs;
	size_t config_count;
	struct qemu_global *globals;
	size_t global_count;
};

/*
 * Reads the line. Files of -readconfig are read through `root` (NULL: not read). `argv` must outlive the result.
 * -EINVAL: something on the line that QEMU itself would refuse, such as a -device that is no JSON.
 */
int qemu_vm_read(struct arena *arena, const struct qemu_argv *argv, const struct root *root, struct qemu_vm *ret,
		 struct error *error) MUST_CHECK;

/* A property in force: the device's own, or that of a -global for its driver; NULL when neither says anything. */
const char *qemu_device_property(const struct qemu_vm *vm, const struct qemu_device *device, const char *property);

/* Whether a device takes its address space when it is created, so that a vIOMMU behind it comes too late. */
bool qemu_device_is_vfio(const struct qemu_device *device);

/* False for what is known to sit on another bus than PCI: USB, SCSI, ISA, memory, CPUs. */
bool qemu_device_is_pci(const char *driver);

/* The host's address of a vfio-pci device, from host= or sysfsdev=. False: it has none that is known. */
bool qemu_device_host(const struct qemu_device *device, struct pci_address *ret);

/* The device whose secondary bus is called `bus`, or NULL. */
const struct qemu_device *qemu_find_bus(const struct qemu_vm *vm, const char *bus);

/* The bridge that a device names as its bus; NULL for a root bus, and for a bus that nobody knows. */
const struct qemu_device *qemu_parent_bridge(const struct qemu_vm *vm, const struct qemu_device *device);

/* Nobody stacks more; a line whose bridges name each other in a circle has no end. */
#define QEMU_BRIDGE_DEPTH_MAX 16

/* "0x10", "0x10.0", "10.1": slot and function (hexadecimal). False: not of that form. */
bool qemu_parse_slot(const char *text, unsigned int *slot, unsigned int *function);
