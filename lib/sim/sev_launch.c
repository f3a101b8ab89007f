/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Launch commands of SEV and SEV-ES (reference 3.7 and 8.3). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sev.h"
#include "sim/sev_status.h"

static struct sim_psp *psp_of(const struct sim_sev_vm *sev)
{
	return &sim_sev_host(sev->vm->sim)->psp;
}

/* sev_issue_cmd(): by the number that START was given. */
static int begin(const struct sim_sev_vm *sev, const char *name, struct uapi_sev_command *command)
{
	return sim_sev_begin(sev->vm->sim, sev->fd, name, &command->error);
}

int sim_sev_copy_blob(uint64_t address, uint32_t size, uint8_t **out)
{
	int r;

	*out = NULL;
	if (!address || !size || size > UAPI_SEV_BLOB_MAX)
		return -EINVAL;
	*out = malloc(size);
	if (!*out)
		return -ENOMEM;
	r = sim_copy_in(*out, address, size);
	if (r) {
		free(*out);
		*out = NULL;
	}
	return r;
}

/* A guest that ACTIVATE has refused, or whose handle could not be handed out. */
static void give_up(const struct sim_sev_vm *sev, uint32_t handle)
{
	uint32_t ignored = 0;

	if (!sim_sev_begin_kernel(sev->vm->sim, "SEV_DECOMMISSION", &ignored))
		sim_psp_decommission(psp_of(sev), handle);
}

static int start(struct sim_sev_vm *sev, struct uapi_sev_command *command,
		 struct uapi_sev_launch_start *params, const uint8_t *session)
{
	struct coco_sim *sim = sev->vm->sim;
	uint32_t handle = 0;
	int r;

	r = sim_sev_begin(sim, (int)command->sev_fd, "SEV_LAUNCH_START", &command->error);
	if (r)
		return r;
	r = sim_sev_end(sim_psp_launch_start(psp_of(sev), params->handle, params->policy, session,
					     session ? params->session_len : 0, &handle),
			&command->error);
	if (r)
		return r;
	r = sim_sev_begin_kernel(sim, "SEV_ACTIVATE", &command->error);
	if (!r)
		r = sim_sev_end(sim_psp_activate(psp_of(sev), handle, sev->asid), &command->error);
	if (r) {
		give_up(sev, handle);
		return r;
	}
	params->handle = handle;
	if (sim_copy_out(command->data, params, sizeof(*params))) {
		give_up(sev, handle);
		return -EFAULT;
	}
	sev->policy = params->policy;
	sev->handle = handle;
	sev->fd = (int)command->sev_fd;
	return 0;
}

int sim_sev_launch_start(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	struct uapi_sev_launch_start params;
	uint8_t *dh = NULL, *session = NULL;
	int r;

	if (!sev->active)
		return -ENOTTY;
	r = sim_copy_in(&params, command->data, sizeof(params));
	if (!r && params.dh_uaddr)
		r = sim_sev_copy_blob(params.dh_uaddr, params.dh_len, &dh);
	if (!r && params.session_uaddr)
		r = sim_sev_copy_blob(params.session_uaddr, params.session_len, &session);
	if (!r)
		r = start(sev, command, &params, session);
	free(session);
	free(dh);
	return r;
}

/* One firmware command takes what is physically contiguous: here, one page. */
static int update_page(struct sim_sev_vm *sev, struct uapi_sev_command *command, uint64_t address,
		       uint32_t size)
{
	uint8_t bytes[SIM_PAGE_SIZE];
	int r = sim_copy_in(bytes, address, size);

	if (r)
		return r;
	r = begin(sev, "SEV_LAUNCH_UPDATE_DATA", command);
	if (r)
		return r;
	r = sim_sev_end(
		sim_psp_launch_update(psp_of(sev), sev->handle, false, address, bytes, size),
		&command->error);
	return r ? r : sim_sev_write_plain(sev, address, bytes, size);
}

