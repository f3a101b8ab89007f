/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/convert.h"

#include "base/error.h"
#include "base/range.h"
#include "core/memory.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>

/* A fault that a conversion by another vCPU has answered meanwhile comes back once or twice. */
#define MAX_STUCK_FAULTS 16

struct conversion {
	struct coco_guest *guest;
	struct coco_incarnation *incarnation;
	bool to_private;
	bool told; /* the listener hears of it, and the other side is emptied */
	uint32_t stage;
	bool refused; /* by the listener */
};

static int set_attributes(const struct conversion *c, uint64_t gpa, uint64_t size, bool to_private,
			  struct coco_error *error)
{
	const struct uapi_memory_attributes attributes = {
		.address = gpa,
		.size = size,
		.attributes = to_private ? UAPI_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	return coco_seam_set(c->guest->seam, c->incarnation->vm.fd, UAPI_SET_MEMORY_ATTRIBUTES,
			     &attributes, c->stage, error);
}

static int discard_other_side(const struct conversion *c, uint32_t index, uint64_t offset,
			      uint64_t size, struct coco_error *error)
{
	if (c->to_private)
		return coco_memory_discard_shared(c->guest, &c->guest->recipe.regions[index],
						  offset, size, c->stage, error);
	return coco_seam_punch_hole(c->guest->seam, c->incarnation->memory[index].memfd.fd, offset,
				    size, c->stage, error);
}

static int tell(const struct conversion *c, uint64_t gpa, uint64_t size, bool done)
{
	const struct coco_conversion conversion = {
		.gpa = gpa,
		.size = size,
		.to_private = c->to_private,
		.done = done,
	};

	if (!c->guest->converted || !c->told)
		return 0;
	return c->guest->converted(c->guest->convert_payload, &conversion);
}

/* Pages [first, end) of a region, all on the side that they leave. */
static int convert_pages(struct conversion *c, uint32_t index, uint64_t first, uint64_t end,
			 struct coco_error *error)
{
	const struct coco_region *region = &c->guest->recipe.regions[index];
	const uint64_t offset = first * COCO_PAGE_SIZE;
	const uint64_t size = (end - first) * COCO_PAGE_SIZE;
	const uint64_t gpa = region->gpa + offset;
	int r;

	if (tell(c, gpa, size, false) < 0) {
		c->refused = true;
		return -EACCES;
	}
	r = set_attributes(c, gpa, size, c->to_private, error);
	if (r)
		return r;
	if (c->told) {
		r = discard_other_side(c, index, offset, size, error);
		if (r) {
			/* The guest is told that nothing happened, so nothing may have. */
			(void)set_attributes(c, gpa, size, !c->to_private, NULL);
			return r;
		}
		c->incarnation->conversions++;
	}
	coco_page_map_set(&c->incarnation->memory[index].pages, first, end, c->to_private);
	if (c->to_private)
		c->incarnation->private_bytes += size;
	else
		c->incarnation->private_bytes -= size;
	(void)tell(c, gpa, size, true);
	return 0;
}

/* Pages [first, end) of a region; those that are on the right side already are left alone. */
static int convert_region(struct conversion *c, uint32_t index, uint64_t first, uint64_t end,
			  struct coco_error *error)
{
	struct coco_page_map *pages = &c->incarnation->memory[index].pages;

