/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/bind.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "host/bind-move.h"
#include "host/passable.h"

#define LOCK_DIRECTORY "/run/nestpci"
#define LOCK LOCK_DIRECTORY "/lock"
#define LOCK_LIMIT_MS 30000
#define MODPROBE_LIMIT_MS 60000

static int explain_no_group(const struct root *root, struct arena *arena, struct error *error)
{
	int active = iommu_is_active(root, arena, error);
	return active < 0 ? active : error_set(error, -ENOENT, "%s", passable_no_group(active));
}

int bind_check(const struct root *root, struct arena *arena, struct pci_address address, struct error *error)
{
	char name[PCI_ADDRESS_TEXT_MAX];
	struct pci_function function;
	const char *group;
	pci_address_format(address, name);
	int r = pci_read_function(root, arena, address, &function, error);
	if (r == -ENODEV)
		return error_set(error, r, "there is no PCI device %s ('nestpci list' shows the addresses)", name);
	if (r < 0)
		return r;
	const char *never = passable_never(&function);
	if (never)
		return error_set(error, -ENOTSUP, "%s", never);
	r = iommu_group_of(root, arena, address, &group, error);
	return r == -ENOENT ? explain_no_group(root, arena, error) : r;
}

int bind_check_rights(struct arena *arena, struct pci_address address, struct error *error)
{
	const char *path = pci_path(arena, address, "driver_override");
	if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0)
		return 0;
	int r = -errno;
	if (r == -EACCES || r == -EPERM)
		return error_set(error, r, "this needs root: %s may not be written to", path);
	return error_set_errno(error, r, "%s", path);
}

int bind_lock(struct error *error)
{
	int r = file_make_directories(LOCK_DIRECTORY, 0755, error);
	if (r < 0)
		return r;
	AUTO_CLOSE int fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return error_set_errno(error, -errno, LOCK);
	uint64_t end = clock_ms() + LOCK_LIMIT_MS;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(error, -errno, LOCK);
		if (clock_ms() > end)
			return error_set(error, -EBUSY, LOCK ": another nestpci has held it for %d s",
					 LOCK_LIMIT_MS / 1000);
		poll(NULL, 0, 50);
	}
	return TAKE_FD(fd);
}

int bind_load_driver(const struct root *root, struct arena *arena, struct error *error)
{
	/* A login's PATH may lack the system's folders. */
	static const char *const places[] = { "modprobe", "/usr/sbin/modprobe", "/sbin/modprobe", "/bin/modprobe" };
	const char *program = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(places) && !program; i++)
		program = child_find_program(arena, places[i]);
	if (!program)
		return error_set(error, -ENOENT,
				 "driver vfio-pci is not loaded, and there is no modprobe to load it with");
	const char *const argv[] = { program, "vfio-pci", NULL };
	struct child_request request = { .argv = argv, .timeout_ms = MODPROBE_LIMIT_MS };
	struct child_result result;
	int r = child_run_ok(arena, &request, &result, error);
	if (r < 0)
		return error_prefix(error, r, "driver vfio-pci is not loaded, and loading it failed");
	if (!root_exists(root, "/sys/bus/pci/drivers/vfio-pci"))
		return error_set(error, -ENOENT,
				 "driver vfio-pci is not there, although '%s vfio-pci' did not complain", program);
	return 0;
}

static void block_signals(sigset_t *before)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, before);
}

/* By its keeper first, where it has one; what he leaves different is put right. */
static int move_member(const struct root *root, const struct bind_member *member, const struct bind_state *state,
		       bool probe, const struct bind_options *options, struct error *error)
{
	const struct bind_keeper *keeper = options->keeper;
	if (keeper && keeper->answers_for(keeper, member->address)) {
		bool to_vfio = text_equals(state->driver, "vfio-pci") && !probe;
		int r = keeper->move(keeper, member->address, to_vfio, options->timeout_ms, error);
		if (r < 0)
			return r;
	}
	return bind_move(root, member->address, state, probe, options->timeout_ms, error);
}

/* The members that were moved (and the one that failed), in reverse order, to what they had. */
static int restore(const struct root *root, const struct bind_plan *plan, size_t failed,
		   const struct bind_options *options, struct error *error)
{
	int first = 0;
	for (size_t i = failed + 1; i-- > 0;) {
		const struct bind_member *member = &plan->members[i];
		struct error why;
		if (member->stays)
			continue;
		int r = move_member(root, member, &member->before, false, options, &why);
		if (r < 0 && first == 0)
			first = error_set(error, r, "%s", why.text);
	}
	return first;
}

static int put_record_back(struct arena *arena, const struct bind_plan *plan, struct error *error)
{
	if (!plan->to_vfio)
		return 0;
	if (plan->has_old_record)
		return bind_record_write(arena, &plan->old_record, error);
	return file_remove(plan->record.path, error);
}

/* After a member could not be moved: `error` says why, and gets behind it what became of the others. */
static int give_up(const struct root *root, struct arena *arena, const struct bind_plan *plan, size_t failed,
		   const struct bind_options *options, int code, bool *ret_partly, struct error *error)
{
	struct error why = *error;
	struct error more;
	char name[PCI_ADDRESS_TEXT_MAX];
	pci_address_format(plan->address, name);
	if (code == -ETIMEDOUT) {
		/* Nobody can do anything with this device until the kernel lets go, and it may still succeed. */
		*ret_partly = true;
		return error_set(error, code,
				 "%s; all is left as it is now: 'nestpci unbind %s' gives back what they had "
				 "once the kernel has let go",
				 why.text, name);
	}
	int r = restore(root, plan, failed, options, &more);
	if (r == 0)
		r = put_record_back(arena, plan, &more);
	if (r == 0)
		return error_set(error, code, "%s; all is as it was before", why.text);
	*ret_partly = true;
	return error_set(error, code, "%s; and restoring failed: %s; 'nestpci unbind %s' puts it right", why.text,
			 more.text, name);
}

static int apply(const struct root *root, struct arena *arena, const struct bind_plan *plan,
		 const struct bind_options *options, bool *ret_partly, struct error *error)
{
	int r = plan->to_vfio ? bind_record_write(arena, &plan->record, error) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < plan->count; i++) {
		const struct bind_member *member = &plan->members[i];
		if (member->stays)
			continue;
		r = move_member(root, member, &member->after, member->probe, options, error);
		if (r < 0)
			return give_up(root, arena, plan, i, options, r, ret_partly, error);
	}
	if (plan->to_vfio || !plan->record.path)
		return 0;
	r = file_remove(plan->record.path, error);
	*ret_partly = r < 0;
	return r;
}

int bind_apply(const struct root *root, struct arena *arena, const struct bind_plan *plan,
	       const struct bind_options *options, bool *ret_partly, struct error *error)
{
	sigset_t before;
	*ret_partly = false;
	/* Not to be interrupted half-way: each step has a time limit. */
	block_signals(&before);
	int r = apply(root, arena, plan, options, ret_partly, error);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
