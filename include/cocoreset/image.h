/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * The launch image: an ordered list of page runs, and where vCPUs start. Every loader
 * makes one and every technology launches one, in the order of its runs. A launch
 * measurement is a digest over the same list, so what is predicted is what is launched.
 *
 * An image is built by one thread, then used. From its first use by a guest on
 * it is immutable and may be shared by any number of guests and threads.
 */
#ifndef COCORESET_IMAGE_H
#define COCORESET_IMAGE_H

#include <cocoreset/error.h>

struct coco_image;

/** The most runs an image can have. */
#define COCO_IMAGE_MAX_RUNS 65536u
/** The largest raw firmware: what fits between 4 GiB - 16 MiB and 4 GiB. */
#define COCO_FIRMWARE_MAX_SIZE 0x1000000u
/** A run's label is shorter than this. */
#define COCO_LABEL_SIZE 32u
/** The vCPUs that an image can have initial states of have indices below this. */
#define COCO_IMAGE_MAX_VCPUS 65536u
/** What SEV and SEV-ES encrypt and measure is a multiple of this (COCO_PAGE_PART). */
#define COCO_PART_UNIT 16u

/**
 * What a run is made of. Which kinds can be launched depends on the technology: plain and
 * software-protected guests take data and zero pages.
 */
enum coco_page_kind {
	COCO_PAGE_DATA = 1, /**< pages with the given bytes */
	COCO_PAGE_ZERO = 2, /**< pages of zeroes */
	/** One page in which the platform gives the guest its secrets (SNP). */
	COCO_PAGE_SECRETS = 3,
	/** One page with the vCPUs' CPUID, which the platform checks (SNP). */
	COCO_PAGE_CPUID = 4,
	/**
	 * Bytes within one page, for SEV and SEV-ES, which encrypt and measure memory in units of
	 * COCO_PART_UNIT bytes rather than pages. Exactly these bytes are loaded and
	 * measured; the rest of the page is not touched.
	 */
	COCO_PAGE_PART = 5,
};

/** Flags of a run. */
enum coco_run_flags {
	/**
	 * Loaded, but its contents are left out of the launch measurement. For data and zero
	 * pages only: the technology decides about the others.
	 */
	COCO_RUN_UNMEASURED = 1u << 0,
	/**
	 * Loaded as memory that host and guest share: neither encrypted nor measured. For data
	 * and zero pages only, and not together with COCO_RUN_UNMEASURED.
	 */
	COCO_RUN_SHARED = 1u << 1,
};

/** Guest pages that follow each other and are loaded alike. */
struct coco_page_run {
	size_t struct_size; /**< COCO_INIT */
	/** Guest physical address, page aligned; COCO_PAGE_PART: a multiple of COCO_PART_UNIT. */
	uint64_t gpa;
	/**
	 * Bytes, a multiple of the page, not 0. COCO_PAGE_SECRETS and COCO_PAGE_CPUID: one page.
	 * COCO_PAGE_PART: a multiple of COCO_PART_UNIT that ends within gpa's page.
	 */
	uint64_t size;
	/** `size` bytes for COCO_PAGE_DATA and COCO_PAGE_PART; NULL for the other kinds. */
	const void *bytes;
	uint32_t kind;  /**< enum coco_page_kind */
	uint32_t flags; /**< enum coco_run_flags */
	/**
	 * What the run is, for people ("firmware", "kernel hashes"): shorter than COCO_LABEL_SIZE,
	 * NULL is "". Copied.
	 */
	const char *label;
};

/** How the registers of an initial vCPU state are written down. One page in each case. */
enum coco_vcpu_state_format {
	/** A VMSA as the processor loads it (AMD APM volume 2, table B-4): SEV-ES and SNP. */
	COCO_VCPU_STATE_VMSA = 1,
	/** IGVM's context for guests with open registers: plain, software-protected, SEV. */
	COCO_VCPU_STATE_NATIVE = 2,
};

/**
 * The registers that one vCPU starts with, instead of those that the technology gives it. vCPUs
 * that an image says nothing about keep these.
 */
