/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/tdx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cpuid.h"
#include "sim/knobs.h"
#include "sim/tdx_msr.h"
#include "sim/vcpu_state.h"

#define CAP_PMU_CAPABILITY           212
#define CAP_VM_COPY_ENC_CONTEXT_FROM 197
#define CAP_VM_MOVE_ENC_CONTEXT_FROM 206
#define PMU_CAPABILITY_DISABLE       1ull
#define GET_SREGS2                   0x8140aeccul
#define SET_SREGS2                   0x4140aecdul
#define APIC_BASE_X2APIC             0xfee00c00ull
#define APIC_BASE_BSP                0x100ull
#define RESET_VECTOR                 0xfffffff0ull

uint64_t sim_td_seamcall(struct sim_vm *vm, const char *name, uint64_t otherwise)
{
	uint64_t status = 0;

	if (!sim_fault(vm->sim, name, &status))
		return TDX_SUCCESS;
	return status ? status : otherwise;
}

static bool offered(const struct coco_sim *sim)
{
	return sim_offers(sim, COCO_TECH_TDX) && sim_tdx_host_usable(sim_tdx_host(sim));
}

static int create_vm(struct sim_vm *vm)
{
	const struct sim_tdx_host *host = sim_tdx_host(vm->sim);
	struct sim_td *td = calloc(1, sizeof(*td));

	if (!td)
		return -ENOMEM;
	vm->tech_state = td;
	if (vm->max_vcpus > host->options.present_cpus)
		vm->max_vcpus = host->options.present_cpus;
	return 0;
}

/*
 * tdx_mmu_release_hkid(). The key id is the module's until it has flushed; what it does not flush
 * is lost to the host.
 */
static void release_key(struct sim_vm *vm)
{
	struct sim_td *td = sim_td(vm);

	if (!td->key_id)
		return;
	for (uint32_t i = 0; i < td->vcpus; i++)
		sim_td_seamcall(vm, "TDH.VP.FLUSH", TDX_OPERAND_BUSY);
	if (sim_td_seamcall(vm, "TDH.MNG.VPFLUSHDONE", TDX_OPERAND_BUSY) != TDX_SUCCESS)
		return;
	if (sim_td_seamcall(vm, "TDH.PHYMEM.CACHE.WB", TDX_OPERAND_BUSY) != TDX_SUCCESS)
		return;
	if (sim_td_seamcall(vm, "TDH.MNG.KEY.FREEID", TDX_OPERAND_BUSY) != TDX_SUCCESS)
		return;
	sim_tdx_key_give_back(sim_tdx_host(vm->sim), td->key_id);
	td->key_id = 0;
}

static void destroy_vm(struct sim_vm *vm)
{
	struct sim_td *td = sim_td(vm);

	if (!td)
		return;
	release_key(vm);
	sim_mrtd_free(td->mrtd);
	free(td);
	vm->tech_state = NULL;
}

static int create_vcpu(struct sim_vcpu *vcpu)
{
	if (sim_td(vcpu->vm)->state != SIM_TD_INITIALIZED)
		return -EIO;
	if (vcpu->vm->irqchip != SIM_IRQCHIP_SPLIT)
		return -EINVAL;
	vcpu->tech_state = calloc(1, sizeof(struct sim_td_vcpu));
	if (!vcpu->tech_state)
		return -ENOMEM;
	vcpu->own_registers = true;
	return 0;
}

static void destroy_vcpu(struct sim_vcpu *vcpu)
{
	free(vcpu->tech_state);
	vcpu->tech_state = NULL;
}

static bool enable_cap(struct sim_vm *vm, const struct kvm_enable_cap *cap, int *result)
{
	(void)vm;
	switch (cap->cap) {
	case CAP_VM_COPY_ENC_CONTEXT_FROM:
	case CAP_VM_MOVE_ENC_CONTEXT_FROM:
		*result = -EINVAL;
		return true;
	case CAP_PMU_CAPABILITY:
		/* The module has the PMU; KVM's can only be switched off. */
		*result = -EINVAL;
		return cap->args[0] != PMU_CAPABILITY_DISABLE;
	default:
		return false;
	}
}

