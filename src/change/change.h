/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes. A plan is data: an ordered list of changes, made first and shown, then carried out by one engine
 * (change/apply.h), which keeps a journal (change/journal.h), so that it is undone exactly.
 *
 * Makers (change/makers.h) add to a plan what they need and do not know each other: a file that two of them change is
 * one change, because the second reads it as the first will leave it; a command that two of them need is run once.
 */
#pragma once

#include "base/root-write.h"
#include "check/check.h"
#include "vm/manager.h"

enum change_kind {
	CHANGE_FILE,      /* write, replace or remove a file */
	CHANGE_ATTRIBUTE, /* set an attribute of sysfs: until the next boot */
	CHANGE_COMMAND,   /* run a program; running it twice must be as running it once: a crash may ask for that */
	CHANGE_SETTING,   /* set, replace or delete a setting of a VM, by its manager */
};

/*
 * Commands that make something out of files. They come last, each once, in this order; and once more after what came
 * before them was taken back. Every other command is undone by one of its own, or by nothing.
 */
enum change_generates {
	GENERATES_NOTHING,
	GENERATES_INITRAMFS,
	GENERATES_BOOT, /* the configuration of the boot loader: it may name the initramfs */
};

struct change {
	enum change_kind kind;
	const char *why;      /* what it is for: "put intel_iommu=on on the kernel command line" */
	const char *check;    /* ids of the checks that it mends, ", " between; NULL: it was asked for as such */
	enum restart restart; /* what comes into force only then */

	/* CHANGE_FILE, CHANGE_ATTRIBUTE */
	const char *path;
	struct file_state before;
	struct file_state after; /* of an attribute the content alone, without a newline */
	bool folder;             /* with the file its folder is removed, which is ours, when nothing else is in it */

	/* CHANGE_COMMAND */
	const char *const *argv; /* argv[0] is looked up in PATH; ended by NULL */
	const char *const *undo; /* the same; NULL: nothing undoes it */
	enum change_generates generates;
	/*
	 * "/boot/vmlinuz-": run for each file whose path begins so, of those that are there when it is run; '*' in argv
	 * stands for the rest of its name. NULL: run once.
	 */
	const char *each;

	/* CHANGE_SETTING; see vm/manager.h */
	const struct manager *manager;
	const char *vm;
	const char *key;
	const char *value_before; /* NULL: not set */
	const char *value_after;
};

/* A file that a plan rests on. */
struct change_ground {
	const char *path;
	struct file_state state;
};

struct plan {
	const struct root *root;
	struct arena *arena;
	const char *check; /* whoever calls a maker sets it: becomes `check` of what it adds */
	struct change *items;
	size_t count;
	size_t room;
	struct change_ground *grounds; /* those that are changed are not among them */
	size_t ground_count;
	size_t ground_room;
	struct list notes;   /* worth knowing before it is applied, as sentences */
	const char *purpose; /* what it is for, where it is to be found in the journal by that: "viommu 101"; or NULL */
	bool once; /* for one start of a VM: whoever applied it takes it back after that, or the next nestpci */
};

void plan_begin(struct plan *plan, const struct root *root, struct arena *arena);

/* To go back to: assigning it takes back what was added, or changed, since. */
struct plan plan_copy(const struct plan *plan);

/*
 * A file as it will be when what is planned so far was done. Absent is no failure (`ret` is not `present` then). `path`
 * becomes the real one, where it was a link.
 */
int plan_read(struct plan *plan, const char **path, struct file_state *ret, struct error *error) MUST_CHECK;

/*
 * A file gets this content; one that is not there gets `mode`, too. Nothing is added when it has that content already.
 */
int plan_write_file(struct plan *plan, const char *path, struct slice content, mode_t mode, enum restart restart,
		    const char *why, struct error *error) MUST_CHECK;
int plan_remove_file(struct plan *plan, const char *path, enum restart restart, const char *why, struct error *error)
	MUST_CHECK;
/* The same, and its folder, which is ours, when nothing else is in it. */
int plan_remove_own_file(struct plan *plan, const char *path, enum restart restart, const char *why,
			 struct error *error) MUST_CHECK;

/*
 * The same of a path that may be a link itself: it is not followed. `after` is taken over as it is, and must live as
 * long as the plan.
 */
int plan_read_place(struct plan *plan, const char *path, struct file_state *ret, struct error *error) MUST_CHECK;
int plan_write_place(struct plan *plan, const char *path, const struct file_state *after, enum restart restart,
		     const char *why, struct error *error) MUST_CHECK;

/* Live system only. Nothing is added when it reads so already. */
int plan_set_attribute(struct plan *plan, const char *path, const char *value, const char *why, struct error *error)
	MUST_CHECK;

/* `argv` and `undo` are copied. Running the same command twice in a plan is never needed: it is added once. */
void plan_run(struct plan *plan, const char *const *argv, const char *const *undo, enum change_generates generates,
	      enum restart restart, const char *why);

/* The same for each file that there is then. It generates, and is undone by being run again. */
void plan_run_each(struct plan *plan, const char *each, const char *const *argv, enum change_generates generates,
		   enum restart restart, const char *why);

/* A setting of a VM as it will be when what is planned so far was done; `ret` NULL: not set. */
int plan_get_setting(struct plan *plan, const struct manager *manager, const char *vm, const char *key,
		     const char **ret, struct error *error) MUST_CHECK;

/* `value` NULL: it is deleted. Nothing is added when it is so already. */
int plan_set(struct plan *plan, const struct manager *manager, const char *vm, const char *key, const char *value,
	     enum restart restart, const char *why, struct error *error) MUST_CHECK;

/* The most that any of its changes needs. */
enum restart plan_restart(const struct plan *plan);

/* ---- Showing ---- */

/*
 * As what it is: a unified diff, a line `echo VALUE > PATH`, or a command (a VM's manager's own, where it has one);
 * quoted for a shell. Ends with a newline.
 */
const char *change_text(struct arena *arena, const struct change *change);

/* In a few words: "write /etc/modprobe.d/nestpci.conf", "run update-grub". */
const char *change_title(struct arena *arena, const struct change *change);

/* What it changes: a path, or "machine of VM 101". Not of a command. */
const char *change_object(struct arena *arena, const struct change *change);

/* What differs between two states of a file: a diff of the content, then lines of what else is not the same. */
const char *change_difference(struct arena *arena, const char *path, const struct file_state *before,
			      const struct file_state *after);

/* The same for a setting of a VM. */
const char *change_setting_difference(struct arena *arena, const struct change *change, const char *before,
				      const char *after);

/* The same content, and, where both are there, owner and permissions. */
bool change_same_state(const struct file_state *a, const struct file_state *b);

/* A value of CHANGE_SETTING without secrets. NULL stays. */
const char *change_shown_value(struct arena *arena, const struct change *change, const char *value);

/* A command for a shell. */
const char *change_command(struct arena *arena, const char *const *argv);

/* What a change of that kind runs, for a shell: with `each` a loop. */
const char *change_commands(struct arena *arena, const struct change *change);
