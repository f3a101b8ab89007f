/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * IGVM files (Independent Guest Virtual Machine): a launch image with the order of its steps, and
 * the registers of its vCPUs, for one or several technologies.
 *
 * coco_igvm_parse() checks a file, whose author need not be trusted: a guest may have handed it
 * over. coco_image_add_igvm() makes a launch image of what it holds for one technology, and
 * coco_image_check_kvm() (cocoreset/image.h) says whether KVM can launch that with the measurement
 * that its author computed. coco_image_write_igvm() is the way back.
 *
 * Versions 1 and 2 of the format are read. What is for Hyper-V's VBS, for Arm's CCA, and what
 * lets a loader move a guest elsewhere is checked and reported, and never loaded.
 */
#ifndef COCORESET_IGVM_H
#define COCORESET_IGVM_H

#include <cocoreset/error.h>
#include <cocoreset/host.h>
#include <cocoreset/image.h>

struct coco_igvm;

/** What a platform is, as files have it. */
enum coco_igvm_platform_type {
	COCO_IGVM_NATIVE = 0, /**< no isolation: plain and software-protected guests */
	COCO_IGVM_VSM = 1,    /**< Hyper-V VSM isolation (VBS); not loaded */
	COCO_IGVM_SNP = 2,
	COCO_IGVM_TDX = 3,
	COCO_IGVM_SEV = 4,
	COCO_IGVM_SEVES = 5,
	COCO_IGVM_CCA = 6, /**< Arm CCA; not loaded */
};

/** Types of entries. */
enum coco_igvm_entry_type {
	COCO_IGVM_SUPPORTED_PLATFORM = 0x001,
	COCO_IGVM_GUEST_POLICY = 0x101,
	COCO_IGVM_RELOCATABLE_REGION = 0x102, /**< reported, not done */
	COCO_IGVM_PAGE_TABLE_REGION = 0x103,  /**< reported, not done */
	COCO_IGVM_CORIM_DOCUMENT = 0x104,     /**< reported, not used */
	COCO_IGVM_CORIM_SIGNATURE = 0x105,    /**< reported, not used */
	COCO_IGVM_CCA_POLICY = 0x106,         /**< reported, not used */
	COCO_IGVM_PARAMETER_AREA = 0x301,
	COCO_IGVM_PAGE_DATA = 0x302,
	COCO_IGVM_PARAMETER_INSERT = 0x303,
	COCO_IGVM_VP_CONTEXT = 0x304,
	COCO_IGVM_REQUIRED_MEMORY = 0x305,
	COCO_IGVM_VP_COUNT = 0x307,
	COCO_IGVM_SRAT = 0x308,
	COCO_IGVM_MADT = 0x309,
	COCO_IGVM_MMIO_RANGES = 0x30a,
	COCO_IGVM_SNP_ID_BLOCK = 0x30b,
	COCO_IGVM_MEMORY_MAP = 0x30c,
	COCO_IGVM_ERROR_RANGE = 0x30d,
	COCO_IGVM_COMMAND_LINE = 0x30e,
	COCO_IGVM_SLIT = 0x30f,
	COCO_IGVM_PPTT = 0x310,
	COCO_IGVM_VBS_MEASUREMENT = 0x311, /**< reported, not used */
	COCO_IGVM_DEVICE_TREE = 0x312,
	COCO_IGVM_ENVIRONMENT_INFO = 0x313,
};

/** The bit of a parameter's type in coco_image_add_igvm()'s `unfilled`. */
#define COCO_IGVM_PARAMETER_BIT(type) (1u << ((type)-0x300u))

/** Data types of COCO_IGVM_PAGE_DATA. */
enum coco_igvm_page_type {
	COCO_IGVM_PAGE_NORMAL = 0,
	COCO_IGVM_PAGE_SECRETS = 1,
	COCO_IGVM_PAGE_CPUID = 2,
	COCO_IGVM_PAGE_CPUID_XF = 3, /**< CPUID page with the XSAVE features' leaves */
};

/** Flags of COCO_IGVM_PAGE_DATA. */
enum coco_igvm_page_flags {
	COCO_IGVM_PAGE_2MB = 1u << 0,        /**< 2 MiB instead of 4 KiB */
	COCO_IGVM_PAGE_UNMEASURED = 1u << 1, /**< contents are not measured */
	COCO_IGVM_PAGE_SHARED = 1u << 2,     /**< memory that host and guest share */
};

enum coco_igvm_flags {
	/**
	 * Refuse what is tolerated otherwise: padding that is not 0, page flags that this version
	 * does not know, and entries for platforms that the file does not declare.
	 */
	COCO_IGVM_STRICT = 1u << 0,
};

