/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reset, power, interrupts, ROM, BARs: what a device can and cannot do, and what that means for passing it on. */
#include <inttypes.h>

#include "check/judge.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* ---- Reset ---- */

static bool has_word(const char *words, const char *wanted)
{
	struct slice rest = slice_of(words);
	struct slice word;
	while (slice_next_word(&rest, &word))
		if (slice_equals(word, wanted))
			return true;
	return false;
}

/* Methods that reset this function alone, and that QEMU can hand on to a VM (kernel's pci_reset_fn_methods[]). */
static const char *own_method(const struct pci_detail *detail)
{
	static const char *const own[] = { "flr", "af_flr", "device_specific", "acpi" };
	if (fact_known(&detail->reset_method) && detail->reset_method.text)
		for (size_t i = 0; i < ARRAY_SIZE(own); i++)
			if (has_word(detail->reset_method.text, own[i]))
				return own[i];
	/* Before Linux 5.15 the kernel does not name its methods; these two it has always tried first. */
	if (!fact_known(&detail->reset_method) && fact_known(&detail->reset) && detail->caps.capabilities_known)
		return detail->caps.flr ? "flr" : detail->caps.af_flr ? "af_flr" : NULL;
	return NULL;
}

/* Another function of the card, as a person would name it; NULL: none. */
static const char *sibling(const struct host *host, struct pci_address address, struct arena *arena)
{
	struct pci_address other = address;
	for (other.function = 0; other.function < 8; other.function++)
		if (other.function != address.function && pci_find(&host->functions, other))
			return judge_address(arena, other);
	return NULL;
}

/*
 * A bus that others are on is not reset for one function (kernel's pci_parent_bus_reset()). Whoever has them all may
 * have it reset: QEMU does by VFIO_DEVICE_PCI_HOT_RESET.
 */
static void judge_shared_reset(const char *address, const char *other, struct finding *finding, struct arena *arena)
{
	judge_warn(finding, arena,
		   "%s cannot be reset alone, only together with the rest of its card, such as %s: a VM that lacks "
		   "some of it finds the device as the last one left it",
		   address, other);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		     "give all functions of the card to the same VM; if starting L2 again fails, stop and start L1");
}

static void judge_no_reset(const char *address, struct finding *finding, struct arena *arena)
{
	judge_warn(finding, arena,
		   "the kernel knows no way to reset %s: a VM may find it as the last one left it, and "
		   "fail to start a second time",
		   address);
	judge_remedy(
		finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
		"reboot the host between two uses; for some graphics cards of AMD the kernel module vendor-reset helps");
}

static void judge_reset(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct host_device *device = subject;
	const struct pci_detail *detail = &device->detail;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_answers(device, finding, arena))
		return;
	const char *method = own_method(detail);
	if (method) {
		judge_pass(finding, arena, "%s can be reset by itself: %s", address, method);
	} else if (fact_unknown(&detail->reset)) {
		judge_unknown_fact(finding, arena, &detail->reset);
	} else if (fact_absent(&detail->reset)) {
		/* Functions on a root bus, which nothing resets, have no bridge above them. */
		const char *other = detail->bridges.count ? sibling(set->host, device->address, arena) : NULL;
		if (other)
			judge_shared_reset(address, other, finding, arena);
		else
			judge_no_reset(address, finding, arena);
		judge_evidence_fact(finding, arena, &detail->reset);
		judge_evidence_fact(finding, arena, &detail->reset_method);
	} else if (fact_known(&detail->reset_method)) {
		judge_warn(finding, arena,
			   "%s has no function-level reset, only '%s': that resets less, or needs the whole bus, "
			   "and a hypervisor inside a VM may not have it",
			   address, detail->reset_method.text ? detail->reset_method.text : "");
		judge_evidence_fact(finding, arena, &detail->reset_method);
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			"look at reset_method of the device in L1 as well; if starting L2 again fails, stop and start L1");
	} else {
		judge_unknown(finding, arena,
			      "%s can be reset, but how is not known: this kernel does not say, and the "
			      "capabilities %s",
			      address,
			      detail->caps.capabilities_known ? "have no function-level reset" : "could not be read");
	}
}

/* ---- Power ---- */

