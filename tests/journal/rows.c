/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "rows.h"

#include <stdlib.h>

static uint8_t bitmap[8] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static uint64_t tsc_offset = 0x123456789;

static const struct {
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry entries[2];
} routes = {
	.head = {.nr = 2},
	.entries =
		{
			{.gsi = 5,
			 .type = KVM_IRQ_ROUTING_IRQCHIP,
			 .u.irqchip = {.irqchip = 2, .pin = 5}},
			{.gsi = 40,
			 .type = KVM_IRQ_ROUTING_MSI,
			 .u.msi = {.address_lo = 0xfee00000, .data = 0x31}},
		},
};

static const struct {
	struct kvm_pmu_event_filter head;
	uint64_t events[2];
} pmu_filter = {.head = {.action = KVM_PMU_EVENT_ALLOW, .nevents = 2}, .events = {0xc0, 0x2e}};

static const struct {
	struct kvm_signal_mask head;
	uint8_t set[8];
} __attribute__((packed)) signal_mask = {.head = {.len = 8}, .set = {2}};

static const struct {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[2];
} msrs = {.head = {.nmsrs = 2},
	  .entries = {{.index = 0x174, .data = 8}, {.index = 0x277, .data = 0x0007040600070406}}};

static void get_now(struct rig *rig, unsigned long request, void *argument)
{
	/* Before the launch there is nothing to read: these rows are made late. */
	rig_vcpu(rig, request, argument);
}

static void set_eventfd(struct rig *rig, void *argument)
{
	(void)rig;
	((struct kvm_irqfd *)argument)->fd = (uint32_t)rig_eventfd();
}

static void set_ioeventfd(struct rig *rig, void *argument)
{
	(void)rig;
	((struct kvm_ioeventfd *)argument)->fd = rig_eventfd();
}

static void set_hyperv(struct rig *rig, void *argument)
{
	(void)rig;
	((struct kvm_hyperv_eventfd *)argument)->fd = rig_eventfd();
}

static void set_slot(struct rig *rig, void *argument)
{
	((struct kvm_userspace_memory_region *)argument)->userspace_addr = (uintptr_t)rig->memory;
}

static void set_cpuid(struct rig *rig, void *argument)
{
	struct kvm_cpuid2 *cpuid = argument;
	struct coco_vcpu *vcpu = coco_guest_vcpu(rig->guest, 0);

	cpuid->nent = 200;
	expect_ok(coco_vcpu_ioctl(vcpu, KVM_GET_CPUID2, (uintptr_t)cpuid, &rig->error),
		  &rig->error);
	cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){.function = 0x40000100, .eax = 7};
}

static void set_old_cpuid(struct rig *rig, void *argument)
{
	struct kvm_cpuid *cpuid = argument;

	(void)rig;
	cpuid->nent = 2;
	cpuid->entries[0] = (struct kvm_cpuid_entry){.function = 0, .eax = 1};
	cpuid->entries[1] = (struct kvm_cpuid_entry){.function = 1, .eax = 0x600, .edx = 0x2ff};
}

static void set_sregs(struct rig *rig, void *argument)
{
	get_now(rig, KVM_GET_SREGS, argument);
	((struct kvm_sregs *)argument)->cr2 = 0x77;
}

static void set_sregs2(struct rig *rig, void *argument)
{
	get_now(rig, KVM_GET_SREGS2, argument);
	((struct kvm_sregs2 *)argument)->cr2 = 0x78;
}

static void set_regs(struct rig *rig, void *argument)
{
	get_now(rig, KVM_GET_REGS, argument);
	((struct kvm_regs *)argument)->rip = 0x1000;
}

static void set_fpu(struct rig *rig, void *argument)
{
	get_now(rig, KVM_GET_FPU, argument);
	((struct kvm_fpu *)argument)->fcw = 0x37a;
}

static void set_xsave(struct rig *rig, void *argument)
{
	get_now(rig, KVM_GET_XSAVE, argument);
	((struct kvm_xsave *)argument)->region[0] ^= 0x40;
	((struct kvm_xsave *)argument)->region[128] |= 1;
}

static void set_xcrs(struct rig *rig, void *argument)
{
	get_now(rig, KVM_GET_XCRS, argument);
	((struct kvm_xcrs *)argument)->xcrs[0].value = 3;
}

static void set_debugregs(struct rig *rig, void *argument)
{
	get_now(rig, KVM_GET_DEBUGREGS, argument);
	((struct kvm_debugregs *)argument)->db[0] = 0x5000;
}

static void set_lapic(struct rig *rig, void *argument)
{
	get_now(rig, KVM_GET_LAPIC, argument);
	((struct kvm_lapic_state *)argument)->regs[0xf1] |= 1; /* SVR: enabled */
}

