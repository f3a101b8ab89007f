/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Random sequences of configuration ioctls on a VM, and resets in between. The model is the
 * simulator: it carries each ioctl out as it comes, and the VM that all of them made must be like
 * the next, which the journal made.
 *
 * COCO_PROPERTY_STEPS and COCO_PROPERTY_SEED in the environment: how many, and from which seed on.
 */
#include "rows.h"
#include "snapshot.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STEPS       1000000ull
#define LIFE        500u /* steps between resets, on average */
#define GUEST_STEPS 10000u
#define EVENTFDS    12u
#define IRQFDS      6u /* of them: one that is kept for something else is not gone when it is closed */

static struct rig rig;
static uint64_t state;
static int events[EVENTFDS];       /* -1: closed */
static uint32_t origins[EVENTFDS]; /* which of them are the same eventfd */
static uint32_t next_origin;

/* xorshift64* */
static uint64_t next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static uint32_t pick(uint32_t below)
{
	return (uint32_t)(next() >> 32) % below;
}

/* Whether KVM takes it is its business. */
static void vm(unsigned long request, const void *argument)
{
	(void)!coco_vm_ioctl(rig.guest, request, (uintptr_t)argument, NULL);
}

static void vcpu(unsigned long request, const void *argument)
{
	(void)!coco_vcpu_ioctl(coco_guest_vcpu(rig.guest, pick(RIG_VCPUS)), request,
			       (uintptr_t)argument, NULL);
}

static int irqfd_event(void)
{
	return events[pick(IRQFDS)];
}

static int other_event(void)
{
	return events[IRQFDS + pick(EVENTFDS - IRQFDS)];
}

static void open_event(uint32_t i)
{
	events[i] = rig_eventfd();
	origins[i] = next_origin++;
}

static void close_event(uint32_t i)
{
	if (events[i] >= 0)
		close(events[i]);
	events[i] = -1;
}

/* By all its numbers: an irqfd is kept by the number that it was given by. */
static void event_closes(void)
{
	const uint32_t origin = origins[pick(EVENTFDS)];

	for (uint32_t i = 0; i < EVENTFDS; i++)
		if (origins[i] == origin)
			close_event(i);
	for (uint32_t i = 0; i < EVENTFDS; i++)
		if (events[i] < 0 && pick(2))
			open_event(i);
}

static void event_duplicates(void)
{
	const uint32_t from = pick(EVENTFDS), i = pick(EVENTFDS);

	if (events[from] < 0 || events[i] >= 0 || (from < IRQFDS) != (i < IRQFDS))
		return;
	events[i] = fcntl(events[from], F_DUPFD_CLOEXEC, 0);
	origins[i] = origins[from];
}

static void irqfd(void)
{
	vm(KVM_IRQFD, &(struct kvm_irqfd){
			      .fd = (uint32_t)irqfd_event(),
			      .gsi = pick(4),
			      .flags = pick(2) ? KVM_IRQFD_FLAG_DEASSIGN
					       : (pick(4) ? 0 : KVM_IRQFD_FLAG_RESAMPLE),
			      .resamplefd = (uint32_t)other_event(),
		      });
}

static void ioeventfd(void)
{
	static const uint32_t lengths[] = {0, 1, 2, 4, 8};

	vm(KVM_IOEVENTFD, &(struct kvm_ioeventfd){
				  .fd = other_event(),
				  .addr = 0x1000 + 8 * pick(3),
				  .len = lengths[pick(5)],
				  .datamatch = pick(3),
				  .flags = pick(8),
			  });
}

static void zone(void)
{
	const struct kvm_coalesced_mmio_zone zone = {
		.addr = 0x2000 + 4 * pick(4), .size = 4u << pick(4), .pio = pick(2)};

	vm(pick(2) ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO, &zone);
}

