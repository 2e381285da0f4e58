/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/machine.h"

#include "lab/predict.h"
#include "qemu/keyval.h"

/* MiB. L1 unpacks an image of some 120 MiB and runs QEMU beside L2; L0 unpacks one of twice the size. */
#define MEMORY_L1_BESIDE_L2 384U
#define MEMORY_L0_BESIDE_L1 1536U

/*
 * For every level. The first line makes boots short, which under nested virtualization are most of a run (measured; none
 * of it touches IOMMU, VFIO or PCI). loglevel=0: messages of several kernels on one console would run into each other;
 * each level prints the part of its log that matters.
 */
#define KERNEL_PARAMETERS                                                                            \
	"mitigations=off nokaslr tsc=reliable no_timer_check cryptomgr.notests random.trust_cpu=on " \
	"console=ttyS0 quiet loglevel=0 panic=-1 intel_iommu=on"

size_t lab_disk_count(enum lab_device device)
{
	return device == LAB_GPU_LIKE ? 2 : 1;
}

static unsigned int memory_l1(const struct lab_options *options)
{
	unsigned int memory = options->memory_l2 + MEMORY_L1_BESIDE_L2;
	return memory < 512 ? 512 : memory;
}

unsigned int lab_memory(const struct lab_options *options)
{
	unsigned int l1 = memory_l1(options);
	return options->levels == 2 ? l1 + MEMORY_L1_BESIDE_L2 : l1 + MEMORY_L0_BESIDE_L1;
}

static const char *kernel_parameters(struct arena *arena, const struct lab_options *options)
{
	const struct prediction *prediction = predict(options->fault);
	/* A disk that will never answer need not be waited for as long as one that may. */
	const char *impatient = options->fault == LAB_MISPLACED_VIOMMU ? " nvme_core.admin_timeout=4" : "";
	return arena_printf(arena,
			    KERNEL_PARAMETERS
			    "%s nestpci.device=%s nestpci.fault=%s nestpci.memory_l1=%u "
			    "nestpci.memory_l2=%u nestpci.capture=%d nestpci.levels=%u nestpci.level=%u",
			    impatient, options->device == LAB_GPU_LIKE ? "gpu-like" : "nvme",
			    prediction ? prediction->name : "none", memory_l1(options), options->memory_l2,
			    options->keep != NULL, options->levels, options->levels == 3 ? 0U : 1U);
}

static void add_all(struct list *list, const char *const *words)
{
	for (; *words; words++)
		list_add(list, *words);
}

#define ADD(list, ...) add_all(list, (const char *const[]){ __VA_ARGS__, NULL })

static void add_disks(struct list *line, const struct lab_options *options, const struct lab_disk *disks)
{
	size_t count = lab_disk_count(options->device);
	ADD(line, "-device", "pcie-root-port,id=rp0,chassis=1,slot=1");
	for (size_t i = 0; i < count; i++) {
		struct buffer drive = { .arena = line->arena };
		buffer_printf(&drive, "if=none,id=disk%zu,format=raw,file=", i);
		keyval_escape(&drive, disks[i].path);
		ADD(line, "-drive", drive.text);
		list_add(line, "-device");
		list_printf(line, "nvme,id=nvme%zu,serial=NESTPCI%zu,drive=disk%zu,bus=rp0,addr=0x0.%zu%s", i, i, i, i,
			    count > 1 && i == 0 ? ",multifunction=on" : "");
	}
}

void lab_machine_line(struct arena *arena, const struct lab_options *options, const struct lab_image *image, bool kvm,
		      const struct lab_disk *disks, struct list *ret)
{
	bool three = options->levels == 3;
	*ret = (struct list){ .arena = arena };
	if (!three && options->fault == LAB_NO_FAULT)
		ADD(ret, "/proc/self/exe", "exec", "--");
	ADD(ret, image->qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot");
	ADD(ret, "-accel", kvm ? "kvm" : "tcg,thread=multi", "-cpu", kvm ? "host" : "max,+svm");
	/* Real hardware remaps interrupts; under KVM that takes a split irqchip. */
	ADD(ret, "-machine", kvm && three ? "q35,kernel-irqchip=split" : "q35");
	/*
	 * One emulated CPU. With two, a run in about ten hung (QEMU 7.2): KVM patches __schedule() when a VM comes or goes
	 * (a static key, through INT3), and the other CPU goes on executing the INT3 that is no longer there.
	 */
	ADD(ret, "-smp", kvm ? "2" : "1", "-m");
	list_printf(ret, "%u", lab_memory(options));
	if (three)
		ADD(ret, "-device", "intel-iommu,intremap=on");
	add_disks(ret, options, disks);
	ADD(ret, "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console");
	ADD(ret, "-kernel", image->kernel, "-initrd", image->initrd[three ? 0 : 1], "-append",
	    kernel_parameters(arena, options));
}
