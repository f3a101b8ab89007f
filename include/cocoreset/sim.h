/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * The simulator: a platform (cocoreset/sys/platform.h) that is KVM for plain, software-protected,
 * SEV, SEV-ES, SEV-SNP and TDX guests, as strict as the kernel, with the guest's code really
 * executing. It needs neither hardware nor privileges, and is for testing virtual machine
 * monitors.
 *
 * These functions are in libcocoreset-sim (pkg-config: cocoreset-sim).
 *
 * Each simulated platform is one host: it shares nothing with others. What it makes are
 * descriptors of the process, with numbers of their own; but only the platform's operations know
 * what is behind them. All functions may be called from any thread. A forked child is refused with
 * -EIO.
 */
#ifndef COCORESET_SIM_H
#define COCORESET_SIM_H

#include <cocoreset/error.h>
#include <cocoreset/host.h>
#include <cocoreset/sys/platform.h>

struct coco_sim;

/** Where kernels differ; 0 is Linux 7.2. */
enum coco_sim_quirks {
	/** Two VMs may have an irqfd on one eventfd at a time: before Linux 6.17. */
	COCO_SIM_IRQFD_SHARED = 1u << 0,
	/** guest_memfd has no flags, can't be mapped and backs no shared memory: before Linux 6.18.
	 */
	COCO_SIM_GMEM_PRIVATE_ONLY = 1u << 1,
	/** SEV: ciphertext hiding, ASIDs of SEV-SNP and SEV-ES guests are apart. */
	COCO_SIM_SEV_HIDING = 1u << 2,
};

struct coco_sim_options {
	size_t struct_size; /**< COCO_INIT */
	uint32_t techs;     /**< which are offered, each enum coco_tech as 1 << tech; 0: all */
	uint32_t quirks;    /**< enum coco_sim_quirks */
	/** ASIDs are numbered from 1; those below sev_min_asid are for SEV-ES and SEV-SNP. */
	uint32_t sev_asids;    /**< 0: 16 */
	uint32_t sev_min_asid; /**< the first for SEV; 0: half of them and one */
	/** With COCO_SIM_SEV_HIDING: SEV-SNP guests get those up to this one, SEV-ES the others. */
	uint32_t sev_snp_max_asid;
	uint32_t tdx_keys;   /**< key ids for TDs; 0: 8 */
	uint32_t max_vcpus;  /**< KVM_CAP_MAX_VCPUS; 0: 1024 */
	uint32_t cpus;       /**< CPUs of the host; 0: 64 */
	uint64_t memory;     /**< bytes there are for guest_memfd pages; 0: no limit */
	uint64_t latency_ns; /**< what each firmware or module command takes */
	uint64_t seed;       /**< of the guests' keys */
};

/** What a platform has and what of it is in use. */
struct coco_sim_account {
	size_t struct_size; /**< COCO_INIT */
	uint32_t vms;       /**< VMs that are alive */
	uint32_t vcpus;
	uint32_t fds;      /**< descriptors of simulated objects */
	uint32_t mappings; /**< of simulated objects */
	uint32_t gmems;    /**< guest_memfds */
	uint32_t irqfds;
	uint32_t sev_asids_free;   /**< for SEV guests */
	uint32_t seves_asids_free; /**< for SEV-ES and SEV-SNP guests */
	uint32_t sev_asids_used;
	uint32_t seves_asids_used;
	uint32_t sev_contexts; /**< guests that the SEV firmware knows */
	uint32_t tdx_keys_free;
	uint32_t tdx_keys_used;
	uint64_t rmp_pages;   /**< SEV-SNP: pages assigned to guests */
	uint64_t tdx_pages;   /**< TDX: pages that TDs have */
	uint64_t memory_used; /**< guest_memfd pages, in bytes */
	uint64_t calls;       /**< calls so far */
};

/** What keeps a VM alive, and what it is. */
struct coco_sim_vm_info {
	size_t struct_size; /**< COCO_INIT */
	uint64_t type;      /**< KVM_CREATE_VM's argument */
	uint32_t dead;      /**< 1: every call on it fails with -EIO */
	uint32_t vm_fds;
	uint32_t vcpu_fds;
	uint32_t gmem_fds;
	uint32_t other_fds; /**< devices and statistics */
	uint32_t mappings;  /**< of vCPUs and guest_memfds */
	uint32_t vcpus;     /**< created */
	uint32_t digest_size;
	/** What the platform has measured: final once the launch is; digest_size bytes. */
	uint8_t digest[64];
	uint8_t key[32]; /**< tells VMs' memory keys apart; zero: it has none */
};

