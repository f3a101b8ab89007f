/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A guest from the inside: its recipe, its vCPUs and its incarnation. */
#ifndef COCO_CORE_GUEST_H
#define COCO_CORE_GUEST_H

#include <cocoreset/guest.h>
#include <cocoreset/vcpu.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "backend/backend.h"
#include "core/host.h"
#include "core/page_map.h"
#include "journal/journal.h"

struct coco_power_on;
struct coco_source;
struct kvm_run;

/* A region of the recipe. Its host address outlives incarnations. */
struct coco_region {
	uint64_t gpa;
	uint64_t size;
	uint32_t flags; /* enum coco_memory_flags */
	void *host;
	void *mapping; /* the library's mapping that holds `host`; NULL for a caller's memory */
	size_t mapping_size;
};

/* What every incarnation is built from. */
struct coco_recipe {
	const struct coco_backend *backend;
	uint32_t vcpus;
	uint32_t irqchip;
	uint32_t ioapic_pins;
	uint32_t flags;                 /* enum coco_guest_flags */
	struct coco_source *own_source; /* the image of the options */
	struct coco_source *source;     /* what is launched when nothing is staged */
	struct kvm_cpuid2 *cpuid;
	void *config; /* the backend's, of the technology's own options */
	struct coco_requests requests;
	uint64_t gpa_end; /* from the CPUID's physical address width and the technology */
	struct coco_region *regions;
	uint32_t region_count;
	struct coco_power_on *power_on; /* captured before the first run; NULL until then */
};

struct coco_incarnation_vcpu {
	struct coco_kvm_object fd;
	struct coco_kvm_object run;
};

struct coco_incarnation_memory {
	struct coco_kvm_object memfd;
	struct coco_kvm_object map; /* of a memfd that the host may touch */
	struct coco_page_map pages; /* which side each page is on */
};

/* A descriptor that the VMM has handed over. */
struct coco_handed_over {
	struct coco_kvm_object fd;
	struct coco_handed_over *next;
};

/* The KVM objects of one life. Those that are not open are zero. */
struct coco_incarnation {
	uint64_t generation;
	struct coco_kvm_object vm;
	struct coco_incarnation_vcpu *vcpus;    /* recipe.vcpus */
	struct coco_incarnation_memory *memory; /* recipe.region_count */
	struct coco_handed_over *handed_over;   /* in no order */
	struct coco_incarnation_child *children;
	struct coco_launch_result result;
	struct coco_source *source; /* what it is launched from */
	bool in_place;              /* its objects are what the guest's handles mean */
	uint64_t private_bytes;
	uint64_t conversions;

	/* For core/retire.c: the queue, and how far its private memory has been given back. */
	struct coco_incarnation *next;
	uint32_t punched_region;
	uint64_t punched_pages;
};

/* How a reset is done. */
struct coco_attempt {
	uint32_t strategy;          /* enum coco_strategy */
	struct coco_error fallback; /* why not by the one that was asked for; code 0: it is */
};

/* What stays of the shared side at a reset. */
struct coco_memory_policy {
	uint32_t rule;           /* enum coco_reset_memory */
	struct coco_range *keep; /* ascending */
	uint32_t keep_count;
};

/* Where a vCPU's thread is. */
enum coco_vcpu_place {
	COCO_VCPU_AWAY,    /* not interested in kvm_run: at rest */
	COCO_VCPU_INSIDE,  /* in coco_vcpu_run(), in the guest or about to enter it */
	COCO_VCPU_WAITING, /* in coco_vcpu_run(), held back: at rest */
	COCO_VCPU_OUTSIDE, /* its VMM is handling an exit and may read kvm_run */
};

/* Why a vCPU must not enter the guest. */
enum coco_attention {
	COCO_ATTENTION_HOLD = 1u << 0, /* the guest is not runnable */
	COCO_ATTENTION_KICK = 1u << 1,
	COCO_ATTENTION_STOP = 1u << 2, /* the guest is dead */
};

struct coco_vcpu {
	struct coco_guest *guest;
	uint32_t index;
	int number;          /* its descriptor's, in every incarnation */
	struct kvm_run *run; /* its address, in every incarnation */

