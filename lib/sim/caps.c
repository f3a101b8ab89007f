/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* KVM_CHECK_EXTENSION and KVM_ENABLE_CAP on VMs (kvm_vm_ioctl_enable_cap()). */
#include <errno.h>

#include "sim/gmem.h"
#include "sim/knobs.h"
#include "sim/slots.h"
#include "sim/vm.h"
#include "sim/vm_config.h"

/* Younger than the oldest headers. */
#define CAP_PMU_EVENT_MASKED_EVENTS 226
#define CAP_MEMORY_FAULT_INFO       232
#define CAP_PRE_FAULT_MEMORY        236
#define CAP_X86_APIC_BUS_CYCLES_NS  237
#define CAP_X86_GUEST_MODE          238

#define QUIRKS         0xfffull /* KVM_X86_VALID_QUIRKS */
#define DISABLE_EXITS  0xfull
#define X2APIC_FLAGS   0xfull
#define USER_SPACE_MSR 0x7ull
#define DIRTY_RING_MAX (65536ull * 16) /* KVM_DIRTY_RING_MAX_ENTRIES of struct kvm_dirty_gfn */
#define APIC_BUS_NS    1               /* APIC_BUS_CYCLE_NS_DEFAULT */
#define GUESTDBG_FLAGS 0x1f0003        /* KVM_GUESTDBG_VALID_MASK */
#define XEN_FLAGS      0x17f

