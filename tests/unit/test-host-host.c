/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gathering: what is read how often, and who gets it. The readers that cost most stand here as counters. */
#include "host/host.h"

#include "test-host.h"

static struct {
	unsigned int details;
	unsigned int groups;
	unsigned int users;
	size_t users_asked; /* addresses, at the last call */
	int users_code;
} calls;

void kernel_read(const struct root *root, struct arena *arena, struct kernel *ret)
{
	(void)root;
	(void)arena;
	*ret = (struct kernel){ .version = { 6, 8, 12 } };
}

void modules_read(const struct root *root, struct arena *arena, struct modules *ret)
{
	(void)root;
	(void)arena;
	*ret = (struct modules){ .vfio = { MODULE_LOADED, "here" } };
}

void versions_read(const struct root *root, struct arena *arena, struct versions *ret)
{
	(void)root;
	(void)arena;
	*ret = (struct versions){ .os = { .state = FACT_KNOWN, .path = "os-release", .text = "here" } };
}

/* All of bus 1 and above sit behind 00:01.0, and those of bus 3 behind 00:01.0 and 02:00.0, which may be missing. */
void pci_detail_read(const struct root *root, struct arena *arena, const struct pci_function *function,
		     struct pci_detail *ret)
{
	(void)root;
	calls.details++;
	size_t count = function->address.bus == 0 ? 0 : function->address.bus == 3 ? 2 : 1;
	*ret = (struct pci_detail){ .function = function };
	ret->bridges.items = arena_alloc_array(arena, 2, sizeof(struct pci_address));
	ret->bridges.items[0] = address_of("00:01.0");
	ret->bridges.items[1] = address_of("02:00.0");
	ret->bridges.count = count;
}

void pci_detail_read_locked(const struct root *root, struct arena *arena, struct pci_detail *const *details,
			    size_t count)
{
	(void)root;
	(void)arena;
	(void)details;
	(void)count;
}

/* Members as the functions say; group 13 cannot be listed. */
void group_read(const struct root *root, struct arena *arena, const struct pci_functions *functions, const char *number,
		struct group *ret)
{
	(void)root;
	calls.groups++;
	*ret = (struct group){ .number = number };
	ret->members = arena_alloc_array(arena, functions->count + 1, sizeof(struct pci_function *));
	for (size_t i = 0; i < functions->count && strcmp(number, "13") != 0; i++)
		if (text_equals(functions->items[i].group, number))
			ret->members[ret->count++] = &functions->items[i];
}

/* Each one that is asked for has one user. */
int users_find(const struct root *root, struct arena *arena, const struct pci_address *addresses, size_t count,
	       struct uses *ret, struct error *error)
{
	(void)root;
	calls.users++;
	calls.users_asked = count;
	if (calls.users_code < 0)
		return error_set(error, calls.users_code, "no users today");
	ret->items = arena_alloc_array(arena, count, sizeof(*ret->items));
	for (ret->count = 0; ret->count < count; ret->count++) {
		char text[PCI_ADDRESS_TEXT_MAX];
		ret->items[ret->count] = (struct use){ .address = addresses[ret->count],
						       .kind = USE_SWAP,
						       .needed = true };
		ret->items[ret->count].text = arena_strdup(arena, pci_address_format(addresses[ret->count], text));
	}
	return 0;
}

static void read_fake(void **state, struct arena *arena, struct root *root, struct host *host)
{
	struct error error;
	memset(&calls, 0, sizeof(calls));
	open_fake(state, root);
	if (host_read(root, arena, host, &error) < 0)
		fail_msg("%s", error.text);
}

/* A card with two functions in one group with their port, and one alone. */
static void fake_host(void **state)
{
	fake_pci(state, "0000:00:01.0", "0x060400\n", "1", "pcieport");
	fake_pci(state, "0000:01:00.0", "0x030000\n", "1", "vfio-pci");
	fake_pci(state, "0000:01:00.1", "0x040300\n", "1", "snd_hda_intel");
	fake_pci(state, "0000:03:00.0", "0x010802\n", "7", "nvme");
	fake_pci(state, "0000:04:00.0", "0x020000\n", NULL, NULL);
}

