/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* IGVM files of launch images: version 1, one platform, an entry for each page. */
#include "image/igvm.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/options.h"
#include "image/crc32.h"

#include <cocoreset/measure.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define MASK 1u
/* Bodies, their headers and padding included. */
#define PLATFORM_ENTRY 24u
#define POLICY_ENTRY   24u
#define PAGE_ENTRY     32u
#define CONTEXT_ENTRY  32u

struct writer {
	const struct coco_image *image;
	struct coco_igvm_write_options options;
	uint32_t platform;
	uint8_t *headers;
	uint64_t headers_size;
	uint8_t *next; /* entry */
	/* Pages that the file has, in its order. One that is like the one before is there once. */
	const uint8_t **data;
	uint64_t data_count;
	uint8_t (*vmsas)[COCO_PAGE_SIZE]; /* that are made here: of the first and of all others */
};

static bool has_vmsas(const struct writer *writer)
{
	return writer->options.tech == COCO_TECH_SNP || writer->options.tech == COCO_TECH_SEVES;
}

static int check_run(const struct writer *writer, const struct coco_image_run *run,
		     struct coco_error *error)
{
	const bool special = run->kind == COCO_PAGE_SECRETS || run->kind == COCO_PAGE_CPUID;
	const bool measures_all =
		writer->options.tech == COCO_TECH_SEV || writer->options.tech == COCO_TECH_SEVES;

	if (run->kind == COCO_PAGE_PART)
		return coco_fail_field(error, -EOPNOTSUPP, "image",
				       "\"%s\" at 0x%" PRIx64
				       " is part of a page, and IGVM files have whole ones",
				       run->label, run->gpa);
	if ((special && writer->options.tech != COCO_TECH_SNP) ||
	    (measures_all && run->flags & COCO_RUN_UNMEASURED))
		return coco_fail_field(error, -EINVAL, "image",
				       "\"%s\" at 0x%" PRIx64
				       " can't be launched: was the image made for another "
				       "technology?",
				       run->label, run->gpa);
	return 0;
}

static int check_image(const struct writer *writer, struct coco_error *error)
{
	const struct coco_image *image = writer->image;
	int r = 0;

	for (uint32_t i = 0; !r && i < image->count; i++)
		r = check_run(writer, &image->runs[i], error);
	if (r)
		return r;
	if (image->hob)
		return coco_fail_field(error, -EOPNOTSUPP, "image",
				       "vCPUs are to find a TD HOB at 0x%" PRIx64
				       ", which IGVM files can't tell them",
				       image->hob);
	if (image->state_count &&
	    (image->states[0].format == COCO_VCPU_STATE_VMSA) != has_vmsas(writer))
		return coco_fail_field(error, -EINVAL, "image",
				       "its initial registers are those of another technology");
	if (image->state_count && writer->options.tech == COCO_TECH_TDX)
		return coco_fail_field(error, -EINVAL, "image",
				       "vCPUs of TDX guests have no initial registers");
	if (image->ap_start && has_vmsas(writer) && !image->state_count && !writer->options.vcpus)
		return coco_fail_field(error, -EINVAL, "vcpus",
				       "vCPUs but the first start at 0x%" PRIx64
				       ": their registers go into the file, and it has to be known "
				       "how many there are",
				       image->ap_start);
	return 0;
}

static int check_options(const struct writer *writer, struct coco_error *error)
{
	const struct coco_igvm_write_options *options = &writer->options;

	if (options->vcpus > COCO_IMAGE_MAX_VCPUS || (options->vcpus && !has_vmsas(writer)))
		return coco_fail_field(error, -EINVAL, "vcpus",
				       "registers of %" PRIu32
				       " vCPUs: they are made for SEV-ES and SNP guests",
				       options->vcpus);
	if (options->vcpus && writer->image->state_count)
		return coco_fail_field(error, -EINVAL, "vcpus",
				       "the image has initial registers itself");
	if (options->has_policy > 1)
		return coco_fail_field(error, -EINVAL, "has_policy", "it is 0 or 1");
	return check_image(writer, error);
}

