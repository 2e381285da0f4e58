/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is there an IOMMU, and does the kernel drive it? From the cause to the consequence: firmware tells of it, the kernel
 * has a driver, nothing switches it off, it is on by default or asked for, it is active, there are groups.
 *
 * Not looked at, because they prove nothing: folders that are there without any IOMMU (/sys/class/iommu), lines of the
 * kernel's log that only say that a parameter was read ("DMAR: IOMMU enabled"), the CPU's vendor (a VM on AMD can have
 * Intel's IOMMU).
 */
#include "check/judge.h"
#include "check/parameter.h"

enum table { TABLE_NONE, TABLE_DMAR, TABLE_IVRS, TABLE_VIOT };

/* /sys/firmware/acpi/tables shows names to everybody, contents to root. */
static bool is_there(const struct iommus *iommus, const struct fact *file)
{
	return fact_known(&iommus->tables) && file->state != FACT_UNASKED && !fact_absent(file);
}

static enum table table_of(const struct iommus *iommus)
{
	if (is_there(iommus, &iommus->dmar_file))
		return TABLE_DMAR;
	if (is_there(iommus, &iommus->ivrs_file))
		return TABLE_IVRS;
	return is_there(iommus, &iommus->viot_file) ? TABLE_VIOT : TABLE_NONE;
}

static bool tables_are_known(const struct iommus *iommus)
{
	const struct fact *files[] = { &iommus->dmar_file, &iommus->ivrs_file, &iommus->viot_file };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (!fact_absent(files[i]) && !is_there(iommus, files[i]))
			return false;
	return fact_known(&iommus->tables);
}

static bool is_active(const struct iommus *iommus)
{
	return fact_known(&iommus->class) && iommus->count > 0;
}

static void remedy_for_table(struct finding *finding, const struct subject_set *set, struct arena *arena)
{
	if (is_inside(set))
		judge_remedy(finding, ACTOR_OUTER, RESTART_VM, arena,
			     "on the machine that this VM runs on, give it a vIOMMU: " JUDGE_HOW_TO_GIVE_VIOMMU
			     "; then stop and start the VM: a reboot inside is not enough");
	else
		judge_remedy(
			finding, ACTOR_FIRMWARE, RESTART_HOST, arena,
			"switch the IOMMU on in the firmware's set-up (%s; sometimes hidden behind 'SR-IOV' or 'DMA "
			"protection'), then power the machine off and on; if there is no such setting, board or CPU "
			"have none",
			set->host->cpu.vendor == CPU_AMD ? "'IOMMU', 'AMD-Vi': Enabled, not Auto" :
							   "'VT-d', 'Intel VT for Directed I/O'");
}

static void judge_table(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	static const char *const names[] = {
		[TABLE_DMAR] = "DMAR (Intel VT-d)",
		[TABLE_IVRS] = "IVRS (AMD-Vi)",
		[TABLE_VIOT] = "VIOT (virtio-iommu)",
	};
	const struct iommus *iommus = &set->host->iommus;
	enum table table = table_of(iommus);
	if (table != TABLE_NONE) {
		judge_pass(finding, arena, "%s tells of an IOMMU: table %s", is_inside(set) ? "the VM" : "firmware",
			   names[table]);
		judge_evidence_fact(finding, arena,
				    table == TABLE_DMAR ? &iommus->dmar_file :
				    table == TABLE_IVRS ? &iommus->ivrs_file :
							  &iommus->viot_file);
		return;
	}
	if (is_active(iommus)) {
		judge_na(finding, arena, "an IOMMU is active, whatever tables there are");
		return;
	}
	if (!tables_are_known(iommus)) {
		judge_unknown_fact(finding, arena, fact_known(&iommus->tables) ? &iommus->dmar_file : &iommus->tables);
		return;
	}
	if (is_inside(set))
		judge_fail(finding, arena, "this VM has no vIOMMU: there is neither DMAR nor IVRS nor VIOT");
	else
		judge_fail(finding, arena, "firmware tells of no IOMMU: there is neither DMAR nor IVRS");
	judge_evidence_fact(finding, arena, &iommus->dmar_file);
	judge_evidence_fact(finding, arena, &iommus->ivrs_file);
	judge_evidence_fact(finding, arena, &iommus->viot_file);
	judge_wanted(finding, arena, "one of these tables");
	remedy_for_table(finding, set, arena);
}

static void judge_driver(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	static const char *const symbols[] = { NULL, "CONFIG_INTEL_IOMMU", "CONFIG_AMD_IOMMU", "CONFIG_VIRTIO_IOMMU" };
	const struct kernel *kernel = &set->host->kernel;
	const struct iommus *iommus = &set->host->iommus;
	const enum kernel_option options[] = { KERNEL_OPTION_UNKNOWN, kernel->intel_iommu, kernel->amd_iommu,
					       kernel->virtio_iommu };
	enum table table = table_of(iommus);
	if (is_active(iommus)) {
		judge_pass(finding, arena, "the kernel drives %s", iommus->units[0].name);
		return;
	}
	if (table == TABLE_NONE) {
		if (tables_are_known(iommus))
			judge_na(finding, arena, "there is no table that tells of an IOMMU");
		else
			judge_unknown_fact(finding, arena, &iommus->tables);
		return;
	}
	if (options[table] == KERNEL_OPTION_UNKNOWN) {
		judge_unknown_fact(finding, arena, &kernel->config_file);
		judge_unknown(finding, arena, "whether this kernel has a driver for the IOMMU (%s) is not known: %s",
			      symbols[table], finding->summary);
		return;
	}
	const char *where = kernel->config_file.path ? kernel->config_file.path : "configuration of the kernel";
	if (options[table] == KERNEL_OPTION_NOT_SET) {
		judge_fail(finding, arena, "this kernel has no driver for the IOMMU: %s is not set", symbols[table]);
		judge_wanted(finding, arena, "%s=y", symbols[table]);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena, "install and boot a kernel with %s%s",
			     symbols[table],
			     table == TABLE_VIOT ? ", or let the VM have intel-iommu, which can also remap interrupts" :
						   "");
	} else {
		judge_pass(finding, arena, "the kernel has a driver for the IOMMU");
	}
	judge_evidence(finding, arena, where, "%s%s", symbols[table],
		       options[table] == KERNEL_OPTION_NOT_SET ? " is not set" :
		       options[table] == KERNEL_OPTION_MODULE  ? "=m" :
								 "=y");
}