static void a_host_is_read_as_far_as_it_goes(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct host host;
	fake_host(state);
	read_fake(state, &arena, &root, &host);
	assert_false(host.live);
	assert_int(host.root_user, geteuid() == 0);
	assert_int(host.kernel.version[0], 6);
	assert_int(host.modules.vfio.state, MODULE_LOADED);
	assert_string_equal(host.versions.os.text, "here");
	assert_true(fact_absent(&host.cpu.cpuinfo));
	assert_true(fact_absent(&host.iommus.class));
	assert_true(fact_known(&host.pci_folder));
	assert_int(host.functions.count, 5);
	assert_int(host.device_count, 0);
	assert_int(calls.details, 0);
	assert_ptr_equal(host_find_function(&host, address_of("03:00.0")), &host.functions.items[3]);
	assert_null(host_find_function(&host, address_of("05:00.0")));
	assert_null(host_find_device(&host, address_of("03:00.0")));
}

static void a_host_without_pci_is_one(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct host host;
	read_fake(state, &arena, &root, &host);
	assert_true(fact_absent(&host.pci_folder));
	assert_int(host.functions.count, 0);
	assert_null(host_find_function(&host, address_of("03:00.0")));
	host_add_device(&arena, &host, address_of("03:00.0"), "--device");
	host_add_device(&arena, &host, address_of("03:00.0"), "again");
	host_read_devices(&root, &arena, &host);
	assert_int(host.device_count, 1);
	const struct host_device *device = host_find_device(&host, address_of("03:00.0"));
	assert_string_equal(device->meant_by, "--device");
	assert_null(device->function);
	assert_null(device->group);
	assert_int(device->users_found.state, FACT_UNASKED);
	assert_int(calls.users, 0);
}

static void a_pci_folder_that_cannot_be_listed_is_a_failure(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct host host;
	struct error error;
	fake_link(state, "/sys/bus/pci/devices", "/sys/bus/pci/devices");
	open_fake(state, &root);
	assert_int(host_read(&root, &arena, &host, &error), -ELOOP);
	assert_contains(error.text, "/sys/bus/pci/devices");
	assert_int(host.pci_folder.state, FACT_UNREADABLE);
	assert_int(host.kernel.version[0], 6);
}

static void each_group_and_bridge_is_read_once_and_users_in_one_go(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct host host;
	fake_host(state);
	read_fake(state, &arena, &root, &host);
	host_add_device(&arena, &host, address_of("03:00.0"), "a");
	host_add_device(&arena, &host, address_of("01:00.1"), "b");
	host_add_device(&arena, &host, address_of("01:00.0"), "c");
	host_add_device(&arena, &host, address_of("04:00.0"), "d");
	host_add_device(&arena, &host, address_of("05:00.0"), "e");
	host_add_device(&arena, &host, address_of("01:00.0"), "f");
	host_read_devices(&root, &arena, &host);
	assert_int(host.device_count, 5);
	assert_int(calls.details, 4 + 1);
	assert_int(calls.groups, 2);
	assert_int(calls.users, 1);
	assert_int(calls.users_asked, 4); /* all but the port */
	const struct host_device *gpu = host_find_device(&host, address_of("01:00.0"));
	const struct host_device *audio = host_find_device(&host, address_of("01:00.1"));
	const struct host_device *nvme = host_find_device(&host, address_of("03:00.0"));
	const struct host_device *nic = host_find_device(&host, address_of("04:00.0"));
	assert_string_equal(gpu->meant_by, "c");
	assert_ptr_equal(gpu->group, audio->group);
	assert_int(gpu->group->count, 3);
	assert_int(gpu->uses.count, 2);
	assert_int(audio->uses.count, 2);
	assert_string_equal(audio->uses.items[0].text, "0000:01:00.0");
	assert_string_equal(audio->uses.items[1].text, "0000:01:00.1");
	assert_int(nvme->uses.count, 1);
	assert_string_equal(nvme->uses.items[0].text, "0000:03:00.0");
	assert_null(nic->group);
	assert_int(nic->uses.count, 1);
	assert_true(fact_known(&nic->users_found));
	assert_ptr_equal(gpu->bridge_details[0].function, host_find_function(&host, address_of("00:01.0")));
	assert_ptr_equal(gpu->bridge_details, audio->bridge_details);
	/* Its second bridge is not there. */
	assert_ptr_equal(nvme->bridge_details[0].function, gpu->bridge_details[0].function);
	assert_null(nvme->bridge_details[1].function);
}

