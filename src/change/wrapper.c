/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU wrapper in the place of /usr/bin/kvm, and away from it.
 *
 * Proxmox VE starts /usr/bin/kvm, a link of package pve-qemu-kvm, at any instant: a VM, HA, a backup, `kvm --version`. So
 * at every instant what stands there can be executed, and works:
 *   - kvm.distrib is made as what kvm is, then dpkg is told to put kvm there (without touching either file: dpkg-divert
 *     --rename would leave no kvm for a moment), and last the wrapper is renamed over kvm;
 *   - backwards, what kvm.distrib is by then (an upgrade may have put another there) is renamed over the wrapper, then
 *     dpkg is told, and last kvm.distrib is removed. A wrapper that is running then finds QEMU in its own place.
 *
 * The wrapper gets the time of the QEMU behind it, by which Proxmox VE's daemons notice a new version (qemu-server,
 * kvm_user_version); a hook of dpkg's keeps it so, and cannot make dpkg fail.
 */
#include <fcntl.h>

#include "change/makers.h"
#include "change/wrapper-program.h"
#include "vm/wrapper.h"

#define DPKG_DIVERT "/usr/bin/dpkg-divert"
#define HOOK_FOLDER "/etc/dpkg/dpkg.cfg.d"
#define HOOK                                                                                   \
	"# Written by nestpci, whose QEMU wrapper stands in the place of " WRAPPER_PLACE ":\n" \
	"# Proxmox VE notices a new version of QEMU by the time of that file.\n"               \
	"post-invoke=touch -c -r " WRAPPER_REAL " " WRAPPER_PLACE " 2>/dev/null || :\n"

static const char *const divert[] = { "dpkg-divert", "--local", "--no-rename", "--divert",
				      WRAPPER_REAL,  "--add",   WRAPPER_PLACE, NULL };
static const char *const no_divert[] = { "dpkg-divert", "--local",  "--no-rename", "--divert",
					 WRAPPER_REAL,  "--remove", WRAPPER_PLACE, NULL };

/* All that decides what is to be done. */
struct places {
	struct wrapper_state state;
	struct file_state place;
	struct file_state real;
	bool is_wrapper;
	bool diverted;
};

static int read_places(struct plan *plan, struct places *places, struct error *error)
{
	struct wrapper_state *state = &places->state;
	wrapper_state_read(plan->root, plan->arena, state);
	if (fact_unknown(&state->diversion))
		return error_set(error, state->diversion.state == FACT_WRONG ? -ENOTSUP : -EIO, "%s",
				 state->diversion.problem);
	if (fact_unknown(&state->program))
		return error_set(error, -EIO, "%s", state->program.problem);
	int r = plan_read_place(plan, WRAPPER_PLACE, &places->place, error);
	if (r == 0)
		r = plan_read_place(plan, WRAPPER_REAL, &places->real, error);
	/* As it will be: another wish of the same plan may put it there. */
	struct slice content = places->place.content;
	places->is_wrapper = r == 0 && places->place.present && content.length &&
			     memmem(content.start, content.length, WRAPPER_MARK, strlen(WRAPPER_MARK));
	places->diverted = fact_known(&state->diversion);
	return r;
}

/* It has read its list of diversions already, and would not see ours. */
static int check_dpkg(struct plan *plan, struct error *error)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (!root_exists(plan->root, DPKG_DIVERT))
		return error_set(error, -ENOTSUP,
				 "%s%s is not there: only where dpkg keeps the packages is it known how "
				 "to keep the wrapper in its place",
				 plan->root->name, DPKG_DIVERT);
	AUTO_CLOSE int fd = root_open_file(plan->root, "/var/lib/dpkg/lock", O_RDONLY, NULL);
	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return error_set(error, -EBUSY, "dpkg is at work (process %d): try again when it is done", (int)lock.l_pid);
}

/* ---- Into its place ---- */

static int refuse(const struct plan *plan, struct error *error, const char *what)
{
	return error_set(error, -ENOTSUP, "%s%s %s", plan->root->name, WRAPPER_PLACE, what);
}

/* What dpkg put there, or what nestpci did: anything else is somebody's own. */
static int check_place(struct plan *plan, const struct places *places, struct error *error)
{
	if (places->is_wrapper && !places->real.present)
		return refuse(plan, error,
			      "is the wrapper, but " WRAPPER_REAL ", the real QEMU, is not there: install "
			      "QEMU again first (apt-get install --reinstall pve-qemu-kvm)");
	if (places->is_wrapper)
		return 0;
	if (!places->place.present)
		return refuse(plan, error, "is not there: no QEMU of Proxmox VE's is installed here");
	if (!places->place.link)
		return refuse(plan, error,
			      "is no link, as Proxmox VE's QEMU has it, but a file that somebody put there: "
			      "another wrapper? Take that away first");
	if (!root_exists(plan->root, WRAPPER_PLACE))
		return refuse(plan, error,
			      arena_printf(plan->arena, "is a link to %s, which is not there", places->place.link));
	if (places->real.present && !places->diverted && !places->real.link)
		return error_set(error, -ENOTSUP, "%s%s is a file that nestpci did not put there: take it away first",
				 plan->root->name, WRAPPER_REAL);
	return 0;
}

static int add_diversion(struct plan *plan, const struct places *places, struct error *error)
{
	int r = 0;
	/* Where dpkg diverts already, what is there is dpkg's. */
	if (!places->is_wrapper && !(places->diverted && places->real.present)) {
		struct file_state *real = arena_alloc(plan->arena, sizeof(*real));
		*real = places->place;
		r = plan_write_place(plan, WRAPPER_REAL, real, RESTART_NONE, "keep the real QEMU within reach", error);
	}
	if (r == 0 && !places->diverted)
		plan_run(plan, divert, no_divert, GENERATES_NOTHING, RESTART_NONE,
			 "have dpkg put QEMU there from now on, at upgrades too");
	return r;
}

