/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks (qemu-server, QemuServer/Drive.pm). */
#include "vm/proxmox-formats-internal.h"

#include <string.h>

enum { IDE = 1, SATA = 2, SCSI = 4, VIRTIO = 8 };

static bool is_volume_or_path(const char *value)
{
	return strcmp(value, "none") == 0 || strcmp(value, "cdrom") == 0 || *value == '/' ||
	       proxmox_is_volume_id(value);
}

/* "32G", "1.5T"; "GiB" and the like since pve-common 9.0.9. */
static bool is_disk_size(const char *value)
{
	const char *rest = value + strspn(value, DIGITS);
	if (rest == value)
		return false;
	if (*rest == '.') {
		size_t digits = strspn(rest + 1, DIGITS);
		if (!digits)
			return false;
		rest += 1 + digits;
	}
	if (*rest && strchr("KMGT", *rest)) {
		rest++;
		rest += text_starts_with(rest, "iB") ? 2 : 0;
	}
	return !*rest;
}

static bool is_old_disk_size(const char *value)
{
	return is_disk_size(value) && !strchr(value, 'B');
}

static bool is_serial(const char *value)
{
	return strlen(value) <= 60 && proxmox_is_urlencoded(value);
}

static bool is_model(const char *value)
{
	return strlen(value) <= 120 && proxmox_is_urlencoded(value);
}

static bool is_wwn(const char *value)
{
	return text_starts_with(value, "0x") && strlen(value) == 18 && strspn(value + 2, HEX) == 16;
}

static bool is_scsi_text(const char *value, size_t most)
{
	return strlen(value) <= most && value[strspn(value, LETTERS DIGITS "-_ \t\v\f\r")] == '\0';
}

static bool is_product(const char *value)
{
	return is_scsi_text(value, 16);
}

static bool is_vendor(const char *value)
{
	return is_scsi_text(value, 8);
}

#define SECONDS(name)                                                         \
	{                                                                     \
		name, .kind = PROPERTY_INTEGER, .least = 1, .most = INT64_MAX \
	}
#define RATE(name)                            \
	{                                     \
		name, .kind = PROPERTY_NUMBER \
	}
#define GEOMETRY(name)                                                  \
	{                                                               \
		name, .kind = PROPERTY_INTEGER, .until = SINCE(9, 0, 1) \
	}

/* clang-format off */

/* QemuServer/Drive.pm */
static const struct property_key drive_keys[] = {
	{ "file", is_volume_or_path, .required = true },
	ALIAS("volume", "file"),
	{ "media", .words = "cdrom disk" },
	GEOMETRY("cyls"), GEOMETRY("heads"), GEOMETRY("secs"),
	{ "trans", .words = "none lba auto", .until = SINCE(9, 0, 1) },
	SWITCH("snapshot"), SWITCH("backup"), SWITCH("replicate"), SWITCH("detect_zeroes"), SWITCH("shared"),
	{ "cache", .words = "none writethrough writeback unsafe directsync" },
	{ "format", .words = "raw qcow qed qcow2 vmdk cloop", .since = SINCE(8, 3, 10) },
	{ "format", .words = "raw cow qcow qed qcow2 vmdk cloop", .until = SINCE(8, 3, 10) },
	{ "size", is_disk_size, .since = SINCE(9, 0, 16) },
	{ "size", is_old_disk_size, .until = SINCE(9, 0, 16) },
	{ "rerror", .words = "ignore report stop" },
	{ "werror", .words = "enospc ignore report stop" },
	{ "aio", .words = "native threads io_uring" },
	{ "discard", .words = "ignore on" },
	{ "serial", is_serial },
	RATE("mbps"), RATE("mbps_rd"), RATE("mbps_wr"), RATE("mbps_max"), RATE("mbps_rd_max"), RATE("mbps_wr_max"),
	COUNT("bps"), COUNT("bps_rd"), COUNT("bps_wr"),
	COUNT("iops"), COUNT("iops_rd"), COUNT("iops_wr"), COUNT("iops_max"), COUNT("iops_rd_max"), COUNT("iops_wr_max"),
	SECONDS("bps_max_length"), SECONDS("bps_rd_max_length"), SECONDS("bps_wr_max_length"),
	SECONDS("iops_max_length"), SECONDS("iops_rd_max_length"), SECONDS("iops_wr_max_length"),
	ALIAS("bps_rd_length", "bps_rd_max_length"), ALIAS("bps_wr_length", "bps_wr_max_length"),
	ALIAS("iops_rd_length", "iops_rd_max_length"), ALIAS("iops_wr_length", "iops_wr_max_length"),
	{ "model", is_model, .only = IDE },
	{ "ssd", .kind = PROPERTY_BOOLEAN, .only = IDE | SATA | SCSI },
	{ "wwn", is_wwn, .only = IDE | SATA | SCSI },
	{ "iothread", .kind = PROPERTY_BOOLEAN, .only = SCSI | VIRTIO },
	{ "ro", .kind = PROPERTY_BOOLEAN, .only = SCSI | VIRTIO },
	{ "queues", .kind = PROPERTY_INTEGER, .least = 2, .most = INT64_MAX, .only = SCSI },
	{ "scsiblock", .kind = PROPERTY_BOOLEAN, .only = SCSI },
	{ "product", is_product, SINCE(8, 1, 0), .only = SCSI },
	{ "vendor", is_vendor, SINCE(8, 1, 0), .only = SCSI },
};

