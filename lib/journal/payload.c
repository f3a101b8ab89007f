/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "journal/payload.h"

#include "base/error.h"
#include "base/range.h"
#include "journal/eventfd.h"
#include "kvm/seam.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define XEN_BLOB_PAGE 4096u

/* --- sizes */

/* What follows a fixed part: so many elements as a number in that says, and no more than KVM takes.
 */
static const struct tail {
	uint32_t count, element, max;
	int too_many; /* what KVM answers */
} tails[] = {
	[COCO_PAYLOAD_ROUTING] = {offsetof(struct kvm_irq_routing, nr),
				  sizeof(struct kvm_irq_routing_entry), 4096, -EINVAL},
	[COCO_PAYLOAD_CPUID] = {offsetof(struct kvm_cpuid, nent), sizeof(struct kvm_cpuid_entry),
				256, -E2BIG},
	[COCO_PAYLOAD_CPUID2] = {offsetof(struct kvm_cpuid2, nent), sizeof(struct kvm_cpuid_entry2),
				 256, -E2BIG},
	[COCO_PAYLOAD_MSRS] = {offsetof(struct kvm_msrs, nmsrs), sizeof(struct kvm_msr_entry), 255,
			       -E2BIG},
	[COCO_PAYLOAD_PMU_FILTER] = {offsetof(struct kvm_pmu_event_filter, nevents),
				     sizeof(uint64_t), 300, -E2BIG},
	[COCO_PAYLOAD_SIGNAL_MASK] = {offsetof(struct kvm_signal_mask, len), 1, 8, -EINVAL},
	/* Its `size` counts the fixed part, too. */
	[COCO_PAYLOAD_NESTED] = {offsetof(struct kvm_nested_state, size), 1, 128 + 8192, -EINVAL},
	[COCO_PAYLOAD_SHAPES - 1] = {0},
};

#define MAX_BITMAP 0x600u /* KVM_MSR_FILTER_MAX_BITMAP_SIZE */

static uint32_t count_at(const struct coco_rule *rule, const void *argument)
{
	uint32_t count;

	memcpy(&count, (const uint8_t *)argument + tails[rule->payload].count, sizeof(count));
	return count;
}

/* Bytes at the argument that belong to it, behind the fixed part too. */
static size_t size_at(const struct coco_journal *journal, const struct coco_rule *rule,
		      const void *argument)
{
	const struct tail *tail = &tails[rule->payload];
	size_t size;

	if (rule->payload == COCO_PAYLOAD_XSAVE)
		return coco_max(rule->size, journal->xsave_size);
	if (!tail->element)
		return rule->size;
	size = (size_t)count_at(rule, argument) * tail->element;
	return rule->payload == COCO_PAYLOAD_NESTED ? coco_max(rule->size, size)
						    : rule->size + size;
}

/* --- what a struct points to: one block behind it, with the pointers made to lead there */

/* KVM reads whole words. */
static size_t bitmap_size(const struct kvm_msr_filter_range *range)
{
	return ((size_t)range->nmsrs + 63) / 64 * sizeof(uint64_t);
}

int coco_argument_check(const struct coco_rule *rule, uintptr_t argument, struct coco_error *error)
{
	const struct tail *tail = &tails[rule->payload];
	const struct kvm_msr_filter *filter = (const struct kvm_msr_filter *)argument;

	if (!argument)
		return 0;
	if (tail->element && count_at(rule, (const void *)argument) > tail->max)
		return coco_fail_field(error, tail->too_many, "argument",
				       "%s of %" PRIu32 " elements: KVM takes %" PRIu32, rule->name,
				       count_at(rule, (const void *)argument), tail->max);
	for (size_t i = 0;
	     rule->payload == COCO_PAYLOAD_MSR_FILTER && i < KVM_MSR_FILTER_MAX_RANGES; i++)
		if (bitmap_size(&filter->ranges[i]) > MAX_BITMAP)
			return coco_fail_field(error, -EINVAL, "argument",
					       "%s: range %zu has %" PRIu32 " MSRs", rule->name, i,
					       filter->ranges[i].nmsrs);
	return 0;
}

