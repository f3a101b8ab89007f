/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * Options of AMD SEV, SEV-ES and SEV-SNP guests: what the firmware is told at launch besides the
 * image. They go into coco_guest_options::tech_options, and are part of the recipe: each
 * incarnation is launched with the same.
 *
 * The vCPUs of SEV-ES and SNP guests start with the registers that the architecture gives a
 * processor after a reset, those that QEMU measures: predict with COCO_VMM_QEMU and
 * EAX of the guest's CPUID leaf 1 as `vcpu_signature` (cocoreset/measure.h).
 */
#ifndef COCORESET_SEV_H
#define COCORESET_SEV_H

#include <cocoreset/error.h>

/** The largest session or certificate blob, in bytes. */
#define COCO_SEV_BLOB_MAX 0x4000u

/** Bits of an SEV or SEV-ES policy (SEV API, 3.1). Bits 16-23 and 24-31: least API version. */
enum coco_sev_policy {
	COCO_SEV_POLICY_NODEBUG = 1u << 0, /**< no debugging */
	COCO_SEV_POLICY_NOKS = 1u << 1,    /**< no key sharing with other guests */
	COCO_SEV_POLICY_ES = 1u << 2,      /**< SEV-ES is required */
	COCO_SEV_POLICY_NOSEND = 1u << 3,  /**< no migration */
	COCO_SEV_POLICY_DOMAIN = 1u << 4,  /**< migration within the domain only */
	COCO_SEV_POLICY_SEV = 1u << 5,     /**< migration to SEV platforms only */
};

/** Bits of an SNP policy (SEV-SNP firmware ABI, 4.3). Bits 0-7 and 8-15: least ABI version. */
enum coco_snp_policy {
	COCO_SNP_POLICY_SMT = 1u << 16,           /**< hosts with SMT are allowed */
	COCO_SNP_POLICY_RESERVED_ONE = 1u << 17,  /**< always set */
	COCO_SNP_POLICY_DEBUG = 1u << 19,         /**< debugging is allowed */
	COCO_SNP_POLICY_SINGLE_SOCKET = 1u << 20, /**< hosts with one socket only */
};

/** How SEV and SEV-ES guests are created: it shows in the measurement of SEV-ES. */
enum coco_sev_init {
	/** COCO_SEV_INIT_VM_TYPE if the kernel knows that (Linux 6.10), else the legacy way. */
	COCO_SEV_INIT_AUTO = 0,
	/** A VM type of its own and KVM_SEV_INIT2. */
	COCO_SEV_INIT_VM_TYPE = 1,
	/** An ordinary VM and KVM_SEV_INIT or KVM_SEV_ES_INIT: measure with COCO_VMSA_LEGACY. */
	COCO_SEV_INIT_LEGACY = 2,
};

struct coco_sev_options {
	size_t struct_size; /**< COCO_INIT */
	/**
	 * enum coco_sev_policy or coco_snp_policy; 0: the default, which is NODEBUG for SEV,
	 * NODEBUG and ES for SEV-ES, SMT (and RESERVED_ONE) for SNP. An SEV policy that allows
	 * everything but key sharing is COCO_SEV_POLICY_NOKS.
	 */
	uint64_t policy;
	/** SEV-ES, SNP: SEV_FEATURES bits as KVM_SEV_INIT2 takes them. SNP's own bit 0 is not. */
	uint64_t vmsa_features;
	/** SEV-ES: the highest GHCB protocol version, 1 or 2; SNP: 2; 0: 2. */
	uint32_t ghcb_version;
	uint32_t init; /**< SEV, SEV-ES: enum coco_sev_init */
	/** SEV, SEV-ES: the owner's launch session and certificate; NULL: none. Copied. */
	const void *session;
	const void *dh_cert;
	uint32_t session_size; /**< bytes, at most COCO_SEV_BLOB_MAX */
	uint32_t dh_cert_size; /**< bytes, at most COCO_SEV_BLOB_MAX */
	/**
	 * SNP: COCO_ID_BLOCK_SIZE bytes of ID block and COCO_ID_AUTH_SIZE of ID authentication
	 * page (cocoreset/id_block.h), both or neither. Copied.
	 */
	const void *id_block;
	const void *id_auth;
	uint32_t auth_key_en;   /**< SNP: 1 if the page holds an author key, else 0 */
	uint32_t vcek_disabled; /**< SNP: 1: reports are never signed with the VCEK; else 0 */
	uint8_t gosvw[16];      /**< SNP: guest OS visible workarounds */
	uint8_t host_data[32];  /**< SNP: what reports say as HOST_DATA */
};

COCO_BEGIN_DECLS

/**
 * The name that AMD's documents have for a firmware status (coco_error::status), such as
 * "POLICY_FAILURE"; "unknown" for values that have none here.
 *
 * Ownership: static text. Thread safety: any thread. Allowed states: any.
 */
COCO_API const char *coco_sev_status_name(uint64_t status);

COCO_END_DECLS

#endif
