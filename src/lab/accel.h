/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/text.h"

/*
 * Whether this machine's KVM can run guests that have a virtualization extension themselves. The presence of /dev/kvm
 * does not tell: what KVM would show a guest of its CPU does. `reason` says why not, in a sentence.
 */
bool accel_kvm_can_nest(struct arena *arena, const char **reason);
