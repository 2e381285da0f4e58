/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "vm/plain-monitor.h"
#include "vm/plain.h"
#include "vm/verify.h"

/* A channel whose answers stand in a table: "COMMAND ARGUMENTS" (a part of it), and JSON; what is not there is refused. */
struct answer {
	const char *request;
	const char *json;
};

static int execute(void *data, const char *command, struct json_object *arguments, struct json_object **ret,
		   struct error *error)
{
	AUTO_ARENA arena = { 0 };
	const char *request = arena_printf(&arena, "%s %s", command,
					   arguments ? json_object_to_json_string_ext(arguments,
										      JSON_C_TO_STRING_NOSLASHESCAPE) :
						       "");
	for (const struct answer *answer = data; answer->request; answer++)
		if (strstr(request, answer->request))
			return json_read(slice_of(answer->json), ret, error);
	return error_set(error, -EREMOTEIO, "QEMU refuses %s: not found", command);
}

static struct vm_verification verify(struct arena *arena, const struct answer *answers,
				     const struct vm_verify_wish *wish)
{
	struct vm_verification found;
	struct qmp qmp = { execute, NULL, (void *)answers };
	vm_verify(arena, &qmp, wish, &found);
	return found;
}

static void assert_says(const struct vm_verification *found, const char *check, enum vm_answered verdict,
			const char *part)
{
	for (size_t i = 0; i < found->count; i++)
		if (strcmp(found->items[i].check, check) == 0) {
			assert_int(found->items[i].verdict, verdict);
			assert_contains(found->items[i].summary, part);
			return;
		}
	fail_msg("nothing is said of %s", check);
}

#define ONE_VIOMMU                                                                               \
	{                                                                                        \
		"peripheral-anon\"", "[{\"name\":\"type\",\"type\":\"string\"},"                 \
				     "{\"name\":\"device[0]\",\"type\":\"child<intel-iommu>\"}]" \
	}
#define ONE_VFIO                                                                                  \
	{                                                                                         \
		"/machine/peripheral\"", "[{\"name\":\"hostpci0\",\"type\":\"child<vfio-pci>\"}]" \
	}
#define NO_VFIO                               \
	{                                     \
		"/machine/peripheral\"", "[]" \
	}
#define SWITCHES                                                                                             \
	{ "caching-mode", "true " }, { "intremap", "\"on\"" }, { "aw-bits", "39 " }, { "bypass", "false " }, \
	{                                                                                                    \
		"query-kvm", "{\"enabled\":true}"                                                            \
	}

static void all_that_is_right_passes(void **state)
{
	static const struct answer answers[] = { ONE_VIOMMU, ONE_VFIO, SWITCHES, { "ioapic", "\"ioapic\"" }, { 0 } };
	struct vm_viommu viommu = { .first = true };
	struct vm process = { .viommus = &viommu, .viommu_count = 1 };
	struct vm_verify_wish wish = { .options.aw_bits = 39, .process = &process };
	AUTO_ARENA arena = { 0 };
	(void)state;
	struct vm_verification found = verify(&arena, answers, &wish);
	assert_int(vm_verified_worst(&found), VM_PASS);
	assert_says(&found, "vm-viommu-width", VM_PASS, "39 bits");
	assert_says(&found, "vm-viommu-first", VM_PASS, "before all 1");
	wish.options.aw_bits = 48;
	found = verify(&arena, answers, &wish);
	assert_says(&found, "vm-viommu-width", VM_FAIL, "48 were asked for");
	assert_int(vm_verified_worst(&found), VM_FAIL);
	viommu.first = false;
	viommu.after = "hostpci0";
	found = verify(&arena, answers, &wish);
	assert_says(&found, "vm-viommu-first", VM_FAIL, "hostpci0 was created before it");
}

static void order_without_a_command_line_is_not_known(void **state)
{
	static const struct answer answers[] = { ONE_VIOMMU, ONE_VFIO, SWITCHES, { "ioapic", "\"ioapic\"" }, { 0 } };
	const struct vm_verify_wish wish = { 0 };
	AUTO_ARENA arena = { 0 };
	(void)state;
	struct vm_verification found = verify(&arena, answers, &wish);
	assert_says(&found, "vm-viommu-first", VM_UNSURE, "not known");
	assert_int(vm_verified_worst(&found), VM_UNSURE);
}

static void each_thing_that_is_wrong_fails(void **state)
{
	static const struct answer answers[] = { ONE_VIOMMU,
						 NO_VFIO,
						 { "caching-mode", "false " },
						 { "intremap", "\"off\"" },
						 { "bypass", "true " },
						 { "query-kvm", "{\"enabled\":true}" },
						 { "ioapic", "\"kvm-ioapic\"" },
						 { 0 } };
	const struct vm_verify_wish wish = { .options.eim = VIOMMU_ON };
	AUTO_ARENA arena = { 0 };
	(void)state;
	struct vm_verification found = verify(&arena, answers, &wish);
	assert_says(&found, "vm-viommu-caching-mode", VM_FAIL, "caching-mode is off");
	assert_says(&found, "vm-viommu-interrupt-remapping", VM_FAIL, "intremap is off");
	assert_says(&found, "vm-viommu-width", VM_UNSURE, "not found");
	assert_says(&found, "vm-viommu-eim", VM_UNSURE, "not found");
	assert_says(&found, "vm-irqchip-split", VM_FAIL, "all in the kernel");
	assert_says(&found, "vm-bypass", VM_FAIL, "bypasses");
	assert_says(&found, "vm-viommu-first", VM_PASS, "no device of the host");
	assert_int(vm_verified_worst(&found), VM_FAIL);
}

