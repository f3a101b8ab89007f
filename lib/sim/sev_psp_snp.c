/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The firmware's commands for SNP guests (SEV-SNP firmware ABI, chapter 8). */
#include <stdlib.h>
#include <string.h>

#include "sim/sev_cpuid_page.h"
#include "sim/sev_digest.h"
#include "sim/sev_psp.h"
#include "sim/sev_status.h"

#define PAGE_SIZE 4096u

uint16_t sim_psp_context_create(struct sim_psp *psp, struct sim_psp_context **out)
{
	struct sim_psp_context *context;

	if (!psp->snp)
		return SIM_SEV_INVALID_PLATFORM_STATE;
	if (psp->context_count >= psp->max_guests)
		return SIM_SEV_RESOURCE_LIMIT;
	context = calloc(1, sizeof(*context));
	if (!context)
		return SIM_SEV_RESOURCE_LIMIT;
	context->id = ++psp->next_context;
	context->next = psp->contexts;
	psp->contexts = context;
	psp->context_count++;
	*out = context;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_snp_launch_start(struct sim_psp *psp, struct sim_psp_context *context,
				  uint64_t policy, const uint8_t gosvw[16])
{
	uint8_t major = policy >> 8 & 0xff, minor = policy & 0xff;

	if (context->state != SIM_PSP_CONTEXT_INIT)
		return SIM_SEV_INVALID_GUEST_STATE;
	if (!(policy & SIM_PSP_SNP_MUST_BE_ONE))
		return SIM_SEV_INVALID_PARAM;
	if (major > psp->api_major || (major == psp->api_major && minor > psp->api_minor) ||
	    (psp->smt && !(policy & SIM_PSP_SNP_SMT)) || (policy & SIM_PSP_SNP_MIGRATE))
		return SIM_SEV_POLICY_FAILURE;
	context->policy = policy;
	context->state = SIM_PSP_CONTEXT_LAUNCH;
	memcpy(context->gosvw, gosvw, sizeof(context->gosvw));
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_snp_activate(struct sim_psp *psp, struct sim_psp_context *context, uint32_t asid)
{
	if (context->state == SIM_PSP_CONTEXT_INIT)
		return SIM_SEV_INVALID_GUEST_STATE;
	return sim_psp_bind(psp, &context->asid, asid, 1,
			    psp->max_snp_asid ? psp->max_snp_asid : psp->min_sev_asid - 1);
}

/*
 * 8.17.2.5: version, flags, then at 0x10 GOSVW, at 0x20 the four keys by which VMPL 0..3 talk to
 * the firmware.
 */
static void fill_secrets(const struct sim_psp_context *context, uint8_t page[PAGE_SIZE])
{
	static const uint32_t version = 3;

	memset(page, 0, PAGE_SIZE);
	memcpy(page, &version, sizeof(version));
	memcpy(page + 0x10, context->gosvw, sizeof(context->gosvw));
	for (uint32_t vmpl = 0; vmpl < 4; vmpl++) {
		uint8_t key[SIM_SHA384_SIZE];
		uint32_t seed[3] = {context->id, context->asid, vmpl};

		sim_sha384(seed, sizeof(seed), key);
		memcpy(page + 0x20 + (size_t)0x20 * vmpl, key, 0x20);
	}
}

uint16_t sim_psp_snp_launch_update(struct sim_psp *psp, struct sim_psp_context *context,
				   uint8_t type, uint64_t gpa, uint8_t page[PAGE_SIZE])
{
	const uint8_t *measured = NULL;

	(void)psp;
	if (context->state != SIM_PSP_CONTEXT_LAUNCH)
		return SIM_SEV_INVALID_GUEST_STATE;
	if (!context->asid)
		return SIM_SEV_INACTIVE;
	switch (type) {
	case SIM_PSP_PAGE_NORMAL:
	case SIM_PSP_PAGE_VMSA:
		measured = page;
		break;
	case SIM_PSP_PAGE_ZERO:
		memset(page, 0, PAGE_SIZE);
		break;
	case SIM_PSP_PAGE_UNMEASURED:
		break;
	case SIM_PSP_PAGE_SECRETS:
		fill_secrets(context, page);
		break;
	case SIM_PSP_PAGE_CPUID:
		if (sim_snp_correct_cpuid(page))
			return SIM_SEV_INVALID_PARAM;
		break;
	default:
		return SIM_SEV_INVALID_PARAM;
	}
	sim_snp_extend(context->ld, type, gpa, measured);
	context->pages++;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_snp_launch_finish(struct sim_psp *psp, struct sim_psp_context *context,
				   const struct sim_psp_finish *finish)
{
	uint16_t status;

	(void)psp;
	if (context->state != SIM_PSP_CONTEXT_LAUNCH)
		return SIM_SEV_INVALID_GUEST_STATE;
	if (finish->id_block) {
		status = sim_snp_check_id_block(finish->id_block, finish->id_auth, finish->author,
						context->ld, context->policy);
		if (status)
			return status;
		memcpy(context->id_block, finish->id_block, sizeof(context->id_block));
		context->has_id_block = true;
	}
	context->vcek_disabled = finish->vcek_disabled;
	memcpy(context->host_data, finish->host_data, sizeof(context->host_data));
	context->state = SIM_PSP_CONTEXT_RUNNING;
	return SIM_SEV_SUCCESS;
}

/*
 * The encrypted messages themselves are not modelled: the answer is the request, with the type that
 * answers it (8.26: a response's type is the request's plus one).
 */
uint16_t sim_psp_snp_guest_request(struct sim_psp *psp, struct sim_psp_context *context,
				   const uint8_t request[PAGE_SIZE], uint8_t response[PAGE_SIZE])
{
	static const uint32_t message_type = 0x34;

	(void)psp;
	if (context->state != SIM_PSP_CONTEXT_RUNNING)
		return SIM_SEV_INVALID_GUEST_STATE;
	memcpy(response, request, PAGE_SIZE);
	response[message_type]++;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_snp_decommission(struct sim_psp *psp, struct sim_psp_context *context)
{
	struct sim_psp_context **link = &psp->contexts;

	while (*link != context)
		link = &(*link)->next;
	*link = context->next;
	sim_psp_unbind(psp, &context->asid);
	psp->context_count--;
	free(context);
	return SIM_SEV_SUCCESS;
}
