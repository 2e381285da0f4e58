/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What modprobe and the initramfs are told. */
#include "check/parameter.h"

static bool judged_without_boot(const struct subject_set *set, struct finding *finding, struct arena *arena)
{
	if (judged_as_container(set, finding, arena))
		return true;
	if (set->boot)
		return false;
	judge_unknown(finding, arena, "the options of modules were not looked at");
	return true;
}

/* Nothing was looked at either when the model is empty: only a reader fills in where the initramfs would be. */
static bool judged_as_unread(const struct subject_set *set, struct finding *finding, struct arena *arena)
{
	if (judged_without_boot(set, finding, arena))
		return true;
	if (set->boot->initramfs.state != FACT_UNASKED)
		return false;
	judge_unknown(finding, arena, "the options of modules were not looked at");
	return true;
}

/* What was not found may stand in what could not be read. */
static bool judged_as_hidden(const struct fact *unread, struct finding *finding, struct arena *arena)
{
	if (unread->state == FACT_UNASKED)
		return false;
	judge_unknown_fact(finding, arena, unread);
	return true;
}

static const char *line_name(const struct boot_modprobe *line, struct arena *arena)
{
	return arena_printf(arena, "%s:%u", line->path, line->line);
}

static void judge_initramfs(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	if (judged_without_boot(set, finding, arena))
		return;
	const struct boot *boot = set->boot;
	if (fact_absent(&boot->initramfs)) {
		judge_na(finding, arena, "this kernel boots without an initramfs");
	} else if (!fact_known(&boot->initramfs)) {
		judge_unknown_fact(finding, arena, &boot->initramfs);
	} else if (!boot->newest_modprobe) {
		judge_na(finding, arena, "nothing in modprobe.d or for the initramfs is about what matters here");
	} else if (boot->newest_modprobe_time > boot->initramfs.number) {
		judge_warn(finding, arena, "the initramfs is older than %s", boot->newest_modprobe);
		judge_evidence(finding, arena, boot->initramfs.path, "made at %lld (seconds since 1970)",
			       (long long)boot->initramfs.number);
		judge_evidence(finding, arena, boot->newest_modprobe, "changed at %lld",
			       (long long)boot->newest_modprobe_time);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena, "run '%s', then reboot",
			     boot_initramfs_command(set));
		judge_mend(finding, arena, (struct mend){ .kind = MEND_INITRAMFS });
	} else {
		judge_pass(finding, arena, "the initramfs was made after the last change");
		judge_evidence(finding, arena, boot->initramfs.path, "newer than %s", boot->newest_modprobe);
	}
}

static void judge_obsolete(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct kernel *kernel = &set->host->kernel;
	if (judged_as_unread(set, finding, arena))
		return;
	size_t count = 0;
	for (size_t i = 0; i < set->boot->module_count; i++) {
		const struct boot_module *module = &set->boot->modules[i];
		if (!text_equals(module->module, "vfio_virqfd"))
			continue;
		judge_evidence(finding, arena, arena_printf(arena, "%s:%u", module->path, module->line), "%s",
			       module->module);
		if (count++ == 0)
			judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
				     "remove line %u of %s, run '%s'", module->line, module->path,
				     boot_initramfs_command(set));
		judge_mend(finding, arena, (struct mend){ MEND_LINE, module->path, module->module, module->line });
	}
	if (count == 0) {
		if (judged_as_hidden(&set->boot->modules_unread, finding, arena))
			return;
		judge_pass(finding, arena, "no module is asked for that kernels no longer have");
		return;
	}
	if (fact_known(&kernel->release) && !kernel_at_least(kernel, 6, 2)) {
		finding->remedy = NULL;
		finding->actor = ACTOR_NOBODY;
		finding->mend_count = 0;
		judge_pass(finding, arena,
			   "vfio_virqfd is asked for, which this kernel has; from Linux 6.2 on it has not");
		return;
	}
	judge_warn(finding, arena,
		   "vfio_virqfd is asked for, which is part of vfio since Linux 6.2: dracut refuses then");
}