/** Limits: a small file can ask for a lot. 0 stands for the default everywhere. */
struct coco_igvm_options {
	size_t struct_size; /**< COCO_INIT */
	uint32_t flags;     /**< enum coco_igvm_flags */
	/** Pages of 4 KiB that all page data and parameter areas may have; 0: 262144 (1 GiB). */
	uint32_t max_pages;
	uint32_t max_areas;      /**< parameter areas; 0: 64 */
	uint32_t max_parameters; /**< 0: 256 */
	uint32_t max_vcpus;      /**< vCPU contexts; 0: 4096 */
	uint32_t reserved0;      /**< 0 */
	uint64_t max_size;       /**< bytes of the file; 0: 0x50000000 (1.25 GiB) */
};

/** What a file says of itself. */
struct coco_igvm_info {
	size_t struct_size;       /**< COCO_INIT */
	uint32_t version;         /**< of the format, 1 or 2 */
	uint32_t arch;            /**< 0: x64, 1: aarch64 */
	uint32_t header_offset;   /**< of the entries */
	uint32_t header_size;     /**< bytes of the entries */
	uint64_t size;            /**< bytes of the file */
	uint32_t checksum;        /**< CRC-32 of the headers */
	uint32_t platforms;       /**< how many, see coco_igvm_get_platform() */
	uint32_t entries;         /**< how many, see coco_igvm_get_entry() */
	uint32_t pages;           /**< of 4 KiB, of page data and parameter areas together */
	uint32_t skipped;         /**< optional entries of types that this version doesn't know */
	uint32_t nonzero_padding; /**< entries whose padding is not 0 */
	uint32_t unknown_flags;   /**< page data with flags that this version doesn't know */
	/** Entries with bits in their mask that belong to no platform; they are for none. */
	uint32_t undeclared_masks;
};

struct coco_igvm_platform {
	size_t struct_size;           /**< COCO_INIT */
	uint32_t type;                /**< enum coco_igvm_platform_type */
	uint32_t mask;                /**< the bit that entries for it have */
	uint32_t highest_vtl;         /**< 0 or 2 */
	uint32_t version;             /**< 1 */
	uint64_t shared_gpa_boundary; /**< where memory that is shared begins; 0: none */
};

/** An entry that is no platform. Fields that its type has not are 0. */
struct coco_igvm_entry {
	size_t struct_size;   /**< COCO_INIT */
	uint32_t type;        /**< enum coco_igvm_entry_type */
	uint32_t mask;        /**< which platforms; those without one have all bits */
	uint64_t offset;      /**< of the entry in the file */
	uint64_t gpa;         /**< guest physical address */
	uint64_t size;        /**< bytes of guest memory */
	uint64_t file_offset; /**< of its data in the file; 0: none, which means zeroes */
	uint64_t file_size;   /**< bytes of data */
	uint64_t policy;      /**< COCO_IGVM_GUEST_POLICY */
	uint32_t flags;       /**< page data, required memory and relocatable regions: theirs */
	uint32_t kind;        /**< page data: enum coco_igvm_page_type */
	uint32_t index;       /**< parameter area, or vCPU */
	uint32_t position;    /**< parameter: where in its area, bytes */
};

/** What a file says of guests of one technology, besides their pages. */
struct coco_igvm_guest {
	size_t struct_size;  /**< COCO_INIT */
	uint32_t has_policy; /**< 1 if there is one */
	uint32_t contexts;   /**< vCPUs whose initial registers the file has */
	/** As the file has it: SEV's or SNP's policy; TDX: IGVM's own bits. */
	uint64_t policy;
	/** TDX: the policy as TD attributes (DEBUG, SEPT_VE_DISABLE, MIGRATABLE). */
	uint64_t tdx_attributes;
	/** SEV-ES, SNP: SEV_FEATURES of the first vCPU's VMSA; KVM wants them at KVM_SEV_INIT2. */
	uint64_t sev_features;
	uint64_t shared_gpa_boundary; /**< where shared memory begins; 0: nowhere in particular */
	uint64_t memory_end;          /**< where the memory ends that the file uses or requires */
	uint32_t has_id_block;        /**< SNP: 1 if there is one, see coco_igvm_get_id_block() */
	uint32_t relocation;          /**< 1 if it may be moved; it is loaded where it stands */
};

/** A range of guest memory, for COCO_IGVM_MEMORY_MAP. */
struct coco_igvm_memory {
	uint64_t gpa;       /**< page aligned */
	uint64_t size;      /**< bytes, a multiple of the page, not 0 */
	uint32_t type;      /**< enum coco_igvm_memory_type */
	uint32_t reserved0; /**< 0 */
};

enum coco_igvm_memory_type {
	COCO_IGVM_MEMORY = 0,
	COCO_IGVM_MEMORY_RESERVED = 1,
	COCO_IGVM_MEMORY_PERSISTENT = 2,
	COCO_IGVM_MEMORY_VTL2 = 3,
	COCO_IGVM_MEMORY_SPECIFIC = 4,
	COCO_IGVM_MEMORY_HIDDEN = 5,
};

