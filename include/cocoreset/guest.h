/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * A guest: a recipe, and at any time at most one incarnation of it in KVM.
 *
 * Launch builds incarnation 1 from the recipe. Reset builds the next one from the
 * same recipe, by the same path, and gives the old one back, before or after (enum
 * coco_strategy). What a VMM holds on
 * to survives: the VM's and vCPUs' descriptor *numbers*, the addresses of the
 * `kvm_run` pages and of guest memory, and the vCPU threads. They are valid from
 * coco_guest_new() to coco_guest_free(); what they refer to is replaced.
 *
 * States (coco_guest_get_info() tells which):
 *
 *     configured -> launching -> runnable <-> parked -> resetting -> runnable
 *
 * A launch or sequential reset that fails leaves the guest `down`: it has no VM, but its
 * recipe, handles and shared memory are whole, and the same call may be made
 * again. An overlapping reset that fails leaves it parked in its old incarnation. Teardown leads to
 * `dead`.
 *
 * Calls that change a guest are made one after the other: if another thread is
 * inside one, the next waits for it to end before it looks at the state.
 *
 * KVM serves a VM only to the process that created it: after fork(), a child must
 * not use the parent's guests.
 */
#ifndef COCORESET_GUEST_H
#define COCORESET_GUEST_H

#include <cocoreset/error.h>
#include <cocoreset/host.h>
#include <cocoreset/image.h>
#include <cocoreset/measure.h>
#include <cocoreset/request.h>
#include <cocoreset/trace.h>

struct coco_guest;
struct coco_vcpu;
struct kvm_cpuid2;

/** The most memory regions a guest can have. */
#define COCO_MEMORY_MAX_REGIONS 512u
/** Names of what guests are launched from are shorter than this. */
#define COCO_STAGE_NAME_SIZE 64u

enum coco_state {
	COCO_STATE_CONFIGURED = 1, /**< a recipe, never launched */
	COCO_STATE_LAUNCHING = 2,  /**< the first incarnation is being built */
	COCO_STATE_RUNNABLE = 3,   /**< vCPUs run when their threads call coco_vcpu_run() */
	COCO_STATE_PARKED = 4,     /**< an incarnation whose vCPUs are at rest */
	COCO_STATE_RESETTING = 5,  /**< the next incarnation is being built */
	COCO_STATE_DOWN = 6,       /**< a launch or reset failed: no VM; retry or tear down */
	COCO_STATE_DEAD = 7,       /**< torn down */
};

/** Which interrupt controllers the kernel models. */
enum coco_irqchip {
	COCO_IRQCHIP_NONE = 0,  /**< none, not even the local APICs */
	COCO_IRQCHIP_SPLIT = 1, /**< the local APICs (KVM_CAP_SPLIT_IRQCHIP) */
	COCO_IRQCHIP_FULL = 2,  /**< local APICs, IOAPIC and PICs (KVM_CREATE_IRQCHIP) */
};

enum coco_guest_flags {
	/**
	 * Mark all memory private at launch, instead of the launch image's pages
	 * only. Costs time that is linear in the guest's memory (about 0.5 us a page).
	 * For technologies without private memory: no effect.
	 */
	COCO_GUEST_EAGER_PRIVATE = 1u << 0,
	/**
	 * The VMM calls KVM_RUN itself, and has brought its vCPU threads to rest whenever it
	 * launches, resets or tears down: the library kicks and waits for none (cocoreset/adopt.h).
	 */
	COCO_GUEST_OWN_LOOP = 1u << 1,
};

/** When the old incarnation is given back. docs/reset.md has what each costs. */
enum coco_strategy {
	/** As the guest's options say; there: COCO_STRATEGY_SEQUENTIAL. */
	COCO_STRATEGY_DEFAULT = 0,
	/**
	 * The new incarnation is built beside the old one, which is whole until the new one takes
	 * over and is given back afterwards, in the background. For a while there are two VMs with
	 * their private memory, ASIDs or key ids. If building fails, nothing has happened.
	 */
	COCO_STRATEGY_OVERLAP = 1,
	/** The old incarnation is given back first: nothing is needed twice. */
	COCO_STRATEGY_SEQUENTIAL = 2,
	/** Overlap, and sequential if the host is short of what two VMs need. */
	COCO_STRATEGY_AUTO = 3,
};

