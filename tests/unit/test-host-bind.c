/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be tested without a kernel that reacts: the record, the checks, the plans. The rest: tests/guest/bind.sh. */
#include "host/bind.h"

#include "test-host.h"

static const struct bind_options options = { 5000, false };

static void records_survive_the_round_trip(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct bind_recorded members[] = {
		{ address_of("0000:01:00.0"), { "nvme", "" } },
		{ address_of("10000:e1:00.1"), { NULL, "pci-stub" } },
		{ address_of("0000:01:00.2"), { "a driver", "" } },
	};
	struct bind_record record = { "/x", members, ARRAY_SIZE(members) };
	struct bind_record again;
	struct error error;
	const char *text = bind_record_format(&arena, &record);
	assert_int(bind_record_parse(&arena, "/x", slice_of(text), &again, &error), 0);
	assert_int(again.count, 3);
	assert_string_equal(bind_record_of(&again, members[0].address)->driver, "nvme");
	assert_string_equal(bind_record_of(&again, members[0].address)->override, "");
	assert_null(bind_record_of(&again, members[1].address)->driver);
	assert_string_equal(bind_record_of(&again, members[1].address)->override, "pci-stub");
	assert_string_equal(bind_record_of(&again, members[2].address)->driver, "a driver");
	assert_null(bind_record_of(&again, address_of("02:00.0")));
}

static void wrong_records_are_told(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"# nothing\n",
		"driver=nvme\n",
		"member=banana\n",
		"member=0000:01:00.0\nrubbish\n",
		"member=0000:01:00.0\ndriver=../../../etc\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		AUTO_ARENA arena = { 0 };
		struct bind_record record;
		struct error error;
		assert_int(bind_record_parse(&arena, "/run/x", slice_of(wrong[i]), &record, &error), -EINVAL);
		assert_contains(error.text, "/run/x");
	}
	AUTO_ARENA arena = { 0 };
	struct bind_record record;
	struct error error;
	/* Of a later version. */
	assert_int(bind_record_parse(&arena, "x", slice_of("later=1\n"), &record, &error), -EINVAL);
	assert_int(bind_record_parse(&arena, "x", slice_of("member=01:00.0\nlater=1\n"), &record, &error), 0);
}

static int check(void *const *state, const char *address, struct error *error)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	open_fake(state, &root);
	return bind_check(&root, &arena, address_of(address), error);
}

static void some_devices_cannot_be_bound(void **state)
{
	struct error error;
	fake_pci(state, "0000:00:00.0", "0x060000\n", "0", NULL);
	fake_pci(state, "0000:00:01.0", "0x060400\n", "1", "pcieport");
	fake_pci(state, "0000:01:00.0", "0x010802\n", NULL, "nvme");
	fake_pci(state, "0000:02:00.0", "0x010802\n", "2", "nvme");
	assert_int(check(state, "00:00.0", &error), -ENOTSUP);
	assert_contains(error.text, "host bridge");
	assert_int(check(state, "00:01.0", &error), -ENOTSUP);
	assert_contains(error.text, "a bridge");
	assert_int(check(state, "09:00.0", &error), -ENODEV);
	assert_contains(error.text, "no PCI device 0000:09:00.0 ('nestpci list'");
	assert_int(check(state, "01:00.0", &error), -ENOENT);
	assert_contains(error.text,
			"device has no IOMMU group: no IOMMU is active on this host (/sys/class/iommu is empty)");
	put_directory(state, "/sys/class/iommu/dmar0");
	assert_int(check(state, "01:00.0", &error), -ENOENT);
	assert_contains(error.text,
			"no IOMMU group: an IOMMU is active on this host (/sys/class/iommu), but does not cover");
	assert_int(check(state, "02:00.0", &error), 0);
}

/* Group 7: a port, a host bridge without a driver, a GPU and its audio function. */
static void fake_group(void *const *state)
{
	fake_pci(state, "0000:00:00.0", "0x060000\n", "7", NULL);
	fake_pci(state, "0000:00:01.0", "0x060400\n", "7", "pcieport");
	fake_pci(state, "0000:01:00.0", "0x030000\n", "7", "nouveau");
	fake_pci(state, "0000:01:00.1", "0x040300\n", "7", "snd_hda_intel");
	fake_pci(state, "0000:02:00.0", "0x020000\n", "8", "e1000e");
	fake_file(state, "/proc/self/mountinfo", "");
	put_directory(state, "/run/udev/data");
}

