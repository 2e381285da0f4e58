/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults of IOMMUs, in words. */
#include "check/log.h"

#include <ctype.h>
#include <inttypes.h>

/*
 * VT-d specification, revision 4.1, 7.1.3, "DMA Remapping Fault Conditions" and 5.1.4.1 for interrupts; names as in
 * dmar_get_fault_reason() in drivers/iommu/intel/dmar.c, where 0x20 to 0x2f are interrupts and from 0x30 on scalable mode.
 */
static const char *const vtd_reasons[] = {
	[0x01] = "the root table has no entry for the bus",
	[0x02] = "the device has no context entry: it belongs to no address space",
	[0x03] = "the device's context entry is invalid",
	[0x04] = "the address is wider than the IOMMU translates",
	[0x05] = "the address is not mapped for writing",
	[0x06] = "the address is not mapped for reading",
	[0x07] = "a page table leads to an address that cannot be",
	[0x08] = "the root table is at an address that cannot be",
	[0x09] = "a context table is at an address that cannot be",
	[0x0a] = "reserved bits are set in a root entry",
	[0x0b] = "reserved bits are set in a context entry",
	[0x0c] = "reserved bits are set in a page table",
	[0x0d] = "the device asked for a translation (ATS) and may not",
	[0x20] = "reserved bits are set in an interrupt request",
	[0x21] = "the interrupt's index is beyond the remapping table",
	[0x22] = "the remapping table has no entry for the interrupt",
	[0x23] = "the remapping table cannot be read",
	[0x24] = "reserved bits are set in an entry of the remapping table",
	[0x25] = "an interrupt in the old format, which is blocked while interrupts are remapped",
	[0x26] = "the interrupt is not this device's (source id)",
	[0x30] = "the root table is at an address that cannot be",
	[0x31] = "a request with a PASID where the table's mode is not scalable",
	[0x32] = "a page request where the table's mode is not scalable",
	[0x38] = "a root entry cannot be read",
	[0x39] = "the root table has no entry for the bus",
	[0x3a] = "reserved bits are set in a root entry",
	[0x40] = "a context entry cannot be read",
	[0x41] = "the device has no context entry: it belongs to no address space",
	[0x42] = "reserved bits are set in a context entry",
	[0x43] = "the device's context entry is invalid",
	[0x44] = "the device asked for a translation (ATS) and may not",
	[0x45] = "a request with a PASID, which the device's context entry does not allow",
	[0x46] = "the PASID is greater than the device's context entry allows",
	[0x47] = "a page request, which the device's context entry does not allow",
	[0x48] = "the context entry's PASID for requests without one cannot be",
	[0x50] = "a PASID directory cannot be read",
	[0x51] = "the PASID directory has no entry",
	[0x52] = "reserved bits are set in a PASID directory",
	[0x58] = "a PASID table cannot be read",
	[0x59] = "the PASID table has no entry: the device belongs to no address space",
	[0x5a] = "reserved bits are set in a PASID table",
	[0x5b] = "an entry of the PASID table is invalid",
	[0x5c] = "an execute request, which the PASID table does not allow",
	[0x5d] = "a supervisor request, which the PASID table does not allow",
	[0x70] = "a first-stage table cannot be read",
	[0x71] = "the address is not mapped (first stage)",
	[0x72] = "reserved bits are set in a first-stage table",
	[0x73] = "the top first-stage table cannot be read",
	[0x74] = "a first-stage table is at an address wider than the IOMMU translates",
	[0x75] = "the top first-stage table may not be read by the second stage",
	[0x76] = "a first-stage table may not be read by the second stage",
	[0x77] = "a first-stage table may not be written by the second stage",
	[0x78] = "a second-stage table cannot be read",
	[0x79] = "the address is not mapped for that (second stage)",
	[0x7a] = "reserved bits are set in a second-stage table",
	[0x7b] = "a second-stage table leads to an address that cannot be",
	[0x7c] = "a second-stage table would have to be written, and is not coherent",
	[0x80] = "the address is not canonical (first stage)",
	[0x81] = "a user request to a supervisor page (first stage)",
	[0x82] = "the page may not be executed",
	[0x83] = "the address is wider than the IOMMU translates",
	[0x84] = "the address is wider than the second-stage tables",
	[0x85] = "the address is not mapped for writing (first stage)",
	[0x86] = "the address is not mapped for reading (first stage)",
	[0x87] = "a request to the address range of interrupts that is no interrupt",
	[0x90] = "a first-stage table would have to be written, and is not coherent",
};

const char *log_vtd_reason(unsigned int reason)
{
	return reason < ARRAY_SIZE(vtd_reasons) ? vtd_reasons[reason] : NULL;
}

