/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/accel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Linux Documentation/virt/kvm/api.rst, 4.1: "applications should refuse to run" with any other. */
#define API_VERSION 12
#define CPUID_ENTRIES_MAX 256

/* CPUID leaf 1 ECX bit 5: VMX (Intel SDM 2A, CPUID). Leaf 0x80000001 ECX bit 2: SVM (AMD APM 3, E.4.2). */
#define LEAF_FEATURES 0x1U
#define VMX (1U << 5)
#define LEAF_EXTENDED_FEATURES 0x80000001U
#define SVM (1U << 2)

static bool shows_extension(const struct kvm_cpuid2 *cpuid)
{
	for (unsigned int i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];
		if ((entry->function == LEAF_FEATURES && (entry->ecx & VMX)) ||
		    (entry->function == LEAF_EXTENDED_FEATURES && (entry->ecx & SVM)))
			return true;
	}
	return false;
}

bool accel_kvm_can_nest(struct arena *arena, const char **reason)
{
	AUTO_CLOSE int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		*reason = arena_printf(arena, "/dev/kvm: %s", strerror(errno));
		return false;
	}
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != API_VERSION) {
		*reason = "/dev/kvm speaks another version of its interface";
		return false;
	}
	struct kvm_cpuid2 *cpuid = arena_alloc(arena,
					       sizeof(*cpuid) + CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2));
	cpuid->nent = CPUID_ENTRIES_MAX;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0) {
		*reason = arena_printf(arena, "/dev/kvm: KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
		return false;
	}
	if (!shows_extension(cpuid)) {
		*reason = "KVM here gives its guests neither VMX nor SVM";
		return false;
	}
	return true;
}
