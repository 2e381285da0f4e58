/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/pci-caps.h"

#include "test-host-config.h"

/* Parses what a reader got, copied so that AddressSanitizer sees its end. */
static void parse(const struct config *config, struct arena *arena, struct pci_caps *ret)
{
	uint8_t *copy = malloc(config->length + 1);
	assert_non_null(copy);
	memcpy(copy, config->bytes, config->length);
	pci_caps_parse((struct slice){ (const char *)copy, config->length }, arena, ret);
	free(copy);
}

static void assert_problem(const struct pci_caps *caps, const char *part)
{
	if (caps->problems.count != 1)
		fail_msg("%zu problems, wanted one with '%s'", caps->problems.count, part);
	assert_contains(caps->problems.items[0], part);
}

static void reads_an_endpoint(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = config_header(0x80);
	put8(&config, 0x3d, 2);
	add_pcie(&config, 0);
	put32(&config, 0x44, 1U << 28); /* FLR */
	add_capability(&config, 0x80, 0x01);
	put16(&config, 0x84, 0x000b); /* D3hot, no soft reset */
	add_capability(&config, 0x90, 0x05);
	add_capability(&config, 0xa0, 0x11);
	put16(&config, 0xa2, 0x8040);
	parse(&config, &arena, &caps);
	assert_int(caps.length, 4096);
	assert_false(caps.dead);
	assert_true(caps.capabilities_known && caps.extended_known);
	assert_int(caps.header_type, 0);
	assert_true(caps.multifunction);
	assert_int(caps.interrupt_pin, 2);
	assert_true(caps.pcie && caps.flr && caps.pm && caps.pm_no_soft_reset && caps.msi && caps.msix);
	assert_int(caps.pcie_type, PCIE_ENDPOINT);
	assert_int(caps.pm_state, 3);
	assert_int(caps.msix_vectors, 65);
	assert_false(caps.acs || caps.ari || caps.ats || caps.sriov || caps.serial_known || caps.af_flr);
	assert_int(caps.rebar_count, 0);
	assert_int(caps.problems.count, 0);
	assert_string_equal(pci_caps_type_name(&caps), "endpoint");
}

static void reads_extended_capabilities(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = config_header(0);
	add_pcie(&config, 0);
	add_extended(&config, 0x01, 0x48); /* one that nobody asks for */
	add_acs(&config, 0x5d, 0x1d);
	size_t serial = add_extended(&config, 0x03, 12);
	put32(&config, serial + 4, 0x89abcdef);
	put32(&config, serial + 8, 0x01234567);
	add_extended(&config, 0x0e, 8);
	add_extended(&config, 0x0f, 8);
	size_t sriov = add_extended(&config, 0x10, 64);
	put16(&config, sriov + 0x08, 0x0001);
	put16(&config, sriov + 0x0e, 64);
	put16(&config, sriov + 0x10, 7);
	parse(&config, &arena, &caps);
	assert_true(caps.acs && caps.ari && caps.ats && caps.sriov && caps.serial_known);
	assert_int(caps.acs_capability, 0x5d);
	assert_int(caps.acs_control, 0x1d);
	assert_true(caps.serial == UINT64_C(0x0123456789abcdef));
	assert_int(caps.sriov_total, 64);
	assert_int(caps.sriov_enabled, 7);
	assert_int(caps.problems.count, 0);

	put16(&config, sriov + 0x08, 0); /* VF Enable off: their number means nothing */
	parse(&config, &arena, &caps);
	assert_int(caps.sriov_total, 64);
	assert_int(caps.sriov_enabled, 0);
}

static void reads_resizable_bars(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = config_header(0);
	add_pcie(&config, 0);
	size_t at = add_extended(&config, 0x15, 4 + 2 * 8);
	put32(&config, at + 4, 0x0000fff0);                  /* 1 MiB to 2 GiB */
	put32(&config, at + 8, 8U << 8 | 2U << 5 | 1U);      /* two of them; BAR 1, 256 MiB */
	put32(&config, at + 12, 0x80000000);                 /* 128 TiB */
	put32(&config, at + 16, 0x80000000 | 43U << 8 | 4U); /* and 2^63 bytes; BAR 4 has these */
	parse(&config, &arena, &caps);
	assert_int(caps.rebar_count, 2);
	assert_int(caps.rebar[0].bar, 1);
	assert_true(caps.rebar[0].sizes == 0xfff);
	assert_true(caps.rebar[0].current == UINT64_C(256) << 20);
	assert_int(caps.rebar[1].bar, 4);
	assert_true(caps.rebar[1].sizes == (UINT64_C(1) << 27 | UINT64_C(1) << 43));
	assert_true(caps.rebar[1].current == UINT64_C(1) << 63);
	assert_int(caps.problems.count, 0);

	put32(&config, at + 8, 44U << 8 | 2U << 5 | 1U);
	parse(&config, &arena, &caps);
	assert_int(caps.rebar_count, 1);
	assert_problem(&caps, "BAR 1 of 2^64 bytes");
}

