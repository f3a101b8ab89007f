/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* VMs of SEV, SEV-ES and SNP: how they come and go, and the gates of KVM_MEMORY_ENCRYPT_OP. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/knobs.h"
#include "sim/sev.h"
#include "sim/sev_run.h"
#include "sim/sev_status.h"

/* linux/kvm.h of Linux 6.1 lacks some. */
#define CAP_SYNC_REGS           74
#define CAP_READONLY_MEM        81
#define CAP_X86_SMM             117
#define CAP_MULTI_ADDRESS_SPACE 118

static enum sim_sev_kind kind_of(uint64_t vm_type)
{
	switch (vm_type) {
	case UAPI_VM_TYPE_SNP:
		return SIM_SEV_SNP;
	case UAPI_VM_TYPE_SEVES:
		return SIM_SEV_ES;
	default:
		return SIM_SEV_PLAIN;
	}
}

static struct sim_sev_vm *new_vm(struct sim_vm *vm, uint64_t type)
{
	struct sim_sev_vm *sev = calloc(1, sizeof(*sev));

	if (!sev)
		return NULL;
	sev->vm = vm;
	sev->type = type;
	sev->kind = kind_of(type);
	sev->need_init = type != UAPI_VM_TYPE_DEFAULT && type != UAPI_VM_TYPE_SW_PROTECTED;
	sev->pre_fault = type != UAPI_VM_TYPE_SNP;
	return sev;
}

static int create_vm(struct sim_vm *vm)
{
	vm->tech_state = new_vm(vm, vm->tech->vm_type);
	return vm->tech_state ? 0 : -ENOMEM;
}

/* The processor's part of sev_vm_destroy(): false if the ASID is lost for good. */
static bool give_context_back(struct sim_sev_vm *sev)
{
	struct coco_sim *sim = sev->vm->sim;
	struct sim_sev_host *host = sim_sev_host(sim);
	uint32_t error = 0;

	if (sev->kind == SIM_SEV_SNP) {
		if (!sev->context)
			return true;
		if (sim_sev_begin_kernel(sim, "SNP_DECOMMISSION", &error))
			return false;
		sim_psp_snp_decommission(&host->psp, sev->context);
		return true;
	}
	if (!sev->handle)
		return true;
	if (!sim_sev_begin_kernel(sim, "SEV_DEACTIVATE", &error))
		sim_psp_deactivate(&host->psp, sev->handle);
	if (!sim_sev_begin_kernel(sim, "SEV_DECOMMISSION", &error))
		sim_psp_decommission(&host->psp, sev->handle);
	return true;
}

static void destroy_vm(struct sim_vm *vm)
{
	struct sim_sev_vm *sev = sim_sev_vm(vm);

	sim_sev_unpin_all(sev);
	if (sev->active && give_context_back(sev))
		sim_sev_asid_give(&sim_sev_host(vm->sim)->asids, sev->kind, sev->asid);
	sim_sev_free_chunks(sev);
	free(sev);
	vm->tech_state = NULL;
}

/* Reference 2.1: the answers that depend on the VM's type. */
static bool check_extension(const struct sim_vm *vm, uint32_t cap, int *value)
{
	const struct sim_sev_vm *sev = sim_sev_vm(vm);
	bool snp = sev->type == UAPI_VM_TYPE_SNP;
	bool es = snp || sev->type == UAPI_VM_TYPE_SEVES;

	switch (cap) {
	case UAPI_CAP_MEMORY_ATTRIBUTES:
		*value = snp ? (int)UAPI_MEMORY_ATTRIBUTE_PRIVATE : 0;
		return true;
	case UAPI_CAP_GUEST_MEMFD_FLAGS:
		*value = snp ? 1 : 3;
		return !sim_quirk(vm->sim, COCO_SIM_GMEM_PRIVATE_ONLY);
	case CAP_READONLY_MEM:
	case CAP_SYNC_REGS:
		*value = 0;
		return es;
	case CAP_X86_SMM:
		*value = 0;
		return sim_sev_is_es(sev);
	case CAP_MULTI_ADDRESS_SPACE:
		*value = 1;
		return snp;
	default:
		return false;
	}
}

static void describe(const struct sim_vm *vm, struct coco_sim_vm_info *info)
{
	const struct sim_sev_vm *sev = sim_sev_vm(vm);
	const struct sim_psp_guest *guest = sim_psp_guest(&sim_sev_host(vm->sim)->psp, sev->handle);

	if (sev->active)
		memcpy(info->key, sev->key_bytes, sizeof(info->key));
	if (sev->context) {
		info->digest_size = sizeof(sev->context->ld);
		memcpy(info->digest, sev->context->ld, sizeof(sev->context->ld));
	} else if (guest && guest->state >= SIM_PSP_LSECRET) {
		info->digest_size = sizeof(guest->ld);
		memcpy(info->digest, guest->ld, sizeof(guest->ld));
	}
}

