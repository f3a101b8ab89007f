/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every ioctl of KVM's user ABI on x86 that is made on a VM, a vCPU or a device, as of Linux 7.2:
 * what it means for a VM that comes after. Within a point of replay the order is `rank`, then that
 * of recording.
 */
#include "journal/rules.h"

#include "kvm/uapi.h"

/* clang-format off */
#define VM(request_)     .scope = COCO_SCOPE_VM, .request = (request_), .name = #request_
#define VCPU(request_)   .scope = COCO_SCOPE_VCPU, .request = (request_), .name = #request_
#define DEVICE(request_) .scope = COCO_SCOPE_DEVICE, .request = (request_), .name = #request_
#define CAP(cap_)        .scope = COCO_SCOPE_VM, .request = KVM_ENABLE_CAP, .cap = (cap_), .name = #cap_, \
			 .size = sizeof(struct kvm_enable_cap)
#define VCPU_CAP(cap_)   .scope = COCO_SCOPE_VCPU, .request = KVM_ENABLE_CAP, .cap = (cap_), .name = #cap_, \
			 .size = sizeof(struct kvm_enable_cap)

#define QUERY         .kind = COCO_RULE_QUERY
#define EVENT         .kind = COCO_RULE_EVENT
#define SET(at_)      .kind = COCO_RULE_SET, .at = COCO_REPLAY_##at_
#define OR(at_)       .kind = COCO_RULE_OR, .at = COCO_REPLAY_##at_
#define ADD(at_)      .kind = COCO_RULE_ADD, .at = COCO_REPLAY_##at_
#define TAKE          .kind = COCO_RULE_TAKE
#define OWN           .kind = COCO_RULE_OWN
#define CHILD         .kind = COCO_RULE_CHILD
#define LOST(reason_) .kind = COCO_RULE_LOST, .reason = (reason_)
#define REGISTERS(rank_) .kind = COCO_RULE_SET, .at = COCO_REPLAY_STATE, .rank = (rank_), \
			 .flags = COCO_RULE_REGISTERS

#define SIZE(type)    .size = sizeof(type)
#define VALUE         .payload = COCO_PAYLOAD_VALUE
#define FIELD(type, member) {offsetof(type, member), sizeof(((type *)0)->member)}
#define KEY(...)      .key = {__VA_ARGS__}
#define EVENTFD(type, member)   .fd = COCO_RULE_FD_EVENTFD, .fd_offset = offsetof(type, member)
#define DUPLICATE(type, member) .fd = COCO_RULE_FD_DUPLICATE, .fd_offset = offsetof(type, member)
#define RANK(rank_)   .rank = (rank_)
#define ALIAS(request_) .alias = (request_)
#define START         .flags = COCO_RULE_START