/* The word that switches the IOMMU of this table off; NULL: none. iommu=off is never taken back (pci-dma.c). */
static const struct cmdline_word *word_that_disables(const struct cmdline *cmdline, enum table table)
{
	const struct cmdline_word *word = parameter_item(cmdline, "iommu", "off");
	if (word || table == TABLE_VIOT)
		return table == TABLE_VIOT ? NULL : word;
	if (table == TABLE_IVRS)
		return parameter_item(cmdline, "amd_iommu", "off");
	return parameter_on_off(cmdline, "intel_iommu", &word) == PARAMETER_OFF ? word : NULL;
}

static void judge_not_disabled(const struct subject_set *set, const void *subject, struct finding *finding,
			       struct arena *arena)
{
	const struct iommus *iommus = &set->host->iommus;
	const struct fact *file = &set->host->kernel.cmdline_file;
	enum table table = table_of(iommus);
	if (!fact_known(file)) {
		judge_unknown_fact(finding, arena, file);
		return;
	}
	if (table == TABLE_NONE && !is_active(iommus)) {
		if (tables_are_known(iommus))
			judge_na(finding, arena, "there is no IOMMU to be switched off");
		else
			judge_unknown_fact(finding, arena, &iommus->tables);
		return;
	}
	if (table == TABLE_NONE)
		table = iommus->units[0].kind == IOMMU_AMD   ? TABLE_IVRS :
			iommus->units[0].kind == IOMMU_INTEL ? TABLE_DMAR :
							       TABLE_VIOT;
	const struct cmdline_word *word = word_that_disables(&set->host->kernel.cmdline, table);
	if (!word) {
		judge_pass(finding, arena, "no kernel parameter switches the IOMMU off");
		return;
	}
	judge_evidence(finding, arena, file->path, "%s", word->word);
	judge_wanted(finding, arena, "no %s", word->word);
	bool ask = text_equals(word->name, "intel_iommu") &&
		   set->host->kernel.intel_iommu_default_on == KERNEL_OPTION_NOT_SET;
	judge_remedy_item(finding, set, arena, word->name, ask ? "on" : NULL, "off");
	if (is_active(iommus))
		judge_warn(finding, arena, "%s is set, and yet the IOMMU is active: the kernel was forced", word->word);
	else
		judge_fail(finding, arena, "the IOMMU is switched off by the kernel parameter %s", word->word);
}

