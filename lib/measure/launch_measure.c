/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* LAUNCH_MEASURE of SEV and SEV-ES (SEV API, 6.5.2): what binds the launch digest to its owner. */
#include <cocoreset/measure.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define MEASURE_SIZE    32u
#define CONTEXT_MEASURE 0x04u

enum {
	MESSAGE_API_MAJOR = 1,
	MESSAGE_API_MINOR = 2,
	MESSAGE_BUILD = 3,
	MESSAGE_POLICY = 4,
	MESSAGE_DIGEST = 8,
	MESSAGE_MNONCE = 40,
	MESSAGE_SIZE = 56,
};

static void write_message(const struct coco_launch_measure *input, unsigned char *message)
{
	message[0] = CONTEXT_MEASURE;
	message[MESSAGE_API_MAJOR] = input->api_major;
	message[MESSAGE_API_MINOR] = input->api_minor;
	message[MESSAGE_BUILD] = input->build;
	coco_put_le32(message + MESSAGE_POLICY, input->policy);
	memcpy(message + MESSAGE_DIGEST, input->launch_digest, sizeof(input->launch_digest));
	memcpy(message + MESSAGE_MNONCE, input->mnonce, sizeof(input->mnonce));
}

static int hmac(const unsigned char *key, size_t key_size, const unsigned char *message,
		unsigned char *out, struct coco_error *error)
{
	char name[] = "SHA2-256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = algorithm ? EVP_MAC_CTX_new(algorithm) : NULL;
	size_t size = 0;
	int done = context && EVP_MAC_init(context, key, key_size, parameters) &&
		   EVP_MAC_update(context, message, MESSAGE_SIZE) &&
		   EVP_MAC_final(context, out, &size, MEASURE_SIZE);

	EVP_MAC_CTX_free(context);
	EVP_MAC_free(algorithm);
	if (!done || size != MEASURE_SIZE)
		return coco_fail(error, -EIO, COCO_STAGE_ARGUMENT,
				 "libcrypto can't make an HMAC with SHA-256");
	return 0;
}

int coco_measure_launch_measure(const struct coco_launch_measure *input, void *out,
				struct coco_error *error)
{
	unsigned char message[MESSAGE_SIZE], result[MEASURE_SIZE];
	struct coco_launch_measure given;
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = coco_options_read(&given, sizeof(given), input,
			      COCO_END_OF(struct coco_launch_measure, tik), "input", error);
	if (r)
		return r;
	write_message(&given, message);
	r = hmac(given.tik, sizeof(given.tik), message, result, error);
	if (!r) {
		memcpy(out, result, sizeof(result));
		memcpy((unsigned char *)out + sizeof(result), given.mnonce, sizeof(given.mnonce));
	}
	OPENSSL_cleanse(given.tik, sizeof(given.tik));
	return r;
}
