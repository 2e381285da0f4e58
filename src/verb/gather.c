/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/gather.h"

#include "boot/boot.h"
#include "change/makers.h"
#include "host/host.h"
#include "host/kernel-log.h"
#include "host/passable-read.h"
#include "host/pci-ids.h"
#include "vm/vm.h"
#include "vm/wrapper.h"

struct gathering {
	const struct root *root;
	struct arena *arena;
	const struct gather_options *options;
	struct host host;
};

/* The host, and everything about each of its devices: whichever is asked for later. */
static int read_host(struct gathering *gathering, struct error *error)
{
	struct host *host = &gathering->host;
	int r = host_read(gathering->root, gathering->arena, host, error);
	if (r < 0)
		return r;
	host_add_meant_devices(gathering->root, gathering->arena, host);
	for (size_t i = 0; i < host->functions.count; i++)
		host_add_device(gathering->arena, host, host->functions.items[i].address, "captured");
	host_read_devices(gathering->root, gathering->arena, host);
	return 0;
}

static int read_names(struct gathering *gathering, struct error *error)
{
	pci_read_revisions(gathering->root, gathering->arena, &gathering->host.functions);
	return pci_ids_fill(gathering->root, gathering->arena, &gathering->host.functions, error);
}

/* For `list` and `show`. */
static int read_passables(struct gathering *gathering, struct error *error)
{
	struct passables passables;
	return passable_read_all(gathering->root, gathering->arena, &passables, error);
}

static int read_boot(struct gathering *gathering, struct error *error)
{
	const struct fact *release = &gathering->host.kernel.release;
	struct boot boot;
	boot_read(gathering->root, gathering->arena, fact_known(release) ? release->text : NULL, &boot);
	return 0;
}

/* For `plan`. */
static int read_for_changes(struct gathering *gathering, struct error *error)
{
	makers_look(gathering->root, gathering->arena);
	return 0;
}

static int read_vms(struct gathering *gathering, struct error *error)
{
	struct vms vms;
	struct wrapper_state wrapper;
	vm_read_all(gathering->root, gathering->arena, &vms);
	wrapper_state_read(gathering->root, gathering->arena, &wrapper);
	/* By what is in force, without pending changes, other devices may be looked at. */
	for (size_t i = 0; i < vms.count; i++)
		vm_without_pending(gathering->root, gathering->arena, &vms.items[i]);
	return 0;
}

static int read_log(struct gathering *gathering, struct error *error)
{
	struct kernel_log log;
	if (gathering->options->log)
		kernel_log_read(gathering->root, gathering->arena, &log);
	return 0;
}

/* In this order: later ones may need what earlier ones found. */
static const struct {
	const char *what;
	int (*read)(struct gathering *gathering, struct error *error);
} readers[] = {
	{ "the host", read_host },
	{ "names of devices", read_names },
	{ "what can be passed on", read_passables },
	{ "how it boots", read_boot },
	{ "what changes need", read_for_changes },
	{ "VMs", read_vms },
	{ "the kernel's log", read_log },
};

void gather_all(const struct root *root, struct arena *arena, const struct gather_options *options,
		struct list *problems)
{
	struct gathering gathering = { .root = root, .arena = arena, .options = options };
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		struct error error;
		int r = readers[i].read(&gathering, &error);
		/* That there is none of a thing is an outcome like any other. */
		if (r < 0 && !root_absent(r))
			list_printf(problems, "%s: %s", readers[i].what, error.text);
	}
}