/* Answers that depend on nothing. */
static const struct {
	uint32_t cap;
	int value;
} constants[] = {
	{KVM_CAP_IRQCHIP, 1},
	{KVM_CAP_HLT, 1},
	{KVM_CAP_MMU_SHADOW_CACHE_CONTROL, 1},
	{KVM_CAP_USER_MEMORY, 1},
	{KVM_CAP_SET_TSS_ADDR, 1},
	{KVM_CAP_EXT_CPUID, 1},
	{KVM_CAP_CLOCKSOURCE, 1},
	{KVM_CAP_NR_MEMSLOTS, SIM_USER_SLOTS},
	{KVM_CAP_PIT, 1},
	{KVM_CAP_NOP_IO_DELAY, 1},
	{KVM_CAP_MP_STATE, 1},
	{KVM_CAP_COALESCED_MMIO, KVM_COALESCED_MMIO_PAGE_OFFSET},
	{KVM_CAP_SYNC_MMU, 1},
	{KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1},
	{KVM_CAP_USER_NMI, 1},
	{KVM_CAP_SET_GUEST_DEBUG, 1},
	{KVM_CAP_REINJECT_CONTROL, 1},
	{KVM_CAP_IRQ_ROUTING, SIM_MAX_ROUTES},
	{KVM_CAP_IRQ_INJECT_STATUS, 1},
	{KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1},
	{KVM_CAP_MCE, SIM_MCE_BANKS},
	{KVM_CAP_IRQFD, 1},
	{KVM_CAP_PIT2, 1},
	{KVM_CAP_SET_BOOT_CPU_ID, 1},
	{KVM_CAP_PIT_STATE2, 1},
	{KVM_CAP_IOEVENTFD, 1},
	{KVM_CAP_SET_IDENTITY_MAP_ADDR, 1},
	{KVM_CAP_XEN_HVM, XEN_FLAGS},
	{KVM_CAP_ADJUST_CLOCK, KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC},
	{KVM_CAP_INTERNAL_ERROR_DATA, 1},
	{KVM_CAP_VCPU_EVENTS, 1},
	{KVM_CAP_HYPERV, 1},
	{KVM_CAP_HYPERV_VAPIC, 1},
	{KVM_CAP_HYPERV_SPIN, 1},
	{KVM_CAP_PCI_SEGMENT, 1},
	{KVM_CAP_X86_ROBUST_SINGLESTEP, 1},
	{KVM_CAP_DEBUGREGS, 1},
	{KVM_CAP_ENABLE_CAP, 1},
	{KVM_CAP_XSAVE, 1},
	{KVM_CAP_XCRS, 1},
	{KVM_CAP_TSC_CONTROL, 1},
	{KVM_CAP_GET_TSC_KHZ, 1},
	{KVM_CAP_KVMCLOCK_CTRL, 1},
	{KVM_CAP_SIGNAL_MSI, 1},
	{KVM_CAP_TSC_DEADLINE_TIMER, 1},
	{KVM_CAP_DEVICE_CTRL, 1},
	{KVM_CAP_EXT_EMUL_CPUID, 1},
	{KVM_CAP_HYPERV_TIME, 1},
	{KVM_CAP_IOAPIC_POLARITY_IGNORED, 1},
	{KVM_CAP_ENABLE_CAP_VM, 1},
	{KVM_CAP_IOEVENTFD_NO_LENGTH, 1},
	{KVM_CAP_CHECK_EXTENSION_VM, 1},
	{KVM_CAP_DISABLE_QUIRKS, 1},
	{KVM_CAP_IRQFD_RESAMPLE, 1},
	{KVM_CAP_SPLIT_IRQCHIP, 1},
	{KVM_CAP_IOEVENTFD_ANY_LENGTH, 1},
	{KVM_CAP_HYPERV_SYNIC, 1},
	{KVM_CAP_IMMEDIATE_EXIT, 1},
	{KVM_CAP_HYPERV_SYNIC2, 1},
	{KVM_CAP_HYPERV_VP_INDEX, 1},
	{KVM_CAP_GET_MSR_FEATURES, 1},
	{KVM_CAP_HYPERV_EVENTFD, 1},
	{KVM_CAP_HYPERV_TLBFLUSH, 1},
	{KVM_CAP_X86_DISABLE_EXITS, (int)DISABLE_EXITS},
	{KVM_CAP_MSR_PLATFORM_INFO, 1},
	{KVM_CAP_COALESCED_PIO, 1},
	{KVM_CAP_EXCEPTION_PAYLOAD, 1},
	{KVM_CAP_HYPERV_SEND_IPI, 1},
	{KVM_CAP_HYPERV_CPUID, 1},
	{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3},
	{KVM_CAP_PMU_EVENT_FILTER, 1},
	{KVM_CAP_HALT_POLL, 1},
	{KVM_CAP_ASYNC_PF, 1},
	{KVM_CAP_ASYNC_PF_INT, 1},
	{KVM_CAP_LAST_CPU, 1},
	{KVM_CAP_STEAL_TIME, 1},
	{KVM_CAP_X86_USER_SPACE_MSR, 1},
	{KVM_CAP_X86_MSR_FILTER, 1},
	{KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1},
	{KVM_CAP_SYS_HYPERV_CPUID, 1},
	{KVM_CAP_DIRTY_LOG_RING, (int)DIRTY_RING_MAX},
	{KVM_CAP_DIRTY_LOG_RING_ACQ_REL, (int)DIRTY_RING_MAX},
	{KVM_CAP_SET_GUEST_DEBUG2, GUESTDBG_FLAGS},
	{KVM_CAP_X86_BUS_LOCK_EXIT, 3},
	{KVM_CAP_VM_COPY_ENC_CONTEXT_FROM, 1},
	{KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM, 1},
	{KVM_CAP_HYPERV_ENFORCE_CPUID, 1},
	{KVM_CAP_SREGS2, 1},
	{KVM_CAP_EXIT_HYPERCALL, 1 << UAPI_HC_MAP_GPA_RANGE},
	{KVM_CAP_BINARY_STATS_FD, 1},
	{KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1},
	{KVM_CAP_VCPU_ATTRIBUTES, 1},
	{KVM_CAP_SYS_ATTRIBUTES, 1},
	{KVM_CAP_VAPIC, 1},
	{KVM_CAP_XSAVE2, (int)SIM_XSAVE_SIZE},
	{KVM_CAP_PMU_CAPABILITY, 1},
	{KVM_CAP_DISABLE_QUIRKS2, (int)QUIRKS},
	{KVM_CAP_VM_TSC_CONTROL, 1},
	{KVM_CAP_SYSTEM_EVENT_DATA, 1},
	{CAP_PMU_EVENT_MASKED_EVENTS, 1},
	{KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1},
	{KVM_CAP_X86_NOTIFY_VMEXIT, 1},
	{KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 1},
	{UAPI_CAP_USER_MEMORY2, 1},
	{CAP_MEMORY_FAULT_INFO, 1},
	{CAP_PRE_FAULT_MEMORY, 1},
	{CAP_X86_GUEST_MODE, 1},
};