static void set_driver(void *const *state, const char *address, const char *driver, const char *override)
{
	char path[FAKE_PATH_MAX];
	unlink(in_folder(state, fake_path(address, "driver")));
	if (driver) {
		snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s", driver);
		put_directory(state, path);
		fake_link(state, fake_path(address, "driver"), path);
	}
	fake_file(state, fake_path(address, "driver_override"), override);
}

static void make_plan(void *const *state, struct arena *arena, const char *address, bool to_vfio, struct bind_plan *ret)
{
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	open_fake(state, &root);
	int r = (to_vfio ? bind_plan : bind_plan_back)(&root, arena, address_of(address), &options, ret, &error);
	if (r < 0)
		fail_msg("%s", error.text);
}

static void what_must_go_along_goes_along(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	fake_group(state);
	make_plan(state, &arena, "01:00.1", true, &plan);
	assert_int(plan.refusals.count, 0);
	assert_int(plan.count, 4);
	assert_int(plan.moving, 2);
	assert_contains(plan.members[0].stays, "host bridge");
	assert_contains(plan.members[1].stays, "bridge");
	assert_null(plan.members[2].stays);
	assert_string_equal(plan.members[2].before.driver, "nouveau");
	assert_string_equal(plan.members[2].before.override, "");
	assert_string_equal(plan.members[2].after.driver, "vfio-pci");
	assert_string_equal(plan.members[2].after.override, "vfio-pci");
	assert_string_equal(plan.members[3].before.driver, "snd_hda_intel");
	assert_string_equal(plan.record.path, "/run/nestpci/bind/0000:01:00.1");
	assert_int(plan.record.count, 2);
	assert_true(plan.loads_driver);
}

static void what_is_bound_stays(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	fake_group(state);
	set_driver(state, "0000:01:00.0", "vfio-pci", "(null)\n");
	make_plan(state, &arena, "01:00.0", true, &plan);
	assert_int(plan.moving, 1);
	assert_contains(plan.members[2].stays, "already");
	/* It is recorded nevertheless, with what it has. */
	assert_string_equal(bind_record_of(&plan.record, address_of("01:00.0"))->driver, "vfio-pci");
	assert_false(plan.loads_driver);
	set_driver(state, "0000:01:00.1", "vfio-pci", "vfio-pci\n");
	make_plan(state, &arena, "01:00.0", true, &plan);
	assert_int(plan.moving, 0);
}

static void an_earlier_record_is_not_forgotten(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	fake_group(state);
	fake_file(state, BIND_RECORDS "/0000:01:00.0",
		  "member=0000:01:00.0\ndriver=nouveau\ndriver_override=\n"
		  "member=0000:01:00.1\ndriver=snd_hda_intel\ndriver_override=\n");
	/* Interrupted: the first is bound, the second has no driver yet. */
	set_driver(state, "0000:01:00.0", "vfio-pci", "vfio-pci\n");
	set_driver(state, "0000:01:00.1", NULL, "vfio-pci\n");
	make_plan(state, &arena, "01:00.1", true, &plan);
	assert_true(plan.has_old_record);
	assert_string_equal(plan.record.path, BIND_RECORDS "/0000:01:00.0");
	assert_string_equal(bind_record_of(&plan.record, address_of("01:00.0"))->driver, "nouveau");
	assert_string_equal(bind_record_of(&plan.record, address_of("01:00.1"))->driver, "snd_hda_intel");
	/* And the way back from there. */
	make_plan(state, &arena, "01:00.1", false, &plan);
	assert_int(plan.moving, 2);
	assert_string_equal(plan.members[0].after.driver, "nouveau");
	assert_false(plan.members[0].probe);
	assert_string_equal(plan.members[1].after.driver, "snd_hda_intel");
}

static void users_are_named(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	fake_group(state);
	fake_file(state, fake_path("0000:01:00.0", "boot_vga"), "1\n");
	fake_device(state, fake_path("0000:01:00.1", "sound/card1/controlC1"), "sound", "116:9\n");
	fake_file(state, fake_path("0000:01:00.1", "sound/card1/controlC1/uevent"), "DEVNAME=snd/controlC1\n");
	fake_file(state, "/proc/5/comm", "pipewire\n");
	fake_link(state, "/proc/5/fd/7", "/dev/snd/controlC1");
	make_plan(state, &arena, "01:00.0", true, &plan);
	assert_int(plan.refusals.count, 2);
	assert_contains(plan.refusals.items[0], "0000:01:00.0: the console is on it");
	assert_string_equal(plan.refusals.items[1], "0000:01:00.1: process 5 (pipewire) holds /dev/snd/controlC1 open");
}