static int make_vmsas(struct writer *writer, struct coco_error *error)
{
	const struct coco_igvm_write_options *options = &writer->options;
	struct coco_measure_options vcpu;
	int r = 0;

	if (!options->vcpus)
		return 0;
	COCO_INIT(&vcpu);
	vcpu.tech = options->tech;
	vcpu.vcpu_signature = options->vcpu_signature;
	vcpu.sev_features = options->sev_features;
	vcpu.ap_start = writer->image->ap_start;
	writer->vmsas = calloc(2, sizeof(*writer->vmsas));
	if (!writer->vmsas)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	for (uint32_t i = 0; !r && i < 2 && i < options->vcpus; i++)
		r = coco_vmsa_build(&vcpu, i, writer->vmsas[i], error);
	return r;
}

/* Room for everything that the file can become. */
static int make_room(struct writer *writer, struct coco_error *error)
{
	const uint64_t contexts = (uint64_t)writer->image->state_count + writer->options.vcpus;
	uint64_t pages = 0, data = contexts;

	for (uint32_t i = 0; i < writer->image->count; i++) {
		const struct coco_image_run *run = &writer->image->runs[i];

		pages += run->size / COCO_PAGE_SIZE;
		if (run->bytes)
			data += run->size / COCO_PAGE_SIZE;
	}
	writer->headers_size = COCO_IGVM_HEADER_1 + PLATFORM_ENTRY +
			       (writer->options.has_policy ? POLICY_ENTRY : 0) +
			       pages * PAGE_ENTRY + contexts * CONTEXT_ENTRY;
	if (writer->headers_size > UINT32_MAX)
		return coco_fail_field(error, -EOPNOTSUPP, "image",
				       "%" PRIu64 " pages are more than an IGVM file can have",
				       pages);
	writer->headers = calloc(1, writer->headers_size);
	writer->data = calloc(data + 1, sizeof(*writer->data));
	if (!writer->headers || !writer->data)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	writer->next = writer->headers + COCO_IGVM_HEADER_1;
	return 0;
}

static uint8_t *put_entry(struct writer *writer, uint32_t type, uint32_t whole_size)
{
	uint8_t *at = writer->next;

	coco_put_le32(at, type);
	coco_put_le32(at + 4, coco_igvm_body_size(type));
	writer->next += whole_size;
	return at + COCO_IGVM_ENTRY_HEADER;
}

/* Where the page will be in the file; 0: nowhere. What does not fit is found out at the end. */
static uint32_t put_data(struct writer *writer, const uint8_t *page)
{
	const uint8_t *last = writer->data_count ? writer->data[writer->data_count - 1] : NULL;

	if (!page)
		return 0;
	if (!last || (last != page && memcmp(last, page, COCO_PAGE_SIZE) != 0))
		writer->data[writer->data_count++] = page;
	return (uint32_t)(writer->headers_size + (writer->data_count - 1) * COCO_PAGE_SIZE);
}

static void put_page(struct writer *writer, const struct coco_image_run *run, uint64_t offset)
{
	const uint8_t *bytes = run->bytes;
	uint8_t *body = put_entry(writer, COCO_IGVM_PAGE_DATA, PAGE_ENTRY);
	uint32_t flags = 0, type = COCO_IGVM_PAGE_NORMAL;

	if (run->flags & COCO_RUN_UNMEASURED)
		flags |= COCO_IGVM_PAGE_UNMEASURED;
	if (run->flags & COCO_RUN_SHARED)
		flags |= COCO_IGVM_PAGE_SHARED;
	if (run->kind == COCO_PAGE_SECRETS)
		type = COCO_IGVM_PAGE_SECRETS;
	else if (run->kind == COCO_PAGE_CPUID)
		type = COCO_IGVM_PAGE_CPUID;
	coco_put_le64(body, run->gpa + offset);
	coco_put_le32(body + 8, MASK);
	coco_put_le32(body + 12, put_data(writer, bytes ? bytes + offset : NULL));
	coco_put_le32(body + 16, flags);
	coco_put_le16(body + 20, (uint16_t)type);
}

static void put_context(struct writer *writer, uint64_t gpa, uint32_t vcpu, const uint8_t *page)
{
	uint8_t *body = put_entry(writer, COCO_IGVM_VP_CONTEXT, CONTEXT_ENTRY);

	coco_put_le64(body, gpa);
	coco_put_le32(body + 8, MASK);
	coco_put_le32(body + 12, put_data(writer, page));
	coco_put_le16(body + 16, (uint16_t)vcpu);
}