struct coco_vcpu_state {
	size_t struct_size; /**< COCO_INIT */
	uint32_t vcpu;      /**< index, below COCO_IMAGE_MAX_VCPUS */
	uint32_t format;    /**< enum coco_vcpu_state_format; the same for all of an image */
	/**
	 * COCO_VCPU_STATE_VMSA: where the image's author says that the page is, page aligned. KVM
	 * has one address of its own for all of them (COCO_VMSA_GPA). Otherwise 0.
	 */
	uint64_t gpa;
	/** How many runs of the image come before it. Set by the image, when it is added. */
	uint32_t position;
	uint32_t reserved0;
	const void *page; /**< COCO_PAGE_SIZE bytes */
};

/** Why KVM can't launch an image so that its measurement is the one that its author computed. */
enum coco_kvm_obstacle {
	/** A VMSA is said to be elsewhere than at COCO_VMSA_GPA. */
	COCO_KVM_VMSA_ADDRESS = 1u << 0,
	/** Pages come after a VMSA: KVM measures VMSAs last. */
	COCO_KVM_VMSA_POSITION = 1u << 1,
	/** VMSAs do not come in the order of their vCPUs. */
	COCO_KVM_VMSA_ORDER = 1u << 2,
	/** The guest has vCPUs that the image has no VMSA for, or the other way round. */
	COCO_KVM_VCPU_COUNT = 1u << 3,
	/** A register that KVM can't set, or to which it gives a value of its own. */
	COCO_KVM_REGISTER = 1u << 4,
	/** SEV_FEATURES that differ between vCPUs, or do not fit the technology or the kernel. */
	COCO_KVM_FEATURES = 1u << 5,
};

struct coco_kvm_check_options {
	size_t struct_size; /**< COCO_INIT */
	uint32_t tech;      /**< enum coco_tech; required */
	uint32_t vcpus;     /**< the guest's; 0: as many as the image has states of */
	/**
	 * seves, snp: the SEV_FEATURES that the kernel takes (KVM_X86_SEV_VMSA_FEATURES), bit 0 of
	 * SNP aside; 0: not known, and not looked at.
	 */
	uint64_t kernel_features;
};

struct coco_kvm_check {
	size_t struct_size; /**< COCO_INIT */
	uint32_t obstacles; /**< enum coco_kvm_obstacle; 0: the measurement can be reached */
	uint32_t vcpus;     /**< initial states that the image has */
	uint64_t features;  /**< SEV_FEATURES of the first vCPU's VMSA */
	char reason[256];   /**< a sentence about the first obstacle; "" if there is none */
};

COCO_BEGIN_DECLS

/**
 * Makes an empty image.
 *
 * Errors: -ENOMEM.
 * Ownership: the caller holds a reference; coco_image_unref() gives it up.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_image_new(struct coco_image **out, struct coco_error *error);

/**
 * Takes one more reference and returns `image`.
 *
 * Thread safety: any thread.
 */
COCO_API struct coco_image *coco_image_ref(struct coco_image *image);

/**
 * Gives a reference up; the last one frees the image. NULL is allowed.
 *
 * Thread safety: any thread.
 */
COCO_API void coco_image_unref(struct coco_image *image);

/**
 * Appends a run. Its bytes are copied.
 *
 * Errors: -EINVAL a size of 0, an unaligned gpa or size, a range that wraps or
 * ends beyond 2^52, bytes that are missing or superfluous for the kind, an unknown kind or
 * flag, a flag that the kind does not take, a label that is too long; -EEXIST memory that another
 * run has already; -ENOSPC more than COCO_IMAGE_MAX_RUNS; -EBUSY the image is in use already;
 * -E2BIG, -ENOMEM. The image is as it was after every error.
 *
 * Thread safety: one thread at a time. Allowed states: before the first use.
 */
COCO_API COCO_MUST_CHECK int
coco_image_add(struct coco_image *image, const struct coco_page_run *run, struct coco_error *error);

/**
 * Appends raw firmware so that it ends at 4 GiB, where x86 processors start.
 * The bytes are copied.
 *
 * @param size a multiple of the page, at most COCO_FIRMWARE_MAX_SIZE.
 *
 * Errors: -EINVAL a size of 0 or not a multiple of the page; -EFBIG too large; otherwise
 * those of coco_image_add().
 *
 * Thread safety: one thread at a time. Allowed states: before the first use.
 */
COCO_API COCO_MUST_CHECK int coco_image_add_firmware(struct coco_image *image, const void *bytes,
						     size_t size, struct coco_error *error);