/* --- INIT, INIT2 */

static int flush(void *context)
{
	struct sim_sev_host *host = context;
	uint32_t error = 0;
	int r = sim_sev_begin_kernel(host->sim, host->snp ? "SNP_DF_FLUSH" : "SEV_DF_FLUSH",
				     &error);

	return r ? r : sim_sev_end(sim_psp_flush(&host->psp), &error);
}

/* __sev_guest_init(), in its order. */
static int guest_init(struct sim_sev_vm *sev, enum sim_sev_kind kind, struct uapi_sev_init2 *data,
		      uint32_t *error)
{
	struct sim_sev_host *host = sim_sev_host(sev->vm->sim);
	bool es = kind != SIM_SEV_PLAIN;
	uint64_t features = es ? host->vmsa_features : 0;
	uint32_t init_error = 0;
	int r;

	if (sev->vm->vcpu_count || data->flags)
		return -EINVAL;
	if (kind != SIM_SEV_SNP)
		features &= ~SIM_SEV_FEATURE_SECURE_TSC;
	if (data->vmsa_features & ~features)
		return -EINVAL;
	if (data->ghcb_version > 2 || (!es && data->ghcb_version))
		return -EINVAL;
	if (es && !data->ghcb_version)
		data->ghcb_version = 2;
	if (kind == SIM_SEV_SNP && data->ghcb_version < 2)
		return -EINVAL;
	if (sev->active)
		return -EINVAL;
	r = sim_sev_asid_take(&host->asids, kind, flush, host, &sev->asid);
	if (r)
		return r;
	r = sim_sev_platform_init(host, &init_error);
	if (r) {
		*error = init_error;
		sim_sev_asid_give(&host->asids, kind, sev->asid);
		sev->asid = 0;
		return r;
	}
	sev->active = true;
	sev->kind = kind;
	sev->features = data->vmsa_features | (kind == SIM_SEV_SNP ? SIM_SEV_FEATURE_SNP : 0);
	sev->ghcb_version = data->ghcb_version;
	sev->need_init = false;
	sim_make_key(sev->vm->sim, sev->key_bytes);
	memcpy(&sev->key, sev->key_bytes, sizeof(sev->key));
	return 0;
}

int sim_sev_init(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	bool es = command->id == UAPI_SEV_ES_INIT;
	/* KVM_SEV_ES_INIT knows the oldest protocol only. */
	struct uapi_sev_init2 data = {.ghcb_version = es ? 1 : 0};

	if (sev->type != UAPI_VM_TYPE_DEFAULT)
		return -EINVAL;
	return guest_init(sev, es ? SIM_SEV_ES : SIM_SEV_PLAIN, &data, &command->error);
}

int sim_sev_init2(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	struct uapi_sev_init2 data;
	int r;

	if (!sev->need_init)
		return -EINVAL;
	r = sim_copy_in(&data, command->data, sizeof(data));
	return r ? r : guest_init(sev, kind_of(sev->type), &data, &command->error);
}

/* --- KVM_MEMORY_ENCRYPT_OP */

static const struct {
	uint32_t id;
	int (*execute)(struct sim_sev_vm *sev, struct uapi_sev_command *command);
} commands[] = {
	{UAPI_SEV_INIT, sim_sev_init},
	{UAPI_SEV_ES_INIT, sim_sev_init},
	{UAPI_SEV_INIT2, sim_sev_init2},
	{UAPI_SEV_LAUNCH_START, sim_sev_launch_start},
	{UAPI_SEV_LAUNCH_UPDATE_DATA, sim_sev_launch_update_data},
	{UAPI_SEV_LAUNCH_UPDATE_VMSA, sim_sev_launch_update_vmsa},
	{UAPI_SEV_LAUNCH_SECRET, sim_sev_launch_secret},
	{UAPI_SEV_LAUNCH_MEASURE, sim_sev_launch_measure},
	{UAPI_SEV_LAUNCH_FINISH, sim_sev_launch_finish},
	{UAPI_SEV_SEND_START, sim_sev_migration},
	{UAPI_SEV_SEND_UPDATE_DATA, sim_sev_migration},
	{UAPI_SEV_SEND_FINISH, sim_sev_migration},
	{UAPI_SEV_SEND_CANCEL, sim_sev_migration},
	{UAPI_SEV_RECEIVE_START, sim_sev_migration},
	{UAPI_SEV_RECEIVE_UPDATE, sim_sev_migration},
	{UAPI_SEV_RECEIVE_FINISH, sim_sev_migration},
	{UAPI_SEV_GUEST_STATUS, sim_sev_guest_status},
	{UAPI_SEV_DBG_DECRYPT, sim_sev_debug},
	{UAPI_SEV_DBG_ENCRYPT, sim_sev_debug},
	{UAPI_SEV_GET_REPORT, sim_sev_attestation_report},
	{UAPI_SNP_LAUNCH_START, sim_snp_launch_start},
	{UAPI_SNP_LAUNCH_UPDATE, sim_snp_launch_update},
	{UAPI_SNP_LAUNCH_FINISH, sim_snp_launch_finish},
	{UAPI_SNP_ENABLE_REQ_CERTS, sim_snp_enable_certs},
};