/* The states that stand before run `position`. */
static void put_states(struct writer *writer, uint32_t *next, uint32_t position)
{
	const struct coco_image *image = writer->image;

	for (; *next < image->state_count && image->states[*next].position <= position; ++*next) {
		const struct coco_image_vcpu *state = &image->states[*next];

		put_context(writer, state->gpa, state->vcpu, state->page);
	}
}

static void put_entries(struct writer *writer)
{
	uint8_t *body = put_entry(writer, COCO_IGVM_SUPPORTED_PLATFORM, PLATFORM_ENTRY);
	uint32_t next = 0;

	coco_put_le32(body, MASK);
	body[5] = (uint8_t)writer->platform;
	coco_put_le16(body + 6, 1);
	if (writer->options.has_policy) {
		body = put_entry(writer, COCO_IGVM_GUEST_POLICY, POLICY_ENTRY);
		coco_put_le64(body, writer->options.policy);
		coco_put_le32(body + 8, MASK);
	}
	for (uint32_t i = 0; i < writer->image->count; i++) {
		const struct coco_image_run *run = &writer->image->runs[i];

		put_states(writer, &next, i);
		for (uint64_t offset = 0; offset < run->size; offset += COCO_PAGE_SIZE)
			put_page(writer, run, offset);
	}
	put_states(writer, &next, writer->image->count);
	for (uint32_t i = 0; i < writer->options.vcpus; i++)
		put_context(writer, COCO_VMSA_GPA, i, writer->vmsas[i > 0]);
}

static int put_header(struct writer *writer, struct coco_error *error)
{
	const uint64_t size = writer->headers_size + writer->data_count * COCO_PAGE_SIZE;
	uint8_t *header = writer->headers;

	if (size > UINT32_MAX)
		return coco_fail_field(error, -EOPNOTSUPP, "image",
				       "%" PRIu64 " bytes are more than an IGVM file can have",
				       size);
	coco_put_le32(header, COCO_IGVM_MAGIC);
	coco_put_le32(header + 4, 1);
	coco_put_le32(header + 8, COCO_IGVM_HEADER_1);
	coco_put_le32(header + 12, (uint32_t)(writer->headers_size - COCO_IGVM_HEADER_1));
	coco_put_le32(header + 16, (uint32_t)size);
	coco_put_le32(header + 20, coco_crc32(0, header, writer->headers_size));
	return 0;
}

static int write_part(coco_write_fn write, void *payload, const void *bytes, size_t size,
		      struct coco_error *error)
{
	int r = write(payload, bytes, size);

	if (r > 0)
		r = -EIO;
	return r ? coco_fail_field(error, r, "write", "the IGVM file could not be written") : 0;
}

static int write_all(const struct writer *writer, coco_write_fn write, void *payload,
		     struct coco_error *error)
{
	int r = write_part(write, payload, writer->headers, writer->headers_size, error);

	for (uint64_t i = 0; !r && i < writer->data_count; i++)
		r = write_part(write, payload, writer->data[i], COCO_PAGE_SIZE, error);
	return r;
}

int coco_image_write_igvm(const struct coco_image *image,
			  const struct coco_igvm_write_options *options, coco_write_fn write,
			  void *payload, struct coco_error *error)
{
	struct writer writer = {.image = image};
	int r;

	if (!image)
		return coco_fail_field(error, -EINVAL, "image", "image is NULL");
	if (!write)
		return coco_fail_field(error, -EINVAL, "write", "there is nowhere to write it");
	r = coco_options_read(&writer.options, sizeof(writer.options), options,
			      COCO_END_OF(struct coco_igvm_write_options, tech), "options", error);
	if (!r)
		r = coco_igvm_platform_of(writer.options.tech, &writer.platform, error);
	if (!r)
		r = check_options(&writer, error);
	if (!r)
		r = make_vmsas(&writer, error);
	if (!r)
		r = make_room(&writer, error);
	if (!r) {
		put_entries(&writer);
		r = put_header(&writer, error);
	}
	if (!r)
		r = write_all(&writer, write, payload, error);
	free(writer.headers);
	free(writer.data);
	free(writer.vmsas);
	return r;
}