static void judge_power(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct host_device *device = subject;
	const struct fact *state = &device->detail.power_state;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_answers(device, finding, arena))
		return;
	if (!fact_known(state)) {
		judge_unknown_fact(finding, arena, state);
	} else if (fact_is(state, "D0") || fact_is(state, "D1") || fact_is(state, "D2") || fact_is(state, "D3hot")) {
		judge_pass(finding, arena, "%s has power (%s)", address, state->text);
	} else if (fact_is(state, "D3cold")) {
		judge_warn(finding, arena,
			   "%s is without power (D3cold): some devices do not come back from there "
			   "(\"Unable to change power state from D3cold to D0\")",
			   address);
		judge_evidence_fact(finding, arena, state);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "if it fails to start: echo 0 > %s, and switch the host off and on once",
			     pci_path(arena, device->address, "d3cold_allowed"));
	} else {
		judge_unknown(finding, arena, "the power state of %s is '%s'", address, state->text ? state->text : "");
		judge_evidence_fact(finding, arena, state);
	}
}

/* ---- Interrupts ---- */

static void judge_interrupts(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct host_device *device = subject;
	const struct pci_detail *detail = &device->detail;
	const struct pci_caps *caps = &detail->caps;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_answers(device, finding, arena))
		return;
	if (!fact_known(&detail->config)) {
		judge_unknown_fact(finding, arena, &detail->config);
	} else if (!caps->capabilities_known) {
		judge_unknown(finding, arena, "the capabilities of %s could not be read (only root sees them)",
			      address);
	} else if (caps->msix || caps->msi) {
		judge_pass(finding, arena, "%s has %s", address, caps->msix ? "MSI-X" : "MSI");
	} else if (caps->interrupt_pin == 0) {
		judge_na(finding, arena, "%s has no interrupts", address);
	} else {
		judge_warn(finding, arena,
			   "%s has neither MSI nor MSI-X, only INT%c: such interrupts are slow through two "
			   "hypervisors, and with a split irqchip QEMU may not resample them",
			   address, 'A' + (caps->interrupt_pin - 1) % 4);
		judge_remedy(finding, ACTOR_VENDOR, RESTART_NONE, arena,
			     "use a card with MSI, if this one loses interrupts in L2");
	}
}

/* ---- DMA in somebody else's name ---- */

/* quirk_dma_func1_alias(), drivers/pci/quirks.c: they send DMA as function 1 of their slot. */
static const struct {
	int32_t vendor;
	int32_t device;
} phantoms[] = {
	{ 0x1b4b, 0x9120 }, { 0x1b4b, 0x9123 }, { 0x1b4b, 0x9125 }, { 0x1b4b, 0x9128 }, { 0x1b4b, 0x9130 },
	{ 0x1b4b, 0x9170 }, { 0x1b4b, 0x9172 }, { 0x1b4b, 0x917a }, { 0x1b4b, 0x9182 }, { 0x1b4b, 0x9183 },
	{ 0x1b4b, 0x91a0 }, { 0x1b4b, 0x9215 }, { 0x1b4b, 0x9220 }, { 0x1b4b, 0x9230 }, { 0x1b4b, 0x9235 },
	{ 0x1103, 0x0642 }, { 0x1103, 0x0645 },
};

static void judge_phantom(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct host_device *device = subject;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_may_go(device, finding, arena))
		return;
	const struct pci_function *function = device->function;
	if (function->vendor == PCI_UNKNOWN || function->device == PCI_UNKNOWN) {
		judge_unknown(finding, arena, "the ids of %s could not be read", address);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(phantoms); i++) {
		if (function->vendor != phantoms[i].vendor || function->device != phantoms[i].device)
			continue;
		judge_warn(finding, arena,
			   "%s (%04x:%04x) sends DMA in the name of a function that does not exist: kernels "
			   "that do not know this chip stop it",
			   address, (unsigned int)function->vendor, (unsigned int)function->device);
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			"use recent kernels on every level; if L0's kernel reports faults of function 1 at that slot "
			"(\"[DMA Write] Request device\"), use a card with another chip");
		return;
	}
	judge_pass(finding, arena, "%s is not known to send DMA in another function's name", address);
}

/* ---- ROM ---- */

/* A "3D controller" (PCI code and ID assignment): a card that computes, and that no monitor is connected to. */
#define CLASS_3D 0x0302

