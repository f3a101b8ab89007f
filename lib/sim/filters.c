/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Filters of MSRs and performance events, the VM's clock, and what imitates Xen and Hyper-V. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/eventfd.h"
#include "sim/request.h"

#define PMU_MAX_EVENTS 300u /* KVM_PMU_EVENT_FILTER_MAX_EVENTS */
#define PMU_MASKED     1u   /* KVM_PMU_EVENT_FLAG_MASKED_EVENTS */
/* Event select, mask, match and exclude: what a masked event may have. */
#define PMU_MASKED_BITS (0xffc000000000ffffull | 0xf00000000ull)
#define CLOCK_FLAGS     (KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)
#define XEN_MSR_MIN     0x40000000u
#define XEN_MSR_MAX     0x4fffffffu
#define XEN_FLAGS       0xa2u /* INTERCEPT_HCALL, EVTCHN_SEND, PVCLOCK_TSC_UNSTABLE */
#define XEN_INTERCEPT   (1u << 1)
/* Younger than the oldest headers. */
#define XEN_RUNSTATE_UPDATE_FLAG 0x5
#define XEN_INVALID_GFN          UINT64_MAX

/* --- MSRs */

static void free_ranges(struct sim_msr_filter *filter)
{
	for (uint32_t i = 0; i < filter->count; i++)
		free(filter->ranges[i].bitmap);
}

