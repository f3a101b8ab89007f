/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the simulator is made of. A simulated platform is a table of files, each of them
 * known by real descriptor numbers, and the KVM objects behind them; ioctls go from platform.c to
 * the object's own file (system.c, vm.c, vcpu.c, ...), and from there to the
 * technology (struct sim_tech), which alone knows its commands, checks and pages.
 *
 * Nothing here is shared with the library's backends, loaders or measurement but uapi numbers.
 *
 * Locking: `lock` of the platform guards everything; an ioctl holds it from entry to return. A vCPU
 * gives it up only while it executes guest code or waits (run.c). Within one VM one vCPU executes
 * at a time.
 *
 * Operations of the seam return a value >= 0 or -errno.
 */
#ifndef COCO_SIM_SIM_H
#define COCO_SIM_SIM_H

#include <cocoreset/sim.h>
#include <cocoreset/sys/platform.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kvm/uapi.h"
#include "kvm/uapi_sev.h"
#include "sim/host.h"

#define SIM_PAGE_SIZE 4096u

struct sim_cpu; /* cpu.h: executes x86 */
struct sim_tech;
struct sim_vcpu;
struct sim_vm;

/* --- files (files.c) */

enum sim_file_kind {
	SIM_FILE_SYSTEM, /* /dev/kvm */
	SIM_FILE_SEV,    /* /dev/sev */
	SIM_FILE_VM,
	SIM_FILE_VCPU,
	SIM_FILE_GMEM, /* guest_memfd */
	SIM_FILE_DEVICE,
	SIM_FILE_STATS,
	SIM_FILE_VFIO, /* /dev/vfio/...: something that a VM's VFIO device may be told of */
};

/*
 * An open file, as the kernel means it: descriptors, mappings and running ioctls each hold one
 * reference. When the last is gone, release() is called, and then the file's reference to its VM
 * goes.
 */
struct sim_file {
	enum sim_file_kind kind;
	uint32_t references;
	struct coco_sim *sim;
	struct sim_vm *vm; /* a reference on the VM; NULL for system files */
	void *object;      /* of `kind`: sim_vm, sim_vcpu, sim_gmem, ... */
	int backing;       /* a real memfd of our own that mappings are made of; -1: none */
	void (*release)(struct sim_file *file); /* of `object`; NULL: nothing to do */
};

/*
 * A file with one reference, which is the caller's. It takes a reference on `vm`, and owns
 * `backing`. NULL: no memory, and `backing` is still the caller's.
 */
struct sim_file *sim_file_new(struct coco_sim *sim, enum sim_file_kind kind, struct sim_vm *vm,
			      void *object, int backing);
/* A new descriptor number for it, to which the caller's reference goes, whether it succeeds or not.
 */
int sim_file_open(struct sim_file *file, bool close_on_exec);
/* What is behind a number, with a reference for the caller; NULL: nothing of ours. */
struct sim_file *sim_file_get(struct coco_sim *sim, int fd);
void sim_file_put(struct sim_file *file);
/*
 * A descriptor that is an argument: 0, with *out a file of ours (and a reference), or NULL if it is
 * somebody else's; -EBADF: it is nothing.
 */
int sim_file_of_argument(struct coco_sim *sim, int fd, struct sim_file **out);

/* --- memory (slots.c, attributes.c, gmem.c) */

/* What a 4 KiB page of a guest_memfd is; which states there are is the technology's business. */
struct sim_gmem_page {
	uint8_t state;   /* 0: absent. Else the technology's own */
	uint8_t flags;   /* the technology's own */
	uint8_t present; /* gmem.c: it has memory */
	uint64_t gpa;    /* where it is assigned, if it is */
};

struct sim_gmem {
	struct sim_file *file; /* not a reference: gone with it, and then its slots have lost their
				  backing */
	struct sim_vm *vm;
	uint64_t flags;
	uint64_t size;
	uint8_t *bytes; /* contents as the guest sees them; only with INIT_SHARED does a host
			   mapping show them */
	struct sim_gmem_page *pages; /* size / 4096 of them */
	uint64_t charged;            /* of the memory budget, in bytes */
};

struct sim_slot {
	uint32_t id;
	uint32_t flags;
	uint64_t gpa;
	uint64_t size;
	uint8_t *host;         /* userspace_addr */
	struct sim_gmem *gmem; /* NULL with UAPI_MEM_GUEST_MEMFD in flags: its file was closed */
	uint64_t gmem_offset;
	uint8_t *dirty; /* KVM_MEM_LOG_DIRTY_PAGES: a bit a page; made by the first write or log
			   call */
	struct sim_slot *next; /* in ascending order of gpa */
};