static void set_events(struct rig *rig, void *argument)
{
	get_now(rig, KVM_GET_VCPU_EVENTS, argument);
	((struct kvm_vcpu_events *)argument)->nmi.masked = 1;
}

static void set_chip(struct rig *rig, void *argument)
{
	struct kvm_irqchip *chip = argument;

	chip->chip_id = KVM_IRQCHIP_IOAPIC;
	rig_vm(rig, KVM_GET_IRQCHIP, chip);
	chip->chip.ioapic.redirtbl[3].fields.vector = 0x43;
}

static void set_pit2(struct rig *rig, void *argument)
{
	rig_vm(rig, KVM_GET_PIT2, argument);
	((struct kvm_pit_state2 *)argument)->channels[2].count = 0x4321;
}

#define CAP(name_, when_, ...)                                                                     \
	{                                                                                          \
		.name = #name_, .when = (when_), .request = KVM_ENABLE_CAP,                        \
		.argument = &(const struct kvm_enable_cap){.cap = name_, .args = {__VA_ARGS__}},   \
		.size = sizeof(struct kvm_enable_cap)                                              \
	}
#define VCPU_CAP(name_, when_, ...)                                                                \
	{                                                                                          \
		.name = #name_, .when = (when_), .vcpu = true, .request = KVM_ENABLE_CAP,          \
		.argument = &(const struct kvm_enable_cap){.cap = name_, .args = {__VA_ARGS__}},   \
		.size = sizeof(struct kvm_enable_cap)                                              \
	}
#define VM(name_, when_, type_, ...)                                                               \
	{                                                                                          \
		.name = #name_, .when = (when_), .request = name_,                                 \
		.argument = &(const type_){__VA_ARGS__}, .size = sizeof(type_)                     \
	}
#define VM_VALUE(name_, when_, value_)                                                             \
	{                                                                                          \
		.name = #name_, .when = (when_), .request = name_, .value = (value_)               \
	}
#define VM_PREPARED(name_, when_, prepare_, type_, ...)                                            \
	{                                                                                          \
		.name = #name_, .when = (when_), .request = name_,                                 \
		.argument = &(const type_){__VA_ARGS__}, .size = sizeof(type_),                    \
		.prepare = prepare_                                                                \
	}
#define VCPU(name_, when_, type_, ...)                                                             \
	{                                                                                          \
		.name = #name_, .when = (when_), .vcpu = true, .request = name_,                   \
		.argument = &(const type_){__VA_ARGS__}, .size = sizeof(type_)                     \
	}
#define VCPU_OBJECT(name_, when_, object_)                                                         \
	{                                                                                          \
		.name = #name_, .when = (when_), .vcpu = true, .request = name_,                   \
		.argument = &(object_), .size = sizeof(object_)                                    \
	}
#define VCPU_PREPARED(name_, when_, prepare_, size_)                                               \
	{                                                                                          \
		.name = #name_, .when = (when_), .vcpu = true, .request = name_, .size = (size_),  \
		.prepare = prepare_                                                                \
	}

