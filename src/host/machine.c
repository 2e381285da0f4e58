/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/machine.h"

#include <ctype.h>
#include <errno.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#define DMI "/sys/class/dmi/id/"
#define HUGEPAGES "/sys/kernel/mm/hugepages/hugepages-"

/* ---- Which hypervisor ---- */

#if defined(__x86_64__) || defined(__i386__)
/* Leaf 1, ECX bit 31: there is a hypervisor; its leaves are 0x40000000 and, where it speaks for several, 0x100 apart. */
#define LEAF_HYPERVISOR 0x40000000U
#define LEAF_HYPERVISOR_END 0x40010000U /* as far as Linux looks: hypervisor_cpuid_base() */

static void read_signature(unsigned int leaf, char signature[13])
{
	unsigned int eax;
	unsigned int words[3];
	__cpuid(leaf, eax, words[0], words[1], words[2]);
	(void)eax;
	memcpy(signature, words, sizeof(words));
	signature[12] = '\0';
	for (char *at = signature; *at; at++)
		if (!isprint((unsigned char)*at))
			*at = '?';
}

/* KVM that also speaks Hyper-V's language puts that first, and its own name 0x100 further on. */
static int ask_hypervisor(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	unsigned int eax;
	unsigned int ebx;
	unsigned int ecx;
	unsigned int edx;
	char first[13];
	char other[13];
	(void)what;
	__cpuid(1, eax, ebx, ecx, edx);
	if (!(ecx & 1U << 31))
		return error_set(error, -ENOENT, "CPUID: no hypervisor");
	read_signature(LEAF_HYPERVISOR, first);
	*ret = arena_strdup(arena, first);
	for (unsigned int leaf = LEAF_HYPERVISOR; leaf < LEAF_HYPERVISOR_END; leaf += 0x100) {
		read_signature(leaf, other);
		if (text_starts_with(other, "KVMKVMKVM")) {
			*ret = arena_strdup(arena, other);
			break;
		}
	}
	return 0;
}
#else
static int ask_hypervisor(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	(void)arena;
	(void)what;
	(void)ret;
	return error_set(error, -ENOTSUP, "CPUID: only x86 has it");
}
#endif

static struct fact read_hypervisor(const struct root *root, struct arena *arena)
{
	struct error error;
	const char *signature = NULL;
	int r = root_ask(root, arena, "cpuid/hypervisor", ask_hypervisor, NULL, &signature, &error);
	return fact_of(arena, "CPUID 0x40000000", signature, r, &error);
}

/*
 * Makers' names that stand in the DMI of their virtual machines only (detect_vm_dmi_vendor() in systemd's
 * src/basic/virt.c). Amazon's and Google's stand on their bare metal as well.
 */
static bool dmi_is_virtual(const struct fact *fact)
{
	static const char *const names[] = { "QEMU",      "VMware",        "VMW",       "innotek GmbH",   "VirtualBox",
					     "Xen",       "Bochs",         "Parallels", "BHYVE",          "KubeVirt",
					     "OpenStack", "Standard PC (", "KVM",       "Virtual Machine" };
	for (size_t i = 0; fact_known(fact) && i < ARRAY_SIZE(names); i++)
		if (text_starts_with(fact->text, names[i]))
			return true;
	return false;
}

static void judge_vm(struct machine *machine, struct arena *arena, const struct cpu *cpu)
{
	const struct fact *sign = NULL;
	if (fact_known(&machine->hypervisor))
		sign = &machine->hypervisor;
	else if (dmi_is_virtual(&machine->dmi_vendor))
		sign = &machine->dmi_vendor;
	else if (dmi_is_virtual(&machine->dmi_product))
		sign = &machine->dmi_product;
	if (sign)
		machine->vm_evidence = arena_printf(arena, "%s: %s", sign->path, sign->text);
	else if (cpu && cpu->hypervisor)
		machine->vm_evidence = arena_printf(arena, "%s: flag hypervisor", cpu->cpuinfo.path);
	machine->is_vm = machine->vm_evidence != NULL;
}

