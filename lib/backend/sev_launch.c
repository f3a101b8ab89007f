/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SEV and SEV-ES: ordinary guest memory that KVM pins, and that LAUNCH_UPDATE_DATA encrypts in
 * place. Which memory is private later on is the guest's own affair (the C-bit of its page tables).
 */
#include "backend/sev.h"

#include "base/error.h"
#include "base/range.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

/* How much to encrypt in one call: its length has 32 bits, and KVM pins it for so long. */
#define UPDATE_MAX 0x10000000u

static const struct coco_sev_step launch_start = {
	UAPI_SEV_LAUNCH_START,
	COCO_STAGE_LOAD,
	"KVM_SEV_LAUNCH_START",
	"beginning the guest's launch",
};
static const struct coco_sev_step update_data = {
	UAPI_SEV_LAUNCH_UPDATE_DATA,
	COCO_STAGE_LOAD,
	"KVM_SEV_LAUNCH_UPDATE_DATA",
	"encrypting the launch image",
};
static const struct coco_sev_step update_vmsa = {
	UAPI_SEV_LAUNCH_UPDATE_VMSA,
	COCO_STAGE_SEAL,
	"KVM_SEV_LAUNCH_UPDATE_VMSA",
	"encrypting the vCPUs' registers",
};
static const struct coco_sev_step launch_measure = {
	UAPI_SEV_LAUNCH_MEASURE,
	COCO_STAGE_SEAL,
	"KVM_SEV_LAUNCH_MEASURE",
	"reading the launch measurement",
};
static const struct coco_sev_step launch_finish = {
	UAPI_SEV_LAUNCH_FINISH,
	COCO_STAGE_SEAL,
	"KVM_SEV_LAUNCH_FINISH",
	"ending the launch",
};

/* Encrypted pages can't be moved: their encryption depends on where they are. */
static int pin(const struct coco_launch *launch, const struct coco_launch_slot *slot,
	       struct coco_error *error)
{
	const struct kvm_enc_region region = {
		.addr = (uintptr_t)slot->host,
		.size = slot->size,
	};
	int r = launch->seam->ops->ioctl(launch->seam->context, launch->vm_fd,
					 KVM_MEMORY_ENCRYPT_REG_REGION, (uintptr_t)&region);

	if (r == -ENOMEM)
		return coco_fail_call(
			error, r, COCO_STAGE_LOAD, "KVM_MEMORY_ENCRYPT_REG_REGION",
			"pinning 0x%" PRIx64 " bytes of guest memory: raise "
			"RLIMIT_MEMLOCK (ulimit -l) above the guest's memory, or free "
			"host memory",
			slot->size);
	if (r < 0)
		return coco_fail_call(error, r, COCO_STAGE_LOAD, "KVM_MEMORY_ENCRYPT_REG_REGION",
				      "pinning 0x%" PRIx64 " bytes of guest memory", slot->size);
	return 0;
}

static int begin(const struct coco_launch *launch, struct coco_error *error)
{
	const struct coco_sev_config *config = launch->config;
	const struct coco_sev_options *options = &config->options;
	struct uapi_sev_launch_start start = {
		.policy = (uint32_t)options->policy,
		.dh_uaddr = (uintptr_t)options->dh_cert,
		.dh_len = options->dh_cert_size,
		.session_uaddr = (uintptr_t)options->session,
		.session_len = options->session_size,
	};

	return coco_sev_run(launch, &launch_start, &start, error);
}

static int encrypt(const struct coco_launch *launch, void *host, uint64_t size,
		   struct coco_error *error)
{
	int r = 0;

	for (uint64_t done = 0; !r && done < size;) {
		struct uapi_sev_buffer data = {
			.uaddr = (uintptr_t)host + done,
			.len = (uint32_t)coco_min(size - done, UPDATE_MAX),
		};

		done += data.len;
		r = coco_sev_run(launch, &update_data, &data, error);
	}
	return r;
}

static int encrypt_run(const struct coco_launch *launch, const struct coco_image_run *run,
		       struct coco_error *error)
{
	int r = 0;

