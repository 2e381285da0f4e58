/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of the host, as libvirt manages them: it keeps account of which are detached, and for whom. */
#include <errno.h>

#include "base/pci-address.h"
#include "libvirt/operation.h"

static void node_cleanup(virNodeDevicePtr *node)
{
	if (*node)
		virNodeDeviceFree(*node);
}

#define AUTO_NODE CLEANUP(node_cleanup) virNodeDevicePtr

static int find_node(struct call *call, virNodeDevicePtr *ret, struct error *error)
{
	const char *text;
	struct pci_address address;
	int r = call_need_text(call, "address", &text, error);
	if (r == 0)
		r = pci_address_parse(text, &address, error);
	if (r < 0)
		return r;
	/* virsh nodedev-list's names. */
	const char *name = arena_printf(call->arena, "pci_%04x_%02x_%02x_%x", address.domain, address.bus,
					address.device, address.function);
	*ret = virNodeDeviceLookupByName(call->connection, name);
	return *ret ? 0 : call_failed(error, "%s: libvirt knows no such device", text);
}

/*
 * {"operation": "node-detach", "address": "0000:01:00.0"}: from its driver to vfio-pci. Whoever asks has made sure that
 * nothing uses it: a driver whose device is in use can hold libvirt up for ever.
 */
static int detach(struct call *call, struct json_object *result, struct error *error)
{
	AUTO_NODE node = NULL;
	int r = find_node(call, &node, error);
	if (r == 0 && virNodeDeviceDetachFlags(node, "vfio", 0) < 0)
		r = call_failed(error, "detach %s", virNodeDeviceGetName(node));
	return r;
}

static int reattach(struct call *call, struct json_object *result, struct error *error)
{
	AUTO_NODE node = NULL;
	int r = find_node(call, &node, error);
	if (r == 0 && virNodeDeviceReAttach(node) < 0)
		r = call_failed(error, "reattach %s", virNodeDeviceGetName(node));
	return r;
}

static const struct operation operations[] = {
	{ "node-detach", ACCESS_WRITE, detach },
	{ "node-reattach", ACCESS_WRITE, reattach },
};

const struct family family_nodes = { operations, ARRAY_SIZE(operations) };