static int refuse_vm_ioctl(const struct sim_vm *vm, unsigned long request, uintptr_t argument)
{
	(void)vm;
	(void)argument;
	/* EOIs are never seen by KVM, so an I/O APIC can't be emulated. */
	return request == KVM_CREATE_IRQCHIP ? -ENOTTY : 0;
}

static int refuse_vcpu_ioctl(const struct sim_vcpu *vcpu, unsigned long request)
{
	(void)vcpu;
	switch (request) {
	case KVM_GET_REGS:
	case KVM_SET_REGS:
	case KVM_GET_SREGS:
	case KVM_SET_SREGS:
	case GET_SREGS2:
	case SET_SREGS2:
	case KVM_GET_DEBUGREGS:
	case KVM_SET_DEBUGREGS:
	case KVM_GET_XCRS:
	case KVM_SET_XCRS:
	case KVM_SET_GUEST_DEBUG:
	case KVM_GET_FPU:
	case KVM_SET_FPU:
	case KVM_GET_XSAVE:
	case KVM_GET_XSAVE2:
	case KVM_SET_XSAVE:
	case KVM_GET_LAPIC:
	case KVM_SET_LAPIC:
	case KVM_SET_TSC_KHZ:
	case KVM_KVMCLOCK_CTRL:
		return -EINVAL;
	case KVM_SMI:
		return -ENOTTY;
	default:
		return 0;
	}
}

static bool refuse_msr(const struct sim_vcpu *vcpu, uint32_t index, bool write)
{
	(void)vcpu;
	return write ? !sim_td_kvm_writes_msr(index) : !sim_td_kvm_reads_msr(index);
}

static int check_run(struct sim_vcpu *vcpu)
{
	/* User space's doing: with INIT and SIPI blocked nothing would end that state. */
	if (vcpu->state->mp_state.mp_state == KVM_MP_STATE_INIT_RECEIVED)
		return -EINVAL;
	return sim_td_vcpu(vcpu)->initialized && sim_td(vcpu->vm)->state == SIM_TD_RUNNABLE
		       ? 0
		       : -EINVAL;
}

uint64_t sim_td_apic_base(const struct sim_vcpu *vcpu)
{
	return APIC_BASE_X2APIC | (vcpu->id == vcpu->vm->boot_vcpu_id ? APIC_BASE_BSP : 0);
}

/* Flat 32-bit segments. */
static struct kvm_segment flat(uint8_t type)
{
	return (struct kvm_segment){
		.limit = UINT32_MAX, .type = type, .present = 1, .db = 1, .s = 1, .g = 1};
}

/* TDH.VP.INIT: Intel TDX Module base specification, initial state of a TD's vCPU. */
static int first_entry(struct sim_vcpu *vcpu)
{
	const struct sim_td *td = sim_td(vcpu->vm);
	const struct sim_td_vcpu *state = sim_td_vcpu(vcpu);
	const struct kvm_regs regs = {
		.rip = RESET_VECTOR,
		.rflags = 2,
		.rbx = td->params.config_flags & SIM_TD_CONFIG_MAX_GPAW ? 52 : 48,
		.rcx = state->rcx,
		.r8 = state->rcx,
		.rdx = sim_tdx_host(vcpu->vm->sim)->options.model,
		.rsi = state->index,
	};
	const struct kvm_sregs2 sregs = {
		.cs = flat(0xb),
		.ds = flat(0x3),
		.es = flat(0x3),
		.fs = flat(0x3),
		.gs = flat(0x3),
		.ss = flat(0x3),
		.tr = {.limit = 0xffff, .type = 0xb, .present = 1},
		.ldt = {.unusable = 1},
		.cr0 = 0x21,   /* PE, NE */
		.cr4 = 0x40,   /* MCE; VMXE is hidden from the guest */
		.efer = 0x901, /* SCE, LME, NXE: none can be changed but SCE */
		.apic_base = sim_td_apic_base(vcpu),
	};

	sim_cpu_set(vcpu->cpu, &regs, &sregs);
	return 0;
}

