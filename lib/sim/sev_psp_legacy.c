/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The firmware's commands for SEV and SEV-ES guests (SEV API, chapter 6). */
#include <stdlib.h>
#include <string.h>

#include "sim/sev_digest.h"
#include "sim/sev_psp.h"
#include "sim/sev_status.h"

struct sim_psp_guest *sim_psp_guest(const struct sim_psp *psp, uint32_t handle)
{
	for (struct sim_psp_guest *guest = psp->guests; guest; guest = guest->next)
		if (guest->handle == handle)
			return guest;
	return NULL;
}

/* 6.0: INVALID_PLATFORM_STATE before INVALID_GUEST. */
static uint16_t find(const struct sim_psp *psp, uint32_t handle, struct sim_psp_guest **guest)
{
	if (!psp->sev)
		return SIM_SEV_INVALID_PLATFORM_STATE;
	*guest = sim_psp_guest(psp, handle);
	return *guest ? SIM_SEV_SUCCESS : SIM_SEV_INVALID_GUEST;
}

static bool api_too_old(const struct sim_psp *psp, uint32_t policy)
{
	uint32_t major = policy >> 16 & 0xff, minor = policy >> 24;

	return major > psp->api_major || (major == psp->api_major && minor > psp->api_minor);
}

uint16_t sim_psp_launch_start(struct sim_psp *psp, uint32_t share, uint32_t policy,
			      const uint8_t *session, uint32_t session_size, uint32_t *handle)
{
	struct sim_psp_guest *guest;

	if (!psp->sev)
		return SIM_SEV_INVALID_PLATFORM_STATE;
	if (share && !sim_psp_guest(psp, share))
		return SIM_SEV_INVALID_GUEST;
	if (api_too_old(psp, policy))
		return SIM_SEV_POLICY_FAILURE;
	if ((policy & SIM_PSP_POLICY_ES) && !psp->es)
		return SIM_SEV_UNSUPPORTED;
	if (psp->guest_count >= psp->max_guests)
		return SIM_SEV_RESOURCE_LIMIT;
	guest = calloc(1, sizeof(*guest));
	if (guest)
		guest->hash = EVP_MD_CTX_new();
	if (!guest || !guest->hash || EVP_DigestInit_ex(guest->hash, EVP_sha256(), NULL) != 1) {
		if (guest)
			EVP_MD_CTX_free(guest->hash);
		free(guest);
		return SIM_SEV_RESOURCE_LIMIT;
	}
	if (session_size >= 48) {
		memcpy(guest->tek, session + 16, sizeof(guest->tek));
		memcpy(guest->tik, session + 32, sizeof(guest->tik));
	}
	guest->handle = ++psp->next_handle;
	guest->policy = policy;
	guest->state = SIM_PSP_LUPDATE;
	guest->next = psp->guests;
	psp->guests = guest;
	psp->guest_count++;
	*handle = guest->handle;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_activate(struct sim_psp *psp, uint32_t handle, uint32_t asid)
{
	struct sim_psp_guest *guest;
	uint16_t status = find(psp, handle, &guest);

	if (status)
		return status;
	if (guest->policy & SIM_PSP_POLICY_ES)
		return sim_psp_bind(psp, &guest->asid, asid, 1, psp->min_sev_asid - 1);
	return sim_psp_bind(psp, &guest->asid, asid, psp->min_sev_asid, psp->max_asid);
}

uint16_t sim_psp_deactivate(struct sim_psp *psp, uint32_t handle)
{
	struct sim_psp_guest *guest;
	uint16_t status = find(psp, handle, &guest);

	if (status)
		return status;
	sim_psp_unbind(psp, &guest->asid);
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_decommission(struct sim_psp *psp, uint32_t handle)
{
	struct sim_psp_guest *guest = sim_psp_guest(psp, handle), **link = &psp->guests;

	if (!guest)
		return SIM_SEV_INVALID_GUEST;
	sim_psp_unbind(psp, &guest->asid);
	while (*link != guest)
		link = &(*link)->next;
	*link = guest->next;
	psp->guest_count--;
	EVP_MD_CTX_free(guest->hash);
	free(guest);
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_launch_update(struct sim_psp *psp, uint32_t handle, bool vmsa, uint64_t address,
			       const void *data, uint32_t size)
{
	struct sim_psp_guest *guest;
	uint16_t status = find(psp, handle, &guest);

	if (status)
		return status;
	if (guest->state != SIM_PSP_LUPDATE)
		return SIM_SEV_INVALID_GUEST_STATE;
	if (!guest->asid)
		return SIM_SEV_INACTIVE;
	if (vmsa && !(guest->policy & SIM_PSP_POLICY_ES))
		return SIM_SEV_POLICY_FAILURE;
	if (!size || size % 16)
		return SIM_SEV_INVALID_LEN;
	if (address % 16)
		return SIM_SEV_INVALID_ADDRESS;
	EVP_DigestUpdate(guest->hash, data, size);
	guest->bytes += size;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_launch_measure(struct sim_psp *psp, uint32_t handle,
				uint8_t out[SIM_PSP_MEASURE_SIZE], uint32_t *size)
{
	struct sim_psp_guest *guest;
	struct sim_sev_measure measure;
	uint16_t status = find(psp, handle, &guest);

	if (status)
		return status;
	if (guest->state != SIM_PSP_LUPDATE)
		return SIM_SEV_INVALID_GUEST_STATE;
	if (*size < SIM_PSP_MEASURE_SIZE) {
		*size = SIM_PSP_MEASURE_SIZE;
		return SIM_SEV_INVALID_LEN;
	}
	EVP_DigestFinal_ex(guest->hash, guest->ld, NULL);
	measure = (struct sim_sev_measure){.api_major = psp->api_major,
					   .api_minor = psp->api_minor,
					   .build = psp->build,
					   .policy = guest->policy};
	memcpy(measure.tik, guest->tik, sizeof(measure.tik));
	memcpy(measure.ld, guest->ld, sizeof(measure.ld));
	/* A fresh nonce in each launch, that a test can foretell. */
	for (uint32_t i = 0; i < sizeof(measure.nonce); i++)
		measure.nonce[i] = (uint8_t)(0xd0 + i + guest->handle);
	sim_sev_measure_mac(&measure, guest->measure);
	memcpy(guest->measure + 32, measure.nonce, sizeof(measure.nonce));
	memcpy(out, guest->measure, SIM_PSP_MEASURE_SIZE);
	*size = SIM_PSP_MEASURE_SIZE;
	guest->state = SIM_PSP_LSECRET;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_launch_secret(struct sim_psp *psp, uint32_t handle, const uint8_t *header,
			       uint32_t header_size, const uint8_t *data, uint32_t data_size,
			       uint32_t guest_size)
{
	static const uint8_t one = 1;
	struct sim_psp_guest *guest;
	uint16_t status = find(psp, handle, &guest);
	uint8_t mac[32];

	if (status)
		return status;
	if (guest->state != SIM_PSP_LSECRET)
		return SIM_SEV_INVALID_GUEST_STATE;
	if (header_size != SIM_PSP_SECRET_HEADER || guest_size != data_size || guest_size % 16)
		return SIM_SEV_INVALID_LEN;
	/* 6.6: flags, IV, both lengths, the data and MEASURE; the header is flags 4, IV 16, MAC 32.
	 */
	sim_sev_hmac(guest->tik,
		     (const struct sim_piece[]){{&one, 1},
						{header, 4},
						{header + 4, 16},
						{&guest_size, 4},
						{&data_size, 4},
						{data, data_size},
						{guest->measure, 32}},
		     7, mac);
	if (memcmp(mac, header + 20, sizeof(mac)) != 0)
		return SIM_SEV_BAD_MEASUREMENT;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_launch_finish(struct sim_psp *psp, uint32_t handle)
{
	struct sim_psp_guest *guest;
	uint16_t status = find(psp, handle, &guest);

	if (status)
		return status;
	if (guest->state != SIM_PSP_LSECRET)
		return SIM_SEV_INVALID_GUEST_STATE;
	guest->state = SIM_PSP_RUNNING;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_report(struct sim_psp *psp, uint32_t handle, const uint8_t nonce[16],
			uint8_t out[SIM_PSP_REPORT_SIZE], uint32_t *size)
{
	struct sim_psp_guest *guest;
	uint16_t status = find(psp, handle, &guest);

	if (status)
		return status;
	if (*size < SIM_PSP_REPORT_SIZE) {
		*size = SIM_PSP_REPORT_SIZE;
		return SIM_SEV_INVALID_LEN;
	}
	memset(out, 0, SIM_PSP_REPORT_SIZE);
	memcpy(out, nonce, 16);
	memcpy(out + 16, guest->ld, sizeof(guest->ld));
	*size = SIM_PSP_REPORT_SIZE;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_debug(struct sim_psp *psp, uint32_t handle)
{
	struct sim_psp_guest *guest;
	uint16_t status = find(psp, handle, &guest);

	if (status)
		return status;
	if (guest->policy & SIM_PSP_POLICY_NODBG)
		return SIM_SEV_POLICY_FAILURE;
	return guest->asid ? SIM_SEV_SUCCESS : SIM_SEV_INACTIVE;
}
