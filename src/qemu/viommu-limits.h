/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines that cannot get a correct vIOMMU by a rewrite. Both return -EOPNOTSUPP, with the reason and the remedy. */
#pragma once

#include "qemu/edit.h"

/* Another architecture, machine type or accelerator; devices that are kept out of any vIOMMU. */
int viommu_check_possible(struct edit *edit) MUST_CHECK;

/* A VM that goes on from a saved state must be built as it was saved: no change will do. */
int viommu_check_resumed(struct edit *edit) MUST_CHECK;