static void without_root_nothing_is_known_of_capabilities(void **state)
{
	static const size_t lengths[] = { 64, 128, 255 };
	struct config config = config_header(0x81);
	set_buses(&config, 3, 5);
	add_pcie(&config, 4);
	add_acs(&config, 0x1d, 0x1d);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		AUTO_ARENA arena = { 0 };
		struct pci_caps caps;
		config.length = lengths[i];
		parse(&config, &arena, &caps);
		assert_false(caps.dead || caps.capabilities_known || caps.extended_known || caps.pcie || caps.acs);
		assert_int(caps.header_type, 1);
		assert_true(caps.multifunction);
		assert_int(caps.secondary_bus, 3);
		assert_int(caps.subordinate_bus, 5);
		assert_int(caps.problems.count, 0);
	}
}

static void conventional_space_has_no_extended_capabilities(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = config_header(0);
	add_capability(&config, 0x50, 0x13);
	put8(&config, 0x53, 0x03);
	config.length = 256;
	parse(&config, &arena, &caps);
	assert_true(caps.capabilities_known && caps.af_flr);
	assert_false(caps.extended_known || caps.pcie);
	assert_string_equal(pci_caps_type_name(&caps), "conventional PCI");

	put8(&config, 0x53, 0x02); /* FLR without TP: the kernel does not use it */
	parse(&config, &arena, &caps);
	assert_false(caps.af_flr);

	put16(&config, 0x06, 0); /* the status has no list, so the pointer is none */
	parse(&config, &arena, &caps);
	assert_true(caps.capabilities_known);
	put8(&config, 0x53, 0x03);
	parse(&config, &arena, &caps);
	assert_false(caps.af_flr);
}

static void a_dead_device_says_nothing(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = { .length = 4096 };
	memset(config.bytes, 0xff, sizeof(config.bytes));
	parse(&config, &arena, &caps);
	assert_true(caps.dead);
	assert_false(caps.capabilities_known || caps.extended_known || caps.pcie);
	assert_int(caps.problems.count, 0);
	config.length = 64;
	parse(&config, &arena, &caps);
	assert_true(caps.dead);

	config = config_header(0xff);
	add_pcie(&config, 0);
	parse(&config, &arena, &caps);
	assert_true(caps.dead);
	assert_int(caps.header_type, 0x7f);
	assert_false(caps.capabilities_known || caps.pcie);
}

static void a_virtual_function_is_not_dead(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = config_header(0);
	put32(&config, 0x00, 0xffffffff);
	add_pcie(&config, 0);
	parse(&config, &arena, &caps);
	assert_false(caps.dead);
	assert_true(caps.pcie);
}

static void nothing_at_all_is_known_of_nothing(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = { .length = 0 };
	parse(&config, &arena, &caps);
	assert_int(caps.length, 0);
	assert_false(caps.dead || caps.capabilities_known);
}

static void lists_that_lead_astray_are_told(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = config_header(0);
	add_pcie(&config, 0);
	put8(&config, 0x41, 0x40);
	parse(&config, &arena, &caps);
	assert_true(caps.pcie);
	assert_problem(&caps, "circular: it comes back to 0x40");

	config = config_header(0);
	add_pcie(&config, 0);
	put8(&config, 0x41, 0x10);
	parse(&config, &arena, &caps);
	assert_true(caps.pcie);
	assert_problem(&caps, "leads to 0x10, where none can be");

	config = config_header(0);
	add_capability(&config, 0xfc, 0x10);
	parse(&config, &arena, &caps);
	assert_false(caps.pcie);
	assert_problem(&caps, "capability 0x10 at 0xfc leads out");

	config = config_header(0);
	put32(&config, 0x100, 0x0eU | 1U << 16 | 0x100U << 20);
	parse(&config, &arena, &caps);
	assert_true(caps.ari);
	assert_problem(&caps, "comes back to 0x100");

	config = config_header(0);
	put32(&config, 0x100, 0x0eU | 1U << 16 | 0xffcU << 20);
	put32(&config, 0xffc, 0x0dU | 1U << 16);
	parse(&config, &arena, &caps);
	assert_false(caps.acs);
	assert_problem(&caps, "capability 0x0d at 0xffc leads out");

	config = config_header(0);
	put32(&config, 0x100, 0x0eU | 1U << 16 | 0x40U << 20);
	parse(&config, &arena, &caps);
	assert_problem(&caps, "leads to 0x40, where none can be");
}

static void the_first_of_two_counts(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = config_header(0);
	add_pcie(&config, 4);
	add_capability(&config, 0x80, 0x10);
	put16(&config, 0x82, 0x0062);
	add_acs(&config, 0x1d, 0x1d);
	add_acs(&config, 0x1d, 0);
	parse(&config, &arena, &caps);
	assert_int(caps.pcie_type, PCIE_ROOT_PORT);
	assert_int(caps.acs_control, 0x1d);
	assert_int(caps.problems.count, 0);
}

static void an_extended_space_of_ones_is_not_known(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = config_header(0);
	add_pcie(&config, 0);
	memset(config.bytes + 0x100, 0xff, 0xf00);
	parse(&config, &arena, &caps);
	assert_true(caps.capabilities_known && caps.pcie);
	assert_false(caps.extended_known);
	assert_int(caps.problems.count, 0);
}

