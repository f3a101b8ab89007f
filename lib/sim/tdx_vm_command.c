/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* KVM_MEMORY_ENCRYPT_OP on a TD's VM. Checks are in the order of tdx_vm_ioctl() of Linux 7.2. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/tdx.h"

/* Sizes of the simulated module's structures, in pages. */
#define TDCS_PAGES 9

/* TDVMCALLs of GetTdVmCallInfo leaf 1 that KVM leaves to user space. */
#define CALLINFO_SETUP_EVENT_NOTIFY 2ull

#define KVM_CPUID_ENTRIES_MAX 256u

int sim_td_get_command(uintptr_t argument, struct uapi_tdx_command *command)
{
	if (sim_copy_in(command, argument, sizeof(*command)))
		return -EFAULT;
	return command->hw_error ? -EINVAL : 0;
}

static int get_capabilities(struct sim_vm *vm, const struct uapi_tdx_command *command)
{
	const struct sim_tdx_host *host = sim_tdx_host(vm->sim);
	uintptr_t user = (uintptr_t)command->data;
	uint32_t count = sim_tdx_config_count();
	struct uapi_tdx_capabilities *capabilities;
	size_t size = sizeof(*capabilities) + count * sizeof(capabilities->entries[0]);
	uint32_t room;
	int rc;

	if (command->flags)
		return -EINVAL;
	if (sim_copy_in(&room, user + offsetof(struct uapi_tdx_capabilities, nent), sizeof(room)))
		return -EFAULT;
	if (room < count)
		return -E2BIG;
	capabilities = calloc(1, size);
	if (!capabilities)
		return -ENOMEM;
	capabilities->supported_attrs = host->options.supported_attributes;
	capabilities->supported_xfam = host->options.supported_xfam;
	capabilities->user_tdvmcallinfo_1_r11 = CALLINFO_SETUP_EVENT_NOTIFY;
	capabilities->nent = count;
	for (uint32_t i = 0; i < count; i++)
		sim_tdx_config_entry(i, &capabilities->entries[i]);
	rc = sim_copy_out(user, capabilities, size) ? -EFAULT : 0;
	free(capabilities);
	return rc;
}

/* KVM_TDX_INIT_VM's struct, found well-formed: the caller frees it. */
static int copy_init(uintptr_t user, struct uapi_tdx_init_vm **out)
{
	struct uapi_tdx_init_vm *init;
	uint32_t count;
	size_t size;
	int rc = 0;

	if (sim_copy_in(&count, user + offsetof(struct uapi_tdx_init_vm, nent), sizeof(count)))
		return -EFAULT;
	if (count > KVM_CPUID_ENTRIES_MAX)
		return -E2BIG;
	size = sizeof(*init) + count * sizeof(init->entries[0]);
	init = malloc(size);
	if (!init)
		return -ENOMEM;
	if (sim_copy_in(init, user, size))
		rc = -EFAULT;
	for (size_t i = 0; !rc && i < sizeof(init->reserved) / sizeof(init->reserved[0]); i++)
		if (init->reserved[i])
			rc = -EINVAL;
	/* The count may have changed between the two copies. */
	if (!rc && (init->padding || init->nent != count))
		rc = -EINVAL;
	if (rc)
		free(init);
	else
		*out = init;
	return rc;
}

/* A SEAMCALL that may be short of entropy: -EAGAIN; any other failure is KVM's own mistake. */
static int call_for_entropy(struct sim_vm *vm, const char *name)
{
	uint64_t status = sim_td_seamcall(vm, name, TDX_OPERAND_INVALID);

	if (status == TDX_SUCCESS)
		return 0;
	return status == TDX_RND_NO_ENTROPY ? -EAGAIN : sim_vm_bug(vm);
}