static int add_hook(struct plan *plan, struct error *error)
{
	if (root_exists(plan->root, HOOK_FOLDER))
		return plan_write_file(plan, WRAPPER_HOOK, slice_of(HOOK), 0644, RESTART_NONE,
				       "let Proxmox VE notice a new version of QEMU", error);
	list_printf(&plan->notes, "%s is not there: after an upgrade of QEMU, restart pvedaemon and pvestatd",
		    HOOK_FOLDER);
	return 0;
}

static int add_program(struct plan *plan, struct error *error)
{
	struct stat real;
	struct file_state *program = arena_alloc(plan->arena, sizeof(*program));
	*program = file_state_new(wrapper_program_text(), 0755);
	if (root_stat(plan->root, WRAPPER_REAL, &real, NULL) == 0 ||
	    root_stat(plan->root, WRAPPER_PLACE, &real, NULL) == 0)
		program->mtime = real.st_mtim;
	return plan_write_place(plan, WRAPPER_PLACE, program, RESTART_VM, "put the wrapper in the place of QEMU",
				error);
}

static void mend_time(struct plan *plan)
{
	static const char *const touch[] = { "touch", "-c", "-r", WRAPPER_REAL, WRAPPER_PLACE, NULL };
	plan_run(plan, touch, NULL, GENERATES_NOTHING, RESTART_NONE,
		 "let Proxmox VE notice the version of QEMU that is installed");
}

static int check_id(const char *vm, struct error *error)
{
	if (*vm && !vm[strspn(vm, "0123456789")])
		return 0;
	return error_set(error, -EINVAL, "'%.60s' is no id of a VM of Proxmox VE", vm);
}

int make_wrapper(struct plan *plan, const struct wrapper_wish *wish, struct error *error)
{
	struct places places;
	int r = check_id(wish->vm, error);
	if (r == 0)
		r = read_places(plan, &places, error);
	if (r == 0)
		r = check_place(plan, &places, error);
	if (r == 0)
		r = make_wrapper_line(plan, wish, error);
	if (r == 0 && !places.diverted)
		r = check_dpkg(plan, error);
	if (r == 0)
		r = add_diversion(plan, &places, error);
	if (r == 0)
		r = add_hook(plan, error);
	if (r == 0)
		r = add_program(plan, error);
	if (r == 0 && places.state.stale_time)
		mend_time(plan);
	return r;
}

/* ---- And away ---- */

static int remove_program(struct plan *plan, struct places *places, struct error *error)
{
	static const char why[] = "put QEMU back into its place";
	bool is_same = change_same_state(&places->place, &places->real);
	if (places->is_wrapper || !places->place.present)
		return plan_write_place(plan, WRAPPER_PLACE, &places->real, RESTART_VM, why, error);
	if (places->diverted && places->real.present && !is_same)
		return error_set(error, -ENOTSUP,
				 "%s%s is neither the wrapper nor what dpkg put at %s: look which of them is to stay, "
				 "and put that in its place first",
				 plan->root->name, WRAPPER_PLACE, WRAPPER_REAL);
	return 0;
}

static int remove_real(struct plan *plan, const struct places *places, struct error *error)
{
	static const struct file_state nothing = { 0 };
	if (!places->real.present)
		return 0;
	if (places->diverted || places->is_wrapper || places->real.link)
		return plan_write_place(plan, WRAPPER_REAL, &nothing, RESTART_NONE, "QEMU is in its own place again",
					error);
	list_printf(&plan->notes, "%s is kept: nestpci did not put it there", WRAPPER_REAL);
	return 0;
}

static int remove_all(struct plan *plan, struct places *places, struct error *error)
{
	int r = places->diverted ? check_dpkg(plan, error) : 0;
	if (r == 0)
		r = remove_program(plan, places, error);
	if (r == 0)
		r = plan_remove_file(plan, WRAPPER_HOOK, RESTART_NONE, "nothing needs it without the wrapper", error);
	if (r == 0 && places->diverted)
		plan_run(plan, no_divert, divert, GENERATES_NOTHING, RESTART_NONE,
			 "have dpkg put QEMU into its own place again");
	return r < 0 ? r : remove_real(plan, places, error);
}

static int note_kept(struct plan *plan, struct error *error)
{
	struct file_state conf;
	const char *path = WRAPPER_CONF;
	int r = plan_read(plan, &path, &conf, error);
	if (r == 0 && conf.present)
		list_printf(&plan->notes, "%s is kept: there is more in it than nestpci wrote", path);
	return r;
}

/* Once no VM needs it. */
static int remove_unused(struct plan *plan, struct error *error)
{
	size_t left = 0;
	struct places *places = arena_alloc(plan->arena, sizeof(*places));
	int r = wrapper_count_vms(plan, &left, error);
	if (r < 0 || left)
		return r;
	r = read_places(plan, places, error);
	if (r == 0 && (places->state.installed || places->real.present))
		r = remove_all(plan, places, error);
	return r < 0 ? r : note_kept(plan, error);
}

int make_no_wrapper_once(struct plan *plan, const char *vm, struct error *error)
{
	int r = check_id(vm, error);
	if (r == 0)
		r = make_no_wrapper_mark(plan, vm, error);
	return r < 0 ? r : remove_unused(plan, error);
}

int make_no_wrapper(struct plan *plan, const char *vm, struct error *error)
{
	int r = check_id(vm, error);
	if (r == 0)
		r = make_no_wrapper_mark(plan, vm, error);
	if (r == 0)
		r = make_no_wrapper_line(plan, vm, error);
	return r < 0 ? r : remove_unused(plan, error);
}