/* Digits in front of a separator: 1 to 4 hexadecimal ones. Moves `at` behind them. */
static bool read_id(const char **at, const char *end)
{
	size_t digits = 0;
	while (*at < end && strchr("0123456789abcdefABCDEF", **at)) {
		(*at)++;
		digits++;
	}
	return digits > 0 && digits <= 8;
}

/*
 * VENDOR:DEVICE[:SUBVENDOR[:SUBDEVICE[:CLASS[:MASK]]]] between commas (vfio_pci_fill_ids() in
 * drivers/vfio/pci/vfio_pci.c).
 */
static bool ids_are_right(const char *ids)
{
	struct slice rest = slice_of(ids);
	struct slice item;
	while (parameter_next_item(&rest, &item)) {
		const char *at = item.start;
		const char *end = item.start + item.length;
		size_t fields = 0;
		do {
			if (at < end && *at == ':')
				at++;
			if (!read_id(&at, end))
				return false;
			fields++;
		} while (at < end && *at == ':');
		if (at != end || fields < 2 || fields > 6)
			return false;
	}
	return true;
}

/* The value of ids= among the options of a line, or NULL. */
static const char *find_ids(const char *rest, struct arena *arena)
{
	struct slice text = slice_of(rest);
	struct slice word;
	while (slice_next_word(&text, &word))
		if (word.length > 4 && memcmp(word.start, "ids=", 4) == 0)
			return arena_strndup(arena, word.start + 4, word.length - 4);
	return NULL;
}

static void judge_one_ids(struct finding *finding, struct arena *arena, const char *where, const char *ids,
			  size_t *ret_wrong)
{
	if (ids_are_right(ids)) {
		judge_evidence(finding, arena, where, "ids=%s", ids);
		return;
	}
	(*ret_wrong)++;
	judge_warn(finding, arena, "ids=%s are no device ids: vfio-pci passes over what it cannot read", ids);
	judge_evidence(finding, arena, where, "ids=%s", ids);
	judge_wanted(finding, arena, "VENDOR:DEVICE, a colon in between, commas between devices: 10de:1b80,10de:10f0");
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
		     "write the ids as 'lspci -nn' shows them in %s, make the initramfs anew, reboot", where);
}

static void judge_ids(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct kernel *kernel = &set->host->kernel;
	size_t found = 0;
	size_t wrong = 0;
	if (judged_as_unread(set, finding, arena))
		return;
	for (size_t i = 0; i < set->boot->modprobe_count; i++) {
		const struct boot_modprobe *line = &set->boot->modprobe[i];
		const char *ids = NULL;
		if (text_equals(line->command, "options") && text_equals(line->module, "vfio_pci"))
			ids = find_ids(line->rest, arena);
		if (!ids)
			continue;
		found++;
		judge_one_ids(finding, arena, line_name(line, arena), ids, &wrong);
	}
	const struct cmdline_word *word = cmdline_find(&kernel->cmdline, "vfio_pci.ids");
	if (word && word->value) {
		found++;
		judge_one_ids(finding, arena, kernel->cmdline_file.path ? kernel->cmdline_file.path : "/proc/cmdline",
			      word->value, &wrong);
	}
	if (!wrong && judged_as_hidden(&set->boot->modprobe_unread, finding, arena))
		return;
	if (!found)
		judge_na(finding, arena, "no device is given to vfio-pci by its ids");
	else if (!wrong)
		judge_pass(finding, arena, "the ids for vfio-pci are well formed");
}

