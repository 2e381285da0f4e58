/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel that runs: are its parameters understood, and what does it forbid? */
#include "check/parameter.h"

static void judge_parameters(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct kernel *kernel = &set->host->kernel;
	const struct fact *file = &kernel->cmdline_file;
	const char *nothing = NULL;
	size_t wrong = 0;
	if (!fact_known(file)) {
		judge_unknown_fact(finding, arena, file);
		return;
	}
	for (size_t i = 0; i < kernel->cmdline.count; i++) {
		const struct cmdline_word *word = &kernel->cmdline.words[i];
		struct slice item = parameter_wrong_item(word);
		if (item.length) {
			judge_evidence(finding, arena, file->path, "%s", word->word);
			if (wrong++ == 0) {
				judge_warn(finding, arena, "'%.*s' in %s is no value of that parameter",
					   (int)item.length, item.start, word->word);
				judge_remedy_item(finding, set, arena, word->name, NULL, NULL);
			}
		} else if (text_equals(word->name, "amd_iommu") && text_equals(word->value, "on")) {
			nothing = word->word;
		}
	}
	if (wrong)
		judge_wanted(finding, arena, "a value of Documentation/admin-guide/kernel-parameters.txt");
	else if (nothing)
		judge_pass(finding, arena, "all parameters are spelled right; %s means nothing to the kernel", nothing);
	else
		judge_pass(finding, arena, "the kernel's parameters for IOMMUs are spelled right, where there are any");
}

/* Linux 5.15 gave the boot's frame buffer to simpledrm and sysfb: what switched efifb off has no effect since. */
static void judge_framebuffer(const struct subject_set *set, const void *subject, struct finding *finding,
			      struct arena *arena)
{
	static const char *const useless[] = { "efifb:off", "vesafb:off", "simplefb:off" };
	const struct kernel *kernel = &set->host->kernel;
	if (!fact_known(&kernel->cmdline_file)) {
		judge_unknown_fact(finding, arena, &kernel->cmdline_file);
		return;
	}
	const struct cmdline_word *word = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(useless) && !word; i++)
		word = parameter_item(&kernel->cmdline, "video", useless[i]);
	if (!word) {
		judge_pass(finding, arena, "no parameter for the boot's frame buffer that has lost its effect");
		return;
	}
	if (!fact_known(&kernel->release)) {
		judge_unknown_fact(finding, arena, &kernel->release);
		return;
	}
	judge_evidence(finding, arena, kernel->cmdline_file.path, "%s", word->word);
	judge_evidence_fact(finding, arena, &kernel->release);
	if (!kernel_at_least(kernel, 5, 15)) {
		judge_pass(finding, arena, "%s keeps the boot's frame buffer off the graphics card", word->word);
		return;
	}
	judge_warn(finding, arena, "%s has no effect since Linux 5.15", word->word);
	judge_remedy_parameter(finding, set, arena, true, "initcall_blacklist=sysfb_init");
	/* The host's console may go dark by that: for people to ask for. */
	finding->mend_count = 0;
}

static bool is_foreign_module(const char *module)
{
	static const char *const names[] = { "vendor_reset", "i915_sriov", "nvidia_vgpu", "nvidia_vgpu_vfio",
					     "gpu_guard" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_equals(module, names[i]))
			return true;
	return false;
}

static void judge_secure_boot(const struct subject_set *set, const void *subject, struct finding *finding,
			      struct arena *arena)
{
	const struct fact *lockdown = &set->host->kernel.lockdown;
	if (fact_unknown(lockdown)) {
		judge_unknown_fact(finding, arena, lockdown);
		return;
	}
	if (fact_absent(lockdown) || fact_is(lockdown, "none")) {
		judge_pass(finding, arena, "the kernel is not locked down");
		return;
	}
	judge_evidence_fact(finding, arena, lockdown);
	for (size_t i = 0; set->boot && i < set->boot->module_count; i++) {
		const struct boot_module *module = &set->boot->modules[i];
		if (!is_foreign_module(module->module))
			continue;
		judge_warn(finding, arena, "the kernel is locked down, and loads %s only if that is signed",
			   module->module);
		judge_evidence(finding, arena, arena_printf(arena, "%s:%u", module->path, module->line), "%s",
			       module->module);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "sign the module with a key that is enrolled ('mokutil --import'), or do without it");
		return;
	}
	judge_pass(finding, arena, "the kernel is locked down (%s): VFIO works, modules must be signed",
		   lockdown->text);
}

static const struct check checks[] = {
	{
		.id = "iommu-parameters",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the kernel parameters for IOMMUs are spelled right",
		.looks_at = "/proc/cmdline: each item of intel_iommu=, amd_iommu=, iommu= and intremap=.",
		.why = "The kernel passes over what it does not know, and says nothing: intel_iommu=0n is as good as no "
		       "parameter. amd_iommu=on is in many guides and means nothing; AMD's IOMMU is on by itself.",
		.mend = "Spell it as the kernel's documentation does.",
		.see = "kernel: Documentation/admin-guide/kernel-parameters.txt",
		.rows = "F146",
		.judge = judge_parameters,
	},
	{
		.id = "boot-framebuffer",
		.scope = CHECK_HOST,
		.levels = CHECK_L0,
		.title = "parameters for the boot's frame buffer have an effect",
		.looks_at = "video=efifb:off and the like in /proc/cmdline, and the kernel's version.",
		.why = "The boot's frame buffer holds a BAR of the graphics card that firmware used; vfio-pci cannot reserve "
		       "it then. Since Linux 5.15 video=efifb:off does not help.",
		.mend = "initcall_blacklist=sysfb_init, or another card as the first one.",
		.see = "kernel: drivers/firmware/sysfb.c",
		.rows = "F148",
		.judge = judge_framebuffer,
	},
	{
		.id = "secure-boot",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "lockdown stands in no module's way",
		.looks_at = "/sys/kernel/security/lockdown, and modules for early loading that are not of the kernel.",
		.why = "VFIO works under lockdown. Modules from elsewhere (vendor-reset) must be signed, and setpci and "
		       "/dev/mem do not work.",
		.mend = "Sign them with a key of your own that is enrolled, or do without.",
		.see = "kernel_lockdown(7)",
		.rows = "F162 F212",
		.judge = judge_secure_boot,
	},
	{ 0 },
};

const struct check_family check_family_kernel = {
	.name = "kernel",
	.title = "Kernel",
	.checks = checks,
};