/* clang-format off */
const struct row rows[] = {
	CAP(KVM_CAP_DISABLE_QUIRKS, ROW_ANY, 3),
	CAP(KVM_CAP_DISABLE_QUIRKS2, ROW_ANY, 8),
	CAP(KVM_CAP_X86_DISABLE_EXITS, ROW_EARLY, 3),
	CAP(KVM_CAP_MSR_PLATFORM_INFO, ROW_ANY, 0),
	CAP(KVM_CAP_EXCEPTION_PAYLOAD, ROW_ANY, 1),
	CAP(KVM_CAP_X86_TRIPLE_FAULT_EVENT, ROW_ANY, 1),
	CAP(KVM_CAP_X86_USER_SPACE_MSR, ROW_ANY, 3),
	CAP(KVM_CAP_X86_BUS_LOCK_EXIT, ROW_ANY, 2),
	CAP(KVM_CAP_SGX_ATTRIBUTE, ROW_EARLY | ROW_UNSEEN, 0),
	CAP(KVM_CAP_EXIT_HYPERCALL, ROW_ANY, 1u << 12),
	CAP(KVM_CAP_EXIT_ON_EMULATION_FAILURE, ROW_ANY, 1),
	CAP(KVM_CAP_PMU_CAPABILITY, ROW_EARLY, 1),
	CAP(KVM_CAP_MAX_VCPU_ID, ROW_EARLY, 8),
	CAP(KVM_CAP_X86_NOTIFY_VMEXIT, ROW_EARLY, 0x300000003),
	CAP(KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, ROW_EARLY, 0),
	CAP(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, ROW_ANY, 1),
	CAP(KVM_CAP_HALT_POLL, ROW_ANY, 100),
	CAP(KVM_CAP_DIRTY_LOG_RING, ROW_EARLY, 0x10000),
	CAP(KVM_CAP_DIRTY_LOG_RING_ACQ_REL, ROW_EARLY, 0x20000),
	CAP(KVM_CAP_X2APIC_API, ROW_ANY, 3),
	{.name = "UAPI_CAP_X86_APIC_BUS_CYCLES_NS", .when = ROW_EARLY, .request = KVM_ENABLE_CAP,
	 .argument = &(const struct kvm_enable_cap){.cap = 237, .args = {40}}, .size = sizeof(struct kvm_enable_cap)},

	VM_VALUE(KVM_SET_TSS_ADDR, ROW_ANY, 0xfffbd000),
	VM(KVM_SET_IDENTITY_MAP_ADDR, ROW_EARLY, uint64_t, 0xfffbc000),
	VM_VALUE(KVM_SET_NR_MMU_PAGES, ROW_ANY, 1000),
	VM_VALUE(KVM_SET_BOOT_CPU_ID, ROW_EARLY, 1),
	VM_VALUE(KVM_SET_TSC_KHZ, ROW_EARLY, 1500000),
	VM(KVM_X86_SET_MSR_FILTER, ROW_ANY, struct kvm_msr_filter, .flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
	   .ranges = {{.flags = KVM_MSR_FILTER_READ, .nmsrs = 60, .base = 0x100, .bitmap = bitmap}}),
	{.name = "KVM_SET_PMU_EVENT_FILTER", .when = ROW_ANY, .request = KVM_SET_PMU_EVENT_FILTER,
	 .argument = &pmu_filter, .size = sizeof(pmu_filter)},
	VM(KVM_XEN_HVM_CONFIG, ROW_ANY, struct kvm_xen_hvm_config, .flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL, .msr = 0x40000000),
	VM_VALUE(KVM_CREATE_PIT, ROW_ANY, 0),
	VM(KVM_CREATE_PIT2, ROW_ANY, struct kvm_pit_config, .flags = 1),
	VM(KVM_REINJECT_CONTROL, ROW_ANY | ROW_PIT, struct kvm_reinject_control, .pit_reinject = 0),
	VM_PREPARED(KVM_SET_IRQCHIP, ROW_LATE, set_chip, struct kvm_irqchip, .pad = 0),
	VM(KVM_SET_PIT, ROW_ANY | ROW_PIT, struct kvm_pit_state, .channels = {{0}, {0}, {.count = 0x1234, .mode = 3}}),
	VM_PREPARED(KVM_SET_PIT2, ROW_LATE | ROW_PIT, set_pit2, struct kvm_pit_state2, .flags = 0),
	VM(KVM_SET_CLOCK, ROW_ANY, struct kvm_clock_data, .clock = 3600000000000000ull),
	{.name = "KVM_SET_GSI_ROUTING", .when = ROW_ANY, .request = KVM_SET_GSI_ROUTING,
	 .argument = &routes, .size = sizeof(routes)},
	VM(KVM_XEN_HVM_SET_ATTR, ROW_ANY, struct kvm_xen_hvm_attr, .type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR, .u.vector = 0x50),
	VM_PREPARED(KVM_HYPERV_EVENTFD, ROW_ANY, set_hyperv, struct kvm_hyperv_eventfd, .conn_id = 7),
	VM_PREPARED(KVM_IRQFD, ROW_ANY, set_eventfd, struct kvm_irqfd, .gsi = 9),
	VM_PREPARED(KVM_IOEVENTFD, ROW_ANY, set_ioeventfd, struct kvm_ioeventfd, .addr = 0x500, .len = 2, .datamatch = 5,
		    .flags = KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH),
	VM(KVM_REGISTER_COALESCED_MMIO, ROW_ANY, struct kvm_coalesced_mmio_zone, .addr = 0xe0000000, .size = 0x100),
	VM_PREPARED(KVM_SET_USER_MEMORY_REGION, ROW_ANY, set_slot, struct kvm_userspace_memory_region, .slot = RIG_SLOT,
		    .guest_phys_addr = 0x80000000, .memory_size = 0x1000),
	{.name = "UAPI_SET_USER_MEMORY_REGION2", .when = ROW_ANY, .request = UAPI_SET_USER_MEMORY_REGION2,
	 .argument = &(const struct uapi_memory_region2){.slot = RIG_SLOT + 1, .guest_phys_addr = 0x90000000, .memory_size = 0x2000},
	 .size = sizeof(struct uapi_memory_region2), .prepare = set_slot},
	VM(KVM_MEMORY_ENCRYPT_REG_REGION, ROW_EARLY | ROW_UNSEEN, struct kvm_enc_region, .addr = 0x10000, .size = 0x1000),

	VCPU_CAP(KVM_CAP_HYPERV_SYNIC, ROW_ANY, 0),
	VCPU_CAP(KVM_CAP_HYPERV_SYNIC2, ROW_ANY, 0),
	VCPU_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS, ROW_EARLY | ROW_UNSEEN, 0),
	VCPU_CAP(KVM_CAP_HYPERV_DIRECT_TLBFLUSH, ROW_EARLY | ROW_UNSEEN, 0),
	VCPU_CAP(KVM_CAP_HYPERV_ENFORCE_CPUID, ROW_ANY, 1),
	VCPU_CAP(KVM_CAP_ENFORCE_PV_FEATURE_CPUID, ROW_ANY, 1),
	VCPU_PREPARED(KVM_SET_CPUID, ROW_ANY, set_old_cpuid, 4096),
	VCPU_PREPARED(KVM_SET_CPUID2, ROW_LATE, set_cpuid, 12000),
	VCPU(KVM_X86_SETUP_MCE, ROW_ANY, uint64_t, 4),
	{.name = "KVM_SET_TSC_KHZ", .when = ROW_ANY, .vcpu = true, .request = KVM_SET_TSC_KHZ, .value = 1200000},
	VCPU(KVM_SET_DEVICE_ATTR, ROW_ANY, struct kvm_device_attr, .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
	     .addr = (uintptr_t)&tsc_offset),
	VCPU(KVM_TPR_ACCESS_REPORTING, ROW_ANY, struct kvm_tpr_access_ctl, .enabled = 1),
	VCPU(KVM_SET_VAPIC_ADDR, ROW_ANY, struct kvm_vapic_addr, .vapic_addr = 0x3000),
	VCPU_OBJECT(KVM_SET_SIGNAL_MASK, ROW_ANY, signal_mask),
	VCPU(KVM_SET_GUEST_DEBUG, ROW_ANY, struct kvm_guest_debug, .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP),
	VCPU(KVM_XEN_VCPU_SET_ATTR, ROW_EARLY | ROW_UNSEEN, struct kvm_xen_vcpu_attr, .type = KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID, .u.vcpu_id = 3),

	VCPU_PREPARED(KVM_SET_SREGS, ROW_LATE, set_sregs, sizeof(struct kvm_sregs)),
	VCPU_PREPARED(KVM_SET_SREGS2, ROW_LATE, set_sregs2, sizeof(struct kvm_sregs2)),
	VCPU_PREPARED(KVM_SET_XCRS, ROW_LATE, set_xcrs, sizeof(struct kvm_xcrs)),
	VCPU_PREPARED(KVM_SET_FPU, ROW_LATE, set_fpu, sizeof(struct kvm_fpu)),
	VCPU_PREPARED(KVM_SET_XSAVE, ROW_LATE, set_xsave, 3 * sizeof(struct kvm_xsave)),
	VCPU_OBJECT(KVM_SET_MSRS, ROW_ANY, msrs),
	VCPU(KVM_SET_ONE_REG, ROW_EARLY | ROW_UNSEEN, struct kvm_one_reg, .id = 0x2030000200000174, .addr = (uintptr_t)&tsc_offset),
	VCPU_PREPARED(KVM_SET_DEBUGREGS, ROW_LATE, set_debugregs, sizeof(struct kvm_debugregs)),
	VCPU_PREPARED(KVM_SET_LAPIC, ROW_LATE, set_lapic, sizeof(struct kvm_lapic_state)),
	VCPU_PREPARED(KVM_SET_REGS, ROW_LATE, set_regs, sizeof(struct kvm_regs)),
	VCPU(KVM_SET_MP_STATE, ROW_ANY, struct kvm_mp_state, .mp_state = KVM_MP_STATE_HALTED),
	VCPU_PREPARED(KVM_SET_VCPU_EVENTS, ROW_LATE, set_events, sizeof(struct kvm_vcpu_events)),
	VCPU(KVM_SET_NESTED_STATE, ROW_EARLY | ROW_UNSEEN, struct kvm_nested_state, .size = sizeof(struct kvm_nested_state)),
};
/* clang-format on */

const size_t row_count = sizeof(rows) / sizeof(rows[0]);

int row_make(const struct row *row, struct rig *rig)
{
	void *argument = NULL;
	int r;

	if (row->size) {
		argument = calloc(1, row->size);
		ck_assert_ptr_nonnull(argument);
		if (row->argument)
			memcpy(argument, row->argument, row->size);
	}
	if (row->prepare)
		row->prepare(rig, argument);
	expect_spoil(&rig->error);
	if (row->vcpu)
		r = coco_vcpu_ioctl(coco_guest_vcpu(rig->guest, 0), row->request,
				    argument ? (uintptr_t)argument : row->value, &rig->error);
	else
		r = coco_vm_ioctl(rig->guest, row->request,
				  argument ? (uintptr_t)argument : row->value, &rig->error);
	/* Nothing of it is needed any more. */
	if (argument)
		memset(argument, 0xa5, row->size);
	free(argument);
	return r;
}