/*
 * systemd says in the first file what it runs in, Docker and Podman leave the others. Whoever leaves none is seen by
 * the number of the first PID namespace, which is always the same (PROC_PID_INIT_INO in include/linux/proc_ns.h).
 */
static struct fact read_container(const struct root *root, struct arena *arena)
{
	static const char manager[] = "/run/systemd/container";
	static const char namespace[] = "/proc/self/ns/pid";
	struct fact fact = fact_read_line(root, arena, manager);
	if (!fact_absent(&fact))
		return fact;
	fact = fact_exists(root, arena, "/.dockerenv");
	if (fact_known(&fact))
		fact.text = "docker";
	if (!fact_absent(&fact))
		return fact;
	fact = fact_exists(root, arena, "/run/.containerenv");
	if (fact_known(&fact))
		fact.text = "podman";
	if (!fact_absent(&fact))
		return fact;
	struct fact number = fact_read_link_name(root, arena, namespace);
	if (fact_known(&number) && text_starts_with(number.text, "pid:[") &&
	    !text_equals(number.text, "pid:[4026531836]"))
		return (struct fact){ .state = FACT_KNOWN, .path = namespace };
	return (struct fact){ .state = FACT_ABSENT, .path = manager };
}

/* ---- Memory ---- */

/* "MemTotal:       16316412 kB": the number behind a name; ABSENT where there is no such line. */
static struct fact find_number(struct arena *arena, const struct fact *file, struct slice text, const char *name)
{
	struct fact fact = *file;
	struct slice line;
	struct slice word;
	uint64_t number;
	if (!fact_known(file))
		return fact;
	fact.state = FACT_ABSENT;
	while (slice_next_line(&text, &line)) {
		if (!slice_next_word(&line, &word) || !slice_equals(word, name) || !slice_next_word(&line, &word))
			continue;
		fact.text = arena_strndup(arena, word.start, word.length);
		fact.state = FACT_KNOWN;
		if (text_to_number(fact.text, 10, INT64_MAX, &number) == 0) {
			fact.number = (int64_t)number;
			return fact;
		}
		fact.state = FACT_WRONG;
		fact.problem = arena_printf(arena, "%s: %s '%.64s' is not a number", fact.path, name, fact.text);
		return fact;
	}
	return fact;
}

static void read_memory(const struct root *root, struct arena *arena, struct machine *machine)
{
	struct error error;
	struct slice text = slice_of("");
	int r = root_read(root, arena, "/proc/meminfo", &text, &error);
	struct fact file = fact_of(arena, "/proc/meminfo", NULL, r, &error);
	machine->memory_total = find_number(arena, &file, text, "MemTotal:");
	machine->memory_available = find_number(arena, &file, text, "MemAvailable:");
	machine->hugepages_2m = fact_read_number(root, arena, HUGEPAGES "2048kB/free_hugepages", 10);
	machine->hugepages_1g = fact_read_number(root, arena, HUGEPAGES "1048576kB/free_hugepages", 10);
}

/* "always [madvise] never" */
static struct fact read_choice(const struct root *root, struct arena *arena, const char *path)
{
	struct fact fact = fact_read_line(root, arena, path);
	if (!fact_known(&fact))
		return fact;
	const char *open = strchr(fact.text, '[');
	const char *close = open ? strchr(open, ']') : NULL;
	if (close) {
		fact.text = arena_strndup(arena, open + 1, (size_t)(close - open) - 1);
		return fact;
	}
	fact.state = FACT_WRONG;
	fact.problem = arena_printf(arena, "%s: '%.64s' has no choice in brackets", path, fact.text);
	return fact;
}