static void virtual_functions_stand_in_the_way(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	fake_group(state);
	fake_file(state, fake_path("0000:02:00.0", "sriov_numvfs"), "0\n");
	make_plan(state, &arena, "02:00.0", true, &plan);
	assert_int(plan.refusals.count, 0);
	fake_file(state, fake_path("0000:02:00.0", "sriov_numvfs"), "4\n");
	make_plan(state, &arena, "02:00.0", true, &plan);
	assert_int(plan.refusals.count, 1);
	assert_contains(plan.refusals.items[0], "it has 4 SR-IOV virtual functions");
}

static void a_platform_device_with_a_driver_stands_in_the_way(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	fake_group(state);
	put_directory(state, "/sys/devices/platform/INT33C2:00");
	fake_link(state, "/sys/kernel/iommu_groups/8/devices/INT33C2:00", "/sys/devices/platform/INT33C2:00");
	make_plan(state, &arena, "02:00.0", true, &plan);
	assert_int(plan.refusals.count, 0);
	put_directory(state, "/sys/devices/platform/INT33C2:00/driver");
	make_plan(state, &arena, "02:00.0", true, &plan);
	assert_int(plan.refusals.count, 1);
	assert_contains(plan.refusals.items[0], "INT33C2:00");
}

static void without_a_record_the_kernel_looks(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	fake_group(state);
	make_plan(state, &arena, "01:00.0", false, &plan);
	assert_int(plan.moving, 0);
	set_driver(state, "0000:01:00.0", "vfio-pci", "vfio-pci\n");
	set_driver(state, "0000:01:00.1", NULL, "vfio-pci\n");
	make_plan(state, &arena, "01:00.0", false, &plan);
	assert_int(plan.moving, 2);
	assert_null(plan.record.path);
	assert_int(plan.count, 2);
	assert_true(plan.members[0].probe);
	assert_string_equal(plan.members[0].after.override, "");
}

static void what_somebody_else_changed_is_left(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	fake_group(state);
	fake_file(state, BIND_RECORDS "/0000:01:00.0",
		  "member=0000:01:00.0\ndriver=nouveau\ndriver_override=\n"
		  "member=0000:01:00.1\ndriver=other\ndriver_override=\n"
		  "member=0000:01:00.2\ndriver=gone\n");
	make_plan(state, &arena, "01:00.0", false, &plan);
	assert_int(plan.moving, 0);
	assert_int(plan.count, 2);
	assert_string_equal(plan.members[0].stays, "has what it had");
	assert_string_equal(plan.members[1].stays, "not with vfio-pci");
	/* And it is not forgotten: with a refusal nothing is done, and the record stays. */
	assert_int(plan.refusals.count, 1);
	assert_contains(plan.refusals.items[0], "0000:01:00.1: somebody else has decided about it since");
	assert_contains(plan.refusals.items[0], "driver snd_hda_intel");
	assert_contains(plan.refusals.items[0], "remove the record of what it had (" BIND_RECORDS "/0000:01:00.0)");
	assert_int(plan.notes.count, 1);
	assert_string_equal(plan.notes.items[0], "0000:01:00.2: it is gone");
}

/* Killed between taking vfio-pci away and giving the old driver: neither driver nor override. */
static void an_interrupted_unbind_goes_on(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	fake_group(state);
	fake_file(state, BIND_RECORDS "/0000:01:00.0",
		  "member=0000:01:00.0\ndriver=nouveau\ndriver_override=\n"
		  "member=0000:01:00.1\ndriver=snd_hda_intel\ndriver_override=pci-stub\n");
	set_driver(state, "0000:01:00.0", NULL, "(null)\n");
	set_driver(state, "0000:01:00.1", NULL, "(null)\n");
	make_plan(state, &arena, "01:00.0", false, &plan);
	assert_int(plan.refusals.count, 0);
	assert_int(plan.moving, 2);
	assert_string_equal(plan.members[0].after.driver, "nouveau");
	assert_false(plan.members[0].probe);
	assert_string_equal(plan.members[1].after.driver, "snd_hda_intel");
	assert_string_equal(plan.members[1].after.override, "pci-stub");
	/* A bind in this state keeps what was written down. */
	make_plan(state, &arena, "01:00.0", true, &plan);
	assert_int(plan.moving, 2);
	assert_string_equal(bind_record_of(&plan.record, address_of("01:00.0"))->driver, "nouveau");
	assert_string_equal(bind_record_of(&plan.record, address_of("01:00.1"))->driver, "snd_hda_intel");
}