static size_t pointed_size(const struct coco_rule *rule, const void *argument)
{
	const struct kvm_msr_filter *filter = argument;
	const struct kvm_xen_hvm_config *xen = argument;
	size_t size = 0;

	switch (rule->payload) {
	case COCO_PAYLOAD_POINTER:
		return sizeof(uint64_t);
	case COCO_PAYLOAD_VFIO_FILE:
		return sizeof(int32_t);
	case COCO_PAYLOAD_MSR_FILTER:
		for (size_t i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
			size += bitmap_size(&filter->ranges[i]);
		return size;
	case COCO_PAYLOAD_XEN_CONFIG:
		return ((size_t)xen->blob_size_32 + xen->blob_size_64) * XEN_BLOB_PAGE;
	default:
		return 0;
	}
}

static uint8_t *take_along(uint8_t *to, const void *from, size_t size)
{
	if (size && from)
		memcpy(to, from, size);
	return to + size;
}

/* An address that nothing is at stays: KVM looks at it all the same. */
static uint8_t *copy_blob(__u64 *address, uint8_t pages, uint8_t *behind)
{
	uint8_t *next = take_along(behind, (const void *)(uintptr_t)*address,
				   (size_t)pages * XEN_BLOB_PAGE);

	if (pages)
		*address = (uintptr_t)behind;
	return next;
}

static void copy_pointed(const struct coco_rule *rule, void *payload, uint8_t *behind)
{
	struct kvm_msr_filter *filter = payload;
	struct kvm_xen_hvm_config *xen = payload;
	uint64_t pointer;

	switch (rule->payload) {
	case COCO_PAYLOAD_POINTER:
	case COCO_PAYLOAD_VFIO_FILE:
		memcpy(&pointer, (uint8_t *)payload + rule->pointer, sizeof(pointer));
		take_along(behind, (const void *)(uintptr_t)pointer, pointed_size(rule, payload));
		pointer = (uintptr_t)behind;
		memcpy((uint8_t *)payload + rule->pointer, &pointer, sizeof(pointer));
		break;
	case COCO_PAYLOAD_MSR_FILTER:
		for (size_t i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
			struct kvm_msr_filter_range *range = &filter->ranges[i];
			uint8_t *next = take_along(behind, range->bitmap, bitmap_size(range));

			range->bitmap = range->nmsrs ? behind : NULL;
			behind = next;
		}
		break;
	case COCO_PAYLOAD_XEN_CONFIG:
		behind = copy_blob(&xen->blob_addr_32, xen->blob_size_32, behind);
		copy_blob(&xen->blob_addr_64, xen->blob_size_64, behind);
		break;
	default:
		break;
	}
}

/* --- descriptors */

static int32_t *find_fd(const struct coco_entry *entry)
{
	uint64_t pointer;

	if (entry->rule->payload != COCO_PAYLOAD_VFIO_FILE)
		return (int32_t *)(void *)((uint8_t *)entry->payload + entry->rule->fd_offset);
	memcpy(&pointer, (uint8_t *)entry->payload + entry->rule->pointer, sizeof(pointer));
	return (int32_t *)(uintptr_t)pointer;
}

static bool is_event_channel(const struct coco_entry *entry)
{
	const struct kvm_xen_hvm_attr *attr = entry->payload;

	return entry->rule->payload == COCO_PAYLOAD_XEN_ATTR &&
	       attr->type == KVM_XEN_ATTR_TYPE_EVTCHN;
}

static int keep_fd(struct coco_entry *entry, int32_t *fd, size_t index, struct coco_error *error)
{
	const int duplicate = entry->seam->ops->dup(entry->seam->context, *fd);

	if (duplicate < 0)
		return coco_fail_call(error, duplicate, COCO_STAGE_ARGUMENT, "fcntl",
				      "keeping descriptor %d of %s for the next incarnation", *fd,
				      entry->rule->name);
	entry->fds[index] = duplicate;
	*fd = duplicate;
	return 0;
}

/* KVM holds the one by which it hears of the end of an interrupt, whoever closes it. */
static int keep_resample_fd(struct coco_entry *entry, struct coco_error *error)
{
	struct kvm_irqfd *irqfd = entry->payload;
	int32_t fd = (int32_t)irqfd->resamplefd;
	int r;

	if (entry->rule->payload != COCO_PAYLOAD_IRQFD || !(irqfd->flags & KVM_IRQFD_FLAG_RESAMPLE))
		return 0;
	r = keep_fd(entry, &fd, 1, error);
	irqfd->resamplefd = (uint32_t)fd;
	return r;
}

static int keep_event_channel(struct coco_entry *entry, struct coco_error *error)
{
	struct kvm_xen_hvm_attr *attr = entry->payload;

	/* A new VM has nothing to update. */
	attr->u.evtchn.flags &= ~(uint32_t)KVM_XEN_EVTCHN_UPDATE;
	/* A channel without a port of its own is delivered to an eventfd. */
	if (attr->u.evtchn.deliver.port.port)
		return 0;
	return keep_fd(entry, &attr->u.evtchn.deliver.eventfd.fd, 0, error);
}

/* Only what is put in: to take something away its number is enough. */
static int keep_fds(struct coco_journal *journal, struct coco_entry *entry,
		    struct coco_error *error)
{
	int r;

	if (coco_entry_effect(entry) != COCO_EFFECT_PUT)
		return 0;
	if (is_event_channel(entry))
		return keep_event_channel(entry, error);
	switch (entry->rule->fd) {
	case COCO_RULE_FD_DUPLICATE:
		return keep_fd(entry, find_fd(entry), 0, error);
	case COCO_RULE_FD_EVENTFD:
		r = keep_resample_fd(entry, error);
		if (r)
			return r;
		/* Last, so that a new one's namesakes are dropped (journal.c) in any case. */
		r = coco_watch_add(&journal->watch, *find_fd(entry), error);
		entry->fresh = r > 0;
		return r < 0 ? r : 0;
	default:
		return 0;
	}
}

/* --- keys */

static void append_key(struct coco_entry *entry, size_t *used, const void *bytes, size_t size)
{
	memcpy(entry->key + *used, bytes, size);
	*used += size;
}

static void make_key(struct coco_entry *entry)
{
	const struct coco_rule *rule = entry->rule;
	const struct kvm_ioeventfd *ioeventfd = entry->payload;
	const struct kvm_xen_hvm_attr *xen = entry->payload;
	const uint8_t *payload = entry->payload;
	size_t used = 0;

	for (size_t i = 0; i < sizeof(rule->key) / sizeof(*rule->key); i++)
		if (rule->key[i].size)
			append_key(entry, &used, payload + rule->key[i].offset, rule->key[i].size);
	if (rule->payload == COCO_PAYLOAD_IOEVENTFD) {
		const uint32_t flags = ioeventfd->flags & (uint32_t)~KVM_IOEVENTFD_FLAG_DEASSIGN;

		append_key(entry, &used, &ioeventfd->addr, sizeof(ioeventfd->addr));
		append_key(entry, &used, &ioeventfd->len, sizeof(ioeventfd->len));
		append_key(entry, &used, &flags, sizeof(flags));
		if (flags & KVM_IOEVENTFD_FLAG_DATAMATCH)
			append_key(entry, &used, &ioeventfd->datamatch,
				   sizeof(ioeventfd->datamatch));
	}
	if (rule->payload == COCO_PAYLOAD_XEN_ATTR) {
		append_key(entry, &used, &xen->type, sizeof(xen->type));
		if (xen->type == KVM_XEN_ATTR_TYPE_EVTCHN)
			append_key(entry, &used, &xen->u.evtchn.send_port,
				   sizeof(xen->u.evtchn.send_port));
	}
	if (entry->identity)
		append_key(entry, &used, &entry->identity, sizeof(entry->identity));
}

static int identify(const struct coco_journal *journal, struct coco_entry *entry,
		    struct coco_error *error)
{
	switch (entry->rule->payload) {
	case COCO_PAYLOAD_VFIO_FILE:
		/* KVM takes a file once: what is added is another one. */
		entry->identity = journal->next_order + 1;
		return 0;
	case COCO_PAYLOAD_IOEVENTFD:
	case COCO_PAYLOAD_IRQFD:
		return coco_eventfd_id(*find_fd(entry), &entry->identity, error);
	default:
		return 0;
	}
}

/* --- entries */

static struct coco_entry *new_entry(const struct coco_rule *rule, size_t size, size_t behind)
{
	struct coco_entry *entry = calloc(1, sizeof(*entry));

	if (entry) {
		entry->rule = rule;
		entry->rank = rule->rank;
		entry->fds[0] = entry->fds[1] = -1;
		entry->size = size + behind;
		entry->payload = entry->size ? calloc(1, entry->size) : NULL;
	}
	if (!entry || (entry->size && !entry->payload)) {
		free(entry);
		return NULL;
	}
	return entry;
}

void coco_entry_free(struct coco_entry *entry)
{
	if (!entry)
		return;
	for (size_t i = 0; i < 2; i++)
		if (entry->fds[i] >= 0)
			entry->seam->ops->close(entry->seam->context, entry->fds[i]);
	free(entry->payload);
	free(entry);
}

/* One MSR of many. */
static void copy_msr(struct coco_entry *entry, const struct kvm_msrs *msrs, uint32_t index)
{
	struct kvm_msrs *one = entry->payload;

	one->nmsrs = 1;
	one->entries[0] = msrs->entries[index];
	memcpy(entry->key, &one->entries[0].index, sizeof(one->entries[0].index));
}

static int copy_all(struct coco_journal *journal, struct coco_entry *entry, const void *from,
		    size_t size, struct coco_error *error)
{
	int r;

	memcpy(entry->payload, from, size);
	copy_pointed(entry->rule, entry->payload, (uint8_t *)entry->payload + size);
	r = identify(journal, entry, error);
	if (r)
		return r;
	make_key(entry);
	if (entry->rule->fd == COCO_RULE_FD_DUPLICATE)
		entry->number = *find_fd(entry);
	return keep_fds(journal, entry, error);
}

int coco_entry_new(struct coco_journal *journal, const struct coco_rule *rule, uintptr_t argument,
		   uint32_t index, struct coco_entry **out, struct coco_error *error)
{
	const bool is_list = rule->kind == COCO_RULE_EACH;
	const void *from = rule->payload == COCO_PAYLOAD_VALUE ? NULL : (const void *)argument;
	struct coco_entry *entry;
	size_t size = 0;
	int r = 0;

	if (is_list)
		size = rule->size + tails[rule->payload].element;
	else if (from)
		size = size_at(journal, rule, from);
	entry = new_entry(rule, size, from ? pointed_size(rule, from) : 0);
	if (!entry)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	entry->value = argument;
	entry->seam = journal->seam;
	if (is_list && entry->payload && from)
		copy_msr(entry, from, index);
	else if (entry->payload && from)
		r = copy_all(journal, entry, from, size, error);
	if (r)
		coco_entry_free(entry);
	else
		*out = entry;
	return r;
}

/* --- what it does */

static bool all_allowed(const struct kvm_msr_filter *filter)
{
	for (size_t i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
		if (filter->ranges[i].nmsrs)
			return false;
	return !(filter->flags & KVM_MSR_FILTER_DEFAULT_DENY);
}

enum coco_payload_effect coco_entry_effect(const struct coco_entry *entry)
{
	const struct kvm_xen_hvm_attr *xen = entry->payload;
	const struct kvm_userspace_memory_region *slot = entry->payload;
	const struct kvm_device_attr *attr = entry->payload;
	bool take = false;

	switch (entry->rule->payload) {
	case COCO_PAYLOAD_IRQFD:
		take = ((const struct kvm_irqfd *)entry->payload)->flags & KVM_IRQFD_FLAG_DEASSIGN;
		break;
	case COCO_PAYLOAD_IOEVENTFD:
		take = ((const struct kvm_ioeventfd *)entry->payload)->flags &
		       KVM_IOEVENTFD_FLAG_DEASSIGN;
		break;
	case COCO_PAYLOAD_HYPERV_EVENTFD:
		take = ((const struct kvm_hyperv_eventfd *)entry->payload)->flags &
		       KVM_HYPERV_EVENTFD_DEASSIGN;
		break;
	case COCO_PAYLOAD_SLOT:
		take = !slot->memory_size;
		break;
	case COCO_PAYLOAD_MSR_FILTER:
		take = all_allowed(entry->payload);
		break;
	case COCO_PAYLOAD_SIGNAL_MASK:
		take = !entry->payload;
		break;
	case COCO_PAYLOAD_XEN_VCPU_ATTR:
		if (((const struct kvm_xen_vcpu_attr *)entry->payload)->type ==
		    KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST)
			return COCO_EFFECT_NONE;
		break;
	case COCO_PAYLOAD_XEN_ATTR:
		if (xen->type != KVM_XEN_ATTR_TYPE_EVTCHN)
			break;
		if (xen->u.evtchn.flags & KVM_XEN_EVTCHN_RESET)
			return COCO_EFFECT_CLEAR;
		take = xen->u.evtchn.flags & KVM_XEN_EVTCHN_DEASSIGN;
		break;
	case COCO_PAYLOAD_VFIO_FILE:
		if (attr->group != KVM_DEV_VFIO_GROUP)
			return COCO_EFFECT_NONE;
		take = attr->attr == KVM_DEV_VFIO_GROUP_DEL;
		break;
	default:
		if (entry->rule->kind == COCO_RULE_TAKE)
			return COCO_EFFECT_TAKE;
		break;
	}
	return take ? COCO_EFFECT_TAKE : COCO_EFFECT_PUT;
}

/* KVM deletes every zone of the bus that contains the range. */
static bool contains(const struct kvm_coalesced_mmio_zone *zone,
		     const struct kvm_coalesced_mmio_zone *range)
{
	return zone->pio == range->pio && range->addr >= zone->addr &&
	       range->addr - zone->addr <= zone->size &&
	       range->size <= zone->size - (range->addr - zone->addr);
}

bool coco_entry_same(const struct coco_entry *a, const struct coco_entry *b)
{
	if (a->rule->scope != b->rule->scope ||
	    coco_rule_topic_cap(a->rule) != coco_rule_topic_cap(b->rule) ||
	    coco_rule_topic(a->rule) != coco_rule_topic(b->rule))
		return false;
	return !memcmp(a->key, b->key, sizeof(a->key));
}

/*
 * An eventfd has one irqfd at a time. What is here of one with the same number or identity is of an
 * eventfd that has been closed: KVM has forgotten it, or it would not have taken this one.
 */
static bool is_namesake(const struct coco_entry *a, const struct coco_entry *b)
{
	return a->rule->fd == COCO_RULE_FD_EVENTFD && a->rule == b->rule &&
	       (*find_fd(a) == *find_fd(b) || a->identity == b->identity);
}

bool coco_entry_takes(const struct coco_entry *taking, const struct coco_entry *taken)
{
	switch (coco_entry_effect(taking)) {
	case COCO_EFFECT_PUT:
		return is_namesake(taking, taken);
	case COCO_EFFECT_CLEAR:
		return taken->rule == taking->rule && is_event_channel(taken);
	default:
		break;
	}
	if (taking->rule->payload == COCO_PAYLOAD_ZONE)
		return coco_rule_topic(taken->rule) == coco_rule_topic(taking->rule) &&
		       taken->rule->scope == taking->rule->scope &&
		       contains(taken->payload, taking->payload);
	if (taking->rule->payload == COCO_PAYLOAD_VFIO_FILE)
		return taken->number == taking->number && coco_entry_takes_alias(taking, taken);
	return coco_entry_same(taking, taken);
}

bool coco_entry_takes_closed(const struct coco_entry *taking, const struct coco_entry *taken)
{
	return taking->fresh && taken->rule == taking->rule && *find_fd(taking) == *find_fd(taken);
}

bool coco_entry_takes_alias(const struct coco_entry *taking, const struct coco_entry *taken)
{
	return taking->rule->payload == COCO_PAYLOAD_VFIO_FILE && taken->rule == taking->rule &&
	       coco_entry_effect(taking) == COCO_EFFECT_TAKE &&
	       coco_same_file(*find_fd(taking), *find_fd(taken));
}

uintptr_t coco_entry_argument(const struct coco_entry *entry)
{
	return entry->payload ? (uintptr_t)entry->payload : entry->value;
}
