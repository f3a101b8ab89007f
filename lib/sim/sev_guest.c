/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What SNP guests ask for and the firmware or another vCPU does: AP creation and guest requests
 * (reference 4.6, 4.7). */
#include <errno.h>
#include <string.h>

#include "sim/run.h"
#include "sim/sev_run.h"
#include "sim/sev_status.h"
#include "sim/vcpu_state.h"

#define AP_CREATE_ON_INIT 0u
#define AP_CREATE         1u
#define AP_DESTROY        2u
#define LARGE_PAGE        (2ull << 20)

#define EXIT_SNP_REQ_CERTS 43
#define MESSAGE_TYPE       0x34u /* of the message's header, SNP firmware ABI 8.26 */
#define MESSAGE_REPORT_REQ 5u
/* GHCB specification 4.1.5: the upper half of SW_EXITINFO2. */
#define VMM_INVALID_LEN 1ull
#define VMM_BUSY        2ull
#define VMM_GENERIC     0xffffffffull

struct certs_exit {
	uint64_t gpa;
	uint64_t npages;
	uint64_t ret;
};

/* --- AP creation */

static bool is_vmsa_address(const struct sim_vm *vm, uint64_t gpa)
{
	/* A 2 MiB aligned VMSA would meet an erratum of the first processors. */
	return gpa % SIM_PAGE_SIZE == 0 && gpa < sim_gpa_limit(vm) && gpa % LARGE_PAGE;
}

/* The vCPU acts upon it in KVM_RUN: now, if it is there; one that was never started has nothing to
 * lose. */
static void tell(struct sim_vcpu *target)
{
	if (target->in_run || target->state->mp_state.mp_state == KVM_MP_STATE_UNINITIALIZED)
		sim_snp_change_vmsa(target);
	else
		sim_sev_vcpu(target)->change_requested = true;
	sim_run_wake(target);
}

static bool create_ap(struct sim_vcpu *vcpu)
{
	const struct sim_ghcb_event *event = &sim_sev_vcpu(vcpu)->event;
	uint32_t request = (uint32_t)event->info1;
	struct sim_vcpu *target = sim_vcpu_of_id(vcpu->vm, (uint32_t)(event->info1 >> 32));
	struct sim_sev_vcpu *state;

	if (!target)
		return false;
	state = sim_sev_vcpu(target);
	switch (request) {
	case AP_CREATE_ON_INIT:
	case AP_CREATE:
		if (event->rax != sim_sev_vm(vcpu->vm)->features ||
		    !is_vmsa_address(vcpu->vm, event->info2))
			return false;
		state->pending_vmsa_gpa = event->info2;
		break;
	case AP_DESTROY:
		state->pending_vmsa_gpa = SIM_SEV_NO_GPA;
		break;
	default:
		return false;
	}
	state->waiting_for_reset = true;
	if (request != AP_CREATE_ON_INIT)
		tell(target);
	return true;
}

int sim_ghcb_ap_creation(struct sim_vcpu *vcpu)
{
	if (!create_ap(vcpu))
		sim_ghcb_bad_input(vcpu, SIM_GHCB_INVALID_INPUT);
	return 1;
}

/* --- guest requests */

/* snp_handle_guest_req(): the firmware's errors are the guest's, all others the VMM's. */
static int ask_firmware(struct sim_vcpu *vcpu)
{
	const struct sim_ghcb_event *event = &sim_sev_vcpu(vcpu)->event;
	struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	struct coco_sim *sim = vcpu->vm->sim;
	uint8_t request[SIM_PAGE_SIZE], response[SIM_PAGE_SIZE] = {0};
	uint32_t firmware = 0;
	int r;

	if (sim_sev_guest_read(vcpu->vm, event->info1, request, sizeof(request)))
		return -EIO;
	r = sim_sev_begin(sim, sev->fd, "SNP_GUEST_REQUEST", &firmware);
	if (!r)
		r = sim_sev_end(sim_psp_snp_guest_request(&sim_sev_host(sim)->psp, sev->context,
							  request, response),
				&firmware);
	if (r && !firmware)
		return r;
	if (sim_sev_guest_write(vcpu->vm, event->info2, response, sizeof(response)))
		return -EIO;
	sim_ghcb_success(vcpu, firmware);
	return 1;
}

static int complete_certs(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = &sim_sev_vcpu(vcpu)->event;
	struct certs_exit certs;
	int r;

	memcpy(&certs, (uint8_t *)vcpu->run + UAPI_RUN_UNION_OFFSET, sizeof(certs));
	switch (certs.ret) {
	case 0:
		r = ask_firmware(vcpu);
		return r < 0 ? r : 0;
	case ENOSPC:
		event->rbx = certs.npages;
		sim_ghcb_success(vcpu, VMM_INVALID_LEN << 32);
		return 0;
	case EAGAIN:
		sim_ghcb_success(vcpu, VMM_BUSY << 32);
		return 0;
	case EIO:
		sim_ghcb_success(vcpu, VMM_GENERIC << 32);
		return 0;
	default:
		return -EINVAL;
	}
}

/* snp_handle_ext_guest_req(): a report may come with certificates. */
static int want_certificates(struct sim_vcpu *vcpu)
{
	static const uint8_t no_certificates[24];
	const struct sim_ghcb_event *event = &sim_sev_vcpu(vcpu)->event;
	struct certs_exit certs = {.gpa = event->rax, .npages = event->rbx};

	if (!sim_ghcb_has(event, SIM_GHCB_RAX) || !sim_ghcb_has(event, SIM_GHCB_RBX) ||
	    event->rax % SIM_PAGE_SIZE) {
		sim_ghcb_bad_input(vcpu, SIM_GHCB_INVALID_INPUT);
		return 1;
	}
	if (sim_sev_vm(vcpu->vm)->certs) {
		vcpu->run->exit_reason = EXIT_SNP_REQ_CERTS;
		memcpy((uint8_t *)vcpu->run + UAPI_RUN_UNION_OFFSET, &certs, sizeof(certs));
		vcpu->complete = complete_certs;
		return 0;
	}
	if (event->rbx &&
	    sim_sev_guest_write(vcpu->vm, event->rax, no_certificates, sizeof(no_certificates)))
		return -EIO;
	return ask_firmware(vcpu);
}

int sim_ghcb_guest_request(struct sim_vcpu *vcpu, bool extended)
{
	uint8_t type;

	if (!extended)
		return ask_firmware(vcpu);
	if (sim_sev_guest_read(vcpu->vm, sim_sev_vcpu(vcpu)->event.info1 + MESSAGE_TYPE, &type,
			       sizeof(type)))
		return -EIO;
	return type == MESSAGE_REPORT_REQ ? want_certificates(vcpu) : ask_firmware(vcpu);
}