static void what_is_added_later_is_read_later(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct host host;
	fake_host(state);
	read_fake(state, &arena, &root, &host);
	host_add_device(&arena, &host, address_of("01:00.0"), "a");
	host_read_devices(&root, &arena, &host);
	host_read_devices(&root, &arena, &host);
	assert_int(calls.users, 1);
	assert_int(calls.details, 2);
	host_add_device(&arena, &host, address_of("01:00.1"), "b");
	host_add_device(&arena, &host, address_of("03:00.0"), "c");
	host_read_devices(&root, &arena, &host);
	assert_int(calls.groups, 2);
	assert_int(calls.details, 4);
	const struct host_device *gpu = host_find_device(&host, address_of("01:00.0"));
	const struct host_device *audio = host_find_device(&host, address_of("01:00.1"));
	assert_ptr_equal(gpu->group, audio->group);
	assert_int(audio->uses.count, 2);
	assert_int(gpu->uses.count, 2);
	assert_non_null(audio->bridge_details[0].function);
}

static void devices_of_a_group_that_cannot_be_listed_are_asked_for_each(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct host host;
	fake_pci(state, "0000:01:00.0", "0x030000\n", "13", NULL);
	fake_pci(state, "0000:01:00.1", "0x040300\n", "13", NULL);
	read_fake(state, &arena, &root, &host);
	host_add_device(&arena, &host, address_of("01:00.0"), "a");
	host_add_device(&arena, &host, address_of("01:00.1"), "b");
	host_read_devices(&root, &arena, &host);
	assert_int(calls.users_asked, 2);
	assert_int(host.devices[0].uses.count, 2);
	assert_int(host.devices[1].uses.count, 2);
}

static void users_that_cannot_be_found_are_not_known(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct host host;
	fake_host(state);
	read_fake(state, &arena, &root, &host);
	calls.users_code = -EIO;
	host_add_device(&arena, &host, address_of("01:00.0"), "a");
	host_read_devices(&root, &arena, &host);
	assert_int(host.devices[0].users_found.state, FACT_UNREADABLE);
	assert_string_equal(host.devices[0].users_found.problem, "no users today");
	assert_int(host.devices[0].uses.count, 0);
}

static void finds_what_somebody_evidently_wants_to_pass_on(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct host host;
	fake_host(state);
	fake_pci(state, "0000:05:00.0", "0x020000\n", "9", "mlx5_vfio_pci");
	fake_file(state, fake_path("0000:04:00.0", "driver_override"), "vfio-pci\n");
	read_fake(state, &arena, &root, &host);
	host_add_meant_devices(&root, &arena, &host);
	assert_int(host.device_count, 3);
	assert_string_equal(host_find_device(&host, address_of("01:00.0"))->meant_by, "bound to vfio-pci");
	assert_string_equal(host_find_device(&host, address_of("04:00.0"))->meant_by, "driver_override is vfio-pci");
	assert_string_equal(host_find_device(&host, address_of("05:00.0"))->meant_by, "bound to mlx5_vfio_pci");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(a_host_is_read_as_far_as_it_goes),
		test_in_folder(a_host_without_pci_is_one),
		test_in_folder(a_pci_folder_that_cannot_be_listed_is_a_failure),
		test_in_folder(each_group_and_bridge_is_read_once_and_users_in_one_go),
		test_in_folder(what_is_added_later_is_read_later),
		test_in_folder(devices_of_a_group_that_cannot_be_listed_are_asked_for_each),
		test_in_folder(users_that_cannot_be_found_are_not_known),
		test_in_folder(finds_what_somebody_evidently_wants_to_pass_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
