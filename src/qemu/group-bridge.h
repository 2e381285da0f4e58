/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions of one host group behind one bridge.
 *
 * Under a vIOMMU each function has an address space of its own (by bus and devfn), but VFIO can attach a group to one
 * only: "group N used in multiple address spaces". Behind a PCIe-to-PCI bridge all functions have the bridge's requester
 * id (PCI Express to PCI/PCI-X Bridge Specification, 2.3: transactions are taken over by the bridge), so they share one.
 */
#pragma once

#include "qemu/edit.h"

/* Puts members of one group that would land in different address spaces behind one pcie-pci-bridge. */
int bridge_groups(struct edit *edit) MUST_CHECK;
