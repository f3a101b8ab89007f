/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "tdx_platform.h"

#include "notes.h"

#include "kvm/uapi.h"
#include "kvm/uapi_tdx.h"

#include <check.h>
#include <errno.h>
#include <string.h>

/* To the log. */
#define note(tdx, ...) notes_add((tdx)->log, sizeof((tdx)->log), &(tdx)->used, __VA_ARGS__)

static int capabilities(const struct tdx_platform *tdx, struct uapi_tdx_capabilities *out)
{
	/* The room that is needed is not told. */
	if (out->nent < tdx->leaf_count)
		return -E2BIG;
	out->supported_attrs = tdx->attributes;
	out->supported_xfam = tdx->xfam;
	out->kernel_tdvmcallinfo_1_r11 = 0x100;
	out->user_tdvmcallinfo_1_r11 = tdx->user_calls;
	memcpy(out->entries, tdx->leaves, tdx->leaf_count * sizeof(tdx->leaves[0]));
	out->nent = tdx->leaf_count;
	return 0;
}

/* kvm_find_cpuid_entry2() */
static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid_entry2 *entries, uint32_t count,
					   uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < count; i++)
		if (entries[i].function == function &&
		    (!(entries[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		     entries[i].index == index))
			return &entries[i];
	return NULL;
}

/* As setup_tdparams_cpuids() of Linux 7.2 does it. */
static int take_cpuid(struct tdx_platform *tdx, const struct uapi_tdx_init_vm *init)
{
	const struct kvm_cpuid_entry2 *addresses = find(init->entries, init->nent, 0x80000008, 0);
	uint32_t used = 0;

	if (addresses == NULL ||
	    ((addresses->eax >> 16 & 0xff) != 48 && (addresses->eax >> 16 & 0xff) != 52))
		return -EINVAL;
	tdx->told_count = tdx->leaf_count;
	for (uint32_t i = 0; i < tdx->leaf_count; i++) {
		const struct kvm_cpuid_entry2 *leaf = &tdx->leaves[i];
		const struct kvm_cpuid_entry2 *entry =
			find(init->entries, init->nent, leaf->function, leaf->index);

		tdx->told[i] =
			(struct kvm_cpuid_entry2){.function = leaf->function, .index = leaf->index};
		if (entry == NULL)
			continue;
		used++;
		tdx->told[i].eax = entry->eax;
		tdx->told[i].ebx = entry->ebx;
		tdx->told[i].ecx = entry->ecx;
		tdx->told[i].edx = entry->edx;
		/* HLE, RTM and WAITPKG; then the module: what can't be chosen. */
		if (leaf->function == 7 && leaf->index == 0 &&
		    ((entry->ebx & (1u << 4 | 1u << 11)) != 0 || (entry->ecx & 1u << 5) != 0))
			return -EINVAL;
		if ((entry->eax & ~leaf->eax) != 0 || (entry->ebx & ~leaf->ebx) != 0 ||
		    (entry->ecx & ~leaf->ecx) != 0 || (entry->edx & ~leaf->edx) != 0)
			return -EINVAL;
	}
	return used == init->nent ? 0 : -EINVAL;
}

static int init_vm(struct tdx_platform *tdx, const struct uapi_tdx_init_vm *init)
{
	for (size_t i = 0; i < sizeof(init->reserved) / sizeof(init->reserved[0]); i++)
		if (init->reserved[i] != 0)
			return -EINVAL;
	if (init->padding != 0 || (init->attributes & ~tdx->attributes) != 0 ||
	    (init->xfam & ~tdx->xfam) != 0)
		return -EINVAL;
	note(tdx, " attributes=0x%llx xfam=0x%llx gpaw=%u", (unsigned long long)init->attributes,
	     (unsigned long long)init->xfam,
	     find(init->entries, init->nent, 0x80000008, 0)->eax >> 16 & 0xff);
	tdx->mrconfigid = init->mrconfigid[0];
	tdx->mrowner = init->mrowner[0];
	tdx->mrownerconfig = init->mrownerconfig[0];
	tdx->initialized = true;
	tdx->final = false;
	tdx->vcpus = 0;
	tdx->pages = 0;
	return take_cpuid(tdx, init);
}

static int add_pages(struct tdx_platform *tdx, const struct uapi_tdx_command *command)
{
	struct uapi_tdx_init_mem_region *region =
		(struct uapi_tdx_init_mem_region *)(uintptr_t)command->data; /* NOLINT */
	uint64_t pages = region->nr_pages;
	int rc = 0;

	if (tdx->vcpus == 0 || tdx->final || region->source_addr == 0 ||
	    region->source_addr % 4096 != 0 || region->gpa % 4096 != 0 || pages == 0) {
		tdx->wrong = true;
		return -EINVAL;
	}
	if (tdx->pages_at_once != 0 && pages > tdx->pages_at_once) {
		pages = tdx->pages_at_once;
		rc = -tdx->page_errno;
	}
	note(tdx, " gpa=0x%llx pages=%llu%s", (unsigned long long)region->gpa,
	     (unsigned long long)pages,
	     (command->flags & UAPI_TDX_MEASURE) != 0 ? " measured" : "");
	for (uint64_t i = 0; i < pages; i++) {
		const unsigned char *bytes =
			(const unsigned char *)(uintptr_t)(region->source_addr + i * 4096);

		tdx->page[tdx->pages++ % sizeof(tdx->page)] = bytes[0];
		if (tdx->added != NULL)
			tdx->added(tdx->added_payload, region->gpa + i * 4096, bytes,
				   (command->flags & UAPI_TDX_MEASURE) != 0);
	}
	region->source_addr += pages * 4096;
	region->gpa += pages * 4096;
	region->nr_pages -= pages;
	return rc;
}

static const char *name_of(uint32_t id)
{
	static const char *const names[] = {
		"KVM_TDX_CAPABILITIES",    "KVM_TDX_INIT_VM",     "KVM_TDX_INIT_VCPU",
		"KVM_TDX_INIT_MEM_REGION", "KVM_TDX_FINALIZE_VM",
	};

	return id < sizeof(names) / sizeof(names[0]) ? names[id] : "unknown";
}

static int carry_out(struct tdx_platform *tdx, int fd, const struct uapi_tdx_command *command)
{
	switch (command->id) {
	case UAPI_TDX_INIT_VM:
		return init_vm(tdx, (const void *)(uintptr_t)command->data); /* NOLINT */
	case UAPI_TDX_INIT_VCPU:
		if (!tdx->initialized || tdx->final || tdx->cpuid_fd != fd)
			return -EINVAL;
		tdx->vcpus++;
		note(tdx, " rcx=0x%llx", (unsigned long long)command->data);
		return 0;
	case UAPI_TDX_INIT_MEM_REGION:
		return add_pages(tdx, command);
	case UAPI_TDX_FINALIZE_VM:
		if (!tdx->initialized || tdx->final)
			return -EINVAL;
		tdx->final = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static bool fails(struct tdx_platform *tdx, struct uapi_tdx_command *command)
{
	if (tdx->fail_nth == 0 || --tdx->fail_nth != 0)
		return false;
	if (tdx->fail_count != 0) {
		tdx->fail_count--;
		tdx->fail_nth = 1;
	}
	tdx->failed = name_of(command->id);
	if (command->id == UAPI_TDX_INIT_VM || command->id == UAPI_TDX_FINALIZE_VM)
		command->hw_error = tdx->fail_status;
	return true;
}

static int run_command(struct tdx_platform *tdx, int fd, struct uapi_tdx_command *command)
{
	int rc;

	if (command->hw_error != 0 ||
	    (command->flags != 0 && command->id != UAPI_TDX_INIT_MEM_REGION))
		tdx->wrong = true;
	if (command->id == UAPI_TDX_CAPABILITIES)
		return capabilities(tdx, (void *)(uintptr_t)command->data); /* NOLINT */
	if (fails(tdx, command))
		return -tdx->fail_errno;
	note(tdx, "%s", name_of(command->id));
	rc = carry_out(tdx, fd, command);
	note(tdx, rc != 0 ? " failed\n" : "\n");
	return rc;
}

static int enable_cap(struct tdx_platform *tdx, int fd, uintptr_t argument)
{
	const struct kvm_enable_cap *cap = (const struct kvm_enable_cap *)argument; /* NOLINT */

	tdx->split_irqchip |= cap->cap == KVM_CAP_SPLIT_IRQCHIP;
	if (cap->cap != UAPI_CAP_APIC_BUS_CYCLES_NS)
		return forward_ioctl(tdx, fd, KVM_ENABLE_CAP, argument);
	note(tdx, "bus cycle %llu ns\n", (unsigned long long)cap->args[0]);
	return 0;
}

static void see_cpuid(struct tdx_platform *tdx, int fd, const struct kvm_cpuid2 *cpuid)
{
	const struct kvm_cpuid_entry2 *features = find(cpuid->entries, cpuid->nent, 1, 0);
	const struct kvm_cpuid_entry2 *kvm = find(cpuid->entries, cpuid->nent, 0x40000001, 0);
	const struct kvm_cpuid_entry2 *addresses = find(cpuid->entries, cpuid->nent, 0x80000008, 0);

	tdx->cpuid_fd = features != NULL && (features->ecx & 1u << 21) != 0 ? fd : -1;
	tdx->cpuid_kvm = kvm != NULL ? kvm->eax : 0;
	tdx->cpuid_width = addresses != NULL ? addresses->eax >> 16 & 0xff : 0;
}

static int op_ioctl(void *context, int fd, unsigned long request, uintptr_t argument)
{
	struct tdx_platform *tdx = context;

	switch (request) {
	case KVM_CREATE_VM:
		tdx->split_irqchip = tdx->initialized = tdx->final = false;
		return forward_ioctl(context, fd, request, argument);
	case KVM_CREATE_VCPU:
		if (!tdx->initialized || !tdx->split_irqchip)
			return tdx->initialized ? -EINVAL : -EIO;
		return forward_ioctl(context, fd, request, argument);
	case KVM_SET_CPUID2:
		see_cpuid(tdx, fd, (const void *)argument); /* NOLINT */
		return forward_ioctl(context, fd, request, argument);
	case KVM_GET_TSC_KHZ:
		return (int)tdx->tsc_khz;
	case KVM_SET_TSC_KHZ:
		note(tdx, "tsc %llu kHz\n", (unsigned long long)argument);
		return 0;
	case KVM_ENABLE_CAP:
		return enable_cap(tdx, fd, argument);
	case KVM_MEMORY_ENCRYPT_OP:
		return run_command(tdx, fd, (void *)argument); /* NOLINT */
	default:
		return forward_ioctl(context, fd, request, argument);
	}
}

static int op_read_file(void *context, const char *path, char *text, size_t size)
{
	const struct tdx_platform *tdx = context;
	const char *file = NULL;
	size_t length;

	if (strcmp(path, "/sys/fs/cgroup/misc.capacity") == 0)
		file = tdx->capacity;
	else if (strcmp(path, "/sys/fs/cgroup/misc.current") == 0)
		file = tdx->current;
	if (file == NULL)
		return -ENOENT;
	length = strlen(file) < size ? strlen(file) : size;
	memcpy(text, file, length);
	return (int)length;
}

static const struct coco_platform_ops ops = {
	.struct_size = sizeof(ops),
	.name = "fake with a TDX module",
	.open = forward_open,
	.close = forward_close,
	.dup = forward_dup,
	.dup3 = forward_dup3,
	.set_cloexec = forward_set_cloexec,
	.ioctl = op_ioctl,
	.mmap = forward_mmap,
	.munmap = forward_munmap,
	.madvise = forward_madvise,
	.fallocate = forward_fallocate,
	.read_file = op_read_file,
};

void tdx_platform_init(struct tdx_platform *tdx, const struct coco_platform *inner)
{
	/* As KVM tells them: no flags, and the lowest index of leaves without subleaves. */
	static const struct kvm_cpuid_entry2 leaves[] = {
		{.function = 1, .eax = 0xfff3fff, .ecx = 0x80000000},
		{.function = 7, .ebx = 0xd02f, .ecx = 0x400},
		{.function = 0xd, .index = 2, .eax = 0xffffffff},
		{.function = 0xd, .index = 5, .eax = 0x0000000f},
		{.function = 0xd, .index = 30, .eax = 0xffffffff},
		{.function = 0x80000008, .eax = 0xff00ff},
	};

	memset(tdx, 0, sizeof(*tdx));
	tdx->platform.ops = &ops;
	tdx->platform.context = tdx;
	tdx->forward.inner = inner;
	tdx->attributes = 1ull << 28;
	tdx->xfam = 0x602e7;
	tdx->user_calls = 2;
	tdx->tsc_khz = 2100000;
	tdx->page_errno = EINTR;
	tdx->leaf_count = sizeof(leaves) / sizeof(leaves[0]);
	memcpy(tdx->leaves, leaves, sizeof(leaves));
}

void tdx_fixture_init(struct fixture *f, struct tdx_platform *tdx)
{
	const int types = 1 << UAPI_VM_TYPE_DEFAULT | 1 << UAPI_VM_TYPE_TDX;

	fixture_init(f, COCO_TECH_TDX);
	tdx_platform_init(tdx, fake_kvm_platform(f->fake));
	fake_kvm_set_extension(f->fake, FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES, types);
	fake_kvm_set_extension(f->fake, FAKE_SCOPE_ALL, UAPI_CAP_APIC_BUS_CYCLES_NS, 1);
	fake_kvm_set_extension(f->fake, UAPI_VM_TYPE_TDX, KVM_CAP_MAX_VCPUS, 96);
	fixture_reopen(f, &tdx->platform, NULL, NULL);
	f->options.vcpus = 2;
	f->options.irqchip = COCO_IRQCHIP_SPLIT;
}

const struct kvm_cpuid_entry2 *tdx_platform_told(const struct tdx_platform *tdx, uint32_t function,
						 uint32_t index)
{
	for (uint32_t i = 0; i < tdx->told_count; i++)
		if (tdx->told[i].function == function && tdx->told[i].index == index)
			return &tdx->told[i];
	ck_abort_msg("leaf 0x%x, subleaf %u was not told", function, index);
	return NULL;
}