/* --- VM (vm.c) */

struct sim_vm {
	struct coco_sim *sim;
	const struct sim_tech *tech;
	void *tech_state;    /* made by tech->create_vm() */
	uint32_t references; /* one for each of its files */
	bool dead;           /* KVM_BUG_ON: every ioctl is EIO from now on */

	struct sim_slot *slots;
	struct sim_attribute_map *attributes; /* attributes.c */
	struct sim_vcpu **vcpus;              /* in the order of creation */
	uint32_t vcpu_count;                  /* created */
	uint32_t max_vcpus;
	uint32_t boot_vcpu_id;
	uint64_t tsc_khz;             /* KVM_SET_TSC_KHZ of the VM */
	uint64_t hypercall_exits;     /* KVM_CAP_EXIT_HYPERCALL */
	int irqchip;                  /* enum sim_irqchip */
	struct sim_vm_config *config; /* caps, routes, irqfds, ioeventfds, ...: vm_config.h */

	/* run.c: one vCPU executes at a time; others of the VM wait here. */
	pthread_cond_t turn;
	struct sim_vcpu *executing; /* whose turn it is */
	bool in_guest;              /* it executes guest code, and holds no lock */
	uint32_t next_ticket, serving;
	atomic_uint waiting;   /* for their turn */
	atomic_uint pausing;   /* threads in sim_run_pause() */
	uint32_t in_run;       /* vCPU threads inside KVM_RUN */
	pthread_cond_t idle;   /* in_run became smaller */
	uint64_t memory_epoch; /* counts up with each change of slots, attributes and page states:
				  each vCPU's view of memory is built anew when it is older */
	struct sim_vm *next;   /* all VMs of the platform */
};

enum sim_irqchip { SIM_IRQCHIP_NONE, SIM_IRQCHIP_SPLIT, SIM_IRQCHIP_FULL };

/* --- vCPU (vcpu.c) */

struct sim_vcpu {
	struct sim_vm *vm;
	struct sim_file *file;
	uint32_t id;
	uint32_t index;
	struct kvm_run *run; /* the simulator's own mapping of file->backing */
	void *tech_state;
	struct sim_vcpu_state *state;    /* registers, MSRs, CPUID, events, LAPIC: vcpu_state.h */
	struct sim_cpu *cpu;             /* made at the first KVM_RUN */
	struct sim_run_state *run_state; /* run.h */
	bool ran;
	/*
	 * What the next KVM_RUN does first: completes the exit that user space has served; NULL:
	 * nothing. 0: on; 1: kvm_run holds the next exit, and `complete` is set anew; -errno.
	 */
	int (*complete)(struct sim_vcpu *vcpu);
	uint64_t exit_scratch[4]; /* for complete() */
	bool in_run;
	/* find_memory() is asked out of curiosity: no guest has made that access, and it leaves no
	 * trace. */
	bool probing;
	/* find_memory() is asked for the CPU's view, and by how far its answer goes; else only the
	 * page counts. */
	bool wants_run;
	/* Set by the technology: the CPU's registers are not `state`, and run.c moves none between
	 * them. */
	bool own_registers;
	/* Set by the technology: KVM does not know the registers any more
	 * (guest_state_protected). */
	bool protected;
};

/* --- what the CPU meets */

enum sim_access { SIM_READ, SIM_WRITE, SIM_FETCH };

/* The answer to "what is at this guest physical address?". */
enum sim_backing {
	SIM_BACKING_RAM,          /* `host` .. `host + size`, of one kind and state throughout */
	SIM_BACKING_MMIO,         /* no memory: KVM's emulation, or #VC / #VE */
	SIM_BACKING_MEMORY_FAULT, /* KVM_EXIT_MEMORY_FAULT, -EFAULT; `flags` for kvm_run */
	SIM_BACKING_EXCEPTION, /* `vector`, `error_code` into the guest (e.g. #VC not validated) */
	SIM_BACKING_ERROR,     /* KVM_RUN fails with `error` (-EFAULT, or -EIO with a dead VM) */
};

struct sim_memory {
	enum sim_backing backing;
	uint8_t *host;
	uint64_t size; /* contiguous bytes from the address on, at least to the end of the 4 KiB
			  page */
	bool writable;
	uint64_t flags;
	uint32_t vector;
	uint64_t error_code;
	int error;
};