static void judge_rom(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct host_device *device = subject;
	const struct vm_device *given = judge_vm_device(set->vm, device->address);
	const struct fact *rom = &device->detail.rom;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_answers(device, finding, arena))
		return;
	if (device->function->class == PCI_UNKNOWN) {
		judge_unknown(finding, arena, "the class of %s could not be read", address);
	} else if (!judge_is_display(device->function)) {
		judge_na(finding, arena, "%s is no display", address);
	} else if (device->function->class >> 8 == CLASS_3D) {
		judge_na(finding, arena, "%s has no outputs: no firmware shows anything on it", address);
	} else if (given && given->romfile) {
		judge_pass(finding, arena, "%s gets its ROM from a file: %s", address, given->romfile);
	} else if (fact_unknown(rom)) {
		judge_unknown_fact(finding, arena, rom);
	} else if (fact_absent(rom) || device->function->boot_vga) {
		judge_warn(finding, arena,
			   fact_absent(rom) ? "%s is a display without a ROM of its own: a guest's firmware "
					      "cannot show anything on it" :
					      "the ROM of %s is the one that the firmware has run already: "
					      "what a guest reads there may not start the card again",
			   address);
		judge_evidence_fact(finding, arena, rom);
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			"if the guest's display stays dark: give the VM the card's ROM as a file (romfile=; Proxmox VE: in "
			"/usr/share/kvm), or none at all (rombar=0)");
	} else {
		judge_pass(finding, arena, "%s has a ROM, and the firmware has not used it", address);
	}
}

/* ---- BARs ---- */

/* OVMF's window for 64-bit BARs where it does not know how wide addresses are (PcdPciMmio64Size). */
#define OVMF_WINDOW (32 * GIB)

static void judge_large_bars(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct host_device *device = subject;
	const struct pci_detail *detail = &device->detail;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_answers(device, finding, arena))
		return;
	if (!fact_known(&detail->resource)) {
		judge_unknown_fact(finding, arena, &detail->resource);
		return;
	}
	uint64_t sum = 0;
	for (size_t i = 0; i < detail->bar_count; i++)
		if (detail->bars[i].memory && detail->bars[i].is_64bit)
			sum += detail->bars[i].size;
	if (sum < OVMF_WINDOW) {
		judge_pass(finding, arena, "%s has %s of 64-bit BARs, which fits in every guest", address,
			   judge_mib(arena, sum / MIB));
		return;
	}
	unsigned int width = iommu_least_width(&set->host->iommus);
	judge_warn(finding, arena,
		   "%s has %s of 64-bit BARs: a guest's OVMF keeps 32 GiB for them unless it knows better "
		   "(\"BAR n: can't assign; no space\")",
		   address, judge_mib(arena, sum / MIB));
	for (size_t i = 0; i < detail->bar_count; i++)
		if (detail->bars[i].memory && detail->bars[i].is_64bit)
			judge_evidence(finding, arena, detail->resource.path, "BAR %u: %s", detail->bars[i].number,
				       judge_mib(arena, detail->bars[i].size / MIB));
	if (width && set->host->cpu.physical_bits > width)
		judge_evidence(finding, arena, "address widths", "CPU %u bits, IOMMU %u bits",
			       set->host->cpu.physical_bits, width);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		     "in L1 and in L2: -cpu host (OVMF then sees how wide addresses are), or a larger window: "
		     "-fw_cfg name=opt/ovmf/X-PciMmio64Mb,string=%" PRIu64,
		     sum / MIB * 2);
}

/* What root reads of a function whose extended configuration space the kernel does not reach: cfg_size in pci_dev. */
#define CONFIG_SIZE 256

static uint64_t smallest(const struct pci_resizable_bar *bar)
{
	for (unsigned int bit = 0; bit < 44; bit++)
		if (bar->sizes >> bit & 1)
			return UINT64_C(1) << (bit + 20);
	return bar->current;
}

static void judge_resizable(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct host_device *device = subject;
	const struct pci_caps *caps = &device->detail.caps;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_answers(device, finding, arena))
		return;
	if (!fact_known(&device->detail.config)) {
		judge_unknown_fact(finding, arena, &device->detail.config);
		return;
	}
	if (!caps->extended_known) {
		/* Conventional PCI ends at 256 bytes: there is no such capability then. */
		if (caps->capabilities_known && !caps->pcie)
			judge_na(finding, arena, "%s has no resizable BARs", address);
		else if (caps->capabilities_known && caps->length == CONFIG_SIZE)
			judge_na(finding, arena,
				 "nothing can resize BARs of %s: the kernel reaches no extended "
				 "configuration space of it",
				 address);
		else
			judge_unknown(finding, arena, "the extended capabilities of %s could not be read", address);
		return;
	}
	const struct pci_resizable_bar *large = NULL;
	for (size_t i = 0; i < caps->rebar_count; i++)
		if (!large || caps->rebar[i].current > large->current)
			large = &caps->rebar[i];
	if (!large) {
		judge_na(finding, arena, "%s has no resizable BARs", address);
	} else if (large->current < GIB || large->current <= smallest(large)) {
		judge_pass(finding, arena, "the resizable BAR %u of %s is small: %s", large->bar, address,
			   judge_mib(arena, large->current / MIB));
	} else {
		judge_warn(finding, arena, "the resizable BAR %u of %s is %s: every guest must find room for all of it",
			   large->bar, address, judge_mib(arena, large->current / MIB));
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			"if a guest does not find room: switch Resizable BAR off in the firmware's set-up; or, without a "
			"driver on the device, write a smaller size into %s",
			pci_path(arena, device->address, arena_printf(arena, "resource%u_resize", large->bar)));
	}
}

