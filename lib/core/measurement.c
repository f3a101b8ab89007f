/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/measurement.h"

#include "base/error.h"
#include "base/options.h"
#include "core/source.h"
#include "core/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct coco_launch coco_measurement_launch(const struct coco_guest *guest,
					   const struct coco_source *source)
{
	const struct coco_recipe *recipe = &guest->recipe;

	return (struct coco_launch){
		.seam = guest->seam,
		.vcpus = recipe->vcpus,
		.gpa_end = recipe->gpa_end,
		.image = source->image,
		.cpuid = recipe->cpuid,
		.config = recipe->config,
		.requests = &recipe->requests,
		.digest = source->digest,
	};
}

static int predict_once(struct coco_guest *guest, struct coco_source *source,
			struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;
	const struct coco_launch launch = coco_measurement_launch(guest, source);
	struct coco_digest *digest;
	int r;

	if (!backend->predict || source->digest)
		return 0;
	r = backend->predict(&launch, 0, &digest, error);
	if (r)
		return r;
	pthread_mutex_lock(&guest->lock);
	source->digest = digest;
	pthread_mutex_unlock(&guest->lock);
	return 0;
}

int coco_measurement_predict(struct coco_guest *guest, struct coco_source *source,
			     struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;
	struct coco_launch launch;
	int r = predict_once(guest, source, error);

	if (r || !backend->check)
		return r;
	launch = coco_measurement_launch(guest, source);
	return backend->check(&launch, error);
}

static int predicts_nothing(const struct coco_guest *guest, struct coco_error *error)
{
	return coco_fail(error, -ENODATA, COCO_STAGE_ARGUMENT,
			 "the launch of %s guests is not measured", guest->recipe.backend->name);
}

int coco_guest_predict(struct coco_guest *guest, uint32_t flags, struct coco_digest **out,
		       struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;
	struct coco_source *source;
	struct coco_launch launch;
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	if (flags & ~(uint32_t)COCO_MEASURE_STEPS)
		return coco_fail_field(error, -EINVAL, "flags",
				       "0x%" PRIx32 ": only COCO_MEASURE_STEPS can be chosen, the "
				       "rest is the guest's",
				       flags);
	if (!backend->predict)
		return predicts_nothing(guest, error);
	pthread_mutex_lock(&guest->lock);
	source = coco_source_ref(coco_source_next(guest));
	launch = coco_measurement_launch(guest, source);
	pthread_mutex_unlock(&guest->lock);
	r = backend->predict(&launch, flags, out, error);
	coco_source_unref(source);
	return r;
}

/* Is there an incarnation to tell of? With the lock held. */
static int check_alive(const struct coco_guest *guest, const char *call, struct coco_error *error)
{
	if (coco_state_has_vm(guest))
		return 0;
	return coco_fail_field(error, -EBUSY, "state", "%s: not while the guest is %s", call,
			       coco_state_name(guest->state));
}

static int give(const void *bytes, size_t have, void *out, size_t *size, const char *what,
		struct coco_error *error)
{
	if (*size < have)
		return coco_fail_field(error, -EINVAL, "size",
				       "the %s has %zu bytes, there is room for %zu", what, have,
				       *size);
	memcpy(out, bytes, have);
	*size = have;
	return 0;
}

static int check_out(const void *out, const size_t *size, struct coco_error *error)
{
	if (out && size)
		return 0;
	return coco_fail_field(error, -EINVAL, out ? "size" : "out", "%s is NULL",
			       out ? "size" : "out");
}

/* With the lock held. */
static int give_digest(const struct coco_guest *guest, const char *call, void *out, size_t *size,
		       struct coco_error *error)
{
	int r = check_alive(guest, call, error);
	const unsigned char *bytes;
	size_t have;

	if (r)
		return r;
	if (!guest->incarnation->source->digest)
		return predicts_nothing(guest, error);
	bytes = coco_digest_bytes(guest->incarnation->source->digest, &have);
	return give(bytes, have, out, size, "launch digest", error);
}

