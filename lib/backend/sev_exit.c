/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Exits of running SEV-ES and SNP guests: termination by the GHCB protocol, and certificates for
 * extended guest requests (GHCB specification, 2.3.1 and 4.1.8.1).
 */
#include "backend/sev.h"

#include "base/range.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* The GHCB MSR: what is asked for, and what a termination request has. */
#define MSR_INFO       0xfffull
#define MSR_TERMINATE  0x100u
#define MSR_SET_SHIFT  12
#define MSR_SET        0xfu
#define MSR_CODE_SHIFT 16
#define MSR_CODE       0xffu
/* An empty certificate table is one entry of zeroes. */
#define NO_CERTIFICATES_SIZE 24u

static const char *const sets[] = {"the GHCB protocol", "Linux"};

/* GHCB specification 2.3.1, and Linux' arch/x86/include/asm/sev-common.h. */
static const char *const reasons[][13] = {
	{
		"no particular reason",
		"the GHCB protocol's version is not supported",
		"a feature of SNP that the guest needs is not there",
	},
	{
		"the GHCB could not be registered",
		"a page could not be made private or shared",
		"PVALIDATE failed",
		"the guest does not run at VMPL0",
		"CPUID could not be read",
		"the CPUID table is missing or wrong",
		"the secrets page is missing or wrong",
		"there is no SVSM, and the guest does not run at VMPL0",
		"the SVSM has left VMPL0 to the guest",
		"the SVSM's calling area is not aligned",
		"SecureTSC could not be set up",
		"the SVSM's calling area could not be moved",
		"Secure AVIC failed",
	},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *reason_text(uint32_t set, uint32_t code)
{
	if (set < COUNT(reasons) && code < COUNT(reasons[0]) && reasons[set][code])
		return reasons[set][code];
	return "a reason that has no name here";
}

static enum coco_served serve_termination(const struct coco_run_exit *exit)
{
	struct coco_termination *out = exit->termination;
	uint64_t msr;

	memcpy(&msr, exit->run->system_event.data, sizeof(msr));
	*out = (struct coco_termination){.raw = msr};
	if ((msr & MSR_INFO) == MSR_TERMINATE) {
		out->source = COCO_TERMINATION_GHCB_MSR;
		out->reason_set = (uint32_t)(msr >> MSR_SET_SHIFT) & MSR_SET;
		out->reason_code = (uint32_t)(msr >> MSR_CODE_SHIFT) & MSR_CODE;
		snprintf(out->text, sizeof(out->text),
			 "the guest gives up, reason set %" PRIu32 " (%s), code %" PRIu32 ": %s",
			 out->reason_set,
			 out->reason_set < COUNT(sets) ? sets[out->reason_set] : "unknown",
			 out->reason_code, reason_text(out->reason_set, out->reason_code));
	} else if (!(msr & MSR_INFO)) {
		out->source = COCO_TERMINATION_GHCB_EVENT;
		snprintf(out->text, sizeof(out->text),
			 "the guest gives up; its reason is in the host kernel's log only");
	} else {
		out->source = COCO_TERMINATION_GHCB_REFUSED;
		snprintf(out->text, sizeof(out->text),
			 "KVM ends the guest, which made request 0x%03x of the GHCB protocol that "
			 "guests of its kind don't have",
			 (unsigned int)(msr & MSR_INFO));
	}
	return COCO_SERVED_TERMINATION;
}

/* What KVM answers by itself where certificates are not asked for. */
static uint64_t no_certificates(const struct coco_run_exit *exit,
				const struct uapi_snp_req_certs *asked)
{
	void *buffer;

	if (!asked->npages)
		return 0;
	buffer = exit->find_shared(exit->vcpu, asked->gpa, NO_CERTIFICATES_SIZE);
	if (!buffer)
		return EIO;
	memset(buffer, 0, NO_CERTIFICATES_SIZE);
	return 0;
}

static uint64_t certificates(const struct coco_run_exit *exit, struct uapi_snp_req_certs *asked)
{
	struct coco_certificate_request request = {
		.vcpu = exit->vcpu,
		.pages = asked->npages,
		.gpa = asked->gpa,
	};

	if (asked->npages > COCO_GPA_END / COCO_PAGE_SIZE || !coco_page_aligned(asked->gpa))
		return EIO;
	if (asked->npages) {
		request.buffer =
			exit->find_shared(exit->vcpu, asked->gpa, asked->npages * COCO_PAGE_SIZE);
		if (!request.buffer)
			return EIO;
	}
	switch (exit->requests->certificates(exit->requests->payload, &request)) {
	case 0:
		return 0;
	case -ENOSPC:
		asked->npages = request.pages;
		return ENOSPC;
	case -EAGAIN:
		return EAGAIN;
	default:
		return EIO;
	}
}

/* KVM_RUN fails with any answer but 0, ENOSPC, EAGAIN and EIO. */
static enum coco_served serve_certificates(const struct coco_run_exit *exit)
{
	unsigned char *const place = (unsigned char *)exit->run + UAPI_RUN_UNION_OFFSET;
	struct uapi_snp_req_certs asked;

	memcpy(&asked, place, sizeof(asked));
	asked.ret = exit->requests->certificates ? certificates(exit, &asked)
						 : no_certificates(exit, &asked);
	memcpy(place, &asked, sizeof(asked));
	return COCO_SERVED_ANSWERED;
}

enum coco_served coco_sev_serve_exit(const struct coco_run_exit *exit)
{
	const struct kvm_run *run = exit->run;

	if (run->exit_reason == UAPI_EXIT_SNP_REQ_CERTS)
		return serve_certificates(exit);
	if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT &&
	    run->system_event.type == UAPI_SYSTEM_EVENT_SEV_TERM && run->system_event.ndata)
		return serve_termination(exit);
	return COCO_SERVED_NOT;
}
