/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/eventfd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel numbers eventfds, and shows the number with each descriptor. 0: no eventfd. */
static uint64_t id_of(int fd)
{
	char path[64], line[128];
	uint64_t id = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	if (!info)
		return 0;
	/* From 1 on, so that 0 is none: ids themselves may be 0. */
	while (!id && fgets(line, sizeof(line), info))
		if (strncmp(line, "eventfd-id:", strlen("eventfd-id:")) == 0)
			id = strtoull(line + strlen("eventfd-id:"), NULL, 10) + 1;
	fclose(info);
	return id;
}

int sim_eventfd_identify(int fd, struct sim_eventfd *out)
{
	const uint64_t id = id_of(fd);

	if (!id)
		return fcntl(fd, F_GETFD) < 0 ? -EBADF : -EINVAL;
	*out = (struct sim_eventfd){.id = id, .fd = fd};
	return 0;
}

/* A duplicate, checked to be of that eventfd: the number may be another's by now. -1: it is. */
static int open_number(int number, uint64_t id)
{
	int fd = fcntl(number, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0 && id_of(fd) != id) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Any descriptor of the process that is one of that eventfd: it was moved, or the first one was
 * closed. */
static int open_any(uint64_t id)
{
	DIR *numbers = opendir("/proc/self/fd");
	const struct dirent *entry;
	int fd = -1;

	if (!numbers)
		return -1;
	while (fd < 0 && (entry = readdir(numbers)) != NULL) {
		int number = (int)strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] != '.' && id_of(number) == id)
			fd = open_number(number, id);
	}
	closedir(numbers);
	return fd;
}

static int open_event(const struct sim_eventfd *event)
{
	int fd = open_number(event->fd, event->id);

	return fd >= 0 ? fd : open_any(event->id);
}

void sim_eventfd_signal(const struct sim_eventfd *event)
{
	int fd = open_event(event);
	struct pollfd room = {.fd = fd, .events = POLLOUT};

	if (fd < 0)
		return;
	/* A full counter is full enough; without the look a blocking eventfd would block us. */
	if (poll(&room, 1, 0) == 1) {
		ssize_t ignored = write(fd, &(uint64_t){1}, sizeof(uint64_t));
		(void)ignored;
	}
	close(fd);
}

void sim_eventfd_consume(const struct sim_eventfd *event)
{
	int fd = open_event(event);
	struct pollfd count = {.fd = fd, .events = POLLIN};
	uint64_t value;

	if (fd < 0)
		return;
	if (poll(&count, 1, 0) == 1) {
		ssize_t ignored = read(fd, &value, sizeof(value));
		(void)ignored;
	}
	close(fd);
}
