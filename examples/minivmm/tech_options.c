/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "tech_options.h"

#include <string.h>

#define BIT(tech)    (1u << (tech))
#define SNP          BIT(COCO_TECH_SNP)
#define TDX          BIT(COCO_TECH_TDX)
#define ALL_SEV      (SNP | BIT(COCO_TECH_SEV) | BIT(COCO_TECH_SEVES))
#define HOST_DATA    32u
#define TDX_DIGEST   COCO_TDX_DIGEST_SIZE
#define NO_BLOB_SIZE 0u

/* Whose options they are, and how many bytes they have. */
static const struct {
	const char *name;
	size_t offset; /* of the text in struct options */
	uint32_t techs;
	size_t size;
	const char *problem;
} rules[] = {
	{"id-block", offsetof(struct options, id_block), SNP, COCO_ID_BLOCK_SIZE,
	 "wants base64 of 96 bytes, and --tech snp"},
	{"id-auth", offsetof(struct options, id_auth), SNP, COCO_ID_AUTH_SIZE,
	 "wants base64 of 4096 bytes, and --tech snp"},
	{"host-data", offsetof(struct options, host_data), SNP, HOST_DATA,
	 "wants base64 of 32 bytes, and --tech snp"},
	{"mrconfigid", offsetof(struct options, mrconfigid), TDX, TDX_DIGEST,
	 "wants base64 of 48 bytes, and --tech tdx"},
	{"mrowner", offsetof(struct options, mrowner), TDX, TDX_DIGEST,
	 "wants base64 of 48 bytes, and --tech tdx"},
	{"mrownerconfig", offsetof(struct options, mrownerconfig), TDX, TDX_DIGEST,
	 "wants base64 of 48 bytes, and --tech tdx"},
	{"kernel", offsetof(struct options, kernel), ALL_SEV, NO_BLOB_SIZE,
	 "wants --tech snp, seves or sev: others measure no kernel"},
	{"initrd", offsetof(struct options, initrd), ALL_SEV, NO_BLOB_SIZE,
	 "wants --tech snp, seves or sev: others measure no kernel"},
	{"append", offsetof(struct options, append), ALL_SEV, NO_BLOB_SIZE,
	 "wants --tech snp, seves or sev: others measure no kernel"},
};

static const char *text_of(const struct options *options, size_t offset)
{
	return *(const char *const *)((const char *)options + offset);
}

const char *tech_options_check(const struct options *options, const char **name)
{
	uint8_t bytes[COCO_ID_AUTH_SIZE];

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *text = text_of(options, rules[i].offset);

		*name = rules[i].name;
		if (text && !(rules[i].techs & BIT(options->tech)))
			return rules[i].problem;
		if (text && rules[i].size && coco_base64_decode(text, bytes, rules[i].size, NULL))
			return rules[i].problem;
	}
	*name = "policy";
	if (options->policy && !(ALL_SEV & BIT(options->tech)))
		return "wants --tech snp, seves or sev";
	*name = "id-auth";
	if (!options->id_block != !options->id_auth)
		return "and --id-block are given together";
	*name = "kernel";
	if ((options->initrd || options->append) && !options->kernel)
		return "is required with --initrd and --append";
	return NULL;
}

static void decode(const char *text, uint8_t *out, size_t size)
{
	/* It was checked: tech_options_check() is part of reading the command line. */
	if (text && coco_base64_decode(text, out, size, NULL))
		memset(out, 0, size);
}

static const void *make_sev(const struct options *options, struct tech_options *out)
{
	struct coco_sev_options *sev = &out->sev;

	COCO_INIT(sev);
	sev->policy = options->policy;
	decode(options->host_data, sev->host_data, sizeof(sev->host_data));
	if (options->id_block) {
		decode(options->id_block, out->id_block, sizeof(out->id_block));
		decode(options->id_auth, out->id_auth, sizeof(out->id_auth));
		sev->id_block = out->id_block;
		sev->id_auth = out->id_auth;
		sev->auth_key_en = options->author_key;
	}
	return sev;
}

static const void *make_tdx(const struct options *options, struct tech_options *out)
{
	struct coco_tdx_options *tdx = &out->tdx;

	COCO_INIT(tdx);
	decode(options->mrconfigid, tdx->mrconfigid, sizeof(tdx->mrconfigid));
	decode(options->mrowner, tdx->mrowner, sizeof(tdx->mrowner));
	decode(options->mrownerconfig, tdx->mrownerconfig, sizeof(tdx->mrownerconfig));
	return tdx;
}

const void *tech_options_make(const struct options *options, uint32_t tech,
			      struct tech_options *out)
{
	memset(out, 0, sizeof(*out));
	if (ALL_SEV & BIT(tech))
		return make_sev(options, out);
	if (TDX & BIT(tech))
		return make_tdx(options, out);
	return NULL;
}
