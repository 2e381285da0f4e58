/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the users-*.c files share; for nobody else. */
#pragma once

#include <sys/types.h>

#include "host/users.h"

/* A kernel device below a PCI device, or stacked on one that is. */
struct node {
	size_t owner;          /* index into `addresses` */
	const char *name;      /* of its sysfs folder: "nvme0n1p2" */
	const char *device;    /* path of its device node: "/dev/nvme0n1p2"; NULL: has none (network interfaces) */
	const char *subsystem; /* "block", "net", "tty", ... */
	const char *path;      /* its sysfs folder */
	const char *base;      /* stacked: name of what it stands on; NULL: it is the PCI device's own */
	dev_t number;          /* 0 without a device node */
	bool is_block;
	bool explained; /* a use of it was found; what it carries is none */
	bool stacked;   /* something active stands on it */
};

/* What stands on a file or a block device without being its holder: a loop device. */
struct loop {
	const char *name;
	const char *backing; /* the path, as the kernel shows it */
	dev_t number;        /* of the block device there; 0: not known */
	const char *real;    /* where the path leads; NULL: not known */
};

struct loops {
	struct loop *items;
	size_t count;
};

struct finding {
	const struct root *root;
	struct arena *arena;
	const struct pci_address *addresses;
	size_t count;
	struct node *nodes;
	size_t node_count;
	size_t node_room;
	struct uses uses;
};

/* A line of mountinfo. */
struct mount {
	dev_t number;
	struct slice point;
	struct slice type;
	struct slice source;
	struct slice options; /* of the file system */
};

/* users-mount.c */
bool users_parse_mount(struct slice line, struct mount *ret);

void users_add(struct finding *finding, size_t owner, enum use_kind kind, bool needed, const char *format, ...)
	PRINTF_FORMAT(5, 6);

/* A use of a node; its name and what it stands on are put in front of the text. */
void users_add_of(struct finding *finding, struct node *node, enum use_kind kind, const char *format, ...)
	PRINTF_FORMAT(4, 5);

/* What could not be looked at, said of every device. */
void users_add_unknown(struct finding *finding, bool needed, const char *text);

/*
 * Adds a node, unless it is there already. Pointers to nodes are good until the next call. Returns its index.
 */
size_t users_add_node(struct finding *finding, const struct node *node);

struct node *users_node_by_number(struct finding *finding, dev_t number, bool is_block);
struct node *users_node_by_device(struct finding *finding, const char *device);

/* users-nodes.c: all nodes that belong to the devices, NVMe multipath heads and VFIO's nodes included. */
int users_find_nodes(struct finding *finding, struct error *error) MUST_CHECK;

/* users-nvidia.c: the nodes of NVIDIA's own driver, which sysfs does not show. */
void users_find_nvidia(struct finding *finding, size_t owner);

/* Adds the nodes in a sysfs folder and below, following no link. */
void users_walk(struct finding *finding, size_t owner, const char *path, const char *base);

/* users-loop.c: all loop devices that are set up, and whether one stands on a node. */
void users_read_loops(struct finding *finding, struct loops *ret);
bool users_loop_is_on(const struct finding *finding, const struct loop *loop, const struct node *node);

void users_find_stacks(struct finding *finding);    /* users-block.c: adds the nodes that stand on others */
void users_find_mounts(struct finding *finding);    /* users-mount.c */
void users_find_swap(struct finding *finding);      /* users-mount.c */
void users_find_members(struct finding *finding);   /* users-block.c */
void users_find_claims(struct finding *finding);    /* users-block.c */
void users_find_routes(struct finding *finding);    /* users-net.c */
void users_find_remote(struct finding *finding);    /* users-remote.c */
void users_find_consoles(struct finding *finding);  /* users-console.c */
void users_find_processes(struct finding *finding); /* users-process.c */