/* What had no driver and no override before is not "half-way" without either. */
static void without_a_driver_may_be_what_it_had(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	fake_group(state);
	fake_file(state, BIND_RECORDS "/0000:01:00.0", "member=0000:01:00.0\ndriver=\ndriver_override=\n");
	set_driver(state, "0000:01:00.0", NULL, "(null)\n");
	make_plan(state, &arena, "01:00.0", false, &plan);
	assert_int(plan.moving, 0);
	assert_int(plan.refusals.count, 0);
	assert_string_equal(plan.members[0].stays, "has what it had");
}

static void parts_of_the_host_stay(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct bind_plan plan;
	struct error error;
	fake_group(state);
	fake_pci(state, "0000:00:1f.0", "0x060100\n", "7", NULL);
	fake_pci(state, "0000:00:1f.5", "0x068000\n", "7", NULL);
	make_plan(state, &arena, "01:00.0", true, &plan);
	assert_int(plan.count, 6);
	assert_int(plan.moving, 2);
	assert_contains(plan.members[2].stays, "a part of the host (class 06) without a driver");
	assert_contains(plan.members[3].stays, "a part of the host");
	/* Named, "other bridges" go, and ISA bridges do not. */
	make_plan(state, &arena, "00:1f.5", true, &plan);
	assert_int(plan.moving, 3);
	assert_int(check(state, "00:1f.5", &error), 0);
	assert_int(check(state, "00:1f.0", &error), -ENOTSUP);
	assert_contains(error.text, "ISA bridge");
}

static void a_group_that_does_not_list_the_device(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct bind_plan plan;
	struct error error;
	fake_group(state);
	unlink(in_folder(state, "/sys/kernel/iommu_groups/8/devices/0000:02:00.0"));
	open_fake(state, &root);
	assert_int(bind_plan(&root, &arena, address_of("02:00.0"), &options, &plan, &error), -EIO);
	assert_contains(error.text, "IOMMU group 8, which does not list it");
}

static void a_damaged_record_blocks_its_own_device_only(void **state)
{
	static const bool ways[] = { true, false };
	fake_group(state);
	fake_file(state, BIND_RECORDS "/0000:01:00.0", "member=0000:01:00.0\nmember=0000:01:00.1\nrubb");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		AUTO_ARENA arena = { 0 };
		AUTO_ROOT root = ROOT_NONE;
		struct bind_plan plan;
		struct error error;
		open_fake(state, &root);
		make_plan(state, &arena, "02:00.0", ways[i], &plan);
		assert_true(plan.notes.count);
		const char *note = plan.notes.items[plan.notes.count - 1];
		assert_contains(note, BIND_RECORDS "/0000:01:00.0: line 3");
		assert_contains(note, "mend it or remove it");
		for (int function = 0; function < 2; function++) {
			struct pci_address address = { .bus = 1, .function = (uint8_t)function };
			int r = (ways[i] ? bind_plan : bind_plan_back)(&root, &arena, address, &options, &plan, &error);
			assert_int(r, -EINVAL);
			assert_contains(error.text, "mend it or remove it");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_survive_the_round_trip),
		cmocka_unit_test(wrong_records_are_told),
		test_in_folder(some_devices_cannot_be_bound),
		test_in_folder(what_must_go_along_goes_along),
		test_in_folder(what_is_bound_stays),
		test_in_folder(an_earlier_record_is_not_forgotten),
		test_in_folder(users_are_named),
		test_in_folder(virtual_functions_stand_in_the_way),
		test_in_folder(a_platform_device_with_a_driver_stands_in_the_way),
		test_in_folder(without_a_record_the_kernel_looks),
		test_in_folder(what_somebody_else_changed_is_left),
		test_in_folder(an_interrupted_unbind_goes_on),
		test_in_folder(without_a_driver_may_be_what_it_had),
		test_in_folder(parts_of_the_host_stay),
		test_in_folder(a_group_that_does_not_list_the_device),
		test_in_folder(a_damaged_record_blocks_its_own_device_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
