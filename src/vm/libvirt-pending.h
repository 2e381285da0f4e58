/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a domain's definition and the domain that runs do not have in common. */
#pragma once

#include "vm/libvirt-vm.h"

/*
 * Fills vm->pending. Only what somebody wrote counts: what libvirt itself fills in when it starts a domain (aliases, the
 * model that host-model becomes, the device that a network of devices gave) is no difference.
 */
void libvirt_find_pending(struct arena *arena, const struct libvirt_domain *domain, struct vm *vm);
