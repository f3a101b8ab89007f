/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What SEV has on the host: the driver of the secure processor (/dev/sev), and what KVM found out
 * at its start. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/knobs.h"
#include "sim/sev.h"
#include "sim/sev_status.h"

/* The same as the processor of the lab's kernel, so that both can be compared. */
#define API_MAJOR  1
#define API_MINOR  55
#define BUILD      29
#define MAX_GUESTS 64
#define TCB        0x1800000000000001ull
/* ABI version, SMT, the bit that must be one, debug, single socket; CXL, XTS, RAPL, ciphertext
 * hiding. */
#define POLICY_BITS 0x01fbffffull

/* Commands of /dev/sev, include/uapi/linux/psp-sev.h. */
enum {
	FACTORY_RESET = 0,
	PLATFORM_STATUS = 1,
	PEK_GEN = 2,
	PEK_CSR = 3,
	PDH_GEN = 4,
	PDH_CERT_EXPORT = 5,
	PEK_CERT_IMPORT = 6,
	GET_ID = 7,
	GET_ID2 = 8,
	SNP_PLATFORM_STATUS = 9,
	SNP_COMMIT = 10,
	SNP_SET_CONFIG = 11,
	SNP_VLEK_LOAD = 12,
};

struct sim_sev_host *sim_sev_host(const struct coco_sim *sim)
{
	return sim->sev;
}

int sim_sev_platform_init(struct sim_sev_host *host, uint32_t *error)
{
	int r;

	if (host->psp.sev)
		return 0;
	r = sim_sev_begin_kernel(host->sim, "SEV_INIT", error);
	return r ? r : sim_sev_end(sim_psp_init(&host->psp, host->es || host->snp), error);
}

int sim_sev_new(struct coco_sim *sim)
{
	const struct coco_sim_options *options = &sim->knobs->options;
	struct sim_sev_host *host = calloc(1, sizeof(*host));
	uint32_t first, last;

	if (!host)
		return -ENOMEM;
	host->sim = sim;
	sim->sev = host;
	host->asids.max = options->sev_asids;
	host->asids.min_sev = options->sev_min_asid;
	host->asids.hiding = sim_quirk(sim, COCO_SIM_SEV_HIDING) ? options->sev_snp_max_asid : 0;
	host->asids.limit[0] = SIM_SEV_NO_LIMIT;
	host->asids.limit[1] = SIM_SEV_NO_LIMIT;
	host->psp.api_major = API_MAJOR;
	host->psp.api_minor = API_MINOR;
	host->psp.build = BUILD;
	host->psp.smt = true;
	host->psp.max_guests = MAX_GUESTS;
	host->psp.tcb = TCB;
	host->psp.max_asid = host->asids.max;
	host->psp.min_sev_asid = host->asids.min_sev;

	/* sev_hardware_setup(): a type whose range is empty is not offered, but is not an error
	 * either. */
	host->snp = sim_offers(sim, COCO_TECH_SNP);
	host->es = host->snp || sim_offers(sim, COCO_TECH_SEVES);
	host->sev = host->es || sim_offers(sim, COCO_TECH_SEV);
	sim_sev_asid_range(&host->asids, SIM_SEV_SNP, &first, &last);
	if (first > last)
		host->es = host->snp = false;
	if (host->es)
		host->vmsa_features = SIM_SEV_FEATURE_DEBUG_SWAP;
	if (host->snp) {
		host->vmsa_features |= SIM_SEV_FEATURE_SECURE_TSC;
		host->snp_policy = POLICY_BITS;
		sim_psp_snp_init(&host->psp, host->asids.hiding);
	}
	if (host->sev)
		sim_psp_init(&host->psp, host->es);
	return 0;
}

void sim_sev_free(struct coco_sim *sim)
{
	struct sim_sev_host *host = sim->sev;

	if (!host)
		return;
	sim_psp_free(&host->psp);
	free(host);
	sim->sev = NULL;
}

int sim_sev_begin_kernel(struct coco_sim *sim, const char *command, uint32_t *error)
{
	struct sim_sev_host *host = sim_sev_host(sim);
	uint64_t status;
	int r;

	if (host->dead)
		return -EBUSY;
	r = sim_fault(sim, command, &status);
	if (r == -ETIMEDOUT)
		host->dead = true;
	if (r)
		*error = (uint32_t)status;
	return r;
}

int sim_sev_begin(struct coco_sim *sim, int fd, const char *command, uint32_t *error)
{
	struct sim_file *file = sim_file_get(sim, fd);
	bool device = file && file->kind == SIM_FILE_SEV;

	if (file)
		sim_file_put(file);
	return device ? sim_sev_begin_kernel(sim, command, error) : -EBADF;
}

int sim_sev_end(uint16_t status, uint32_t *error)
{
	*error = status;
	return status ? -EIO : 0;
}

int sim_sev_get_attribute(struct coco_sim *sim, uint64_t attribute, uint64_t *value)
{
	const struct sim_sev_host *host = sim_sev_host(sim);

	switch (attribute) {
	case UAPI_SEV_ATTR_VMSA_FEATURES:
		*value = host->vmsa_features;
		return 0;
	case UAPI_SEV_ATTR_SNP_POLICY:
		*value = host->snp_policy;
		return 0;
	case UAPI_SEV_ATTR_SNP_REQ_CERTS:
		*value = host->snp ? 1 : 0;
		return 0;
	default:
		return -ENXIO;
	}
}

