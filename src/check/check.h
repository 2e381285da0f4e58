/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judging. A check is a row of a table: what it looks at, why, what to do, and a judge, which is a pure function of
 * models: nothing here opens a file or starts a process. A finding is a check applied to a subject.
 *
 * A verdict rests on evidence. PASS means: seen to be right. Whatever could not be looked at is UNKNOWN, with the
 * reason; N/A means that the question does not arise here, and says why.
 */
#pragma once

#include "boot/boot.h"
#include "host/host.h"
#include "host/kernel-log.h"
#include "vm/vm.h"

enum verdict { VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL, VERDICT_UNKNOWN, VERDICT_NA };

enum check_scope {
	CHECK_HOST,      /* one finding for the host */
	CHECK_DEVICE,    /* one for each device at hand */
	CHECK_VM,        /* one for the VM */
	CHECK_VM_DEVICE, /* one for each device of the host that the VM is given */
};

/* Where a check makes sense: what this machine is to be. */
enum {
	CHECK_L0 = 1,
	CHECK_L1 = 2,
	CHECK_L2 = 4,
	CHECK_HYPERVISORS = CHECK_L0 | CHECK_L1,
	CHECK_ALL_LEVELS = 7,
};

enum actor {
	ACTOR_NOBODY,        /* nothing is to be done */
	ACTOR_US,            /* nestpci can, by a verb that the remedy names */
	ACTOR_ADMINISTRATOR, /* somebody with root here */
	ACTOR_OUTER,         /* whoever runs the machine that this VM runs on */
	ACTOR_FIRMWARE,      /* the firmware's set-up */
	ACTOR_VENDOR,        /* whoever made board, firmware or device */
};

enum restart { RESTART_NONE, RESTART_VM /* stopped and started, not rebooted inside */, RESTART_HOST };

struct evidence {
	const char *where; /* a path, "hostpci0 of VM 100", a line of a log */
	const char *what;  /* what stands there; "absent"; "not readable: ..." */
};

/* A change that mends a finding, or its part of that: change/mend.c makes it. */
enum mend_kind {
	MEND_SET_PARAMETER,    /* what: words of the kernel's command line, blanks between */
	MEND_REMOVE_PARAMETER, /* what: one word of it; without a value: all of that name */
	MEND_MODULE_OPTION,    /* where: the module; what: "nested=1" */
	MEND_LINE,             /* where: a file; what: the whole line number `line`, which goes */
	MEND_ONE_LINE,         /* all of /etc/kernel/cmdline into its first line */
	MEND_BOOT,             /* the boot loader's configuration is made anew */
	MEND_INITRAMFS,        /* every initramfs is */
	MEND_ATTRIBUTE,        /* where: of sysfs; what: its value, until the next boot */
	MEND_BIND_AT_BOOT,     /* what: the address of a device, for vfio-pci */
	MEND_VIOMMU,           /* the VM at hand gets its vIOMMU, and what that needs */
};

struct mend {
	enum mend_kind kind;
	const char *where;
	const char *what;
	unsigned int line;
};

/* That a key of a setting of the VM should have this value: "machine", "aw-bits", "39". */
struct wish {
	const char *setting; /* NULL: none */
	const char *key;
	const char *value;
};

struct finding {
	const struct check *check;
	const char *subject; /* "host", "0000:01:00.0", "VM 100", "VM 100 hostpci0" */
	enum verdict verdict;
	const char *summary; /* a sentence without full stop: the thing, the value, what that means */
	struct evidence *evidence;
	size_t evidence_count;
	const char *wanted; /* what would pass; NULL: as it is */
	const char *remedy; /* what to do, as exactly as can be; NULL: nothing */
	enum actor actor;
	enum restart restart;
	struct mend *mends; /* in order; none: nestpci has no change for it, or none that it should make unasked */
	size_t mend_count;
	struct wish wish; /* what the remedy does to a setting that others may want to change, too */
	bool denied;      /* UNKNOWN for want of permission: root would tell */
};

