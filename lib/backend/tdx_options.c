/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/tdx.h"

#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* TD_PARAMS has the frequency in units of 25 MHz, from 4 to 400 (TDX module ABI). */
#define TSC_UNIT_KHZ 25000u
#define TSC_MIN_KHZ  100000u
#define TSC_MAX_KHZ  10000000u

static int check_plain(const struct coco_tdx_options *options, struct coco_error *error)
{
	if (options->reserved0)
		return coco_fail_field(error, -EINVAL, "tech_options.reserved0",
				       "reserved0 is not 0");
	if (options->pending_ve > 1)
		return coco_fail_field(error, -EINVAL, "tech_options.pending_ve",
				       "%" PRIu32 " is neither 0 nor 1", options->pending_ve);
	if (options->pending_ve && options->attributes & COCO_TDX_ATTRIBUTE_SEPT_VE_DISABLE)
		return coco_fail_field(error, -EINVAL, "tech_options.pending_ve",
				       "pending_ve and the attribute SEPT_VE_DISABLE exclude each "
				       "other");
	if (options->gpaw && options->gpaw != 48 && options->gpaw != 52)
		return coco_fail_field(error, -EINVAL, "tech_options.gpaw",
				       "addresses of TDX guests have 48 or 52 bits, not %" PRIu32,
				       options->gpaw);
	if (options->tsc_khz && (options->tsc_khz % TSC_UNIT_KHZ ||
				 options->tsc_khz < TSC_MIN_KHZ || options->tsc_khz > TSC_MAX_KHZ))
		return coco_fail_field(error, -EINVAL, "tech_options.tsc_khz",
				       "%" PRIu32 " kHz is not a multiple of %u from %u to %u",
				       options->tsc_khz, TSC_UNIT_KHZ, TSC_MIN_KHZ, TSC_MAX_KHZ);
	return 0;
}

static int check_bits(uint64_t bits, uint64_t offered, const char *field, struct coco_error *error)
{
	if (bits & ~offered)
		return coco_fail_field(error, -EINVAL, field,
				       "this host's kernel and TDX module don't let a VMM choose "
				       "0x%" PRIx64 " of 0x%" PRIx64 ", only 0x%" PRIx64,
				       bits & ~offered, bits, offered);
	return 0;
}

static int check_offered(struct coco_tdx_config *config, struct coco_error *error)
{
	const struct uapi_tdx_capabilities *capabilities = config->capabilities;
	struct coco_tdx_options *options = &config->options;
	int r;

	if (!options->pending_ve)
		options->attributes |= COCO_TDX_ATTRIBUTE_SEPT_VE_DISABLE;
	if (!options->xfam)
		options->xfam = capabilities->supported_xfam;
	r = check_bits(options->attributes, capabilities->supported_attrs,
		       "tech_options.attributes", error);
	if (!r)
		r = check_bits(options->xfam, capabilities->supported_xfam, "tech_options.xfam",
			       error);
	return r;
}

int coco_tdx_configure(struct coco_seam *seam, const void *given, void **out,
		       struct coco_error *error)
{
	struct coco_tdx_config *config = calloc(1, sizeof(*config));
	int r = 0;

	if (!config)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	if (given)
		r = coco_options_read(&config->options, sizeof(config->options), given,
				      COCO_END_OF(struct coco_tdx_options, attributes),
				      "tech_options", error);
	if (!r)
		r = check_plain(&config->options, error);
	if (!r)
		r = coco_tdx_ask(seam, &config->capabilities, NULL, error);
	if (!r)
		r = check_offered(config, error);
	if (r) {
		coco_tdx_free_config(config);
		return r;
	}
	config->kernel_calls[0] = config->capabilities->kernel_tdvmcallinfo_1_r11;
	config->kernel_calls[1] = config->capabilities->kernel_tdvmcallinfo_1_r12;
	config->user_calls[0] = config->capabilities->user_tdvmcallinfo_1_r11;
	config->user_calls[1] = config->capabilities->user_tdvmcallinfo_1_r12;
	*out = config;
	return 0;
}

void coco_tdx_free_config(void *given)
{
	struct coco_tdx_config *config = given;

	if (!config)
		return;
	free(config->capabilities);
	free(config->init);
	free(config);
}
