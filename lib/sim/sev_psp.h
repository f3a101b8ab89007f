/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The secure processor's firmware: its guests, their state machines and the ASIDs that they are
 * bound to. It knows nothing of KVM; a command gets memory as pointers and returns a status
 * (sev_status.h). From "SEV API" (AMD 55766) and "SEV-SNP firmware ABI" (AMD 56860). Session keys
 * are taken as they are, without unwrapping: nonce 16, TEK 16, TIK 16.
 */
#ifndef COCO_SIM_SEV_PSP_H
#define COCO_SIM_SEV_PSP_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/sev_asid.h"
#include "sim/sev_id_block.h"

#define SIM_PSP_MEASURE_SIZE    48
#define SIM_PSP_REPORT_SIZE     0x1d0
#define SIM_PSP_SECRET_HEADER   52
#define SIM_PSP_POLICY_NODBG    (1u << 0)
#define SIM_PSP_POLICY_ES       (1u << 2)
#define SIM_PSP_SNP_SMT         (1ull << 16)
#define SIM_PSP_SNP_MUST_BE_ONE (1ull << 17)
#define SIM_PSP_SNP_MIGRATE     (1ull << 18)

/* GSTATE of SEV and SEV-ES guests, SEV API 4.5.1. */
enum sim_psp_guest_state {
	SIM_PSP_UNINIT,
	SIM_PSP_LUPDATE,
	SIM_PSP_LSECRET,
	SIM_PSP_RUNNING,
};

/* SNP page types, SNP firmware ABI 8.17. */
enum sim_psp_page_type {
	SIM_PSP_PAGE_NORMAL = 1,
	SIM_PSP_PAGE_VMSA = 2,
	SIM_PSP_PAGE_ZERO = 3,
	SIM_PSP_PAGE_UNMEASURED = 4,
	SIM_PSP_PAGE_SECRETS = 5,
	SIM_PSP_PAGE_CPUID = 6,
};

enum sim_psp_context_state {
	SIM_PSP_CONTEXT_INIT,
	SIM_PSP_CONTEXT_LAUNCH,
	SIM_PSP_CONTEXT_RUNNING
};

/* A guest of SEV or SEV-ES. */
struct sim_psp_guest {
	struct sim_psp_guest *next;
	uint32_t handle;
	uint32_t policy;
	uint32_t asid; /* 0: not active */
	enum sim_psp_guest_state state;
	EVP_MD_CTX *hash;
	uint64_t bytes; /* hashed */
	uint8_t ld[32];
	uint8_t tek[16];
	uint8_t tik[16];
	uint8_t measure[SIM_PSP_MEASURE_SIZE];
};

/* A guest of SNP. */
struct sim_psp_context {
	struct sim_psp_context *next;
	uint32_t id;
	uint64_t policy;
	uint32_t asid;
	enum sim_psp_context_state state;
	uint8_t gosvw[16];
	uint8_t ld[48];
	uint8_t host_data[32];
	uint8_t id_block[SIM_SNP_ID_BLOCK_SIZE];
	bool has_id_block;
	bool vcek_disabled;
	uint32_t pages;
};

struct sim_psp {
	/* What it is. */
	uint8_t api_major;
	uint8_t api_minor;
	uint8_t build;
	bool smt;            /* of the host: policies must then allow it */
	uint32_t max_guests; /* of SEV and of SNP each */
	uint32_t max_asid;
	uint32_t min_sev_asid;
	uint64_t tcb;

	/* What it is doing. */
	bool sev; /* INIT */
	bool es;
	bool snp;              /* SNP_INIT */
	uint32_t max_snp_asid; /* ciphertext hiding; 0: off */
	bool bound[SIM_SEV_MAX_ASIDS];
	bool dirty[SIM_SEV_MAX_ASIDS]; /* was bound, and not flushed since */
	struct sim_psp_guest *guests;
	struct sim_psp_context *contexts;
	uint32_t guest_count;
	uint32_t context_count;
	uint32_t next_handle;
	uint32_t next_context;
};

