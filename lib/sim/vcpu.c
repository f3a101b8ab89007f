/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vCPUs: how they come and go, and what is set on them that is no register. */
#define _GNU_SOURCE /* memfd_create */

#include "sim/vcpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/knobs.h"
#include "sim/msrs.h"
#include "sim/request.h"
#include "sim/vcpu_state.h"
#include "sim/vm.h"
#include "sim/vm_config.h"

#define DIRTY_RING_OFFSET ((size_t)KVM_DIRTY_LOG_PAGE_OFFSET * SIM_PAGE_SIZE)

uint32_t sim_max_vcpu_ids(const struct coco_sim *sim)
{
	return 4 * sim->knobs->options.max_vcpus;
}

struct sim_vcpu *sim_vcpu_of_id(const struct sim_vm *vm, uint32_t id)
{
	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		if (vm->vcpus[i]->id == id)
			return vm->vcpus[i];
	return NULL;
}

bool sim_vcpu_has_lapic(const struct sim_vcpu *vcpu)
{
	return vcpu->vm->irqchip != SIM_IRQCHIP_NONE;
}

void sim_vcpu_free(struct sim_vcpu *vcpu)
{
	sim_run_destroy_vcpu(vcpu);
	if (vcpu->vm->tech->destroy_vcpu)
		vcpu->vm->tech->destroy_vcpu(vcpu);
	if (vcpu->run)
		munmap(vcpu->run, SIM_RUN_SIZE);
	sim_vcpu_state_free(vcpu);
	free(vcpu);
}

/* What is mapped of a vCPU: kvm_run, PIO data, the place of the coalesced ring, and the dirty ring.
 */
static int make_backing(const struct sim_vm *vm)
{
	const uint32_t dirty = vm->config->caps.dirty_ring_bytes;
	const size_t size = dirty ? DIRTY_RING_OFFSET + dirty : SIM_RUN_SIZE;
	int fd = memfd_create("sim-vcpu", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, (off_t)size)) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct sim_vcpu *make_vcpu(struct sim_vm *vm, uint32_t id, int backing)
{
	struct sim_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	void *run = mmap(NULL, SIM_RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, backing, 0);

	if (!vcpu || run == MAP_FAILED) {
		if (run != MAP_FAILED)
			munmap(run, SIM_RUN_SIZE);
		free(vcpu);
		return NULL;
	}
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->index = vm->vcpu_count;
	vcpu->run = run;
	if (sim_vcpu_state_new(vcpu) || sim_run_create_vcpu(vcpu)) {
		sim_run_destroy_vcpu(vcpu);
		sim_vcpu_state_free(vcpu);
		munmap(run, SIM_RUN_SIZE);
		free(vcpu);
		return NULL;
	}
	return vcpu;
}

/* The vCPU lives as long as the VM: there is no way to take one away. */
static void release(struct sim_file *file)
{
	struct sim_vcpu *vcpu = file->object;

	vcpu->file = NULL;
}

static int open_vcpu(struct sim_vcpu *vcpu, int backing)
{
	struct sim_vm *vm = vcpu->vm;
	int fd;

	vcpu->file = sim_file_new(vm->sim, SIM_FILE_VCPU, vm, vcpu, backing);
	if (!vcpu->file) {
		close(backing);
		return -ENOMEM;
	}
	vcpu->file->release = release;
	fd = sim_file_open(vcpu->file, true);
	if (fd >= 0)
		vm->vcpus[vm->vcpu_count++] = vcpu;
	return fd;
}

/* kvm_vm_ioctl_create_vcpu() */
int sim_create_vcpu(struct sim_file *file, uintptr_t id)
{
	struct sim_vm *vm = file->vm;
	struct sim_vcpu *vcpu;
	int backing, r;

	if (id >= sim_max_vcpu_ids(vm->sim) || vm->vcpu_count >= vm->max_vcpus)
		return -EINVAL;
	/* From the first vCPU on the limit is fixed. */
	if (!vm->config->caps.max_vcpu_id)
		vm->config->caps.max_vcpu_id = sim_max_vcpu_ids(vm->sim);
	if (id >= vm->config->caps.max_vcpu_id)
		return -EINVAL;
	backing = make_backing(vm);
	if (backing < 0)
		return -ENOMEM;
	vcpu = make_vcpu(vm, (uint32_t)id, backing);
	if (!vcpu) {
		close(backing);
		return -ENOMEM;
	}
	r = vm->tech->create_vcpu ? vm->tech->create_vcpu(vcpu) : 0;
	if (!r && sim_vcpu_of_id(vm, (uint32_t)id))
		r = -EEXIST;
	if (r) {
		close(backing);
	} else {
		r = open_vcpu(vcpu, backing);
	}
	if (r < 0)
		sim_vcpu_free(vcpu);
	return r;
}