/* sev_mem_enc_ioctl(), gates 1 to 8 of reference 3.2. */
static int execute(struct sim_sev_vm *sev, uintptr_t argument)
{
	const struct sim_sev_host *host = sim_sev_host(sev->vm->sim);
	struct uapi_sev_command command;
	int r;

	if (!host->sev)
		return -ENOTTY;
	if (!argument)
		return 0;
	r = sim_copy_in(&command, argument, sizeof(command));
	if (r)
		return r;
	if (sim_sev_is_snp(sev) && command.id < UAPI_SNP_LAUNCH_START)
		return -EPERM;
	if (command.id == UAPI_SEV_ES_INIT && !host->es)
		return -ENOTTY;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].id != command.id)
			continue;
		r = commands[i].execute(sev, &command);
		return sim_copy_out(argument, &command, sizeof(command)) ? -EFAULT : r;
	}
	return -EINVAL;
}

static int vm_command(struct sim_vm *vm, uintptr_t argument)
{
	return execute(sim_sev_vm(vm), argument);
}

/* --- what each type brings to the simulator */

#define COMMON                                                                                     \
	.check_extension = check_extension, .destroy_vm = destroy_vm, .describe = describe,        \
	.create_vcpu = sim_sev_create_vcpu, .destroy_vcpu = sim_sev_destroy_vcpu,                  \
	.refuse_vcpu_ioctl = sim_sev_refuse_vcpu_ioctl, .refuse_msr = sim_sev_refuse_msr,          \
	.vm_command = vm_command, .register_region = sim_sev_register_region,                      \
	.unregister_region = sim_sev_unregister_region, .check_run = sim_sev_check_run,            \
	.enter = sim_sev_enter, .init = sim_sev_init_event, .sipi = sim_sev_sipi,                  \
	.address_bit = sim_sev_address_bit, .address_bit_is_private = true,                        \
	.instruction = sim_sev_instruction, .mmio = sim_sev_mmio

/* As type 0 has it: nothing is restricted that depends on the VM's type. */
static const struct sim_tech legacy = {
	COMMON,
	.vm_type = UAPI_VM_TYPE_DEFAULT,
	.name = "sev (type 0)",
	.is_hidden = sim_sev_is_hidden,
	.find_memory = sim_sev_find_memory,
};

int sim_sev_legacy_command(struct sim_vm *vm, uintptr_t argument)
{
	struct sim_sev_vm *sev = new_vm(vm, vm->tech->vm_type);
	int r;

	if (!sev)
		return -ENOMEM;
	r = execute(sev, argument);
	if (sev->active) {
		vm->tech = &legacy;
		vm->tech_state = sev;
	} else {
		free(sev);
	}
	return r;
}

static bool offers_sev(const struct coco_sim *sim)
{
	const struct sim_sev_host *host = sim_sev_host(sim);
	uint32_t first, last;

	sim_sev_asid_range(&host->asids, SIM_SEV_PLAIN, &first, &last);
	return sim_offers(sim, COCO_TECH_SEV) && first <= last;
}

static bool offers_es(const struct coco_sim *sim)
{
	const struct sim_sev_host *host = sim_sev_host(sim);
	uint32_t first, last;

	sim_sev_asid_range(&host->asids, SIM_SEV_ES, &first, &last);
	return sim_offers(sim, COCO_TECH_SEVES) && host->es && first <= last;
}

static bool offers_snp(const struct coco_sim *sim)
{
	return sim_sev_host(sim)->snp;
}

const struct sim_tech sim_tech_sev = {
	COMMON,
	.vm_type = UAPI_VM_TYPE_SEV,
	.name = "sev",
	.create_vm = create_vm,
	.offered = offers_sev,
	.is_hidden = sim_sev_is_hidden,
	.find_memory = sim_sev_find_memory,
};

const struct sim_tech sim_tech_seves = {
	COMMON,
	.vm_type = UAPI_VM_TYPE_SEVES,
	.name = "seves",
	.protected_state = true,
	.create_vm = create_vm,
	.offered = offers_es,
	.is_hidden = sim_sev_is_hidden,
	.find_memory = sim_sev_find_memory,
};

const struct sim_tech sim_tech_snp = {
	COMMON,
	.vm_type = UAPI_VM_TYPE_SNP,
	.name = "snp",
	.private_memory = true,
	.protected_state = true,
	.create_vm = create_vm,
	.offered = offers_snp,
	.pre_fault = sim_snp_pre_fault,
	.pages_gone = sim_snp_pages_gone,
	.find_memory = sim_snp_find_memory,
};