static void judge_default(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct kernel *kernel = &set->host->kernel;
	const struct iommus *iommus = &set->host->iommus;
	const struct cmdline_word *word = NULL;
	if (is_active(iommus)) {
		judge_pass(finding, arena, "the IOMMU is on; no further parameter is needed");
		return;
	}
	if (table_of(iommus) != TABLE_DMAR) {
		if (tables_are_known(iommus))
			judge_na(finding, arena, "only Intel's IOMMU has to be asked for");
		else
			judge_unknown_fact(finding, arena, &iommus->tables);
		return;
	}
	if (!fact_known(&kernel->cmdline_file)) {
		judge_unknown_fact(finding, arena, &kernel->cmdline_file);
		return;
	}
	if (parameter_on_off(&kernel->cmdline, "intel_iommu", &word) == PARAMETER_ON) {
		judge_pass(finding, arena, "the IOMMU is asked for by %s", word->word);
		judge_evidence(finding, arena, kernel->cmdline_file.path, "%s", word->word);
		return;
	}
	if (kernel->intel_iommu_default_on == KERNEL_OPTION_UNKNOWN) {
		judge_unknown_fact(finding, arena, &kernel->config_file);
		return;
	}
	const char *where = kernel->config_file.path ? kernel->config_file.path : "configuration of the kernel";
	if (kernel->intel_iommu_default_on != KERNEL_OPTION_NOT_SET) {
		judge_pass(finding, arena, "this kernel switches Intel's IOMMU on by itself");
		judge_evidence(finding, arena, where, "on by default%s",
			       kernel->intel_default_on_but_intgpu ? ", but for integrated graphics" : "");
		return;
	}
	judge_fail(finding, arena, "this kernel leaves Intel's IOMMU off unless told, and intel_iommu=on is not set");
	judge_evidence(finding, arena, where, "CONFIG_INTEL_IOMMU_DEFAULT_ON is not set");
	judge_evidence(finding, arena, kernel->cmdline_file.path, "%s",
		       parameter_item(&kernel->cmdline, "amd_iommu", "on") ?
			       "no intel_iommu=on; amd_iommu=on, which is there, does nothing for this IOMMU" :
			       "no intel_iommu=on");
	judge_wanted(finding, arena, "intel_iommu=on (on an AMD processor, too, where the IOMMU is Intel's)");
	judge_remedy_item(finding, set, arena, "intel_iommu", "on", NULL);
}

static const char *unit_names(const struct iommus *iommus, struct arena *arena)
{
	struct buffer names = { .arena = arena };
	for (size_t i = 0; i < iommus->count && i < 8; i++)
		buffer_printf(&names, "%s%s", i ? ", " : "", iommus->units[i].name);
	if (iommus->count > 8)
		buffer_printf(&names, " and %zu more", iommus->count - 8);
	return names.text;
}

static void judge_active(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct iommus *iommus = &set->host->iommus;
	const struct fact *class = &iommus->class;
	if (is_active(iommus)) {
		judge_pass(finding, arena, "the IOMMU is active: %s", unit_names(iommus, arena));
		judge_evidence(finding, arena, class->path, "%s", unit_names(iommus, arena));
		return;
	}
	if (!fact_known(class) && !(fact_absent(class) && fact_known(&set->host->pci_folder))) {
		judge_unknown_fact(finding, arena, class);
		return;
	}
	judge_fail(finding, arena, "no IOMMU is active: %s %s", class->path,
		   fact_absent(class) ? "is not there" : "is empty");
	judge_evidence(finding, arena, class->path, fact_absent(class) ? "absent" : "empty");
	judge_wanted(finding, arena, "an entry such as dmar0 or ivhd0");
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
		     "the kernel says why: 'nestpci check --journal', or 'journalctl -k -b -g \"DMAR|AMD-Vi|iommu\"'");
}

/* Intel's graphics have an IOMMU of their own, and are judged by iommu-igfx. */
static bool wants_group(const struct pci_function *function)
{
	const struct pci_address graphics = { .device = 2 };
	return !function->group && !function->is_bridge && !pci_is_part_of_host(function) &&
	       !(judge_is_display(function) && pci_address_equal(function->address, graphics));
}