/* An instruction that is not the CPU's alone to execute. */
enum sim_instruction {
	SIM_INSN_CPUID,
	SIM_INSN_IN,
	SIM_INSN_OUT,
	SIM_INSN_RDMSR,
	SIM_INSN_WRMSR,
	SIM_INSN_HLT,
	SIM_INSN_HYPERCALL, /* VMCALL, VMMCALL */
	SIM_INSN_VMGEXIT,
	SIM_INSN_PVALIDATE,
	SIM_INSN_RMPADJUST,
	SIM_INSN_TDCALL,
	SIM_INSN_WBINVD,
};

/* What is done with it. */
enum sim_verdict {
	SIM_NATIVE,    /* as for a guest that is not confidential (run.c) */
	SIM_DONE,      /* has been emulated: on with the instruction after it */
	SIM_EXCEPTION, /* cpu's pending exception has been set by sim_cpu_raise() */
	SIM_HALT,      /* as SIM_DONE, and then the vCPU halts as by HLT */
	SIM_EXIT, /* kvm_run is filled, complete() set if need be: KVM_RUN returns 0, RIP is after
		     it */
	SIM_FAIL, /* KVM_RUN returns vcpu->exit_scratch[3], an -errno; RIP is at it */
};

/* --- technologies (tech_plain.c, sev_*.c, tdx_*.c) */

/* Steps that a technology does not need are NULL. */
struct sim_tech {
	uint64_t vm_type;
	const char *name;
	bool private_memory;  /* guest_memfd with attributes */
	bool drops_init;      /* INIT and SIPI reach no vCPU */
	bool protected_state; /* READONLY slots and sync regs are refused, from the VM's creation on
			       */

	/* Bit of KVM_CAP_VM_TYPES. */
	bool (*offered)(const struct coco_sim *sim);
	/* KVM_CHECK_EXTENSION on the VM: true if *value is the answer. */
	bool (*check_extension)(const struct sim_vm *vm, uint32_t cap, int *value);
	int (*create_vm)(struct sim_vm *vm);
	/* The last reference is gone. */
	void (*destroy_vm)(struct sim_vm *vm);
	/* KVM_ENABLE_CAP on the VM: true if it is the technology's, with its result. */
	bool (*enable_cap)(struct sim_vm *vm, const struct kvm_enable_cap *cap, int *result);
	/* For tests: what has been measured, and a fingerprint of the key. Fields of zero
	 * otherwise. */
	void (*describe)(const struct sim_vm *vm, struct coco_sim_vm_info *info);
	/* Whether the host sees something else than the guest at `gpa`. NULL: as the attribute
	 * says. */
	bool (*is_hidden)(const struct sim_vm *vm, uint64_t gpa);
	/* Checks that come before the generic ones on a duplicate id (see the references). */
	int (*create_vcpu)(struct sim_vcpu *vcpu);
	void (*destroy_vcpu)(struct sim_vcpu *vcpu);
	/* A generic VM ioctl that this technology refuses: its errno, 0: not refused. */
	int (*refuse_vm_ioctl)(const struct sim_vm *vm, unsigned long request, uintptr_t argument);
	/* The same for vCPUs: registers that are protected. */
	int (*refuse_vcpu_ioctl)(const struct sim_vcpu *vcpu, unsigned long request);
	/* KVM_GET_MSRS and KVM_SET_MSRS stop at such an MSR. */
	bool (*refuse_msr)(const struct sim_vcpu *vcpu, uint32_t index, bool write);
	/* KVM_MEMORY_ENCRYPT_OP and its region siblings. NULL: -ENOTTY on a VM, -EINVAL on a vCPU.
	 */
	int (*vm_command)(struct sim_vm *vm, uintptr_t argument);
	int (*vcpu_command)(struct sim_vcpu *vcpu, uintptr_t argument);
	int (*register_region)(struct sim_vm *vm, const struct kvm_enc_region *region);
	int (*unregister_region)(struct sim_vm *vm, const struct kvm_enc_region *region);
	int (*pre_fault)(struct sim_vcpu *vcpu, uint64_t gpa);
	/* Pages leave a guest_memfd: punched, or the file was closed. Their contents go after this.
	 */
	void (*pages_gone)(struct sim_vm *vm, struct sim_gmem *gmem, uint64_t offset,
			   uint64_t size);
	/* Checks of a new slot that come last (kvm_arch_prepare_memory_region()). */
	int (*slot_created)(struct sim_vm *vm, const struct sim_slot *slot);
	/* The first address that is an alias of another (shared GPA bit), once there is one; else
	 * 0. */
	uint64_t (*gpa_alias)(const struct sim_vm *vm);
	/* The guest loses the memory of a slot, while a guest_memfd's pages stay in that. */
	void (*slot_deleted)(struct sim_vm *vm, const struct sim_slot *slot);
	void (*attributes_changed)(struct sim_vm *vm, uint64_t gpa, uint64_t size,
				   uint64_t attributes);