static void a_cardbus_bridge_has_its_list_elsewhere(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct config config = config_header(2);
	config.link = 0x14;
	config.length = 256;
	add_capability(&config, 0xa0, 0x01);
	set_buses(&config, 4, 4);
	parse(&config, &arena, &caps);
	assert_true(caps.pm);
	assert_int(caps.secondary_bus, 4);
}

static void missing_acs_is_what_can_be_switched_and_is_off(void **state)
{
	struct pci_caps caps = { .acs = false };
	assert_int(pci_caps_acs_missing(&caps, 0x1d), 0x1d);
	caps = (struct pci_caps){ .acs = true, .acs_capability = 0x1d, .acs_control = 0x11 };
	assert_int(pci_caps_acs_missing(&caps, 0x1d), 0x0c);
	caps.acs_control = 0x5f;
	assert_int(pci_caps_acs_missing(&caps, 0x1d), 0);
	/* What the capability does not have counts as fine, but Egress Control (0x20). */
	caps = (struct pci_caps){ .acs = true, .acs_capability = 0x01, .acs_control = 0x01 };
	assert_int(pci_caps_acs_missing(&caps, 0x1d), 0);
	assert_int(pci_caps_acs_missing(&caps, 0x3d), 0x20);
	caps.acs_capability = 0;
	assert_int(pci_caps_acs_missing(&caps, 0x1d), 0);
}

/* pci_acs_enabled(): who needs ACS at all, and for whom it never helps. */
static void knows_who_is_isolated(void **state)
{
	static const struct {
		enum pcie_type type;
		bool single[2]; /* a single function: without, with ACS switched on */
		bool multi[2];
	} rows[] = {
		/* clang-format off */
		{ PCIE_ENDPOINT,            { true,  true  }, { false, true  } },
		{ PCIE_LEGACY_ENDPOINT,     { true,  true  }, { false, true  } },
		{ PCIE_ROOT_PORT,           { false, true  }, { false, true  } },
		{ PCIE_UPSTREAM_PORT,       { true,  true  }, { false, true  } },
		{ PCIE_DOWNSTREAM_PORT,     { false, true  }, { false, true  } },
		{ PCIE_TO_PCI_BRIDGE,       { false, false }, { false, false } },
		{ PCI_TO_PCIE_BRIDGE,       { false, false }, { false, false } },
		{ PCIE_INTEGRATED_ENDPOINT, { true,  true  }, { false, true  } },
		{ PCIE_EVENT_COLLECTOR,     { false, false }, { false, false } },
		{ (enum pcie_type)15,       { true,  true  }, { true,  true  } },
		/* clang-format on */
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int acs = 0; acs < 2; acs++) {
			struct pci_caps caps = {
				.pcie = true,
				.pcie_type = rows[i].type,
				.acs = acs,
				.acs_capability = acs ? 0x1d : 0,
				.acs_control = acs ? 0x1d : 0,
			};
			if (pci_caps_isolates(&caps, false) != rows[i].single[acs] ||
			    pci_caps_isolates(&caps, true) != rows[i].multi[acs])
				fail_msg("%s, ACS %d", pci_caps_type_name(&caps), acs);
			caps.pcie = false;
			assert_false(pci_caps_isolates(&caps, false));
		}
}

static void names_acs_bits_as_lspci_does(void **state)
{
	AUTO_ARENA arena = { 0 };
	assert_string_equal(pci_caps_acs_names(&arena, 0x1d), "SV, RR, CR, UF");
	assert_string_equal(pci_caps_acs_names(&arena, 0x62), "TB, EC, DT");
	assert_string_equal(pci_caps_acs_names(&arena, 0), "");
}

static void names_every_type(void **state)
{
	for (unsigned int type = 0; type < 16; type++) {
		struct pci_caps caps = { .pcie = true, .pcie_type = (enum pcie_type)type };
		assert_true(strlen(pci_caps_type_name(&caps)) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_endpoint),
		cmocka_unit_test(reads_extended_capabilities),
		cmocka_unit_test(reads_resizable_bars),
		cmocka_unit_test(without_root_nothing_is_known_of_capabilities),
		cmocka_unit_test(conventional_space_has_no_extended_capabilities),
		cmocka_unit_test(a_dead_device_says_nothing),
		cmocka_unit_test(a_virtual_function_is_not_dead),
		cmocka_unit_test(nothing_at_all_is_known_of_nothing),
		cmocka_unit_test(lists_that_lead_astray_are_told),
		cmocka_unit_test(the_first_of_two_counts),
		cmocka_unit_test(an_extended_space_of_ones_is_not_known),
		cmocka_unit_test(a_cardbus_bridge_has_its_list_elsewhere),
		cmocka_unit_test(missing_acs_is_what_can_be_switched_and_is_off),
		cmocka_unit_test(knows_who_is_isolated),
		cmocka_unit_test(names_acs_bits_as_lspci_does),
		cmocka_unit_test(names_every_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
