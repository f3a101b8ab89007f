/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SEV-SNP: KVM's commands SNP_LAUNCH_START, _UPDATE and _FINISH. */
#include "backend/sev.h"

#include "base/error.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Sources of pages are page aligned and writable: the scratch memory, filled again and again. */
#define SCRATCH_SIZE 0x200000u
/*
 * With a signal pending SNP_LAUNCH_UPDATE fails before it has done anything, in the same way as for
 * lasting reasons; when it returns, the signal is delivered. So often in a row it is tried again.
 */
#define MAX_TRIES 64

static const struct coco_sev_step launch_start = {
	UAPI_SNP_LAUNCH_START,
	COCO_STAGE_LOAD,
	"KVM_SEV_SNP_LAUNCH_START",
	"beginning the guest's launch",
};
static const struct coco_sev_step launch_update = {
	UAPI_SNP_LAUNCH_UPDATE,
	COCO_STAGE_LOAD,
	"KVM_SEV_SNP_LAUNCH_UPDATE",
	"encrypting pages of the launch image",
};
static const struct coco_sev_step launch_finish = {
	UAPI_SNP_LAUNCH_FINISH,
	COCO_STAGE_SEAL,
	"KVM_SEV_SNP_LAUNCH_FINISH",
	"encrypting the vCPUs' registers and ending the launch",
};

static int begin(const struct coco_launch *launch, struct coco_error *error)
{
	const struct coco_sev_config *config = launch->config;
	struct uapi_snp_launch_start start = {.policy = config->options.policy};

	memcpy(start.gosvw, config->options.gosvw, sizeof(start.gosvw));
	return coco_sev_run(launch, &launch_start, &start, error);
}

static uint8_t page_type(const struct coco_image_run *run)
{
	switch (run->kind) {
	case COCO_PAGE_SECRETS:
		return UAPI_SNP_PAGE_SECRETS;
	case COCO_PAGE_CPUID:
		return UAPI_SNP_PAGE_CPUID;
	default:
		if (run->flags & COCO_RUN_UNMEASURED)
			return UAPI_SNP_PAGE_UNMEASURED;
		return run->kind == COCO_PAGE_ZERO ? UAPI_SNP_PAGE_ZERO : UAPI_SNP_PAGE_NORMAL;
	}
}

/* KVM stops at the end of a slot and at signals, and tells in `update` how far it came. */
static int update_pages(const struct coco_launch *launch, struct uapi_snp_launch_update *update,
			uint32_t *status)
{
	unsigned int tries = 0;

	while (update->len) {
		const uint64_t left = update->len;
		int r = coco_sev_try(launch, &launch_update, update, status);

		if (r && (r != -EIO || *status || ++tries == MAX_TRIES))
			return r;
		if (update->len != left)
			tries = 0;
	}
	return 0;
}

static int fail_page(uint64_t gpa, int code, uint32_t status, struct coco_error *error)
{
	struct coco_sev_step step = launch_update;
	char doing[64];

	snprintf(doing, sizeof(doing), "encrypting the launch image's page at 0x%" PRIx64, gpa);
	step.doing = doing;
	return coco_sev_fail(&step, code, status, error);
}

static int load_cpuid(const struct coco_launch *launch, const struct coco_image_run *run,
		      struct coco_error *error)
{
	unsigned char *page = launch->scratch;
	unsigned char *submitted = page + COCO_PAGE_SIZE;
	struct uapi_snp_launch_update update = {
		.gfn_start = run->gpa / COCO_PAGE_SIZE,
		.uaddr = (uintptr_t)page,
		.len = COCO_PAGE_SIZE,
		.type = UAPI_SNP_PAGE_CPUID,
	};
	uint32_t status;
	int r = coco_snp_cpuid_fill(launch, page, error);

	if (r)
		return r;
	memcpy(submitted, page, COCO_PAGE_SIZE);
	r = update_pages(launch, &update, &status);
	if (r)
		return coco_snp_cpuid_refused(&launch_update, r, status, submitted, page, error);
	return 0;
}

static int load_run(const struct coco_launch *launch, const struct coco_image_run *run,
		    struct coco_error *error)
{
	const unsigned char *bytes = run->bytes;
	const uint8_t type = page_type(run);

	if (!bytes && type != UAPI_SNP_PAGE_ZERO)
		memset(launch->scratch, 0, coco_min(run->size, SCRATCH_SIZE));
	for (uint64_t done = 0; done < run->size;) {
		/* Pages of zeroes have no source. */
		const uint64_t size = type == UAPI_SNP_PAGE_ZERO
					      ? run->size
					      : coco_min(run->size - done, SCRATCH_SIZE);
		struct uapi_snp_launch_update update = {
			.gfn_start = (run->gpa + done) / COCO_PAGE_SIZE,
			.uaddr = type == UAPI_SNP_PAGE_ZERO ? 0 : (uintptr_t)launch->scratch,
			.len = size,
			.type = type,
		};
		uint32_t status;
		int r;

		if (bytes)
			memcpy(launch->scratch, bytes + done, size);
		r = update_pages(launch, &update, &status);
		if (r)
			return fail_page(update.gfn_start * COCO_PAGE_SIZE, r, status, error);
		done += size;
	}
	return 0;
}

static int load(const struct coco_launch *launch, struct coco_error *error)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < launch->image->count; i++) {
		const struct coco_image_run *run = &launch->image->runs[i];

		if (run->flags & COCO_RUN_SHARED)
			r = coco_launch_copy_run(launch, run, error);
		else if (run->kind == COCO_PAGE_CPUID)
			r = load_cpuid(launch, run, error);
		else
			r = load_run(launch, run, error);
	}
	return r;
}

static int seal(const struct coco_launch *launch, struct coco_error *error)
{
	const struct coco_sev_config *config = launch->config;
	const struct coco_sev_options *options = &config->options;
	const struct coco_snp_id id = coco_snp_find_id(launch);
	struct uapi_snp_launch_finish finish = {
		.id_block_uaddr = (uintptr_t)id.block,
		.id_auth_uaddr = (uintptr_t)id.auth,
		.id_block_en = id.block != NULL,
		.auth_key_en = id.author,
		.vcek_disabled = (uint8_t)options->vcek_disabled,
	};

	memcpy(finish.host_data, options->host_data, sizeof(finish.host_data));
	return coco_sev_run(launch, &launch_finish, &finish, error);
}

const struct coco_backend coco_backend_snp = {
	.tech = COCO_TECH_SNP,
	.page_kinds = COCO_PAGE_KINDS_BASIC | 1u << COCO_PAGE_SECRETS | 1u << COCO_PAGE_CPUID,
	.state_formats = 1u << COCO_VCPU_STATE_VMSA,
	.name = "snp",
	.vm_type = UAPI_VM_TYPE_SNP,
	.private_memory = true,
	.open_registers = true,
	.scratch_size = SCRATCH_SIZE,
	/* A page state change of the GHCB protocol: KVM takes 0, EINVAL and EAGAIN. */
	.conversion_refused = EINVAL,
	.probe = coco_snp_probe,
	.configure = coco_snp_configure,
	.free_config = coco_sev_free_config,
	.add_firmware = coco_snp_add_firmware,
	.check_igvm = coco_sev_check_igvm,
	.check_image = coco_sev_check_image,
	.predict = coco_snp_predict,
	.check = coco_snp_check_id_block,
	.init_vm = coco_snp_init_vm,
	.power_on = coco_sev_power_on,
	.begin = begin,
	.load = load,
	.seal = seal,
	.is_shortage = coco_sev_is_shortage,
	.serve_exit = coco_sev_serve_exit,
};