/* kvm_add_msr_filter() */
static int add_range(struct sim_msr_filter *filter, const struct kvm_msr_filter_range *range)
{
	const uint64_t words = ((uint64_t)range->nmsrs + 63) / 64;
	uint8_t *bitmap;

	if (!range->nmsrs)
		return 0;
	if (!range->flags ||
	    range->flags & ~(uint32_t)(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE) ||
	    words * 8 > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
		return -EINVAL;
	bitmap = malloc(words * 8);
	if (!bitmap)
		return -ENOMEM;
	if (sim_copy_in(bitmap, (uintptr_t)range->bitmap, words * 8)) {
		free(bitmap);
		return -EFAULT;
	}
	filter->ranges[filter->count++] =
		(struct sim_msr_range){range->flags, range->base, range->nmsrs, bitmap};
	return 0;
}

static int set_msr_filter(struct sim_file *file, uintptr_t argument)
{
	struct sim_vm_config *config = file->vm->config;
	struct sim_msr_filter made = {.active = true};
	struct kvm_msr_filter args;
	bool empty = true;
	int r = 0;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(uint32_t)KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	for (size_t i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
		empty = empty && !args.ranges[i].nmsrs;
	made.default_allow = !(args.flags & KVM_MSR_FILTER_DEFAULT_DENY);
	if (empty && !made.default_allow)
		return -EINVAL;
	for (size_t i = 0; i < KVM_MSR_FILTER_MAX_RANGES && !r; i++)
		r = add_range(&made, &args.ranges[i]);
	if (r) {
		free_ranges(&made);
		return r;
	}
	free_ranges(&config->msr_filter);
	config->msr_filter = made;
	return 0;
}

bool sim_msr_allowed(const struct sim_vm *vm, uint32_t index, bool write)
{
	const struct sim_msr_filter *filter = &vm->config->msr_filter;
	const uint32_t type = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;

	/* x2APIC's can't be filtered. */
	if (!filter->active || (index >= 0x800 && index <= 0x8ff))
		return true;
	for (uint32_t i = 0; i < filter->count; i++) {
		const struct sim_msr_range *range = &filter->ranges[i];
		const uint32_t bit = index - range->base;

		if (index >= range->base && bit < range->count && range->flags & type)
			return range->bitmap[bit / 8] >> bit % 8 & 1;
	}
	return filter->default_allow;
}

/* --- performance events */

static bool are_masked_events(const struct kvm_pmu_event_filter *filter)
{
	for (uint32_t i = 0; i < filter->nevents; i++)
		if (filter->events[i] & ~(PMU_MASKED_BITS))
			return false;
	return true;
}

static int set_pmu_filter(struct sim_file *file, uintptr_t argument)
{
	struct kvm_pmu_event_filter header, *made;

	if (sim_copy_in(&header, argument, sizeof(header)))
		return -EFAULT;
	if (header.action > KVM_PMU_EVENT_DENY || header.flags & ~PMU_MASKED)
		return -EINVAL;
	if (header.nevents > PMU_MAX_EVENTS)
		return -E2BIG;
	made = calloc(1, sizeof(*made) + header.nevents * sizeof(made->events[0]));
	if (!made)
		return -ENOMEM;
	*made = header;
	if (sim_copy_in(made->events, argument + sizeof(header),
			header.nevents * sizeof(made->events[0]))) {
		free(made);
		return -EFAULT;
	}
	if (header.flags & PMU_MASKED && !are_masked_events(made)) {
		free(made);
		return -EINVAL;
	}
	free(file->vm->config->pmu_filter);
	file->vm->config->pmu_filter = made;
	return 0;
}

/* --- clock */

static uint64_t real_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int get_clock(struct sim_file *file, uintptr_t argument)
{
	const struct kvm_clock_data data = {
		.clock = sim_vm_clock(file->vm),
		.flags = KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME,
		.realtime = real_time(),
	};

	return sim_copy_out(argument, &data, sizeof(data));
}

static int set_clock(struct sim_file *file, uintptr_t argument)
{
	struct kvm_clock_data data;

	if (sim_copy_in(&data, argument, sizeof(data)))
		return -EFAULT;
	if (data.flags & ~(uint32_t)CLOCK_FLAGS)
		return -EINVAL;
	if (data.flags & KVM_CLOCK_REALTIME && real_time() > data.realtime)
		data.clock += real_time() - data.realtime;
	file->vm->config->clock_offset += (int64_t)(data.clock - sim_vm_clock(file->vm));
	return 0;
}

/* --- eventfds by number */

static struct sim_port_eventfd **port_of(struct sim_port_eventfd **list, uint32_t port)
{
	while (*list && (*list)->port != port)
		list = &(*list)->next;
	return list;
}

static int add_port(struct sim_port_eventfd **list, uint32_t port, int fd)
{
	struct sim_port_eventfd **at = port_of(list, port);
	struct sim_eventfd event = {0};
	int r = fd >= 0 ? sim_eventfd_identify(fd, &event) : 0;

	if (r)
		return r;
	if (*at)
		return -EEXIST;
	*at = calloc(1, sizeof(**at));
	if (!*at)
		return -ENOMEM;
	(*at)->port = port;
	(*at)->event = event;
	return 0;
}

static int remove_port(struct sim_port_eventfd **list, uint32_t port)
{
	struct sim_port_eventfd **at = port_of(list, port), *gone = *at;

	if (!gone)
		return -ENOENT;
	*at = gone->next;
	free(gone);
	return 0;
}

static int hyperv_eventfd(struct sim_file *file, uintptr_t argument)
{
	struct kvm_hyperv_eventfd args;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(uint32_t)KVM_HYPERV_EVENTFD_DEASSIGN ||
	    args.conn_id & ~(uint32_t)KVM_HYPERV_CONN_ID_MASK)
		return -EINVAL;
	if (args.flags & KVM_HYPERV_EVENTFD_DEASSIGN)
		return remove_port(&file->vm->config->hyperv_eventfds, args.conn_id);
	/* A descriptor below 0 is none, there is nothing that it could mean here. */
	if (args.fd < 0)
		return -EBADF;
	return add_port(&file->vm->config->hyperv_eventfds, args.conn_id, args.fd);
}

/* --- Xen */

static int xen_config(struct sim_file *file, uintptr_t argument)
{
	struct kvm_xen_hvm_config args;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~XEN_FLAGS)
		return -EINVAL;
	if (args.flags & XEN_INTERCEPT &&
	    (args.blob_addr_32 || args.blob_addr_64 || args.blob_size_32 || args.blob_size_64))
		return -EINVAL;
	if (args.msr && (args.msr < XEN_MSR_MIN || args.msr > XEN_MSR_MAX))
		return -EINVAL;
	file->vm->config->xen = args;
	return 0;
}

static int set_blob(struct sim_blob **list, uint32_t key, const void *bytes, size_t size)
{
	while (*list && (*list)->key != key)
		list = &(*list)->next;
	if (!*list)
		*list = calloc(1, sizeof(**list));
	if (!*list)
		return -ENOMEM;
	(*list)->key = key;
	(*list)->size = (uint32_t)size;
	memcpy((*list)->bytes, bytes, size);
	return 0;
}

/* kvm_xen_setattr_evtchn() */
static int xen_event_channel(struct sim_vm_config *config, const struct kvm_xen_hvm_attr *attr)
{
	const uint32_t port = attr->u.evtchn.send_port;
	struct sim_port_eventfd **at;

	if (attr->u.evtchn.flags & KVM_XEN_EVTCHN_RESET) {
		while (config->xen_ports)
			remove_port(&config->xen_ports, config->xen_ports->port);
		return 0;
	}
	if (!port || port >= 4096)
		return -EINVAL;
	if (attr->u.evtchn.flags & KVM_XEN_EVTCHN_DEASSIGN)
		return remove_port(&config->xen_ports, port);
	if (attr->u.evtchn.flags & KVM_XEN_EVTCHN_UPDATE) {
		at = port_of(&config->xen_ports, port);
		return *at ? 0 : -ENOENT;
	}
	if (attr->u.evtchn.flags)
		return -EINVAL;
	/* Without an eventfd the port leads to another of the guest's own. */
	if (attr->u.evtchn.deliver.eventfd.port)
		return add_port(&config->xen_ports, port, -1);
	return add_port(&config->xen_ports, port, attr->u.evtchn.deliver.eventfd.fd);
}

