/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * The launch measurement of an image, predicted: what the processor will report of a guest
 * that is launched from it.
 *
 *     technology   measurement             bytes   over
 *     sev          launch digest (LD)      32      the image's bytes
 *     seves        launch digest (LD)      32      the image's bytes, the vCPUs' VMSAs
 *     snp          launch digest           48      each page's address, type and contents; VMSAs
 *     tdx          MRTD                    48      each page's address; contents where measured
 *
 * coco_measure_image() does it in one call. Whoever has pages but no image begins a measurement
 * with coco_measure_begin(), adds pages in launch order, and finishes it. A digest can keep
 * the steps that led to it, and coco_digest_diff() says in words why two digests differ.
 *
 * Signed launch digests (SNP's ID block) are in cocoreset/id_block.h.
 */
#ifndef COCORESET_MEASURE_H
#define COCORESET_MEASURE_H

#include <cocoreset/error.h>
#include <cocoreset/host.h>
#include <cocoreset/image.h>

struct coco_measure;
struct coco_digest;

/** The largest measurement of all technologies, in bytes. */
#define COCO_DIGEST_MAX_SIZE 48u
/** The most vCPUs that can be measured. */
#define COCO_MEASURE_MAX_VCPUS 65536u
/** Where KVM says that every SNP guest's VMSA is. */
#define COCO_VMSA_GPA 0xfffffffff000ull
/** struct coco_digest_step::vcpu of a step that is no VMSA. */
#define COCO_NO_VCPU UINT32_MAX

/**
 * Whose initial registers a VMSA has: VMMs set them differently. Also which order
 * and kinds of pages a VMM makes of firmware (cocoreset/firmware.h).
 */
enum coco_vmm {
	COCO_VMM_QEMU = 1, /**< QEMU, and what sets the same registers */
	COCO_VMM_EC2 = 2,  /**< Amazon EC2 */
	COCO_VMM_GCE = 3,  /**< Google Compute Engine */
	/**
	 * KVM's own reset state, for VMMs that set no registers. All vCPUs
	 * are alike: they start at the reset vector, and RDX is 0x600.
	 */
	COCO_VMM_KVM = 4,
};

/** How the kernel that launches a guest differs from the usual one, where VMSAs show it. */
enum coco_vmsa_flags {
	/**
	 * SEV-ES: created by KVM_SEV_ES_INIT (QEMU: legacy-vm-type=on, its default) instead of
	 * KVM_SEV_INIT2. KVM then leaves the FPU's registers out: MXCSR and FCW are 0.
	 */
	COCO_VMSA_LEGACY = 1u << 0,
	/** The host runs without machine checks: CR4.MCE is 0. */
	COCO_VMSA_NO_MCE = 1u << 1,
	/** KVM_X86_QUIRK_CD_NW_CLEARED is disabled: CR0.CD and CR0.NW stay set. */
	COCO_VMSA_CD_NW = 1u << 2,
};

enum coco_measure_flags {
	/** Keep the steps, for coco_digest_get_step() and coco_digest_diff(). Costs time. */
	COCO_MEASURE_STEPS = 1u << 0,
	/** seves, snp: no VMSAs; what is measured before the vCPUs. `vcpus` is 0 then. */
	COCO_MEASURE_NO_VCPUS = 1u << 1,
	/**
	 * tdx: a run's pages are all added before the first is extended, as TDX kernels before
	 * Linux 6.16 did it. Without it, each page is extended as soon as it is added.
	 */
	COCO_MEASURE_TWO_PASS = 1u << 2,
	/**
	 * coco_measure_image(), seves and snp: VMSAs that the image has are measured where they
	 * stand in it, and at the address that they say, as the image's author may have computed
	 * it. Without it they are measured as KVM does: see coco_image_check_kvm().
	 */
	COCO_MEASURE_VMSAS_IN_PLACE = 1u << 3,
};

/**
 * What a launch consists of besides its pages. Fields that the technology does
 * not measure are ignored: one struct serves all of them.
 */
struct coco_measure_options {
	size_t struct_size; /**< COCO_INIT */
	uint32_t tech;      /**< enum coco_tech: sev, seves, snp or tdx; required */
	uint32_t flags;     /**< enum coco_measure_flags */
	/**
	 * seves, snp: how many, at least 1 and at most COCO_MEASURE_MAX_VCPUS. 0 for an image that
	 * has initial states of vCPUs: as many as these are.
	 */
	uint32_t vcpus;
	/**
	 * seves, snp: EAX of the guest's CPUID leaf 1, see coco_vcpu_signature_from_name().
	 * Required for COCO_VMM_QEMU; the others do not use it.
	 */
	uint32_t vcpu_signature;
	uint32_t vmm;        /**< enum coco_vmm; 0: COCO_VMM_QEMU */
	uint32_t vmsa_flags; /**< enum coco_vmsa_flags */
	/**
	 * seves, snp: SEV_FEATURES in the VMSA, what KVM_SEV_INIT2 gets as vmsa_features. For snp,
	 * bit 0 (SNPActive) is always set in addition.
	 */
	uint64_t sev_features;
	/**
	 * seves, snp: where vCPUs but the first start, from the firmware's table; 0: what
	 * the image says.
	 */
	uint64_t ap_start;
	/**
	 * snp: the launch digest after the firmware, 48 bytes. It is used instead of the first
	 * run that ends at 4 GiB, so that an image's other pages suffice. NULL: none.
	 */
	const uint8_t *start_digest;
	/**
	 * snp: the address in an SVSM at which all vCPUs start, in 32-bit protected mode with flat
	 * segments, see coco_image_add_svsm(); 0: there is none. For COCO_VMM_QEMU, FCW is 0 as in
	 * the peers' tools, which no kernel is known to produce; for COCO_VMM_KVM it is what KVM's
	 * reset leaves there. The others don't launch that way.
	 */
	uint64_t svsm_entry;
};

/** What a step measures. For snp these are the page types of SNP_LAUNCH_UPDATE. */
enum coco_step_type {
	COCO_STEP_NORMAL = 1,
	COCO_STEP_VMSA = 2, /**< also seves */
	COCO_STEP_ZERO = 3,
	COCO_STEP_UNMEASURED = 4,
	COCO_STEP_SECRETS = 5,
	COCO_STEP_CPUID = 6,
	COCO_STEP_DATA = 16,     /**< sev, seves: bytes of LAUNCH_UPDATE_DATA */
	COCO_STEP_PAGE_ADD = 32, /**< tdx: TDH.MEM.PAGE.ADD */
	COCO_STEP_EXTEND = 33,   /**< tdx: the 16 TDH.MR.EXTENDs of a page */
};

/** A step on the way to a digest. */
struct coco_digest_step {
	size_t struct_size;   /**< COCO_INIT */
	uint64_t gpa;         /**< of the page; for snp's VMSAs where they are said to be */
	uint32_t size;        /**< bytes: a page, or less for a table that sev measures as such */
	uint32_t type;        /**< enum coco_step_type */
	uint32_t vcpu;        /**< for COCO_STEP_VMSA, else COCO_NO_VCPU */
	uint32_t digest_size; /**< bytes of `running`, and of `content` if there is one */
	uint32_t has_content; /**< 1 if the bytes were measured, else `content` is zero */
	uint32_t reserved0;
	char label[64];                        /**< what it is: "firmware", "VMSA 3", or "" */
	uint8_t content[COCO_DIGEST_MAX_SIZE]; /**< digest of the bytes alone */
	/** The measurement if it ended after this step. */
	uint8_t running[COCO_DIGEST_MAX_SIZE];
	/**
	 * For COCO_STEP_VMSA: the page, COCO_PAGE_SIZE bytes that belong to the digest; NULL: it is
	 * not known. For others NULL.
	 */
	const void *vmsa;
};

/** A measurement that was not predicted: read from a platform, a report or a file. */
struct coco_digest_account {
	size_t struct_size;    /**< COCO_INIT */
	uint32_t tech;         /**< enum coco_tech: sev, seves, snp or tdx; required */
	uint32_t digest_size;  /**< bytes: 32 for sev and seves, 48 for snp and tdx */
	const uint8_t *digest; /**< the measurement; required */
	/** snp: the digest that the first step goes on from; NULL: it begins with zeroes. */
	const uint8_t *start_digest;
	const struct coco_digest_step *steps; /**< as an array, in the order they were measured */
	uint32_t step_count;                  /**< 0: the steps are not known */
	uint32_t reserved0;                   /**< 0 */
};

/** Why two digests differ: see coco_digest_diff(). */
enum coco_difference_kind {
	COCO_DIFFERENCE_NONE = 0,       /**< they are equal */
	COCO_DIFFERENCE_TECH = 1,       /**< of different technologies */
	COCO_DIFFERENCE_START = 2,      /**< start digests that do not fit */
	COCO_DIFFERENCE_CONTENTS = 3,   /**< a page's bytes */
	COCO_DIFFERENCE_TYPE = 4,       /**< a page's type */
	COCO_DIFFERENCE_ADDRESS = 5,    /**< a page's address */
	COCO_DIFFERENCE_ORDER = 6,      /**< the same steps in another order */
	COCO_DIFFERENCE_MISSING = 7,    /**< the second has not got this page */
	COCO_DIFFERENCE_EXTRA = 8,      /**< only the second has got this page */
	COCO_DIFFERENCE_VCPU_COUNT = 9, /**< how many vCPUs */
	COCO_DIFFERENCE_SIGNATURE = 10, /**< vCPU signature: RDX */
	COCO_DIFFERENCE_FEATURES = 11,  /**< SEV_FEATURES */
	COCO_DIFFERENCE_AP_START = 12,  /**< where further vCPUs start: CS and RIP */
	COCO_DIFFERENCE_FPU = 13,       /**< INIT2 or legacy: MXCSR and FCW */
	COCO_DIFFERENCE_REGISTERS = 14, /**< other registers: another VMM, or host */
	COCO_DIFFERENCE_UNKNOWN = 15,   /**< they differ, and steps that would tell are missing */
};

struct coco_difference {
	size_t struct_size; /**< COCO_INIT */
	uint32_t kind;      /**< enum coco_difference_kind */
	uint32_t first;     /**< index of the first digest's step, its step count if it ended */
	uint32_t second;    /**< the same for the second digest */
	uint32_t reserved0;
	char text[256]; /**< a sentence: where they part, and the likely reason */
};

/** What LAUNCH_MEASURE of SEV and SEV-ES is made from. */
struct coco_launch_measure {
	size_t struct_size; /**< COCO_INIT */
	uint32_t policy;    /**< the guest's policy, as given to LAUNCH_START */
	uint8_t api_major;  /**< of the firmware, from PLATFORM_STATUS */
	uint8_t api_minor;
	uint8_t build;
	uint8_t reserved0;
	uint8_t launch_digest[32];
	uint8_t mnonce[16]; /**< the firmware's, the last 16 bytes of KVM_SEV_LAUNCH_MEASURE */
	uint8_t tik[16];    /**< transport integrity key, the owner's secret */
};

/** What KVM_SEV_LAUNCH_MEASURE returns: 32 bytes of HMAC, then the 16 of MNONCE. */
#define COCO_LAUNCH_MEASURE_SIZE 48u

COCO_BEGIN_DECLS

/**
 * Predicts the measurement of a guest that is launched from `image`. vCPUs of which the image has
 * the initial state are measured with that, the others as the options say.
 *
 * Errors: -EINVAL a bad or missing option (named in error->field), or a run that the technology
 * can't launch; -E2BIG, -ENOMEM; -EIO libcrypto has no such algorithm or failed.
 *
 * Ownership: the caller frees *out with coco_digest_free(). The image is only read.
 * Thread safety: any thread, as long as no other changes the image.
 */
COCO_API COCO_MUST_CHECK int coco_measure_image(const struct coco_image *image,
						const struct coco_measure_options *options,
						struct coco_digest **out, struct coco_error *error);

/**
 * Begins a measurement that the caller feeds. If `start_digest` is given, it begins with that.
 *
 * Errors: as for coco_measure_image(). `ap_start` is required for more than one vCPU, unless
 * the VMM is COCO_VMM_KVM.
 *
 * Ownership: the caller frees *out with coco_measure_free(). Options are copied.
 * Thread safety: any thread; what it makes, one thread at a time.
 */
COCO_API COCO_MUST_CHECK int coco_measure_begin(const struct coco_measure_options *options,
						struct coco_measure **out,
						struct coco_error *error);

/**
 * Measures a run of pages, as the launch would. Runs may be cut anywhere between
 * pages without changing the result, except with COCO_MEASURE_TWO_PASS.
 *
 * @param run as for coco_image_add(). Its bytes are read during the call only.
 *
 * Errors: -EINVAL a bad run, or one that the technology can't launch; -EBUSY VMSAs were measured
 * already; -E2BIG, -ENOMEM, -EIO. After -ENOMEM and -EIO the measurement can only be freed.
 *
 * Thread safety: one thread at a time.
 */
COCO_API COCO_MUST_CHECK int coco_measure_add(struct coco_measure *measure,
					      const struct coco_page_run *run,
					      struct coco_error *error);

/**
 * Measures a VMSA of the caller's own (for seves and snp), after all runs. For vCPUs whose state
 * the options can't describe; set COCO_MEASURE_NO_VCPUS in them to have no others.
 *
 * @param gpa  snp: the address that is measured, COCO_VMSA_GPA under KVM. seves: ignored.
 * @param page COCO_PAGE_SIZE bytes.
 *
 * Errors: -EINVAL, -ENOMEM, -EIO; the last two as for coco_measure_add().
 * Thread safety: one thread at a time.
 */
COCO_API COCO_MUST_CHECK int coco_measure_add_vmsa(struct coco_measure *measure, uint64_t gpa,
						   const void *page, struct coco_error *error);

/**
 * Measures the VMSAs that the options ask for and ends the measurement.
 *
 * Errors: -EINVAL, -ENOMEM, -EIO; -EBUSY it was finished already. It is to be freed in
 * any case.
 * Ownership: the caller frees *out with coco_digest_free().
 * Thread safety: one thread at a time.
 */
COCO_API COCO_MUST_CHECK int coco_measure_finish(struct coco_measure *measure,
						 struct coco_digest **out,
						 struct coco_error *error);

/** Frees a measurement, finished or not. NULL is allowed. Thread safety: as for the others. */
COCO_API void coco_measure_free(struct coco_measure *measure);

/** Frees a digest. NULL is allowed. Thread safety: any thread, once. */
COCO_API void coco_digest_free(struct coco_digest *digest);

/**
 * The measurement: 32 bytes for sev and seves, 48 for snp and tdx.
 *
 * @param size set to the number of bytes; may be NULL.
 *
 * Ownership: the digest's. Thread safety: any thread.
 */
COCO_API const uint8_t *coco_digest_bytes(const struct coco_digest *digest, size_t *size);

/** The digest's enum coco_tech. Thread safety: any thread. */
COCO_API uint32_t coco_digest_tech(const struct coco_digest *digest);

/**
 * How many steps the digest has; 0 without COCO_MEASURE_STEPS.
 *
 * Thread safety: any thread.
 */
COCO_API uint32_t coco_digest_step_count(const struct coco_digest *digest);

/**
 * Tells of one step, in the order they were measured.
 *
 * @param step struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL no such index, or a struct_size too small.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_digest_get_step(const struct coco_digest *digest, uint32_t index,
						  struct coco_digest_step *step,
						  struct coco_error *error);

/**
 * Makes a digest of a measurement that somebody else made, to compare it with others. That the
 * steps lead to the digest is not checked.
 *
 * Errors: -EINVAL a bad or missing field or step (named in error->field); -E2BIG, -ENOMEM.
 * Ownership: everything is copied. The caller frees *out with coco_digest_free().
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_digest_from_steps(const struct coco_digest_account *account,
						    struct coco_digest **out,
						    struct coco_error *error);

/**
 * A step type's name as its specification has it ("NORMAL", "MR.EXTEND"), "unknown" for others.
 *
 * Ownership: static text. Thread safety: any thread.
 */
COCO_API const char *coco_step_type_name(uint32_t type);

/**
 * Says why two digests differ: at the first step where they do, and in words. Digests
 * that are equal need no steps.
 *
 * @param difference struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL digests that differ and have no steps, or a struct_size too small.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_digest_diff(const struct coco_digest *first,
					      const struct coco_digest *second,
					      struct coco_difference *difference,
					      struct coco_error *error);

/**
 * The VMSA page of a vCPU as KVM builds it for such a guest.
 *
 * @param options as for coco_measure_begin(), for seves or snp; `vcpus` is not looked at.
 * @param index   the vCPU's: 0 starts at the reset vector, all others are alike.
 * @param out     COCO_PAGE_SIZE bytes.
 *
 * Errors: -EINVAL a bad option (named in error->field), -E2BIG.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_vmsa_build(const struct coco_measure_options *options,
					     uint32_t index, void *out, struct coco_error *error);

/**
 * The names of the VMSA's registers in which launches differ ("SEV_FEATURES", "CS.base"), by index
 * from 0, those that tell most first; NULL beyond the last.
 *
 * Ownership: static text. Thread safety: any thread.
 */
COCO_API const char *coco_vmsa_register_name(uint32_t index);

/**
 * The register of a VMSA page (COCO_PAGE_SIZE bytes) by its index; 0 beyond the last.
 *
 * Thread safety: any thread.
 */
COCO_API uint64_t coco_vmsa_get_register(const void *page, uint32_t index);

/**
 * Sets a register of a VMSA page (COCO_PAGE_SIZE bytes), as coco_vmsa_build() makes them.
 *
 * Errors: -EINVAL no such index, or a value with more bits than the register.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_vmsa_set_register(void *page, uint32_t index, uint64_t value,
						    struct coco_error *error);

/**
 * The signature of a QEMU CPU model ("EPYC-Milan-v2"): EAX of its CPUID leaf 1.
 *
 * Errors: -EINVAL no such model (the text says which there are).
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_vcpu_signature_from_name(const char *name, uint32_t *out,
							   struct coco_error *error);

/**
 * The signature of a processor's family, model and stepping as people and
 * /proc/cpuinfo write them, extended parts included.
 *
 * Errors: -EINVAL family above 270, model above 255, stepping above 15 (named in error->field).
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_vcpu_signature_from_fms(uint32_t family, uint32_t model,
							  uint32_t stepping, uint32_t *out,
							  struct coco_error *error);

/**
 * The names that coco_vcpu_signature_from_name() knows, by index from 0; NULL beyond the last.
 *
 * Ownership: static text. Thread safety: any thread.
 */
COCO_API const char *coco_vcpu_model_name(uint32_t index);

/**
 * What KVM_SEV_LAUNCH_MEASURE will return for a SEV or SEV-ES guest: the owner, who has the
 * TIK, compares it with what the host says.
 *
 * @param out COCO_LAUNCH_MEASURE_SIZE bytes: the HMAC, then MNONCE.
 *
 * Errors: -EINVAL, -E2BIG, -ENOMEM, -EIO libcrypto failed.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_measure_launch_measure(const struct coco_launch_measure *input,
							 void *out, struct coco_error *error);

COCO_END_DECLS

#endif
