/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt as a keeper of devices (host/bind.h): of those that a domain has with managed='yes', if it runs or is started
 * with the host. When such a domain ends, libvirt gives its devices back to the drivers that it finds for them, unless it
 * was asked to detach them before (virsh nodedev-detach).
 */
#pragma once

#include "host/bind.h"
#include "vm/vm.h"

struct libvirt_keeper {
	struct bind_keeper keeper; /* first */
	const struct root *root;
	struct vms vms;
};

/* NULL: no domain has a device so. `keeper` must outlive its use. */
const struct bind_keeper *libvirt_keeper_open(const struct root *root, struct arena *arena,
					      struct libvirt_keeper *keeper);

/* The domain that has it; NULL: none. */
const char *libvirt_keeper_domain(const struct libvirt_keeper *keeper, struct pci_address address);