/**
 * coco_image_add_firmware() with the contents of a regular file. The file is
 * read once and not needed afterwards.
 *
 * Errors: those of open(2) and read(2), -EINVAL not a regular file, -EIO the file shrank while
 * it was read, and those of coco_image_add_firmware().
 *
 * Thread safety: one thread at a time. Allowed states: before the first use.
 */
COCO_API COCO_MUST_CHECK int
coco_image_add_firmware_file(struct coco_image *image, const char *path, struct coco_error *error);

/**
 * How many runs the image has.
 *
 * Thread safety: any thread once the image is in use.
 */
COCO_API uint32_t coco_image_run_count(const struct coco_image *image);

/**
 * Tells of one run, in launch order.
 *
 * @param run struct_size set by the caller. `bytes` and `label` (never NULL) belong to the image.
 *
 * Errors: -EINVAL no such index, or a struct_size too small.
 * Thread safety: any thread once the image is in use.
 */
COCO_API COCO_MUST_CHECK int coco_image_get_run(const struct coco_image *image, uint32_t index,
						struct coco_page_run *run,
						struct coco_error *error);

/**
 * Says where vCPUs other than the first start (SEV-ES and SNP, whose vCPUs can't be started
 * anywhere else by INIT and SIPI). The firmware's reset block tells the address;
 * coco_image_add_sev_firmware() sets it.
 *
 * @param gpa below 4 GiB; 0: where the first starts.
 *
 * Errors: -EINVAL not below 4 GiB; -EBUSY the image is in use already.
 * Thread safety: one thread at a time. Allowed states: before the first use.
 */
COCO_API COCO_MUST_CHECK int coco_image_set_ap_start(struct coco_image *image, uint64_t gpa,
						     struct coco_error *error);

/**
 * Where vCPUs other than the first start; 0: where the first does.
 *
 * Thread safety: any thread once the image is in use.
 */
COCO_API uint64_t coco_image_ap_start(const struct coco_image *image);

/**
 * Says where the TD HOB is: TDX vCPUs find the address in RCX when they start.
 * coco_image_add_tdx_firmware() sets it.
 *
 * @param gpa a multiple of 8, below 2^52; 0: there is none.
 *
 * Errors: -EINVAL no such address; -EBUSY the image is in use already.
 * Thread safety: one thread at a time. Allowed states: before the first use.
 */
COCO_API COCO_MUST_CHECK int coco_image_set_hob(struct coco_image *image, uint64_t gpa,
						struct coco_error *error);

/**
 * Where the TD HOB is; 0: there is none.
 *
 * Thread safety: any thread once the image is in use.
 */
COCO_API uint64_t coco_image_hob(const struct coco_image *image);

/**
 * Says with which registers a vCPU starts. The page is copied.
 *
 * Errors: -EINVAL a vCPU, format or gpa that can't be, another format than the image's other
 * states have, no page; -EEXIST there is a state of this vCPU already; -EBUSY the image is in use
 * already; -E2BIG, -ENOMEM. The image is as it was after every error.
 *
 * Thread safety: one thread at a time. Allowed states: before the first use.
 */
COCO_API COCO_MUST_CHECK int coco_image_add_vcpu_state(struct coco_image *image,
						       const struct coco_vcpu_state *state,
						       struct coco_error *error);

/**
 * How many vCPUs the image has initial states of.
 *
 * Thread safety: any thread once the image is in use.
 */
COCO_API uint32_t coco_image_vcpu_state_count(const struct coco_image *image);

/**
 * Tells of one initial state, in the order they were added.
 *
 * @param state struct_size set by the caller. `page` belongs to the image.
 *
 * Errors: -EINVAL no such index, or a struct_size too small.
 * Thread safety: any thread once the image is in use.
 */
COCO_API COCO_MUST_CHECK int coco_image_get_vcpu_state(const struct coco_image *image,
						       uint32_t index,
						       struct coco_vcpu_state *state,
						       struct coco_error *error);

/**
 * Asks before any launch whether KVM can produce the measurement that the image's author computed
 * from its runs and VMSAs as they stand. Images without VMSAs can always be reached.
 *
 * @param check struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL an unknown technology, or a struct_size too small; -E2BIG.
 * Thread safety: any thread once the image is in use.
 */
COCO_API COCO_MUST_CHECK int coco_image_check_kvm(const struct coco_image *image,
						  const struct coco_kvm_check_options *options,
						  struct coco_kvm_check *check,
						  struct coco_error *error);

COCO_END_DECLS

#endif
