/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Making a guest, freeing it, and what it tells of itself. */
#define _GNU_SOURCE /* pthread_condattr_setclock */

#include "core/guest.h"

#include "base/error.h"
#include "base/options.h"
#include "core/child.h"
#include "core/incarnation.h"
#include "core/listener.h"
#include "core/memory.h"
#include "core/recipe.h"
#include "core/retire.h"
#include "core/source.h"
#include "core/state.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define DEFAULT_PARK_TIMEOUT_MS 5000
#define DEFAULT_MAX_RETIRING    2

static int init_locks(struct coco_guest *guest)
{
	pthread_condattr_t attributes;

	if (pthread_condattr_init(&attributes))
		return -ENOMEM;
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&guest->changed, &attributes);
	pthread_cond_init(&guest->retire_work, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&guest->lock, NULL);
	pthread_mutex_init(&guest->memory_lock, NULL);
	return 0;
}

static int reserve_handles(struct coco_guest *guest, struct coco_error *error)
{
	int r = coco_seam_reserve_number(guest->seam, &guest->number, error);

	for (uint32_t i = 0; !r && i < guest->recipe.vcpus; i++) {
		struct coco_vcpu *vcpu = &guest->vcpus[i];
		void *run;

		r = coco_seam_reserve_number(guest->seam, &vcpu->number, error);
		if (!r)
			r = coco_seam_map_memory(guest->seam, guest->seam->run_size, PROT_NONE,
						 &run, error);
		if (!r)
			vcpu->run = run;
	}
	return r;
}

static int map_scratch(struct coco_guest *guest, struct coco_error *error)
{
	const size_t size = guest->recipe.backend->scratch_size;

	if (!size)
		return 0;
	return coco_seam_map_memory(guest->seam, size, PROT_READ | PROT_WRITE, &guest->scratch,
				    error);
}

static void unmap_scratch(struct coco_guest *guest)
{
	if (guest->scratch)
		coco_seam_unmap(guest->seam, guest->scratch, guest->recipe.backend->scratch_size);
}

static void release_handles(struct coco_guest *guest)
{
	coco_children_release(guest);
	for (uint32_t i = 0; guest->vcpus && i < guest->recipe.vcpus; i++) {
		struct coco_vcpu *vcpu = &guest->vcpus[i];

		if (vcpu->run)
			coco_seam_unmap(guest->seam, vcpu->run, guest->seam->run_size);
		if (vcpu->number >= 0)
			coco_seam_release_number(guest->seam, vcpu->number);
	}
	if (guest->number >= 0)
		coco_seam_release_number(guest->seam, guest->number);
}

static void init_vcpu(struct coco_guest *guest, uint32_t index)
{
	struct coco_vcpu *vcpu = &guest->vcpus[index];

	vcpu->guest = guest;
	vcpu->index = index;
	vcpu->number = -1;
	atomic_init(&vcpu->place, COCO_VCPU_AWAY);
	atomic_init(&vcpu->attention, COCO_ATTENTION_HOLD);
	coco_journal_init(&vcpu->journal, COCO_SCOPE_VCPU, guest->seam);
}

static int make_vcpus(struct coco_guest *guest, uint32_t count, struct coco_error *error)
{
	guest->vcpus = calloc(count, sizeof(*guest->vcpus));
	if (!guest->vcpus)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	guest->recipe.vcpus = count;
	for (uint32_t i = 0; i < count; i++)
		init_vcpu(guest, i);
	return 0;
}

