/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How long is a guest away? byte_clock COUNT COMMAND... runs a VMM whose stdout is the guest's
 * serial port, and whose guest prints 'r' just before it resets itself and 's' with its first
 * instructions. Prints the median, the tenth and the ninetieth percentile of COUNT times from an
 * 'r' to the next 's' in microseconds, and ends the command. From outside: the same for every VMM.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 100000
/* The first ones warm caches and allocators up. */
#define WARM_UP 3

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static pid_t start(char **command, int *out)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	child = fork();
	if (!child) {
		const int nothing = open("/dev/null", O_RDONLY);

		dup2(nothing, STDIN_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	close(ends[1]);
	*out = ends[0];
	return child;
}

/* How many there were before the command ended. */
static int measure(int fd, double *intervals, int count)
{
	double reset = 0;
	int seen = -WARM_UP;
	char byte;

	while (seen < count) {
		const ssize_t got = read(fd, &byte, 1);
		const double now = now_us();

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (byte == 'r')
			reset = now;
		if (byte != 's' || reset == 0)
			continue;
		if (seen >= 0)
			intervals[seen] = now - reset;
		seen++;
	}
	return seen < 0 ? 0 : seen;
}

/* Runs as soon as there is a byte, whatever the VMM is busy with; where that is not allowed, not.
 */
static void be_first(void)
{
	const struct sched_param priority = {.sched_priority = 1};

	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
}

int main(int argc, char **argv)
{
	static double intervals[MOST];
	const int count = argc > 2 ? atoi(argv[1]) : 0;
	pid_t child;
	int fd, seen;

	if (count < 1 || count > MOST) {
		fprintf(stderr, "usage: byte_clock COUNT COMMAND [ARGUMENT]...\n");
		return 2;
	}
	be_first();
	child = start(&argv[2], &fd);
	if (child < 0)
		return 1;
	seen = measure(fd, intervals, count);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (seen < count) {
		fprintf(stderr, "byte_clock: %s ended after %d of %d resets\n", argv[2], seen,
			count);
		return 1;
	}
	qsort(intervals, (size_t)seen, sizeof(*intervals), compare);
	printf("%.0f %.0f %.0f\n", intervals[seen / 2], intervals[seen / 10],
	       intervals[seen * 9 / 10]);
	return 0;
}
