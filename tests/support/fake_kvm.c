/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The seam's operations on descriptors, and calls made to fail. */
#define _GNU_SOURCE
#include "fake_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one call ---- */

static void count_call(struct fake_kvm *fake, const char *name)
{
	size_t slots = sizeof(fake->counters) / sizeof(fake->counters[0]);

	for (size_t i = 0; i < slots; i++) {
		struct fake_counter *counter = &fake->counters[i];

		if (counter->call == NULL)
			counter->call = name;
		if (strcmp(counter->call, name) == 0) {
			counter->count++;
			return;
		}
	}
	abort();
}

void call_begin(struct fake_call *call, struct fake_kvm *fake, const char *name)
{
	memset(call, 0, sizeof(*call));
	call->fake = fake;
	call->name = name;
	call->fd = -1;
	pthread_mutex_lock(&fake->lock);
	count_call(fake, name);
	if (fake->hold == NULL || strcmp(fake->hold, name) != 0)
		return;
	fake->held = true;
	pthread_cond_broadcast(&fake->changed);
	while (fake->hold != NULL)
		pthread_cond_wait(&fake->changed, &fake->lock);
	fake->held = false;
}

bool call_fails(struct fake_call *call, int *rc)
{
	struct fake_fault *fault = &call->fake->fault;

	if (!fault->armed || (fault->call[0] != '\0' && strcmp(fault->call, call->name) != 0))
		return false;
	if (fault->left > 1) {
		fault->left--;
		return false;
	}
	fault->armed = fault->sticky;
	if (fault->hit[0] == '\0')
		snprintf(fault->hit, sizeof(fault->hit), "%s", call->name);
	snprintf(call->result, sizeof(call->result), "-%s injected", strerrorname_np(fault->error));
	*rc = -fault->error;
	return true;
}

int call_end(struct fake_call *call, int rc)
{
	struct fake_kvm *fake = call->fake;

	if (!fake->silent && (!call->quiet || rc < 0 || fake->show_queries)) {
		text_add(&fake->transcript, "%s", text_get(&call->line));
		if (call->result[0] != '\0')
			text_add(&fake->transcript, " = %s", call->result);
		else if (rc < 0)
			text_add(&fake->transcript, " = -%s", strerrorname_np(-rc));
		text_add(&fake->transcript, "\n");
	}
	if (!fake->silent)
		text_add(&fake->transcript, "%s", text_get(&fake->events));
	text_reset(&fake->events);
	text_free(&call->line);
	pthread_mutex_unlock(&fake->lock);
	return rc;
}

/* Finds the file behind a descriptor that a call was given. */
static struct fake_fd *call_fd(struct fake_call *call, int fd)
{
	struct fake_fd *entry = fd_find(call->fake, fd);

	call->fd = fd;
	if (entry == NULL)
		fake_blame(call->fake, "%s on descriptor %d, which is not open", call->name, fd);
	else
		call->file = entry->file;
	return entry;
}

/* ---- operations ---- */

static int op_open(void *context, const char *path)
{
	struct fake_call call;
	int rc;

	call_begin(&call, context, "open");
	text_add(&call.line, "open %s", path);
	if (call_fails(&call, &rc))
		return call_end(&call, rc);
	if (strcmp(path, "/dev/kvm") != 0)
		return call_end(&call, -ENOENT);
	snprintf(call.result, sizeof(call.result), "kvm");
	return call_end(&call, fd_new(call.fake, file_new(call.fake, FAKE_KVM, NULL, "kvm"), true));
}

static int op_close(void *context, int fd)
{
	struct fake_call call;
	struct fake_fd *entry;
	int rc = 0;

	call_begin(&call, context, "close");
	text_add(&call.line, "close ");
	text_fd(call.fake, &call.line, fd);
	entry = call_fd(&call, fd);
	if (entry == NULL)
		return call_end(&call, -EBADF);
	(void)call_fails(&call, &rc);
	entry->file = NULL;
	file_put(call.fake, call.file);
	return call_end(&call, rc);
}