/* The kernel leaves what is behind such a unit without a group (alloc_iommu() in drivers/iommu/intel/dmar.c). */
static const struct pci_function *find_without_group(const struct host *host, size_t *ret_count)
{
	const struct pci_function *first = NULL;
	*ret_count = 0;
	for (size_t i = 0; i < host->functions.count; i++) {
		const struct pci_function *function = &host->functions.items[i];
		if (!wants_group(function) || !judge_attribute_known(function, "/iommu_group"))
			continue;
		first = first ? first : function;
		++*ret_count;
	}
	return first;
}

/* One that translates nothing beside others that do: it depends on what is behind it. */
static void judge_one_of_several(const struct subject_set *set, const struct iommu_unit *unit, struct finding *finding,
				 struct arena *arena)
{
	size_t count;
	const struct pci_function *function = find_without_group(set->host, &count);
	if (!function) {
		judge_warn(finding, arena, "%s translates no addresses; every device has a group nevertheless",
			   unit->name);
		return;
	}
	const char *address = judge_address(arena, function->address);
	judge_fail(finding, arena, "%s translates no addresses, and %s%s no IOMMU group", unit->name,
		   count == 1 ? address : judge_count(arena, count, "device"), count == 1 ? " has" : " have");
	judge_evidence(finding, arena, pci_path(arena, function->address, "iommu_group"), "absent");
}

/* QEMU's intel-iommu with dma-translation=off does so; the kernel then drives it for interrupts alone. */
static void judge_translates(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct iommus *iommus = &set->host->iommus;
	const struct iommu_unit *unit = NULL;
	size_t count = 0;
	if (!is_active(iommus)) {
		if (fact_known(&iommus->class))
			judge_na(finding, arena, "no IOMMU is active");
		else
			judge_unknown_fact(finding, arena, &iommus->class);
		return;
	}
	for (size_t i = iommus->count; i-- > 0;) {
		if (iommus->units[i].translates)
			count++;
		else
			unit = &iommus->units[i];
	}
	if (!unit) {
		judge_pass(finding, arena, "the IOMMU translates addresses");
		return;
	}
	if (count)
		judge_one_of_several(set, unit, finding, arena);
	else
		judge_fail(finding, arena, "%s translates no addresses, only interrupts", unit->name);
	judge_evidence_fact(finding, arena, &unit->cap);
	judge_wanted(finding, arena, "an address width (SAGAW) in cap");
	if (is_inside(set))
		judge_remedy(
			finding, ACTOR_OUTER, RESTART_VM, arena,
			"take dma-translation=off away from the VM's intel-iommu (libvirt: dma_translation='off')");
	else
		judge_remedy(finding, ACTOR_VENDOR, RESTART_HOST, arena, "update the firmware, or use another machine");
}

static void judge_groups(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct iommus *iommus = &set->host->iommus;
	const struct fact *folder = &iommus->groups_folder;
	if (!is_active(iommus) && fact_known(&iommus->class)) {
		judge_na(finding, arena, "no IOMMU is active");
		return;
	}
	if (!is_active(iommus) || fact_unknown(folder)) {
		judge_unknown_fact(finding, arena, is_active(iommus) ? folder : &iommus->class);
		return;
	}
	if (iommus->group_count) {
		judge_pass(finding, arena, "there %s %zu IOMMU group%s", iommus->group_count == 1 ? "is" : "are",
			   iommus->group_count, iommus->group_count == 1 ? "" : "s");
	} else {
		judge_fail(finding, arena, "an IOMMU is active, and covers no device: there are no groups");
		judge_wanted(finding, arena, "a group for each device that shall be passed on");
		if (is_inside(set))
			judge_remedy(finding, ACTOR_OUTER, RESTART_VM, arena,
				     "take default_bus_bypass_iommu and bypass_iommu out of the VM's QEMU line");
		else
			judge_remedy(finding, ACTOR_VENDOR, RESTART_HOST, arena,
				     "update the firmware: its table (%s) names no device that is there",
				     iommus->units[0].kind == IOMMU_AMD ? "IVRS" : "DMAR");
	}
	judge_evidence(finding, arena, folder->path, "%zu entries", iommus->group_count);
}

