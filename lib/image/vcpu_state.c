/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The registers that an image gives its vCPUs. */
#include "image/image.h"

#include "base/error.h"
#include "base/options.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static int check_state(const struct coco_image *image, const struct coco_image_vcpu *state,
		       struct coco_error *error)
{
	if (state->vcpu >= COCO_IMAGE_MAX_VCPUS)
		return coco_fail_field(error, -EINVAL, "vcpu",
				       "vCPU %" PRIu32 ": an image has states of vCPUs below %u",
				       state->vcpu, COCO_IMAGE_MAX_VCPUS);
	if (state->format != COCO_VCPU_STATE_VMSA && state->format != COCO_VCPU_STATE_NATIVE)
		return coco_fail_field(error, -EINVAL, "format",
				       "%" PRIu32 " is no format of vCPU states", state->format);
	if (image->state_count && image->states[0].format != state->format)
		return coco_fail_field(error, -EINVAL, "format",
				       "the image has vCPU states of another format already");
	if (state->format == COCO_VCPU_STATE_VMSA
		    ? !coco_page_range_valid(state->gpa, COCO_PAGE_SIZE)
		    : state->gpa != 0)
		return coco_fail_field(error, -EINVAL, "gpa",
				       "vCPU %" PRIu32 "'s state can't be at 0x%" PRIx64,
				       state->vcpu, state->gpa);
	if (coco_image_find_vcpu(image, state->vcpu))
		return coco_fail_field(error, -EEXIST, "vcpu",
				       "the image has a state of vCPU %" PRIu32 " already",
				       state->vcpu);
	return 0;
}

static int grow_states(struct coco_image *image, struct coco_error *error)
{
	const uint32_t capacity = image->state_capacity ? image->state_capacity * 2 : 8;
	struct coco_image_vcpu *states;

	if (image->state_count < image->state_capacity)
		return 0;
	states = realloc(image->states, capacity * sizeof(*states));
	if (!states)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	image->states = states;
	image->state_capacity = capacity;
	return 0;
}

static int grow_index(struct coco_image *image, uint32_t vcpu, struct coco_error *error)
{
	uint32_t size = image->state_of_size ? image->state_of_size : 8;
	uint32_t *index;

	while (size <= vcpu)
		size *= 2;
	if (size == image->state_of_size)
		return 0;
	index = realloc(image->state_of, size * sizeof(*index));
	if (!index)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	memset(index + image->state_of_size, 0, (size - image->state_of_size) * sizeof(*index));
	image->state_of = index;
	image->state_of_size = size;
	return 0;
}

int coco_image_add_vcpu(struct coco_image *image, const struct coco_image_vcpu *state,
			struct coco_error *error)
{
	int r = coco_image_check_open(image, error);

	if (!r)
		r = check_state(image, state, error);
	if (!r)
		r = grow_states(image, error);
	if (!r)
		r = grow_index(image, state->vcpu, error);
	if (r)
		return r;
	image->states[image->state_count++] = *state;
	image->state_of[state->vcpu] = image->state_count;
	return 0;
}

void coco_image_cut_vcpus(struct coco_image *image, uint32_t count)
{
	while (image->state_count > count) {
		const struct coco_image_vcpu *state = &image->states[--image->state_count];

		image->state_of[state->vcpu] = 0;
		if (!state->borrowed)
			free(state->page);
	}
}

void coco_image_free_vcpus(struct coco_image *image)
{
	coco_image_cut_vcpus(image, 0);
	free(image->states);
	free(image->state_of);
}

const struct coco_image_vcpu *coco_image_find_vcpu(const struct coco_image *image, uint32_t vcpu)
{
	if (vcpu >= image->state_of_size || !image->state_of[vcpu])
		return NULL;
	return &image->states[image->state_of[vcpu] - 1];
}

int coco_image_add_vcpu_state(struct coco_image *image, const struct coco_vcpu_state *state,
			      struct coco_error *error)
{
	struct coco_image_vcpu added = {0};
	struct coco_vcpu_state given;
	int r = coco_options_read(&given, sizeof(given), state,
				  COCO_END_OF(struct coco_vcpu_state, page), "state", error);

	if (!r)
		r = coco_image_check_open(image, error);
	if (r)
		return r;
	if (!given.page)
		return coco_fail_field(error, -EINVAL, "page", "there is no page of registers");
	added.vcpu = given.vcpu;
	added.format = given.format;
	added.gpa = given.gpa;
	added.position = image->count;
	added.page = malloc(COCO_PAGE_SIZE);
	if (!added.page)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	memcpy(added.page, given.page, COCO_PAGE_SIZE);
	r = coco_image_add_vcpu(image, &added, error);
	if (r)
		free(added.page);
	return r;
}

uint32_t coco_image_vcpu_state_count(const struct coco_image *image)
{
	return image->state_count;
}

int coco_image_get_vcpu_state(const struct coco_image *image, uint32_t index,
			      struct coco_vcpu_state *state, struct coco_error *error)
{
	struct coco_vcpu_state result = {0};

	if (index >= image->state_count)
		return coco_fail_field(error, -EINVAL, "index",
				       "the image has no vCPU state %" PRIu32 ", it has %" PRIu32,
				       index, image->state_count);
	result.vcpu = image->states[index].vcpu;
	result.format = image->states[index].format;
	result.gpa = image->states[index].gpa;
	result.position = image->states[index].position;
	result.page = image->states[index].page;
	return coco_result_write(state, &result, sizeof(result),
				 COCO_END_OF(struct coco_vcpu_state, format), "state", error);
}