int coco_guest_get_digest(struct coco_guest *guest, void *out, size_t *size,
			  struct coco_error *error)
{
	int r = check_out(out, size, error);

	if (r)
		return r;
	pthread_mutex_lock(&guest->lock);
	r = give_digest(guest, "coco_guest_get_digest", out, size, error);
	pthread_mutex_unlock(&guest->lock);
	return r;
}

int coco_guest_get_launch_measure(struct coco_guest *guest, void *out, size_t *size,
				  struct coco_error *error)
{
	const struct coco_launch_result *result;
	int r = check_out(out, size, error);

	if (r)
		return r;
	pthread_mutex_lock(&guest->lock);
	r = check_alive(guest, "coco_guest_get_launch_measure", error);
	if (!r) {
		result = &guest->incarnation->result;
		r = result->measure_size
			    ? give(result->measure, result->measure_size, out, size,
				   "launch measurement", error)
			    : coco_fail(error, -ENODATA, COCO_STAGE_ARGUMENT,
					"the launch of %s guests ends without a measurement for "
					"the host",
					guest->recipe.backend->name);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
}

static void write_hex(const uint8_t *bytes, size_t size, char *out)
{
	for (size_t i = 0; i < size; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* The digest of the current incarnation is `bytes`: where does what was measured part from it? */
static int find_difference(struct coco_guest *guest, const uint8_t *bytes, size_t size,
			   const struct coco_digest *measured, struct coco_difference *out,
			   struct coco_error *error)
{
	char hex[2 * COCO_DIGEST_MAX_SIZE + 1];
	struct coco_digest *predicted = NULL;
	int r = 0;

	COCO_INIT(out);
	/* Steps are not kept at launch: they cost time that only this case has a use for. */
	if (coco_digest_step_count(measured))
		r = coco_guest_predict(guest, COCO_MEASURE_STEPS, &predicted, error);
	/* Another image may be in the recipe by now. */
	if (!r && predicted && !memcmp(coco_digest_bytes(predicted, NULL), bytes, size))
		r = coco_digest_diff(predicted, measured, out, error);
	if (!r && out->kind == COCO_DIFFERENCE_NONE) {
		out->kind = COCO_DIFFERENCE_UNKNOWN;
		write_hex(bytes, size, hex);
		snprintf(out->text, sizeof(out->text),
			 "%s was predicted, and there are no steps to compare", hex);
	}
	coco_digest_free(predicted);
	return r;
}

int coco_guest_verify_digest(struct coco_guest *guest, const struct coco_digest *measured,
			     struct coco_difference *difference, struct coco_error *error)
{
	struct coco_difference found = {.text = "the digests are equal"};
	uint8_t bytes[COCO_DIGEST_MAX_SIZE] = {0};
	size_t size = sizeof(bytes);
	int r;

	if (!measured)
		return coco_fail_field(error, -EINVAL, "measured", "measured is NULL");
	pthread_mutex_lock(&guest->lock);
	r = give_digest(guest, "coco_guest_verify_digest", bytes, &size, error);
	pthread_mutex_unlock(&guest->lock);
	if (r)
		return r;
	if (coco_digest_tech(measured) != guest->recipe.backend->tech)
		return coco_fail_field(error, -EINVAL, "measured",
				       "a measurement of a %s guest, and this one is %s",
				       coco_tech_name(coco_digest_tech(measured)),
				       guest->recipe.backend->name);
	if (memcmp(coco_digest_bytes(measured, NULL), bytes, size) != 0)
		r = find_difference(guest, bytes, size, measured, &found, error);
	if (!r && difference)
		r = coco_result_write(difference, &found, sizeof(found),
				      COCO_END_OF(struct coco_difference, kind), "difference",
				      error);
	if (!r && found.kind != COCO_DIFFERENCE_NONE)
		r = coco_fail_field(error, -EBADMSG, "measured",
				    "the platform did not measure what was predicted (\"the "
				    "second\" is the platform): %s",
				    found.text);
	return r;
}