	/*
	 * The two words of the parking protocol (core/park.c). The thread writes
	 * `place` and then reads `attention`; others write `attention` and then read `place`.
	 */
	atomic_uint place;        /* enum coco_vcpu_place */
	atomic_uint attention;    /* enum coco_attention, ored */
	_Atomic pthread_t thread; /* the last that ran it */
	_Atomic pid_t tid;
	atomic_bool pulled; /* immediate_exit was set by us */

	struct coco_journal journal; /* for whoever has set `operation` */
	atomic_bool ran; /* in some incarnation: registers are not what it starts with */

	/* For its thread only: core/convert.c. */
	uint64_t grown_end;  /* where the last grown conversion ended */
	uint64_t grown_size; /* how much it took */
	uint64_t stuck_gpa;
	uint32_t stuck_count;

	/* For its thread only: core/serve.c. */
	bool terminated;
	struct coco_termination termination;
};

struct coco_phases {
	uint64_t begin_ns;
	uint64_t total_ns;
	uint64_t phase_ns[16];
	uint64_t phase_begin_ns;
};

struct coco_guest {
	struct coco_host *host;
	struct coco_seam *seam; /* the host's */
	struct coco_recipe recipe;
	int number; /* the VM's descriptor's, in every incarnation */
	struct coco_vcpu *vcpus;
	void *scratch; /* memory for the backend, recipe.backend->scratch_size bytes */

	uint32_t park_timeout_ms;
	int kick_signal;
	coco_kick_fn kick;
	void *kick_payload;
	coco_convert_fn converted;
	void *convert_payload;
	uint64_t convert_first;
	uint64_t convert_max;
	uint32_t strategy; /* enum coco_strategy: the default */
	coco_retire_fn retire_wanted;
	void *retire_payload;
	uint32_t max_retiring;
	uint64_t max_retiring_bytes;
	coco_not_replayed_fn not_replayed;
	void *not_replayed_payload;
	coco_trace_fn trace;
	void *trace_payload;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* a vCPU's place, the state or `operation` */
	enum coco_state state;
	bool paused;                            /* by coco_guest_park() */
	const struct coco_operation *operation; /* under way in some thread; NULL if none */
	uint64_t operations;                    /* how many have ended */
	struct coco_error last_error;           /* of the last reset; code 0 if it went well */
	struct coco_phases last;                /* of the last launch or reset */
	_Atomic uint64_t generation;

	/*
	 * Whoever has set `operation` may change it, without the lock. In `down` it may be
	 * there still, with what could not be given back.
	 */
	struct coco_incarnation *incarnation;
	struct coco_listener_entry *listeners; /* core/listener.c; changed with the lock, too */
	struct coco_told *told;                /* the same: in this launch or reset */
	size_t told_count, told_room;
	struct coco_journal journal;
	struct coco_child *children;             /* core/child.h */
	struct coco_phases phases;               /* of the launch or reset that is under way */
	struct coco_memory_policy memory_policy; /* the same */
	struct coco_source *source;              /* the same: what it launches; NULL otherwise */
	struct coco_attempt attempt;             /* the same, of a reset */
	struct coco_attempt last_attempt;        /* with the lock */

	uint64_t not_replayed_count; /* with the lock */
	struct coco_source *staged;  /* with the lock; NULL: the recipe's is next */

	/* core/retire.c; with the lock. */
	struct coco_incarnation *retiring; /* the oldest first */
	uint32_t retiring_count;
	uint64_t retiring_bytes; /* of private memory */
	bool retiring_busy;      /* somebody works on the first one, without the lock */
	bool retire_allowed;     /* in the background */
	bool retire_held;        /* ... but not yet: a reset is under way, and comes first */
	bool retire_running, retire_stop;
	pthread_t retire_thread;
	pthread_cond_t retire_work; /* there may be something to do for the thread */

	/*
	 * Page maps and the conversions that change them; also where `incarnation` is changed, and
	 * read by those that have not set `operation`.
	 */
	pthread_mutex_t memory_lock;
};

#endif
