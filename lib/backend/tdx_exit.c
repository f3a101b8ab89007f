/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Exits of a running TDX guest: TDG.VP.VMCALLs that KVM hands to user space. Its answers are
 * preset by KVM; here they are all written.
 */
#include "backend/tdx.h"

#include "base/range.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* GetTdVmCallInfo, leaf 1, R11: what SetupEventNotifyInterrupt's bit is (GHCI). */
#define CALLS_NOTIFY (1ull << 1)
/* ReportFatalError, R12 (GHCI). */
#define FATAL_HAS_GPA (1ull << 63)
#define FATAL_CODE    0xffffffffull

/* Indices of the data of UAPI_SYSTEM_EVENT_TDX_FATAL. */
enum {
	RCX = 1,
	RDX = 2,
	RBX = 3,
	RSI = 6,
	RDI = 7,
	R8 = 8,
	R9 = 9,
	R12 = 12,
	R13 = 13,
	R14 = 14,
	R15 = 15,
	REGISTERS = 16,
};

/* What a callback's answer is in R10. */
static uint64_t answer(int code)
{
	switch (code) {
	case 0:
		return UAPI_TDVMCALL_SUCCESS;
	case -EAGAIN:
		return UAPI_TDVMCALL_RETRY;
	case -EOPNOTSUPP:
		return UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED;
	default:
		return UAPI_TDVMCALL_INVALID_OPERAND;
	}
}

static uint64_t serve_quote(const struct coco_run_exit *exit, const struct uapi_exit_tdx *call)
{
	struct coco_quote_request request = {
		.vcpu = exit->vcpu,
		.gpa = call->get_quote.gpa,
		.size = call->get_quote.size,
	};

	if (!exit->requests->quote)
		return UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED;
	if (!coco_page_aligned(request.gpa) || !coco_page_aligned(request.size))
		return UAPI_TDVMCALL_ALIGN_ERROR;
	request.buffer = exit->find_shared(exit->vcpu, request.gpa, request.size);
	if (!request.buffer)
		return UAPI_TDVMCALL_INVALID_OPERAND;
	return answer(exit->requests->quote(exit->requests->payload, &request));
}

static uint64_t serve_info(const struct coco_run_exit *exit, struct uapi_exit_tdx *call)
{
	const struct coco_tdx_config *config = exit->config;
	const struct coco_requests *requests = exit->requests;
	struct coco_call_info_request request = {
		.vcpu = exit->vcpu,
		.leaf = call->get_info.leaf,
		.r11 = config->kernel_calls[0],
		.r12 = config->kernel_calls[1],
	};
	uint64_t result = UAPI_TDVMCALL_SUCCESS;

	/* Whatever the VMM could do, the guest's call reaches it only if the kernel hands it on. */
	if (requests->notify)
		request.r11 |= config->user_calls[0] & CALLS_NOTIFY;
	if (requests->call_info)
		result = answer(requests->call_info(requests->payload, &request));
	else if (request.leaf != 1)
		result = UAPI_TDVMCALL_INVALID_OPERAND;
	if (result != UAPI_TDVMCALL_SUCCESS)
		return result;
	call->get_info.r11 = request.r11;
	call->get_info.r12 = request.r12;
	call->get_info.r13 = request.r13;
	call->get_info.r14 = request.r14;
	return result;
}

static uint64_t serve_notify(const struct coco_run_exit *exit, const struct uapi_exit_tdx *call)
{
	const struct coco_notify_request request = {
		.vcpu = exit->vcpu,
		.vector = (uint32_t)call->setup_event_notify.vector,
	};

	if (!exit->requests->notify)
		return UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED;
	/* The lower ones are the processor's own exceptions. */
	if (call->setup_event_notify.vector < 32 || call->setup_event_notify.vector > 255)
		return UAPI_TDVMCALL_INVALID_OPERAND;
	return answer(exit->requests->notify(exit->requests->payload, &request));
}

static enum coco_served serve_call(const struct coco_run_exit *exit)
{
	unsigned char *const place = (unsigned char *)exit->run + UAPI_RUN_UNION_OFFSET;
	struct uapi_exit_tdx call;

	memcpy(&call, place, sizeof(call));
	switch (call.nr) {
	case UAPI_TDVMCALL_GET_QUOTE:
		call.ret = serve_quote(exit, &call);
		break;
	case UAPI_TDVMCALL_GET_INFO:
		call.ret = serve_info(exit, &call);
		break;
	case UAPI_TDVMCALL_SETUP_EVENT_NOTIFY:
		call.ret = serve_notify(exit, &call);
		break;
	default:
		/* One of a younger kernel, which has put its own answer there already. */
		return COCO_SERVED_ANSWERED;
	}
	memcpy(place, &call, sizeof(call));
	return COCO_SERVED_ANSWERED;
}

/* The registers in which GHCI has the text, in its order; RCX tells which of them are used. */
static void read_message(const uint64_t *registers, char *out, size_t size)
{
	static const unsigned int order[] = {R14, R15, RBX, RDI, RSI, R8, R9, RDX};
	size_t used = 0;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!(registers[RCX] >> order[i] & 1))
			continue;
		for (unsigned int byte = 0; byte < 8 && used + 1 < size; byte++) {
			const char c = (char)(registers[order[i]] >> 8 * byte & 0xff);

			if (!c)
				return;
			out[used++] = (char)(c >= ' ' && c <= '~' ? c : '?');
		}
	}
}

static enum coco_served serve_fatal(const struct coco_run_exit *exit)
{
	const struct coco_tdx_config *config = exit->config;
	struct coco_termination *out = exit->termination;
	uint64_t registers[REGISTERS];

	memcpy(registers, exit->run->system_event.data, sizeof(registers));
	*out = (struct coco_termination){
		.source = COCO_TERMINATION_TDVMCALL,
		.reason_code = (uint32_t)(registers[R12] & FATAL_CODE),
		.raw = registers[R12],
		.gpa = registers[R12] & FATAL_HAS_GPA ? registers[R13] & ~config->shared_bit : 0,
	};
	read_message(registers, out->message, sizeof(out->message));
	snprintf(out->text, sizeof(out->text),
		 "the guest reports a fatal error, code 0x%" PRIx32 "%s%s%s", out->reason_code,
		 out->message[0] ? ": \"" : "", out->message, out->message[0] ? "\"" : "");
	return COCO_SERVED_TERMINATION;
}

enum coco_served coco_tdx_serve_exit(const struct coco_run_exit *exit)
{
	const struct kvm_run *run = exit->run;

	if (run->exit_reason == UAPI_EXIT_TDX)
		return serve_call(exit);
	if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT &&
	    run->system_event.type == UAPI_SYSTEM_EVENT_TDX_FATAL &&
	    run->system_event.ndata >= REGISTERS)
		return serve_fatal(exit);
	return COCO_SERVED_NOT;
}
