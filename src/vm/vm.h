/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM, whoever manages it: what a check must know of its definition, or of its running QEMU, in words that are no
 * manager's own. A definition and a running QEMU can differ (pending changes): then there are two of these.
 */
#pragma once

#include "base/fact.h"
#include "base/pci-address.h"
#include "qemu/vm.h"

struct proxmox_config;
struct wrapper_state;
struct wrapper_vm;
struct libvirt_domain;

enum vm_manager { VM_PLAIN, VM_PROXMOX, VM_LIBVIRT };
enum vm_source { VM_FROM_CONFIGURATION, VM_FROM_COMMAND_LINE, VM_FROM_PROCESS };
enum vm_answer { VM_UNKNOWN, VM_YES, VM_NO };
enum vm_irqchip { VM_IRQCHIP_DEFAULT /* in the kernel */, VM_IRQCHIP_ON, VM_IRQCHIP_SPLIT, VM_IRQCHIP_OFF };
enum vm_viommu_model { VM_VIOMMU_INTEL, VM_VIOMMU_AMD, VM_VIOMMU_VIRTIO };

/* Switches that are not given have QEMU's default here; UNKNOWN is "auto". */
struct vm_viommu {
	enum vm_viommu_model model;
	const char *where; /* "machine: q35,viommu=intel", "args: -device intel-iommu,...", "-device intel-iommu,..." */
	bool native;       /* the manager's own setting: put in the right place by it */
	bool by_wrapper;   /* not of the definition: the QEMU wrapper adds it at each start here (vm/wrapper.h) */
	bool first;        /* stands before every vfio device on the line that results */
	const char *after; /* the vfio device that stands before it, when not first; or NULL */
	const char *doubt; /* why `first` is a guess; NULL: it is none */
	enum vm_answer caching_mode;
	enum vm_answer intremap; /* UNKNOWN: auto */
	enum vm_answer eim;
	enum vm_answer device_iotlb;
	enum vm_answer snoop_control;
	enum vm_answer scalable;        /* x-scalable-mode */
	enum vm_answer first_level;     /* x-flts */
	enum vm_answer dma_remap;       /* amd-iommu */
	enum vm_answer xtsup;           /* amd-iommu */
	enum vm_answer dma_translation; /* NO: it remaps interrupts only */
	const char *bus;                /* as given, or NULL */
	unsigned int aw_bits;           /* 0: not given, QEMU's default */
};

/* A device of the host that the VM is given. */
struct vm_device {
	const char *name;          /* "hostpci0", "hostpci1 (args)", id or "-device vfio-pci number 2" */
	const char *where;         /* the value or option as it stands */
	struct pci_address *hosts; /* what it stands for on this host, functions spelled out; none: see `problem` */
	size_t host_count;
	const char *mapping; /* a resource mapping's name, or NULL */
	const char *mdev;    /* mediated: its type or uuid, or NULL; then nothing of the host changes hands */
	bool any_of;         /* the mapping has several devices on this node: the first free one is taken */
	const char *problem; /* why the hosts are not known: "no PCI device found for '0000:99:00'", or NULL */
	bool native;         /* the manager knows of it; false: in args: or the line */
	bool bus_known;      /* false: what it sits on is not known, and the next three say nothing */
	bool pcie;     /* on a PCI Express port of its own; false: on the root bus or behind a conventional bridge */
	bool root_bus; /* on pcie.0 itself, or on another root bus of PCI Express (pxb-pcie) */
	bool shares_bridge;        /* behind a conventional bridge: one requester id with all that is there */
	const char *bus;           /* the bus' name, or NULL: QEMU's default */
	const char *address_space; /* the same name for all that share one under a vIOMMU; NULL: not known */
	bool keep_driver;          /* driver=keep */
	enum vm_answer managed;    /* libvirt: managed='yes': it gives the device to vfio-pci, and back */
	const char *romfile;       /* or NULL */
	bool bootable_x_vga;
	bool iommufd;
};

/* A change that is not in force yet: the next start makes it, so the VM as it is defined has it already. */
struct vm_pending {
	const char *key;
	const char *current; /* NULL: not set */
	const char *wanted;  /* NULL: deleted */
};

struct vm {
	enum vm_manager manager;
	enum vm_source source;
	const char *id;   /* "100", libvirt's name; the path of the file or the pid for plain QEMU */
	const char *name; /* or NULL */
	const char *path; /* what was read */
	const char *uuid; /* or NULL; what tells VMs of libvirt apart */
	const char *uri;  /* libvirt: the connection whose domain it is; NULL: not known */
	const char *node; /* Proxmox VE: whose VM it is, or NULL */
	bool elsewhere;   /* of another node than this host: its devices are not of this host, and have no `hosts` */
	enum vm_answer running;
	pid_t pid;           /* 0: none */
	struct fact memlock; /* of the running process: number, -1 unlimited */
	const char
		*program; /* of the process: "/usr/bin/qemu-system-x86_64 (deleted)": replaced since; NULL: not known */

