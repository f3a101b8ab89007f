/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the backends of SEV, SEV-ES and SNP share.
 *
 *     sev_options.c  the options: checked, copied, part of the recipe
 *     sev_probe.c    can it be launched here?
 *     sev_command.c  firmware commands through KVM, and what is said when one fails
 *     sev_status.c   firmware status values in words
 *     sev_vm.c       creating the VM, and the registers its vCPUs start with
 *     sev_predict.c  the launch digest, predicted and compared
 *     sev_launch.c   SEV's and SEV-ES's launch
 *     sev_secret.c   secrets that the owner sends into a guest that is launched
 *     snp_launch.c   SNP's launch
 *     snp_cpuid.c    SNP's CPUID page
 *     sev_exit.c     exits of a running SEV-ES or SNP guest
 */
#ifndef COCO_BACKEND_SEV_H
#define COCO_BACKEND_SEV_H

#include <cocoreset/sev.h>

#include "backend/backend.h"
#include "kvm/sev_device.h"

/* The options as they are in the recipe: pointers are to copies. */
struct coco_sev_config {
	struct coco_sev_options options;
	void *session, *dh_cert, *id_block, *id_auth, *tik; /* the copies, owned; NULL: none */
	bool legacy;      /* an ordinary VM with KVM_SEV_INIT or KVM_SEV_ES_INIT */
	uint64_t vm_type; /* KVM_CREATE_VM */
};

int coco_sev_configure(struct coco_seam *seam, const void *given, void **out,
		       struct coco_error *error);
int coco_seves_configure(struct coco_seam *seam, const void *given, void **out,
			 struct coco_error *error);
int coco_snp_configure(struct coco_seam *seam, const void *given, void **out,
		       struct coco_error *error);
void coco_sev_free_config(void *given);
uint64_t coco_sev_vm_type(const void *config);

int coco_sev_probe(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error);
int coco_seves_probe(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error);
int coco_snp_probe(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error);
/* Whether KVM_CREATE_VM knows the type: 1, 0 or an errno. */
int coco_sev_has_vm_type(struct coco_seam *seam, uint32_t type, struct coco_error *error);

/* The VMSAs of an image have the SEV features that the VM is created with. */
int coco_sev_check_image(const void *config, const struct coco_image *image,
			 struct coco_error *error);
/* KVM_SEV_INIT2, or its predecessors: the VM has an ASID afterwards. */
int coco_sev_init_vm(const struct coco_launch *launch, struct coco_error *error);
int coco_seves_init_vm(const struct coco_launch *launch, struct coco_error *error);
int coco_snp_init_vm(const struct coco_launch *launch, struct coco_error *error);
/* What SEV-ES and SNP vCPUs start with. */
void coco_sev_power_on(const struct coco_launch *launch, uint32_t index, struct kvm_sregs *sregs,
		       struct kvm_regs *regs);

/* Firmware that a tenant brings. */
int coco_sev_check_igvm(const void *given, const struct coco_igvm_guest *file,
			struct coco_error *error);
int coco_sev_add_firmware(struct coco_image *image, const struct coco_firmware *firmware,
			  const struct coco_firmware_extras *extras, struct coco_error *error);
int coco_seves_add_firmware(struct coco_image *image, const struct coco_firmware *firmware,
			    const struct coco_firmware_extras *extras, struct coco_error *error);
int coco_snp_add_firmware(struct coco_image *image, const struct coco_firmware *firmware,
			  const struct coco_firmware_extras *extras, struct coco_error *error);

enum coco_served coco_sev_serve_exit(const struct coco_run_exit *exit);
/* The launch digest of such a launch. */
int coco_sev_predict(const struct coco_launch *launch, uint32_t flags, struct coco_digest **out,
		     struct coco_error *error);
int coco_seves_predict(const struct coco_launch *launch, uint32_t flags, struct coco_digest **out,
		       struct coco_error *error);
int coco_snp_predict(const struct coco_launch *launch, uint32_t flags, struct coco_digest **out,
		     struct coco_error *error);
/* Which ID block a guest is launched with: its image's, or that of the options. */
struct coco_snp_id {
	const void *block, *auth; /* NULL: none */
	bool author;              /* `auth` has an author key */
};
struct coco_snp_id coco_snp_find_id(const struct coco_launch *launch);
/* Is it the ID block's, if there is one? */
int coco_snp_check_id_block(const struct coco_launch *launch, struct coco_error *error);
/* Is LAUNCH_MEASURE's answer made of it, if the TIK is known? */
int coco_sev_check_measure(const struct coco_launch *launch, struct coco_error *error);
/* The secrets that the VMM has for a guest with that LAUNCH_MEASURE. */
int coco_sev_send_secrets(const struct coco_launch *launch, struct coco_error *error);

/* EAX of leaf 1; 0 if the CPUID has none. */
uint32_t coco_sev_signature(const struct kvm_cpuid2 *cpuid);

/* A firmware command, for messages too. */
struct coco_sev_step {
	uint32_t id;
	uint32_t stage;
	const char *call;  /* "KVM_SEV_LAUNCH_START" */
	const char *doing; /* what fails if it fails */
};

/* Runs a command. *status is what the firmware answered, 0 if it was not asked. */
int coco_sev_try(const struct coco_launch *launch, const struct coco_sev_step *step, void *data,
		 uint32_t *status);
/* Says that it failed with that errno and status. */
int coco_sev_fail(const struct coco_sev_step *step, int code, uint32_t status,
		  struct coco_error *error);
/* Both. */
int coco_sev_run(const struct coco_launch *launch, const struct coco_sev_step *step, void *data,
		 struct coco_error *error);

/* backend.h: is_shortage(). */
bool coco_sev_is_shortage(const struct coco_error *error);

/* What to do about a firmware status. Static text. */
const char *coco_sev_status_advice(uint32_t status);

/* Makes a CPUID page of what the vCPUs have. `page` is COCO_PAGE_SIZE bytes. */
int coco_snp_cpuid_fill(const struct coco_launch *launch, void *page, struct coco_error *error);
/* The firmware has corrected `submitted` to `corrected`: says where. */
int coco_snp_cpuid_refused(const struct coco_sev_step *step, int code, uint32_t status,
			   const void *submitted, const void *corrected, struct coco_error *error);

#endif