static void judge_built_in(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct host *host = set->host;
	if (judged_as_unread(set, finding, arena))
		return;
	const struct boot_modprobe *line = NULL;
	for (size_t i = 0; i < set->boot->modprobe_count && !line; i++)
		if (text_equals(set->boot->modprobe[i].command, "options") &&
		    text_equals(set->boot->modprobe[i].module, "vfio_pci"))
			line = &set->boot->modprobe[i];
	if (!line) {
		if (judged_as_hidden(&set->boot->modprobe_unread, finding, arena))
			return;
		judge_na(finding, arena, "modprobe.d has no options for vfio-pci");
		return;
	}
	judge_evidence(finding, arena, line_name(line, arena), "options %s %s", line->module, line->rest);
	if (host->modules.vfio_pci.state == MODULE_BUILT_IN || host->kernel.vfio_pci == KERNEL_OPTION_BUILT_IN) {
		const char *ids = find_ids(line->rest, arena);
		judge_warn(finding, arena, "vfio-pci is built into this kernel: options in modprobe.d have no effect");
		if (ids)
			judge_remedy_parameter(finding, set, arena, true, arena_printf(arena, "vfio-pci.ids=%s", ids));
		else
			judge_remedy_parameter(finding, set, arena, true,
					       arena_printf(arena, "vfio-pci.%s", line->rest));
		/* What has had no effect so far may take every device of a kind, the host's own among them. */
		finding->mend_count = 0;
	} else if (module_known(&host->modules.vfio_pci)) {
		judge_pass(finding, arena, "vfio-pci is a module, and takes its options from modprobe.d");
	} else {
		judge_unknown(finding, arena, "whether vfio-pci is a module or built in is not known");
	}
}

static bool is_module_needed(const char *module)
{
	static const char *const names[] = { "vfio", "vfio_pci", "vfio_iommu_type1", "kvm", "kvm_intel", "kvm_amd" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_equals(module, names[i]))
			return true;
	return false;
}

/*
 * "blacklist" only keeps a module from being loaded by an alias; kvm_intel and kvm_amd are loaded so, VFIO's by name.
 * "install MODULE /bin/false" keeps everybody from loading it.
 */
static void judge_blacklist(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	if (judged_as_unread(set, finding, arena))
		return;
	for (size_t i = 0; i < set->boot->modprobe_count; i++) {
		const struct boot_modprobe *line = &set->boot->modprobe[i];
		bool by_alias = text_equals(line->command, "blacklist") && is_module_needed(line->module) &&
				!text_starts_with(line->module, "vfio");
		bool at_all = text_equals(line->command, "install") && is_module_needed(line->module) &&
			      (strstr(line->rest, "/bin/false") || strstr(line->rest, "/bin/true"));
		if (!by_alias && !at_all)
			continue;
		judge_warn(finding, arena, "%s is kept from being loaded", line->module);
		judge_evidence(finding, arena, line_name(line, arena), "%s %s %s", line->command, line->module,
			       line->rest);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "remove line %u of %s, run 'modprobe %s'", line->line, line->path, line->module);
		judge_mend(finding, arena, (struct mend){ MEND_LINE, line->path, line->command, line->line });
		return;
	}
	if (judged_as_hidden(&set->boot->modprobe_unread, finding, arena))
		return;
	judge_pass(finding, arena, "modprobe.d keeps no module of KVM and VFIO from being loaded");
}

static void judge_kvm_options(const struct subject_set *set, const void *subject, struct finding *finding,
			      struct arena *arena)
{
	const struct kvm *kvm = &set->host->kvm;
	const struct boot_modprobe *off = NULL;
	if (judged_as_unread(set, finding, arena))
		return;
	for (size_t i = 0; i < set->boot->modprobe_count; i++) {
		const struct boot_modprobe *line = &set->boot->modprobe[i];
		bool is_kvm = text_equals(line->module, "kvm_intel") || text_equals(line->module, "kvm_amd");
		if (!text_equals(line->command, "options") || !is_kvm ||
		    (kvm->module && !text_equals(line->module, kvm->module)))
			continue;
		if (strstr(line->rest, "nested=0") || strstr(line->rest, "nested=N") || strstr(line->rest, "nested=n"))
			off = line;
		else if (strstr(line->rest, "nested=1") || strstr(line->rest, "nested=Y") ||
			 strstr(line->rest, "nested=y"))
			off = NULL;
	}
	if (!off) {
		if (judged_as_hidden(&set->boot->modprobe_unread, finding, arena))
			return;
		judge_pass(finding, arena, "modprobe.d does not switch nested virtualization off");
		return;
	}
	judge_evidence(finding, arena, line_name(off, arena), "options %s %s", off->module, off->rest);
	if (fact_known(&kvm->nested) && !kvm->nested.number) {
		judge_na(finding, arena, "nested virtualization is off already: see kvm-nested");
		return;
	}
	judge_warn(finding, arena, "nested virtualization will be off when %s is loaded the next time", off->module);
	judge_evidence_fact(finding, arena, &kvm->nested);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena, "put nested=1 in line %u of %s", off->line,
		     off->path);
	judge_mend(finding, arena, (struct mend){ MEND_MODULE_OPTION, off->module, "nested=1", 0 });
}

