/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A TDX guest's launch: the VM, the vCPUs, the image, the end. */
#include "backend/tdx.h"

#include "base/error.h"
#include "base/range.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/*
 * Sources of pages are page aligned: the scratch memory, filled again and again. KVM holds locks
 * of the whole VM for as long as a command takes.
 */
#define SCRATCH_SIZE 0x200000u
/* So often in a row INIT_MEM_REGION is tried again that has added no page. */
#define MAX_TRIES    64
#define TSC_UNIT_KHZ 25000u
/* A TD's timers count a crystal of 25 MHz (TDX module, CPUID leaf 0x15). */
#define BUS_CYCLE_NS 40

static const struct coco_tdx_step init_vm_step = {
	UAPI_TDX_INIT_VM,
	COCO_STAGE_CREATE,
	"KVM_TDX_INIT_VM",
	"getting the guest a key",
};
static const struct coco_tdx_step init_vcpu_step = {
	UAPI_TDX_INIT_VCPU,
	COCO_STAGE_CREATE,
	"KVM_TDX_INIT_VCPU",
	"making a vCPU the module's",
};
static const struct coco_tdx_step add_pages_step = {
	UAPI_TDX_INIT_MEM_REGION,
	COCO_STAGE_LOAD,
	"KVM_TDX_INIT_MEM_REGION",
	"adding pages of the launch image",
};
static const struct coco_tdx_step finalize_step = {
	UAPI_TDX_FINALIZE_VM,
	COCO_STAGE_SEAL,
	"KVM_TDX_FINALIZE_VM",
	"ending the launch",
};

/*
 * The module cuts the frequency to a multiple of its unit, and KVM does not: both get the same.
 * Without an answer KVM's own stays.
 */
static int set_tsc(const struct coco_launch *launch, struct coco_error *error)
{
	const struct coco_tdx_config *config = launch->config;
	uint32_t khz = config->options.tsc_khz;
	int host;

	if (!khz) {
		host = coco_seam_ioctl(launch->seam, launch->vm_fd, KVM_GET_TSC_KHZ, 0,
				       COCO_STAGE_CREATE, NULL);
		if (host <= 0 || !(host % TSC_UNIT_KHZ))
			return 0;
		khz = (uint32_t)host / TSC_UNIT_KHZ * TSC_UNIT_KHZ;
	}
	return coco_seam_ioctl(launch->seam, launch->vm_fd, KVM_SET_TSC_KHZ, khz, COCO_STAGE_CREATE,
			       error);
}

static int set_bus_cycle(const struct coco_launch *launch, struct coco_error *error)
{
	int r = coco_seam_check_extension(launch->seam, launch->vm_fd, UAPI_CAP_APIC_BUS_CYCLES_NS,
					  error);

	if (r <= 0)
		return r;
	return coco_seam_enable_cap(launch->seam, launch->vm_fd, UAPI_CAP_APIC_BUS_CYCLES_NS,
				    BUS_CYCLE_NS, error);
}

static int init_vm(const struct coco_launch *launch, struct coco_error *error)
{
	const struct coco_tdx_config *config = launch->config;
	uint64_t status;
	int r = set_tsc(launch, error);

	if (!r)
		r = set_bus_cycle(launch, error);
	if (r)
		return r;
	r = coco_tdx_try(launch->seam, launch->vm_fd, &init_vm_step, 0, (uintptr_t)config->init,
			 &status);
	return r ? coco_tdx_fail(&init_vm_step, r, status, error) : 0;
}

/* After the vCPU has its CPUID, in which KVM looks for x2APIC. Its RCX is an immediate. */
static int init_vcpu(const struct coco_launch *launch, uint32_t index, struct coco_error *error)
{
	uint64_t status;
	int r = coco_tdx_try(launch->seam, launch->vcpu_fds[index], &init_vcpu_step, 0,
			     coco_image_hob(launch->image), &status);

	return r ? coco_tdx_fail(&init_vcpu_step, r, status, error) : 0;
}

