/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rewrite and exec have in common: their options, and the words behind "--". */
#pragma once

#include "verb/verb.h"
#include "vm/rewrite.h"

enum rewrite_option {
	OPTION_AW_BITS = 0x100,
	OPTION_EIM,
	OPTION_DEVICE_IOTLB,
	OPTION_GROUP,
};

/* clang-format off */
#define REWRITE_OPTIONS                                                  \
	{ OPTION_AW_BITS, "aw-bits", "39|48",                            \
	  "address width of the vIOMMU; without it, 39 where\n"          \
	  "this host's IOMMU is known to do no more, else\n"             \
	  "what QEMU does by itself" },                                  \
	{ OPTION_EIM, "eim", "on|off",                                   \
	  "extended interrupt mode (more than 255 vCPUs)" },             \
	{ OPTION_DEVICE_IOTLB, "device-iotlb", "on|off",                 \
	  "ATS, for vhost and virtio devices" },                         \
	{ OPTION_GROUP, "group", "ADDR,ADDR",                            \
	  "devices that share an IOMMU group on the host;\n"             \
	  "without it, read from /sys. May be repeated" }
/* clang-format on */

/* Takes one of the options above. VERB_DONE, or a status to return, said already. */
int rewrite_take_option(const struct verb_args *args, struct vm_rewrite_request *request, struct list *groups, int id,
			const char *value);

/* Rewrites, and says changes and warnings on stderr. VERB_DONE, or a status to return, said already. */
int rewrite_run(struct arena *arena, const struct verb_args *args, const struct vm_rewrite_request *request,
		struct viommu_result *ret);
