/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs of the benchmark know of each other. */
#pragma once

#define STATUS_PLAIN 42
#define STATUS_WITH_VIOMMU 43