static int run(struct sim_file *file, uintptr_t argument)
{
	if (argument)
		return -EINVAL;
	return sim_vcpu_run(file->object);
}

static int encrypt_op(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;

	if (vcpu->vm->tech->vcpu_command)
		return vcpu->vm->tech->vcpu_command(vcpu, argument);
	/* KVM on AMD has no such command of vCPUs, on Intel it has with TDX. */
	return sim_offers(file->sim, COCO_TECH_TDX) && !sim_offers_sev(file->sim) ? -EINVAL
										  : -ENOTTY;
}

int sim_pre_fault_page(struct sim_vcpu *vcpu, uint64_t gpa)
{
	const struct sim_vm *vm = vcpu->vm;
	const struct sim_slot *slot;

	if (gpa >= sim_gpa_limit(vm))
		return -EINVAL;
	slot = sim_slot_find(vm, gpa);
	if (sim_attribute_private(vm, gpa))
		return slot && slot->gmem ? 0 : -EFAULT;
	return slot ? 0 : -ENOENT;
}

/* kvm_vcpu_pre_fault_memory(); one page at a time, as the technology allows. */
static int pre_fault(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;
	int (*fault)(struct sim_vcpu *, uint64_t) = vcpu->vm->tech->pre_fault;
	struct uapi_pre_fault_memory range;
	bool any = false;
	int r = 0;

	if (!fault)
		fault = sim_pre_fault_page;

	if (sim_copy_in(&range, argument, sizeof(range)))
		return -EFAULT;
	if (range.flags || range.gpa % SIM_PAGE_SIZE || range.size % SIM_PAGE_SIZE ||
	    range.gpa + range.size <= range.gpa)
		return -EINVAL;
	while (range.size && !r) {
		r = fault(vcpu, range.gpa);
		if (r)
			break;
		any = true;
		range.gpa += SIM_PAGE_SIZE;
		range.size -= SIM_PAGE_SIZE;
	}
	if (sim_copy_out(argument, &range, sizeof(range)))
		return -EFAULT;
	return any ? 0 : r;
}

int sim_memory_fault(struct sim_vcpu *vcpu, uint64_t gpa, bool private)
{
	const struct uapi_memory_fault fault = {
		.flags = private ? UAPI_MEMORY_EXIT_FLAG_PRIVATE : 0,
		.gpa = gpa & ~(uint64_t)(SIM_PAGE_SIZE - 1),
		.size = SIM_PAGE_SIZE,
	};

	vcpu->run->exit_reason = UAPI_EXIT_MEMORY_FAULT;
	memcpy((uint8_t *)vcpu->run + UAPI_RUN_UNION_OFFSET, &fault, sizeof(fault));
	return -EFAULT;
}

