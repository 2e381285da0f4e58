/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain's definition, made fit for nesting. */
#include "unit.h"

#include <errno.h>

#include "libvirt/domain-edit.h"

#define HEAD                                                        \
	"<domain type='kvm'>\n"                                     \
	"  <name>l1</name>\n"                                       \
	"  <memory unit='KiB'>4194304</memory>\n"                   \
	"  <vcpu placement='static'>4</vcpu>\n"                     \
	"  <os>\n"                                                  \
	"    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>\n" \
	"  </os>\n"
#define FEATURES "  <features>\n    <acpi/>\n    <ioapic driver='qemu'/>\n  </features>\n"
#define ROOT "    <controller type='pci' index='0' model='pcie-root'/>\n"
#define PORT(index, slot)                                                                         \
	"    <controller type='pci' index='" index "' model='pcie-root-port'>\n"                  \
	"      <address type='pci' domain='0x0000' bus='0x00' slot='" slot "' function='0x0'/>\n" \
	"    </controller>\n"
#define HOSTDEV_BEGIN(bus, function)                                                             \
	"    <hostdev mode='subsystem' type='pci' managed='yes'>\n"                              \
	"      <source>\n"                                                                       \
	"        <address domain='0x0000' bus='" bus "' slot='0x00' function='" function "'/>\n" \
	"      </source>\n"
#define AT(bus, slot, function) \
	"      <address type='pci' domain='0x0000' bus='" bus "' slot='" slot "' function='" function "'/>\n"
#define HOSTDEV_END "    </hostdev>\n"
#define IOMMU                                               \
	"    <iommu model='intel'>\n"                       \
	"      <driver intremap='on' caching_mode='on'/>\n" \
	"    </iommu>\n"
#define TAIL "  </devices>\n</domain>\n"

static const struct domain_host_device groups[] = {
	{ { 0, 1, 0, 0 }, "14" },
	{ { 0, 1, 0, 1 }, "14" },
	{ { 0, 2, 0, 0 }, "15" },
};

static struct arena arena;
static struct domain_wishes wishes;
static struct domain_result result;
static struct error error;

static int begin(void **state)
{
	wishes = (struct domain_wishes){
		.viommu = true, .libvirt_version = 9000000, .members = groups, .member_count = ARRAY_SIZE(groups)
	};
	return 0;
}

static int end(void **state)
{
	arena_release(&arena);
	return 0;
}

/* Edits twice: the second time there must be nothing to do. */
static const char *edit(const char *xml)
{
	struct domain_result again;
	int r = domain_edit(&arena, slice_of(xml), &wishes, &result, &error);
	if (r < 0)
		fail_msg("%d: %s", r, error.text);
	if (domain_edit(&arena, result.xml, &wishes, &again, &error) < 0)
		fail_msg("again: %s", error.text);
	if (again.changed)
		fail_msg("again: %s", again.done.items[0]);
	return arena_strndup(&arena, result.xml.start, result.xml.length);
}

static void refused(const char *xml, int code, const char *text)
{
	assert_int(domain_edit(&arena, slice_of(xml), &wishes, &result, &error), code);
	assert_contains(error.text, text);
}

static void adds_a_viommu_and_what_it_needs(void **state)
{
	assert_string_equal(edit(HEAD "  <devices>\n" ROOT TAIL),
			    HEAD "  <features>\n    <acpi/>\n    <ioapic driver='qemu'/>\n  </features>\n"
				 "  <devices>\n" ROOT IOMMU TAIL);
	assert_int(result.done.count, 3);
	assert_string_equal(edit(HEAD "  <features>\n    <pae/>\n  </features>\n  <devices>\n" ROOT TAIL),
			    HEAD "  <features>\n    <acpi/>\n    <pae/>\n    <ioapic driver='qemu'/>\n  </features>\n"
				 "  <devices>\n" ROOT IOMMU TAIL);
}

static void leaves_alone_what_is_fit(void **state)
{
	const char *xml =
		"<!-- mine -->\n" HEAD FEATURES "  <devices>\n" ROOT
		"    <iommu   model=\"intel\">\n      <driver caching_mode=\"on\" eim='on' intremap='on'/></iommu>\n" TAIL;
	assert_string_equal(edit(xml), xml);
	assert_false(result.changed);
}

