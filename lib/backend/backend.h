/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a technology brings to the one build path in lib/core. The core calls
 * these steps in the order they stand here, in launch and reset alike, and has checked arguments
 * and state before; a step that a technology does not need is NULL.
 */
#ifndef COCO_BACKEND_BACKEND_H
#define COCO_BACKEND_BACKEND_H

#include <cocoreset/host.h>
#include <stdbool.h>

#include "image/image.h"
#include "kvm/seam.h"

struct kvm_run;

/* A memory slot of the incarnation that is being built. */
struct coco_launch_slot {
	uint64_t gpa;
	uint64_t size;
	void *host; /* the shared side */
	int memfd;  /* the private side, or what backs the shared one; -1 if none */
};

/* The incarnation that is being built, as far as a technology is concerned with it. */
struct coco_launch {
	struct coco_seam *seam;
	int vm_fd;
	const int *vcpu_fds;
	struct kvm_run *const *runs;
	uint32_t vcpus;
	const struct coco_launch_slot *slots; /* slot number = index */
	uint32_t slot_count;
	uint64_t gpa_end; /* what the vCPUs' physical addresses can reach */
	const struct coco_image *image;
	void *scratch; /* scratch_size bytes, page aligned, with what an earlier life left there */
};

struct coco_backend {
	uint32_t tech; /* enum coco_tech */
	/* What load() can load, each enum coco_page_kind as 1 << kind. */
	uint32_t page_kinds;
	const char *name;
	uint64_t vm_type; /* KVM_CREATE_VM */
	/*
	 * Memory has a private side (a guest_memfd) beside the shared one, a memory attribute says
	 * which of them a page is on, and the guest converts it.
	 */
	bool private_memory;
	/* The vCPUs' registers can be read and written until seal(). */
	bool open_registers;
	/* Host memory that load() wants to have for as long as the guest exists. */
	size_t scratch_size;
	/*
	 * What a guest's request for a conversion is answered with when it is
	 * refused (kvm_run.hypercall.ret).
	 */
	uint64_t conversion_refused;

	/* Fills `info`, whose fields are 0 and whose reason is "". */
	int (*probe)(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error);
	/* After KVM_CREATE_VM and the capabilities, before memory and vCPUs. */
	int (*init_vm)(const struct coco_launch *launch, struct coco_error *error);
	/* After a vCPU has its CPUID. */
	int (*init_vcpu)(const struct coco_launch *launch, uint32_t index,
			 struct coco_error *error);
	/* The launch image goes in; its pages are private already if there is a private side. */
	int (*load)(const struct coco_launch *launch, struct coco_error *error);
	/* After the vCPUs have their power-on registers: the guest may run when it returns. */
	int (*seal)(const struct coco_launch *launch, struct coco_error *error);
};

extern const struct coco_backend coco_backend_plain;
extern const struct coco_backend coco_backend_swprotected;

/* The page kinds that every technology can load. */
#define COCO_PAGE_KINDS_BASIC (1u << COCO_PAGE_DATA | 1u << COCO_PAGE_ZERO)

/* The technology's backend, NULL if there is none. */
const struct coco_backend *coco_backend_find(uint32_t tech);

/* Writes the image to the shared side. */
int coco_launch_copy_shared(const struct coco_launch *launch, struct coco_error *error);

#endif
