/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/device-filter.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

/* Names of base classes and of subclasses that are often looked for: the PCI Code and ID Assignment Specification. */
static const struct {
	const char *name;
	const char *code;
} classes[] = {
	{ "storage", "01" },    { "raid", "0104" },  { "sata", "0106" },      { "sas", "0107" },
	{ "nvme", "0108" },     { "network", "02" }, { "ethernet", "0200" },  { "infiniband", "0207" },
	{ "display", "03" },    { "gpu", "03" },     { "vga", "0300" },       { "multimedia", "04" },
	{ "audio", "0403" },    { "memory", "05" },  { "bridge", "06" },      { "communication", "07" },
	{ "serial", "0700" },   { "system", "08" },  { "input", "09" },       { "processor", "0b" },
	{ "bus", "0c" },        { "usb", "0c03" },   { "smbus", "0c05" },     { "wireless", "0d" },
	{ "encryption", "10" }, { "signal", "11" },  { "accelerator", "12" },
};

static bool is_hex(const char *text, size_t least, size_t most)
{
	size_t length = strspn(text, "0123456789abcdefABCDEF");
	return text[length] == '\0' && length >= least && length <= most;
}

int device_filter_class(const char *text, const char **ret, struct error *error)
{
	char known[512] = "";
	size_t length = 0;
	/* A name first: none of them is a number. */
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (strcasecmp(text, classes[i].name) == 0) {
			*ret = classes[i].code;
			return 0;
		}
		length += (size_t)snprintf(known + length, sizeof(known) - length, "%s%s", i ? ", " : "",
					   classes[i].name);
	}
	if (!is_hex(text, 2, 6) || strlen(text) % 2)
		return error_set(error, -EINVAL,
				 "'%.40s' is no class; it is two, four or six hexadecimal digits, or one of %s", text,
				 known);
	*ret = text;
	return 0;
}

int device_filter_group(const char *text, const char **ret, struct error *error)
{
	uint64_t number;
	if (strcmp(text, "none") != 0 && text_to_number(text, 10, UINT32_MAX, &number) < 0)
		return error_set(error, -EINVAL, "'%.40s' is no number of an IOMMU group, nor 'none'", text);
	*ret = text;
	return 0;
}

static bool has_class(const struct pci_function *function, const char *digits)
{
	char text[16];
	if (function->class == PCI_UNKNOWN)
		return false;
	snprintf(text, sizeof(text), "%06x", (unsigned int)function->class);
	return strncasecmp(text, digits, strlen(digits)) == 0;
}

/* Whether `part` is in `text`, in whatever case. */
static bool contains(const char *text, const char *part)
{
	size_t length = strlen(part);
	for (; text && strlen(text) >= length; text++)
		if (strncasecmp(text, part, length) == 0)
			return true;
	return false;
}

static bool has_vendor(const struct pci_function *function, const char *wanted)
{
	char text[16];
	if (!is_hex(wanted, 4, 4))
		return contains(function->vendor_name, wanted);
	if (function->vendor == PCI_UNKNOWN)
		return false;
	snprintf(text, sizeof(text), "%04x", (unsigned int)function->vendor);
	return strcasecmp(text, wanted) == 0;
}

/* "none" asks for the absence of it. */
static bool is_wanted(const char *text, const char *wanted)
{
	return strcmp(wanted, "none") == 0 ? !text : text_equals(text, wanted);
}

/* As a number: "07" is group 7. */
static bool has_group(const struct pci_function *function, const char *wanted)
{
	uint64_t numbers[2];
	if (!function->group || strcmp(wanted, "none") == 0)
		return is_wanted(function->group, wanted);
	return text_to_number(function->group, 10, UINT64_MAX, &numbers[0]) == 0 &&
	       text_to_number(wanted, 10, UINT64_MAX, &numbers[1]) == 0 && numbers[0] == numbers[1];
}

bool device_filter_takes(const struct device_filter *filter, const struct passables *passables, size_t function)
{
	const struct pci_function *at = &passables->functions.items[function];
	return (!filter->class || has_class(at, filter->class)) &&
	       (!filter->driver || is_wanted(at->driver, filter->driver)) &&
	       (!filter->group || has_group(at, filter->group)) &&
	       (!filter->vendor || has_vendor(at, filter->vendor)) &&
	       (!filter->passable || passables->items[function].verdict == PASSABLE_YES) &&
	       (!filter->free || passables->items[function].free);
}