static int set_xen_attribute(struct sim_file *file, uintptr_t argument)
{
	struct sim_vm_config *config = file->vm->config;
	struct kvm_xen_hvm_attr attr;

	if (sim_copy_in(&attr, argument, sizeof(attr)))
		return -EFAULT;
	switch (attr.type) {
	case KVM_XEN_ATTR_TYPE_UPCALL_VECTOR:
		if (attr.u.vector && attr.u.vector < 0x10)
			return -EINVAL;
		break;
	case KVM_XEN_ATTR_TYPE_LONG_MODE:
	case KVM_XEN_ATTR_TYPE_XEN_VERSION:
	case XEN_RUNSTATE_UPDATE_FLAG:
		break;
	case KVM_XEN_ATTR_TYPE_SHARED_INFO:
		if (attr.u.shared_info.gfn != XEN_INVALID_GFN &&
		    !sim_slot_find(file->vm, attr.u.shared_info.gfn * SIM_PAGE_SIZE))
			return -EFAULT;
		break;
	case KVM_XEN_ATTR_TYPE_EVTCHN:
		return xen_event_channel(config, &attr);
	default:
		return -ENOENT;
	}
	return set_blob(&config->xen_attributes, attr.type, &attr, sizeof(attr));
}

static int get_xen_attribute(struct sim_file *file, uintptr_t argument)
{
	const struct sim_blob *blob = file->vm->config->xen_attributes;
	struct kvm_xen_hvm_attr attr;

	if (sim_copy_in(&attr, argument, sizeof(attr)))
		return -EFAULT;
	switch (attr.type) {
	case KVM_XEN_ATTR_TYPE_UPCALL_VECTOR:
	case KVM_XEN_ATTR_TYPE_LONG_MODE:
	case KVM_XEN_ATTR_TYPE_XEN_VERSION:
	case XEN_RUNSTATE_UPDATE_FLAG:
	case KVM_XEN_ATTR_TYPE_SHARED_INFO:
		break;
	default:
		return -ENOENT;
	}
	memset(&attr.u, 0, sizeof(attr.u));
	if (attr.type == KVM_XEN_ATTR_TYPE_SHARED_INFO)
		attr.u.shared_info.gfn = XEN_INVALID_GFN;
	for (; blob; blob = blob->next)
		if (blob->key == attr.type)
			memcpy(&attr, blob->bytes, sizeof(attr));
	return sim_copy_out(argument, &attr, sizeof(attr));
}

/* kvm_xen_hvm_evtchn_send(): to the eventfd that the port has, if it has one. */
static int send_event(struct sim_file *file, uintptr_t argument)
{
	struct kvm_irq_routing_xen_evtchn args;
	const struct sim_port_eventfd *port;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	if (!args.port || args.port >= 4096 ||
	    args.priority != KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL)
		return -EINVAL;
	port = *port_of(&file->vm->config->xen_ports, args.port);
	if (port && port->event.id)
		sim_eventfd_signal(&port->event);
	return 0;
}

const struct sim_request sim_filter_requests[] = {
	{KVM_X86_SET_MSR_FILTER, "KVM_X86_SET_MSR_FILTER", set_msr_filter, 0},
	{KVM_SET_PMU_EVENT_FILTER, "KVM_SET_PMU_EVENT_FILTER", set_pmu_filter, 0},
	{KVM_SET_CLOCK, "KVM_SET_CLOCK", set_clock, 0},
	{KVM_GET_CLOCK, "KVM_GET_CLOCK", get_clock, 0},
	{KVM_HYPERV_EVENTFD, "KVM_HYPERV_EVENTFD", hyperv_eventfd, 0},
	{KVM_XEN_HVM_CONFIG, "KVM_XEN_HVM_CONFIG", xen_config, 0},
	{KVM_XEN_HVM_SET_ATTR, "KVM_XEN_HVM_SET_ATTR", set_xen_attribute, 0},
	{KVM_XEN_HVM_GET_ATTR, "KVM_XEN_HVM_GET_ATTR", get_xen_attribute, 0},
	{KVM_XEN_HVM_EVTCHN_SEND, "KVM_XEN_HVM_EVTCHN_SEND", send_event, 0},
	{0, NULL, NULL, 0},
};
