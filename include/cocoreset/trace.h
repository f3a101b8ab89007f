/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * What the library is doing, as it does it: log lines for people, and trace
 * events with times for tools. Both are callbacks, silent unless set, and never
 * carry guest memory.
 */
#ifndef COCORESET_TRACE_H
#define COCORESET_TRACE_H

#include <cocoreset/base.h>

/** Levels of log lines: syslog's numbers. */
enum coco_log_level {
	COCO_LOG_ERROR = 3,
	COCO_LOG_WARNING = 4,
	COCO_LOG_INFO = 6,
	COCO_LOG_DEBUG = 7,
};

/**
 * Takes one log line (no newline at its end). `text` is valid during the call.
 * Must not call into the library.
 */
typedef void (*coco_log_fn)(void *payload, int level, const char *text);

/** The steps that launch and reset are made of. docs/reset.md has their order. */
enum coco_phase {
	COCO_PHASE_PARK = 1,       /**< vCPUs leave the guest and come to rest */
	COCO_PHASE_CHECK = 2,      /**< recipe and host, before anything is touched */
	COCO_PHASE_RETIRE = 3,     /**< the old incarnation is given back */
	COCO_PHASE_SCRUB = 4,      /**< memory that outlives incarnations is emptied */
	COCO_PHASE_VM = 5,         /**< KVM_CREATE_VM, capabilities, interrupt controllers */
	COCO_PHASE_MEMORY = 6,     /**< guest_memfds, memory slots */
	COCO_PHASE_VCPUS = 7,      /**< KVM_CREATE_VCPU, CPUID, run mappings */
	COCO_PHASE_ATTRIBUTES = 8, /**< marking memory private */
	COCO_PHASE_LOAD = 9,       /**< the launch image goes in */
	COCO_PHASE_STATE = 10,     /**< power-on register state goes in */
	COCO_PHASE_SEAL = 11,      /**< the technology's last launch step */
	COCO_PHASE_RESUME = 12,    /**< parked vCPU threads are let go */
	COCO_PHASE_SWAP = 13,      /**< handles go from the old incarnation to the new one */
	COCO_PHASE_WIRING = 14,    /**< routes, eventfds and devices of the VMM's own */
	COCO_PHASE_LISTENERS = 15, /**< listeners hear of it (cocoreset/listener.h) */
};
#define COCO_PHASE_COUNT 16 /**< one more than the highest phase */

enum coco_trace_kind {
	COCO_TRACE_BEGIN = 1, /**< a phase begins */
	COCO_TRACE_END = 2,   /**< it ended; `result` tells how */
	COCO_TRACE_STATE = 3, /**< the guest's state changed to `state` */
	/**
	 * incarnation `generation` was given back in the background: from the thread that did it,
	 * between two events of others
	 */
	COCO_TRACE_RETIRED = 4,
};

/**
 * One trace event. A guest's events come one after the other, from the thread that
 * does the work; none but COCO_TRACE_RETIRED comes from coco_guest_free(). New members take bytes
 * from `reserved`.
 */
struct coco_trace_event {
	uint64_t time_ns;    /**< CLOCK_MONOTONIC */
	uint64_t generation; /**< incarnation that is being built, run or retired */
	uint32_t kind;       /**< enum coco_trace_kind */
	uint32_t phase;      /**< enum coco_phase, for BEGIN and END */
	uint32_t state;      /**< enum coco_state, for STATE */
	int32_t result;      /**< for END: 0 or -errno */
	uint8_t reserved[32];
};

/** Takes one trace event. Must not call into the library. */
typedef void (*coco_trace_fn)(void *payload, const struct coco_trace_event *event);

COCO_BEGIN_DECLS

/**
 * A phase's name in lower case ("load"), "unknown" for other values.
 *
 * Ownership: static text. Thread safety: any thread.
 */
COCO_API const char *coco_phase_name(uint32_t phase);

COCO_END_DECLS

#endif
