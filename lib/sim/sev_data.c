/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Commands of SEV and SEV-ES beside the launch: status, debugging, reports, and migration (which is
 * refused). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sev.h"
#include "sim/sev_status.h"

static struct sim_psp *psp_of(const struct sim_sev_vm *sev)
{
	return &sim_sev_host(sev->vm->sim)->psp;
}

static int begin(const struct sim_sev_vm *sev, const char *name, struct uapi_sev_command *command)
{
	return sim_sev_begin(sev->vm->sim, sev->fd, name, &command->error);
}

int sim_sev_guest_status(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	struct uapi_sev_guest_status status = {0};
	const struct sim_psp_guest *guest;
	int r;

	if (!sev->active)
		return -ENOTTY;
	r = begin(sev, "SEV_GUEST_STATUS", command);
	if (r)
		return r;
	guest = sim_psp_guest(psp_of(sev), sev->handle);
	if (!guest)
		return sim_sev_end(SIM_SEV_INVALID_GUEST, &command->error);
	sim_sev_end(SIM_SEV_SUCCESS, &command->error);
	status.handle = guest->handle;
	status.policy = guest->policy;
	status.state = guest->state;
	return sim_copy_out(command->data, &status, sizeof(status));
}

static int copy_plain(struct sim_sev_vm *sev, bool decrypt, uint64_t from, uint64_t to,
		      uint32_t size)
{
	uint8_t bytes[SIM_PAGE_SIZE];
	int r;

	r = decrypt ? sim_sev_read_plain(sev, from, bytes, size) : sim_copy_in(bytes, from, size);
	if (r)
		return r;
	return decrypt ? sim_copy_out(to, bytes, size) : sim_sev_write_plain(sev, to, bytes, size);
}

int sim_sev_debug(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	bool decrypt = command->id == UAPI_SEV_DBG_DECRYPT;
	struct uapi_sev_debug params;
	uint32_t size;
	int r;

	if (!sev->active)
		return -ENOTTY;
	r = sim_copy_in(&params, command->data, sizeof(params));
	if (r)
		return r;
	if (!params.len || !params.src_uaddr || !params.dst_uaddr)
		return -EINVAL;
	if (params.src_uaddr + params.len < params.src_uaddr ||
	    params.dst_uaddr + params.len < params.dst_uaddr)
		return -EINVAL;
	for (uint32_t i = 0; i < params.len && !r; i += size) {
		uint64_t from = params.src_uaddr + i, to = params.dst_uaddr + i;
		uint64_t in_from = SIM_PAGE_SIZE - from % SIM_PAGE_SIZE;
		uint64_t in_to = SIM_PAGE_SIZE - to % SIM_PAGE_SIZE;

		size = params.len - i;
		size = size < in_from ? size : (uint32_t)in_from;
		size = size < in_to ? size : (uint32_t)in_to;
		r = sim_sev_pin(sev, from, size, false, false);
		if (!r)
			r = sim_sev_pin(sev, to, size, true, false);
		if (!r)
			r = begin(sev, decrypt ? "SEV_DBG_DECRYPT" : "SEV_DBG_ENCRYPT", command);
		if (!r)
			r = sim_sev_end(sim_psp_debug(psp_of(sev), sev->handle), &command->error);
		if (!r)
			r = copy_plain(sev, decrypt, from, to, size);
	}
	return r;
}

int sim_sev_attestation_report(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	struct uapi_sev_report params;
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
	size = params.uaddr ? params.len : 0;
	r = begin(sev, "SEV_ATTESTATION_REPORT", command);
	if (!r)
		r = sim_sev_end(
			sim_psp_report(psp_of(sev), sev->handle, params.mnonce, blob, &size),
			&command->error);
	if (params.len && r)
		return r;
	if (params.len && params.uaddr && sim_copy_out(params.uaddr, blob, params.len))
		r = -EFAULT;
	params.len = size;
	return sim_copy_out(command->data, &params, sizeof(params)) ? -EFAULT : r;
}

/* The argument's size of each command; 0: it has none. */
static size_t migration_argument(uint32_t id)
{
	switch (id) {
	case UAPI_SEV_SEND_START:
		return 72;
	case UAPI_SEV_SEND_UPDATE_DATA:
	case UAPI_SEV_RECEIVE_UPDATE:
		return 48;
	case UAPI_SEV_RECEIVE_START:
		return 40;
	default:
		return 0;
	}
}

/*
 * The kernel's checks are made; then the firmware has no such command. Guests of this simulator,
 * like those of the lab's processor, can't be migrated.
 */
int sim_sev_migration(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	bool receives = command->id == UAPI_SEV_RECEIVE_START;
	uint8_t argument[72];
	int r;

	if (!sev->active)
		return command->id == UAPI_SEV_RECEIVE_UPDATE ? -EINVAL : -ENOTTY;
	r = sim_copy_in(argument, command->data, migration_argument(command->id));
	if (r)
		return r;
	r = sim_sev_begin(sev->vm->sim, receives ? (int)command->sev_fd : sev->fd, "SEV_MIGRATION",
			  &command->error);
	return r ? r : sim_sev_end(SIM_SEV_INVALID_COMMAND, &command->error);
}
