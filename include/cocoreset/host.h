/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * A host: an opened platform (the kernel's /dev/kvm, or what stands in for it)
 * and what can be launched on it.
 */
#ifndef COCORESET_HOST_H
#define COCORESET_HOST_H

#include <cocoreset/error.h>
#include <cocoreset/trace.h>

struct coco_host;
struct coco_platform;

/** The technologies. */
enum coco_tech {
	/** An ordinary VM (KVM_X86_DEFAULT_VM). Its memory is open to the host. */
	COCO_TECH_PLAIN = 1,
	/**
	 * A software-protected VM (KVM_X86_SW_PROTECTED_VM): private memory as
	 * for a confidential guest, no encryption. The kernel offers it for
	 * development and tests only.
	 */
	COCO_TECH_SWPROTECTED = 2,
	COCO_TECH_SEV = 3,   /**< AMD SEV: encrypted memory */
	COCO_TECH_SEVES = 4, /**< AMD SEV-ES: encrypted registers, too */
	COCO_TECH_SNP = 5,   /**< AMD SEV-SNP: integrity, too */
	COCO_TECH_TDX = 6,   /**< Intel TDX */
};

struct coco_host_options {
	size_t struct_size; /**< COCO_INIT */
	/** Path of the KVM device; NULL: "/dev/kvm". Copied. */
	const char *kvm_path;
	/**
	 * The platform to use; NULL: the kernel. Must stay valid until the host
	 * is gone (see coco_host_close).
	 */
	const struct coco_platform *platform;
	/** Where log lines go; NULL: nowhere. Called from any thread that calls the library. */
	coco_log_fn log;
	void *log_payload;
};

/** What a host says of one technology. */
struct coco_tech_info {
	size_t struct_size;  /**< COCO_INIT */
	uint32_t launchable; /**< 1 if a guest of it can be launched here, else 0 */
	uint32_t max_vcpus;  /**< most vCPUs one guest may have (KVM_CAP_MAX_VCPUS); 0 if not
				launchable */
	/** 1 if plain memory can be backed by guest_memfd (COCO_MEMORY_GUEST_MEMFD). */
	uint32_t guest_memfd_shared;
	/** 1 if the technology keeps part of guest memory from the host. */
	uint32_t private_memory;
	/** Why it is not launchable and what to do; "" if it is. */
	char reason[192];
	/**
	 * How many guests with a key of that kind (an ASID, a key id) the host can have at once,
	 * and how many there are, by the root cgroup's misc.capacity and misc.current. SEV-ES and
	 * SNP guests share theirs. `keys` is 0 where that is not known, or nothing is encrypted.
	 */
	uint32_t keys;
	uint32_t keys_used;
	/** The API version and build of the firmware that launches such guests; 0: not known. */
	uint32_t firmware_major;
	uint32_t firmware_minor;
	uint32_t firmware_build;
	uint32_t reserved0;
};

COCO_BEGIN_DECLS

/**
 * Opens a platform. The descriptor is close-on-exec.
 *
 * @param options NULL for all defaults.
 * @param out     set on success only.
 *
 * Errors: -ENOENT no such device (KVM not loaded), -EACCES or -EPERM no
 * permission for it, -EPROTO not KVM API 12, -EINVAL a platform that lacks an
 * operation (named in error->field), -E2BIG options from a newer version that
 * use what this one does not know, -ENOMEM.
 *
 * Ownership: the caller closes *out with coco_host_close().
 * Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_host_open(const struct coco_host_options *options,
					    struct coco_host **out, struct coco_error *error);

/**
 * Gives the caller's reference up. The platform is closed when the host's last
 * guest is gone, so the order in which host and guests are released is free.
 * NULL is allowed.
 *
 * Thread safety: any thread, once.
 */
COCO_API void coco_host_close(struct coco_host *host);

/**
 * Tells whether guests of a technology can be launched here, and if not, why.
 * Asks the kernel anew at each call. For TDX, where it offers such VMs, an empty one is made for
 * the question and given back (it takes no key).
 *
 * @param tech enum coco_tech.
 * @param info struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL an unknown technology or a struct_size too small, or an errno of
 * KVM_CHECK_EXTENSION. A technology that is not launchable is no error.
 *
 * Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_host_probe(struct coco_host *host, uint32_t tech,
					     struct coco_tech_info *info, struct coco_error *error);

/**
 * A technology's name ("plain", "swprotected", "sev", "seves", "snp", "tdx"), NULL for an unknown
 * one.
 *
 * Ownership: static text. Thread safety: any thread.
 */
COCO_API const char *coco_tech_name(uint32_t tech);

/**
 * The technology of that name, 0 if there is none.
 *
 * Thread safety: any thread.
 */
COCO_API uint32_t coco_tech_from_name(const char *name);

COCO_END_DECLS

#endif