/** What happens to the shared side of memory at a reset. */
enum coco_reset_memory {
	COCO_RESET_MEMORY_DEFAULT = 0, /**< as each region's COCO_MEMORY_KEEP says */
	COCO_RESET_MEMORY_KEEP = 1,    /**< all of it is kept, but for the launch image's pages */
	COCO_RESET_MEMORY_SCRUB = 2,   /**< it is emptied, but for the ranges in `keep` */
};

/** A range of guest memory. */
struct coco_range {
	uint64_t gpa;
	uint64_t size;
};

/** The most ranges that can be kept. */
#define COCO_RESET_KEEP_MAX 4096u

/** One reset's own wishes. */
struct coco_reset_options {
	size_t struct_size; /**< COCO_INIT */
	uint32_t strategy;  /**< enum coco_strategy */
	uint32_t memory;    /**< enum coco_reset_memory */
	/**
	 * Parts of regions that are kept though the region is emptied: whole pages of guest memory
	 * that don't overlap. Read during the call only.
	 */
	const struct coco_range *keep;
	uint32_t keep_count;
	uint32_t reserved0; /**< 0 */
};

/**
 * There are incarnations to give back: the VMM is to call coco_guest_retire() until nothing is
 * left, from a thread that can wait for the kernel. Called with locks of the library held: it must
 * not call into the library itself.
 */
typedef void (*coco_retire_fn)(void *payload, struct coco_guest *guest);

/**
 * Hears of an ioctl on the guest's VM, vCPU or device that will not be there in the next
 * incarnation: the library does not know it, or it can't be had again. `name` is its name or
 * "ioctl", `reason` a sentence. Called by the thread that makes it, with locks of the library held:
 * it must not call into the library.
 */
typedef void (*coco_not_replayed_fn)(void *payload, unsigned long request, const char *name,
				     const char *reason);

/**
 * Makes a thread leave KVM_RUN that is inside it or about to enter it. Called from
 * another thread, with locks of the library held: coco_vcpu_index() is all that it may call. See
 * struct coco_guest_options.
 */
typedef void (*coco_kick_fn)(void *payload, struct coco_vcpu *vcpu);

/** A range of guest memory that changes sides. */
struct coco_conversion {
	uint64_t gpa;
	uint64_t size;
	uint32_t to_private; /**< 1: shared -> private, 0: private -> shared */
	uint32_t done;       /**< 0: about to happen, 1: it has happened */
	uint8_t reserved[16];
};

/**
 * Hears of every conversion, before and after it. A negative errno before it
 * refuses the conversion: a guest that asked for it is told, one that just touched the memory can't
 * go on (coco_vcpu_run() fails with -EACCES). The value after it is ignored. One request of the
 * guest can be several conversions; what was converted before a refusal stays so. Called from the
 * vCPU's thread with locks of the library held: it must not call into the library.
 */
typedef int (*coco_convert_fn)(void *payload, const struct coco_conversion *conversion);

