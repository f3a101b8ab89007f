/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/loader_vcpu.h"

#include "base/error.h"
#include "base/range.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>

/*
 * The window: a slot of shared memory. Its first pages hold the code and the
 * page tables, the rest is filled with as much of a run as fits, again and again.
 */
#define WINDOW_CODE   0x0000u
#define WINDOW_PML4   0x1000u
#define WINDOW_PDPT   0x2000u
#define WINDOW_PD_LOW 0x3000u /* virtual 0: the window itself */
#define WINDOW_PD_TO  0x4000u /* virtual 1 GiB: where the copy goes */
#define WINDOW_DATA   0x5000u
#define WINDOW_SIZE   COCO_LOADER_VCPU_SCRATCH
#define DATA_SIZE     (WINDOW_SIZE - WINDOW_DATA)

#define GIB        (1ull << 30)
#define LARGE_PAGE 0x200000ull
#define VIRTUAL_TO GIB

/* Page table entries and control registers: Intel SDM volume 3, 4.5 and 2.5. */
#define PTE_PRESENT_WRITABLE_USED 0x63ull /* present, writable, accessed, dirty */
#define PTE_LARGE                 0x80ull
#define CR0_PE_ET_PG              0x80000011ull
#define CR4_PAE                   0x20ull
#define EFER_LME_LMA              0x500ull
#define RFLAGS_RESERVED           0x2ull
#define SEGMENT_CODE              11 /* execute, read, accessed */
#define SEGMENT_DATA              3  /* read, write, accessed */

/* By signals that are for others: more than that, and something is wrong. */
#define MAX_INTERRUPTIONS 1000

/* Any port will do: the loader is the only code that runs. */
#define DONE_PORT 0xed

static const unsigned char loader_code[] = {
	0x0f, 0x20,      0xd8, /* mov %cr3, %rax */
	0x0f, 0x22,      0xd8, /* mov %rax, %cr3: the last round's translations go */
	0xfc,                  /* cld */
	0xf3, 0x48,      0xa5, /* rep movsq */
	0xe6, DONE_PORT,       /* out %al, $DONE_PORT */
};

struct loader {
	const struct coco_launch *launch;
	unsigned char *window;
	uint64_t window_gpa;
	uint32_t slot; /* the window's slot number */
};

static uint64_t slots_end(const struct coco_launch *launch)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < launch->slot_count; i++)
		end = coco_max(end, launch->slots[i].gpa + launch->slots[i].size);
	return end;
}

static bool is_free(const struct coco_launch *launch, uint64_t gpa)
{
	for (uint32_t i = 0; i < launch->slot_count; i++)
		if (coco_ranges_overlap(gpa, WINDOW_SIZE, launch->slots[i].gpa,
					launch->slots[i].size))
			return false;
	return true;
}

/* A large page that no slot touches: above all memory, or else right behind some slot. */
static int place_window(struct loader *loader, struct coco_error *error)
{
	const struct coco_launch *launch = loader->launch;
	uint64_t gpa = coco_align_up(slots_end(launch), LARGE_PAGE);

	if (gpa + WINDOW_SIZE <= launch->gpa_end) {
		loader->window_gpa = gpa;
		return 0;
	}
	for (uint32_t i = 0; i < launch->slot_count; i++) {
		gpa = coco_align_up(launch->slots[i].gpa + launch->slots[i].size, LARGE_PAGE);
		if (gpa + WINDOW_SIZE <= launch->gpa_end && is_free(launch, gpa)) {
			loader->window_gpa = gpa;
			return 0;
		}
	}
	return coco_fail(error, -ENOSPC, COCO_STAGE_LOAD,
			 "guest memory leaves no 2 MiB of guest physical address space for "
			 "loading the image: leave a gap between its regions");
}

static int set_window_slot(const struct loader *loader, uint64_t size, struct coco_error *error)
{
	const struct uapi_memory_region2 region = {
		.slot = loader->slot,
		.guest_phys_addr = loader->window_gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)loader->window,
	};

	return coco_seam_set(loader->launch->seam, loader->launch->vm_fd,
			     UAPI_SET_USER_MEMORY_REGION2, &region, COCO_STAGE_LOAD, error);
}

static void set_entry(struct loader *loader, uint32_t table, uint32_t index, uint64_t entry)
{
	memcpy(loader->window + table + index * sizeof(entry), &entry, sizeof(entry));
}

static void fill_window(struct loader *loader)
{
	const uint64_t base = loader->window_gpa | PTE_PRESENT_WRITABLE_USED;

	memcpy(loader->window + WINDOW_CODE, loader_code, sizeof(loader_code));
	set_entry(loader, WINDOW_PML4, 0, base + WINDOW_PDPT);
	set_entry(loader, WINDOW_PDPT, 0, base + WINDOW_PD_LOW);
	set_entry(loader, WINDOW_PDPT, VIRTUAL_TO / GIB, base + WINDOW_PD_TO);
	set_entry(loader, WINDOW_PD_LOW, 0, base | PTE_LARGE);
}