void sim_psp_free(struct sim_psp *psp);

uint16_t sim_psp_init(struct sim_psp *psp, bool es);
uint16_t sim_psp_snp_init(struct sim_psp *psp, uint32_t max_snp_asid);
/* DF_FLUSH and SNP_DF_FLUSH: released ASIDs may be bound again. */
uint16_t sim_psp_flush(struct sim_psp *psp);
/* For commands of sev_psp_*.c. */
uint16_t sim_psp_bind(struct sim_psp *psp, uint32_t *slot, uint32_t asid, uint32_t first,
		      uint32_t last);
void sim_psp_unbind(struct sim_psp *psp, uint32_t *slot);

/* --- SEV and SEV-ES (sev_psp_legacy.c); a handle that is no guest's: INVALID_GUEST */

struct sim_psp_guest *sim_psp_guest(const struct sim_psp *psp, uint32_t handle);
/* `share`: 0, or a guest's handle. */
uint16_t sim_psp_launch_start(struct sim_psp *psp, uint32_t share, uint32_t policy,
			      const uint8_t *session, uint32_t session_size, uint32_t *handle);
uint16_t sim_psp_activate(struct sim_psp *psp, uint32_t handle, uint32_t asid);
uint16_t sim_psp_deactivate(struct sim_psp *psp, uint32_t handle);
uint16_t sim_psp_decommission(struct sim_psp *psp, uint32_t handle);
/* The digest takes `data` in; encrypting it is the caller's. `address` is where it is. */
uint16_t sim_psp_launch_update(struct sim_psp *psp, uint32_t handle, bool vmsa, uint64_t address,
			       const void *data, uint32_t size);
/* `*size` becomes the size that is needed where it was too small: INVALID_LEN. */
uint16_t sim_psp_launch_measure(struct sim_psp *psp, uint32_t handle,
				uint8_t out[SIM_PSP_MEASURE_SIZE], uint32_t *size);
/* Checks all of it; putting `data` into the guest's memory is the caller's. */
uint16_t sim_psp_launch_secret(struct sim_psp *psp, uint32_t handle, const uint8_t *header,
			       uint32_t header_size, const uint8_t *data, uint32_t data_size,
			       uint32_t guest_size);
uint16_t sim_psp_launch_finish(struct sim_psp *psp, uint32_t handle);
uint16_t sim_psp_report(struct sim_psp *psp, uint32_t handle, const uint8_t nonce[16],
			uint8_t out[SIM_PSP_REPORT_SIZE], uint32_t *size);
/* DBG_DECRYPT and DBG_ENCRYPT are allowed. */
uint16_t sim_psp_debug(struct sim_psp *psp, uint32_t handle);

/* --- SNP (sev_psp_snp.c) */

uint16_t sim_psp_context_create(struct sim_psp *psp, struct sim_psp_context **out);
uint16_t sim_psp_snp_launch_start(struct sim_psp *psp, struct sim_psp_context *context,
				  uint64_t policy, const uint8_t gosvw[16]);
uint16_t sim_psp_snp_activate(struct sim_psp *psp, struct sim_psp_context *context, uint32_t asid);
/* `page` is the page itself: what ZERO, SECRETS and a corrected CPUID page become is left in it. */
uint16_t sim_psp_snp_launch_update(struct sim_psp *psp, struct sim_psp_context *context,
				   uint8_t type, uint64_t gpa, uint8_t page[4096]);

struct sim_psp_finish {
	const uint8_t *id_block; /* NULL: none */
	const uint8_t *id_auth;
	bool author;
	bool vcek_disabled;
	uint8_t host_data[32];
};
uint16_t sim_psp_snp_launch_finish(struct sim_psp *psp, struct sim_psp_context *context,
				   const struct sim_psp_finish *finish);
uint16_t sim_psp_snp_guest_request(struct sim_psp *psp, struct sim_psp_context *context,
				   const uint8_t request[4096], uint8_t response[4096]);
uint16_t sim_psp_snp_decommission(struct sim_psp *psp, struct sim_psp_context *context);

#endif