struct coco_guest_options {
	size_t struct_size;       /**< COCO_INIT */
	uint32_t tech;            /**< enum coco_tech; required */
	uint32_t vcpus;           /**< how many, at least 1. vCPU n has APIC id n */
	struct coco_image *image; /**< the launch image; required. The guest takes a reference */
	uint32_t irqchip;         /**< enum coco_irqchip; TDX: COCO_IRQCHIP_SPLIT */
	uint32_t ioapic_pins;     /**< for COCO_IRQCHIP_SPLIT: pins of the VMM's own IOAPIC, at most
				     4096 */
	uint32_t flags;           /**< enum coco_guest_flags */
	/**
	 * How long launch, reset, park and teardown wait for vCPU threads to come
	 * to rest, in milliseconds; 0: 5000.
	 */
	uint32_t park_timeout_ms;
	/**
	 * Signal that makes a vCPU thread leave KVM_RUN. The VMM installs a handler
	 * for it before coco_guest_new(), without SA_RESTART (an empty one is
	 * enough), and does not block it in vCPU threads. 0: `kick` is used instead. One of the two
	 * is required, but for COCO_GUEST_OWN_LOOP.
	 */
	int32_t kick_signal;
	uint32_t reserved0; /**< 0 */
	coco_kick_fn kick;  /**< used instead of kick_signal */
	void *kick_payload;
	/**
	 * The vCPUs' CPUID; NULL: what KVM_GET_SUPPORTED_CPUID answers. Copied. The
	 * library writes each vCPU's APIC id into leaves 1, 0xb, 0x1f and 0x8000001e.
	 */
	const struct kvm_cpuid2 *cpuid;
	/**
	 * When a guest touches memory as private that was never converted, it gets
	 * the pages behind it too: first this many bytes, twice as many each
	 * time up to `convert_max`, as long as a vCPU's faults follow each other. Powers of
	 * two, at least a page; 0: 2 MiB and 16 MiB.
	 */
	uint64_t convert_first;
	uint64_t convert_max;
	coco_convert_fn converted; /**< hears of conversions; NULL: nobody does */
	void *convert_payload;
	coco_trace_fn trace; /**< takes trace events; NULL: nobody does */
	void *trace_payload;
	/**
	 * The technology's own options: a struct coco_sev_options for SEV, SEV-ES and SNP
	 * (cocoreset/sev.h), a struct coco_tdx_options for TDX (cocoreset/tdx.h), which is
	 * copied. NULL: defaults, and for all others.
	 */
	const void *tech_options;
	uint32_t strategy; /**< enum coco_strategy, of resets that don't say it themselves */
	/**
	 * The most old incarnations that may wait to be given back; 0: 2. A reset that would make
	 * more of them waits.
	 */
	uint32_t max_retiring;
	/**
	 * The most private memory that they may hold, in bytes, before another is built; 0: no
	 * limit.
	 */
	uint64_t max_retiring_bytes;
	/**
	 * Who gives old incarnations back after an overlapping reset; NULL: a thread of the
	 * library's, which is made by the first such reset and takes no signals.
	 */
	coco_retire_fn retire;
	void *retire_payload;
	/** Answers what the running guest asks for (cocoreset/request.h); NULL: nobody. Copied. */
	const struct coco_requests *requests;
	coco_not_replayed_fn not_replayed; /**< hears what is not kept; NULL: nobody does */
	void *not_replayed_payload;
};

enum coco_memory_flags {
	/**
	 * Keep the shared side's contents at a reset. Without it the region reads
	 * as zeroes (plus the launch image) in each new incarnation.
	 */
	COCO_MEMORY_KEEP = 1u << 0,
	/**
	 * For technologies without private memory: back the region with a
	 * guest_memfd that the host can map, instead of ordinary memory. Always new at a reset, so
	 * not together with COCO_MEMORY_KEEP or `host`.
	 */
	COCO_MEMORY_GUEST_MEMFD = 1u << 1,
	/**
	 * `host` is a private anonymous mapping (mmap with MAP_PRIVATE | MAP_ANONYMOUS), which
	 * is emptied by giving its pages back. Without the flag that is done for
	 * shared mappings only (memfd, tmpfs, hugetlbfs), and others are overwritten.
	 */
	COCO_MEMORY_ANONYMOUS = 1u << 2,
};

/** A region of guest memory. Technologies with private memory give it both sides. */
struct coco_memory {
	size_t struct_size; /**< COCO_INIT */
	uint64_t gpa;       /**< guest physical address, page aligned */
	uint64_t size;      /**< bytes, a multiple of the page, not 0 */
	/**
	 * The caller's own mapping for the shared side, page aligned and readable and writable,
	 * which stays mapped until coco_guest_free(); NULL: the library maps ordinary memory.
	 */
	void *host;
	uint32_t flags;     /**< enum coco_memory_flags */
	uint32_t reserved0; /**< 0 */
};