const struct property_format proxmox_ide_format = { drive_keys, ARRAY_SIZE(drive_keys), "file", IDE };
const struct property_format proxmox_sata_format = { drive_keys, ARRAY_SIZE(drive_keys), "file", SATA };
const struct property_format proxmox_scsi_format = { drive_keys, ARRAY_SIZE(drive_keys), "file", SCSI };
const struct property_format proxmox_virtio_format = { drive_keys, ARRAY_SIZE(drive_keys), "file", VIRTIO };

static const struct property_key efidisk_keys[] = {
	{ "file", is_volume_or_path, .required = true },
	ALIAS("volume", "file"),
	{ "format", .words = "raw qcow qed qcow2 vmdk cloop", .since = SINCE(8, 3, 10) },
	{ "format", .words = "raw cow qcow qed qcow2 vmdk cloop", .until = SINCE(8, 3, 10) },
	{ "size", is_disk_size, .since = SINCE(9, 0, 16) },
	{ "size", is_old_disk_size, .until = SINCE(9, 0, 16) },
	{ "efitype", .words = "2m 4m", .since = SINCE(7, 0, 16) },
	{ "pre-enrolled-keys", .kind = PROPERTY_BOOLEAN, .since = SINCE(7, 0, 16) },
	{ "ms-cert", .words = "2011 2023 2023w 2023k", .since = SINCE(9, 1, 4) },
	{ "ms-cert", .words = "2011 2023", .since = SINCE(9, 0, 27), .until = SINCE(9, 1, 4) },
};

static const struct property_key tpmstate_keys[] = {
	{ "file", is_volume_or_path, .required = true },
	ALIAS("volume", "file"),
	{ "size", is_disk_size, .since = SINCE(9, 0, 16) },
	{ "size", is_old_disk_size, .until = SINCE(9, 0, 16) },
	{ "version", .words = "v1.2 v2.0" },
	{ "format", .since = SINCE(9, 0, 22) },
};

static const struct property_key unused_keys[] = {
	{ "file", proxmox_is_volume_id, .required = true },
	ALIAS("volume", "file"),
};

const struct property_format proxmox_efidisk_format = { efidisk_keys, ARRAY_SIZE(efidisk_keys), "file", 0 };
const struct property_format proxmox_tpmstate_format = { tpmstate_keys, ARRAY_SIZE(tpmstate_keys), "file", 0 };
const struct property_format proxmox_unused_format = { unused_keys, ARRAY_SIZE(unused_keys), "file", 0 };

/* clang-format on */