/** A parameter whose value is wanted. */
struct coco_igvm_parameter {
	uint32_t type;     /**< enum coco_igvm_entry_type */
	uint32_t index;    /**< the area it is in */
	uint32_t position; /**< where in the area */
	uint32_t reserved0;
	uint64_t area_size; /**< bytes of the area */
};

/**
 * Gives the value of a parameter, as the guest finds it in memory.
 *
 * @param to   `room` bytes, with what the area contains there already.
 * @param size set to the value's size.
 *
 * Returns 0; -ENODATA: the default is to be used; or another negative errno, with which the call
 * ends. Must not call into the library with the same image.
 */
typedef int (*coco_igvm_parameter_fn)(void *payload, const struct coco_igvm_parameter *parameter,
				      void *to, uint64_t room, uint64_t *size);

/** What becomes of normal pages that have no data, where SNP measures the difference. */
enum coco_igvm_zero_pages {
	/** Pages of zeroes that are measured like any other, as the specification says. */
	COCO_IGVM_ZERO_PAGES_SPEC = 0,
	/** SNP's own zero pages, as Cloud Hypervisor on KVM has it. */
	COCO_IGVM_ZERO_PAGES_KVM = 1,
};

enum coco_igvm_load_flags {
	/** ENVIRONMENT_INFO says that memory is private until the guest shares it. */
	COCO_IGVM_PRIVATE_BY_DEFAULT = 1u << 0,
	/** Refuse files whose own measurement KVM can't produce: see coco_image_check_kvm(). */
	COCO_IGVM_EXACT = 1u << 1,
};

struct coco_igvm_load_options {
	size_t struct_size;  /**< COCO_INIT */
	uint32_t tech;       /**< enum coco_tech; required */
	uint32_t flags;      /**< enum coco_igvm_load_flags */
	uint32_t zero_pages; /**< enum coco_igvm_zero_pages */
	/** The guest's vCPUs; 0: as many as the file has contexts of, at least 1. */
	uint32_t vcpus;
	/**
	 * The guest's memory, sorted: the memory map, and what required memory is looked for in.
	 * NULL: the map is empty, and nothing is looked for.
	 */
	const struct coco_igvm_memory *memory;
	uint32_t memory_count;
	uint32_t reserved0;               /**< 0 */
	const char *cmdline;              /**< NULL: "" */
	coco_igvm_parameter_fn parameter; /**< asked before any default is used; may be NULL */
	void *parameter_payload;
};

/** Takes bytes of a file, which come in order. 0, or a negative errno with which the call ends. */
typedef int (*coco_write_fn)(void *payload, const void *bytes, size_t size);

struct coco_igvm_write_options {
	size_t struct_size; /**< COCO_INIT */
	uint32_t tech;      /**< enum coco_tech; required */
	uint32_t vcpus;  /**< contexts to make for images that have none; seves and snp; 0: none */
	uint64_t policy; /**< written as the file's guest policy if `has_policy` is 1 */
	uint32_t has_policy;     /**< 0 or 1 */
	uint32_t vcpu_signature; /**< with `vcpus`: as in struct coco_measure_options */
	uint64_t sev_features;   /**< with `vcpus`: as in struct coco_measure_options */
};

COCO_BEGIN_DECLS

/**
 * Parses an IGVM file and checks all of it: structure, checksum, that everything lies within the
 * file and the limits, and that parameters fit into their areas.
 *
 * @param options NULL for all defaults.
 *
 * Errors: -EBADMSG malformed (error->field names the kind of entry, the text its place in the file
 * and what is wrong); -EFBIG a limit is exceeded (error->field names it); -EOPNOTSUPP an
 * entry that can't be skipped of a type that this version does not know; -EINVAL, -E2BIG, -ENOMEM.
 *
 * Ownership: the bytes are copied. The caller frees *out with coco_igvm_free().
 * Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_igvm_parse(const void *bytes, size_t size,
					     const struct coco_igvm_options *options,
					     struct coco_igvm **out, struct coco_error *error);

/**
 * coco_igvm_parse() with the contents of a regular file, which is read once.
 *
 * Errors: those of open(2) and read(2); -EIO the file shrank while it was read; those of
 * coco_igvm_parse().
 *
 * Ownership, thread safety, allowed states: as for coco_igvm_parse().
 */
COCO_API COCO_MUST_CHECK int coco_igvm_parse_file(const char *path,
						  const struct coco_igvm_options *options,
						  struct coco_igvm **out, struct coco_error *error);

/**
 * Frees it. Images that were made from it do not need it. NULL is allowed.
 *
 * Thread safety: no other thread may be using it.
 */