static void completes_a_viommu(void **state)
{
	const char *text = edit(HEAD FEATURES
				"  <devices>\n" ROOT
				"    <iommu model='intel'><driver intremap='off' aw_bits=\"48\"/></iommu>\n" TAIL);
	assert_contains(text,
			"<iommu model='intel'><driver intremap='on' aw_bits=\"48\" caching_mode=\"on\"/></iommu>");
	assert_contains(edit(HEAD FEATURES "  <devices>\n" ROOT "    <iommu model='intel'/>\n" TAIL), IOMMU);
	assert_contains(edit(HEAD "  <features><acpi/><ioapic driver='kvm'/></features>\n  <devices>\n" ROOT TAIL),
			"<ioapic driver='qemu'/></features>");
}

static void writes_the_width_that_is_wanted(void **state)
{
	const char *xml = HEAD FEATURES "  <devices>\n" ROOT TAIL;
	assert_contains(edit(xml), "<driver intremap='on' caching_mode='on'/>");
	wishes.aw_bits = 39;
	wishes.iotlb = DOMAIN_ON;
	assert_contains(edit(xml), "<driver intremap='on' caching_mode='on' aw_bits='39' iotlb='on'/>");
	wishes.libvirt_version = 6004000;
	assert_contains(edit(xml), "<driver intremap='on' caching_mode='on' iotlb='on'/>");
	assert_contains(result.warnings.items[0], "this libvirt knows no aw_bits");
}

static void many_cpus_need_the_extended_mode(void **state)
{
	assert_contains(edit("<domain type='kvm'><vcpu>256</vcpu><os><type machine='q35'>hvm</type></os>"
			     "<devices><emulator>/q</emulator></devices></domain>"),
			"<driver intremap='on' caching_mode='on' eim='on'/>");
}

static void puts_one_host_group_behind_one_bridge(void **state)
{
	const char *text = edit(HEAD FEATURES "  <devices>\n" ROOT PORT("1", "0x02") PORT("2", "0x03")
					HOSTDEV_BEGIN("0x01", "0x0") AT("0x01", "0x00", "0x0")
						HOSTDEV_END HOSTDEV_BEGIN("0x01", "0x1") AT("0x02", "0x00", "0x0")
							HOSTDEV_END TAIL);
	/* The bridge takes the port of the first over. */
	assert_string_equal(
		text,
		HEAD FEATURES "  <devices>\n" ROOT PORT("1", "0x02") PORT(
			"2",
			"0x03") "    <controller type='pci' index='3' model='pcie-to-pci-bridge'>\n"
				"      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n"
				"    </controller>\n" HOSTDEV_BEGIN("0x01", "0x0") AT("0x03", "0x01", "0x0")
					HOSTDEV_END HOSTDEV_BEGIN("0x01", "0x1") AT("0x03", "0x02", "0x0")
						HOSTDEV_END IOMMU TAIL);
	assert_contains(result.done.items[1], "0000:01:00.0, 0000:01:00.1 (one host group)");
}

static void lets_libvirt_place_a_bridge_where_no_port_is_free(void **state)
{
	const char *text = edit(HEAD FEATURES "  <devices>\n" ROOT HOSTDEV_BEGIN("0x01", "0x0")
					HOSTDEV_END HOSTDEV_BEGIN("0x01", "0x1") HOSTDEV_END TAIL);
	assert_contains(text, "    <controller type='pci' index='1' model='pcie-to-pci-bridge'/>\n");
	assert_contains(text, "      </source>\n      <address type='pci' domain='0x0000' bus='0x01' slot='0x02' "
			      "function='0x0'/>\n    </hostdev>\n");
}

static void functions_of_one_slot_stay_together(void **state)
{
	const char *text = edit(
		HEAD FEATURES "  <devices>\n" ROOT PORT("1", "0x02") HOSTDEV_BEGIN("0x01", "0x1")
			AT("0x01", "0x00", "0x1") HOSTDEV_END HOSTDEV_BEGIN(
				"0x01",
				"0x0") "      <address type='pci' bus='0x01' slot='0x00' function='0x0' multifunction='on'/>\n" HOSTDEV_END
				TAIL);
	assert_contains(text, AT("0x02", "0x01", "0x1"));
	assert_contains(text, "<address type='pci' bus='0x02' slot='0x01' function='0x0' multifunction='on' "
			      "domain='0x0000'/>");
}

