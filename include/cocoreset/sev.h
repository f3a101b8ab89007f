/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * Options of AMD SEV, SEV-ES and SEV-SNP guests: what the firmware is told at launch besides the
 * image. They go into coco_guest_options::tech_options, and are part of the recipe: each
 * incarnation is launched with the same.
 *
 * The vCPUs of SEV-ES and SNP guests start with the registers that the architecture gives a
 * processor after a reset, those that QEMU measures. coco_guest_predict() predicts the launch
 * digest; without a guest, coco_measure_image() does, with COCO_VMM_QEMU and EAX of the
 * guest's CPUID leaf 1 as `vcpu_signature` (cocoreset/measure.h).
 */
#ifndef COCORESET_SEV_H
#define COCORESET_SEV_H

#include <cocoreset/error.h>

/** Bytes of a secret's packet header (SEV API, table 55): flags 4, IV 16, HMAC 32. */
#define COCO_SEV_SECRET_HEADER_SIZE 52u
/** Bytes of a transport integrity key. */
#define COCO_SEV_TIK_SIZE 16u
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

/**
 * A secret for a SEV or SEV-ES guest, packed by its owner for the guest's LAUNCH_MEASURE. The
 * buffers are the caller's, and have to stay as they are until the next call of the callback, or
 * the end of the launch or reset.
 */
struct coco_sev_secret {
	size_t struct_size; /**< set by the library */
	/**
	 * Where the firmware puts it, in guest memory, within one region: see
	 * coco_firmware_info::secret_area_gpa. Within one page: KVM takes no others for sure.
	 */
	uint64_t gpa;
	const void *header;    /**< COCO_SEV_SECRET_HEADER_SIZE bytes */
	const void *payload;   /**< encrypted for the guest with the session's TEK */
	uint32_t payload_size; /**< bytes, 1 to COCO_SEV_BLOB_MAX */
	uint32_t guest_size;   /**< bytes that it fills in guest memory; 0: payload_size */
};

/**
 * Asks for the secrets of an incarnation, one after the other, when its measurement is known and
 * nothing has run in it. The owner who packs them sees from the measurement whether
 * the guest is what it should be.
 *
 * Called from coco_guest_launch() and coco_guest_reset(), for each incarnation, with locks of the
 * library held: it must not call into the library. How long it takes is downtime.
 *
 * @param index   how many this incarnation was given before.
 * @param measure what KVM_SEV_LAUNCH_MEASURE returned, `size` bytes (COCO_LAUNCH_MEASURE_SIZE).
 * @param secret  zeroed but for struct_size.
 *
 * @return 1: there is one, in *secret; 0: there is none, or no more; a negative errno: the launch
 * or reset fails with it, and the guest is `down`.
 */
typedef int (*coco_sev_secret_fn)(void *payload, uint32_t index, const void *measure, size_t size,
				  struct coco_sev_secret *secret);

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
	/**
	 * SEV-ES, SNP: how this host's kernel differs from the usual one, for the prediction of the
	 * launch digest: COCO_VMSA_NO_MCE and COCO_VMSA_CD_NW of enum coco_vmsa_flags.
	 */
	uint32_t vmsa_flags;
	uint32_t reserved0; /**< 0 */
	/**
	 * SEV, SEV-ES: the session's transport integrity key, COCO_SEV_TIK_SIZE bytes. With it,
	 * each launch and reset compares what LAUNCH_MEASURE answers with the prediction. It is the
	 * owner's secret: a VMM that is not the owner has none. NULL: none. Copied.
	 */
	const void *tik;
	/**
	 * SNP with Secure TSC (bit 9 of vmsa_features): the guest's TSC frequency in kHz, which the
	 * firmware fixes at launch; 0: the host's.
	 */
	uint32_t tsc_khz;
	uint32_t reserved1;        /**< 0 */
	coco_sev_secret_fn secret; /**< SEV, SEV-ES: gives the guest's secrets; NULL: none */
	void *secret_payload;
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