COCO_API void coco_igvm_free(struct coco_igvm *igvm);

/**
 * Tells what the file says of itself.
 *
 * @param info struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL a struct_size too small.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_igvm_get_info(const struct coco_igvm *igvm,
						struct coco_igvm_info *info,
						struct coco_error *error);

/**
 * Tells of one platform, in the order of the file.
 *
 * @param platform struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL no such index, or a struct_size too small.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_igvm_get_platform(const struct coco_igvm *igvm, uint32_t index,
						    struct coco_igvm_platform *platform,
						    struct coco_error *error);

/**
 * Tells of one entry that is no platform, in the order of the file.
 *
 * @param entry struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL no such index, or a struct_size too small.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_igvm_get_entry(const struct coco_igvm *igvm, uint32_t index,
						 struct coco_igvm_entry *entry,
						 struct coco_error *error);

/**
 * Tells what the file says of guests of a technology besides their pages: what belongs into the
 * options of the guest.
 *
 * @param tech  enum coco_tech.
 * @param guest struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL an unknown technology, or a struct_size too small; -EOPNOTSUPP the file is not
 * for this technology (the text says for which it is); -EBADMSG it has two policies or ID blocks.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_igvm_get_guest(const struct coco_igvm *igvm, uint32_t tech,
						 struct coco_igvm_guest *guest,
						 struct coco_error *error);

/**
 * Converts the ID block for SNP guests to what SNP_LAUNCH_FINISH and coco_id_block_verify() take.
 *
 * @param block  COCO_ID_BLOCK_SIZE bytes (cocoreset/id_block.h).
 * @param auth   COCO_ID_AUTH_SIZE bytes.
 * @param author set to 1 if it has an author key, else 0.
 *
 * Errors: -ENODATA there is none; -EINVAL; those of coco_igvm_get_guest().
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_igvm_get_id_block(const struct coco_igvm *igvm, void *block,
						    void *auth, uint32_t *author,
						    struct coco_error *error);

/**
 * The name that the specification has for a type of entry ("PAGE_DATA"), "unknown" for others.
 *
 * Ownership: static text. Thread safety: any thread.
 */
COCO_API const char *coco_igvm_entry_name(uint32_t type);

/**
 * The name of a platform type ("SEV_SNP"), "unknown" for others.
 *
 * Ownership: static text. Thread safety: any thread.
 */
COCO_API const char *coco_igvm_platform_name(uint32_t type);

/**
 * Appends what a guest of a technology is launched with, in the order of the file: pages, parameter
 * areas with their values, and the vCPUs' initial registers. The file's bytes are shared, not
 * copied.
 *
 * Values of parameters come from `options`: the number of vCPUs, the memory map, the command line,
 * that memory is shared by default, an MADT with the vCPUs' local APICs. The others (ACPI tables,
 * device tree, MMIO ranges) have no default: their place keeps what the area began with.
 *
 * SEV and SEV-ES encrypt nothing without measuring it: there, unmeasured pages and parameter
 * areas are shared memory. An area for errors is shared memory with every technology.
 *
 * @param unfilled set to the parameters without a value, as COCO_IGVM_PARAMETER_BIT(type); may be
 *                 NULL.
 *
 * Errors: -EINVAL a bad option, a page beyond 2^52, a context of a vCPU that the guest has not got,
 * required memory that is missing; -EOPNOTSUPP the file is not for this technology, or
 * COCO_IGVM_EXACT and KVM can't produce its measurement; -EEXIST memory that is used twice, or two
 * contexts of a vCPU; -ENOSPC a value that does not fit into its area, or too many runs; -EBUSY
 * the image is in use; -E2BIG, -ENOMEM; what `parameter` returned. The image is as it was after
 * every error.
 *
 * Thread safety: one thread at a time for the image. Allowed states: before the image's first use.
 */
COCO_API COCO_MUST_CHECK int coco_image_add_igvm(struct coco_image *image,
						 const struct coco_igvm *igvm,
						 const struct coco_igvm_load_options *options,
						 uint32_t *unfilled, struct coco_error *error);

/**
 * Writes an image as an IGVM file for one technology. Read back with COCO_IGVM_ZERO_PAGES_KVM, it
 * makes the same launch image: labels aside, and runs may be cut differently.
 *
 * Errors: -EINVAL a bad option, a run of a kind that the technology has not; -EOPNOTSUPP what the
 * format has no words for: parts of pages, the address of a TD HOB, more than 4 GiB; -ENOMEM;
 * what `write` returned.
 *
 * Thread safety: any thread, as long as no other changes the image.
 */
COCO_API COCO_MUST_CHECK int coco_image_write_igvm(const struct coco_image *image,
						   const struct coco_igvm_write_options *options,
						   coco_write_fn write, void *payload,
						   struct coco_error *error);

COCO_END_DECLS

#endif
