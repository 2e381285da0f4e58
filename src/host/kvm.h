/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM: what the device answers (Linux Documentation/virt/kvm/api.rst), and the parameters of its modules. The answers are
 * questions to a running kernel: an offline root has none.
 */
#pragma once

#include "base/fact.h"

struct kvm {
	struct fact device; /* /dev/kvm is there */
	struct fact api;    /* it opens; number: KVM_GET_API_VERSION, 12 */
	/*
	 * Text is the virtualization extension that KVM would show its guests, "vmx" or "svm" (KVM_GET_SUPPORTED_CPUID): with
	 * one, guests can run guests under KVM. ABSENT: it would show none. This is what tells; the next only says that the
	 * state of such a guest could be saved, and is more than 0 with the parameter nested off, too.
	 */
	struct fact guest_extension;
	struct fact nested_state;  /* number of KVM_CAP_NESTED_STATE; 0: no guest can run guests under KVM */
	struct fact split_irqchip; /* KVM_CAP_SPLIT_IRQCHIP */
	struct fact x2apic_api;    /* KVM_CAP_X2APIC_API */
	const char *module;        /* "kvm_intel", "kvm_amd": loaded or built in; NULL: neither */
	struct fact nested;        /* switch: its parameter nested */
	struct fact ept;           /* switch: kvm_intel's ept or kvm_amd's npt */
};

void kvm_read(const struct root *root, struct arena *arena, struct kvm *ret);

/* Only guest_extension. ABSENT also where there is no device. */
struct fact kvm_read_guest_extension(const struct root *root, struct arena *arena);
