/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* F_DUPFD_CLOEXEC */

#include "journal/payload.h"

#include "base/error.h"
#include "journal/eventfd.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define XEN_BLOB_PAGE 4096u

/* --- sizes */

/* Bytes at the argument that belong to it, behind the fixed part too. */
static size_t size_at(const struct coco_rule *rule, const void *argument)
{
	const struct kvm_signal_mask *mask = argument;

	switch (rule->payload) {
	case COCO_PAYLOAD_ROUTING:
		return rule->size + ((const struct kvm_irq_routing *)argument)->nr *
					    sizeof(struct kvm_irq_routing_entry);
	case COCO_PAYLOAD_CPUID:
		return rule->size +
		       ((const struct kvm_cpuid *)argument)->nent * sizeof(struct kvm_cpuid_entry);
	case COCO_PAYLOAD_CPUID2:
		return rule->size + ((const struct kvm_cpuid2 *)argument)->nent *
					    sizeof(struct kvm_cpuid_entry2);
	case COCO_PAYLOAD_PMU_FILTER:
		return rule->size +
		       ((const struct kvm_pmu_event_filter *)argument)->nevents * sizeof(uint64_t);
	case COCO_PAYLOAD_NESTED:
		return ((const struct kvm_nested_state *)argument)->size > rule->size
			       ? ((const struct kvm_nested_state *)argument)->size
			       : rule->size;
	case COCO_PAYLOAD_SIGNAL_MASK:
		return rule->size + mask->len;
	default:
		return rule->size;
	}
}

/* --- what a struct points to: one block behind it, with the pointers made to lead there */

static size_t bitmap_size(const struct kvm_msr_filter_range *range)
{
	return range->nmsrs ? ((size_t)range->nmsrs + 7) / 8 : 0;
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
		pointer = (uintptr_t)behind;
		behind = take_along(behind, (const void *)(uintptr_t)xen->blob_addr_32,
				    (size_t)xen->blob_size_32 * XEN_BLOB_PAGE);
		xen->blob_addr_32 = pointer;
		pointer = (uintptr_t)behind;
		take_along(behind, (const void *)(uintptr_t)xen->blob_addr_64,
			   (size_t)xen->blob_size_64 * XEN_BLOB_PAGE);
		xen->blob_addr_64 = pointer;
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
		return (int32_t *)((uint8_t *)entry->payload + entry->rule->fd_offset);
	memcpy(&pointer, (uint8_t *)entry->payload + entry->rule->pointer, sizeof(pointer));
	return (int32_t *)(uintptr_t)pointer;
}

static bool is_event_channel(const struct coco_entry *entry)
{
	const struct kvm_xen_hvm_attr *attr = entry->payload;

	return entry->rule->payload == COCO_PAYLOAD_XEN_ATTR &&
	       attr->type == KVM_XEN_ATTR_TYPE_EVTCHN;
}

static int keep_fd(struct coco_entry *entry, int32_t *fd, struct coco_error *error)
{
	entry->fds[0] = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
	if (entry->fds[0] < 0) {
		entry->fds[0] = -1;
		return coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "fcntl",
				      "keeping descriptor %d of %s for the next incarnation", *fd,
				      entry->rule->name);
	}
	*fd = entry->fds[0];
	return 0;
}

/* Only what is put in: to take something away its number is enough. */
static int keep_fds(struct coco_entry *entry, struct coco_error *error)
{
	if (coco_entry_effect(entry) != COCO_EFFECT_PUT)
		return 0;
	if (is_event_channel(entry)) {
		struct kvm_xen_hvm_attr *attr = entry->payload;

		/* A channel without a port of its own is delivered to an eventfd. */
		if (attr->u.evtchn.deliver.port.port == 0 && attr->u.evtchn.deliver.eventfd.fd > 0)
			return keep_fd(entry, &attr->u.evtchn.deliver.eventfd.fd, error);
		return 0;
	}
	switch (entry->rule->fd) {
	case COCO_RULE_FD_DUPLICATE:
		return keep_fd(entry, find_fd(entry), error);
	case COCO_RULE_FD_EVENTFD:
		return coco_eventfd_id(*find_fd(entry), &entry->eventfd, error);
	default:
		return 0;
	}
}

