/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a technology brings to the one build path in lib/core. The core calls
 * these steps in the order they stand here, in launch and reset alike, and has checked arguments
 * and state before; a step that a technology does not need is NULL.
 */
#ifndef COCO_BACKEND_BACKEND_H
#define COCO_BACKEND_BACKEND_H

#include <cocoreset/firmware.h>
#include <cocoreset/host.h>
#include <cocoreset/igvm.h>
#include <cocoreset/measure.h>
#include <cocoreset/request.h>
#include <cocoreset/vcpu.h>
#include <stdbool.h>

#include "image/image.h"
#include "kvm/seam.h"

struct kvm_cpuid2;
struct kvm_regs;
struct kvm_run;
struct kvm_sregs;

/* A memory slot of the incarnation that is being built. */
struct coco_launch_slot {
	uint64_t gpa;
	uint64_t size;
	void *host; /* the shared side */
	int memfd;  /* the private side, or what backs the shared one; -1 if none */
};

/* A part of guest memory that lies within one slot. */
struct coco_launch_piece {
	void *host;
	uint64_t size;
};

/* What a technology tells of a launch. */
struct coco_launch_result {
	uint8_t measure[64]; /* what coco_guest_get_launch_measure() hands out */
	size_t measure_size; /* 0: nothing */
};

/* What is launched with firmware, besides it. */
struct coco_firmware_extras {
	const struct coco_kernel_hashes *hashes; /* NULL: none */
	const void *hob;                         /* NULL: none */
	uint64_t hob_size;
	uint32_t vmm; /* enum coco_vmm */
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
	const struct kvm_cpuid2 *cpuid;       /* the vCPUs', but for their APIC ids */
	const void *config;                   /* what configure() made */
	const struct coco_digest *digest;     /* what predict() made; NULL: it predicts nothing */
	const struct coco_requests *requests; /* the VMM's callbacks */
	struct coco_launch_result *result;
	void *scratch; /* scratch_size bytes, page aligned, with what an earlier life left there */
};

/* A successful KVM_RUN, and what it takes to answer the guest. */
struct coco_run_exit {
	struct kvm_run *run;
	struct coco_vcpu *vcpu;               /* for the VMM's callbacks */
	const void *config;                   /* what configure() made */
	const struct coco_requests *requests; /* the VMM's callbacks */
	/*
	 * The host address of guest memory that lies within one region and is all shared; NULL
	 * for any other range. The range may be anything.
	 */
	void *(*find_shared)(struct coco_vcpu *vcpu, uint64_t gpa, uint64_t size);
	struct coco_termination *termination; /* written with COCO_SERVED_TERMINATION */
};

enum coco_served {
	COCO_SERVED_NOT,         /* the VMM's matter */
	COCO_SERVED_ANSWERED,    /* the answer is in `run`: the guest goes on */
	COCO_SERVED_TERMINATION, /* the guest has given itself up */
};

struct coco_backend {
	uint32_t tech; /* enum coco_tech */
	/* What load() can load, each enum coco_page_kind as 1 << kind. */
	uint32_t page_kinds;
	/* load() measures all that it loads: COCO_RUN_UNMEASURED is refused. */
	bool measures_all;
	/* What an image's initial vCPU states can be, each enum coco_vcpu_state_format as 1 << it.
	 */
	uint32_t state_formats;
	const char *name;
	uint64_t vm_type; /* KVM_CREATE_VM, unless there is choose_vm_type() */
	/*
	 * Memory has a private side (a guest_memfd) beside the shared one, a memory attribute says
	 * which of them a page is on, and the guest converts it.
	 */
	bool private_memory;
	/* The vCPUs' registers can be read and written until seal(). */
	bool open_registers;
	/*
	 * The launch image is written to the shared side of memory, by the core, when nobody else
	 * uses that any more.
	 */
	bool shared_image;
	/*
	 * load() and seal() work on the shared side: they come after an old incarnation has given
	 * it up. Otherwise they have to leave the shared side alone.
	 */
	bool loads_shared;
	/* The irqchips that its guests may have, each enum coco_irqchip as 1 << it; 0: all. */
	uint32_t irqchips;
	/* Host memory that load() wants to have for as long as the guest exists. */
	size_t scratch_size;
	/*
	 * What a guest's request for a conversion is answered with when it is
	 * refused (kvm_run.hypercall.ret).
	 */
	uint64_t conversion_refused;