int sim_sev_launch_update_data(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	struct uapi_sev_buffer params;
	uint64_t address, left;
	int r;

	if (!sev->active)
		return -ENOTTY;
	r = sim_copy_in(&params, command->data, sizeof(params));
	if (!r)
		r = sim_sev_pin(sev, params.uaddr, params.len, true, false);
	if (r)
		return r;
	for (address = params.uaddr, left = params.len; left && !r;) {
		uint64_t in_page = SIM_PAGE_SIZE - address % SIM_PAGE_SIZE;
		uint32_t size = (uint32_t)(left < in_page ? left : in_page);

		r = update_page(sev, command, address, size);
		address += size;
		left -= size;
	}
	return r;
}

static int update_vmsa(struct sim_vcpu *vcpu, struct uapi_sev_command *command)
{
	struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);
	int r = sim_sev_capture_vmsa(vcpu);

	if (!r)
		r = begin(sev, "SEV_LAUNCH_UPDATE_VMSA", command);
	if (!r)
		r = sim_sev_end(sim_psp_launch_update(psp_of(sev), sev->handle, true, 0,
						      &state->vmsa, sizeof(state->vmsa)),
				&command->error);
	if (!r) {
		state->protected = true;
		vcpu->protected = true;
		state->has_vmsa = true;
	}
	return r;
}

int sim_sev_launch_update_vmsa(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	int r = 0;

	if (!sim_sev_is_es(sev))
		return -ENOTTY;
	sim_sev_wait_for_vcpus(sev->vm);
	for (uint32_t i = 0; i < sev->vm->vcpu_count && !r; i++)
		r = update_vmsa(sev->vm->vcpus[i], command);
	return r;
}

int sim_sev_launch_measure(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	struct uapi_sev_buffer params;
	uint8_t blob[UAPI_SEV_BLOB_MAX] = {0};
	uint32_t size;
	int r;

	if (!sev->active)
		return -ENOTTY;
	r = sim_copy_in(&params, command->data, sizeof(params));
	if (r)
		return r;
	if (params.len && params.uaddr && params.len > UAPI_SEV_BLOB_MAX)
		return -EINVAL;
	/* Without an address the firmware is not told of the length either. */
	size = params.uaddr ? params.len : 0;
	r = begin(sev, "SEV_LAUNCH_MEASURE", command);
	if (!r)
		r = sim_sev_end(sim_psp_launch_measure(psp_of(sev), sev->handle, blob, &size),
				&command->error);
	/* A query of the length ends here, with what the firmware said. */
	if (params.len && r)
		return r;
	if (params.len && params.uaddr && sim_copy_out(params.uaddr, blob, params.len))
		r = -EFAULT;
	params.len = size;
	return sim_copy_out(command->data, &params, sizeof(params)) ? -EFAULT : r;
}

static int secret(struct sim_sev_vm *sev, struct uapi_sev_command *command,
		  const struct uapi_sev_launch_secret *params, const uint8_t *header,
		  const uint8_t *data)
{
	int r = begin(sev, "SEV_LAUNCH_SECRET", command);

	if (!r)
		r = sim_sev_end(sim_psp_launch_secret(psp_of(sev), sev->handle, header,
						      params->header_len, data, params->payload_len,
						      params->guest_len),
				&command->error);
	return r ? r : sim_sev_write_plain(sev, params->guest_uaddr, data, params->guest_len);
}

int sim_sev_launch_secret(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	struct uapi_sev_launch_secret params;
	uint8_t *data = NULL, *header = NULL;
	int r;

	if (!sev->active)
		return -ENOTTY;
	r = sim_copy_in(&params, command->data, sizeof(params));
	if (!r)
		r = sim_sev_pin(sev, params.guest_uaddr, params.guest_len, true, false);
	if (!r)
		r = sim_sev_copy_blob(params.payload_uaddr, params.payload_len, &data);
	if (!r)
		r = sim_sev_copy_blob(params.header_uaddr, params.header_len, &header);
	if (!r)
		r = secret(sev, command, &params, header, data);
	free(header);
	free(data);
	return r;
}

int sim_sev_launch_finish(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	int r;

	if (!sev->active)
		return -ENOTTY;
	r = begin(sev, "SEV_LAUNCH_FINISH", command);
	return r ? r
		 : sim_sev_end(sim_psp_launch_finish(psp_of(sev), sev->handle), &command->error);
}