/** Told of each call: its name, its result, and the descriptor (-1: a firmware or module command).
 */
typedef void (*coco_sim_log_fn)(void *payload, const char *call, int fd, int result);

COCO_BEGIN_DECLS

/**
 * Makes a platform.
 *
 * @param options NULL: all defaults.
 * @param out     set on success only.
 *
 * Errors: -EINVAL an option that is out of range (error->field names it), -E2BIG options from a
 * newer version that use what this one does not know, -EMFILE, -ENOMEM.
 *
 * Ownership: the caller frees *out with coco_sim_free().
 */
COCO_API COCO_MUST_CHECK int coco_sim_new(const struct coco_sim_options *options,
					  struct coco_sim **out, struct coco_error *error);

/**
 * The same by a text, for command lines: "name:key=value,...". The name is a technology's (only
 * that one and plain are offered) or "all". Keys are the options' (numbers as in C; sizes may
 * end in K, M or G), each quirk's name in lower case ("irqfd_shared=1"), and
 * fail=CALL@N/ERRNO/STATUS as in coco_sim_fail(), ERRNO and STATUS being numbers.
 *
 * Errors: those of coco_sim_new(); -EINVAL a text that does not parse (error->text says where).
 */
COCO_API COCO_MUST_CHECK int coco_sim_new_from_text(const char *text, struct coco_sim **out,
						    struct coco_error *error);

/**
 * Frees a platform and closes what is still open of it. NULL is allowed.
 *
 * Allowed states: no call is in it, and no host uses it.
 */
COCO_API void coco_sim_free(struct coco_sim *sim);

/**
 * The platform, for coco_host_options.platform.
 *
 * Ownership: the simulator's; valid until coco_sim_free().
 */
COCO_API const struct coco_platform *coco_sim_get_platform(struct coco_sim *sim);

/**
 * What is in use. @param account struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL a struct_size too small.
 */
COCO_API int coco_sim_get_account(struct coco_sim *sim, struct coco_sim_account *account,
				  struct coco_error *error);

/**
 * Of the VM that a descriptor (its own, or a vCPU's) belongs to.
 *
 * Errors: -EBADF no descriptor of a simulated VM or vCPU, -EINVAL a struct_size too small.
 */
COCO_API int coco_sim_get_vm_info(struct coco_sim *sim, int fd, struct coco_sim_vm_info *info,
				  struct coco_error *error);

/**
 * Whether the host that reads guest memory at `gpa` sees anything but what the guest sees there:
 * 1 if the page is encrypted or in a guest_memfd that the host can't see, 0 if not.
 *
 * Errors: -EBADF as above, -EFAULT no memory there.
 */
COCO_API int coco_sim_is_hidden(struct coco_sim *sim, int fd, uint64_t gpa);

/**
 * Makes calls fail.
 *
 * @param call   an ioctl ("KVM_CREATE_VM"), an operation of the seam ("mmap"), a firmware command
 *               ("SNP_LAUNCH_UPDATE") or a module's function ("TDH.MEM.PAGE.ADD").
 * @param nth    which of the calls of that name from now on: 1 is the next one.
 * @param times  how many of them fail; 0: all from then on.
 * @param error_code the negative errno that it fails with.
 * @param status what the firmware or module says; 0 for calls that ask neither.
 *
 * A later one for the same call replaces an earlier. nth 0 takes it back.
 *
 * Errors: -EINVAL no errno or no name, -ENOMEM.
 */
COCO_API int coco_sim_fail(struct coco_sim *sim, const char *call, uint64_t nth, uint64_t times,
			   int error_code, uint64_t status);

/** What each call of that name takes from now on; replaces latency_ns for it. Errors: as above. */
COCO_API int coco_sim_set_latency(struct coco_sim *sim, const char *call, uint64_t ns);

/** How many calls of that name there were; 0 for names that are unknown. */
COCO_API uint64_t coco_sim_count(struct coco_sim *sim, const char *call);

/**
 * Where calls are told; NULL: nowhere. Called by the thread that makes the call, and must not call
 * the simulator.
 */
COCO_API void coco_sim_set_log(struct coco_sim *sim, coco_sim_log_fn log, void *payload);

COCO_END_DECLS

#endif