static void init_callbacks(struct coco_guest *guest, const struct coco_guest_options *options)
{
	guest->park_timeout_ms =
		options->park_timeout_ms ? options->park_timeout_ms : DEFAULT_PARK_TIMEOUT_MS;
	guest->kick_signal = options->kick_signal;
	guest->kick = options->kick;
	guest->kick_payload = options->kick_payload;
	guest->converted = options->converted;
	guest->convert_payload = options->convert_payload;
	guest->convert_first = options->convert_first;
	guest->convert_max = options->convert_max;
	guest->strategy =
		options->strategy ? options->strategy : (uint32_t)COCO_STRATEGY_SEQUENTIAL;
	guest->retire_wanted = options->retire;
	guest->retire_payload = options->retire_payload;
	guest->max_retiring = options->max_retiring ? options->max_retiring : DEFAULT_MAX_RETIRING;
	guest->max_retiring_bytes =
		options->max_retiring_bytes ? options->max_retiring_bytes : UINT64_MAX;
	guest->not_replayed = options->not_replayed;
	guest->not_replayed_payload = options->not_replayed_payload;
	guest->trace = options->trace;
	guest->trace_payload = options->trace_payload;
}

static void free_guest(struct coco_guest *guest)
{
	release_handles(guest);
	unmap_scratch(guest);
	coco_memory_release(guest);
	coco_source_unref(guest->staged);
	coco_recipe_release(&guest->recipe);
	coco_journal_release(&guest->journal);
	coco_listeners_release(guest);
	for (uint32_t i = 0; guest->vcpus && i < guest->recipe.vcpus; i++)
		coco_journal_release(&guest->vcpus[i].journal);
	free(guest->vcpus);
	pthread_cond_destroy(&guest->changed);
	pthread_cond_destroy(&guest->retire_work);
	pthread_mutex_destroy(&guest->lock);
	pthread_mutex_destroy(&guest->memory_lock);
	coco_host_close(guest->host);
	free(guest);
}

int coco_guest_new(struct coco_host *host, const struct coco_guest_options *options,
		   struct coco_guest **out, struct coco_error *error)
{
	struct coco_guest_options given;
	struct coco_guest *guest;
	int r;

	if (!host || !out)
		return coco_fail_field(error, -EINVAL, host ? "out" : "host", "%s is NULL",
				       host ? "out" : "host");
	r = coco_options_read(&given, sizeof(given), options,
			      COCO_END_OF(struct coco_guest_options, image), "options", error);
	if (!r)
		r = coco_recipe_check_options(host, &given, error);
	if (r)
		return r;
	guest = calloc(1, sizeof(*guest));
	if (!guest || init_locks(guest)) {
		free(guest);
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	}
	guest->host = coco_host_ref(host);
	guest->seam = &host->seam;
	guest->number = -1;
	guest->state = COCO_STATE_CONFIGURED;
	init_callbacks(guest, &given);
	coco_journal_init(&guest->journal, COCO_SCOPE_VM, guest->seam);

	r = coco_recipe_init(&guest->recipe, guest->seam, &given, error);
	if (!r)
		r = make_vcpus(guest, given.vcpus, error);
	if (!r)
		r = reserve_handles(guest, error);
	if (!r)
		r = map_scratch(guest, error);
	if (r)
		free_guest(guest);
	else
		*out = guest;
	return r;
}

void coco_guest_free(struct coco_guest *guest)
{
	if (!guest)
		return;
	coco_retire_stop(guest);
	coco_retire_rest(guest);
	free_guest(guest);
}

int coco_guest_hand_over_fd(struct coco_guest *guest, uint32_t kind, int fd, const char *holder,
			    struct coco_error *error)
{
	int r;

	if (kind != COCO_FD_DEVICE && kind != COCO_FD_STATS)
		return coco_fail_field(error, -EINVAL, "kind", "%" PRIu32 " is no kind", kind);
	if (fd < 0)
		return coco_fail_field(error, -EINVAL, "fd", "%d is no descriptor", fd);
	if (!holder)
		return coco_fail_field(error, -EINVAL, "holder", "holder is NULL");
	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_hand_over_fd, error);
	if (!r) {
		r = coco_incarnation_take_fd(guest, guest->incarnation,
					     kind == COCO_FD_DEVICE ? COCO_OBJECT_DEVICE
								    : COCO_OBJECT_STATS,
					     fd, holder, error);
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
}

