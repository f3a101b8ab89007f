/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/sev.h"

#include "base/bytes.h"
#include "base/error.h"
#include "image/vmsa_layout.h"

#include <errno.h>
#include <inttypes.h>

/* Segment types of the architecture's reset state: accessed (APM volume 2, table 14-1). */
#define TYPE_CODE     0xb
#define TYPE_DATA     0x3
#define TYPE_BUSY_TSS 0xb
#define VECTOR_OFFSET 0xffffull
/* KVM sets it for SNP guests by itself. */
#define SNP_ACTIVE 1ull

static const struct coco_sev_step init2 = {
	UAPI_SEV_INIT2,
	COCO_STAGE_CREATE,
	"KVM_SEV_INIT2",
	"getting the guest an ASID",
};
static const struct coco_sev_step sev_init = {
	UAPI_SEV_INIT,
	COCO_STAGE_CREATE,
	"KVM_SEV_INIT",
	"getting the guest an ASID",
};
static const struct coco_sev_step seves_init = {
	UAPI_SEV_ES_INIT,
	COCO_STAGE_CREATE,
	"KVM_SEV_ES_INIT",
	"getting the guest an ASID",
};

static const struct coco_sev_step enable_certificates = {
	UAPI_SNP_ENABLE_REQ_CERTS,
	COCO_STAGE_CREATE,
	"KVM_SEV_SNP_ENABLE_REQ_CERTS",
	"having KVM ask for certificates",
};

static int init_vm(const struct coco_launch *launch, const struct coco_sev_step *legacy,
		   struct coco_error *error)
{
	const struct coco_sev_config *config = launch->config;
	struct uapi_sev_init2 init = {
		.vmsa_features = config->options.vmsa_features,
		.ghcb_version = (uint16_t)config->options.ghcb_version,
	};

	if (config->legacy)
		return coco_sev_run(launch, legacy, NULL, error);
	return coco_sev_run(launch, &init2, &init, error);
}

int coco_sev_init_vm(const struct coco_launch *launch, struct coco_error *error)
{
	return init_vm(launch, &sev_init, error);
}

int coco_seves_init_vm(const struct coco_launch *launch, struct coco_error *error)
{
	return init_vm(launch, &seves_init, error);
}

/* Whether KVM can ask for certificates: Linux 7.0. */
static bool can_ask(const struct coco_launch *launch)
{
	struct coco_seam *seam = launch->seam;
	uint64_t value = 0;
	struct kvm_device_attr attr = {
		.group = UAPI_GROUP_SEV,
		.attr = UAPI_SEV_ATTR_SNP_REQ_CERTS,
		.addr = (uintptr_t)&value,
	};
	int r = coco_seam_get(seam, seam->kvm_fd, KVM_GET_DEVICE_ATTR, &attr, COCO_STAGE_CREATE,
			      NULL);

	return !r && value;
}

/* KVM fixes the TSC's frequency with the first vCPU, and the firmware takes it from KVM. */
static int set_tsc_frequency(const struct coco_launch *launch, struct coco_error *error)
{
	const struct coco_sev_config *config = launch->config;
	int r = 0;

	if (config->options.tsc_khz)
		r = coco_seam_ioctl(launch->seam, launch->vm_fd, KVM_SET_TSC_KHZ,
				    config->options.tsc_khz, COCO_STAGE_CREATE, error);
	return r < 0 ? r : 0;
}

int coco_snp_init_vm(const struct coco_launch *launch, struct coco_error *error)
{
	int r = set_tsc_frequency(launch, error);

	if (!r)
		r = coco_sev_init_vm(launch, error);
	if (r || !launch->requests->certificates)
		return r;
	if (can_ask(launch))
		return coco_sev_run(launch, &enable_certificates, NULL, error);
	coco_log(&launch->seam->log, COCO_LOG_WARNING,
		 "this kernel does not ask for the certificates of SNP guests (Linux 7.0 does): "
		 "the guest gets none");
	return 0;
}

int coco_sev_check_image(const void *given, const struct coco_image *image,
			 struct coco_error *error)
{
	const struct coco_sev_config *config = given;

	for (uint32_t i = 0; i < image->state_count; i++) {
		const uint8_t *page = image->states[i].page;
		const uint64_t features = coco_le64(page + COCO_VMSA_SEV_FEATURES) & ~SNP_ACTIVE;

		if (features != config->options.vmsa_features)
			return coco_fail_field(
				error, -EINVAL, "vmsa_features",
				"the image's VMSA of vCPU %" PRIu32 " has SEV features 0x%" PRIx64
				", the guest's options say 0x%" PRIx64
				": KVM has to be told of them when it creates the VM",
				image->states[i].vcpu, features, config->options.vmsa_features);
	}
	return 0;
}

uint32_t coco_sev_signature(const struct kvm_cpuid2 *cpuid)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			return cpuid->entries[i].eax;
	return 0;
}

/*
 * KVM's own power-on state leaves out what it does not know or what makes no difference to it:
 * EDX is the processor's signature, and segments have been accessed. VMMs and the tools that
 * predict measurements set it as the architecture says.
 */
void coco_sev_power_on(const struct coco_launch *launch, uint32_t index, struct kvm_sregs *sregs,
		       struct kvm_regs *regs)
{
	const uint64_t start = coco_image_ap_start(launch->image);
	struct kvm_segment *const data[] = {&sregs->ds, &sregs->es, &sregs->fs, &sregs->gs,
					    &sregs->ss};

	regs->rdx = coco_sev_signature(launch->cpuid);
	sregs->cs.type = TYPE_CODE;
	sregs->tr.type = TYPE_BUSY_TSS;
	for (size_t i = 0; i < sizeof(data) / sizeof(*data); i++)
		data[i]->type = TYPE_DATA;
	/* Their INIT and SIPI can't set it: the host has no access to the registers. */
	if (index && start) {
		sregs->cs.base = start & ~VECTOR_OFFSET;
		regs->rip = start & VECTOR_OFFSET;
	}
}