static uint64_t address_bit(const struct sim_vcpu *vcpu)
{
	return sim_td(vcpu->vm)->shared_bit;
}

static uint64_t gpa_alias(const struct sim_vm *vm)
{
	return sim_td(vm)->shared_bit;
}

static void shut_down(struct sim_vcpu *vcpu)
{
	sim_td_vcpu(vcpu)->ended = true;
}

/* A vCPU that the module has given up is not entered again. */
static int enter(struct sim_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (!sim_td_vcpu(vcpu)->ended)
		return 0;
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	run->internal.ndata = 2;
	run->internal.data[0] = TDX_VCPU_STATE_INCORRECT;
	run->internal.data[1] = 0; /* the CPU it was on last */
	return 1;
}

static void describe(const struct sim_vm *vm, struct coco_sim_vm_info *info)
{
	const struct sim_td *td = sim_td(vm);

	if (!td->key_id)
		return;
	memcpy(info->key, td->key, sizeof(info->key));
	info->digest_size = SIM_MRTD_SIZE;
	if (td->state == SIM_TD_RUNNABLE)
		memcpy(info->digest, td->digest, SIM_MRTD_SIZE);
	else if (sim_mrtd_read(td->mrtd, info->digest))
		info->digest_size = 0;
}

/* What KVM says, so that a VMM may hand it on to the module. */
static uint32_t model_of(const struct coco_sim *sim)
{
	struct kvm_cpuid_entry2 entries[64];
	uint32_t count = sim_supported_cpuid(sim, entries, 64);

	for (uint32_t i = 0; i < count && i < 64; i++)
		if (entries[i].function == 1)
			return entries[i].eax;
	return 0;
}

int sim_tdx_new(struct coco_sim *sim)
{
	const struct coco_sim_options *knobs = &sim->knobs->options;
	struct sim_tdx_options options;
	struct sim_tdx_host *host = NULL;
	int rc;

	sim_tdx_options_default(&options);
	options.key_ids = knobs->tdx_keys + 1;
	options.cgroup_capacity = knobs->tdx_keys;
	options.present_cpus = knobs->cpus;
	options.model = model_of(sim);
	rc = sim_tdx_host_new(&options, &host);
	if (!rc)
		sim->tdx = host;
	return rc;
}

void sim_tdx_free(struct coco_sim *sim)
{
	sim_tdx_host_free(sim->tdx);
	sim->tdx = NULL;
}

void sim_tdx_account(const struct coco_sim *sim, struct coco_sim_account *account)
{
	const struct sim_tdx_host *host = sim_tdx_host(sim);

	if (!host)
		return;
	account->tdx_keys_free = sim_tdx_host_free_keys(host);
	account->tdx_keys_used = host->options.key_ids - 1 - account->tdx_keys_free;
	account->tdx_pages = host->pages;
}

const struct sim_tech sim_tech_tdx = {
	.vm_type = UAPI_VM_TYPE_TDX,
	.name = "tdx",
	.private_memory = true,
	.protected_state = true,
	.drops_init = true, /* TDs' firmware brings up APs by itself */
	.offered = offered,
	.create_vm = create_vm,
	.destroy_vm = destroy_vm,
	.enable_cap = enable_cap,
	.describe = describe,
	.create_vcpu = create_vcpu,
	.destroy_vcpu = destroy_vcpu,
	.refuse_vm_ioctl = refuse_vm_ioctl,
	.refuse_vcpu_ioctl = refuse_vcpu_ioctl,
	.refuse_msr = refuse_msr,
	.vm_command = sim_td_vm_command,
	.vcpu_command = sim_td_vcpu_command,
	.pre_fault = sim_td_pre_fault,
	.pages_gone = sim_td_pages_gone,
	.gpa_alias = gpa_alias,
	.slot_deleted = sim_td_slot_deleted,
	.attributes_changed = sim_td_attributes_changed,
	.check_run = check_run,
	.first_entry = first_entry,
	.enter = enter,
	.shut_down = shut_down,
	.address_bit = address_bit,
	.address_bit_is_private = false,
	.find_memory = sim_td_find_memory,
	.instruction = sim_td_instruction,
	.mmio = sim_td_mmio,
};
