/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE "/dev/kvm"

/* Documentation/virt/kvm/api.rst, 4.1: "applications should refuse to run" with any other. */
#define API_VERSION 12
#define CPUID_ENTRIES_MAX 256

/* CPUID leaf 1 ECX bit 5: VMX (Intel SDM 2A, CPUID). Leaf 0x80000001 ECX bit 2: SVM (AMD APM 3, E.4.2). */
#define LEAF_FEATURES 0x1U
#define VMX (1U << 5)
#define LEAF_EXTENDED_FEATURES 0x80000001U
#define SVM (1U << 2)

static int open_kvm(struct error *error)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, DEVICE);
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version == API_VERSION)
		return fd;
	int code = version < 0 ? -errno : -EPROTO;
	close(fd);
	if (version < 0)
		return error_set_errno(error, code, DEVICE ": KVM_GET_API_VERSION");
	return error_set(error, code, DEVICE ": version %d of its interface, which is not %d", version, API_VERSION);
}

static int ask_api(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	(void)what;
	AUTO_CLOSE int fd = open_kvm(error);
	if (fd < 0)
		return fd;
	*ret = arena_printf(arena, "%d", API_VERSION);
	return 0;
}

static int ask_extension(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	AUTO_CLOSE int fd = open_kvm(error);
	if (fd < 0)
		return fd;
	int answer = ioctl(fd, KVM_CHECK_EXTENSION, (unsigned long)*(const unsigned int *)what);
	if (answer < 0)
		return error_set_errno(error, -errno, DEVICE ": KVM_CHECK_EXTENSION");
	*ret = arena_printf(arena, "%d", answer);
	return 0;
}

#if defined(__x86_64__) || defined(__i386__)
static const char *extension_in(const struct kvm_cpuid2 *cpuid)
{
	for (unsigned int i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];
		if (entry->function == LEAF_FEATURES && (entry->ecx & VMX))
			return "vmx";
		if (entry->function == LEAF_EXTENDED_FEATURES && (entry->ecx & SVM))
			return "svm";
	}
	return NULL;
}

/* vmx_set_cpu_caps() and svm_set_cpu_caps() in arch/x86/kvm show the extension where nesting is possible and on. */
static int ask_guest_extension(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	(void)what;
	AUTO_CLOSE int fd = open_kvm(error);
	if (fd < 0)
		return fd;
	struct kvm_cpuid2 *cpuid = arena_alloc(arena,
					       sizeof(*cpuid) + CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2));
	cpuid->nent = CPUID_ENTRIES_MAX;
	if (ioctl(fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return error_set_errno(error, -errno, DEVICE ": KVM_GET_SUPPORTED_CPUID");
	const char *extension = extension_in(cpuid);
	*ret = extension ? extension : "none";
	return 0;
}
#else
static int ask_guest_extension(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	(void)arena;
	(void)what;
	(void)ret;
	return error_set(error, -ENOTSUP, DEVICE ": nesting is only known of x86");
}
#endif

static struct fact ask(const struct root *root, struct arena *arena, const char *key, root_question *question,
		       const void *what)
{
	struct error error;
	const char *answer = NULL;
	int r = root_ask(root, arena, key, question, what, &answer, &error);
	struct fact fact = fact_of(arena, DEVICE, answer, r, &error);
	uint64_t number;
	if (r >= 0 && text_to_number(answer, 10, INT32_MAX, &number) == 0)
		fact.number = (int64_t)number;
	return fact;
}

struct fact kvm_read_guest_extension(const struct root *root, struct arena *arena)
{
	struct fact fact = ask(root, arena, "kvm/guest_extension", ask_guest_extension, NULL);
	if (fact_is(&fact, "none"))
		fact = (struct fact){ .state = FACT_ABSENT, .path = fact.path };
	return fact;
}

/* A module that has parameters has this folder whether it is loaded or built in. */
static void read_module(const struct root *root, struct arena *arena, struct kvm *kvm)
{
	static const struct {
		const char *name;
		const char *nested;
		const char *paging;
	} modules[] = {
		{ "kvm_intel", "/sys/module/kvm_intel/parameters/nested", "/sys/module/kvm_intel/parameters/ept" },
		{ "kvm_amd", "/sys/module/kvm_amd/parameters/nested", "/sys/module/kvm_amd/parameters/npt" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		if (!root_exists(root, arena_printf(arena, "/sys/module/%s", modules[i].name)))
			continue;
		kvm->module = modules[i].name;
		kvm->nested = fact_read_switch(root, arena, modules[i].nested);
		kvm->ept = fact_read_switch(root, arena, modules[i].paging);
		return;
	}
}

void kvm_read(const struct root *root, struct arena *arena, struct kvm *ret)
{
	static const unsigned int nested_state = KVM_CAP_NESTED_STATE;
	static const unsigned int split_irqchip = KVM_CAP_SPLIT_IRQCHIP;
	static const unsigned int x2apic_api = KVM_CAP_X2APIC_API;
	*ret = (struct kvm){ .device = fact_exists(root, arena, DEVICE) };
	read_module(root, arena, ret);
	/* Where the device is not there nobody needs to be asked, and nobody loads a module by asking. */
	if (fact_absent(&ret->device)) {
		ret->api = ret->guest_extension = ret->device;
		ret->nested_state = ret->split_irqchip = ret->x2apic_api = ret->device;
		return;
	}
	ret->api = ask(root, arena, "kvm/api", ask_api, NULL);
	ret->guest_extension = kvm_read_guest_extension(root, arena);
	ret->nested_state = ask(root, arena, "kvm/nested_state", ask_extension, &nested_state);
	ret->split_irqchip = ask(root, arena, "kvm/split_irqchip", ask_extension, &split_irqchip);
	ret->x2apic_api = ask(root, arena, "kvm/x2apic_api", ask_extension, &x2apic_api);
}
