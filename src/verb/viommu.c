/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/viommu.h"

#include <unistd.h>

#include "base/say.h"
#include "vm/rewrite.h"
#include "vm/wrapper.h"

enum {
	OPTION_ONCE = 1,
	OPTION_DRY_RUN,
	OPTION_WAIT,
	OPTION_RESTART,
	OPTION_START,
	OPTION_TIMEOUT,
	OPTION_REMOVE,
	OPTION_VERIFY,
	OPTION_CONVERT,
	OPTION_KEEP_FIRMWARE,
	OPTION_EFI_STORAGE,
	OPTION_AW_BITS,
	OPTION_EIM,
	OPTION_DEVICE_IOTLB,
};

static const struct verb_option options[] = {
	{ 'y', "yes", NULL, "do not ask" },
	{ OPTION_DRY_RUN, "dry-run", NULL, "show what would be done, and do nothing" },
	PLACE_OPTIONS,
	{ OPTION_START, "start", NULL, "start the VM, if it does not run" },
	{ OPTION_WAIT, "wait", NULL, "wait until the VM has been stopped, by whomever, and\nstart it" },
	{ OPTION_RESTART, "restart", NULL, "ask the guest to shut down, wait for that, and\nstart it" },
	{ OPTION_TIMEOUT, "timeout", "SECONDS", "how long --restart waits (180)" },
	{ OPTION_ONCE, "once", NULL, "for this start alone; with one of the three above" },
	{ OPTION_REMOVE, "remove", NULL, "take the vIOMMU away, whoever gave it" },
	{ OPTION_VERIFY, "verify", NULL, "ask the running VM, and change nothing" },
	{ OPTION_CONVERT, "convert", NULL, "an installed guest may get q35 and OVMF" },
	{ OPTION_KEEP_FIRMWARE, "keep-firmware", NULL, "a q35 with SeaBIOS stays so" },
	{ OPTION_EFI_STORAGE, "efi-storage", "STORAGE", "where an EFI disk is made, if one is needed" },
	{ OPTION_AW_BITS, "aw-bits", "39|48", "the vIOMMU's width (as this host's IOMMU has it)" },
	{ OPTION_EIM, "eim", "on|off", "extended interrupt mode, for more than 255 CPUs" },
	{ OPTION_DEVICE_IOTLB, "device-iotlb", "on|off", "ATS, for vhost and virtio devices" },
	{ 0 },
};

struct request {
	struct viommu_job job;
	struct place place;
	const char *vm;
};

static int take_option(struct verb_args *args, struct request *request, int option, const char *value)
{
	struct viommu_job *job = &request->job;
	struct viommu_options *wanted = &job->wish.options;
	struct error error;
	uint64_t seconds;
	int r = 0;
	if (place_option(&request->place, option, value))
		return VERB_DONE;
	switch (option) {
	case 'y':
		job->yes = true;
		break;
	case OPTION_ONCE:
		job->wish.once = true;
		break;
	case OPTION_DRY_RUN:
		job->dry_run = true;
		break;
	case OPTION_WAIT:
		job->wait = true;
		break;
	case OPTION_RESTART:
		job->restart = true;
		break;
	case OPTION_START:
		job->start = true;
		break;
	case OPTION_REMOVE:
		job->remove = true;
		break;
	case OPTION_VERIFY:
		job->verify = true;
		break;
	case OPTION_CONVERT:
		job->wish.convert = true;
		break;
	case OPTION_KEEP_FIRMWARE:
		job->wish.keep_firmware = true;
		break;
	case OPTION_EFI_STORAGE:
		job->wish.efi_storage = value;
		break;
	case OPTION_AW_BITS:
		r = vm_parse_aw_bits(value, &wanted->aw_bits, &error);
		break;
	case OPTION_EIM:
		r = vm_parse_switch("eim", value, &wanted->eim, &error);
		break;
	case OPTION_DEVICE_IOTLB:
		r = vm_parse_switch("device-iotlb", value, &wanted->device_iotlb, &error);
		break;
	case OPTION_TIMEOUT:
		if (text_to_number(value, 10, 86400, &seconds) < 0 || !seconds)
			return verb_usage(args, "'%.40s' is no number of seconds from 1 to 86400", value);
		job->timeout_s = (unsigned int)seconds;
		break;
	}
	return r < 0 ? verb_usage(args, "%s", error.text) : VERB_DONE;
}