static const struct check checks[] = {
	{
		.id = "iommu-firmware-table",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "firmware tells of an IOMMU; in L1: the VM has a vIOMMU",
		.looks_at = "/sys/firmware/acpi/tables: DMAR (Intel), IVRS (AMD) or VIOT (virtio-iommu).",
		.why = "Without one of these tables the kernel does not look for an IOMMU. In L1 the table is QEMU's, and is "
		       "there if the VM was started with a vIOMMU. DMAR on an AMD processor is right in a VM.",
		.mend = "On bare metal: switch VT-d or AMD-Vi on in the firmware's set-up. In L1: give the VM a vIOMMU, on "
			"the machine that it runs on, and stop and start it.",
		.see = "Intel VT-d specification, chapter 8; AMD I/O virtualization specification (48882), chapter 5",
		.rows = "F010 F014 F015 F016 F017 F041 F067",
		.judge = judge_table,
	},
	{
		.id = "iommu-driver",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the kernel has a driver for the IOMMU",
		.looks_at = "The kernel's configuration (/boot/config-RELEASE): CONFIG_INTEL_IOMMU, CONFIG_AMD_IOMMU, "
			    "CONFIG_VIRTIO_IOMMU.",
		.why = "Kernels for VMs are often built without; Debian's 6.1 has none for virtio-iommu.",
		.mend = "Boot a kernel that has it.",
		.see = "kernel: drivers/iommu/Kconfig",
		.rows = "F080",
		.needs = "iommu-firmware-table",
		.judge = judge_driver,
	},
	{
		.id = "iommu-not-disabled",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "no kernel parameter switches the IOMMU off",
		.looks_at = "/proc/cmdline: intel_iommu=off, amd_iommu=off (each for its own IOMMU), iommu=off.",
		.why = "People switch it off to get an old machine to boot, and forget. Of several intel_iommu= the last one "
		       "that says on or off counts; iommu=off cannot be taken back.",
		.mend = "Take the parameter out of the boot loader's configuration and reboot.",
		.see = "kernel: Documentation/admin-guide/kernel-parameters.txt",
		.rows = "F011 F013",
		.needs = "iommu-firmware-table",
		.judge = judge_not_disabled,
	},
	{
		.id = "iommu-default",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the IOMMU is on by default, or asked for",
		.looks_at =
			"CONFIG_INTEL_IOMMU_DEFAULT_ON in the kernel's configuration, and intel_iommu=on in /proc/cmdline.",
		.why = "Whether Intel's IOMMU is on without a parameter differs between kernels: it is in Debian's, and in "
		       "Proxmox VE's from 6.8 on. There intel_iommu=on is not needed, and its absence is no mistake.",
		.mend = "Set intel_iommu=on where the kernel leaves it off, on AMD processors with Intel's vIOMMU, too.",
		.see = "kernel: drivers/iommu/intel/Kconfig; Proxmox VE: qm(1), PCI(e) Passthrough",
		.rows = "F011 F012 F042",
		.needs = "iommu-firmware-table iommu-driver iommu-not-disabled",
		.judge = judge_default,
	},
	{
		.id = "iommu-active",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the IOMMU is active",
		.looks_at = "/sys/class/iommu: has it an entry?",
		.why = "Only a driver that has taken over an IOMMU makes one; the folder is there without.",
		.mend = "The kernel's log says why the driver gave up: 'nestpci check --journal'.",
		.see = "kernel: Documentation/ABI/testing/sysfs-class-iommu",
		.rows = "F011 F014 F015 F016 F017 F018",
		.needs = "iommu-firmware-table iommu-driver iommu-not-disabled iommu-default",
		.judge = judge_active,
	},
	{
		.id = "iommu-translates",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the IOMMU translates addresses",
		.looks_at = "The widths that each unit's cap offers.",
		.why = "A vIOMMU can be there for interrupts alone (more than 255 CPUs); no device has a group then.",
		.mend = "dma-translation=on for the vIOMMU, which is QEMU's default.",
		.see = "VT-d specification, 11.4.2; QEMU: intel_iommu.c (dma-translation)",
		.rows = "",
		.needs = "iommu-active",
		.judge = judge_translates,
	},
	{
		.id = "iommu-groups",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "there are IOMMU groups",
		.looks_at = "/sys/kernel/iommu_groups: has it an entry, while an IOMMU is active?",
		.why = "VFIO hands out groups. A device that the IOMMU does not cover has none.",
		.mend = "In L1: nothing may bypass the vIOMMU (bypass_iommu). On bare metal: a firmware update.",
		.see = "kernel: Documentation/driver-api/vfio.rst",
		.rows = "F016 F046",
		.needs = "iommu-active iommu-translates",
		.judge = judge_groups,
	},
	{ 0 },
};

const struct check_family check_family_iommu = {
	.name = "iommu",
	.title = "IOMMU",
	.checks = checks,
};