/* __tdx_td_init() from TDH.MNG.CREATE on, with the key id at hand. */
static int create_td(struct sim_vm *vm, const struct sim_td_params *params, uint64_t *hw_error)
{
	struct sim_td *td = sim_td(vm);
	uint64_t status;
	int rc = call_for_entropy(vm, "TDH.MNG.CREATE");

	if (rc)
		return rc;
	if (sim_td_seamcall(vm, "TDH.MNG.KEY.CONFIG", TDX_OPERAND_BUSY) != TDX_SUCCESS)
		return sim_vm_bug(vm);
	for (int i = 0; i < TDCS_PAGES; i++) {
		rc = call_for_entropy(vm, "TDH.MNG.ADDCX");
		if (rc)
			return rc;
	}
	status = sim_td_seamcall(vm, "TDH.MNG.INIT", TDX_OPERAND_BUSY);
	if (status == TDX_SUCCESS)
		status = sim_td_params_check(sim_tdx_host(vm->sim), params, &td->cpuid);
	if ((status & TDX_STATUS_MASK) == TDX_OPERAND_INVALID) {
		*hw_error = status;
		return -EINVAL;
	}
	return status == TDX_SUCCESS ? 0 : sim_vm_bug(vm);
}

static int init_td(struct sim_vm *vm, const struct sim_td_params *params, uint64_t *hw_error)
{
	struct sim_td *td = sim_td(vm);
	struct sim_tdx_host *host = sim_tdx_host(vm->sim);
	struct sim_mrtd *mrtd;
	int key_id = sim_tdx_key_take(host);
	int rc;

	if (key_id < 0)
		return key_id;
	rc = sim_mrtd_new(&mrtd);
	if (!rc) {
		rc = create_td(vm, params, hw_error);
		if (rc)
			sim_mrtd_free(mrtd);
	}
	if (rc) {
		sim_tdx_key_give_back(host, key_id);
		return rc;
	}
	td->mrtd = mrtd;
	td->key_id = key_id;
	sim_make_key(vm->sim, td->key);
	td->params = *params;
	td->shared_bit = params->config_flags & SIM_TD_CONFIG_MAX_GPAW ? TDX_SHARED_BIT_52
								       : TDX_SHARED_BIT_48;
	td->state = SIM_TD_INITIALIZED;
	vm->memory_epoch++;
	return 0;
}

static int init_vm(struct sim_vm *vm, struct uapi_tdx_command *command)
{
	struct sim_td_params params;
	struct uapi_tdx_init_vm *init;
	int rc;

	if (sim_td(vm)->state != SIM_TD_UNINITIALIZED)
		return -EINVAL;
	if (command->flags)
		return -EINVAL;
	rc = copy_init((uintptr_t)command->data, &init);
	if (rc)
		return rc;
	if (vm->vcpu_count)
		rc = -EBUSY;
	if (!rc)
		rc = sim_td_params_make(sim_tdx_host(vm->sim), init, vm->max_vcpus, vm->tsc_khz,
					&params);
	free(init);
	return rc ? rc : init_td(vm, &params, &command->hw_error);
}

static int finalize_vm(struct sim_vm *vm, struct uapi_tdx_command *command)
{
	struct sim_td *td = sim_td(vm);

	if (!td->key_id || td->state == SIM_TD_RUNNABLE)
		return -EINVAL;
	command->hw_error = sim_td_seamcall(vm, "TDH.MR.FINALIZE", TDX_OPERAND_BUSY);
	if ((command->hw_error & TDX_STATUS_MASK) == TDX_OPERAND_BUSY)
		return -EBUSY;
	if (command->hw_error || sim_mrtd_read(td->mrtd, td->digest))
		return sim_vm_bug(vm);
	td->state = SIM_TD_RUNNABLE;
	return 0;
}

int sim_td_vm_command(struct sim_vm *vm, uintptr_t argument)
{
	struct uapi_tdx_command command;
	int rc = sim_td_get_command(argument, &command);

	if (rc)
		return rc;
	if (command.id == UAPI_TDX_CAPABILITIES) {
		rc = sim_fault(vm->sim, "TDX_CAPABILITIES", NULL);
		return rc ? rc : get_capabilities(vm, &command);
	}
	/* Where KVM takes its locks: -EBUSY and -EINTR come from here, before any look at the
	 * state. */
	switch (command.id) {
	case UAPI_TDX_INIT_VM:
		rc = sim_fault(vm->sim, "TDX_INIT_VM", NULL);
		if (rc)
			return rc;
		rc = init_vm(vm, &command);
		break;
	case UAPI_TDX_FINALIZE_VM:
		rc = sim_fault(vm->sim, "TDX_FINALIZE_VM", NULL);
		if (rc)
			return rc;
		rc = finalize_vm(vm, &command);
		break;
	default:
		return -EINVAL;
	}
	return sim_copy_out(argument, &command, sizeof(command)) ? -EFAULT : rc;
}