/* KVM tells in `region` how far it came: signals and locks end a command early. */
static int add_pages(const struct coco_launch *launch, struct uapi_tdx_init_mem_region *region,
		     uint32_t flags, uint64_t *status)
{
	unsigned int tries = 0;

	while (region->nr_pages) {
		const uint64_t left = region->nr_pages;
		int r = coco_tdx_try(launch->seam, launch->vcpu_fds[0], &add_pages_step, flags,
				     (uintptr_t)region, status);

		if (r && r != -EINTR && r != -EAGAIN && r != -EBUSY)
			return r;
		if (region->nr_pages > left)
			return -EPROTO;
		tries = region->nr_pages < left ? 0 : tries + 1;
		if (tries == MAX_TRIES)
			return r ? r : -EPROTO;
	}
	return 0;
}

static int fail_page(uint64_t gpa, int code, uint64_t status, struct coco_error *error)
{
	struct coco_tdx_step step = add_pages_step;
	char doing[64];

	snprintf(doing, sizeof(doing), "adding the launch image's page at 0x%" PRIx64, gpa);
	step.doing = doing;
	return coco_tdx_fail(&step, code, status, error);
}

static int load_run(const struct coco_launch *launch, const struct coco_image_run *run,
		    struct coco_error *error)
{
	const uint32_t flags = run->flags & COCO_RUN_UNMEASURED ? 0 : UAPI_TDX_MEASURE;
	const unsigned char *bytes = run->bytes;

	/* Pages of zeroes have a source, too. */
	if (!bytes)
		memset(launch->scratch, 0, coco_min(run->size, SCRATCH_SIZE));
	for (uint64_t done = 0; done < run->size;) {
		const uint64_t size = coco_min(run->size - done, SCRATCH_SIZE);
		struct uapi_tdx_init_mem_region region = {
			.source_addr = (uintptr_t)launch->scratch,
			.gpa = run->gpa + done,
			.nr_pages = size / COCO_PAGE_SIZE,
		};
		uint64_t status = 0;
		int r;

		if (bytes)
			memcpy(launch->scratch, bytes + done, size);
		r = add_pages(launch, &region, flags, &status);
		if (r)
			return fail_page(region.gpa, r, status, error);
		done += size;
	}
	return 0;
}

/* In the image's order, which is MRTD's. The rest of memory is the guest's to accept. */
static int load(const struct coco_launch *launch, struct coco_error *error)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < launch->image->count; i++) {
		const struct coco_image_run *run = &launch->image->runs[i];

		r = run->flags & COCO_RUN_SHARED ? coco_launch_copy_run(launch, run, error)
						 : load_run(launch, run, error);
	}
	return r;
}

static int seal(const struct coco_launch *launch, struct coco_error *error)
{
	uint64_t status;
	int r = coco_tdx_try(launch->seam, launch->vm_fd, &finalize_step, 0, 0, &status);

	return r ? coco_tdx_fail(&finalize_step, r, status, error) : 0;
}

/* Key ids: the host's (ENOSPC), or the cgroup's (EBUSY). */
static bool is_shortage(const struct coco_error *error)
{
	return !strcmp(error->call, init_vm_step.call) &&
	       (error->code == -ENOSPC || error->code == -EBUSY);
}

/* MRTD. KVM extends each page as soon as it has added it. */
static int predict(const struct coco_launch *launch, uint32_t flags, struct coco_digest **out,
		   struct coco_error *error)
{
	struct coco_measure_options options;

	COCO_INIT(&options);
	options.tech = COCO_TECH_TDX;
	options.flags = flags;
	return coco_measure_image(launch->image, &options, out, error);
}

const struct coco_backend coco_backend_tdx = {
	.tech = COCO_TECH_TDX,
	.page_kinds = COCO_PAGE_KINDS_BASIC,
	.name = "tdx",
	.vm_type = UAPI_VM_TYPE_TDX,
	.private_memory = true,
	.irqchips = 1u << COCO_IRQCHIP_SPLIT,
	.scratch_size = SCRATCH_SIZE,
	/* A MapGPA call: KVM takes 0, EINVAL and EAGAIN. */
	.conversion_refused = EINVAL,
	.probe = coco_tdx_probe,
	.configure = coco_tdx_configure,
	.free_config = coco_tdx_free_config,
	.configure_cpuid = coco_tdx_configure_cpuid,
	.add_firmware = coco_tdx_add_firmware,
	.check_igvm = coco_tdx_check_igvm,
	.predict = predict,
	.init_vm = init_vm,
	.init_vcpu = init_vcpu,
	.load = load,
	.seal = seal,
	.is_shortage = is_shortage,
	.serve_exit = coco_tdx_serve_exit,
};