bool coco_entry_alive(const struct coco_entry *entry)
{
	uint64_t id;

	if (!entry->eventfd)
		return true;
	return !coco_eventfd_id(*find_fd(entry), &id, NULL) && id == entry->eventfd;
}

/* --- keys */

static void append_key(struct coco_entry *entry, size_t *used, const void *bytes, size_t size)
{
	memcpy(entry->key + *used, bytes, size);
	*used += size;
}

static void make_key(struct coco_entry *entry, uint64_t identity)
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
		append_key(entry, &used, &identity, sizeof(identity));
	}
	if (rule->payload == COCO_PAYLOAD_XEN_ATTR) {
		append_key(entry, &used, &xen->type, sizeof(xen->type));
		if (xen->type == KVM_XEN_ATTR_TYPE_EVTCHN)
			append_key(entry, &used, &xen->u.evtchn.send_port,
				   sizeof(xen->u.evtchn.send_port));
	}
	if (rule->payload == COCO_PAYLOAD_VFIO_FILE)
		append_key(entry, &used, &identity, sizeof(identity));
}

/* What tells one file of a kind from another, whatever number it has. */
static int identify(const struct coco_entry *entry, uint64_t *identity, struct coco_error *error)
{
	*identity = 0;
	switch (entry->rule->payload) {
	case COCO_PAYLOAD_IOEVENTFD:
		return coco_eventfd_id(*find_fd(entry), identity, error);
	case COCO_PAYLOAD_VFIO_FILE:
		return coco_file_id(*find_fd(entry), identity, error);
	default:
		return 0;
	}
}

/* --- entries */

static struct coco_entry *new_entry(const struct coco_rule *rule, size_t size, size_t behind,
				    struct coco_error *error)
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
		coco_fail_memory(error, COCO_STAGE_ARGUMENT);
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
			close(entry->fds[i]);
	free(entry->payload);
	free(entry);
}

struct coco_entry *coco_entry_new(const struct coco_rule *rule, uintptr_t argument,
				  struct coco_error *error)
{
	const void *from = (const void *)argument;
	struct coco_entry *entry;
	uint64_t identity;
	size_t size = 0;

	if (rule->payload != COCO_PAYLOAD_VALUE && from)
		size = size_at(rule, from);
	entry = new_entry(rule, size, size ? pointed_size(rule, from) : 0, error);
	if (!entry)
		return NULL;
	entry->value = argument;
	if (!size)
		return entry;
	memcpy(entry->payload, from, size);
	copy_pointed(rule, entry->payload, (uint8_t *)entry->payload + size);
	if (identify(entry, &identity, error)) {
		coco_entry_free(entry);
		return NULL;
	}
	make_key(entry, identity);
	if (keep_fds(entry, error)) {
		coco_entry_free(entry);
		return NULL;
	}
	return entry;
}

struct coco_entry *coco_entry_new_msr(const struct coco_rule *rule, uintptr_t argument,
				      uint32_t index, struct coco_error *error)
{
	const struct kvm_msrs *msrs = (const struct kvm_msrs *)argument;
	struct coco_entry *entry =
		new_entry(rule, sizeof(*msrs) + sizeof(msrs->entries[0]), 0, error);
	struct kvm_msrs *one;

	if (!entry)
		return NULL;
	one = entry->payload;
	one->nmsrs = 1;
	one->entries[0] = msrs->entries[index];
	memcpy(entry->key, &one->entries[0].index, sizeof(one->entries[0].index));
	return entry;
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

bool coco_entry_takes(const struct coco_entry *taking, const struct coco_entry *taken)
{
	if (taking->rule->kind == COCO_RULE_TAKE)
		return taken->rule->request == KVM_REGISTER_COALESCED_MMIO &&
		       taken->rule->scope == taking->rule->scope &&
		       contains(taken->payload, taking->payload);
	if (taking->rule->payload == COCO_PAYLOAD_SLOT)
		return taken->rule->payload == COCO_PAYLOAD_SLOT &&
		       !memcmp(taken->key, taking->key, sizeof(taken->key));
	if (taken->rule != taking->rule)
		return false;
	if (coco_entry_effect(taking) == COCO_EFFECT_CLEAR)
		return is_event_channel(taken);
	return !memcmp(taken->key, taking->key, sizeof(taken->key));
}

uintptr_t coco_entry_argument(const struct coco_entry *entry)
{
	return entry->payload ? (uintptr_t)entry->payload : entry->value;
}