static int op_dup(void *context, int fd)
{
	struct fake_call call;
	int rc;

	call_begin(&call, context, "dup");
	text_add(&call.line, "dup ");
	text_fd(call.fake, &call.line, fd);
	if (call_fails(&call, &rc))
		return call_end(&call, rc);
	if (call_fd(&call, fd) == NULL)
		return call_end(&call, -EBADF);
	return call_end(&call, fd_new(call.fake, file_get(call.file), true));
}

static int op_dup3(void *context, int fd, int number)
{
	struct fake_call call;
	struct fake_fd *entry, *target;
	struct fake_file *displaced;
	int rc;

	call_begin(&call, context, "dup3");
	entry = fd_find(call.fake, fd);
	target = fd_find(call.fake, number);
	text_add(&call.line, "dup3 %s -> ", entry != NULL ? entry->file->name : "fd?");
	if (target != NULL)
		text_add(&call.line, "%s (was %s)", target->label[0] ? target->label : "a number",
			 target->file->name);
	if (call_fails(&call, &rc))
		return call_end(&call, rc);
	if (call_fd(&call, fd) == NULL)
		return call_end(&call, -EBADF);
	if (target == NULL)
		fake_blame(call.fake, "dup3 onto descriptor %d, which the caller does not hold",
			   number);
	if (target == NULL || target == entry)
		return call_end(&call, target == NULL ? -EBADF : -EINVAL);
	displaced = target->file;
	target->file = file_get(call.file);
	target->cloexec = true;
	file_put(call.fake, displaced);
	return call_end(&call, number);
}

static int op_set_cloexec(void *context, int fd)
{
	struct fake_call call;
	struct fake_fd *entry;
	int rc;

	call_begin(&call, context, "set_cloexec");
	text_add(&call.line, "set_cloexec ");
	text_fd(call.fake, &call.line, fd);
	if (call_fails(&call, &rc))
		return call_end(&call, rc);
	entry = call_fd(&call, fd);
	if (entry == NULL)
		return call_end(&call, -EBADF);
	entry->cloexec = true;
	return call_end(&call, 0);
}

/* ---- ioctl ---- */

static const struct fake_request *find_request(enum fake_kind kind, unsigned long request)
{
	static const struct fake_request *const tables[] = {fake_system_requests, fake_vm_requests,
							    fake_slot_requests, fake_vcpu_requests,
							    fake_run_requests};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct fake_request *r = tables[i]; r->request != 0; r++)
			if (r->request == request && r->kind == kind)
				return r;
	return NULL;
}

static int unknown_request(struct fake_call *call, unsigned long request)
{
	const struct fake_fd *entry = fd_find(call->fake, call->fd);

	if (entry == NULL) {
		fake_blame(call->fake, "ioctl 0x%lx on descriptor %d, which is not open", request,
			   call->fd);
		return -EBADF;
	}
	fake_blame(call->fake, "unknown request 0x%lx on %s", request, entry->file->name);
	return entry->file->kind == FAKE_VM || entry->file->kind == FAKE_GMEM ? -ENOTTY : -EINVAL;
}

static int op_ioctl(void *context, int fd, unsigned long request, uintptr_t argument)
{
	struct fake_kvm *fake = context;
	const struct fake_request *found = NULL;
	const struct fake_fd *entry;
	struct fake_call call;
	int rc;

	/* The kind of a descriptor decides what a number means. */
	pthread_mutex_lock(&fake->lock);
	entry = fd_find(fake, fd);
	if (entry != NULL)
		found = find_request(entry->file->kind, request);
	pthread_mutex_unlock(&fake->lock);

	call_begin(&call, fake, found != NULL ? found->name : "ioctl");
	call.argument = argument;
	call.fd = fd;
	entry = fd_find(fake, fd);
	text_add(&call.line, "ioctl %s %s", entry != NULL ? entry->file->name : "fd?", call.name);
	if (found == NULL || entry == NULL)
		return call_end(&call, unknown_request(&call, request));
	call.quiet = found->quiet;
	if (call_fails(&call, &rc))
		return call_end(&call, rc);
	call.file = file_get(entry->file);
	rc = found->serve(&call);
	file_put(fake, call.file);
	return call_end(&call, rc);
}