	/* Fills `info`, whose fields are 0 and whose reason is "". */
	int (*probe)(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error);
	/*
	 * Checks the technology's own options (coco_guest_options::tech_options, NULL: defaults)
	 * and makes of them what becomes part of the recipe, with copies of all that they point to.
	 * The technology has none if this is NULL.
	 */
	int (*configure)(struct coco_seam *seam, const void *options, void **out,
			 struct coco_error *error);
	void (*free_config)(void *config);
	/*
	 * Brings the recipe's CPUID, which is the VMM's or what KVM supports, into the form that
	 * the technology needs, and lowers *gpa_end if its addresses reach less far.
	 */
	int (*configure_cpuid)(void *config, struct kvm_cpuid2 *cpuid, uint64_t *gpa_end,
			       struct coco_error *error);
	/*
	 * Adds what guests are launched with that have this firmware. NULL: the file is all, and
	 * its tables are not looked at.
	 */
	int (*add_firmware)(struct coco_image *image, const struct coco_firmware *firmware,
			    const struct coco_firmware_extras *extras, struct coco_error *error);
	/* What an IGVM file says of its guest has to be what the recipe says. NULL: nothing does.
	 */
	int (*check_igvm)(const void *config, const struct coco_igvm_guest *file,
			  struct coco_error *error);
	/* What an image says that the recipe has to agree with, before anything is touched. */
	int (*check_image)(const void *config, const struct coco_image *image,
			   struct coco_error *error);
	/*
	 * What the platform will measure of such a launch; `flags` are for coco_measure_image().
	 * Called before anything is touched, and only when the answer is not known yet: `launch`
	 * has no more than seam, image, CPUID, config and the number of vCPUs. The technology
	 * measures nothing that can be predicted if this is NULL. The caller frees *out.
	 */
	int (*predict)(const struct coco_launch *launch, uint32_t flags, struct coco_digest **out,
		       struct coco_error *error);
	/* Can such a launch be known to fail? Called as predict() is, before each launch and reset.
	 */
	int (*check)(const struct coco_launch *launch, struct coco_error *error);
	/* The VM type for such a recipe. */
	uint64_t (*choose_vm_type)(const void *config);
	/* After KVM_CREATE_VM and the capabilities, before memory and vCPUs. */
	int (*init_vm)(const struct coco_launch *launch, struct coco_error *error);
	/* After a vCPU has its CPUID. */
	int (*init_vcpu)(const struct coco_launch *launch, uint32_t index,
			 struct coco_error *error);
	/* Memory and vCPUs are there, no memory is private yet. */
	int (*begin)(const struct coco_launch *launch, struct coco_error *error);
	/*
	 * The launch image goes in; its pages are private already if there is a private side. NULL:
	 * shared_image is all.
	 */
	int (*load)(const struct coco_launch *launch, struct coco_error *error);
	/*
	 * Changes what a vCPU starts with from KVM's own power-on state, for this launch: after
	 * load(). What the image says comes after it.
	 */
	void (*power_on)(const struct coco_launch *launch, uint32_t index, struct kvm_sregs *sregs,
			 struct kvm_regs *regs);
	/* After the vCPUs have their power-on registers: the guest may run when it returns. */
	int (*seal)(const struct coco_launch *launch, struct coco_error *error);
	/*
	 * Whether a launch that failed so may go well when an older incarnation is gone: the host
	 * has no more ASIDs, key ids or the like. Lack of memory and descriptors is known to the
	 * core. NULL: the technology needs nothing that is scarce.
	 */
	bool (*is_shortage)(const struct coco_error *error);
	/*
	 * While the guest runs, after a KVM_RUN that was no conversion: decodes and answers the
	 * exits that are the technology's own. Calls the VMM's callbacks; without locks.
	 */
	enum coco_served (*serve_exit)(const struct coco_run_exit *exit);
};

extern const struct coco_backend coco_backend_plain;
extern const struct coco_backend coco_backend_swprotected;
extern const struct coco_backend coco_backend_sev;
extern const struct coco_backend coco_backend_seves;
extern const struct coco_backend coco_backend_snp;
extern const struct coco_backend coco_backend_tdx;

/* The page kinds that every technology can load. */
#define COCO_PAGE_KINDS_BASIC (1u << COCO_PAGE_DATA | 1u << COCO_PAGE_ZERO)

/* The technology's backend, NULL if there is none. */
const struct coco_backend *coco_backend_find(uint32_t tech);

/* Fills info's `keys` and `keys_used` from the misc cgroup's resource, if they are known. */
void coco_probe_keys(struct coco_seam *seam, const char *resource, struct coco_tech_info *info);

/* Where guest memory is in the host: as much of it from `gpa` on as lies in one slot. */
int coco_launch_find(const struct coco_launch *launch, uint64_t gpa, uint64_t size,
		     struct coco_launch_piece *out, struct coco_error *error);

/* Writes a run to the shared side. */
int coco_launch_copy_run(const struct coco_launch *launch, const struct coco_image_run *run,
			 struct coco_error *error);
/* Writes the image to the shared side. */
int coco_launch_copy_shared(const struct coco_launch *launch, struct coco_error *error);

#endif
