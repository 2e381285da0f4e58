/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the users-*.c files share; for nobody else. */
#pragma once

#include <sys/types.h>

#include "host/users.h"

/*
 * Who loses a node when a PCI device is taken away. Most nodes have one owner; several have a disk with several paths, a
 * VFIO group, what stands on several disks, and what is below a device that has PCI devices below it (Intel's VMD).
 */
struct stake {
	size_t owner;     /* index into `owners` */
	const char *base; /* name of what it stands on, of the PCI device's own nodes; NULL: it is one of these */
};

/* A kernel device below a PCI device, or stacked on one that is. */
struct node {
	const char *name;      /* of its sysfs folder: "nvme0n1p2" */
	const char *device;    /* path of its device node: "/dev/nvme0n1p2"; NULL: has none (network interfaces) */
	const char *subsystem; /* "block", "net", "tty", ... */
	const char *path;      /* its sysfs folder */
	const char *title;     /* what people call it; NULL: nobody has asked yet */
	dev_t number;          /* 0 without a device node */
	bool is_block;
	bool is_upper;       /* not the PCI device's own, but stacked on something that is */
	bool explained;      /* a use of it was found; what it carries is none */
	bool stacked;        /* something active stands on it */
	struct list holders; /* names of block devices that stand on it, once `holders_read` */
	bool holders_read;
	size_t reported_by; /* number of the process that was reported last as holding it open; 0: none */
	struct stake *stakes;
	size_t stake_count;
	size_t stake_room;
};

/* What a PCI device has, that somebody could use. */
#define USERS_DEVICES 1U    /* a device node */
#define USERS_DISKS 2U      /* one that is a block device */
#define USERS_INTERFACES 4U /* a network interface */

/* A PCI device whose users are asked for. */
struct owner {
	const struct pci_function *function;
	unsigned int has; /* USERS_... */
	bool has_console; /* the framebuffer that the console is on */
	bool was_told;    /* one disk has said it for all */
	struct uses uses;
};

/* Places in an array, by a text or by a number, in a time that does not grow with their count. */
struct index {
	struct index_slot *slots;
	size_t count;
	size_t room;
};

/* A block device of the machine, whosever it is. */
struct block {
	const char *name; /* "nvme0n1p2" */
	const char *path;
	dev_t number;
	struct list loops; /* names of the loop devices that stand on it */
};

struct blocks {
	struct block *items; /* sorted by path: behind a disk come its partitions */
	size_t count;
	struct index names;
	struct index numbers;
};

struct finding {
	const struct root *root;
	struct arena *arena;
	struct owner *owners; /* sorted by address */
	size_t count;
	struct node *nodes;
	size_t node_count;
	size_t node_room;
	struct index paths;   /* of nodes, by `path` */
	struct index devices; /* by `device` */
	struct index numbers; /* by `number` and `is_block` */
	struct blocks blocks;
	struct list zfs_sources; /* "rpool/ROOT/pve-1": ZFS file systems that are mounted, which name no device */
	struct list zfs_points;  /* where each of them is */
	unsigned int has;        /* USERS_..., of all of them */
};

/* A line of mountinfo. */
struct mount {
	dev_t number;
	struct slice point;
	struct slice type;
	struct slice source;
	struct slice options; /* of the file system */
};

/*
 * users-index.c. A text must outlive the index. Of several places under one key the first that was put in is found;
 * SIZE_MAX: none.
 */
void index_put_text(struct index *index, struct arena *arena, const char *text, size_t place);
void index_put_number(struct index *index, struct arena *arena, uint64_t number, size_t place);
size_t index_find_text(const struct index *index, const char *text);
size_t index_find_number(const struct index *index, uint64_t number);

/* users.c. `brief` says it in a few words, for a column. */
void users_add(struct finding *finding, size_t owner, enum use_kind kind, bool needed, const char *brief,
	       const char *format, ...) PRINTF_FORMAT(6, 7);

/* A use of a node, for everybody who has a stake in it; its name and what it stands on are put in front of the text. */
void users_add_of(struct finding *finding, struct node *node, enum use_kind kind, const char *brief, const char *format,
		  ...) PRINTF_FORMAT(5, 6);

/* The same, where it could only not be ruled out. */
void users_add_guess_of(struct finding *finding, struct node *node, enum use_kind kind, const char *brief,
			const char *text);

/* The same without the name, for each of them. */
void users_add_for(struct finding *finding, const struct node *node, enum use_kind kind, bool needed, const char *brief,
		   const char *text);

/* What could not be looked at, said of every PCI device that it could concern: those that have one of `concerns`. */
void users_add_unknown(struct finding *finding, unsigned int concerns, bool needed, const char *brief,
		       const char *format, ...) PRINTF_FORMAT(5, 6);

/*
 * Adds a node, without stakes, unless it is there already. Pointers to nodes are good until the next call.
 */
struct node *users_add_node(struct finding *finding, const struct node *node);
void users_add_stake(struct finding *finding, struct node *node, size_t owner, const char *base);

struct node *users_node_by_path(struct finding *finding, const char *path);
struct node *users_node_by_number(struct finding *finding, dev_t number, bool is_block);
struct node *users_node_by_device(struct finding *finding, const char *device);

/* The PCI devices among those asked for that a sysfs folder belongs to: how many, at most `room`. */
size_t users_owners_of(const struct finding *finding, const char *path, size_t *ret, size_t room);
#define USERS_OWNERS_MAX 8

/* users-nodes.c: all nodes that belong to the devices, NVMe multipath heads and VFIO's nodes included. */
void users_find_nodes(struct finding *finding);

/* Adds the node of a block device that stands on others, without stakes. */
struct node *users_add_upper(struct finding *finding, const struct block *block);

/* "259:3" */
bool users_parse_number(const char *text, dev_t *ret);

/* users-blocks.c: all block devices of the machine. False: neither /sys/dev/block nor /sys/class/block tells. */
bool users_read_blocks(struct finding *finding);
struct block *users_block_by_name(struct finding *finding, const char *name);
struct block *users_block_by_number(struct finding *finding, dev_t number);
/* Those in the folder of another one: its partitions. Index of the first, and how many. */
size_t users_partitions_of(const struct finding *finding, const struct block *disk, size_t *ret_count);
/* Where a link in a sysfs folder leads: "/sys/devices/...", or NULL. */
const char *users_follow(const struct finding *finding, const char *folder, const char *name);

/* users-nvidia.c: the nodes of NVIDIA's own driver, which sysfs does not show. */
void users_find_nvidia(struct finding *finding, size_t owner);

void users_read_loops(struct finding *finding);     /* users-loop.c: which loop devices stand on which block device */
void users_find_stacks(struct finding *finding);    /* users-stack.c: adds the nodes that stand on others */
void users_find_mounts(struct finding *finding);    /* users-mount.c */
void users_find_swap(struct finding *finding);      /* users-mount.c */
void users_find_members(struct finding *finding);   /* users-block.c */
void users_find_claims(struct finding *finding);    /* users-block.c */
void users_find_routes(struct finding *finding);    /* users-net.c */
void users_find_remote(struct finding *finding);    /* users-remote.c */
void users_find_consoles(struct finding *finding);  /* users-console.c */
void users_find_processes(struct finding *finding); /* users-process.c */
bool users_parse_mount(struct slice line, struct mount *ret);