struct coco_guest_info {
	size_t struct_size;  /**< COCO_INIT */
	uint32_t state;      /**< enum coco_state */
	uint32_t tech;       /**< enum coco_tech */
	uint64_t generation; /**< incarnations built so far: 1 after launch, one more per reset */
	uint32_t vcpus;
	uint32_t
		open_objects; /**< KVM objects open for this guest, see coco_guest_list_objects() */
	uint64_t memory_bytes;
	uint64_t private_bytes; /**< marked private now */
	uint64_t conversions;   /**< served since the current incarnation began */
	uint64_t total_ns;      /**< the last launch or reset, from call to return */
	uint64_t phase_ns[16];  /**< of it, by enum coco_phase */
	uint32_t strategy; /**< how the last reset was done: OVERLAP or SEQUENTIAL; 0: none was */
	uint32_t retiring; /**< old incarnations that are not given back yet */
	uint64_t retiring_bytes; /**< private memory that they hold */
	/**
	 * Why the last reset with COCO_STRATEGY_AUTO was sequential: the -errno and the text of
	 * what overlapping failed with. 0 and "" if it was not.
	 */
	int32_t fallback_code;
	uint32_t staged; /**< what the next incarnation is launched from: enum coco_staged */
	char fallback[192];
	/** Ioctls made through coco_vm_ioctl() and its siblings that no reset makes again. */
	uint64_t not_replayed;
	uint32_t running; /**< what the current incarnation was launched from: the same */
	uint32_t reserved0;
	char staged_name[COCO_STAGE_NAME_SIZE];  /**< its name; "" if nothing is staged */
	char running_name[COCO_STAGE_NAME_SIZE]; /**< its name; "" for the guest's own image */
	/**
	 * Of the current incarnation: the launch digest, as coco_guest_get_digest() tells it, and
	 * what the platform measured, as coco_guest_get_launch_measure() does. Sizes of 0: there is
	 * none.
	 */
	uint32_t digest_size;
	uint32_t launch_measure_size;
	uint8_t digest[COCO_DIGEST_MAX_SIZE];
	uint8_t launch_measure[COCO_LAUNCH_MEASURE_SIZE];
};

/** What an incarnation is launched from (cocoreset/stage.h). */
enum coco_staged {
	COCO_STAGED_NOTHING = 0, /**< the image of the guest's options; next: as the last one */
	COCO_STAGED_ONCE = 1,    /**< what was staged with COCO_STAGE_ONCE */
	COCO_STAGED_STAY = 2,    /**< what was staged without it */
};

/** Room that is always enough for coco_guest_info_json(). */
#define COCO_GUEST_INFO_JSON_SIZE 4096u

/** Descriptors that a VMM gets from KVM for a VM or vCPU, and that keep the VM alive. */
enum coco_fd_kind {
	COCO_FD_DEVICE = 1, /**< KVM_CREATE_DEVICE */
	COCO_FD_STATS = 2,  /**< KVM_GET_STATS_FD */
};

/** A KVM object that is open on behalf of a guest. */
struct coco_object {
	/** "vm", "vcpu", "run mapping", "guest_memfd", "guest_memfd mapping", "device", "stats" */
	const char *kind;
	const char *holder; /**< what holds it: "guest", "vcpu 3", "memory 0x100000000" */
	int32_t fd;         /**< its descriptor, -1 for mappings */
	uint32_t reserved0;
	uint64_t generation; /**< the incarnation it belongs to */
};

/** Takes one object; valid during the call. Must not call into the library. */
typedef void (*coco_object_fn)(void *payload, const struct coco_object *object);

COCO_BEGIN_DECLS

/**
 * Makes a guest and reserves its handles: descriptor numbers and addresses are
 * valid from here on. It has no VM in KVM yet.
 *
 * Errors: -EINVAL a bad or missing option (named in error->field); -EOPNOTSUPP the
 * host can't launch this technology (the text says why); -E2BIG, -ENOMEM, -EMFILE; for TDX what
 * KVM answers when it is asked what such guests may have.
 *
 * Ownership: the caller frees *out with coco_guest_free(). The guest holds references to
 * `host` and to the image, which is immutable from here on.
 * Thread safety: any thread. Allowed states: -.
 */
COCO_API COCO_MUST_CHECK int coco_guest_new(struct coco_host *host,
					    const struct coco_guest_options *options,
					    struct coco_guest **out, struct coco_error *error);

/**
 * Tears the guest down if that has not been done, and frees it with its vCPU
 * handles, descriptor numbers and memory. NULL is allowed.
 *
 * Thread safety: no other thread may be inside a call on this guest or make one later.
 * Allowed states: all.
 */