static int enter_long_mode(const struct loader *loader, struct coco_error *error)
{
	const struct kvm_segment data = {
		.limit = UINT32_MAX,
		.selector = 16,
		.type = SEGMENT_DATA,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};
	const struct coco_launch *launch = loader->launch;
	struct kvm_sregs sregs;
	int r;

	r = coco_seam_get(launch->seam, launch->vcpu_fds[0], KVM_GET_SREGS, &sregs, COCO_STAGE_LOAD,
			  error);
	if (r)
		return r;
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = data;
	sregs.cs = data;
	sregs.cs.selector = 8;
	sregs.cs.type = SEGMENT_CODE;
	sregs.cs.db = 0;
	sregs.cs.l = 1;
	sregs.cr0 = CR0_PE_ET_PG;
	sregs.cr3 = loader->window_gpa + WINDOW_PML4;
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LME_LMA;
	return coco_seam_set(launch->seam, launch->vcpu_fds[0], KVM_SET_SREGS, &sregs,
			     COCO_STAGE_LOAD, error);
}

/* Runs vCPU 0 until it leaves the guest for a reason of its own. */
static int run_vcpu(const struct loader *loader, struct coco_error *error)
{
	const struct coco_launch *launch = loader->launch;
	int r, tries = 0;

	do {
		r = launch->seam->ops->ioctl(launch->seam->context, launch->vcpu_fds[0], KVM_RUN,
					     0);
	} while ((r == -EINTR || r == -EAGAIN) && ++tries < MAX_INTERRUPTIONS);
	if (r < 0)
		return coco_fail_call(error, r, COCO_STAGE_LOAD, "KVM_RUN",
				      "copying the launch image into private memory");
	return 0;
}

/* The OUT is complete only once KVM_RUN was called again. */
static int complete_exit(const struct loader *loader, struct coco_error *error)
{
	const struct coco_launch *launch = loader->launch;
	struct kvm_run *run = launch->runs[0];
	int r;

	run->immediate_exit = 1;
	r = launch->seam->ops->ioctl(launch->seam->context, launch->vcpu_fds[0], KVM_RUN, 0);
	run->immediate_exit = 0;
	if (r != -EINTR)
		return coco_fail_call(error, r < 0 ? r : -EIO, COCO_STAGE_LOAD, "KVM_RUN",
				      "completing the loader's last instruction");
	return 0;
}

static int run_copy(struct loader *loader, uint64_t gpa, uint64_t size, struct coco_error *error)
{
	const struct coco_launch *launch = loader->launch;
	const uint64_t first_page = coco_align_down(gpa, LARGE_PAGE);
	const struct kvm_regs regs = {
		.rip = WINDOW_CODE,
		.rflags = RFLAGS_RESERVED,
		.rsi = WINDOW_DATA,
		.rdi = VIRTUAL_TO + (gpa - first_page),
		.rcx = size / sizeof(uint64_t),
	};
	const struct kvm_run *run = launch->runs[0];
	int r;

	/* At most WINDOW_SIZE bytes: never more than two large pages. */
	for (uint32_t i = 0; i < 2; i++)
		set_entry(loader, WINDOW_PD_TO, i,
			  (first_page + i * LARGE_PAGE) | PTE_PRESENT_WRITABLE_USED | PTE_LARGE);
	r = coco_seam_set(launch->seam, launch->vcpu_fds[0], KVM_SET_REGS, &regs, COCO_STAGE_LOAD,
			  error);
	if (!r)
		r = run_vcpu(loader, error);
	if (r)
		return r;
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != DONE_PORT)
		return coco_fail(error, -EIO, COCO_STAGE_LOAD,
				 "the loader left the guest with exit %" PRIu32
				 " instead of finishing its copy to 0x%" PRIx64,
				 run->exit_reason, gpa);
	return complete_exit(loader, error);
}

static int copy_run(struct loader *loader, const struct coco_image_run *run,
		    struct coco_error *error)
{
	const unsigned char *bytes = run->bytes;

	/* Pages of a new guest_memfd are zero. Shared ones are not in it. */
	if (!bytes || run->flags & COCO_RUN_SHARED)
		return 0;
	for (uint64_t done = 0; done < run->size;) {
		uint64_t size = coco_min(run->size - done, DATA_SIZE);
		int r;

		memcpy(loader->window + WINDOW_DATA, bytes + done, size);
		r = run_copy(loader, run->gpa + done, size, error);
		if (r)
			return r;
		done += size;
	}
	return 0;
}

static int copy_image(struct loader *loader, struct coco_error *error)
{
	const struct coco_image *image = loader->launch->image;
	int r = enter_long_mode(loader, error);

	for (uint32_t i = 0; !r && i < image->count; i++)
		r = copy_run(loader, &image->runs[i], error);
	return r;
}

int coco_loader_vcpu_copy(const struct coco_launch *launch, struct coco_error *error)
{
	struct loader loader = {
		.launch = launch,
		.window = launch->scratch,
		.slot = launch->slot_count,
	};
	int r, deleted;

	r = place_window(&loader, error);
	if (r)
		return r;
	fill_window(&loader);
	r = set_window_slot(&loader, WINDOW_SIZE, error);
	if (r)
		return r;
	r = copy_image(&loader, error);
	deleted = set_window_slot(&loader, 0, r ? NULL : error);
	return r ? r : deleted;
}