	/* KVM_RUN is allowed (4.4, 8.5 of the references): 0 or -errno. */
	int (*check_run)(struct sim_vcpu *vcpu);
	/* Before the first instruction: the CPU gets its state (VMSA, TD entry, or the vCPU's
	 * registers). */
	int (*first_entry)(struct sim_vcpu *vcpu);
	/*
	 * Each time before guest code is executed: in each KVM_RUN, when an exit was served inside
	 * of it and when the vCPU was woken up. 0: go on; 1: kvm_run is filled
	 * (KVM_EXIT_FAIL_ENTRY), KVM_RUN returns 0; -errno.
	 */
	int (*enter)(struct sim_vcpu *vcpu);
	/*
	 * INIT and SIPI of a vCPU whose registers are its own business: true if that is so, and
	 * then run.c changes only mp_state (INIT_RECEIVED, RUNNABLE). Also how a vCPU is pulled out
	 * of its hold.
	 */
	bool (*init)(struct sim_vcpu *vcpu);
	bool (*sipi)(struct sim_vcpu *vcpu, uint8_t vector);
	/*
	 * The address bit in page tables that chooses between private and shared (C-bit, shared GPA
	 * bit), and what it means if it is set. 0: there is none.
	 */
	uint64_t (*address_bit)(const struct sim_vcpu *vcpu);
	bool address_bit_is_private;
	/* `private` as that bit says; if there is no bit, run.c asks for what the attribute says.
	 */
	void (*find_memory)(struct sim_vcpu *vcpu, uint64_t gpa, bool private,
			    enum sim_access access, struct sim_memory *out);
	/* A triple fault: KVM_EXIT_SHUTDOWN is about to be told. */
	void (*shut_down)(struct sim_vcpu *vcpu);
	enum sim_verdict (*instruction)(struct sim_vcpu *vcpu, enum sim_instruction instruction);
	/* The guest's memory has no page and no device there (MMIO): native, or #VC / #VE. */
	enum sim_verdict (*mmio)(struct sim_vcpu *vcpu, uint64_t gpa, enum sim_access access);
};

extern const struct sim_tech sim_tech_plain;
extern const struct sim_tech sim_tech_swprotected;
extern const struct sim_tech sim_tech_sev;
extern const struct sim_tech sim_tech_seves;
extern const struct sim_tech sim_tech_snp;
extern const struct sim_tech sim_tech_tdx;

/* Any of SEV, SEV-ES, SEV-SNP: the host has AMD's CPUs and /dev/sev. */
bool sim_offers_sev(const struct coco_sim *sim);
/* NULL: there is no such type, or the platform does not offer it. */
const struct sim_tech *sim_tech_of_type(const struct coco_sim *sim, uint64_t type);

/* What technologies have on the host, apart from VMs (sev_host.c, tdx_host.c). */
int sim_sev_new(struct coco_sim *sim);
void sim_sev_free(struct coco_sim *sim);
int sim_sev_ioctl(struct coco_sim *sim, unsigned long request, uintptr_t argument); /* /dev/sev */
/* KVM_GET_DEVICE_ATTR on /dev/kvm, group KVM_X86_GRP_SEV: -ENXIO: unknown. */
int sim_sev_get_attribute(struct coco_sim *sim, uint64_t attribute, uint64_t *value);
void sim_sev_account(const struct coco_sim *sim, struct coco_sim_account *account);
int sim_tdx_new(struct coco_sim *sim);
void sim_tdx_free(struct coco_sim *sim);
void sim_tdx_account(const struct coco_sim *sim, struct coco_sim_account *account);

/* --- the platform */