static void uses_a_bridge_that_is_there(void **state)
{
	const char *bridge = HEAD FEATURES "  <devices>\n" ROOT
		PORT("1", "0x02") "    <controller type='pci' index='2' model='pcie-to-pci-bridge'>" AT(
			"0x01", "0x00",
			"0x0") "    </controller>\n    <sound model='ac97'>" AT("0x02", "0x01",
										"0x0") "    </sound>\n" HOSTDEV_BEGIN("0x01",
														      "0x1")
			AT("0x02", "0x03", "0x0") HOSTDEV_END HOSTDEV_BEGIN("0x01", "0x0") HOSTDEV_END TAIL;
	const char *text = edit(bridge);
	assert_contains(text, AT("0x02", "0x03", "0x0"));
	assert_contains(text, AT("0x02", "0x02", "0x0")); /* slot 1 is the sound card's */
	assert_null(strstr(text, "index='3'"));
}

static void others_get_ports_of_their_own(void **state)
{
	const char *text = edit(HEAD FEATURES "  <devices>\n" ROOT HOSTDEV_BEGIN("0x02", "0x0")
					AT("0x00", "0x05", "0x0") HOSTDEV_END TAIL);
	assert_contains(text, ROOT "    <controller type='pci' index='1' model='pcie-root-port'/>\n");
	assert_contains(text, AT("0x01", "0x00", "0x0"));
	/* An integrated GPU must stay at 00:02.0. */
	text = edit(HEAD FEATURES "  <devices>\n" ROOT HOSTDEV_BEGIN("0x02", "0x0") AT("0x00", "0x02", "0x0")
			    HOSTDEV_END TAIL);
	assert_contains(text, AT("0x00", "0x02", "0x0"));
}

static void does_not_guess_groups(void **state)
{
	wishes.member_count = 0;
	const char *xml = HEAD FEATURES "  <devices>\n" ROOT HOSTDEV_BEGIN("0x01", "0x0")
		HOSTDEV_END HOSTDEV_BEGIN("0x01", "0x1") HOSTDEV_END IOMMU TAIL;
	assert_string_equal(edit(xml), xml);
	assert_contains(result.warnings.items[0], "host group of 0000:01:00.0, 0000:01:00.1 not known");
}

static void refuses_to_leave_a_stranger_without_function_0(void **state)
{
	refused(HEAD FEATURES "  <devices>\n" ROOT PORT("1", "0x02") "    <sound model='ich9'>\n" AT(
			"0x01", "0x00", "0x1") "    </sound>\n" HOSTDEV_BEGIN("0x01", "0x0") AT("0x01", "0x00", "0x0")
			HOSTDEV_END HOSTDEV_BEGIN("0x01", "0x1") HOSTDEV_END TAIL,
		-ENOTSUP, "give 0000:01:00.0 a slot of its own");
}

static void raises_the_limit_of_locked_memory(void **state)
{
	const char *two = HEAD FEATURES "  <devices>\n" ROOT HOSTDEV_BEGIN("0x03", "0x0")
		HOSTDEV_END HOSTDEV_BEGIN("0x02", "0x0") HOSTDEV_END TAIL;
	assert_null(strstr(edit(two), "memtune"));
	wishes.libvirt_version = 8006000;
	/* Two times 4 GiB, and 1 GiB. */
	assert_contains(edit(two),
			"  <memtune>\n    <hard_limit unit='KiB'>9437184</hard_limit>\n  </memtune>\n  <devices>");
	wishes.libvirt_version = 9000000;
	const char *text = edit(HEAD "  <memtune><hard_limit unit='GiB'>5</hard_limit></memtune>\n" FEATURES
				     "  <devices>\n" ROOT HOSTDEV_BEGIN("0x03", "0x0")
					     HOSTDEV_END HOSTDEV_BEGIN("0x02", "0x0") HOSTDEV_END TAIL);
	assert_contains(text, "<hard_limit unit='KiB'>9437184</hard_limit>");
}

