/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * What a running guest asks of its VMM besides devices: certificates, quotes, notifications. A VMM
 * answers them by callbacks (coco_guest_options::requests). Where it gives none, coco_vcpu_run()
 * answers by itself that there is no such thing, and the guest goes on.
 *
 * A callback is called from the vCPU's thread, inside coco_vcpu_run(), without locks of the
 * library. A reset waits for it to return, so it must not call what launches, parks, resets or
 * tears down a guest, nor coco_vcpu_run(), and it must not wait for the guest. What takes long is
 * begun in it and done elsewhere; a VMM gives that up when the guest is reset.
 *
 * Buffers are guest memory on its shared side. Their addresses and sizes came from the guest and
 * have been checked: all of a buffer is there until coco_guest_free(). Its contents may change at
 * any time, by the guest's other vCPUs.
 */
#ifndef COCORESET_REQUEST_H
#define COCORESET_REQUEST_H

#include <cocoreset/base.h>

struct coco_vcpu;

/** SNP: an extended guest request wants the certificates that its report is checked with. */
struct coco_certificate_request {
	struct coco_vcpu *vcpu;
	void *buffer; /**< where they go (GHCB specification, 4.1.8.1); NULL if `pages` is 0 */
	/** Pages at `buffer`; for -ENOSPC set by the callback to how many it takes. */
	uint64_t pages;
	uint64_t gpa; /**< the buffer's */
	uint8_t reserved[32];
};

/** TDX: the guest has put a TDREPORT into a buffer and wants a quote. */
struct coco_quote_request {
	struct coco_vcpu *vcpu;
	void *buffer;  /**< begins with a struct coco_tdx_quote_header (cocoreset/tdx.h) */
	uint64_t size; /**< bytes, a multiple of the page */
	uint64_t gpa;  /**< the buffer's, without the shared bit */
	uint8_t reserved[32];
};

/** TDX: the guest asks which calls the VMM serves (GetTdVmCallInfo, leaf 1). */
struct coco_call_info_request {
	struct coco_vcpu *vcpu;
	uint64_t leaf;
	/** R11 to R14; on the way in what the library would answer. */
	uint64_t r11, r12, r13, r14;
	uint8_t reserved[32];
};

/** TDX: the guest wants this interrupt on this vCPU when a quote is done. */
struct coco_notify_request {
	struct coco_vcpu *vcpu;
	uint32_t vector; /**< 32 to 255 */
	uint32_t reserved0;
	uint8_t reserved[32];
};

/**
 * 0: they are in the buffer. -ENOSPC: `pages` says how many it takes. -EAGAIN: the guest is to
 * try again. Any other: the guest's request fails.
 */
typedef int (*coco_certificates_fn)(void *payload, struct coco_certificate_request *request);
/**
 * 0: the request was taken, and the header's status says when it is done. -EAGAIN: the guest is to
 * try again. -EOPNOTSUPP: there are no quotes. Any other: the request is invalid.
 */
typedef int (*coco_quote_fn)(void *payload, const struct coco_quote_request *request);
/** 0: R11 to R14 are in `request`. Any other: there is no such leaf. */
typedef int (*coco_call_info_fn)(void *payload, struct coco_call_info_request *request);
/** 0: it will come. -EOPNOTSUPP: it won't. Any other: the request is invalid. */
typedef int (*coco_notify_fn)(void *payload, const struct coco_notify_request *request);

/** The callbacks. Those that are NULL are answered by the library. */
struct coco_requests {
	size_t struct_size; /**< COCO_INIT */
	void *payload;      /**< for all of them */
	/**
	 * NULL: there are none, and an extended request is like a simple one. Takes Linux 7.0;
	 * where KVM can't ask for them it is as if this were NULL, and a line is logged.
	 */
	coco_certificates_fn certificates;
	coco_quote_fn quote; /**< NULL: -EOPNOTSUPP */
	/** NULL: it tells of `notify`, and of what the kernel serves by itself. */
	coco_call_info_fn call_info;
	coco_notify_fn notify; /**< NULL: -EOPNOTSUPP */
};

#endif
