/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running VM's QEMU says of its vIOMMU. */
#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/say.h"
#include "verb/viommu.h"
#include "vm/plain-monitor.h"
#include "vm/verify.h"

/* The manager's own programs use the socket as well, for a moment each; and a QEMU that starts has a pid file first. */
#define ATTEMPTS 10
#define AGAIN_MS 200
#define QMP_TIMEOUT_MS 2000

static bool may_come(int code)
{
	return code == -EBUSY || code == -ENOENT || code == -ECONNREFUSED;
}

static int open_channel(const struct viommu_job *job, const struct vm *process, struct qmp *ret, struct error *error)
{
	int r = -EBUSY;
	uint64_t end = clock_ms() + (uint64_t)ATTEMPTS * AGAIN_MS;
	for (unsigned int i = 0; i < ATTEMPTS && may_come(r) && clock_ms() < end; i++) {
		if (i)
			poll(NULL, 0, AGAIN_MS);
		if (job->manager) {
			r = job->manager->open_qmp(job->root, job->arena, manager_handle(job->arena, job->vm), ret,
						   error);
			continue;
		}
		const char *path = process ? plain_monitor_path(job->arena, process) : NULL;
		if (!path)
			return error_set(
				error, -ENOTSUP,
				"VM %s has no QMP socket on its command line that could be asked: start it with "
				"-qmp unix:PATH,server=on,wait=off",
				job->vm->id);
		r = qmp_open(path, QMP_TIMEOUT_MS, ret, error);
	}
	return r;
}

/* The process that the manager has for it; where none tells, that of the VM that is called so. */
static const struct vm *find_process(const struct viommu_job *job, const struct vms *vms)
{
	int pid = 0;
	const char *handle = manager_handle(job->arena, job->vm);
	if (job->manager && job->manager->is_running(job->root, job->arena, handle, &pid, NULL) != 1)
		return NULL;
	if (!pid) {
		const struct vm *vm = vm_find(vms, job->vm->id);
		return vm ? vm_find_running(vms, vm) : NULL;
	}
	for (size_t i = 0; i < vms->count; i++)
		if (vms->items[i].source == VM_FROM_PROCESS && vms->items[i].pid == pid)
			return &vms->items[i];
	return NULL;
}

/* Looked for anew: it may have been started a moment ago. */
static int look(const struct viommu_job *job, struct vm_verification *ret, struct error *error)
{
	AUTO_QMP qmp = QMP_NONE;
	struct vms vms;
	vm_read_all(job->root, job->arena, &vms);
	struct vm_verify_wish wish = { .options = job->wish.options, .process = find_process(job, &vms) };
	int r = open_channel(job, wish.process, &qmp, error);
	if (r == 0)
		vm_verify(job->arena, &qmp, &wish, ret);
	return r;
}

int viommu_verify(const struct viommu_job *job)
{
	static const char *const verdicts[] = { "PASS", "FAIL", "UNKNOWN" };
	struct error error;
	struct vm_verification found = { 0 };
	int r = look(job, &found, &error);
	if (r == -ESRCH) {
		say("viommu: VM %s does not run: nothing can be verified", job->vm->id);
		return VERB_FAILED;
	}
	if (r < 0) {
		printf("UNKNOWN vm-viommu-present VM %s: not known: %s\n", job->vm->id, error.text);
		return VERB_FAILED;
	}
	for (size_t i = 0; i < found.count; i++)
		printf("%s %s VM %s: %s\n", verdicts[found.items[i].verdict], found.items[i].check, job->vm->id,
		       found.items[i].summary);
	fflush(stdout);
	return vm_verified_worst(&found) == VM_FAIL ? VERB_NO : VERB_DONE;
}

bool viommu_is_well(const struct viommu_job *job)
{
	struct vm_verification found = { 0 };
	return look(job, &found, NULL) == 0 && vm_verified_worst(&found) == VM_PASS;
}
