/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * Options of Intel TDX guests: what the TDX module is told at launch besides the image. They go
 * into coco_guest_options::tech_options, and are part of the recipe: each incarnation is launched
 * with the same.
 *
 * TDX guests need COCO_IRQCHIP_SPLIT. Their vCPUs start as the module says, at 4 GiB - 16 in
 * 32-bit mode, with the address of the TD HOB in RCX (coco_image_hob()).
 *
 * Facts are from KVM's documentation (virt/kvm/x86/intel-tdx.rst, Linux 7.2), the TDX module's ABI
 * and the Guest-Hypervisor Communication Interface (GHCI).
 */
#ifndef COCORESET_TDX_H
#define COCORESET_TDX_H

#include <cocoreset/error.h>

/** Bits of a TD's ATTRIBUTES (TDX module ABI, TD_PARAMS). KVM decides which a VMM may set. */
#define COCO_TDX_ATTRIBUTE_DEBUG           (1ull << 0)  /**< the host may look into the guest */
#define COCO_TDX_ATTRIBUTE_SEPT_VE_DISABLE (1ull << 28) /**< see coco_tdx_options::pending_ve */
#define COCO_TDX_ATTRIBUTE_MIGRATABLE      (1ull << 29) /**< the guest can be migrated */
#define COCO_TDX_ATTRIBUTE_PKS             (1ull << 30) /**< supervisor protection keys */
#define COCO_TDX_ATTRIBUTE_PERFMON         (1ull << 63) /**< performance monitoring */

/** Bytes of each of the three digests that the owner and the host give. */
#define COCO_TDX_DIGEST_SIZE 48u

struct coco_tdx_options {
	size_t struct_size; /**< COCO_INIT */
	/**
	 * COCO_TDX_ATTRIBUTE_*, of those that the host offers. SEPT_VE_DISABLE is set unless
	 * `pending_ve` is.
	 */
	uint64_t attributes;
	/** Extended features (XCR0 and IA32_XSS bits); 0: all that the host offers. */
	uint64_t xfam;
	/**
	 * What happens when the guest touches memory before it has accepted it. 0: KVM ends the
	 * guest (SEPT_VE_DISABLE), which Linux guests demand. 1: the guest gets #VE.
	 */
	uint32_t pending_ve;
	/**
	 * Width of guest physical addresses, 48 or 52; the topmost bit tells shared memory from
	 * private. 0: 52 if the guest's CPUID says that it has more than 48 (leaf 0x80000008, EAX
	 * bits 16-23), else 48.
	 */
	uint32_t gpaw;
	/**
	 * The guest's TSC frequency, a multiple of 25000 between 100000 and 10000000; 0: the
	 * host's, rounded down to such a multiple.
	 */
	uint32_t tsc_khz;
	uint32_t reserved0; /**< 0 */
	/** What reports say as MRCONFIGID, MROWNER and MROWNERCONFIG. Not part of MRTD. */
	uint8_t mrconfigid[COCO_TDX_DIGEST_SIZE];
	uint8_t mrowner[COCO_TDX_DIGEST_SIZE];
	uint8_t mrownerconfig[COCO_TDX_DIGEST_SIZE];
};

/** Values of coco_tdx_quote_header::status (GHCI, TDG.VP.VMCALL<GetQuote>). */
#define COCO_TDX_QUOTE_DONE        0ull
#define COCO_TDX_QUOTE_IN_FLIGHT   0xffffffffffffffffull
#define COCO_TDX_QUOTE_FAILED      0x8000000000000000ull
#define COCO_TDX_QUOTE_UNAVAILABLE 0x8000000000000001ull

/**
 * How the buffer of a quote request begins (GHCI, TDG.VP.VMCALL<GetQuote>). The guest can change
 * it at any time: copy it before you check it.
 */
struct coco_tdx_quote_header {
	uint64_t version;  /**< 1 */
	uint64_t status;   /**< written by the VMM, last: COCO_TDX_QUOTE_* */
	uint32_t in_size;  /**< bytes of the TDREPORT behind this header */
	uint32_t out_size; /**< written by the VMM: bytes of the quote, which takes its place */
};

COCO_BEGIN_DECLS

/**
 * The name that the TDX module's ABI has for a status (coco_error::status, or the first word of
 * KVM_EXIT_INTERNAL_ERROR), such as "OPERAND_BUSY": bits 32 to 63 decide. "unknown" for values that
 * have none here.
 *
 * Ownership: static text. Thread safety: any thread. Allowed states: any.
 */
COCO_API const char *coco_tdx_status_name(uint64_t status);

COCO_END_DECLS

#endif