struct coco_sim {
	pthread_mutex_t lock;
	pid_t owner; /* the process that made it: a forked child has no simulator */
	struct coco_platform platform;
	struct sim_knobs *knobs; /* knobs.h: checked, defaults filled in */
	struct sim_calls *calls; /* faults.c: counters, faults and latency by name */
	struct sim_files *files; /* files.c: descriptor numbers and mappings */
	coco_sim_log_fn log;
	void *log_payload;
	struct sim_vm *vms;
	uint64_t memory_used;
	uint64_t keys_made; /* each VM's key is another */
	void *sev;          /* sev_host.c: ASIDs, firmware, RMP */
	void *tdx;          /* tdx_host.c: key ids, module */
};

/*
 * Counts a call, spends its latency, and says whether a fault was dialled in for it: returns 0, or
 * its -errno, with *status (may be NULL) the firmware's or module's status that goes with it.
 * `call` is a literal such as "KVM_CREATE_VM" (platform.c does that for ioctls),
 * "SNP_LAUNCH_UPDATE", "TDH.MEM.PAGE.ADD" (technologies do).
 */
int sim_fault(struct coco_sim *sim, const char *call_name, uint64_t *status);

/* The platform's memory: -ENOMEM if it has no more. Pages of guest_memfds are charged by gmem.c. */
int sim_memory_charge(struct coco_sim *sim, uint64_t bytes);
void sim_memory_uncharge(struct coco_sim *sim, uint64_t bytes);

/* 32 bytes that no other VM has: a memory key, by the platform's seed. */
void sim_make_key(struct coco_sim *sim, uint8_t key[32]);

/* user memory (user_memory.c): copies that fail with -EFAULT as the kernel's do, instead of a
 * signal. */
int sim_copy_in(void *to, uintptr_t from, size_t size);
int sim_copy_out(uintptr_t to, const void *from, size_t size);

/* --- what technologies and run.c ask of the core */

/* The slot that has `gpa`, NULL if none has. */
struct sim_slot *sim_slot_find(const struct sim_vm *vm, uint64_t gpa);
/* A page was written: for slots that log it; others don't mind. */
void sim_dirty_mark(struct sim_slot *slot, uint64_t gpa);
/* Slots and page tables end there. */
uint64_t sim_gpa_limit(const struct sim_vm *vm);
bool sim_attribute_private(const struct sim_vm *vm, uint64_t gpa);
/*
 * Bytes from a page on, within its slot, that have its attribute: one page, or as many as the
 * vCPU's view wants, but at most a MiB: what is to be found out of each page costs, too.
 */
uint64_t sim_attribute_run(const struct sim_vcpu *vcpu, const struct sim_slot *slot, uint64_t gpa);
/*
 * The page of a slot's guest_memfd at `gpa`, made if it was never touched (zeroed, charged; its
 * `state` is the caller's to set). -EFAULT no guest_memfd, or it was closed; -ENOMEM.
 */
int sim_gmem_touch(struct sim_slot *slot, uint64_t gpa, uint8_t **bytes,
		   struct sim_gmem_page **page);
/* A dead VM: KVM_BUG_ON. Returns -EIO. */
int sim_vm_bug(struct sim_vm *vm);
/* KVM_PRE_FAULT_MEMORY for one page, where the technology has no rule of its own. */
int sim_pre_fault_page(struct sim_vcpu *vcpu, uint64_t gpa);
/* Fills kvm_run for KVM_EXIT_MEMORY_FAULT; returns -EFAULT. */
int sim_memory_fault(struct sim_vcpu *vcpu, uint64_t gpa, bool private);
/* KVM_MAX_VCPU_IDS */
uint32_t sim_max_vcpu_ids(const struct coco_sim *sim);
/* A vCPU of a VM that goes. */
void sim_vcpu_free(struct sim_vcpu *vcpu);
struct sim_vcpu *sim_vcpu_of_id(const struct sim_vm *vm, uint32_t id);

/* --- what the core asks of run.c */

/* KVM_RUN. The lock is given up and taken again within. */
int sim_vcpu_run(struct sim_vcpu *vcpu);
/*
 * Makes the VM's vCPUs leave guest code and waits for that; they go on once the lock is free. To be
 * called before guest memory changes, and before anything is looked at that the wait could outdate:
 * the lock is given up within. `memory_epoch` has changed when it returns.
 */
void sim_run_pause(struct sim_vm *vm);
/* What run.c keeps of a vCPU: 0, -ENOMEM. What was made goes with sim_run_destroy_vcpu(). */
int sim_run_create_vcpu(struct sim_vcpu *vcpu);
/* The last reference is gone, or a power-on: what run.c and cpu.c keep of the vCPU goes. */
void sim_run_destroy_vcpu(struct sim_vcpu *vcpu);

#endif
