/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for QEMU: its main returns at once. The exit status tells whether it was given a vIOMMU. */
#include <string.h>

#include "bench.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(argv[i], "intel-iommu"))
			return STATUS_WITH_VIOMMU;
	return STATUS_PLAIN;
}