static const struct check checks[] = {
	{
		.id = "device-reset",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the device can be reset by itself",
		.looks_at = "reset and reset_method in the device's folder; function-level reset in its capabilities",
		.why = "Between two VMs a device must be reset. A function-level reset passes through all levels; a reset of "
		       "the bus needs the whole bus, and one that L1 does may stay inside its emulated topology.",
		.mend = "Prefer devices with function-level reset; else stop and start L1, or reboot the host.",
		.see = "Linux, Documentation/ABI/testing/sysfs-bus-pci, reset_method; PCIe specification, 6.6.2",
		.rows = "F156 F157 F158 F159 F160 F161 F164",
		.judge = judge_reset,
	},
	{
		.id = "device-power",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the device has power",
		.looks_at = "power_state in the device's folder",
		.why = "vfio-pci puts idle devices to sleep, down to D3cold where that is allowed; some never wake up.",
		.mend = "echo 0 > d3cold_allowed, or vfio-pci's parameter disable_idle_d3=1.",
		.see = "Linux, Documentation/power/pci.rst; Documentation/ABI/testing/sysfs-bus-pci, power_state",
		.rows = "F155 F157",
		.judge = judge_power,
	},
	{
		.id = "device-intx-only",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the device has message-signalled interrupts",
		.looks_at = "MSI, MSI-X and the interrupt pin in the configuration space",
		.why = "Interrupt remapping works on messages. A device with interrupt lines only is emulated on each level.",
		.mend = "Use a device with MSI or MSI-X.",
		.see = "QEMU, hw/vfio/pci.c, vfio_intx_enable_kvm()",
		.rows = "F171",
		.judge = judge_interrupts,
	},
	{
		.id = "device-phantom-functions",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the device sends DMA in its own name",
		.looks_at = "vendor and device id",
		.why = "The IOMMU knows a device by the id that it sends. Chips on many cheap SATA cards send another "
		       "function's; kernels have a list of them.",
		.mend = "A recent kernel, or another card.",
		.see = "Linux, drivers/pci/quirks.c, quirk_dma_func1_alias(); bugzilla.kernel.org 42679",
		.rows = "F020",
		.judge = judge_phantom,
	},
	{
		.id = "device-rom",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "a display has a ROM that a guest can use",
		.looks_at = "class, rom and boot_vga in the device's folder; romfile= of the VM",
		.why = "A guest's firmware starts a display by its ROM. That of the host's own display was changed when it "
		       "was started.",
		.mend = "romfile= with the card's original ROM, or rombar=0.",
		.see = "qm(1), hostpci, romfile; QEMU, hw/vfio/pci.c, vfio_pci_load_rom()",
		.rows = "F165 F166",
		.judge = judge_rom,
	},
	{
		.id = "device-large-bars",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the device's BARs fit into a guest",
		.looks_at = "resource in the device's folder",
		.why = "The firmware of L1 and that of L2 must both find address space for all 64-bit BARs.",
		.mend = "-cpu host, a larger window for OVMF, a newer OVMF.",
		.see = "edk2, OvmfPkg/README, X-PciMmio64Mb",
		.rows = "F167 F168",
		.judge = judge_large_bars,
	},
	{
		.id = "device-resizable-bar",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "no resizable BAR is at a large size",
		.looks_at = "the Resizable BAR capability in the configuration space",
		.why = "With Resizable BAR on, a card shows all its memory at once, which guests may have no room for.",
		.mend = "Resizable BAR off, or a smaller size before the device is bound.",
		.see = "PCIe specification, 7.8.6; Linux, Documentation/ABI/testing/sysfs-bus-pci, resourceN_resize",
		.rows = "F178",
		.judge = judge_resizable,
	},
	{ 0 },
};

const struct check_family check_family_device_hardware = { "device-hardware", "Hardware of devices", checks };
