/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "base/pci-address.h"

static void reads_and_writes_addresses(void **state)
{
	static const struct {
		const char *text;
		const char *written;
	} cases[] = {
		{ "0000:01:00.0", "0000:01:00.0" },   { "01:00.0", "0000:01:00.0" },
		{ "ffff:ff:1f.7", "ffff:ff:1f.7" },   { "FFFF:FF:1F.7", "ffff:ff:1f.7" },
		{ "10000:e1:00.0", "10000:e1:00.0" }, { "ffffffff:00:00.0", "ffffffff:00:00.0" },
		{ "1:2.3", "0000:01:02.3" },          { "0:1:2.3", "0000:01:02.3" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pci_address address;
		char text[PCI_ADDRESS_TEXT_MAX];
		assert_int(pci_address_parse(cases[i].text, &address, NULL), 0);
		assert_string_equal(pci_address_format(address, text), cases[i].written);
	}
}

static void refuses_what_is_none(void **state)
{
	/* clang-format off */
	static const char *const cases[] = {
		"", " ", ":", ".", "01", "01:00", "01:00.", "01.0", "01:20.0", "01:00.8", "100:00.0", "01:100.0",
		"01:00.00", "0000:01:00.0 ", " 01:00.0", "0000:01:00.0\n", "123456789:01:00.0", "0000:0000:01:00.0",
		"0x01:00.0", "-1:00.0", "g1:00.0", "0000:01:00:0", "::.", ":01:00.0", "0000-01-00.0", "01:00,0",
	};
	/* clang-format on */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pci_address address = { .domain = 42 };
		struct error error;
		if (pci_address_parse(cases[i], &address, &error) != -EINVAL)
			fail_msg("'%s' was taken for an address", cases[i]);
		assert_contains(error.text, "is no PCI address; one looks like 0000:01:00.0");
		assert_contains(error.text, cases[i]);
		assert_int(address.domain, 42);
	}
}

static void cuts_a_long_text_in_the_message(void **state)
{
	char text[5000];
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct pci_address address;
	struct error error;
	assert_int(pci_address_parse(text, &address, &error), -EINVAL);
	assert_true(strlen(error.text) < 200);
}

static void orders_by_domain_bus_device_function(void **state)
{
	static const char *const sorted[] = { "0000:00:00.0", "0000:00:00.1",  "0000:00:01.0",    "0000:01:00.0",
					      "0001:00:00.0", "10000:00:00.0", "ffffffff:00:00.0" };
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
			struct pci_address a;
			struct pci_address b;
			assert_int(pci_address_parse(sorted[i], &a, NULL), 0);
			assert_int(pci_address_parse(sorted[j], &b, NULL), 0);
			int order = pci_address_compare(a, b);
			assert_int((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int(pci_address_equal(a, b), i == j);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_addresses),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(cuts_a_long_text_in_the_message),
		cmocka_unit_test(orders_by_domain_bus_device_function),
	};
	return cmocka_run_group_tests_name("base-pci-address", tests, NULL, NULL);
}