/* The number behind `name`, in base 16, or in base 10 if `is_decimal` and without 0x. */
static bool find_number(struct slice line, const char *name, bool is_decimal, uint64_t *ret)
{
	const char *found = memmem(line.start, line.length, name, strlen(name));
	if (!found)
		return false;
	const char *at = found + strlen(name);
	const char *end = line.start + line.length;
	char digits[20];
	size_t count = 0;
	while (at < end && *at == ' ')
		at++;
	bool has_prefix = end - at > 2 && at[0] == '0' && at[1] == 'x';
	if (has_prefix)
		at += 2;
	while (at < end && count + 1 < sizeof(digits) && *at && strchr("0123456789abcdefABCDEF", *at))
		digits[count++] = *at++;
	digits[count] = '\0';
	return text_to_number(digits, is_decimal && !has_prefix ? 10 : 16, UINT64_MAX, ret) == 0;
}

static bool has(struct slice line, const char *part)
{
	return memmem(line.start, line.length, part, strlen(part)) != NULL;
}

/* 3.14: requests to 0xfeexxxxx are interrupts. */
static bool is_interrupt_address(uint64_t address)
{
	return address >= 0xfee00000 && address <= 0xfeefffff;
}

/*
 * Since Linux 5.15 "0x" stands before address and reason; before that the reason is decimal (dmar_fault_do_one()), and
 * in the oldest it has a line of its own.
 */
static const char *decode_vtd(struct slice line, struct arena *arena)
{
	uint64_t number;
	struct buffer text = { .arena = arena };
	buffer_puts(&text, has(line, "DMA Write") ? "write" : has(line, "DMA Read") ? "read" : "interrupt");
	if (find_number(line, "fault addr", false, &number))
		buffer_printf(&text, " %s 0x%" PRIx64 "%s", has(line, "DMA Write") ? "to" : "of", number,
			      is_interrupt_address(number) ? " (the range of interrupts)" : "");
	else if (find_number(line, "fault index", false, &number))
		buffer_printf(&text, " with index 0x%" PRIx64, number);
	if (find_number(line, "fault reason", true, &number) && number <= 0xff) {
		const char *reason = log_vtd_reason((unsigned int)number);
		buffer_printf(&text, ", fault reason 0x%02x: %s", (unsigned int)number,
			      reason ? reason : "not a reason that is known");
	}
	return text.text;
}

/*
 * AMD 48882, 2.5.3, IO_PAGE_FAULT: of the flags as iommu_print_event() prints them, bit 3 is I (interrupt), 4 PR (the page
 * is present), 5 RW (write), 7 RZ (reserved bits), 8 TR (translation request). Other events have other flags.
 */
static const char *decode_amdvi(struct slice line, struct arena *arena)
{
	uint64_t address;
	uint64_t flags;
	struct buffer text = { .arena = arena };
	if (!find_number(line, "address=", false, &address))
		return NULL;
	if (!has(line, "PAGE_FAULT") || !find_number(line, "flags=", false, &flags)) {
		buffer_printf(&text, "address 0x%" PRIx64, address);
		return text.text;
	}
	buffer_puts(&text, flags & 1 << 3 ? "interrupt to" :
			   flags & 1 << 8 ? "translation request for" :
			   flags & 1 << 5 ? "write to" :
					    "read of");
	buffer_printf(&text, " 0x%" PRIx64 "%s: ", address,
		      is_interrupt_address(address) ? " (the range of interrupts)" : "");
	buffer_puts(&text, flags & 1 << 7    ? "reserved bits are set in a table" :
			   !(flags & 1 << 4) ? "the address is not mapped" :
					       "the address is not mapped for that");
	return text.text;
}

/* "device 01.00.0 requires caching mode": bus, device and function as the VM's firmware numbered them, if it has yet. */
static const char *decode_guest(struct slice line, struct arena *arena)
{
	static const char introduction[] = "device ";
	static const char shape[] = "xx.xx.x ";
	const char *at = memmem(line.start, line.length, introduction, sizeof(introduction) - 1);
	if (!at)
		return NULL;
	at += sizeof(introduction) - 1;
	for (size_t i = 0; i + 1 < sizeof(shape); i++)
		if (at + i == line.start + line.length ||
		    (shape[i] == 'x' ? !isxdigit((unsigned char)at[i]) : at[i] != shape[i]))
			return NULL;
	return arena_printf(arena, "inside the VM it is %.2s:%.4s", at, at + 3);
}

const char *log_decode(enum log_decoder decoder, struct slice line, struct arena *arena)
{
	switch (decoder) {
	case LOG_VTD_FAULT:
		return decode_vtd(line, arena);
	case LOG_AMDVI_EVENT:
		return decode_amdvi(line, arena);
	case LOG_GUEST_DEVICE:
		return decode_guest(line, arena);
	case LOG_PLAIN:
		break;
	}
	return NULL;
}