static void routes(void)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[8];
	} routes = {.head = {.nr = pick(9)}};

	for (uint32_t i = 0; i < routes.head.nr; i++) {
		routes.entries[i].gsi = i;
		if (pick(2)) {
			routes.entries[i].type = KVM_IRQ_ROUTING_MSI;
			routes.entries[i].u.msi.address_lo = 0xfee00000 | pick(4) << 12;
			routes.entries[i].u.msi.data = pick(256);
		} else {
			routes.entries[i].type = KVM_IRQ_ROUTING_IRQCHIP;
			routes.entries[i].u.irqchip.irqchip = pick(4);
			routes.entries[i].u.irqchip.pin = pick(24);
		}
	}
	vm(KVM_SET_GSI_ROUTING, &routes);
}

static void capability(void)
{
	static const struct {
		uint32_t cap, values;
	} caps[] = {
		{KVM_CAP_DISABLE_QUIRKS, 512},
		{KVM_CAP_DISABLE_QUIRKS2, 1024},
		{KVM_CAP_MSR_PLATFORM_INFO, 2},
		{KVM_CAP_EXCEPTION_PAYLOAD, 2},
		{KVM_CAP_X86_TRIPLE_FAULT_EVENT, 2},
		{KVM_CAP_X86_USER_SPACE_MSR, 9},
		{KVM_CAP_X86_BUS_LOCK_EXIT, 4},
		{KVM_CAP_EXIT_HYPERCALL, 0x1001},
		{KVM_CAP_EXIT_ON_EMULATION_FAILURE, 3},
		{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 4},
		{KVM_CAP_HALT_POLL, 100000},
		{KVM_CAP_X2APIC_API, 17},
	};
	const uint32_t i = pick(sizeof(caps) / sizeof(caps[0]));

	vm(KVM_ENABLE_CAP,
	   &(struct kvm_enable_cap){.cap = caps[i].cap, .args = {pick(caps[i].values)}});
}

static void filters(void)
{
	static uint8_t bits[512];
	struct kvm_msr_filter filter = {.flags = pick(2)};

	for (uint32_t i = 0, count = pick(4); i < count; i++) {
		bits[pick(sizeof(bits))] = (uint8_t)next();
		filter.ranges[pick(KVM_MSR_FILTER_MAX_RANGES)] = (struct kvm_msr_filter_range){
			.flags = pick(4), .nmsrs = pick(1000), .base = pick(5000), .bitmap = bits};
	}
	vm(KVM_X86_SET_MSR_FILTER, &filter);
}

static void slot(void)
{
	struct kvm_userspace_memory_region region = {
		.slot = RIG_SLOT + pick(4),
		.flags = pick(2) ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = 0x80000000 + 0x1000 * pick(4),
		.memory_size = pick(3) * 0x1000,
		.userspace_addr = (uintptr_t)rig.memory,
	};

	vm(KVM_SET_USER_MEMORY_REGION, &region);
}

static void xen(void)
{
	struct kvm_xen_hvm_attr attr = {.type = (uint16_t)pick(6)};

	if (attr.type == KVM_XEN_ATTR_TYPE_EVTCHN) {
		attr.u.evtchn.send_port = 1 + pick(3);
		attr.u.evtchn.type = 1;
		attr.u.evtchn.flags = pick(2)   ? 0
				      : pick(4) ? KVM_XEN_EVTCHN_DEASSIGN
						: KVM_XEN_EVTCHN_RESET;
		attr.u.evtchn.deliver.port.port = pick(2) ? 7 : 0;
		if (!attr.u.evtchn.deliver.port.port)
			attr.u.evtchn.deliver.eventfd.fd = other_event();
	} else {
		attr.u.vector = (uint8_t)(0x20 + pick(16));
	}
	vm(KVM_XEN_HVM_SET_ATTR, &attr);
}

static void hyperv(void)
{
	vm(KVM_HYPERV_EVENTFD,
	   &(struct kvm_hyperv_eventfd){.conn_id = pick(3),
					.fd = other_event(),
					.flags = pick(2) ? KVM_HYPERV_EVENTFD_DEASSIGN : 0});
}