static int set_signal_mask(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu_state *state = ((struct sim_vcpu *)file->object)->state;
	struct kvm_signal_mask mask;

	state->signal_mask_set = false;
	if (!argument)
		return 0;
	if (sim_copy_in(&mask, argument, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(state->signal_mask))
		return -EINVAL;
	if (sim_copy_in(&state->signal_mask, argument + sizeof(mask), sizeof(state->signal_mask)))
		return -EFAULT;
	state->signal_mask_set = true;
	return 0;
}

static int set_guest_debug(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;
	struct kvm_guest_debug debug;

	if (sim_copy_in(&debug, argument, sizeof(debug)))
		return -EFAULT;
	if ((debug.control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) &&
	    vcpu->state->events.exception.pending)
		return -EBUSY;
	if (!(debug.control & KVM_GUESTDBG_ENABLE))
		debug.control = 0;
	vcpu->state->debug = debug;
	return 0;
}

static int interrupt(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;
	struct kvm_vcpu_events *events = &vcpu->state->events;
	struct kvm_interrupt irq;

	if (sim_copy_in(&irq, argument, sizeof(irq)))
		return -EFAULT;
	if (irq.irq >= 256)
		return -EINVAL;
	if (vcpu->vm->irqchip == SIM_IRQCHIP_FULL)
		return -ENXIO;
	if (vcpu->vm->irqchip == SIM_IRQCHIP_SPLIT) {
		if (vcpu->state->external_vector >= 0)
			return -EEXIST;
		vcpu->state->external_vector = (int)irq.irq;
		return 0;
	}
	events->interrupt.injected = 1;
	events->interrupt.nr = (uint8_t)irq.irq;
	events->interrupt.soft = 0;
	return 0;
}

static int nmi(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;

	(void)argument;
	vcpu->state->events.nmi.pending = 1;
	return 0;
}

static int smi(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;

	(void)argument;
	vcpu->state->events.smi.pending = 1;
	return 0;
}

static int set_tsc_khz(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;
	const uint32_t khz = (uint32_t)argument;

	if (khz >= SIM_MAX_TSC_KHZ)
		return -EINVAL;
	vcpu->state->tsc_khz = khz ? khz : SIM_TSC_KHZ;
	return 0;
}

static int get_tsc_khz(struct sim_file *file, uintptr_t argument)
{
	(void)argument;
	return (int)((struct sim_vcpu *)file->object)->state->tsc_khz;
}

static int setup_mce(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu_state *state = ((struct sim_vcpu *)file->object)->state;
	uint64_t cap, banks;

	if (sim_copy_in(&cap, argument, sizeof(cap)))
		return -EFAULT;
	banks = cap & 0xff;
	if (!banks || banks > SIM_MCE_BANKS || cap & ~(SIM_MCG_CAP | 0xff | 0xff0000))
		return -EINVAL;
	state->mcg_cap = cap;
	for (uint64_t bank = 0; bank < banks; bank++)
		state->mce_banks[bank * 4] = UINT64_MAX;
	return 0;
}

static int set_mce(struct sim_file *file, uintptr_t argument)
{
	const struct sim_vcpu_state *state = ((struct sim_vcpu *)file->object)->state;
	struct kvm_x86_mce mce;

	if (sim_copy_in(&mce, argument, sizeof(mce)))
		return -EFAULT;
	if (mce.bank >= (state->mcg_cap & 0xff) || !(mce.status & 1ull << 63))
		return -EINVAL;
	return 0;
}

static int set_vapic_address(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;
	struct kvm_vapic_addr vapic;

	if (!sim_vcpu_has_lapic(vcpu))
		return -EINVAL;
	if (sim_copy_in(&vapic, argument, sizeof(vapic)))
		return -EFAULT;
	if (vapic.vapic_addr && !sim_slot_find(vcpu->vm, vapic.vapic_addr))
		return -EINVAL;
	vcpu->state->vapic_address = vapic.vapic_addr;
	return 0;
}

static int report_tpr(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;
	struct kvm_tpr_access_ctl control;

	if (sim_copy_in(&control, argument, sizeof(control)))
		return -EFAULT;
	if (control.flags)
		return -EINVAL;
	vcpu->state->tpr_reporting = control.enabled;
	return sim_copy_out(argument, &control, sizeof(control));
}

static int kvmclock_control(struct sim_file *file, uintptr_t argument)
{
	uint64_t clock = 0;

	(void)argument;
	/* kvm_set_guest_paused(): a guest that has no kvmclock can't be told. */
	if (sim_msr_get(file->object, SIM_MSR_KVM_SYSTEM_TIME_NEW, &clock) || !(clock & 1))
		return -EINVAL;
	return 0;
}

/* The one attribute is the TSC's offset. */
static int device_attribute(struct sim_file *file, uintptr_t argument, unsigned long request)
{
	struct sim_vcpu *vcpu = file->object;
	struct kvm_device_attr attr;

	if (sim_copy_in(&attr, argument, sizeof(attr)))
		return -EFAULT;
	if (attr.group != KVM_VCPU_TSC_CTRL || attr.attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	if (request == KVM_GET_DEVICE_ATTR)
		return sim_copy_out((uintptr_t)attr.addr, &vcpu->state->tsc_offset,
				    sizeof(uint64_t));
	if (request == KVM_SET_DEVICE_ATTR)
		return sim_copy_in(&vcpu->state->tsc_offset, (uintptr_t)attr.addr,
				   sizeof(uint64_t));
	return 0;
}

static int has_attribute(struct sim_file *file, uintptr_t argument)
{
	return device_attribute(file, argument, KVM_HAS_DEVICE_ATTR);
}

static int get_attribute(struct sim_file *file, uintptr_t argument)
{
	return device_attribute(file, argument, KVM_GET_DEVICE_ATTR);
}

static int set_attribute(struct sim_file *file, uintptr_t argument)
{
	return device_attribute(file, argument, KVM_SET_DEVICE_ATTR);
}

static int enable_cap(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;
	struct kvm_enable_cap cap;

	if (sim_copy_in(&cap, argument, sizeof(cap)))
		return -EFAULT;
	if (cap.flags)
		return -EINVAL;
	switch (cap.cap) {
	case KVM_CAP_HYPERV_SYNIC:
	case KVM_CAP_HYPERV_SYNIC2:
		if (cap.cap == KVM_CAP_HYPERV_SYNIC2 && cap.args[0])
			return -EINVAL;
		if (!sim_vcpu_has_lapic(vcpu))
			return -EINVAL;
		vcpu->state->hyperv_synic = true;
		return 0;
	case KVM_CAP_HYPERV_ENLIGHTENED_VMCS:
	case KVM_CAP_HYPERV_DIRECT_TLBFLUSH:
		return -ENOTTY;
	case KVM_CAP_HYPERV_ENFORCE_CPUID:
		vcpu->state->hyperv_enforce_cpuid = cap.args[0];
		return 0;
	case KVM_CAP_ENFORCE_PV_FEATURE_CPUID:
		vcpu->state->enforce_pv_cpuid = cap.args[0];
		return 0;
	default:
		return -EINVAL;
	}
}

const struct sim_request sim_vcpu_requests[] = {
	{KVM_RUN, "KVM_RUN", run, 0},
	{KVM_SET_CPUID2, "KVM_SET_CPUID2", sim_set_cpuid2, 0},
	{KVM_SET_CPUID, "KVM_SET_CPUID", sim_set_cpuid, 0},
	{KVM_GET_CPUID2, "KVM_GET_CPUID2", sim_get_cpuid2, 0},
	{KVM_ENABLE_CAP, "KVM_ENABLE_CAP", enable_cap, 0},
	{KVM_MEMORY_ENCRYPT_OP, "KVM_MEMORY_ENCRYPT_OP", encrypt_op, SIM_CHANGES_MEMORY},
	{UAPI_PRE_FAULT_MEMORY, "KVM_PRE_FAULT_MEMORY", pre_fault, SIM_CHANGES_MEMORY},
	{KVM_GET_MSRS, "KVM_GET_MSRS", sim_get_msrs, 0},
	{KVM_SET_MSRS, "KVM_SET_MSRS", sim_set_msrs, 0},
	{KVM_GET_ONE_REG, "KVM_GET_ONE_REG", sim_get_one_reg, 0},
	{KVM_SET_ONE_REG, "KVM_SET_ONE_REG", sim_set_one_reg, 0},
	{KVM_GET_REG_LIST, "KVM_GET_REG_LIST", sim_get_reg_list, 0},
	{KVM_SET_SIGNAL_MASK, "KVM_SET_SIGNAL_MASK", set_signal_mask, 0},
	{KVM_SET_GUEST_DEBUG, "KVM_SET_GUEST_DEBUG", set_guest_debug, 0},
	{KVM_INTERRUPT, "KVM_INTERRUPT", interrupt, 0},
	{KVM_NMI, "KVM_NMI", nmi, 0},
	{KVM_SMI, "KVM_SMI", smi, 0},
	{KVM_SET_TSC_KHZ, "KVM_SET_TSC_KHZ", set_tsc_khz, 0},
	{KVM_GET_TSC_KHZ, "KVM_GET_TSC_KHZ", get_tsc_khz, 0},
	{KVM_X86_SETUP_MCE, "KVM_X86_SETUP_MCE", setup_mce, 0},
	{KVM_X86_SET_MCE, "KVM_X86_SET_MCE", set_mce, 0},
	{KVM_SET_VAPIC_ADDR, "KVM_SET_VAPIC_ADDR", set_vapic_address, 0},
	{KVM_TPR_ACCESS_REPORTING, "KVM_TPR_ACCESS_REPORTING", report_tpr, 0},
	{KVM_KVMCLOCK_CTRL, "KVM_KVMCLOCK_CTRL", kvmclock_control, 0},
	{KVM_HAS_DEVICE_ATTR, "KVM_HAS_DEVICE_ATTR", has_attribute, 0},
	{KVM_GET_DEVICE_ATTR, "KVM_GET_DEVICE_ATTR", get_attribute, 0},
	{KVM_SET_DEVICE_ATTR, "KVM_SET_DEVICE_ATTR", set_attribute, 0},
	{KVM_GET_STATS_FD, "KVM_GET_STATS_FD", sim_get_stats_fd, 0},
	{0, NULL, NULL, 0},
};
