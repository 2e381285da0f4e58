/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a maker of changes asks the helper of a domain's definition (docs/libvirt-helper.md, "Editing"). */
#pragma once

#include "base/error.h"
#include "base/root.h"
#include "qemu/viommu.h"

/* What else a change of a definition has to do with. */
struct libvirt_stakes {
	uint64_t version; /* of the daemon, as libvirt counts: 9.0.0 is 9000000; 0: not known */
	uint64_t snapshots;
};

/*
 * -ENOTSUP: a transient domain, which has no definition; -EBUSY: a saved state would be what starts next; the text says
 * what to do. `vm`: a handle (vm/libvirt-manager.h).
 */
int libvirt_read_stakes(const struct root *root, struct arena *arena, const char *vm, struct libvirt_stakes *ret,
			struct error *error) MUST_CHECK;

struct libvirt_wishes {
	bool viommu;
	bool no_viommu;
	bool q35;
	bool host_cpu;
	struct viommu_options options;
	uint64_t version;                          /* of the daemon */
	const struct viommu_group_member *members; /* of the host's groups, as far as they are known */
	size_t member_count;
};

struct libvirt_edited {
	const char *xml;
	bool changed;
	struct list done;     /* a sentence each */
	struct list warnings; /* likewise */
};

/* -ENOTSUP: not by editing; -EINVAL: not to be understood. */
int libvirt_edit(struct arena *arena, const char *xml, const struct libvirt_wishes *wishes, struct libvirt_edited *ret,
		 struct error *error) MUST_CHECK;

/* Whether libvirt would take a definition and make a QEMU line of it. Nothing is stored. */
int libvirt_try(const struct root *root, struct arena *arena, const char *vm, const char *xml, struct error *error)
	MUST_CHECK;
