/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Launch commands of SNP (reference 3.8 and 8.4). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sev.h"
#include "sim/sev_status.h"

static struct sim_psp *psp_of(const struct sim_sev_vm *sev)
{
	return &sim_sev_host(sev->vm->sim)->psp;
}

int sim_snp_enable_certs(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	(void)command;
	if (!sim_sev_is_snp(sev) || sev->vm->vcpu_count)
		return -EINVAL;
	sev->certs = true;
	return 0;
}

/* snp_decommission_context() on the way out. */
static void give_context_up(struct sim_sev_vm *sev)
{
	uint32_t ignored = 0;

	if (sim_sev_begin_kernel(sev->vm->sim, "SNP_DECOMMISSION", &ignored))
		return;
	sim_psp_snp_decommission(psp_of(sev), sev->context);
	sev->context = NULL;
}

static int bring_up(struct sim_sev_vm *sev, struct uapi_sev_command *command,
		    const struct uapi_snp_launch_start *params)
{
	struct coco_sim *sim = sev->vm->sim;
	int r = sim_sev_begin(sim, (int)command->sev_fd, "SNP_LAUNCH_START", &command->error);

	if (!r)
		r = sim_sev_end(sim_psp_snp_launch_start(psp_of(sev), sev->context, params->policy,
							 params->gosvw),
				&command->error);
	if (r)
		return r;
	/* Both are kept when ACTIVATE fails. */
	sev->policy = params->policy;
	sev->fd = (int)command->sev_fd;
	r = sim_sev_begin(sim, sev->fd, "SNP_ACTIVATE", &command->error);
	return r ? r
		 : sim_sev_end(sim_psp_snp_activate(psp_of(sev), sev->context, sev->asid),
			       &command->error);
}

int sim_snp_launch_start(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	const struct sim_sev_host *host = sim_sev_host(sev->vm->sim);
	struct uapi_snp_launch_start params;
	int r;

	if (!sim_sev_is_snp(sev))
		return -ENOTTY;
	r = sim_copy_in(&params, command->data, sizeof(params));
	if (r)
		return r;
	if (sev->context || params.flags || (params.policy & ~host->snp_policy) ||
	    !(params.policy & SIM_PSP_SNP_MUST_BE_ONE))
		return -EINVAL;
	/* Whatever goes wrong with the context is -ENOTTY, a bad sev_fd too. */
	if (sim_sev_begin(sev->vm->sim, (int)command->sev_fd, "SNP_GCTX_CREATE", &command->error) ||
	    sim_sev_end(sim_psp_context_create(psp_of(sev), &sev->context), &command->error))
		return -ENOTTY;
	r = bring_up(sev, command, &params);
	if (r)
		give_context_up(sev);
	return r;
}

/* --- LAUNCH_UPDATE */

struct load {
	struct sim_sev_vm *sev;
	struct uapi_sev_command *command;
	struct sim_slot *slot;
	uint8_t type;
	uint32_t firmware; /* its status */
};

/* snp_page_reclaim(): false where the processor is not to be moved to it; that is the VM's end. */
static bool reclaim(struct sim_sev_vm *sev)
{
	uint32_t ignored = 0;

	if (!sim_sev_begin_kernel(sev->vm->sim, "SNP_PAGE_RECLAIM", &ignored))
		return true;
	sim_vm_bug(sev->vm);
	return false;
}

/* sev_gmem_post_populate() */
static int assign_and_load(struct load *load, uint64_t gpa, uint64_t source, uint8_t *bytes,
			   struct sim_gmem_page *page)
{
	struct sim_sev_vm *sev = load->sev;
	int r;

	sim_rmp_assign(sev->vm, page, gpa, 0);
	r = sim_sev_begin(sev->vm->sim, (int)load->command->sev_fd, "SNP_LAUNCH_UPDATE",
			  &load->firmware);
	if (!r)
		r = sim_sev_end(sim_psp_snp_launch_update(psp_of(sev), sev->context, load->type,
							  gpa, bytes),
				&load->firmware);
	if (!r) {
		page->flags |= SIM_RMP_VALIDATED;
		return 0;
	}
	if (!reclaim(sev))
		return r;
	sim_rmp_release(sev->vm, page, SIM_RMP_SHARED);
	/* What the firmware would have accepted. */
	if (load->type == SIM_PSP_PAGE_CPUID && load->firmware == SIM_SEV_INVALID_PARAM)
		sim_copy_out(source, bytes, SIM_PAGE_SIZE);
	return r;
}

/* One page of kvm_gmem_populate(). Whatever it fails with becomes -EIO. */
static int load_page(struct load *load, uint64_t gpa, uint64_t source)
{
	bool has_source = load->type != SIM_PSP_PAGE_ZERO;
	uint8_t content[SIM_PAGE_SIZE], *bytes;
	struct sim_gmem_page *page;
	int r;

	if (has_source && sim_copy_in(content, source, sizeof(content)))
		return -EFAULT;
	/* The source of a CPUID page is pinned for writing. */
	if (load->type == SIM_PSP_PAGE_CPUID && sim_copy_out(source, content, sizeof(content)))
		return -EFAULT;
	r = sim_gmem_touch(load->slot, gpa, &bytes, &page);
	if (r)
		return r;
	if (!sim_attribute_private(load->sev->vm, gpa))
		return -EINVAL;
	if (page->state == SIM_RMP_PRIVATE)
		return -EEXIST;
	if (has_source)
		memcpy(bytes, content, sizeof(content));
	return assign_and_load(load, gpa, source, bytes, page);
}