static const struct coco_platform_ops operations = {
	.struct_size = sizeof(struct coco_platform_ops),
	.name = "fake",
	.open = op_open,
	.close = op_close,
	.dup = op_dup,
	.dup3 = op_dup3,
	.set_cloexec = op_set_cloexec,
	.ioctl = op_ioctl,
	.mmap = fake_op_mmap,
	.munmap = fake_op_munmap,
	.madvise = fake_op_madvise,
	.fallocate = fake_op_fallocate,
};

/* ---- the fake as a whole ---- */

struct fake_kvm *fake_kvm_new(void)
{
	struct fake_kvm *fake = calloc(1, sizeof(*fake));

	if (fake == NULL)
		abort();
	pthread_mutex_init(&fake->lock, NULL);
	pthread_cond_init(&fake->changed, NULL);
	fake->platform.ops = &operations;
	fake->platform.context = fake;
	fake->api_version = KVM_API_VERSION;
	fake->cpuid_count = 48;
	return fake;
}

void fake_kvm_free(struct fake_kvm *fake)
{
	for (size_t i = 0; i < fake->fd_count; i++)
		if (fake->fds[i].file != NULL)
			file_put(fake, fake->fds[i].file);
	maps_free(fake);
	fake_forget_memory(fake, 0, UINTPTR_MAX);
	while (fake->extensions != NULL) {
		struct fake_extension *next = fake->extensions->next;

		free(fake->extensions);
		fake->extensions = next;
	}
	free(fake->fds);
	text_free(&fake->transcript);
	text_free(&fake->events);
	text_free(&fake->faults);
	text_free(&fake->leftovers);
	pthread_cond_destroy(&fake->changed);
	pthread_mutex_destroy(&fake->lock);
	free(fake);
}

const struct coco_platform *fake_kvm_platform(struct fake_kvm *fake)
{
	return &fake->platform;
}

unsigned fake_kvm_count(struct fake_kvm *fake, const char *call)
{
	unsigned count = 0;

	pthread_mutex_lock(&fake->lock);
	for (size_t i = 0; i < sizeof(fake->counters) / sizeof(fake->counters[0]); i++) {
		const struct fake_counter *counter = &fake->counters[i];

		if (counter->call != NULL && (call == NULL || strcmp(counter->call, call) == 0))
			count += counter->count;
	}
	pthread_mutex_unlock(&fake->lock);
	return count;
}

void fake_kvm_fail(struct fake_kvm *fake, const char *call, unsigned nth, int error, bool sticky)
{
	pthread_mutex_lock(&fake->lock);
	memset(&fake->fault, 0, sizeof(fake->fault));
	fake->fault.armed = true;
	fake->fault.sticky = sticky;
	fake->fault.left = nth;
	fake->fault.error = error;
	if (call != NULL)
		snprintf(fake->fault.call, sizeof(fake->fault.call), "%s", call);
	pthread_mutex_unlock(&fake->lock);
}

void fake_kvm_fail_clear(struct fake_kvm *fake)
{
	pthread_mutex_lock(&fake->lock);
	fake->fault.armed = false;
	pthread_mutex_unlock(&fake->lock);
}

void fake_kvm_hold(struct fake_kvm *fake, const char *call)
{
	pthread_mutex_lock(&fake->lock);
	fake->hold = call;
	pthread_mutex_unlock(&fake->lock);
}

void fake_kvm_await_held(struct fake_kvm *fake)
{
	pthread_mutex_lock(&fake->lock);
	while (!fake->held)
		pthread_cond_wait(&fake->changed, &fake->lock);
	pthread_mutex_unlock(&fake->lock);
}

void fake_kvm_release(struct fake_kvm *fake)
{
	pthread_mutex_lock(&fake->lock);
	fake->hold = NULL;
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->lock);
}

const char *fake_kvm_failed_call(struct fake_kvm *fake)
{
	return fake->fault.hit;
}