static void count_object(void *payload, const struct coco_kvm_object *object)
{
	uint32_t *count = payload;

	(void)object;
	(*count)++;
}

/* In the states where there is an incarnation that nobody changes. With the lock held. */
static void tell_measurement(const struct coco_guest *guest, struct coco_guest_info *info)
{
	const struct coco_incarnation *incarnation;
	const uint8_t *bytes;
	size_t size;

	if (!coco_state_has_vm(guest))
		return;
	incarnation = guest->incarnation;
	if (incarnation->source->digest) {
		bytes = coco_digest_bytes(incarnation->source->digest, &size);
		info->digest_size = (uint32_t)size;
		memcpy(info->digest, bytes, size);
	}
	if (incarnation->result.measure_size > sizeof(info->launch_measure))
		return;
	info->launch_measure_size = (uint32_t)incarnation->result.measure_size;
	memcpy(info->launch_measure, incarnation->result.measure, incarnation->result.measure_size);
}

int coco_guest_get_info(struct coco_guest *guest, struct coco_guest_info *info,
			struct coco_error *error)
{
	struct coco_guest_info result = {0};

	pthread_mutex_lock(&guest->lock);
	result.state = guest->state;
	result.tech = guest->recipe.backend->tech;
	result.generation = atomic_load(&guest->generation);
	result.vcpus = guest->recipe.vcpus;
	for (uint32_t i = 0; i < guest->recipe.region_count; i++)
		result.memory_bytes += guest->recipe.regions[i].size;
	result.total_ns = guest->last.total_ns;
	static_assert(sizeof(result.phase_ns) == sizeof(guest->last.phase_ns), "same phases");
	memcpy(result.phase_ns, guest->last.phase_ns, sizeof(result.phase_ns));
	result.strategy = guest->last_attempt.strategy;
	result.not_replayed = guest->not_replayed_count;
	result.retiring = guest->retiring_count;
	result.retiring_bytes = guest->retiring_bytes;
	if (guest->staged)
		result.staged = guest->staged->staged;
	if (guest->staged)
		memcpy(result.staged_name, guest->staged->name, sizeof(result.staged_name));
	result.fallback_code = guest->last_attempt.fallback.code;
	snprintf(result.fallback, sizeof(result.fallback), "%.*s", (int)sizeof(result.fallback) - 1,
		 guest->last_attempt.fallback.text);
	tell_measurement(guest, &result);
	pthread_mutex_unlock(&guest->lock);

	pthread_mutex_lock(&guest->memory_lock);
	if (guest->incarnation) {
		result.running = guest->incarnation->source->staged;
		memcpy(result.running_name, guest->incarnation->source->name,
		       sizeof(result.running_name));
		result.private_bytes = guest->incarnation->private_bytes;
		result.conversions = guest->incarnation->conversions;
	}
	pthread_mutex_unlock(&guest->memory_lock);

	coco_ledger_each(&guest->seam->ledger, guest, count_object, &result.open_objects);
	return coco_result_write(info, &result, sizeof(result),
				 COCO_END_OF(struct coco_guest_info, state), "info", error);
}

struct object_listener {
	coco_object_fn fn;
	void *payload;
};

static void list_object(void *payload, const struct coco_kvm_object *object)
{
	const struct object_listener *listener = payload;
	const struct coco_object told = {
		.kind = coco_object_kind_name(object->kind),
		.holder = object->holder.name,
		.fd = object->fd,
		.generation = object->holder.generation,
	};

	listener->fn(listener->payload, &told);
}

void coco_guest_list_objects(struct coco_guest *guest, coco_object_fn fn, void *payload)
{
	struct object_listener listener = {.fn = fn, .payload = payload};

	coco_ledger_each(&guest->seam->ledger, guest, list_object, &listener);
}

int coco_guest_vm_fd(const struct coco_guest *guest)
{
	return guest->number;
}

uint64_t coco_guest_generation(const struct coco_guest *guest)
{
	return atomic_load(&guest->generation);
}