	for (uint64_t page = first; page < end;) {
		uint64_t start = coco_page_map_find(pages, page, end, !c->to_private);
		uint64_t stop = coco_page_map_find(pages, start, end, c->to_private);
		int r = start < stop ? convert_pages(c, index, start, stop, error) : 0;

		if (r)
			return r;
		page = stop;
	}
	/* What was on that side all along is decided about now, too. */
	coco_page_map_set(pages, first, end, c->to_private);
	return 0;
}

/* A valid range that is all memory, by regions. */
static int convert(struct conversion *c, uint64_t gpa, uint64_t size, struct coco_error *error)
{
	const uint64_t end = gpa + size;

	while (gpa < end) {
		const uint32_t index = coco_memory_find(c->guest, gpa);
		const struct coco_region *region = &c->guest->recipe.regions[index];
		const uint64_t offset = gpa - region->gpa;
		const uint64_t part = coco_min(end - gpa, region->size - offset);
		int r = convert_region(c, index, offset / COCO_PAGE_SIZE,
				       (offset + part) / COCO_PAGE_SIZE, error);

		if (r)
			return r;
		gpa += part;
	}
	return 0;
}

int coco_convert_at_launch(struct coco_guest *guest, struct coco_incarnation *incarnation,
			   uint64_t gpa, uint64_t size, struct coco_error *error)
{
	struct conversion c = {
		.guest = guest,
		.incarnation = incarnation,
		.to_private = true,
		.stage = COCO_STAGE_CREATE,
	};
	int r;

	pthread_mutex_lock(&guest->memory_lock);
	r = convert(&c, gpa, size, error);
	pthread_mutex_unlock(&guest->memory_lock);
	return r;
}

int coco_convert_serve_request(struct coco_vcpu *vcpu, struct coco_error *error)
{
	struct coco_guest *guest = vcpu->guest;
	struct kvm_run *run = vcpu->run;
	const uint64_t gpa = run->hypercall.args[0];
	const uint64_t pages = run->hypercall.args[1];
	const uint64_t attributes = run->hypercall.args[2];
	struct conversion c = {
		.guest = guest,
		.incarnation = guest->incarnation,
		.to_private = attributes & UAPI_MAP_GPA_RANGE_ENCRYPTED,
		.told = true,
		.stage = COCO_STAGE_RUN,
	};
	int r;

	run->hypercall.ret = guest->recipe.backend->conversion_refused;
	if (pages > COCO_GPA_END / COCO_PAGE_SIZE ||
	    !coco_page_range_valid(gpa, pages * COCO_PAGE_SIZE) ||
	    !coco_memory_covers(guest, gpa, pages * COCO_PAGE_SIZE))
		return 0;

	pthread_mutex_lock(&guest->memory_lock);
	r = convert(&c, gpa, pages * COCO_PAGE_SIZE, error);
	pthread_mutex_unlock(&guest->memory_lock);
	if (!r)
		run->hypercall.ret = 0;
	/* The listener's refusal is the guest's matter, and an answer like any other. */
	return c.refused ? 0 : r;
}

/*
 * The page is where the fault wants it: another vCPU's conversion came first, and
 * the guest may try again, or KVM sees it otherwise than we do.
 */
static int try_again(struct coco_vcpu *vcpu, uint64_t gpa, const char *side,
		     struct coco_error *error)
{
	if (vcpu->stuck_gpa != gpa) {
		vcpu->stuck_gpa = gpa;
		vcpu->stuck_count = 0;
	}
	if (++vcpu->stuck_count <= MAX_STUCK_FAULTS)
		return 0;
	vcpu->stuck_count = 0;
	return coco_fail(error, -EFAULT, COCO_STAGE_RUN,
			 "vCPU %" PRIu32 " faults at 0x%" PRIx64
			 " as %s memory again and again, though it is %s",
			 vcpu->index, gpa, side, side);
}

/*
 * How much of a region to convert for a fault at `gpa`: it grows as long as a
 * vCPU's faults follow each other, and takes no page that the guest has decided about.
 */
static uint64_t grow(struct coco_vcpu *vcpu, uint32_t index, uint64_t gpa)
{
	const struct coco_guest *guest = vcpu->guest;
	const struct coco_region *region = &guest->recipe.regions[index];
	const uint64_t page = (gpa - region->gpa) / COCO_PAGE_SIZE;
	uint64_t size, end;

	size = guest->convert_first;
	if (gpa == vcpu->grown_end && vcpu->grown_size)
		size = coco_min(vcpu->grown_size * 2, guest->convert_max);
	/* The host's large pages are used best if chunks end where those do. */
	end = coco_align_down(gpa + size, guest->convert_first);
	end = coco_min(end - region->gpa, region->size) / COCO_PAGE_SIZE;
	end = coco_page_map_find_decided(&guest->incarnation->memory[index].pages, page + 1, end);

	vcpu->grown_size = size;
	vcpu->grown_end = region->gpa + end * COCO_PAGE_SIZE;
	return (end - page) * COCO_PAGE_SIZE;
}

int coco_convert_serve_fault(struct coco_vcpu *vcpu, struct coco_error *error)
{
	struct coco_guest *guest = vcpu->guest;
	const struct coco_region *region;
	struct uapi_memory_fault fault;
	struct conversion c = {
		.guest = guest,
		.incarnation = guest->incarnation,
		.told = true,
		.stage = COCO_STAGE_RUN,
	};
	const char *side;
	uint64_t page;
	uint32_t index;
	int r;

	memcpy(&fault, (const unsigned char *)vcpu->run + UAPI_RUN_UNION_OFFSET, sizeof(fault));
	fault.gpa = coco_align_down(fault.gpa, COCO_PAGE_SIZE);
	c.to_private = fault.flags & UAPI_MEMORY_EXIT_FLAG_PRIVATE;
	side = c.to_private ? "private" : "shared";
	index = coco_memory_find(guest, fault.gpa);
	if (!guest->recipe.backend->private_memory || index == guest->recipe.region_count)
		return coco_fail(error, -EFAULT, COCO_STAGE_RUN,
				 "vCPU %" PRIu32 " touched 0x%" PRIx64
				 " as %s memory, and there is none",
				 vcpu->index, fault.gpa, side);

	region = &guest->recipe.regions[index];
	page = (fault.gpa - region->gpa) / COCO_PAGE_SIZE;
	pthread_mutex_lock(&guest->memory_lock);
	if (coco_page_map_private(&c.incarnation->memory[index].pages, page) == c.to_private)
		r = try_again(vcpu, fault.gpa, side, error);
	else if (c.to_private)
		r = convert(&c, fault.gpa, grow(vcpu, index, fault.gpa), error);
	else
		r = convert(&c, fault.gpa, COCO_PAGE_SIZE, error);
	pthread_mutex_unlock(&guest->memory_lock);
	if (c.refused)
		return coco_fail(error, r, COCO_STAGE_RUN,
				 "vCPU %" PRIu32 " touched 0x%" PRIx64
				 " as %s memory, and the VMM refuses to convert it",
				 vcpu->index, fault.gpa, side);
	return r;
}