static void none_two_and_another_kind_are_told_apart(void **state)
{
	static const struct answer none[] = { { "qom-list", "[]" }, { 0 } };
	static const struct answer two[] = { { "peripheral-anon\"",
					       "[{\"name\":\"device[0]\",\"type\":\"child<intel-iommu>\"},"
					       "{\"name\":\"device[1]\",\"type\":\"child<virtio-iommu-pci>\"}]" },
					     NO_VFIO,
					     SWITCHES,
					     { "ioapic", "\"ioapic\"" },
					     { 0 } };
	static const struct answer amd[] = {
		{ "peripheral-anon\"", "[{\"name\":\"device[0]\",\"type\":\"child<amd-iommu>\"}]" }, NO_VFIO, { 0 }
	};
	static const struct answer nothing[] = { { 0 } };
	static const struct answer no_list[] = { { "qom-list", "{}" }, { 0 } };
	const struct vm_verify_wish wish = { 0 };
	AUTO_ARENA arena = { 0 };
	(void)state;
	struct vm_verification found = verify(&arena, none, &wish);
	assert_says(&found, "vm-viommu-present", VM_FAIL, "no vIOMMU");
	assert_int(found.count, 1);
	found = verify(&arena, two, &wish);
	assert_says(&found, "vm-viommu-one", VM_FAIL, "intel-iommu, virtio-iommu-pci");
	found = verify(&arena, amd, &wish);
	assert_says(&found, "vm-viommu-model", VM_FAIL, "amd-iommu");
	found = verify(&arena, nothing, &wish);
	assert_says(&found, "vm-viommu-present", VM_UNSURE, "not found");
	found = verify(&arena, no_list, &wish);
	assert_says(&found, "vm-viommu-present", VM_UNSURE, "no list");
}

static void an_emulated_cpu_needs_no_split_irqchip(void **state)
{
	static const struct answer answers[] = { ONE_VIOMMU,
						 NO_VFIO,
						 { "caching-mode", "true " },
						 { "intremap", "\"on\"" },
						 { "aw-bits", "48 " },
						 { "query-kvm", "{\"enabled\":false}" },
						 { 0 } };
	const struct vm_verify_wish wish = { 0 };
	AUTO_ARENA arena = { 0 };
	(void)state;
	struct vm_verification found = verify(&arena, answers, &wish);
	assert_says(&found, "vm-irqchip-split", VM_PASS, "TCG");
	assert_int(vm_verified_worst(&found), VM_PASS);
}

static const char *monitor_of(struct arena *arena, const char *const *words)
{
	size_t count = 0;
	struct vm vm;
	while (words[count])
		count++;
	struct plain_line line = { words, count, QEMU_NO_WORD };
	assert_int(plain_read(NULL, arena, &line, &vm, NULL), 0);
	return plain_monitor_path(arena, &vm);
}

static void the_monitor_is_found_on_the_line(void **state)
{
	static const char *const qmp[] = { "kvm", "-qmp", "unix:/run/x.qmp,server=on,wait=off", NULL };
	static const char *const old[] = { "kvm", "-qmp", "unix:/run/x.qmp,server,nowait", NULL };
	static const char *const mon[] = {
		"kvm", "-chardev", "socket,id=a,path=/run/a,server=on", "-mon", "chardev=a,mode=control", NULL
	};
	static const char *const client[] = {
		"kvm", "-chardev", "socket,id=a,path=/run/a", "-mon", "chardev=a,mode=control", NULL
	};
	static const char *const human[] = {
		"kvm", "-chardev", "socket,id=a,path=/run/a,server=on", "-mon", "chardev=a,mode=readline", NULL
	};
	static const char *const none[] = { "kvm", "-qmp", "stdio", NULL };
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_string_equal(monitor_of(&arena, qmp), "/run/x.qmp");
	assert_string_equal(monitor_of(&arena, old), "/run/x.qmp");
	assert_string_equal(monitor_of(&arena, mon), "/run/a");
	assert_null(monitor_of(&arena, client));
	assert_null(monitor_of(&arena, human));
	assert_null(monitor_of(&arena, none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_right_passes),
		cmocka_unit_test(order_without_a_command_line_is_not_known),
		cmocka_unit_test(each_thing_that_is_wrong_fails),
		cmocka_unit_test(none_two_and_another_kind_are_told_apart),
		cmocka_unit_test(an_emulated_cpu_needs_no_split_irqchip),
		cmocka_unit_test(the_monitor_is_found_on_the_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