	bool template;
	const char *lock;        /* "backup", or NULL */
	enum vm_answer kvm;      /* NO: emulated; on purpose where `accelerator` says so */
	const char *accelerator; /* as on the line; NULL */
	const char *cpu;         /* the type: "host", "x86-64-v2-AES"; NULL: the manager's default (`cpu_default`) */
	const char *cpu_default;
	enum vm_answer nested_cpu;    /* the guest sees vmx or svm */
	unsigned int phys_bits;       /* 0: the model's; UINT_MAX: the host's, as with "host" itself */
	unsigned int guest_phys_bits; /* 0: not given */
	enum vm_answer pdpe1gb;
	unsigned int cpus;   /* 0: not known; at most */
	const char *machine; /* as given: "pc-q35-8.1+pve0"; NULL: default */
	bool q35;
	bool machine_known;          /* q35 or i440fx: false for others (virt, microvm), which are not judged */
	const char *machine_version; /* "8.1": pinned; NULL: newest */
	const char *architecture;    /* of the guest; NULL: the host's */
	enum vm_irqchip irqchip;
	const char *irqchip_where;
	bool bypass_iommu; /* default_bus_bypass_iommu */
	enum vm_answer ovmf;
	enum vm_answer efi_disk; /* NO: boot entries are lost at each start */
	const char *os;          /* "windows", "linux", or NULL */
	uint64_t memory_mib;     /* 0: not known; at most */
	enum vm_answer balloon;  /* a balloon device is there */
	enum vm_answer free_page_reporting;
	bool virtio_mem;
	uint64_t hard_limit_mib; /* libvirt's <hard_limit>: what QEMU may lock; 0: not given */
	const char *hugepages;   /* "2", "1024", "any", a path; or NULL */
	bool numa;
	bool mem_lock;                 /* -overcommit mem-lock: all memory is locked at once */
	unsigned int shutdown_seconds; /* startup: down=; 0: not given */
	bool onboot;
	bool ha;                /* HA-managed */
	const char *ha_state;   /* what HA is asked for: "started", "disabled", "ignored"; NULL: HA does not know it */
	const char *ha_status;  /* what HA says of it now: "started", "error"; NULL: nothing, or not known */
	const char *hibernated; /* vmstate or lock suspended: text, or NULL */
	const char *args;       /* args: as they stand, the words of <qemu:commandline>; or NULL */
	bool args_dropped;      /* an open quote: Proxmox VE drops all of it, silently */
	const char *display;    /* vga: */
	bool x_vga;

	/* What the QEMU wrapper of this host is told of it (vm/wrapper.h), or NULL; the line that results is the one then. */
	const struct wrapper_vm *wrapper;
	const char *wrapper_problem; /* why the wrapper would leave its line as it is; NULL: it would not */

	struct vm_viommu *viommus; /* in the order of the line that results */
	size_t viommu_count;
	struct vm_device *devices;
	size_t device_count;
	struct vm_pending *pending;
	size_t pending_count;
	const struct proxmox_config *configuration; /* what it was read from, with lines and spelling; or NULL */
	const struct libvirt_domain *domain;        /* libvirt: what it was read from; or NULL */
	const struct qemu_vm *line;                 /* the QEMU line that it was read from; or NULL */
	struct list problems;                       /* what could not be read or understood, as sentences */
	const char *refused; /* of these, why the manager does not start it with its machine as it is set; or NULL */
};

struct vms {
	struct vm *items;
	size_t count;
	const char *node;  /* what this host is called in its cluster, or NULL */
	struct list nodes; /* all of that cluster, this one included; none: no cluster */
	struct list problems;
	const struct wrapper_state *wrapper; /* of this host; NULL: it has no Proxmox VE */
};

/*
 * A file that somebody names: a Proxmox VE configuration, a domain's XML, or a QEMU command line (words or what `qm
 * showcmd` prints, one line or many), told apart by what is in it. -EINVAL: it is none; the text says at what line.
 * `root`: of the host it shall run on, for resource mappings and functions of a slot; may be NULL.
 */
int vm_read_file(const struct root *root, struct arena *arena, const char *path, struct vm *ret, struct error *error)
	MUST_CHECK;

/* The same from text; `path` is for messages. */
int vm_read_text(const struct root *root, struct arena *arena, struct slice text, const char *path, struct vm *ret,
		 struct error *error) MUST_CHECK;

/* All VMs that are defined on this host or run on it, whoever manages them. What cannot be read is in `problems`. */
void vm_read_all(const struct root *root, struct arena *arena, struct vms *ret);

/* The VM called so: its id, name, UUID, or the pid of its QEMU; its definition, or its process where it has none. */
const struct vm *vm_find(const struct vms *vms, const char *what);

/*
 * The VM by the settings that are in force, without what is pending: a new one, or the same where nothing is pending.
 * `root`: of the host that it was read from.
 */
const struct vm *vm_without_pending(const struct root *root, struct arena *arena, const struct vm *vm);

/* Whether both are the same VM: its definition, its process. */
bool vm_is_same(const struct vm *a, const struct vm *b);

/* The running QEMU of a VM that was read from its definition, or NULL. */
const struct vm *vm_find_running(const struct vms *vms, const struct vm *vm);

const char *vm_viommu_name(enum vm_viommu_model model); /* "intel-iommu" */