static int vm_types(const struct coco_sim *sim)
{
	int types = 0;

	for (unsigned type = 0; type < 8; type++)
		if (sim_tech_of_type(sim, type))
			types |= 1 << type;
	return types;
}

int sim_extension(const struct coco_sim *sim, const struct sim_vm *vm, uint32_t cap)
{
	const struct coco_sim_options *o = &sim->knobs->options;
	const struct sim_tech *tech = vm ? vm->tech : NULL;
	const bool private_memory = !vm || tech->private_memory;
	int value;

	if (tech && tech->check_extension && tech->check_extension(vm, cap, &value))
		return value;
	switch (cap) {
	case KVM_CAP_NR_VCPUS:
		return (int)(o->cpus < o->max_vcpus ? o->cpus : o->max_vcpus);
	case KVM_CAP_MAX_VCPUS:
		return (int)(vm ? vm->max_vcpus : o->max_vcpus);
	case KVM_CAP_MAX_VCPU_ID:
		return (int)sim_max_vcpu_ids(sim);
	case KVM_CAP_READONLY_MEM:
		return !vm || !tech->protected_state;
	case KVM_CAP_SYNC_REGS:
		return vm && tech->protected_state ? 0 : KVM_SYNC_X86_VALID_FIELDS;
	case KVM_CAP_MULTI_ADDRESS_SPACE:
		return vm && tech->private_memory ? 1 : 2;
	case KVM_CAP_X86_SMM:
		return 1;
	case KVM_CAP_X2APIC_API:
		return (int)(vm && vm->irqchip != SIM_IRQCHIP_SPLIT
				     ? X2APIC_FLAGS & ~SIM_X2APIC_SUPPRESS_EOI
				     : X2APIC_FLAGS);
	case CAP_X86_APIC_BUS_CYCLES_NS:
		return vm ? (int)vm->config->caps.apic_bus_ns : APIC_BUS_NS;
	case UAPI_CAP_VM_TYPES:
		return vm_types(sim);
	case UAPI_CAP_MEMORY_ATTRIBUTES:
		return private_memory ? (int)UAPI_MEMORY_ATTRIBUTE_PRIVATE : 0;
	case UAPI_CAP_GUEST_MEMFD:
		return !sim_quirk(sim, COCO_SIM_GMEM_PRIVATE_ONLY) || private_memory;
	case UAPI_CAP_GUEST_MEMFD_FLAGS:
		return (int)sim_gmem_flags(sim, tech);
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (constants[i].cap == cap)
			return constants[i].value;
	return 0;
}

int sim_check_extension(struct sim_file *file, uintptr_t argument)
{
	return argument > UINT32_MAX ? 0 : sim_extension(file->sim, file->vm, (uint32_t)argument);
}

/* --- KVM_ENABLE_CAP */

/* For what can only be set as long as the VM has no vCPU. */
static int before_vcpus(const struct sim_vm *vm)
{
	return vm->vcpu_count ? -EINVAL : 0;
}

static int split_irqchip(struct sim_vm *vm, uint64_t pins)
{
	if (pins > SIM_MAX_ROUTES)
		return -EINVAL;
	if (vm->irqchip != SIM_IRQCHIP_NONE || vm->vcpu_count)
		return -EEXIST;
	vm->irqchip = SIM_IRQCHIP_SPLIT;
	vm->config->caps.ioapic_pins = (uint32_t)pins;
	return 0;
}

static int x2apic_api(struct sim_vm *vm, uint64_t flags)
{
	const uint64_t both = SIM_X2APIC_SUPPRESS_EOI | SIM_X2APIC_BROADCAST_EOI;
	uint64_t *now = &vm->config->caps.x2apic_api;

	if (flags & ~X2APIC_FLAGS || (flags & both) == both ||
	    (flags & SIM_X2APIC_SUPPRESS_EOI && vm->irqchip != SIM_IRQCHIP_SPLIT))
		return -EINVAL;
	if (flags & both)
		*now &= ~both;
	*now |= flags;
	return 0;
}

static int max_vcpu_id(struct sim_vm *vm, uint64_t limit)
{
	uint32_t *now = &vm->config->caps.max_vcpu_id;

	if (limit > sim_max_vcpu_ids(vm->sim) || vm->boot_vcpu_id > limit)
		return -EINVAL;
	if (*now && *now != limit)
		return -EINVAL;
	*now = (uint32_t)limit;
	return 0;
}

static int dirty_ring(struct sim_vm *vm, uint64_t size)
{
	uint32_t *now = &vm->config->caps.dirty_ring_bytes;

	/* kvm_vm_ioctl_enable_dirty_log_ring() */
	if (!size || size & (size - 1) || size < SIM_PAGE_SIZE)
		return -EINVAL;
	if (size > DIRTY_RING_MAX)
		return -E2BIG;
	if (*now || vm->vcpu_count)
		return -EINVAL;
	*now = (uint32_t)size;
	return 0;
}

static int notify_vmexit(struct sim_vm *vm, uint64_t value)
{
	/* The low half: bit 0 enabled, bit 1 tell user space. */
	if ((uint32_t)value & ~3u || !(value & 1))
		return -EINVAL;
	if (vm->vcpu_count)
		return -EINVAL;
	vm->config->caps.notify_vmexit = value;
	return 0;
}

static int apic_bus(struct sim_vm *vm, uint64_t ns)
{
	uint64_t ignored;

	if (!ns || __builtin_mul_overflow((uint64_t)UINT32_MAX * 128, ns, &ignored))
		return -EINVAL;
	if (vm->irqchip == SIM_IRQCHIP_NONE)
		return -ENXIO;
	if (vm->vcpu_count)
		return -EINVAL;
	vm->config->caps.apic_bus_ns = ns;
	return 0;
}

static int bus_lock(struct sim_vm_caps *caps, uint64_t mode)
{
	if (mode & ~3ull || mode == 3)
		return -EINVAL;
	if (mode & 2)
		caps->bus_lock_exit = true;
	return 0;
}

static int set_bool(bool *flag, uint64_t value)
{
	*flag = value != 0;
	return 0;
}

/* Takes a mask that may only have bits of `allowed`. */
static int set_mask(uint64_t *mask, uint64_t value, uint64_t allowed)
{
	if (value & ~allowed)
		return -EINVAL;
	*mask = value;
	return 0;
}

static int accumulate(uint64_t *mask, uint64_t value, uint64_t allowed)
{
	if (value & ~allowed)
		return -EINVAL;
	*mask |= value;
	return 0;
}

static int generic_cap(struct sim_vm *vm, const struct kvm_enable_cap *cap)
{
	struct sim_vm_caps *caps = &vm->config->caps;
	const uint64_t value = cap->args[0];

	switch (cap->cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		if (cap->flags)
			return -EINVAL;
		return set_mask(&caps->manual_dirty_log, value, value & 1 ? 3 : 1);
	case KVM_CAP_HALT_POLL:
		if (cap->flags || value > UINT32_MAX)
			return -EINVAL;
		caps->halt_poll_set = true;
		caps->halt_poll_ns = value;
		return 0;
	/* Flags of these are not looked at. */
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return dirty_ring(vm, value);
	default:
		return -ENOENT;
	}
}

/* Mirrors and moves are not modelled: no VM is one to copy from. */
static int enc_context(struct sim_vm *vm, uint64_t fd)
{
	struct sim_file *file;
	bool is_vm;

	if (!sim_offers_sev(vm->sim))
		return -EINVAL;
	file = sim_file_get(vm->sim, (int)fd);
	is_vm = file && file->kind == SIM_FILE_VM;
	if (file)
		sim_file_put(file);
	return is_vm ? -EINVAL : -EBADF;
}

static int x86_cap(struct sim_vm *vm, uint32_t cap, uint64_t value)
{
	struct sim_vm_caps *caps = &vm->config->caps;

	switch (cap) {
	case KVM_CAP_DISABLE_QUIRKS2:
		return accumulate(&caps->disabled_quirks, value, QUIRKS);
	case KVM_CAP_DISABLE_QUIRKS:
		return accumulate(&caps->disabled_quirks, value & QUIRKS, QUIRKS);
	case KVM_CAP_SPLIT_IRQCHIP:
		return split_irqchip(vm, value);
	case KVM_CAP_X2APIC_API:
		return x2apic_api(vm, value);
	case KVM_CAP_X86_DISABLE_EXITS:
		if (value & ~DISABLE_EXITS || before_vcpus(vm))
			return -EINVAL;
		return accumulate(&caps->disabled_exits, value, DISABLE_EXITS);
	case KVM_CAP_MSR_PLATFORM_INFO:
		return set_bool(&caps->platform_info, value);
	case KVM_CAP_EXCEPTION_PAYLOAD:
		return set_bool(&caps->exception_payload, value);
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		return set_bool(&caps->triple_fault_event, value);
	case KVM_CAP_X86_USER_SPACE_MSR:
		return set_mask(&caps->user_space_msr, value, USER_SPACE_MSR);
	case KVM_CAP_X86_BUS_LOCK_EXIT:
		return bus_lock(caps, value);
	case KVM_CAP_EXIT_HYPERCALL:
		return set_mask(&vm->hypercall_exits, value, 1ull << UAPI_HC_MAP_GPA_RANGE);
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
		return value > 1 ? -EINVAL : set_bool(&caps->exit_on_emulation_failure, value);
	case KVM_CAP_PMU_CAPABILITY:
		if (value & ~1ull || before_vcpus(vm))
			return -EINVAL;
		return set_bool(&caps->pmu_disabled, value);
	case KVM_CAP_MAX_VCPU_ID:
		return max_vcpu_id(vm, value);
	case KVM_CAP_X86_NOTIFY_VMEXIT:
		return notify_vmexit(vm, value);
	case KVM_CAP_VM_DISABLE_NX_HUGE_PAGES:
		if (value || before_vcpus(vm))
			return -EINVAL;
		return set_bool(&caps->nx_huge_pages_disabled, 1);
	case CAP_X86_APIC_BUS_CYCLES_NS:
		return apic_bus(vm, value);
	case KVM_CAP_VM_COPY_ENC_CONTEXT_FROM:
	case KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM:
		return enc_context(vm, value);
	default:
		return -EINVAL;
	}
}

int sim_enable_cap(struct sim_file *file, uintptr_t argument)
{
	struct sim_vm *vm = file->vm;
	struct kvm_enable_cap cap;
	int r;

	if (sim_copy_in(&cap, argument, sizeof(cap)))
		return -EFAULT;
	r = generic_cap(vm, &cap);
	if (r != -ENOENT)
		return r;
	if (cap.flags)
		return -EINVAL;
	if (vm->tech->enable_cap && vm->tech->enable_cap(vm, &cap, &r))
		return r;
	return x86_cap(vm, cap.cap, cap.args[0]);
}