static void refuses_what_editing_cannot_mend(void **state)
{
	refused("<network/>", -EINVAL, "<network>: this is no definition of a domain");
	refused("<domain type='xen'><devices/></domain>", -ENOTSUP, "of type 'xen'");
	refused("<domain type='kvm'/>", -EINVAL, "no <devices>");
	refused("<domain type='kvm'><os><type arch='aarch64'>hvm</type></os><devices/></domain>", -ENOTSUP, "aarch64");
	refused("<domain type='kvm'><os><type machine='pc-i440fx-7.2'>hvm</type></os><devices/></domain>", -ENOTSUP,
		"pc-i440fx-7.2, can have no Intel vIOMMU");
	refused(HEAD "<devices><iommu model='virtio'/>" TAIL, -ENOTSUP, "<iommu model='virtio'>; take that away first");
	refused(HEAD "<devices><iommu model='intel'/><iommu model='intel'/>" TAIL, -ENOTSUP, "more than one <iommu>");
	refused("<domain type='kvm' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><os><type machine='q35'/></os>"
		"<devices/><q:commandline><q:arg value='-device'/><q:arg value='intel-iommu,intremap=on'/>"
		"</q:commandline></domain>",
		-ENOTSUP, "in its <qemu:commandline> already (intel-iommu,intremap=on)");
	refused(HEAD
		"<devices><hostdev mode='subsystem' type='pci'><source><address bus='0x1ff'/></source></hostdev>" TAIL,
		-EINVAL, "<address bus='0x1ff'>: not a number up to 255");
}

static void makes_a_q35_when_asked(void **state)
{
	wishes.q35 = true;
	const char *text = edit(
		"<domain type='kvm'>\n  <os>\n    <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>\n  </os>\n"
		"  <devices>\n"
		"    <disk type='file' device='disk'>\n      <target dev='hda' bus='ide'/>\n"
		"      <address type='drive' controller='0' bus='1' target='0' unit='0'/>\n    </disk>\n"
		"    <controller type='usb' index='0' model='piix3-uhci'/>\n"
		"    <controller type='pci' index='0' model='pci-root'/>\n"
		"    <controller type='ide' index='0'/>\n"
		"    <interface type='network'>\n" AT("0x00", "0x03", "0x0") "    </interface>\n" TAIL);
	assert_contains(text, "machine='pc-q35-7.2'");
	assert_contains(text,
			"  <devices>\n    <disk type='file' device='disk'>\n      <target dev='hda' bus='sata'/>\n"
			"    </disk>\n    <interface type='network'>\n    </interface>\n" IOMMU TAIL);
	assert_contains(result.warnings.items[0], "names of its network interfaces change");
}

static void gives_the_host_cpu_when_asked(void **state)
{
	wishes.viommu = false;
	wishes.host_cpu = true;
	wishes.efi = true;
	assert_string_equal(
		edit("<domain type='kvm'><os/><cpu mode='custom' match='exact'><model>qemu64</model>"
		     "<topology sockets='1'/><feature policy='disable' name='vmx'/></cpu><devices/></domain>"),
		"<domain type='kvm'><os firmware='efi'/><cpu mode='host-passthrough'><topology sockets='1'/></cpu>"
		"<devices/></domain>");
	assert_contains(edit("<domain type='qemu'><os/><devices/></domain>"), "<cpu mode='maximum'/>");
	refused("<domain type='kvm'><os><loader type='rom'>/x</loader></os><devices/></domain>", -ENOTSUP, "<loader>");
}

static void takes_a_viommu_away(void **state)
{
	wishes.viommu = false;
	wishes.no_viommu = true;
	assert_string_equal(edit(HEAD FEATURES "  <devices>\n" ROOT IOMMU TAIL),
			    HEAD FEATURES "  <devices>\n" ROOT TAIL);
}

#define test(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(adds_a_viommu_and_what_it_needs),
		test(leaves_alone_what_is_fit),
		test(completes_a_viommu),
		test(writes_the_width_that_is_wanted),
		test(many_cpus_need_the_extended_mode),
		test(puts_one_host_group_behind_one_bridge),
		test(lets_libvirt_place_a_bridge_where_no_port_is_free),
		test(functions_of_one_slot_stay_together),
		test(uses_a_bridge_that_is_there),
		test(others_get_ports_of_their_own),
		test(does_not_guess_groups),
		test(refuses_to_leave_a_stranger_without_function_0),
		test(raises_the_limit_of_locked_memory),
		test(refuses_what_editing_cannot_mend),
		test(makes_a_q35_when_asked),
		test(gives_the_host_cpu_when_asked),
		test(takes_a_viommu_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