static const struct coco_rule rules[] = {
	/* --- VM: capabilities. What needs no interrupt controller goes first. */
	{CAP(KVM_CAP_DISABLE_QUIRKS), OR(CAPS)},
	{CAP(KVM_CAP_DISABLE_QUIRKS2), OR(CAPS)},
	{CAP(KVM_CAP_X86_DISABLE_EXITS), OR(CAPS)},
	{CAP(KVM_CAP_MSR_PLATFORM_INFO), SET(CAPS)},
	{CAP(KVM_CAP_EXCEPTION_PAYLOAD), SET(CAPS)},
	{CAP(KVM_CAP_X86_TRIPLE_FAULT_EVENT), SET(CAPS)},
	{CAP(KVM_CAP_X86_USER_SPACE_MSR), SET(CAPS)},
	/* Once on it stays on, whatever is asked for later. */
	{CAP(KVM_CAP_X86_BUS_LOCK_EXIT), OR(CAPS), .exclusive = KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT,
	 .sticky = KVM_BUS_LOCK_DETECTION_EXIT},
	{CAP(KVM_CAP_SGX_ATTRIBUTE), SET(CAPS), DUPLICATE(struct kvm_enable_cap, args[0])},
	{CAP(KVM_CAP_EXIT_HYPERCALL), SET(CAPS)},
	{CAP(KVM_CAP_EXIT_ON_EMULATION_FAILURE), SET(CAPS)},
	{CAP(KVM_CAP_PMU_CAPABILITY), SET(CAPS)},
	{CAP(KVM_CAP_MAX_VCPU_ID), SET(CAPS)},
	{CAP(KVM_CAP_X86_NOTIFY_VMEXIT), SET(CAPS)},
	{CAP(KVM_CAP_VM_DISABLE_NX_HUGE_PAGES), SET(CAPS)},
	{CAP(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2), SET(CAPS)},
	{CAP(KVM_CAP_HALT_POLL), SET(CAPS)},
	{CAP(KVM_CAP_DIRTY_LOG_RING), SET(CAPS)},
	{CAP(KVM_CAP_DIRTY_LOG_RING_ACQ_REL), SET(CAPS), .cap_alias = KVM_CAP_DIRTY_LOG_RING},
	{CAP(KVM_CAP_SPLIT_IRQCHIP), OWN},
	/* Two of its bits are about one thing. */
	{CAP(KVM_CAP_X2APIC_API), OR(IRQCHIP), RANK(1),
	 .exclusive = UAPI_X2APIC_SUPPRESS_EOI_BROADCAST | UAPI_X2APIC_NO_SUPPRESS_EOI_BROADCAST},
	{CAP(UAPI_CAP_X86_APIC_BUS_CYCLES_NS), SET(IRQCHIP), RANK(1)},
	{CAP(KVM_CAP_VM_COPY_ENC_CONTEXT_FROM), LOST("a mirror of another VM can't be made again")},
	{CAP(KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM), LOST("the VM it came from is dead")},

	/* --- VM: configuration */
	{VM(KVM_SET_TSS_ADDR), SET(VM), VALUE},
	{VM(KVM_SET_IDENTITY_MAP_ADDR), SET(VM), SIZE(uint64_t)},
	{VM(KVM_SET_NR_MMU_PAGES), SET(VM), VALUE},
	{VM(KVM_SET_BOOT_CPU_ID), SET(VM), VALUE},
	{VM(KVM_SET_TSC_KHZ), SET(VM), VALUE},
	{VM(KVM_X86_SET_MSR_FILTER), SET(VM), SIZE(struct kvm_msr_filter), .payload = COCO_PAYLOAD_MSR_FILTER},
	{VM(KVM_SET_PMU_EVENT_FILTER), SET(VM), SIZE(struct kvm_pmu_event_filter), .payload = COCO_PAYLOAD_PMU_FILTER},
	{VM(KVM_XEN_HVM_CONFIG), SET(VM), SIZE(struct kvm_xen_hvm_config), .payload = COCO_PAYLOAD_XEN_CONFIG},
	{VM(KVM_CREATE_IRQCHIP), OWN},
	{VM(KVM_CREATE_PIT), SET(IRQCHIP), RANK(2), VALUE},
	{VM(KVM_CREATE_PIT2), SET(IRQCHIP), RANK(2), SIZE(struct kvm_pit_config), ALIAS(KVM_CREATE_PIT)},
	/* The number says that it takes nothing. */
	{VM(KVM_REINJECT_CONTROL), SET(IRQCHIP), RANK(3), SIZE(struct kvm_reinject_control)},
	/* The next two are inputs, though their numbers say that they are outputs. */
	{VM(KVM_SET_IRQCHIP), SET(WIRING), START, SIZE(struct kvm_irqchip), KEY(FIELD(struct kvm_irqchip, chip_id))},
	{VM(KVM_SET_PIT), SET(WIRING), START, SIZE(struct kvm_pit_state)},
	{VM(KVM_SET_PIT2), SET(WIRING), START, SIZE(struct kvm_pit_state2), ALIAS(KVM_SET_PIT)},
	{VM(KVM_SET_CLOCK), SET(WIRING), START, SIZE(struct kvm_clock_data)},
	{VM(KVM_SET_GSI_ROUTING), SET(WIRING), RANK(1), SIZE(struct kvm_irq_routing), .payload = COCO_PAYLOAD_ROUTING},
	{VM(KVM_XEN_HVM_SET_ATTR), SET(WIRING), RANK(1), SIZE(struct kvm_xen_hvm_attr), .payload = COCO_PAYLOAD_XEN_ATTR},
	{VM(KVM_HYPERV_EVENTFD), ADD(WIRING), RANK(2), SIZE(struct kvm_hyperv_eventfd), .payload = COCO_PAYLOAD_HYPERV_EVENTFD,
	 KEY(FIELD(struct kvm_hyperv_eventfd, conn_id)), DUPLICATE(struct kvm_hyperv_eventfd, fd)},
	{VM(KVM_IRQFD), ADD(EXCLUSIVE), SIZE(struct kvm_irqfd), .payload = COCO_PAYLOAD_IRQFD,
	 KEY(FIELD(struct kvm_irqfd, gsi)), EVENTFD(struct kvm_irqfd, fd)},
	{VM(KVM_IOEVENTFD), ADD(WIRING), RANK(2), SIZE(struct kvm_ioeventfd), .payload = COCO_PAYLOAD_IOEVENTFD,
	 DUPLICATE(struct kvm_ioeventfd, fd)},
	/* A multiset to KVM, but for the guest a zone is there or it isn't. */
	{VM(KVM_REGISTER_COALESCED_MMIO), ADD(WIRING), RANK(2), SIZE(struct kvm_coalesced_mmio_zone),
	 .payload = COCO_PAYLOAD_ZONE, KEY({0, sizeof(struct kvm_coalesced_mmio_zone)})},
	{VM(KVM_UNREGISTER_COALESCED_MMIO), TAKE, SIZE(struct kvm_coalesced_mmio_zone), .payload = COCO_PAYLOAD_ZONE,
	 ALIAS(KVM_REGISTER_COALESCED_MMIO)},
	{VM(KVM_CREATE_DEVICE), CHILD, SIZE(struct kvm_create_device)},
	{VM(KVM_GET_STATS_FD), CHILD, VALUE},

	/* --- VM: memory. The recipe's slots are the library's, further ones the VMM's. */
	{VM(KVM_SET_USER_MEMORY_REGION), ADD(MEMORY), SIZE(struct kvm_userspace_memory_region),
	 .payload = COCO_PAYLOAD_SLOT, KEY(FIELD(struct kvm_userspace_memory_region, slot))},
	{VM(UAPI_SET_USER_MEMORY_REGION2), ADD(MEMORY), SIZE(struct uapi_memory_region2),
	 .payload = COCO_PAYLOAD_SLOT, KEY(FIELD(struct uapi_memory_region2, slot)), ALIAS(KVM_SET_USER_MEMORY_REGION)},
	{VM(UAPI_CREATE_GUEST_MEMFD), OWN},
	{VM(UAPI_SET_MEMORY_ATTRIBUTES), OWN},
	{VM(KVM_CREATE_VCPU), OWN},
	{VM(KVM_MEMORY_ENCRYPT_OP), OWN},
	{VM(KVM_MEMORY_ENCRYPT_REG_REGION), ADD(MEMORY), RANK(1), SIZE(struct kvm_enc_region),
	 KEY({0, sizeof(struct kvm_enc_region)})},
	{VM(KVM_MEMORY_ENCRYPT_UNREG_REGION), TAKE, SIZE(struct kvm_enc_region), KEY({0, sizeof(struct kvm_enc_region)}),
	 ALIAS(KVM_MEMORY_ENCRYPT_REG_REGION)},

	/* --- VM: what passes */
	{VM(KVM_IRQ_LINE), EVENT},
	{VM(KVM_IRQ_LINE_STATUS), EVENT},
	{VM(KVM_SIGNAL_MSI), EVENT},
	{VM(KVM_XEN_HVM_EVTCHN_SEND), EVENT},
	{VM(KVM_GET_DIRTY_LOG), EVENT},
	{VM(KVM_CLEAR_DIRTY_LOG), EVENT},
	{VM(KVM_RESET_DIRTY_RINGS), EVENT},
	{VM(KVM_CHECK_EXTENSION), QUERY},
	{VM(KVM_GET_IRQCHIP), QUERY},
	{VM(KVM_GET_PIT), QUERY},
	{VM(KVM_GET_PIT2), QUERY},
	{VM(KVM_GET_CLOCK), QUERY},
	{VM(KVM_GET_TSC_KHZ), QUERY},
	{VM(KVM_GET_NR_MMU_PAGES), QUERY},
	{VM(KVM_XEN_HVM_GET_ATTR), QUERY},
	{VM(KVM_SET_DEVICE_ATTR), LOST("VMs have no attributes to set on x86")},
	{VM(KVM_GET_DEVICE_ATTR), QUERY},
	{VM(KVM_HAS_DEVICE_ATTR), QUERY},

	/* --- vCPU: capabilities */
	{VCPU_CAP(KVM_CAP_HYPERV_SYNIC), SET(VCPU)},
	{VCPU_CAP(KVM_CAP_HYPERV_SYNIC2), SET(VCPU)},
	/* args[0] is where KVM writes the version to: nobody waits for that any more. */
	{VCPU_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS), SET(VCPU), .payload = COCO_PAYLOAD_POINTER,
	 .pointer = offsetof(struct kvm_enable_cap, args[0])},
	{VCPU_CAP(KVM_CAP_HYPERV_DIRECT_TLBFLUSH), SET(VCPU)},
	{VCPU_CAP(KVM_CAP_HYPERV_ENFORCE_CPUID), SET(VCPU)},
	{VCPU_CAP(KVM_CAP_ENFORCE_PV_FEATURE_CPUID), SET(VCPU)},

	/* --- vCPU: configuration. CPUID first: the rest is checked against it. */
	{VCPU(KVM_SET_CPUID), SET(VCPU), SIZE(struct kvm_cpuid), .payload = COCO_PAYLOAD_CPUID},
	{VCPU(KVM_SET_CPUID2), SET(VCPU), SIZE(struct kvm_cpuid2), .payload = COCO_PAYLOAD_CPUID2,
	 ALIAS(KVM_SET_CPUID)},
	{VCPU(KVM_X86_SETUP_MCE), SET(VCPU), RANK(1), SIZE(uint64_t)},
	{VCPU(KVM_SET_TSC_KHZ), SET(VCPU), RANK(1), VALUE},
	{VCPU(KVM_SET_DEVICE_ATTR), SET(VCPU), RANK(2), SIZE(struct kvm_device_attr), .payload = COCO_PAYLOAD_POINTER,
	 .pointer = offsetof(struct kvm_device_attr, addr),
	 KEY(FIELD(struct kvm_device_attr, group), FIELD(struct kvm_device_attr, attr))},
	{VCPU(KVM_TPR_ACCESS_REPORTING), SET(VCPU), RANK(2), SIZE(struct kvm_tpr_access_ctl)},
	{VCPU(KVM_SET_VAPIC_ADDR), SET(VCPU), RANK(2), SIZE(struct kvm_vapic_addr)},
	{VCPU(KVM_SET_SIGNAL_MASK), SET(VCPU), RANK(2), SIZE(struct kvm_signal_mask), .payload = COCO_PAYLOAD_SIGNAL_MASK},
	{VCPU(KVM_SET_GUEST_DEBUG), SET(VCPU), RANK(2), SIZE(struct kvm_guest_debug)},
	{VCPU(KVM_XEN_VCPU_SET_ATTR), SET(VCPU), RANK(2), SIZE(struct kvm_xen_vcpu_attr), .payload = COCO_PAYLOAD_XEN_VCPU_ATTR,
	 KEY(FIELD(struct kvm_xen_vcpu_attr, type))},
	{VCPU(KVM_MEMORY_ENCRYPT_OP), OWN},

	/* --- vCPU: registers, as they are before it first runs; the APIC's base before the APIC */
	{VCPU(KVM_SET_SREGS), REGISTERS(0), SIZE(struct kvm_sregs)},
	{VCPU(KVM_SET_SREGS2), REGISTERS(0), SIZE(struct kvm_sregs2), ALIAS(KVM_SET_SREGS)},
	{VCPU(KVM_SET_XCRS), REGISTERS(1), SIZE(struct kvm_xcrs)},
	{VCPU(KVM_SET_FPU), REGISTERS(2), SIZE(struct kvm_fpu)},
	{VCPU(KVM_SET_XSAVE), REGISTERS(2), .payload = COCO_PAYLOAD_XSAVE, SIZE(struct kvm_xsave)},
	{VCPU(KVM_SET_MSRS), .kind = COCO_RULE_EACH, .at = COCO_REPLAY_STATE, .rank = 3, .flags = COCO_RULE_REGISTERS,
	 SIZE(struct kvm_msrs), .payload = COCO_PAYLOAD_MSRS},
	{VCPU(KVM_SET_ONE_REG), REGISTERS(3), SIZE(struct kvm_one_reg), .payload = COCO_PAYLOAD_POINTER,
	 .pointer = offsetof(struct kvm_one_reg, addr), KEY(FIELD(struct kvm_one_reg, id))},
	{VCPU(KVM_SET_DEBUGREGS), REGISTERS(4), SIZE(struct kvm_debugregs)},
	{VCPU(KVM_SET_LAPIC), REGISTERS(5), SIZE(struct kvm_lapic_state)},
	{VCPU(KVM_SET_REGS), REGISTERS(6), SIZE(struct kvm_regs)},
	{VCPU(KVM_SET_MP_STATE), REGISTERS(7), SIZE(struct kvm_mp_state)},
	{VCPU(KVM_SET_VCPU_EVENTS), REGISTERS(8), SIZE(struct kvm_vcpu_events)},
	{VCPU(KVM_SET_NESTED_STATE), REGISTERS(9), SIZE(struct kvm_nested_state), .payload = COCO_PAYLOAD_NESTED},

	/* --- vCPU: what passes */
	{VCPU(KVM_RUN), OWN},
	{VCPU(KVM_INTERRUPT), EVENT},
	{VCPU(KVM_NMI), EVENT},
	{VCPU(KVM_SMI), EVENT},
	{VCPU(KVM_X86_SET_MCE), EVENT},
	{VCPU(KVM_KVMCLOCK_CTRL), EVENT},
	{VCPU(UAPI_PRE_FAULT_MEMORY), EVENT},
	{VCPU(KVM_TRANSLATE), QUERY},
	{VCPU(KVM_GET_STATS_FD), CHILD, VALUE},
	{VCPU(KVM_GET_REGS), QUERY},
	{VCPU(KVM_GET_SREGS), QUERY},
	{VCPU(KVM_GET_SREGS2), QUERY},
	{VCPU(KVM_GET_FPU), QUERY},
	{VCPU(KVM_GET_XSAVE), QUERY},
	{VCPU(KVM_GET_XSAVE2), QUERY},
	{VCPU(KVM_GET_XCRS), QUERY},
	{VCPU(KVM_GET_MSRS), QUERY},
	{VCPU(KVM_GET_ONE_REG), QUERY},
	{VCPU(KVM_GET_DEBUGREGS), QUERY},
	{VCPU(KVM_GET_LAPIC), QUERY},
	{VCPU(KVM_GET_MP_STATE), QUERY},
	{VCPU(KVM_GET_VCPU_EVENTS), QUERY},
	{VCPU(KVM_GET_NESTED_STATE), QUERY},
	{VCPU(KVM_GET_CPUID2), QUERY},
	{VCPU(KVM_GET_SUPPORTED_HV_CPUID), QUERY},
	{VCPU(KVM_GET_TSC_KHZ), QUERY},
	{VCPU(KVM_XEN_VCPU_GET_ATTR), QUERY},
	{VCPU(KVM_GET_DEVICE_ATTR), QUERY},
	{VCPU(KVM_HAS_DEVICE_ATTR), QUERY},

	/* --- devices: VFIO, whose attributes are added and deleted by the file in them */
	{DEVICE(KVM_SET_DEVICE_ATTR), ADD(EXCLUSIVE), SIZE(struct kvm_device_attr), .payload = COCO_PAYLOAD_VFIO_FILE,
	 .pointer = offsetof(struct kvm_device_attr, addr), .fd = COCO_RULE_FD_DUPLICATE},
	{DEVICE(KVM_GET_DEVICE_ATTR), QUERY},
	{DEVICE(KVM_HAS_DEVICE_ATTR), QUERY},
};
/* clang-format on */

#define RULES (sizeof(rules) / sizeof(*rules))

const struct coco_rule *coco_rule_find(enum coco_scope scope, unsigned long request, uint32_t cap)
{
	/* ioctl(2) takes 32 bits of it. */
	const uint32_t number = (uint32_t)request;

	for (size_t i = 0; i < RULES; i++)
		if (rules[i].scope == scope && (uint32_t)rules[i].request == number &&
		    (number != (uint32_t)KVM_ENABLE_CAP || rules[i].cap == cap))
			return &rules[i];
	return NULL;
}

const struct coco_rule *coco_rules(size_t *count)
{
	*count = RULES;
	return rules;
}