static bool is_update_valid(const struct uapi_snp_launch_update *params)
{
	if (!params->len || params->len % SIM_PAGE_SIZE || params->flags)
		return false;
	switch (params->type) {
	case SIM_PSP_PAGE_ZERO:
		return true;
	case SIM_PSP_PAGE_NORMAL:
	case SIM_PSP_PAGE_UNMEASURED:
	case SIM_PSP_PAGE_SECRETS:
	case SIM_PSP_PAGE_CPUID:
		return params->uaddr % SIM_PAGE_SIZE == 0;
	default:
		return false;
	}
}

int sim_snp_launch_update(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	struct uapi_snp_launch_update params;
	struct load load = {.sev = sev, .command = command};
	uint64_t gpa, pages, done = 0;

	if (!sim_sev_is_snp(sev) || !sev->context)
		return -EINVAL;
	if (sim_copy_in(&params, command->data, sizeof(params)))
		return -EFAULT;
	if (!is_update_valid(&params))
		return -EINVAL;
	gpa = params.gfn_start * SIM_PAGE_SIZE;
	load.slot =
		params.gfn_start <= UINT64_MAX / SIM_PAGE_SIZE ? sim_slot_find(sev->vm, gpa) : NULL;
	if (!load.slot || !(load.slot->flags & UAPI_MEM_GUEST_MEMFD))
		return -EINVAL;
	load.type = params.type;
	pages = (load.slot->gpa + load.slot->size - gpa) / SIM_PAGE_SIZE;
	if (params.len / SIM_PAGE_SIZE < pages)
		pages = params.len / SIM_PAGE_SIZE;
	while (done < pages &&
	       !load_page(&load, gpa + done * SIM_PAGE_SIZE, params.uaddr + done * SIM_PAGE_SIZE))
		done++;
	if (!done) {
		command->error = load.firmware;
		return -EIO;
	}
	params.gfn_start += done;
	params.len -= done * SIM_PAGE_SIZE;
	if (params.type != SIM_PSP_PAGE_ZERO)
		params.uaddr += done * SIM_PAGE_SIZE;
	return sim_copy_out(command->data, &params, sizeof(params)) ? -EFAULT : 0;
}

/* --- LAUNCH_FINISH */

static int load_vmsa(struct sim_vcpu *vcpu, struct uapi_sev_command *command)
{
	struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);
	int r = sim_sev_capture_vmsa(vcpu);

	if (r)
		return r;
	r = sim_sev_begin(sev->vm->sim, (int)command->sev_fd, "SNP_LAUNCH_UPDATE", &command->error);
	if (!r)
		r = sim_sev_end(sim_psp_snp_launch_update(psp_of(sev), sev->context,
							  SIM_PSP_PAGE_VMSA, SIM_SNP_VMSA_GPA,
							  (uint8_t *)&state->vmsa),
				&command->error);
	if (r) {
		reclaim(sev);
		return r;
	}
	state->protected = true;
	vcpu->protected = true;
	state->has_vmsa = true;
	sim_sev_host(sev->vm->sim)->rmp_pages++;
	return 0;
}

static int finish(struct sim_sev_vm *sev, struct uapi_sev_command *command,
		  const struct sim_psp_finish *data)
{
	int r = sim_sev_begin(sev->vm->sim, sev->fd, "SNP_LAUNCH_FINISH", &command->error);

	if (!r)
		r = sim_sev_end(sim_psp_snp_launch_finish(psp_of(sev), sev->context, data),
				&command->error);
	if (!r)
		sev->pre_fault = true;
	return r;
}

int sim_snp_launch_finish(struct sim_sev_vm *sev, struct uapi_sev_command *command)
{
	struct uapi_snp_launch_finish params;
	struct sim_psp_finish data = {0};
	uint8_t *id_block = NULL, *id_auth = NULL;
	int r;

	if (!sim_sev_is_snp(sev))
		return -ENOTTY;
	if (!sev->context)
		return -EINVAL;
	r = sim_copy_in(&params, command->data, sizeof(params));
	if (r)
		return r;
	if (params.flags)
		return -EINVAL;
	sim_sev_wait_for_vcpus(sev->vm);
	for (uint32_t i = 0; i < sev->vm->vcpu_count && !r; i++)
		r = load_vmsa(sev->vm->vcpus[i], command);
	if (r)
		return r;
	if (params.id_block_en) {
		r = sim_sev_copy_blob(params.id_block_uaddr, SIM_SNP_ID_BLOCK_SIZE, &id_block);
		if (!r)
			r = sim_sev_copy_blob(params.id_auth_uaddr, SIM_SNP_ID_AUTH_SIZE, &id_auth);
	}
	data.id_block = id_block;
	data.id_auth = id_auth;
	data.author = params.auth_key_en;
	data.vcek_disabled = params.vcek_disabled & 1;
	memcpy(data.host_data, params.host_data, sizeof(data.host_data));
	if (!r)
		r = finish(sev, command, &data);
	free(id_auth);
	free(id_block);
	return r;
}
