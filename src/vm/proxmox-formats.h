/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The languages of values in a Proxmox VE configuration: property strings, names, addresses, lists, of each release of
 * qemu-server. What is not looked up: which models of CPUs there are, and which of their flags a VM may have.
 */
#pragma once

#include "vm/property-string.h"

extern const struct property_format proxmox_agent_format;
extern const struct property_format proxmox_audio_format;
extern const struct property_format proxmox_boot_format;
extern const struct property_format proxmox_cicustom_format;
extern const struct property_format proxmox_cpu_format;
extern const struct property_format proxmox_efidisk_format;
extern const struct property_format proxmox_hostpci_format;
extern const struct property_format proxmox_ide_format;
extern const struct property_format proxmox_ipconfig_format;
extern const struct property_format proxmox_ivshmem_format;
extern const struct property_format proxmox_machine_format;
extern const struct property_format proxmox_memory_format;
extern const struct property_format proxmox_meta_format;
extern const struct property_format proxmox_net_format;
extern const struct property_format proxmox_numa_format;
extern const struct property_format proxmox_rng_format;
extern const struct property_format proxmox_sata_format;
extern const struct property_format proxmox_scsi_format;
extern const struct property_format proxmox_sev_format;
extern const struct property_format proxmox_smbios_format;
extern const struct property_format proxmox_spice_format;
extern const struct property_format proxmox_tdx_format;
extern const struct property_format proxmox_tpmstate_format;
extern const struct property_format proxmox_unused_format;
extern const struct property_format proxmox_usb_format;
extern const struct property_format proxmox_vga_format;
extern const struct property_format proxmox_virtio_format;
extern const struct property_format proxmox_virtiofs_format;
extern const struct property_format proxmox_watchdog_format;

bool proxmox_is_address_list(const char *value);
bool proxmox_is_boot_disk(const char *value);
bool proxmox_is_config_id(const char *value);
bool proxmox_is_cpu_set(const char *value);
bool proxmox_is_disk(const char *value);
bool proxmox_is_dns_name(const char *value);
bool proxmox_is_hotplug(const char *value);
bool proxmox_is_machine_type(const char *value);
bool proxmox_is_startup(const char *value);
bool proxmox_is_storage_id(const char *value);
bool proxmox_is_tag_list(const char *value);
bool proxmox_is_urlencoded(const char *value);
bool proxmox_is_vmgenid(const char *value);
bool proxmox_is_volume_id(const char *value);
