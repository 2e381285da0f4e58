/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/accel.h"

#include "host/kvm.h"

bool accel_kvm_can_nest(struct arena *arena, const char **reason)
{
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	if (root_open(&root, NULL, &error) < 0) {
		*reason = arena_strdup(arena, error.text);
		return false;
	}
	struct fact device = fact_exists(&root, arena, "/dev/kvm");
	struct fact extension = kvm_read_guest_extension(&root, arena);
	if (fact_absent(&device))
		*reason = "/dev/kvm: not there";
	else if (fact_absent(&extension))
		*reason = "KVM here gives its guests neither VMX nor SVM";
	else
		*reason = extension.problem;
	return fact_known(&extension);
}
