/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/tdx.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>

/* So often in a row a command is tried again that asks for it. */
#define MAX_TRIES 64

/*
 * Which failures have left everything as it was, and may be over by the next try. INIT_VM: the
 * processor is short of entropy. FINALIZE_VM: the module is busy; EBUSY of INIT_VM lasts: key ids
 * are given back by guests that go. INIT_MEM_REGION has its own rules (tdx_launch.c).
 */
static bool worth_another_try(uint32_t id, int code)
{
	switch (id) {
	case UAPI_TDX_INIT_VM:
		return code == -EAGAIN;
	case UAPI_TDX_FINALIZE_VM:
		return code == -EBUSY;
	default:
		return false;
	}
}

int coco_tdx_try(struct coco_seam *seam, int fd, const struct coco_tdx_step *step, uint32_t flags,
		 uint64_t data, uint64_t *status)
{
	unsigned int tries = 0;
	int r;

	do {
		/* hw_error has to be 0, and KVM writes it only at times. */
		struct uapi_tdx_command command = {.id = step->id, .flags = flags, .data = data};

		r = seam->ops->ioctl(seam->context, fd, KVM_MEMORY_ENCRYPT_OP, (uintptr_t)&command);
		*status = r ? command.hw_error : 0;
	} while (r < 0 && worth_another_try(step->id, r) && ++tries < MAX_TRIES);
	return r < 0 ? r : 0;
}

static const char *init_vm_advice(int code)
{
	switch (code) {
	case -ENOSPC:
		return "all key ids are taken: tear another guest down first (a VM that something "
		       "keeps alive keeps its key id)";
	case -EBUSY:
		return "the cgroup's misc.max for tdx is reached: raise it, or tear another guest "
		       "down first (a VM that something keeps alive counts)";
	case -EAGAIN:
		return "the processor is short of entropy: try again";
	case -EINVAL:
		return "KVM does not take the attributes, XFAM, width of addresses or CPUID, or "
		       "the cgroup has no key ids (misc.capacity)";
	case -EIO:
		return "the module failed, or a processor package has no CPU online: see the "
		       "kernel's log";
	default:
		return "see the kernel's log";
	}
}

static const char *region_advice(int code)
{
	switch (code) {
	case -EINTR:
		return "signals keep coming, so that no page was added";
	case -EINVAL:
		return "KVM sees no private memory there";
	case -EFAULT:
		return "its source or its guest_memfd is not there any more";
	case -EHWPOISON:
		return "the memory for it is defective: see the kernel's log";
	case -ENOMEM:
		return "the host is out of memory";
	case -EIO:
		return "the page is there already, or the module failed: see the kernel's log";
	default:
		return "the module was not asked";
	}
}

static const char *errno_advice(uint32_t id, int code)
{
	switch (id) {
	case UAPI_TDX_INIT_VM:
		return init_vm_advice(code);
	case UAPI_TDX_INIT_VCPU:
		return code == -EINVAL
			       ? "KVM wants x2APIC in the vCPU's CPUID, and did not see it"
			       : "the module failed, or a signal came: see the kernel's log";
	case UAPI_TDX_INIT_MEM_REGION:
		return region_advice(code);
	default:
		return "the module was not asked, or failed: see the kernel's log";
	}
}

int coco_tdx_fail(const struct coco_tdx_step *step, int code, uint64_t status,
		  struct coco_error *error)
{
	if (!status)
		return coco_fail_call(error, code, step->stage, step->call, "%s: %s", step->doing,
				      errno_advice(step->id, code));
	coco_fail_call(error, code, step->stage, step->call,
		       "%s: module status 0x%016" PRIx64 " %s%s, %s", step->doing, status,
		       coco_tdx_status_name(status), coco_tdx_status_operand(status),
		       coco_tdx_status_advice(status));
	if (error)
		error->status = status;
	return code;
}