static int check_request(const struct verb_args *args, const struct request *request)
{
	const struct viommu_job *job = &request->job;
	int ways = job->wait + job->restart + job->start;
	const char *storage = job->wish.efi_storage;
	if (!request->vm)
		return verb_usage(args, "which VM?");
	if ((request->place.directory || request->place.snapshot) && !job->dry_run)
		return verb_usage(args, "what does not run here is only looked at: --dry-run");
	if (place_usage(args, &request->place))
		return VERB_USAGE;
	if (ways > 1)
		return verb_usage(args, "one of --start, --wait and --restart");
	if (job->remove && (ways || job->wish.once || job->verify))
		return verb_usage(args, "--remove stands alone");
	if (job->verify && (ways || job->wish.once || job->dry_run))
		return verb_usage(args, "--verify stands alone");
	if (job->wish.once && !ways)
		return verb_usage(args, "--once needs to know what start: --start, --wait or --restart");
	if (job->wish.convert && job->wish.keep_firmware)
		return verb_usage(args, "--convert changes the firmware, --keep-firmware does not: one of them");
	if (storage &&
	    (!*storage ||
	     strspn(storage, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(storage)))
		return verb_usage(args, "'%.60s' is no name of a storage", storage);
	if (!job->yes && !job->dry_run && !job->verify && !changing_can_ask())
		return verb_usage(args, "standard input is no terminal to ask on; --yes does it without asking");
	return VERB_DONE;
}

/* Locks, and finishes what was cut off: what is planned is to rest on what will stay. */
static int begin(struct viommu_job *job, struct error *error)
{
	int status = VERB_DONE;
	AUTO_ROOT root = ROOT_NONE;
	if (job->dry_run || job->verify)
		return VERB_DONE;
	int r = root_open(&root, NULL, error);
	job->lock = r < 0 ? r : changing_lock(&root, job->arena, error);
	if (job->lock < 0) {
		say("viommu: %s", error->text);
		return VERB_FAILED;
	}
	(void)!changing_finish_earlier(&root, job->arena, job->yes, &status);
	return status;
}

/* It would act on whatever VM is made with that id next. */
static void say_left(const struct subjects *subjects, const char *vm)
{
	const struct wrapper_state *wrapper = subjects->vms.wrapper;
	if (wrapper && wrapper_find_vm(wrapper, vm))
		say("viommu: the wrapper of this node is told of a VM %s all the same: 'nestpci apply --no-wrapper %s' ends that",
		    vm, vm);
}

static int work(struct request *request, struct subjects *subjects)
{
	struct error error;
	struct viommu_job *job = &request->job;
	const struct subjects_request wanted = { .place = request->place, .level = -1, .vm = request->vm };
	int status = begin(job, &error);
	if (status != VERB_DONE)
		return status;
	if (subjects_gather(&wanted, job->arena, subjects, &error) < 0) {
		say("viommu: %s", error.text);
		if (job->remove)
			say_left(subjects, request->vm);
		return VERB_FAILED;
	}
	job->root = &subjects->root;
	job->set = &subjects->set;
	job->vm = subjects->set.vm;
	job->wish.set = job->set;
	job->wish.vm = job->vm;
	job->manager = manager_of(job->vm->manager);
	if (job->verify)
		return viommu_verify(job);
	if (!job->remove)
		return viommu_give(job);
	status = viommu_take_away(job);
	if (status == VERB_FAILED && job->vm->elsewhere)
		say_left(subjects, request->vm);
	return status;
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	AUTO_SUBJECTS subjects = SUBJECTS_NONE;
	struct request request = { .job = { .arena = &arena, .timeout_s = 180, .lock = -1 } };
	const char *value;
	int status = VERB_DONE;
	int option;
	do {
		while ((option = verb_next_option(args, &value, &status)) > 0)
			if ((status = take_option(args, &request, option, value)) != VERB_DONE)
				return status;
		if (option < 0)
			return status;
		value = verb_take_argument(args);
		if (value && request.vm)
			return verb_usage(args, "one VM at a time");
		request.vm = value ? value : request.vm;
	} while (value);
	status = check_request(args, &request);
	if (status != VERB_DONE)
		return status;
	status = work(&request, &subjects);
	if (request.job.lock >= 0)
		close(request.job.lock);
	return status;
}

const struct verb verb_viommu = {
	.name = "viommu",
	.summary = "give a VM its vIOMMU",
	.synopsis = "[OPTIONS] VM",
	.help = "Gives a VM of Proxmox VE or libvirt all that it needs to pass devices on to VMs\n"
		"of its own: a vIOMMU before every device, and CPU, machine type, firmware and\n"
		"devices in order. Shows it, asks, and does it: by an edit of the domain's\n"
		"definition; by Proxmox VE's own setting where that does, else by the wrapper in\n"
		"the place of QEMU. It holds for every start, and comes into force when the VM is\n"
		"stopped and started, which is left to you unless you ask for it. What runs\n"
		"afterwards is verified.\n"
		"\n"
		"Example: nestpci viommu 101 --restart",
	.options = options,
	.run = run,
};
