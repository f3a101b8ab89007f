/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the files of the TDX backend share.
 *
 *     tdx_options.c  the options: checked, part of the recipe
 *     tdx_cpuid.c    CPUID: what the module is told, and what the vCPUs are given
 *     tdx_probe.c    can it be launched here? What does the module let a VMM choose?
 *     tdx_command.c  the module's commands through KVM, and what is said when one fails
 *     tdx_status.c   the module's status values in words
 *     tdx_launch.c   creating the VM and its vCPUs, the image, the launch's end
 *     tdx_exit.c     exits of a running guest
 */
#ifndef COCO_BACKEND_TDX_H
#define COCO_BACKEND_TDX_H

#include <cocoreset/tdx.h>

#include "backend/backend.h"
#include "kvm/uapi_tdx.h"

/* The options as they are in the recipe, and what the module offered when it was made. */
struct coco_tdx_config {
	struct coco_tdx_options options;
	uint64_t shared_bit; /* of guest physical addresses */
	/* What calls the kernel serves by itself, and hands to user space: R11 and R12. */
	uint64_t kernel_calls[2], user_calls[2];
	struct uapi_tdx_capabilities *capabilities;
	struct uapi_tdx_init_vm *init; /* what KVM_TDX_INIT_VM is told, in each incarnation */
};

int coco_tdx_probe(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error);
/*
 * What KVM_TDX_CAPABILITIES answers, by a VM that exists for the question only. The caller frees
 * *out. *max_vcpus (NULL: not asked) is the most that one guest may have.
 */
int coco_tdx_ask(struct coco_seam *seam, struct uapi_tdx_capabilities **out, uint32_t *max_vcpus,
		 struct coco_error *error);

int coco_tdx_configure(struct coco_seam *seam, const void *given, void **out,
		       struct coco_error *error);
void coco_tdx_free_config(void *given);
int coco_tdx_configure_cpuid(void *given, struct kvm_cpuid2 *cpuid, uint64_t *gpa_end,
			     struct coco_error *error);

/* Firmware that a tenant brings. */
int coco_tdx_check_igvm(const void *given, const struct coco_igvm_guest *file,
			struct coco_error *error);
int coco_tdx_add_firmware(struct coco_image *image, const struct coco_firmware *firmware,
			  const struct coco_firmware_extras *extras, struct coco_error *error);

enum coco_served coco_tdx_serve_exit(const struct coco_run_exit *exit);

/* A command, for messages too. */
struct coco_tdx_step {
	uint32_t id;
	uint32_t stage;
	const char *call;  /* "KVM_TDX_INIT_VM" */
	const char *doing; /* what fails if it fails */
};

/*
 * Runs a command on a VM or vCPU. *status is what the module answered, 0 if KVM does not tell.
 * Commands that ask to be tried again are, a bounded number of times.
 */
int coco_tdx_try(struct coco_seam *seam, int fd, const struct coco_tdx_step *step, uint32_t flags,
		 uint64_t data, uint64_t *status);
/* Says that it failed with that errno and status. */
int coco_tdx_fail(const struct coco_tdx_step *step, int code, uint64_t status,
		  struct coco_error *error);

/* What to do about a status. Static text. */
const char *coco_tdx_status_advice(uint64_t status);
/* What the low half of a status is about: "", or " (XFAM)". Static text. */
const char *coco_tdx_status_operand(uint64_t status);

#endif
