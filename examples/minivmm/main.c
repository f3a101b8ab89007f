/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The main thread: it sets up, then waits for what is not a vCPU's business (signals, stdin,
 * resets from the host, a guest that hangs), and clears up.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "plot.h"
#include "report.h"
#include "trace_file.h"
#include "vm.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_STALLED = 3 };

/* How long the main thread sleeps at most; stdin is looked at again that late if it was full. */
#define TICK_MS 100

struct watchdog {
	uint64_t progress;
	time_t since;
};

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Blocked in all threads, because they inherit it: only the signalfd hears of these. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* False: there will be no more input. */
static bool feed_serial(struct vm *vm)
{
	uint8_t bytes[SERIAL_INPUT_MAX];
	size_t space = devices_input_space(&vm->devices);

	ssize_t got = read(STDIN_FILENO, bytes, space);
	if (got > 0)
		devices_receive(&vm->devices, bytes, (size_t)got);
	return got > 0 || (got < 0 && errno == EINTR);
}

static void watch_progress(struct vm *vm, struct watchdog *watchdog)
{
	uint64_t progress = vm_progress(vm);
	uint32_t timeout_s = vm->options->timeout_s;

	if (progress != watchdog->progress) {
		*watchdog = (struct watchdog){.progress = progress, .since = now_s()};
	} else if (timeout_s && now_s() - watchdog->since >= (time_t)timeout_s) {
		fprintf(stderr, "minivmm: no exit and no reset for %u s\n", timeout_s);
		vm_dump(vm);
		vm_end(vm, VM_STALLED);
	}
}

static bool host_reset_is_due(const struct vm *vm)
{
	return vm->options->reset_from == RESET_FROM_HOST && vm_is_spinning(vm);
}

/* Returns when there is an outcome. */
static void supervise(struct vm *vm, int signal_fd)
{
	struct watchdog watchdog = {.since = now_s()};
	bool input = vm->options->use_stdin;

	while (vm->outcome == VM_RUNNING) {
		bool read_input = input && devices_input_space(&vm->devices) > 0;
		struct pollfd fds[] = {
			{.fd = signal_fd, .events = POLLIN},
			{.fd = vm->wake_fd, .events = POLLIN},
			{.fd = read_input ? STDIN_FILENO : -1, .events = POLLIN},
		};
		poll(fds, sizeof(fds) / sizeof(fds[0]), TICK_MS);
		if (fds[0].revents)
			vm_end(vm, VM_INTERRUPTED);
		if (fds[1].revents)
			vm_clear_wake(vm);
		if (fds[2].revents)
			input = feed_serial(vm);
		if (vm->outcome == VM_RUNNING && host_reset_is_due(vm) &&
		    !vm_reset(vm, vm->options->pause))
			vm_end(vm, VM_FAILED);
		watch_progress(vm, &watchdog);
	}
}

/* From launch to teardown. False: a vCPU thread is stuck, and nothing may be freed. */
static bool run_guest(struct vm *vm, int signal_fd, uint64_t *leaked)
{
	if (!vm_launch(vm))
		return true;
	if (vm_start(vm))
		supervise(vm, signal_fd);
	if (!vm_stop(vm))
		return false;
	devices_flush(&vm->devices);
	vm_teardown(vm, leaked);
	return true;
}

static const char *outcome_name(int outcome)
{
	switch (outcome) {
	case VM_HALTED:
		return "halted";
	case VM_INTERRUPTED:
		return "interrupted";
	case VM_STALLED:
		return "stalled";
	default:
		return "failed";
	}
}

static int exit_status(struct vm *vm, uint64_t failures)
{
	if (vm->outcome == VM_STALLED)
		return STATUS_STALLED;
	if (report_has_problem(vm->report) || failures)
		return STATUS_FAILED;
	return vm->outcome == VM_HALTED ? devices_halt_status(&vm->devices) : EXIT_SUCCESS;
}

static int finish(struct vm *vm, uint64_t leaked)
{
	struct report *report = vm->report;

	/* A run that went wrong was cut short: its figures say nothing. */
	if (vm->options->check_flat && !report_has_problem(report))
		report_check_flat(report);

	struct summary summary = {
		.outcome = outcome_name(vm->outcome),
		.failures = devices_failures(&vm->devices),
		.leaked_objects = leaked,
	};
	summary.exit_status = exit_status(vm, summary.failures);
	if (!report_finish(report, &summary)) {
		fprintf(stderr, "minivmm: stdout could not be written in full\n");
		return STATUS_FAILED;
	}
	return summary.exit_status;
}

static int run(const struct options *options, struct report *report, int signal_fd)
{
	struct vm vm;
	struct trace_file trace = {0};
	uint64_t leaked = 0;
	bool stuck = false;

	if (options->trace && !trace_file_open(&trace, options->trace)) {
		fprintf(stderr, "minivmm: --trace %s: %s\n", options->trace, strerror(errno));
		return STATUS_FAILED;
	}
	if (vm_init(&vm, options, report, &trace))
		stuck = !run_guest(&vm, signal_fd, &leaked);
	if (stuck) {
		/* The thread may use anything, so nothing is closed or freed. */
		int status = finish(&vm, leaked);
		fflush(NULL);
		_Exit(status);
	}
	if (!trace_file_close(&trace))
		report_problem(report, "the trace file could not be written in full", NULL);
	if (options->plot && !plot_write(report, options->plot))
		report_problem(report, "the picture could not be written", NULL);
	int status = finish(&vm, leaked);
	vm_destroy(&vm);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct report report;

	switch (options_parse(&options, argc, argv)) {
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_BAD:
		return STATUS_USAGE;
	case OPTIONS_RUN:
		break;
	}
	int signal_fd = open_signals();
	if (signal_fd < 0 || !report_init(&report, &options)) {
		fprintf(stderr, "minivmm: no memory or no descriptor left\n");
		return STATUS_FAILED;
	}
	int status = run(&options, &report, signal_fd);
	report_destroy(&report);
	close(signal_fd);
	return status;
}