COCO_API void coco_guest_free(struct coco_guest *guest);

/**
 * Adds a region to the recipe.
 *
 * Errors: -EINVAL a size of 0, unaligned or wrapping values, flags that exclude each other
 * or that the technology has no use for; -EEXIST it overlaps a region; -ENOSPC too many;
 * -EOPNOTSUPP this host's guest_memfd can't be mapped; -EBUSY the state; -E2BIG, -ENOMEM.
 *
 * Thread safety: any thread. Allowed states: configured.
 */
COCO_API COCO_MUST_CHECK int coco_guest_add_memory(struct coco_guest *guest,
						   const struct coco_memory *memory,
						   struct coco_error *error);

/**
 * Builds the first incarnation. Returns when the guest may run.
 *
 * Errors: -EINVAL a run of the image lies outside of the guest's memory, or is of a kind that the
 * technology can't load; -EBADMSG an ID block that is for another launch digest than this guest
 * will have; -EIO libcrypto failed; -EBUSY the state. The state is as it was then. Otherwise the
 * errno of the system call that failed, which error->call names, -EBADMSG the platform measured
 * something else than was predicted, or -ENOMEM: the guest is `down`.
 *
 * Thread safety: any thread. Allowed states: configured, down.
 */
COCO_API COCO_MUST_CHECK int coco_guest_launch(struct coco_guest *guest, struct coco_error *error);

/**
 * Resets the guest in place: parks its vCPUs, replaces its incarnation by the next one, built from
 * the recipe, on the same handles, and lets the vCPU threads go on in it. When the old one is given
 * back is the guest's `strategy`.
 *
 * It may be called from a vCPU's own thread between two coco_vcpu_run() calls, or from any other
 * thread while vCPUs run; not from a callback of the library. vCPU threads that are inside
 * coco_vcpu_run() stay there and continue in the new incarnation. One that is between two calls is
 * waited for until it calls coco_vcpu_run() or coco_vcpu_park(), or has to wait in a call that
 * changes the guest: what a thread read from `kvm_run` stays valid until then. vCPUs that no thread
 * ever ran are not waited for. If another thread is resetting the guest already, this call waits
 * for that reset and returns its result. A parked guest is parked again afterwards, in its new
 * incarnation.
 *
 * Errors: -ETIMEDOUT a vCPU did not come to rest (named in the text); nothing was touched
 * and the guest runs on. -EBUSY the state. Otherwise the errno of the call that
 * failed, or -EBADMSG the platform measured something else than was predicted: the guest is `down`
 * (after an overlapping reset: parked in its old incarnation), its vCPU threads wait in
 * coco_vcpu_run(), and the call may be made again.
 *
 * Thread safety: any thread. Allowed states: runnable, parked, down.
 */
COCO_API COCO_MUST_CHECK int coco_guest_reset(struct coco_guest *guest, struct coco_error *error);

/**
 * coco_guest_reset() with wishes of its own.
 *
 * If another thread is resetting the guest, that is the reset, and `options` are not looked at.
 * An overlapping reset that fails leaves the old incarnation whole and the guest parked: reset,
 * resume or tear it down. (For technologies that encrypt the VMM's own memory in place, SEV and
 * SEV-ES, that goes as far as KVM_SEV_LAUNCH_START; if loading the image fails the guest is
 * `down`.)
 *
 * @param options NULL for all defaults.
 *
 * Errors: as coco_guest_reset(), and -EINVAL an option (named in error->field); the guest runs on.
 * Thread safety: any thread. Allowed states: runnable, parked, down.
 */
COCO_API COCO_MUST_CHECK int coco_guest_reset_with(struct coco_guest *guest,
						   const struct coco_reset_options *options,
						   struct coco_error *error);

/**
 * Gives old incarnations back, at most `steps` steps of it, each of them bounded: some
 * megabytes of private memory, or one KVM object. For VMMs that set `retire` in the guest's
 * options; beside the library's own thread it does no harm.
 *
 * @param left set to how many incarnations are left; 0: there is nothing to do until the next
 *             call of `retire`.
 *
 * Errors: -EINVAL, or the errno of a call that failed: what is left waits for the next reset or
 * teardown, which begins with it.
 * Thread safety: any thread, several at a time; not from `retire` itself. Allowed states: all.
 */