/* "Max locked memory         8388608              8388608              bytes" (proc_pid_limits() in fs/proc/base.c) */
static struct fact read_memlock(const struct root *root, struct arena *arena)
{
	static const char path[] = "/proc/self/limits";
	static const char name[] = "Max locked memory ";
	struct error error;
	struct slice text = slice_of("");
	struct slice line;
	struct slice word;
	struct fact fact = fact_of(arena, path, NULL, root_read(root, arena, path, &text, &error), &error);
	if (!fact_known(&fact))
		return fact;
	while (slice_next_line(&text, &line)) {
		if (line.length < sizeof(name) || memcmp(line.start, name, sizeof(name) - 1) != 0)
			continue;
		uint64_t number;
		line = (struct slice){ line.start + sizeof(name) - 1, line.length - sizeof(name) + 1 };
		fact.text = slice_next_word(&line, &word) ? arena_strndup(arena, word.start, word.length) : "";
		if (text_equals(fact.text, "unlimited")) {
			fact.number = -1;
		} else if (text_to_number(fact.text, 10, INT64_MAX, &number) == 0) {
			fact.number = (int64_t)number;
		} else {
			fact.state = FACT_WRONG;
			fact.problem = arena_printf(arena, "%s: '%.64s' is no limit", path, fact.text);
		}
		return fact;
	}
	return (struct fact){ .state = FACT_ABSENT, .path = path };
}

/* ---- Interrupts ---- */

static bool starts_with(struct slice slice, const char *prefix)
{
	return slice.length >= strlen(prefix) && memcmp(slice.start, prefix, strlen(prefix)) == 0;
}

/*
 * " 24:    0    7   IR-PCI-MSI 524288-edge   xhci_hcd": number, a counter for each processor, chip, what it is for. The
 * chip's name begins with a letter. False: a line of another kind.
 */
static bool split_interrupt(struct slice line, struct slice *number, struct slice *chip)
{
	line = slice_trim(line);
	size_t at = 0;
	while (at < line.length && isdigit((unsigned char)line.start[at]))
		at++;
	if (at == 0 || at == line.length || line.start[at] != ':')
		return false;
	*number = (struct slice){ line.start, ++at };
	while (at < line.length && (isdigit((unsigned char)line.start[at]) || line.start[at] == ' '))
		at++;
	*chip = (struct slice){ line.start + at, line.length - at };
	return chip->length > 0;
}

/*
 * A remapped chip is named "IR-..." (intel_ir_chip in drivers/iommu/intel/irq_remapping.c, amd_ir_chip in
 * drivers/iommu/amd/iommu.c; for MSI the prefix in their msi_parent_ops).
 */
static void read_interrupts(const struct root *root, struct arena *arena, struct machine *machine)
{
	static const char path[] = "/proc/interrupts";
	struct error error;
	struct slice rest = slice_of("");
	struct slice line;
	struct slice number;
	struct slice chip;
	machine->interrupts = fact_of(arena, path, NULL, root_read(root, arena, path, &rest, &error), &error);
	bool has_remapped = false;
	while (slice_next_line(&rest, &line)) {
		if (!split_interrupt(line, &number, &chip))
			continue;
		bool remapped = starts_with(chip, "IR-");
		if (remapped)
			machine->remapped_interrupts++;
		else if (starts_with(chip, "IO-APIC") || starts_with(chip, "PCI-MSI"))
			machine->plain_interrupts++;
		else
			continue;
		if (!machine->interrupt_evidence || (remapped && !has_remapped))
			machine->interrupt_evidence = arena_printf(arena, "%.*s %.*s", (int)number.length, number.start,
								   (int)chip.length, chip.start);
		has_remapped |= remapped;
	}
}

void machine_read(const struct root *root, struct arena *arena, const struct cpu *cpu, struct machine *ret)
{
	*ret = (struct machine){
		.dmi_vendor = fact_read_line(root, arena, DMI "sys_vendor"),
		.dmi_product = fact_read_line(root, arena, DMI "product_name"),
		.dmi_board = fact_read_line(root, arena, DMI "board_name"),
		.dmi_version = fact_read_line(root, arena, DMI "product_version"),
		.hypervisor = read_hypervisor(root, arena),
		.container = read_container(root, arena),
		.transparent_hugepages = read_choice(root, arena, "/sys/kernel/mm/transparent_hugepage/enabled"),
		.memlock_self = read_memlock(root, arena),
	};
	judge_vm(ret, arena, cpu);
	read_memory(root, arena, ret);
	read_interrupts(root, arena, ret);
}
