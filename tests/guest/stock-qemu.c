/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands for Proxmox VE's QEMU in tests: takes out of a line what its patches bring and the QEMU of a distribution lacks,
 * and becomes that, with the same argv[0].
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QEMU "/usr/bin/qemu-system-x86_64.stock"

/* Cuts "+pveN" out of the machine's type. */
static void cut_pve(char *word)
{
	char *pve = strstr(word, "+pve");
	if (pve)
		memmove(pve, pve + 4 + strspn(pve + 4, "0123456789"),
			strlen(pve + 4 + strspn(pve + 4, "0123456789")) + 1);
}

/* QEMU 9.2 and later have reconnect-ms=. */
static char *with_seconds(char *word)
{
	char *found = strstr(word, "reconnect-ms=5000");
	char *text = NULL;
	if (!found || asprintf(&text, "%.*sreconnect=5%s", (int)(found - word), word, found + 17) < 0)
		return word;
	return text;
}

int main(int count, char **words)
{
	char **kept = calloc((size_t)count * 2 + 1, sizeof(*kept));
	int n = 0;
	for (int i = 0; i < count; i++) {
		if (i && strcmp(words[i], "-id") == 0) {
			i++;
			continue;
		}
		if (i && strcmp(words[i - 1], "-machine") == 0)
			cut_pve(words[i]);
		if (strcmp(words[i], "-nographic") == 0) {
			kept[n++] = "-display";
			kept[n++] = "none";
			continue;
		}
		kept[n++] = with_seconds(words[i]);
	}
	execv(QEMU, kept);
	perror(QEMU);
	return 127;
}
