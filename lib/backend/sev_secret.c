/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* LAUNCH_SECRET (SEV API, 6.6): what an owner has for a guest whose measurement is right. */
#include "backend/sev.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>

/* More is a callback that never says no. */
#define MAX_SECRETS 1024u

static const struct coco_sev_step launch_secret = {
	UAPI_SEV_LAUNCH_SECRET,
	COCO_STAGE_SEAL,
	"KVM_SEV_LAUNCH_SECRET",
	"sending the owner's secret",
};

static int find_place(const struct coco_launch *launch, const struct coco_sev_secret *secret,
		      uint32_t size, void **out, struct coco_error *error)
{
	struct coco_launch_piece piece;

	/* The slots end below this, so that nothing wraps behind it. */
	if (secret->gpa >= launch->gpa_end ||
	    coco_launch_find(launch, secret->gpa, size, &piece, NULL) || piece.size != size)
		return coco_fail_field(error, -EINVAL, "secret.gpa",
				       "a secret of %" PRIu32 " bytes at 0x%" PRIx64
				       " is not within one memory region",
				       size, secret->gpa);
	*out = piece.host;
	return 0;
}

static int send(const struct coco_launch *launch, const struct coco_sev_secret *secret,
		struct coco_error *error)
{
	const uint32_t size = secret->guest_size ? secret->guest_size : secret->payload_size;
	struct uapi_sev_launch_secret data = {
		.header_uaddr = (uintptr_t)secret->header,
		.header_len = COCO_SEV_SECRET_HEADER_SIZE,
		.guest_len = size,
		.payload_uaddr = (uintptr_t)secret->payload,
		.payload_len = secret->payload_size,
	};
	void *place = NULL;
	int r;

	if (!secret->header)
		return coco_fail_field(error, -EINVAL, "secret.header", "header is NULL");
	if (!secret->payload)
		return coco_fail_field(error, -EINVAL, "secret.payload", "payload is NULL");
	if (!secret->payload_size || secret->payload_size > COCO_SEV_BLOB_MAX)
		return coco_fail_field(error, -EINVAL, "secret.payload_size",
				       "%" PRIu32 " bytes: there are 1 to %u", secret->payload_size,
				       COCO_SEV_BLOB_MAX);
	r = find_place(launch, secret, size, &place, error);
	if (r)
		return r;
	data.guest_uaddr = (uintptr_t)place;
	return coco_sev_run(launch, &launch_secret, &data, error);
}

int coco_sev_send_secrets(const struct coco_launch *launch, struct coco_error *error)
{
	const struct coco_sev_config *config = launch->config;
	const struct coco_sev_options *options = &config->options;
	int r = 0;

	for (uint32_t i = 0; !r && options->secret; i++) {
		struct coco_sev_secret secret;

		COCO_INIT(&secret);
		r = options->secret(options->secret_payload, i, launch->result->measure,
				    launch->result->measure_size, &secret);
		if (!r)
			return 0;
		if (r < 0)
			return coco_fail(error, r, COCO_STAGE_SEAL,
					 "the VMM has no secret for a guest with this measurement "
					 "(its callback coco_sev_options::secret refused)");
		if (i == MAX_SECRETS)
			return coco_fail_field(error, -EINVAL, "secret",
					       "the callback gave more than %u secrets", i);
		r = send(launch, &secret, error);
	}
	return r;
}