static void count(const struct sim_sev_asids *asids, enum sim_sev_kind kind, uint32_t *free_asids,
		  uint32_t *used)
{
	uint32_t first, last;

	sim_sev_asid_range(asids, kind, &first, &last);
	for (uint32_t asid = first; asid <= last; asid++)
		if (asids->state[asid] == SIM_ASID_USED)
			++*used;
		else
			++*free_asids;
}

void sim_sev_account(const struct coco_sim *sim, struct coco_sim_account *account)
{
	const struct sim_sev_host *host = sim_sev_host(sim);
	struct sim_sev_asids joint = host->asids;

	joint.hiding = 0;
	account->sev_asids_free = account->sev_asids_used = 0;
	account->seves_asids_free = account->seves_asids_used = 0;
	count(&joint, SIM_SEV_PLAIN, &account->sev_asids_free, &account->sev_asids_used);
	count(&joint, SIM_SEV_ES, &account->seves_asids_free, &account->seves_asids_used);
	account->sev_contexts = host->psp.guest_count + host->psp.context_count;
	account->rmp_pages = host->rmp_pages;
}

/* --- /dev/sev; its descriptors are all open for writing (seam, open()) */

static int platform_status(struct sim_sev_host *host, uint64_t data, uint32_t *error)
{
	const struct sim_psp *psp = &host->psp;
	struct uapi_sev_status status = {
		.api_major = psp->api_major,
		.api_minor = psp->api_minor,
		.state = !psp->sev          ? 0
			 : psp->guest_count ? 2
					    : 1,
		.flags = psp->es ? UAPI_SEV_FLAGS_CONFIG_ES : 0,
		.build = psp->build,
		.guest_count = psp->guest_count,
	};
	int r = sim_sev_begin_kernel(host->sim, "SEV_PLATFORM_STATUS", error);

	if (r)
		return r;
	*error = SIM_SEV_SUCCESS;
	return sim_copy_out(data, &status, sizeof(status));
}

static int snp_platform_status(struct sim_sev_host *host, uint64_t data, uint32_t *error)
{
	const struct sim_psp *psp = &host->psp;
	struct uapi_snp_status status = {
		.api_major = psp->api_major,
		.api_minor = psp->api_minor,
		.state = psp->snp,
		.is_rmp_initialized = psp->snp,
		.build_id = psp->build,
		/* feature_info, ciphertext_hiding_cap and _en */
		.features = 1u << 3 | 1u << 5 | (psp->max_snp_asid ? 1u << 6 : 0),
		.guest_count = psp->context_count,
		.current_tcb = psp->tcb,
		.reported_tcb = psp->tcb,
	};
	int r;

	if (!data)
		return -EINVAL;
	r = sim_sev_begin_kernel(host->sim, "SNP_PLATFORM_STATUS", error);
	if (r)
		return r;
	*error = SIM_SEV_SUCCESS;
	return sim_copy_out(data, &status, sizeof(status));
}

static int factory_reset(struct sim_sev_host *host, uint32_t *error)
{
	int r;

	if (host->psp.guest_count)
		return -EBUSY;
	r = sim_sev_begin_kernel(host->sim, "SEV_FACTORY_RESET", error);
	if (r)
		return r;
	host->psp.sev = false;
	host->psp.es = false;
	return sim_sev_end(SIM_SEV_SUCCESS, error);
}

/* Keys are not modelled: the command is checked and has no effect. */
static int no_effect(struct sim_sev_host *host, const char *command, bool need_snp, uint32_t *error)
{
	int r;

	if (need_snp && !host->psp.snp)
		return -ENODEV;
	r = sim_sev_begin_kernel(host->sim, command, error);
	return r ? r : sim_sev_end(SIM_SEV_SUCCESS, error);
}

static int issue(struct sim_sev_host *host, struct uapi_sev_issue *command)
{
	uint32_t error = command->error;
	int r;

	switch (command->cmd) {
	case FACTORY_RESET:
		r = factory_reset(host, &error);
		break;
	case PLATFORM_STATUS:
		r = platform_status(host, command->data, &error);
		break;
	case PEK_GEN:
		r = no_effect(host, "SEV_PEK_GEN", false, &error);
		break;
	case PDH_GEN:
		r = no_effect(host, "SEV_PDH_GEN", false, &error);
		break;
	case SNP_PLATFORM_STATUS:
		r = snp_platform_status(host, command->data, &error);
		break;
	case SNP_COMMIT:
		r = no_effect(host, "SNP_COMMIT", false, &error);
		break;
	case SNP_SET_CONFIG:
		r = command->data ? no_effect(host, "SNP_CONFIG", true, &error) : -EINVAL;
		break;
	case SNP_VLEK_LOAD:
		r = command->data ? no_effect(host, "SNP_VLEK_LOAD", true, &error) : -EINVAL;
		break;
	case PEK_CSR:
	case PDH_CERT_EXPORT:
	case PEK_CERT_IMPORT:
	case GET_ID:
	case GET_ID2:
		/* Certificates are not modelled. */
		r = sim_sev_end(SIM_SEV_INVALID_COMMAND, &error);
		break;
	default:
		r = -EINVAL;
		break;
	}
	command->error = error;
	return r;
}

int sim_sev_ioctl(struct coco_sim *sim, unsigned long request, uintptr_t argument)
{
	struct uapi_sev_issue command;
	int r;

	if (request != UAPI_SEV_ISSUE_CMD)
		return -EINVAL;
	r = sim_copy_in(&command, argument, sizeof(command));
	if (r)
		return r;
	if (command.cmd > SNP_VLEK_LOAD)
		return -EINVAL;
	r = issue(sim_sev_host(sim), &command);
	if (sim_copy_out(argument, &command, sizeof(command)))
		return -EFAULT;
	return r;
}
