/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 'nestpci vm' shows of a VM, whoever manages it: gathered once, printed as a table, as text and as JSON. */
#pragma once

#include "base/json.h"
#include "vm/difference.h"
#include "vm/obstacle.h"
#include "vm/wrapper.h"

struct vm_view {
	const struct vm *vm;              /* as its next start will have it; as it runs, where it has no definition */
	const struct vm *now;             /* by the settings in force; the same where nothing is pending */
	const struct vm *running;         /* its QEMU; NULL: it does not run, or that is not known */
	const struct wrapper_vm *wrapper; /* how the QEMU wrapper acts on its starts here; NULL: it does not */
};

/* Whether a vIOMMU is there already, and will be there. */
enum vm_viommu_state {
	VM_VIOMMU_NONE,
	VM_VIOMMU_THERE,           /* defined; and there, if the VM runs */
	VM_VIOMMU_PENDING,         /* a pending change adds it */
	VM_VIOMMU_RUNNING_WITHOUT, /* defined, and not there: the VM was not started since, or started otherwise */
	VM_VIOMMU_RUNNING_ONLY, /* not defined, and there: the line was rewritten, or a pending change takes it away */
};

/* What all views are made of. */
struct vm_sources {
	const struct root *root;
	struct arena *arena;
	struct vms vms;
	struct wrapper_state wrapper;
};

/* Reads them; says what could not be read. */
void vm_sources_read(const struct root *root, struct arena *arena, struct vm_sources *ret);

struct vm_view vm_view_of(const struct vm_sources *sources, const struct vm *vm);

/* All VMs but processes of those that are there already: this host's first, then by node; by number. */
void vm_views_of(const struct vm_sources *sources, struct vm_view **ret, size_t *ret_count);

const char *vm_view_state(const struct vm_view *view); /* "running", "stopped", "unknown" */
enum vm_viommu_state vm_view_viommu(const struct vm_view *view);
const char *vm_viommu_state_name(enum vm_viommu_state state); /* "running-without" */

/* Where a vIOMMU of a sight comes from: "native", "args", "line", "wrapper". */
const char *vm_viommu_source(const struct vm *vm, const struct vm_viommu *viommu);

const char *vm_chipset(const struct vm *vm);  /* "q35", "i440fx", or NULL */
const char *vm_firmware(const struct vm *vm); /* "ovmf", "seabios", or NULL: not known */

/* "01:00", "gpu": what the VM is given, as short as can be. */
const char *vm_device_brief(struct arena *arena, const struct vm_device *device);

/* Members that 'vm list' prints of each VM; 'vm show' adds more. */
struct json_object *vm_view_to_json(struct arena *arena, const struct vm_view *view);

/* The VM that somebody means by an id, a name or a pid. -ENOENT: none; -ENOTUNIQ: several have that name. */
int vm_choose(const struct vms *vms, struct arena *arena, const char *what, const struct vm **ret, struct error *error)
	MUST_CHECK;