	if (run->flags & COCO_RUN_SHARED)
		return 0;
	for (uint64_t done = 0; !r && done < run->size;) {
		struct coco_launch_piece piece;

		r = coco_launch_find(launch, run->gpa + done, run->size - done, &piece, error);
		if (r)
			return r;
		r = encrypt(launch, piece.host, piece.size, error);
		done += piece.size;
	}
	return r;
}

/* Pinned only now: emptying memory would have replaced the pages. */
static int load(const struct coco_launch *launch, struct coco_error *error)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < launch->slot_count; i++)
		r = pin(launch, &launch->slots[i], error);
	for (uint32_t i = 0; !r && i < launch->image->count; i++)
		r = encrypt_run(launch, &launch->image->runs[i], error);
	return r;
}

static int finish(const struct coco_launch *launch, struct coco_error *error)
{
	struct coco_launch_result *result = launch->result;
	struct uapi_sev_buffer measure = {
		.uaddr = (uintptr_t)result->measure,
		.len = COCO_LAUNCH_MEASURE_SIZE,
	};
	int r;

	static_assert(sizeof(result->measure) >= COCO_LAUNCH_MEASURE_SIZE, "room for it");
	r = coco_sev_run(launch, &launch_measure, &measure, error);
	if (r)
		return r;
	result->measure_size = coco_min(measure.len, sizeof(result->measure));
	r = coco_sev_check_measure(launch, error);
	if (!r)
		r = coco_sev_send_secrets(launch, error);
	return r ? r : coco_sev_run(launch, &launch_finish, NULL, error);
}

static int seal_sev(const struct coco_launch *launch, struct coco_error *error)
{
	return finish(launch, error);
}

static int seal_seves(const struct coco_launch *launch, struct coco_error *error)
{
	int r = coco_sev_run(launch, &update_vmsa, NULL, error);

	return r ? r : finish(launch, error);
}

const struct coco_backend coco_backend_sev = {
	.tech = COCO_TECH_SEV,
	.page_kinds = COCO_PAGE_KINDS_BASIC | 1u << COCO_PAGE_PART,
	.state_formats = 1u << COCO_VCPU_STATE_NATIVE,
	.measures_all = true,
	.name = "sev",
	.vm_type = UAPI_VM_TYPE_SEV,
	.open_registers = true,
	.shared_image = true,
	.loads_shared = true,
	.probe = coco_sev_probe,
	.configure = coco_sev_configure,
	.free_config = coco_sev_free_config,
	.add_firmware = coco_sev_add_firmware,
	.check_igvm = coco_sev_check_igvm,
	.predict = coco_sev_predict,
	.choose_vm_type = coco_sev_vm_type,
	.init_vm = coco_sev_init_vm,
	.begin = begin,
	.load = load,
	.seal = seal_sev,
	.is_shortage = coco_sev_is_shortage,
};

const struct coco_backend coco_backend_seves = {
	.tech = COCO_TECH_SEVES,
	.page_kinds = COCO_PAGE_KINDS_BASIC | 1u << COCO_PAGE_PART,
	.state_formats = 1u << COCO_VCPU_STATE_VMSA,
	.measures_all = true,
	.name = "seves",
	.vm_type = UAPI_VM_TYPE_SEVES,
	.open_registers = true,
	.shared_image = true,
	.loads_shared = true,
	.probe = coco_seves_probe,
	.configure = coco_seves_configure,
	.free_config = coco_sev_free_config,
	.add_firmware = coco_seves_add_firmware,
	.check_igvm = coco_sev_check_igvm,
	.check_image = coco_sev_check_image,
	.predict = coco_seves_predict,
	.choose_vm_type = coco_sev_vm_type,
	.init_vm = coco_seves_init_vm,
	.power_on = coco_sev_power_on,
	.begin = begin,
	.load = load,
	.seal = seal_seves,
	.is_shortage = coco_sev_is_shortage,
	.serve_exit = coco_sev_serve_exit,
};