COCO_API COCO_MUST_CHECK int coco_guest_retire(struct coco_guest *guest, uint32_t steps,
					       uint32_t *left, struct coco_error *error);

/**
 * Waits until old incarnations have been given back.
 *
 * Errors: -ETIMEDOUT. Thread safety: any thread but one that retires. Allowed states: all.
 */
COCO_API COCO_MUST_CHECK int coco_guest_wait_retired(struct coco_guest *guest, uint32_t timeout_ms,
						     struct coco_error *error);

/**
 * Brings all vCPUs to rest and keeps them there until coco_guest_resume(). Waits as
 * coco_guest_reset() does.
 *
 * Errors: -ETIMEDOUT, -EBUSY.
 * Thread safety: any thread. Allowed states: runnable; parked (nothing happens).
 */
COCO_API COCO_MUST_CHECK int coco_guest_park(struct coco_guest *guest, struct coco_error *error);

/**
 * Lets a parked guest run again.
 *
 * Errors: -EBUSY.
 * Thread safety: any thread. Allowed states: parked; runnable (nothing happens).
 */
COCO_API COCO_MUST_CHECK int coco_guest_resume(struct coco_guest *guest, struct coco_error *error);

/**
 * Gives the guest's VM back to the kernel for good. Threads in coco_vcpu_run()
 * return with COCO_EXIT_STOPPED. A second call does nothing.
 *
 * Errors: -ETIMEDOUT as for coco_guest_reset(), the guest runs on; otherwise the errno of the
 * call that failed, the guest is `down` and the call may be made again.
 * Thread safety: any thread. Allowed states: all.
 */
COCO_API COCO_MUST_CHECK int coco_guest_teardown(struct coco_guest *guest,
						 struct coco_error *error);

/**
 * Tells how the guest is. Does not wait for a launch or reset that is under way.
 *
 * @param info struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL a struct_size too small.
 * Thread safety: any thread. Allowed states: all.
 */
COCO_API COCO_MUST_CHECK int coco_guest_get_info(struct coco_guest *guest,
						 struct coco_guest_info *info,
						 struct coco_error *error);

/**
 * Writes what coco_guest_get_info() told as one JSON object on one line, for management interfaces
 * and logs: names instead of numbers, digests in hexadecimal, of the phases those that took time.
 *
 * @param info struct_size set, as it was for coco_guest_get_info().
 * @param out  where it goes, with a NUL at its end.
 * @param size bytes at `out`: COCO_GUEST_INFO_JSON_SIZE is always enough.
 *
 * Errors: -EINVAL too little room, a struct_size too small or a NULL.
 * Thread safety: any thread. Allowed states: -.
 */
COCO_API COCO_MUST_CHECK int coco_guest_info_json(const struct coco_guest_info *info, char *out,
						  size_t size, struct coco_error *error);

/**
 * Calls `fn` for each KVM object that is open on behalf of the guest: all that
 * can keep its VM alive in the kernel.
 *
 * Thread safety: any thread. Allowed states: all.
 */
COCO_API void coco_guest_list_objects(struct coco_guest *guest, coco_object_fn fn, void *payload);

/**
 * Hands a device or stats descriptor of the current incarnation over to the guest, which
 * closes it when it gives that incarnation back. A descriptor that is kept elsewhere
 * keeps the old VM alive after a reset.
 *
 * @param kind   enum coco_fd_kind.
 * @param holder what it is for, for coco_guest_list_objects(); copied, up to 31 characters.
 *
 * Errors: -EINVAL an unknown kind, a negative descriptor or no holder; -EBUSY the state; -ENOMEM.
 * It is still the caller's then. Thread safety: any thread. Allowed states: runnable, parked.
 */
COCO_API COCO_MUST_CHECK int coco_guest_hand_over_fd(struct coco_guest *guest, uint32_t kind,
						     int fd, const char *holder,
						     struct coco_error *error);

