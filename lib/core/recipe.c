/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Guest options, and what a recipe takes from them. */
#define _GNU_SOURCE /* sigaction */

#include "core/recipe.h"

#include "base/error.h"
#include "base/options.h"
#include "base/range.h"
#include "core/cpuid.h"
#include "core/power_on.h"
#include "core/source.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

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

	if (options->flags & COCO_GUEST_OWN_LOOP)
		return 0;
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

static int check_irqchip(const struct coco_guest_options *options, struct coco_error *error)
{
	static const char *const names[] = {
		[COCO_IRQCHIP_NONE] = "COCO_IRQCHIP_NONE",
		[COCO_IRQCHIP_SPLIT] = "COCO_IRQCHIP_SPLIT",
		[COCO_IRQCHIP_FULL] = "COCO_IRQCHIP_FULL",
	};
	const struct coco_backend *backend = coco_backend_find(options->tech);

	if (options->irqchip > COCO_IRQCHIP_FULL)
		return coco_fail_field(error, -EINVAL, "irqchip", "%" PRIu32 " is no irqchip",
				       options->irqchip);
	if (backend->irqchips && !(backend->irqchips & 1u << options->irqchip))
		return coco_fail_field(error, -EINVAL, "irqchip",
				       "%s guests can't have %s: see enum coco_irqchip",
				       backend->name, names[options->irqchip]);
	if (options->ioapic_pins > MAX_IOAPIC_PINS ||
	    (options->ioapic_pins && options->irqchip != COCO_IRQCHIP_SPLIT))
		return coco_fail_field(error, -EINVAL, "ioapic_pins",
				       "%" PRIu32
				       " pins: at most %d, and only with a split irqchip",
				       options->ioapic_pins, MAX_IOAPIC_PINS);
	return 0;
}

int coco_recipe_check_options(struct coco_host *host, struct coco_guest_options *options,
			      struct coco_error *error)
{
	int r = check_tech(host, options, error);

	if (r)
		return r;
	if (!options->image)
		return coco_fail_field(error, -EINVAL, "image", "there is no launch image");
	r = check_irqchip(options, error);
	if (r)
		return r;
	if (options->flags & ~(uint32_t)(COCO_GUEST_EAGER_PRIVATE | COCO_GUEST_OWN_LOOP))
		return coco_fail_field(error, -EINVAL, "flags", "unknown flags 0x%" PRIx32,
				       options->flags);
	if (options->reserved0)
		return coco_fail_field(error, -EINVAL, "reserved0", "reserved0 is not 0");
	r = check_kick(options, error);
	if (!r)
		r = check_convert(options, error);
	return r;
}

static int configure(struct coco_recipe *recipe, struct coco_seam *seam, const void *options,
		     struct coco_error *error)
{
	const struct coco_backend *backend = recipe->backend;

	if (backend->configure)
		return backend->configure(seam, options, &recipe->config, error);
	if (options)
		return coco_fail_field(error, -EINVAL, "tech_options",
				       "%s guests have no options of their own", backend->name);
	return 0;
}

static int take_requests(struct coco_recipe *recipe, const struct coco_requests *given,
			 struct coco_error *error)
{
	if (!given)
		return 0;
	return coco_options_read(&recipe->requests, sizeof(recipe->requests), given,
				 COCO_END_OF(struct coco_requests, payload), "requests", error);
}

int coco_recipe_init(struct coco_recipe *recipe, struct coco_seam *seam,
		     const struct coco_guest_options *options, struct coco_error *error)
{
	int r;

	recipe->backend = coco_backend_find(options->tech);
	recipe->irqchip = options->irqchip;
	recipe->ioapic_pins = options->ioapic_pins;
	recipe->flags = options->flags;
	r = take_requests(recipe, options->requests, error);
	if (!r)
		r = configure(recipe, seam, options->tech_options, error);
	if (!r)
		r = coco_cpuid_new(seam, options->cpuid, &recipe->cpuid, error);
	if (r)
		return r;
	recipe->gpa_end = coco_cpuid_gpa_end(recipe->cpuid);
	if (recipe->backend->configure_cpuid)
		r = recipe->backend->configure_cpuid(recipe->config, recipe->cpuid,
						     &recipe->gpa_end, error);
	if (r)
		return r;
	r = coco_source_new(options->image, &recipe->own_source, error);
	if (!r)
		recipe->source = coco_source_ref(recipe->own_source);
	return r;
}

void coco_recipe_release(struct coco_recipe *recipe)
{
	coco_power_on_free(recipe->power_on);
	coco_source_unref(recipe->source);
	coco_source_unref(recipe->own_source);
	if (recipe->config)
		recipe->backend->free_config(recipe->config);
	free(recipe->cpuid);
}
