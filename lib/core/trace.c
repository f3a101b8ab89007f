/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/trace.h"

#include "core/clock.h"
#include "core/probes.h"

static const char *const phase_names[COCO_PHASE_COUNT] = {
	[COCO_PHASE_PARK] = "park",
	[COCO_PHASE_CHECK] = "check",
	[COCO_PHASE_RETIRE] = "retire",
	[COCO_PHASE_SCRUB] = "scrub",
	[COCO_PHASE_VM] = "vm",
	[COCO_PHASE_MEMORY] = "memory",
	[COCO_PHASE_VCPUS] = "vcpus",
	[COCO_PHASE_ATTRIBUTES] = "attributes",
	[COCO_PHASE_LOAD] = "load",
	[COCO_PHASE_STATE] = "state",
	[COCO_PHASE_SEAL] = "seal",
	[COCO_PHASE_RESUME] = "resume",
	[COCO_PHASE_SWAP] = "swap",
	[COCO_PHASE_WIRING] = "wiring",
	[COCO_PHASE_LISTENERS] = "listeners",
};

const char *coco_phase_name(uint32_t phase)
{
	return phase && phase < COCO_PHASE_COUNT ? phase_names[phase] : "unknown";
}

void coco_trace_state(struct coco_guest *guest, enum coco_state state)
{
	const struct coco_trace_event event = {
		.time_ns = coco_now_ns(),
		.generation = atomic_load(&guest->generation),
		.kind = COCO_TRACE_STATE,
		.state = state,
	};

	COCO_PROBE_STATE(guest, event.generation, coco_state_name(state));
	if (guest->trace)
		guest->trace(guest->trace_payload, &event);
}

void coco_trace_retired(struct coco_guest *guest, uint64_t generation)
{
	const struct coco_trace_event event = {
		.time_ns = coco_now_ns(),
		.generation = generation,
		.kind = COCO_TRACE_RETIRED,
	};

	COCO_PROBE_RETIRED(guest, generation);
	if (guest->trace)
		guest->trace(guest->trace_payload, &event);
}

void coco_phases_begin(struct coco_guest *guest)
{
	memset(&guest->phases, 0, sizeof(guest->phases));
	guest->phases.begin_ns = coco_now_ns();
}

void coco_phase_begin(struct coco_guest *guest, enum coco_phase phase, uint64_t generation)
{
	const struct coco_trace_event event = {
		.time_ns = coco_now_ns(),
		.generation = generation,
		.kind = COCO_TRACE_BEGIN,
		.phase = phase,
	};

	COCO_PROBE_PHASE_BEGIN(guest, generation, phase_names[phase]);
	guest->phases.phase_begin_ns = event.time_ns;
	if (guest->trace)
		guest->trace(guest->trace_payload, &event);
}

int coco_phase_end(struct coco_guest *guest, enum coco_phase phase, uint64_t generation, int result)
{
	const struct coco_trace_event event = {
		.time_ns = coco_now_ns(),
		.generation = generation,
		.kind = COCO_TRACE_END,
		.phase = phase,
		.result = result,
	};

	COCO_PROBE_PHASE_END(guest, generation, phase_names[phase], result);
	guest->phases.phase_ns[phase] += event.time_ns - guest->phases.phase_begin_ns;
	if (guest->trace)
		guest->trace(guest->trace_payload, &event);
	return result;
}
