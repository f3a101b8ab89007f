/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Trace events as USDT probes of the provider `cocoreset`, for perf, bpftrace and SystemTap: a NOP
 * each, unless somebody looks. Built with COCO_USDT; docs/reset.md lists them.
 */
#ifndef COCO_CORE_PROBES_H
#define COCO_CORE_PROBES_H

#ifdef COCO_USDT
#include <sys/sdt.h>

#define COCO_PROBE_PHASE_BEGIN(guest, generation, name)                                            \
	DTRACE_PROBE3(cocoreset, phase_begin, guest, generation, name)
#define COCO_PROBE_PHASE_END(guest, generation, name, result)                                      \
	DTRACE_PROBE4(cocoreset, phase_end, guest, generation, name, result)
#define COCO_PROBE_STATE(guest, generation, name)                                                  \
	DTRACE_PROBE3(cocoreset, state, guest, generation, name)
#define COCO_PROBE_RETIRED(guest, generation) DTRACE_PROBE2(cocoreset, retired, guest, generation)
#else
#define COCO_PROBE_PHASE_BEGIN(guest, generation, name)       ((void)0)
#define COCO_PROBE_PHASE_END(guest, generation, name, result) ((void)0)
#define COCO_PROBE_STATE(guest, generation, name)             ((void)0)
#define COCO_PROBE_RETIRED(guest, generation)                 ((void)0)
#endif

#endif
