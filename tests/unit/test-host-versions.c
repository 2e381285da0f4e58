/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/versions.h"

#include "test-host.h"

#define STATUS "/var/lib/dpkg/status"

static struct versions read_versions(void *const *state, struct arena *arena)
{
	AUTO_ROOT root = ROOT_NONE;
	struct versions versions;
	open_fake(state, &root);
	versions_read(&root, arena, &versions);
	return versions;
}

static void reads_a_node_of_proxmox(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
	fake_link(state, "/etc/pve/local", "nodes/pve");
	fake_file(state, "/usr/share/perl5/PVE/pvecfg.pm",
		  "package PVE::pvecfg;\nsub package {\n    return 'pve-manager';\n}\n"
		  "sub version_text {\n    return '8.2.2/abc';\n}\nsub version {\n    return '8.2.2';\n}\n1;\n");
	fake_file(state, STATUS,
		  "Package: qemu-system-x86\nStatus: deinstall ok config-files\nVersion: 1:7.2\n\n"
		  "Package: qemu-server\nStatus: install ok installed\nPriority: optional\nVersion: 8.2.1\n"
		  "Description: x\n Version: 9\n\n"
		  "Package: pve-qemu-kvm\nVersion: 8.1.5-5\nStatus: install ok installed\n\n"
		  "Package: pve-edk2-firmware\nStatus: install ok installed\nVersion: 4.2023.08-4\n");
	struct versions versions = read_versions(state, &arena);
	assert_string_equal(versions.os.text, "Debian GNU/Linux 12 (bookworm)");
	assert_true(fact_known(&versions.pve_mounted));
	assert_string_equal(versions.pve_manager.fact.text, "8.2.2");
	assert_string_equal(versions.pve_manager.fact.path, "/usr/share/perl5/PVE/pvecfg.pm");
	assert_string_equal(versions.qemu_server.fact.text, "8.2.1");
	assert_string_equal(versions.qemu.fact.text, "8.1.5-5");
	assert_string_equal(versions.qemu.package, "pve-qemu-kvm");
	assert_int(versions.qemu.parts[2], 5);
	assert_string_equal(versions.ovmf.fact.text, "4.2023.08-4");
	assert_true(fact_absent(&versions.libvirt.fact));
	assert_true(version_at_least(&versions.qemu_server, 8, 1, 2));
	assert_true(version_at_least(&versions.qemu_server, 8, 2, 1));
	assert_false(version_at_least(&versions.qemu_server, 8, 2, 2));
	assert_false(version_at_least(&versions.qemu_server, 9, 0, 0));
}

static void reads_a_debian_without_proxmox(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/usr/lib/os-release", "PRETTY_NAME='Debian'\n");
	fake_file(state, STATUS,
		  "Package: qemu-system-x86\nStatus: install ok installed\nVersion: 1:7.2+dfsg-7+deb12u18\n\n"
		  "Package: libvirt-daemon\nStatus: hold ok installed\nVersion: 9.0.0-4+deb12u2\n\n\n"
		  "Package: ovmf\nStatus: install ok installed\nVersion: 2022.11-6+deb12u2\n\n");
	put_directory(state, "/etc/pve");
	struct versions versions = read_versions(state, &arena);
	assert_string_equal(versions.os.text, "Debian");
	assert_string_equal(versions.qemu.fact.text, "1:7.2+dfsg-7+deb12u18");
	assert_int(versions.qemu.parts[0], 7);
	assert_int(versions.qemu.parts[1], 2);
	assert_int(versions.qemu.parts[2], 0);
	assert_string_equal(versions.libvirt.fact.text, "9.0.0-4+deb12u2");
	assert_int(versions.ovmf.parts[0], 2022);
	assert_true(fact_absent(&versions.pve_manager.fact));
	assert_true(fact_absent(&versions.qemu_server.fact));
	assert_true(fact_absent(&versions.pve_mounted));
}

static void a_package_that_is_half_there_is_wrong(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, STATUS, "Package: qemu-server\nStatus: install ok half-configured\nVersion: 8.2.1\n");
	struct versions versions = read_versions(state, &arena);
	assert_int(versions.qemu_server.fact.state, FACT_WRONG);
	assert_contains(versions.qemu_server.fact.problem, "half-configured");
	assert_false(version_at_least(&versions.qemu_server, 1, 0, 0));
}

/* Both are installed only in passing; the order in the list must not matter. */
static void proxmoxs_own_packages_come_first(void **state)
{
	static const char ours[] = "Package: pve-qemu-kvm\nStatus: install ok installed\nVersion: 9.2.0-5\n\n";
	static const char theirs[] = "Package: qemu-system-x86\nStatus: install ok installed\nVersion: 1:7.2\n\n";
	for (int i = 0; i < 2; i++) {
		AUTO_ARENA arena = { 0 };
		fake_file(state, STATUS, arena_printf(&arena, "%s%s", i ? ours : theirs, i ? theirs : ours));
		struct versions versions = read_versions(state, &arena);
		assert_string_equal(versions.qemu.fact.text, "9.2.0-5");
	}
}

static void other_packages_are_not_known(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct versions versions = read_versions(state, &arena);
	assert_true(fact_absent(&versions.dpkg_status));
	assert_true(fact_absent(&versions.qemu.fact));
	assert_true(fact_absent(&versions.os));
	fake_file(state, "/usr/libexec/qemu-kvm", "");
	versions = read_versions(state, &arena);
	assert_int(versions.qemu.fact.state, FACT_UNREADABLE);
	assert_string_equal(versions.qemu.fact.path, "/usr/libexec/qemu-kvm");
	assert_false(version_at_least(&versions.qemu, 1, 0, 0));
	assert_true(fact_absent(&versions.libvirt.fact));
}

static void a_list_that_cannot_be_read_proves_no_absence(void **state)
{
	AUTO_ARENA arena = { 0 };
	put_directory(state, STATUS);
	struct versions versions = read_versions(state, &arena);
	assert_int(versions.qemu_server.fact.state, FACT_UNREADABLE);
	assert_int(versions.libvirt.fact.state, FACT_UNREADABLE);
}

static void a_file_of_proxmox_without_version_is_wrong(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/usr/share/perl5/PVE/pvecfg.pm",
		  "sub version {\n    return $x;\n}\nsub repoid { return 'a'; }\n");
	struct versions versions = read_versions(state, &arena);
	assert_int(versions.pve_manager.fact.state, FACT_WRONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(reads_a_node_of_proxmox),
		test_in_folder(reads_a_debian_without_proxmox),
		test_in_folder(a_package_that_is_half_there_is_wrong),
		test_in_folder(proxmoxs_own_packages_come_first),
		test_in_folder(other_packages_are_not_known),
		test_in_folder(a_list_that_cannot_be_read_proves_no_absence),
		test_in_folder(a_file_of_proxmox_without_version_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
