/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CPUs of a QEMU line: -cpu and -smp. */
#include <limits.h>

#include "vm/plain-internal.h"

/*
 * What -cpu says of a feature: "-f" outweighs "+f", and both outweigh "f=on" (QEMU target/i386/cpu.c,
 * x86_cpu_parse_featurestr).
 */
static enum vm_answer feature(const struct keyval *keys, const char *name)
{
	enum vm_answer answer = plain_answer(keyval_get(keys, name), VM_UNKNOWN);
	char sign[32];
	for (const char *c = "+-"; *c; c++) {
		snprintf(sign, sizeof(sign), "%c%s", *c, name);
		if (keyval_get(keys, sign))
			answer = *c == '+' ? VM_YES : VM_NO;
	}
	return answer;
}

static bool is_hosts_own(const char *model)
{
	return text_equals(model, "host") || text_equals(model, "max");
}

/*
 * Under KVM, no named model has vmx or svm by itself (svm is among kvm_default_props of QEMU's
 * target/i386/kvm/kvm-cpu.c, as off); "host" and "max" have what KVM gives, which is the host's to say.
 */
static enum vm_answer nesting(const struct plain *plain, const struct keyval *keys)
{
	const struct vm *vm = plain->vm;
	enum vm_answer vmx = feature(keys, "vmx");
	enum vm_answer svm = feature(keys, "svm");
	if (vmx == VM_YES || svm == VM_YES)
		return VM_YES;
	if (is_hosts_own(vm->cpu))
		return vmx == VM_NO || svm == VM_NO ? VM_NO : VM_YES;
	if (vm->kvm == VM_YES)
		return VM_NO;
	/* QEMU's own emulation can do AMD-V, and its default model has it; others are not looked up here. */
	return svm == VM_NO ? VM_NO : VM_UNKNOWN;
}

static unsigned int number_of(const struct keyval *keys, const char *name, unsigned int max)
{
	uint64_t value;
	const char *text = keyval_get(keys, name);
	return text && text_to_number(text, 10, max, &value) == 0 ? (unsigned int)value : 0;
}

static void read_widths(struct vm *vm, const struct keyval *keys)
{
	const char *host = keyval_get(keys, "host-phys-bits");
	unsigned int limit = number_of(keys, "host-phys-bits-limit", 64);
	bool of_host = host ? keyval_boolean(host) == 1 : is_hosts_own(vm->cpu) && vm->kvm == VM_YES;
	vm->phys_bits = number_of(keys, "phys-bits", 64);
	if (of_host)
		vm->phys_bits = limit ? limit : UINT_MAX;
	vm->guest_phys_bits = number_of(keys, "guest-phys-bits", 64);
}

static void read_model(struct plain *plain)
{
	static const char *const without[] = { "kvm64", "kvm32", "qemu64", "qemu32" };
	struct vm *vm = plain->vm;
	struct keyval keys = { 0 };
	const struct qemu_option *option = qemu_find_option(plain->argv, "cpu");
	if (option)
		keyval_parse(plain->arena, qemu_argument(plain->argv, option), "model", &keys);
	vm->cpu = keyval_get(&keys, "model");
	vm->cpu_default = "qemu64";
	vm->nested_cpu = nesting(plain, &keys);
	vm->pdpe1gb = feature(&keys, "pdpe1gb");
	for (size_t i = 0; i < ARRAY_SIZE(without); i++)
		if (vm->pdpe1gb == VM_UNKNOWN && text_equals(vm->cpu ? vm->cpu : vm->cpu_default, without[i]))
			vm->pdpe1gb = VM_NO;
	read_widths(vm, &keys);
}

/* Of cpus, maxcpus and the parts, any can be left out, and is then worked out from the others (QEMU machine-smp.c). */
static void read_count(struct plain *plain)
{
	static const char *const parts[] = { "drawers",  "books",   "sockets", "dies",
					     "clusters", "modules", "cores",   "threads" };
	struct keyval keys = { 0 };
	const struct qemu_option *option = qemu_find_option(plain->argv, "smp");
	if (option)
		keyval_parse(plain->arena, qemu_argument(plain->argv, option), "cpus", &keys);
	uint64_t product = 1;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		unsigned int part = number_of(&keys, parts[i], UINT16_MAX);
		product *= part ? part : 1;
		if (product > UINT16_MAX)
			product = UINT16_MAX;
	}
	unsigned int cpus = number_of(&keys, "cpus", UINT16_MAX);
	unsigned int most = number_of(&keys, "maxcpus", UINT16_MAX);
	plain->vm->cpus = most ? most : cpus > product ? cpus : (unsigned int)product;
}

void plain_read_cpu(struct plain *plain)
{
	read_model(plain);
	read_count(plain);
}