static void timer(void)
{
	vm(KVM_CREATE_PIT2, &(struct kvm_pit_config){0});
	vm(KVM_REINJECT_CONTROL, &(struct kvm_reinject_control){.pit_reinject = (uint8_t)pick(2)});
}

static void msrs(void)
{
	static const uint32_t indices[] = {0x174, 0x175, 0x176, 0x277, 0x1a0, 0x60000};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[4];
	} msrs = {.head = {.nmsrs = pick(5)}};

	for (uint32_t i = 0; i < msrs.head.nmsrs; i++) {
		msrs.entries[i].index = indices[pick(6)];
		msrs.entries[i].data = pick(3);
	}
	vcpu(KVM_SET_MSRS, &msrs);
}

static void registers(void)
{
	struct kvm_sregs2 sregs2;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	switch (pick(4)) {
	case 0:
		memset(&regs, 0, sizeof(regs));
		regs.rax = pick(100);
		regs.rflags = 2;
		vcpu(KVM_SET_REGS, &regs);
		break;
	case 1:
		vcpu(KVM_GET_SREGS, &sregs);
		sregs.cr2 = pick(100);
		vcpu(KVM_SET_SREGS, &sregs);
		break;
	case 2:
		vcpu(KVM_GET_SREGS2, &sregs2);
		sregs2.cr2 = pick(100);
		vcpu(KVM_SET_SREGS2, &sregs2);
		break;
	default:
		vcpu(KVM_SET_GUEST_DEBUG, &(struct kvm_guest_debug){.control = pick(4)});
		break;
	}
}

static void (*const actions[])(void) = {
	event_closes, event_duplicates, irqfd, irqfd, ioeventfd, ioeventfd, zone, routes,
	capability,   filters,          slot,  xen,   hyperv,    timer,     msrs, registers,
};

static void reset_and_compare(uint64_t seed)
{
	char *before = snapshot_take(&rig), what[64];
	const uint32_t strategy = pick(2) ? COCO_STRATEGY_OVERLAP : COCO_STRATEGY_SEQUENTIAL;

	snprintf(what, sizeof(what), "seed %llu", (unsigned long long)seed);
	rig_reset(&rig, strategy);
	snapshot_expect_same(before, snapshot_take(&rig), what);
}

/* One guest's life: some of what is for before the launch, then steps and resets. */
static void live(uint64_t seed, uint64_t steps)
{
	state = seed * 0x9e3779b97f4a7c15ull | 1;
	for (uint32_t i = 0; i < EVENTFDS; i++)
		open_event(i);
	rig_init(&rig);
	rig_guest(&rig);
	for (size_t i = 0; i < row_count; i++)
		if (rows[i].when == ROW_EARLY && pick(2))
			(void)!row_make(&rows[i], &rig);
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	for (uint64_t i = 0; i < steps; i++) {
		actions[pick(sizeof(actions) / sizeof(actions[0]))]();
		if (!pick(LIFE))
			reset_and_compare(seed);
	}
	reset_and_compare(seed);
	rig_end(&rig);
	for (uint32_t i = 0; i < EVENTFDS; i++)
		close_event(i);
}

static uint64_t read_number(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : fallback;
}

START_TEST(the_next_vm_is_like_the_one_that_all_steps_made)
{
	uint64_t left = read_number("COCO_PROPERTY_STEPS", STEPS);
	uint64_t seed = read_number("COCO_PROPERTY_SEED", 1);

	printf("seeds from %llu on, %llu steps\n", (unsigned long long)seed,
	       (unsigned long long)left);
	for (; left; seed++) {
		const uint64_t steps = left < GUEST_STEPS ? left : GUEST_STEPS;

		live(seed, steps);
		left -= steps;
	}
	printf("up to seed %llu\n", (unsigned long long)seed - 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {the_next_vm_is_like_the_one_that_all_steps_made, NULL};

	return expect_run(expect_suite("journal property", tests));
}
