/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for a QEMU that is given devices of a host, which no test machine has. It keeps the words of its line for
 * /proc/PID/cmdline, daemonizes as QEMU does, writes the pid file, and answers QMP: the devices are those of the line,
 * with the values that QEMU would give them. It ends on quit, SIGTERM, and (a guest that obeys) system_powerdown.
 *
 * It fails as QEMU does where two functions of one slot are in address spaces of their own behind an intel-iommu.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEVICES_MAX 64

struct device {
	char driver[64];
	const char *text;
};

static struct device devices[DEVICES_MAX];
static int device_count;
static const char *pid_file;
static const char *monitor;
static const char *machine = "";

static const char *find(const char *text, const char *key)
{
	static char value[256];
	const char *at = strstr(text, key);
	if (!at)
		return NULL;
	at += strlen(key);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, ","), at);
	return value;
}

static void read_line(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++) {
		const char *value = argv[i + 1];
		if (strcmp(argv[i], "-pidfile") == 0)
			pid_file = value;
		else if (strcmp(argv[i], "-machine") == 0)
			machine = value;
		else if (strcmp(argv[i], "-chardev") == 0 && strstr(value, "id=qmp,"))
			monitor = strdup(find(value, "path="));
		else if (strcmp(argv[i], "-device") == 0 && device_count < DEVICES_MAX) {
			struct device *device = &devices[device_count++];
			snprintf(device->driver, sizeof(device->driver), "%.*s", (int)strcspn(value, ","), value);
			device->text = value;
		}
	}
}

/* Two devices of one slot of the host are of one group here. */
static void check_spaces(void)
{
	bool viommu = false;
	for (int i = 0; i < device_count; i++) {
		const char *host = find(devices[i].text, "host=");
		const char *bus = find(devices[i].text, "bus=");
		char slot[64] = "";
		viommu |= strcmp(devices[i].driver, "intel-iommu") == 0;
		if (!viommu || strcmp(devices[i].driver, "vfio-pci") != 0 || !host)
			continue;
		host = find(devices[i].text, "host=");
		snprintf(slot, sizeof(slot), "host=%.*s.", (int)strcspn(host, "."), host);
		bus = find(devices[i].text, "bus=");
		if (bus && strncmp(bus, "ich9-pcie-port-", 15) != 0)
			continue;
		for (int j = 0; j < i; j++)
			if (strstr(devices[j].text, slot)) {
				fprintf(stderr, "kvm: -device %s: vfio: group 1 used in multiple address spaces\n",
					devices[i].text);
				exit(1);
			}
	}
}

static void answer_list(FILE *stream, bool named)
{
	const char *comma = "";
	fprintf(stream, "{\"return\": [{\"name\": \"type\", \"type\": \"string\"}");
	for (int i = 0; i < device_count; i++) {
		const char *id = find(devices[i].text, ",id=");
		if (named != (id != NULL))
			continue;
		char name[300];
		snprintf(name, sizeof(name), named ? "%s" : "device[%s%d]", named ? id : "", i);
		fprintf(stream, ", {\"name\": \"%s\", \"type\": \"child<%s>\"}%s", name, devices[i].driver, comma);
	}
	fprintf(stream, "]}\r\n");
}

static const struct device *device_at(const char *line)
{
	const char *at = strstr(line, "device[");
	int index = at ? atoi(at + strlen("device[")) : -1;
	return index >= 0 && index < device_count ? &devices[index] : NULL;
}

static void answer_get(FILE *stream, const char *line)
{
	const struct device *device = device_at(line);
	const char *text = device ? device->text : "";
	if (strstr(line, "ioapic")) {
		bool split = strstr(machine, "kernel-irqchip=split");
		fprintf(stream, "{\"return\": \"%s\"}\r\n", split ? "ioapic" : "kvm-ioapic");
	} else if (strstr(line, "bypass")) {
		fprintf(stream, "{\"return\": false}\r\n");
	} else if (device && strstr(line, "caching-mode")) {
		fprintf(stream, "{\"return\": %s}\r\n", strstr(text, "caching-mode=on") ? "true" : "false");
	} else if (device && strstr(line, "intremap")) {
		fprintf(stream, "{\"return\": \"%s\"}\r\n", strstr(text, "intremap=on") ? "on" : "off");
	} else if (device && strstr(line, "aw-bits")) {
		fprintf(stream, "{\"return\": %s}\r\n", strstr(text, "aw-bits=39") ? "39" : "48");
	} else {
		fprintf(stream, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Property not found\"}}\r\n");
	}
}

/* 0: the connection goes on; 1: QEMU ends. */
static int answer(FILE *stream, const char *line)
{
	if (strstr(line, "query-kvm"))
		fprintf(stream, "{\"return\": {\"enabled\": true, \"present\": true}}\r\n");
	else if (strstr(line, "qom-list"))
		answer_list(stream, !strstr(line, "anon"));
	else if (strstr(line, "qom-get"))
		answer_get(stream, line);
	else
		fprintf(stream, "{\"return\": {}}\r\n");
	fflush(stream);
	return strstr(line, "\"quit\"") || strstr(line, "\"system_powerdown\"");
}

static void serve(int listening)
{
	char line[4096];
	for (;;) {
		int fd = accept(listening, NULL, NULL);
		if (fd < 0 && errno != EINTR)
			exit(1);
		FILE *input = fdopen(fd, "r");
		FILE *stream = fdopen(dup(fd), "w");
		if (!input || !stream)
			exit(1);
		fprintf(stream, "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n");
		fflush(stream);
		while (fgets(line, sizeof(line), input))
			if (answer(stream, line))
				exit(0);
		fclose(stream);
		fclose(input);
	}
}

static void write_pid(void)
{
	FILE *file = fopen(pid_file, "w");
	if (!file)
		exit(1);
	fprintf(file, "%d\n", (int)getpid());
	fclose(file);
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int ready[2];
	char byte = 0;
	read_line(argc, argv);
	if (!pid_file || !monitor || pipe(ready) < 0)
		return 2;
	check_spaces();
	if (fork() > 0) {
		close(ready[1]);
		return read(ready[0], &byte, 1) == 1 ? 0 : 1;
	}
	close(ready[0]);
	setsid();
	signal(SIGPIPE, SIG_IGN);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", monitor);
	unlink(monitor);
	int listening = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listening, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listening, 1) < 0)
		return 1;
	write_pid();
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (write(ready[1], "", 1) != 1)
		return 1;
	close(ready[1]);
	serve(listening);
}
