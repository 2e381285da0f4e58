/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM: what the device answers (linux/kvm.h, KVM_CHECK_EXTENSION), and the parameters of its modules. The answers are
 * questions to a running kernel: an offline root has none.
 */
#pragma once

#include "base/fact.h"

struct kvm {
	struct fact device; /* /dev/kvm is there */
	struct fact api;    /* it opens; number: KVM_GET_API_VERSION, 12 */
	struct fact
		nested_state; /* number of KVM_CAP_NESTED_STATE: more than 0 means a guest can run guests under KVM */
	struct fact split_irqchip; /* KVM_CAP_SPLIT_IRQCHIP */
	struct fact x2apic_api;    /* KVM_CAP_X2APIC_API */
	const char *module;        /* "kvm_intel", "kvm_amd": loaded or built in; NULL: neither */
	struct fact nested;        /* switch: its parameter nested */
	struct fact ept;           /* switch: kvm_intel's ept or kvm_amd's npt */
};

void kvm_read(const struct root *root, struct arena *arena, struct kvm *ret);
