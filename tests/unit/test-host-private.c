/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "host/private-text.h"
#include "host/private.h"

#define HEAD "nestpci snapshot 1\n"

static void assert_replaced(struct private_map *map, const char *text, const char *wanted)
{
	AUTO_ARENA arena = { 0 };
	assert_string_equal(private_replace(map, &arena, slice_of(text), false).start, wanted);
}

static void replaces_what_has_a_form(void **state)
{
	static const struct {
		const char *text;
		const char *wanted;
	} rows[] = {
		{ "mac=BC:24:11:AA:BB:01,bus", "mac=02:00:00:00:00:01,bus" },
		{ "bc:24:11:aa:bb:01", "02:00:00:00:00:01" },
		{ "bc:24:11:aa:bb:02 ", "02:00:00:00:00:02 " },
		{ "50:01:43:80:12:34:56:78", "02:00:00:00:00:00:00:03" },
		{ "root=UUID=5D2C8A30-1111-2222-3333-0123456789ab ro",
		  "root=UUID=00000000-0000-4000-8000-000000000001 ro" },
		{ "5d2c8a30-1111-2222-3333-0123456789ab", "00000000-0000-4000-8000-000000000001" },
		{ "LVM-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		  "LVM-00000000-0000-4000-8000-000000000002" },
		{ "aBcDeF-aaaa-bbbb-cccc-dddd-eeee-GhIjKl", "00000000-0000-4000-8000-000000000003" },
		{ "gw=10.1.2.3/24", "gw=192.0.2.1/24" },
		{ "10.1.2.3:22, 10.1.2.4.", "192.0.2.1:22, 192.0.2.2." },
		{ "fd00::1 FD00:0:0:0:0:0:0:1", "2001:db8::0:1 2001:db8::0:1" },
		{ "[fd00::2]:80", "[2001:db8::0:2]:80" },
		{ "enxbc2411aabb01", "enx020000000001" },
		{ "/dev/disk/by-id/nvme-Maker_Model_S1234-part2,if", "/dev/disk/by-id/diskname1-part2,if" },
		{ "by-id/nvme-Maker_Model_S1234", "by-id/diskname1" },
	};
	AUTO_ARENA arena = { 0 };
	struct private_map map = { .arena = &arena };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_replaced(&map, rows[i].text, rows[i].wanted);
}

static void leaves_alone_what_only_looks_so(void **state)
{
	static const char *const rows[] = {
		"0000:00:1f.3",
		"pci-0000:00:1f.3-usb-0:1:1.0",
		"10000:e1:00.0",
		"10de:1b80,10de:10f0",
		"vfio-pci.ids=8086:10d3:1af4:1100",
		"pci:v00008086d000010D3sv00001AF4sd00001100bc02sc00i00",
		"12:34:56",
		"00:00:00:00:00:00",
		"ff:ff:ff:ff:ff:ff",
		"127.0.0.1",
		"0.0.0.0",
		"255.255.255.0",
		"6.8.12-4-pve",
		"1.2.3.4.5",
		"256.1.1.1",
		"v1.2.3.4",
		"::1",
		"ff02::1",
		"PVE::pvecfg",
		"SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		"[    0.000000] ACPI: DMAR 0x000000007FFE1A30 000050",
		"0x29d3",
		"",
	};
	AUTO_ARENA arena = { 0 };
	struct private_map map = { .arena = &arena };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_replaced(&map, rows[i], rows[i]);
	assert_int(map.count, 0);
	assert_slice(private_replace(&map, &arena, slice_of("1.2.3.4"), true), "1.2.3.4");
}

static void replaces_words_where_they_are_whole(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct private_map map = { .arena = &arena };
	(void)state;
	private_add_word(&map, PRIVATE_HOST, "alpha");
	private_add_word(&map, PRIVATE_HOST, "alpha.example.com");
	private_add_word(&map, PRIVATE_VM, "alpha-db");
	assert_replaced(&map, "alpha alphabet xalpha alpha9 alpha--vg-root /alpha/ alpha_1",
			"hostname1 alphabet xalpha alpha9 hostname1--vg-root /hostname1/ hostname1_1");
	assert_replaced(&map, "alpha.example.com alpha.example.org alpha-db alpha-dbs",
			"hostname2 hostname1.example.org vmname1 hostname1-dbs");
}

static void addresses_of_proc_net_stay_addresses(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct private_map map = { .arena = &arena };
	(void)state;
	assert_replaced(&map, "10.1.2.3", "192.0.2.1");
	assert_slice(private_replace_digits(&map, &arena, slice_of("0302010A")), "010200C0");
	assert_slice(private_replace_digits(&map, &arena, slice_of("00000000")), "00000000");
	assert_slice(private_replace_digits(&map, &arena, slice_of("eth0")), "eth0");
	assert_replaced(&map, "fd00::1", "2001:db8::0:1");
	assert_slice(private_replace_digits(&map, &arena, slice_of("fd000000000000000000000000000001")),
		     "20010db8000000000000000000000001");
	assert_slice(private_replace_digits(&map, &arena, slice_of("fe800000000000000000000000000000")),
		     "fe800000000000000000000000000000");
}

static void documentation_has_addresses_enough(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct private_map map = { .arena = &arena };
	const char *last = "";
	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		last = private_replacement(&map, PRIVATE_IPV4,
					   slice_of(arena_printf(&arena, "10.0.%u.%u", i / 250, i % 250)));
	assert_string_equal(last, "198.18.0.238");
	assert_string_equal(private_replacement(&map, PRIVATE_IPV4, slice_of("10.0.1.3")), "192.0.2.254");
	assert_string_equal(private_replacement(&map, PRIVATE_IPV4, slice_of("10.0.1.4")), "198.51.100.1");
}

/* What is left of a snapshot, comments apart. */
static void assert_public(const char *text, const char *const *hosts, const char *wanted)
{
	AUTO_SNAPSHOT from;
	AUTO_SNAPSHOT to;
	AUTO_ARENA arena = { 0 };
	struct error error;
	struct list names = { .arena = &arena };
	struct buffer out = { .arena = &arena };
	snapshot_init(&from);
	snapshot_init(&to);
	for (; hosts && *hosts; hosts++)
		list_add(&names, *hosts);
	if (snapshot_read_text(slice_of(text), "x", &from, &error) < 0)
		fail_msg("%s", error.text);
	private_copy(&from, &names, &to);
	assert_true(to.comments.count >= 3);
	to.comments.count = 0;
	snapshot_write(&to, &out);
	assert_string_equal(out.text, wanted);
}

static void serial_numbers_of_devices_go(void **state)
{
	(void)state;
	assert_public(HEAD
		      "[/sys/devices/pci0/00:02.0]\nconfig: hex\n\t8680\n\t00 * 254\n\t02000111 00000000\n\t00 * 8\n"
		      "\t03000100 0102030405060708\n\t00 * 32\nserial = S12345\nvpd = x\n[/sys/devices/pci0/00:02.1]\n"
		      "config: hex\n\t8680\n\t00 * 254\n\t03000100 0102030405060708\n",
		      NULL,
		      HEAD
		      "\n[/sys/devices/pci0/00:02.0]\nconfig: hex\n\t86 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
		      "\t00 * 240\n\t02 00 01 11 00 00 00 00 00 00 00 00 00 00 00 00\n"
		      "\t03 00 01 00 01 00 00 00 00 00 00 00 00 00 00 00\n"
		      "\t00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n\t00 00 00 00 00 00 00 00 00 00 00 00\n"
		      "serial = serialno2\nvpd ?\n\n[/sys/devices/pci0/00:02.1]\nconfig: hex\n"
		      "\t86 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n\t00 * 240\n"
		      "\t03 00 01 00 01 00 00 00 00 00 00 00\n");
}

static void virtual_machines_lose_their_names_and_secrets(void **state)
{
	(void)state;
	assert_public(HEAD
		      "[/etc/pve/nodes/alpha/qemu-server]\n100.conf:\n\t# ask Bob\n\tname: payroll\n\tcipassword: x\n"
		      "\tdescription: d\n\tnet0: virtio=BC:24:11:00:11:22\n\tscsi0: local:vm-100-disk-0\n101.conf:\n"
		      "\tname: test\n[/proc/77]\ncomm = kvm\ncmdline: words\n\t/usr/bin/kvm\n\t-name\n"
		      "\tpayroll,debug-threads=on\n\t-vnc\n\tunix:/x,password=on\n\t-object\n"
		      "\tsecret,id=sec0,data=QUJD,format=base64\n[/run/payroll]\nx = payroll-1\n",
		      NULL,
		      HEAD
		      "\n[/etc/pve/nodes/hostname1/qemu-server]\n100.conf:\n\tname: vmname1\n"
		      "\tnet0: virtio=02:00:00:00:00:01\n\tscsi0: local:vm-100-disk-0\n101.conf = name: vmname2\n"
		      "\n[/proc/77]\ncmdline: words\n\t/usr/bin/kvm\n\t-name\n\tvmname1,debug-threads=on\n\t-vnc\n"
		      "\tunix:/x,password=removed\n\t-object\n\tsecret,id=sec0,data=removed,format=base64\ncomm = kvm\n"
		      "\n[/run/vmname1]\nx = vmname1-1\n");
}

/* Of an answer of libvirt's, the name is replaced even where it is an ordinary word. */
static void domains_of_libvirt_lose_their_names(void **state)
{
	(void)state;
	assert_public(
		HEAD
		"ask libvirt/system:\n\t{\"uri\":\"qemu+ssh://root@alpha/system\",\"domains\":[{\"name\":\"test\",\"uuid\":"
		"\"5d2c8a30-1111-2222-3333-0123456789ab\",\"definition\":{\"name\":\"domain\",\"children\":"
		"[{\"name\":\"name\",\"text\":\"test\"},{\"name\":\"memory\",\"text\":\"1\"}]}},"
		"{\"name\":\"payroll\",\"problem\":\"payroll: gone\"}]}\n",
		NULL,
		HEAD
		"ask libvirt/system:\n\t{\n\t  \"uri\":\"qemu+ssh://hostname1/system\",\n\t  \"domains\":[\n\t    {\n"
		"\t      \"name\":\"vmname2\",\n\t      \"uuid\":\"00000000-0000-4000-8000-000000000001\",\n"
		"\t      \"definition\":{\n\t        \"name\":\"domain\",\n\t        \"children\":[\n\t          {\n"
		"\t            \"name\":\"name\",\n\t            \"text\":\"vmname2\"\n\t          },\n\t          {\n"
		"\t            \"name\":\"memory\",\n\t            \"text\":\"1\"\n\t          }\n\t        ]\n"
		"\t      }\n\t    },\n\t    {\n\t      \"name\":\"vmname1\",\n\t      \"problem\":\"vmname1: gone\"\n"
		"\t    }\n\t  ]\n\t}\n");
}

static void processes_without_devices_go(void **state)
{
	(void)state;
	assert_public(HEAD
		      "partial\n[/proc]\nself/\n- *\n[/proc/1]\ncomm = init\n[/proc/1/fd]\n0 -> /dev/null\n"
		      "1 -> socket:[1]\n2 -> /srv/a\n- *\n[/proc/2]\ncomm = player\ncmdline: words\n\t/usr/bin/player\n"
		      "\tsecret.mp3\n[/proc/2/fd]\n0 -> /dev/pts/1\n1 -> /dev/snd/controlC0\n2 -> /srv/a\n- *\n"
		      "[/proc/3]\ncomm = hidden\nfd/ ! EACCES\n[/proc/4]\ncomm = qemu-system-x86\n[/proc/4/fd]\n"
		      "9 -> anon_inode:kvm-vm\n- *\n[/proc/5/fd]\n3 -> /srv/ct/dev/sda @ block 8:0\n"
		      "4 -> /srv/b @ regular\n- *\n",
		      NULL,
		      HEAD "partial\n\n[/proc]\nself/\n- *\n\n[/proc/2]\ncmdline: words\n\t/usr/bin/player\n"
			   "comm = player\n\n[/proc/2/fd]\n1 -> /dev/snd/controlC0\n- *\n\n[/proc/3]\ncomm = process\n"
			   "fd/ ! EACCES\n\n[/proc/4]\ncomm = qemu-system-x86\n\n[/proc/4/fd]\n9 -> anon_inode:kvm-vm\n"
			   "- *\n\n[/proc/5/fd]\n3 -> /srv/ct/dev/sda @ block 8:0\n- *\n");
}

static void file_systems_keep_their_references(void **state)
{
	(void)state;
	assert_public(HEAD
		      "ask log/kmsg = mounted tank7 on alpha\n[/proc]\ncmdline = root=LABEL=tank7 ip=10.0.0.5\n"
		      "[/proc/self]\nmountinfo:\n\t1 0 8:1 / / rw - ext4 /dev/mapper/alpha--vg-root rw\n"
		      "\t2 1 0:9 / /mnt rw - nfs4 files.example.com:/x rw,addr=10.0.0.9\n"
		      "[/proc/spl/kstat/zfs]\ntank7/\n[/run/udev/data]\nb8%3A1:\n\tS:disk/by-label/tank7\n"
		      "\tE:ID_SERIAL=abc\n\tE:ID_FS_TYPE=zfs_member\n\tE:ID_FS_LABEL=tank7\n\tE:ID_FS_UUID=ABCD-1234\n"
		      "[/dev/disk/by-uuid]\nABCD-1234 -> ../../sda1\n[/etc]\nhostname = alpha\n"
		      "[/etc/default]\ngrub = set password_pbkdf2 root grub.pbkdf2.sha512.1\n",
		      (const char *const[]){ "alpha", NULL },
		      HEAD
		      "ask log/kmsg = mounted fslabel1 on hostname1\n\n[/dev/disk/by-uuid]\nfslabel2 -> ../../sda1\n"
		      "\n[/etc]\nhostname = hostname1\n\n[/etc/default]\ngrub = set password_pbkdf2 removed\n"
		      "\n[/proc]\ncmdline = root=LABEL=fslabel1 ip=192.0.2.1\n\n[/proc/self]\nmountinfo:\n"
		      "\t1 0 8:1 / / rw - ext4 /dev/mapper/hostname1--vg-root rw\n"
		      "\t2 1 0:9 / /mnt rw - nfs4 fileserver1:/share rw\n\n[/proc/spl/kstat/zfs]\nfslabel1/\n"
		      "\n[/run/udev/data]\nb8:1:\n\tE:ID_FS_TYPE=zfs_member\n\tE:ID_FS_LABEL=fslabel1\n"
		      "\tE:ID_FS_UUID=fslabel2\n");
}

static void ordinary_words_stay_where_they_are_no_names(void **state)
{
	(void)state;
	assert_public(HEAD "[/etc]\nhostname = pve\n[/sys/bus]\npci/\n[/usr]\nx = pve-manager on pve\n",
		      (const char *const[]){ "pve", "pci", "a", "12", NULL },
		      HEAD "\n[/etc]\nhostname = hostname1\n\n[/sys/bus]\npci/\n\n[/usr]\nx = pve-manager on pve\n");
}

static void of_packages_only_what_they_are_stays(void **state)
{
	(void)state;
	assert_public(HEAD "[/var/lib/dpkg]\nstatus:\n\tPackage: a\n\tMaintainer: M <m@example.com>\n"
			   "\tVersion: 1:1.2.3.4-5\n\t\n\tPackage: b\n",
		      NULL,
		      HEAD "\n[/var/lib/dpkg]\nstatus:\n\tPackage: a\n\tVersion: 1:1.2.3.4-5\n\t\n\tPackage: b\n");
}

static void a_second_time_changes_nothing(void **state)
{
	static const char text[] = HEAD "\n[/etc]\nhostname = hostname1\nx = 192.0.2.1 02:00:00:00:00:01 "
					"00000000-0000-4000-8000-000000000001 2001:db8::0:1\n";
	(void)state;
	assert_public(text, (const char *const[]){ "hostname1", NULL }, text);
}

static void finds_all_names_of_a_host(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct list names = { .arena = &arena };
	put_directory(state, "etc");
	put_file(state, "etc/hostname", "alpha.example.com\n");
	put_file(state, "etc/hosts", "127.0.0.1 localhost\n10.0.0.1 alpha.lan alpha storage7\n10.0.0.2 beta\n");
	assert_int(root_open(&root, (const char *)*state, NULL), 0);
	private_find_names(&root, &names);
	list_sort(&names);
	static const char *const wanted[] = { "alpha", "alpha.example.com", "alpha.lan", "example.com", "storage7" };
	assert_int(names.count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < names.count; i++)
		assert_string_equal(names.items[i], wanted[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_what_has_a_form),
		cmocka_unit_test(leaves_alone_what_only_looks_so),
		cmocka_unit_test(replaces_words_where_they_are_whole),
		cmocka_unit_test(addresses_of_proc_net_stay_addresses),
		cmocka_unit_test(documentation_has_addresses_enough),
		cmocka_unit_test(serial_numbers_of_devices_go),
		cmocka_unit_test(virtual_machines_lose_their_names_and_secrets),
		cmocka_unit_test(domains_of_libvirt_lose_their_names),
		cmocka_unit_test(processes_without_devices_go),
		cmocka_unit_test(file_systems_keep_their_references),
		cmocka_unit_test(ordinary_words_stay_where_they_are_no_names),
		cmocka_unit_test(of_packages_only_what_they_are_stays),
		cmocka_unit_test(a_second_time_changes_nothing),
		test_in_folder(finds_all_names_of_a_host),
	};
	return cmocka_run_group_tests_name("host-private", tests, NULL, NULL);
}