static const struct check checks[] = {
	{
		.id = "boot-initramfs-current",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the initramfs was made after the last change",
		.looks_at = "The time of the initramfs, and of the newest file of modprobe.d and of its own modules.",
		.why = "Drivers that the initramfs loads take their options from the copies inside it. A device then goes "
		       "to its own driver before vfio-pci is there.",
		.mend = "update-initramfs -u -k all, dracut -f, mkinitcpio -P; then reboot.",
		.see = "update-initramfs(8), dracut(8), mkinitcpio(8)",
		.rows = "F127 F145",
		.at_rest = true,
		.judge = judge_initramfs,
	},
	{
		.id = "boot-obsolete-modules",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "no module is asked for that kernels no longer have",
		.looks_at =
			"vfio_virqfd in /etc/modules, modules-load.d, and what initramfs-tools, dracut and mkinitcpio load.",
		.why = "It became part of vfio with Linux 6.2. dracut fails to make an initramfs with it, and the machine "
		       "does not boot. vfio, vfio_iommu_type1 and vfio_pci are all there is.",
		.mend = "Remove the line.",
		.see = "kernel: drivers/vfio/Kconfig",
		.rows = "F129 F132",
		.at_rest = true,
		.judge = judge_obsolete,
	},
	{
		.id = "boot-vfio-ids",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "ids for vfio-pci are well formed",
		.looks_at = "ids= of vfio-pci in modprobe.d, and vfio-pci.ids= in /proc/cmdline.",
		.why = "A comma in place of the colon, as in some manuals, makes two ids that are none; they are passed over.",
		.mend = "VENDOR:DEVICE, as 'lspci -nn' shows it.",
		.see = "kernel: drivers/vfio/pci/vfio_pci.c",
		.rows = "F131",
		.at_rest = true,
		.judge = judge_ids,
	},
	{
		.id = "boot-vfio-options",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "options for vfio-pci have an effect",
		.looks_at = "Options of vfio-pci in modprobe.d, and whether vfio-pci is a module.",
		.why = "Where it is built in (Ubuntu's kernels since 20.04) modprobe is never asked.",
		.mend = "Set them on the kernel command line: vfio-pci.ids=.",
		.see = "modprobe.d(5)",
		.rows = "F128",
		.judge = judge_built_in,
	},
	{
		.id = "boot-modules-allowed",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "modprobe.d keeps no needed module away",
		.looks_at = "blacklist and install lines of modprobe.d for KVM and VFIO.",
		.why = "They are left over from guides for VirtualBox or VMware.",
		.mend = "Remove the line.",
		.see = "modprobe.d(5)",
		.rows = "F119",
		.at_rest = true,
		.judge = judge_blacklist,
	},
	{
		.id = "boot-kvm-options",
		.scope = CHECK_HOST,
		.levels = CHECK_L0,
		.title = "nested virtualization stays on",
		.looks_at = "nested= of kvm_intel and kvm_amd in modprobe.d.",
		.why = "What is on now is off after the next load of the module.",
		.mend = "nested=1, or no such line.",
		.see = "modprobe.d(5)",
		.rows = "F003",
		.at_rest = true,
		.judge = judge_kvm_options,
	},
	{ 0 },
};

const struct check_family check_family_modprobe = {
	.name = "modprobe",
	.title = "Modules and initramfs",
	.checks = checks,
};