/**
 * Predicts the launch digest of the next incarnation, from the recipe: for SEV-ES and SNP with the
 * registers that its vCPUs will start with. Needs no launch.
 *
 * @param flags COCO_MEASURE_STEPS to have the steps, or 0.
 *
 * Errors: -ENODATA the technology measures nothing; otherwise as for coco_measure_image().
 * Ownership: the caller frees *out with coco_digest_free().
 * Thread safety: any thread. Allowed states: all.
 */
COCO_API COCO_MUST_CHECK int coco_guest_predict(struct coco_guest *guest, uint32_t flags,
						struct coco_digest **out, struct coco_error *error);

/**
 * The launch digest of the current incarnation, as it was predicted before that was built: 32 bytes
 * for SEV and SEV-ES, 48 for SNP and TDX.
 *
 * @param out  where it goes.
 * @param size bytes at `out`; set to how many were written.
 *
 * Errors: -ENODATA the technology measures nothing; -EINVAL too little room; -EBUSY the state.
 * Thread safety: any thread. Allowed states: runnable, parked.
 */
COCO_API COCO_MUST_CHECK int coco_guest_get_digest(struct coco_guest *guest, void *out,
						   size_t *size, struct coco_error *error);

/**
 * Compares what the platform measured of the current incarnation, from a guest's report or what
 * else tells it, with the prediction. Launch and reset do that by themselves where the platform
 * tells the host: see coco_sev_options::tik and coco_sev_options::id_block.
 *
 * @param measured   made with coco_digest_from_steps(); with steps, if there are any, the
 *                   difference can be told.
 * @param difference NULL, or struct_size set by the caller; filled as far as that reaches. The
 *                   prediction is the first digest in it, `measured` the second.
 *
 * Errors: -EBADMSG they differ; error->text says where; -EINVAL a measurement of another
 * technology; -ENODATA the technology measures nothing; -EBUSY the state; -ENOMEM, -EIO.
 * Thread safety: any thread. Allowed states: runnable, parked.
 */
COCO_API COCO_MUST_CHECK int coco_guest_verify_digest(struct coco_guest *guest,
						      const struct coco_digest *measured,
						      struct coco_difference *difference,
						      struct coco_error *error);

/**
 * What the platform measured at the launch of the current incarnation, where it tells the host:
 * for SEV and SEV-ES what KVM_SEV_LAUNCH_MEASURE returns, COCO_LAUNCH_MEASURE_SIZE bytes that the
 * guest's owner compares with coco_measure_launch_measure(). SNP guests ask the
 * firmware for a report themselves.
 *
 * @param out  where it goes.
 * @param size bytes at `out`; set to how many were written.
 *
 * Errors: -ENODATA the technology tells nothing; -EINVAL too little room; -EBUSY the state.
 * Thread safety: any thread. Allowed states: runnable, parked.
 */
COCO_API COCO_MUST_CHECK int coco_guest_get_launch_measure(struct coco_guest *guest, void *out,
							   size_t *size, struct coco_error *error);

/**
 * The number of the VM's descriptor: the same in every incarnation. Between incarnations it
 * refers to no VM. It is the guest's: never close it, and make no duplicate that outlives
 * a reset (it would keep the old VM alive).
 *
 * Thread safety: any thread. Allowed states: all.
 */
COCO_API int coco_guest_vm_fd(const struct coco_guest *guest);

/**
 * How many incarnations were built: 0 before launch, 1 after it, one more per reset.
 *
 * Thread safety: any thread. Allowed states: all.
 */
COCO_API uint64_t coco_guest_generation(const struct coco_guest *guest);

/**
 * The host address of guest memory. It is the same in every incarnation. Pages
 * that the guest holds as private do not show there.
 *
 * @param out set on success: `size` bytes are mapped there from the first launch on.
 *
 * Errors: -EFAULT the range is not within one region; -EINVAL size 0.
 * Ownership: the guest's, valid until coco_guest_free().
 * Thread safety: any thread. Allowed states: all.
 */
COCO_API COCO_MUST_CHECK int coco_guest_host_address(struct coco_guest *guest, uint64_t gpa,
						     uint64_t size, void **out,
						     struct coco_error *error);

/**
 * A state's name in lower case ("runnable"), "unknown" for other values.
 *
 * Ownership: static text. Thread safety: any thread.
 */
COCO_API const char *coco_state_name(uint32_t state);

COCO_END_DECLS

#endif