/* Everything that may be judged. */
struct subject_set {
	const struct host *host;
	const struct boot *boot;
	const struct vms *vms;    /* all of this host; NULL: not read */
	const struct vm *vm;      /* the one at hand, as it is defined; NULL: none */
	const struct vm *running; /* the same as it runs; NULL: it does not, or is not known */
	unsigned int level;       /* 0, 1 or 2: what this machine is to be */
	/* Filled by check_run() itself: the wishes of all that warns or fails, so that each remedy gives the same value. */
	const struct wish *wishes;
	size_t wish_count;
};

struct check {
	const char *id; /* stable: "iommu-active" */
	enum check_scope scope;
	unsigned int levels;  /* CHECK_L0 | ... */
	const char *title;    /* what is asked, as a short statement of what is right: "the IOMMU is active" */
	const char *looks_at; /* what is looked at, for explain */
	const char *why;      /* why it matters, for explain */
	const char *mend;     /* how to mend it in general, for explain */
	const char *see;      /* where it is documented: specification and section, man page, kernel's document */
	const char *rows;     /* failure modes that it covers: "F010 F017" */
	const char *needs;    /* ids of checks of the host, blank between: where one of these fails, this is N/A */
	bool at_rest;         /* CHECK_HOST: can be judged of a system that does not run, by its files */
	void (*judge)(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena);
};

/* `subject` is: CHECK_HOST: NULL; CHECK_DEVICE: struct host_device; CHECK_VM: struct vm; CHECK_VM_DEVICE: struct vm_device. */

struct findings {
	struct finding *items;
	size_t count;
};

/* Checks that belong together; one file each, check/NAME.c, exporting one of these. */
struct check_family {
	const char *name;           /* "iommu" */
	const char *title;          /* "IOMMU" */
	const struct check *checks; /* ended by { 0 } */
};

/* All checks, in the order in which they are shown: causes before consequences. Ended by NULL. */
extern const struct check_family *const check_families[];

const struct check *check_find(const char *id);

/*
 * Applies all checks (or those in `only`, when it is not empty) to all subjects: in the order of the table, and of the
 * subjects. What does not arise is there, too, as N/A: a check at another level, one of the host on a machine that is no
 * x86, and one that needs another which failed (then the summary names the cause).
 */
void check_run(const struct subject_set *set, const struct list *only, struct arena *arena, struct findings *ret);

const char *check_scope_name(enum check_scope scope); /* "host", "device", "vm", "vm-device" */
const char *verdict_name(enum verdict verdict);       /* "PASS", ... */
const char *actor_name(enum actor actor);             /* "nestpci", "the administrator", ... */
const char *restart_name(enum restart restart);

/* ---- For judges ---- */

/* Each fills the finding: its verdict and its summary. */
void judge_pass(struct finding *finding, struct arena *arena, const char *format, ...) PRINTF_FORMAT(3, 4);
void judge_warn(struct finding *finding, struct arena *arena, const char *format, ...) PRINTF_FORMAT(3, 4);
void judge_fail(struct finding *finding, struct arena *arena, const char *format, ...) PRINTF_FORMAT(3, 4);
void judge_unknown(struct finding *finding, struct arena *arena, const char *format, ...) PRINTF_FORMAT(3, 4);
void judge_na(struct finding *finding, struct arena *arena, const char *format, ...) PRINTF_FORMAT(3, 4);

/* UNKNOWN because of this fact, which becomes evidence; says what root would add when it was denied. */
void judge_unknown_fact(struct finding *finding, struct arena *arena, const struct fact *fact);

void judge_evidence(struct finding *finding, struct arena *arena, const char *where, const char *format, ...)
	PRINTF_FORMAT(4, 5);
/* A fact as evidence: its path and its text, "absent", or why it is not known. */
void judge_evidence_fact(struct finding *finding, struct arena *arena, const struct fact *fact);

/* `where`, `what`: NULL, or texts that outlive the finding. */
void judge_mend(struct finding *finding, struct arena *arena, struct mend mend);

void judge_wanted(struct finding *finding, struct arena *arena, const char *format, ...) PRINTF_FORMAT(3, 4);
void judge_remedy(struct finding *finding, enum actor actor, enum restart restart, struct arena *arena,
		  const char *format, ...) PRINTF_FORMAT(5, 6);
