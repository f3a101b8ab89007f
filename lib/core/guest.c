/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Making a guest, freeing it, and what it tells of itself. */
#define _GNU_SOURCE /* sigaction, pthread_condattr_setclock */

#include "core/guest.h"

#include "base/error.h"
#include "base/options.h"
#include "base/range.h"
#include "core/cpuid.h"
#include "core/incarnation.h"
#include "core/memory.h"
#include "core/power_on.h"
#include "core/state.h"
#include "kvm/uapi.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define DEFAULT_PARK_TIMEOUT_MS 5000
/* Measured: docs/architecture.md. */
#define DEFAULT_CONVERT_FIRST 0x200000u
#define DEFAULT_CONVERT_MAX   0x1000000u
#define MAX_IOAPIC_PINS       4096 /* KVM_MAX_IRQ_ROUTES */

static bool power_of_two_pages(uint64_t size)
{
	return size >= COCO_PAGE_SIZE && size <= COCO_GPA_END && !(size & (size - 1));
}

static int check_kick(const struct coco_guest_options *options, struct coco_error *error)
{
	struct sigaction action;

	if (!options->kick_signal == !options->kick)
		return coco_fail_field(error, -EINVAL, "kick_signal",
				       "set either kick_signal or kick: without one of them no "
				       "vCPU can be brought to rest");
	if (options->kick)
		return 0;
	if (sigaction(options->kick_signal, NULL, &action))
		return coco_fail_field(error, -EINVAL, "kick_signal", "%" PRId32 " is no signal",
				       options->kick_signal);
	if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
		return coco_fail_field(error, -EINVAL, "kick_signal",
				       "signal %" PRId32
				       " has no handler: install one (it may be empty) first",
				       options->kick_signal);
	if (action.sa_flags & SA_RESTART)
		return coco_fail_field(error, -EINVAL, "kick_signal",
				       "the handler of signal %" PRId32
				       " has SA_RESTART, so KVM_RUN would not return",
				       options->kick_signal);
	return 0;
}

static int check_convert(struct coco_guest_options *options, struct coco_error *error)
{
	if (!options->convert_first)
		options->convert_first = DEFAULT_CONVERT_FIRST;
	if (!options->convert_max)
		options->convert_max = coco_max(DEFAULT_CONVERT_MAX, options->convert_first);
	if (!power_of_two_pages(options->convert_first))
		return coco_fail_field(error, -EINVAL, "convert_first",
				       "0x%" PRIx64 " is not a power of two of at least a page",
				       options->convert_first);
	if (!power_of_two_pages(options->convert_max) ||
	    options->convert_max < options->convert_first)
		return coco_fail_field(error, -EINVAL, "convert_max",
				       "0x%" PRIx64
				       " is not a power of two of at least convert_first",
				       options->convert_max);
	return 0;
}

static int check_tech(struct coco_host *host, const struct coco_guest_options *options,
		      struct coco_error *error)
{
	struct coco_tech_info info;
	int r;

	COCO_INIT(&info);
	r = coco_host_probe(host, options->tech, &info, error);
	if (r)
		return r;
	if (!info.launchable)
		return coco_fail_field(error, -EOPNOTSUPP, "tech", "%s: %s",
				       coco_tech_name(options->tech), info.reason);
	if (!options->vcpus || options->vcpus > info.max_vcpus)
		return coco_fail_field(error, -EINVAL, "vcpus",
				       "%" PRIu32 " vCPUs: this host runs 1 to %" PRIu32
				       " in a guest",
				       options->vcpus, info.max_vcpus);
	return 0;
}

static int check_options(struct coco_host *host, struct coco_guest_options *options,
			 struct coco_error *error)
{
	int r = check_tech(host, options, error);

	if (r)
		return r;
	if (!options->image)
		return coco_fail_field(error, -EINVAL, "image", "there is no launch image");
	if (options->irqchip > COCO_IRQCHIP_FULL)
		return coco_fail_field(error, -EINVAL, "irqchip", "%" PRIu32 " is no irqchip",
				       options->irqchip);
	if (options->ioapic_pins > MAX_IOAPIC_PINS ||
	    (options->ioapic_pins && options->irqchip != COCO_IRQCHIP_SPLIT))
		return coco_fail_field(error, -EINVAL, "ioapic_pins",
				       "%" PRIu32
				       " pins: at most %d, and only with a split irqchip",
				       options->ioapic_pins, MAX_IOAPIC_PINS);
	if (options->flags & ~(uint32_t)COCO_GUEST_EAGER_PRIVATE)
		return coco_fail_field(error, -EINVAL, "flags", "unknown flags 0x%" PRIx32,
				       options->flags);
	if (options->reserved0)
		return coco_fail_field(error, -EINVAL, "reserved0", "reserved0 is not 0");
	r = check_kick(options, error);
	if (!r)
		r = check_convert(options, error);
	return r;
}

static int init_locks(struct coco_guest *guest)
{
	pthread_condattr_t attributes;

	if (pthread_condattr_init(&attributes))
		return -ENOMEM;
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&guest->changed, &attributes);
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
}

static int init_recipe(struct coco_guest *guest, const struct coco_guest_options *options,
		       struct coco_error *error)
{
	struct coco_recipe *recipe = &guest->recipe;
	int r;

	recipe->backend = coco_backend_find(options->tech);
	recipe->irqchip = options->irqchip;
	recipe->ioapic_pins = options->ioapic_pins;
	recipe->flags = options->flags;
	r = coco_cpuid_new(guest->seam, options->cpuid, &recipe->cpuid, error);
	if (r)
		return r;
	recipe->gpa_end = coco_cpuid_gpa_end(recipe->cpuid);
	recipe->image = coco_image_ref(options->image);
	coco_image_use(recipe->image);

	guest->vcpus = calloc(options->vcpus, sizeof(*guest->vcpus));
	if (!guest->vcpus)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	recipe->vcpus = options->vcpus;
	for (uint32_t i = 0; i < recipe->vcpus; i++)
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
	guest->trace = options->trace;
	guest->trace_payload = options->trace_payload;
}

static void free_guest(struct coco_guest *guest)
{
	release_handles(guest);
	unmap_scratch(guest);
	coco_memory_release(guest);
	coco_power_on_free(guest->recipe.power_on);
	coco_image_unref(guest->recipe.image);
	free(guest->recipe.cpuid);
	free(guest->vcpus);
	pthread_cond_destroy(&guest->changed);
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
		r = check_options(host, &given, error);
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

	r = init_recipe(guest, &given, error);
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
	if (coco_incarnation_retire(guest, guest->incarnation, NULL))
		coco_incarnation_abandon(guest, guest->incarnation);
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
	pthread_mutex_unlock(&guest->lock);

	pthread_mutex_lock(&guest->memory_lock);
	result.private_bytes = guest->private_bytes;
	result.conversions = guest->conversions;
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
