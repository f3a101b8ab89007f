/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE

#include "td.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE         4096u
#define CPUID_MAX    256u
#define ADDRESS_LEAF 0x80000008u
#define PRE_FAULT    0xc040aed5ul
#define CAP_SPLIT    KVM_CAP_SPLIT_IRQCHIP

int td_ioctl(struct td *td, int fd, unsigned long request, uintptr_t argument)
{
	return td->platform->ops->ioctl(td->platform->context, fd, request, argument);
}

static void *pages(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(memory, MAP_FAILED);
	return memory;
}

static void add_slot(struct td *td)
{
	struct uapi_create_guest_memfd gmem = {.size = TD_MEMORY_SIZE};
	struct uapi_memory_region2 slot = {
		.flags = UAPI_MEM_GUEST_MEMFD,
		.guest_phys_addr = TD_MEMORY_GPA,
		.memory_size = TD_MEMORY_SIZE,
	};

	td->shared = pages(TD_MEMORY_SIZE);
	td->gmem = td_ioctl(td, td->vm, UAPI_CREATE_GUEST_MEMFD, (uintptr_t)&gmem);
	ck_assert_int_ge(td->gmem, 0);
	slot.userspace_addr = (uintptr_t)td->shared;
	slot.guest_memfd = (uint32_t)td->gmem;
	ck_assert_int_eq(td_ioctl(td, td->vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&slot), 0);
}

void td_open(struct td *td, uint32_t keys)
{
	const struct coco_sim_options options = {
		.struct_size = sizeof(options),
		.techs = 1u << COCO_TECH_TDX,
		.tdx_keys = keys,
		.cpus = 4,
	};
	struct coco_error error;

	memset(td, 0, sizeof(*td));
	for (int i = 0; i < TD_VCPUS_MAX; i++)
		td->vcpus[i] = -1;
	td->address_bits = 48;
	td->source = pages(PAGE);
	memset(td->source, 0x5a, PAGE);
	expect_ok(coco_sim_new(&options, &td->sim, &error), &error);
	td->platform = coco_sim_get_platform(td->sim);
	td->kvm = td->platform->ops->open(td->platform->context, "/dev/kvm");
	ck_assert_int_ge(td->kvm, 0);
	td->vm = td_ioctl(td, td->kvm, KVM_CREATE_VM, UAPI_VM_TYPE_TDX);
	ck_assert_msg(td->vm >= 0, "KVM_CREATE_VM: %d", td->vm);
	add_slot(td);
}

void td_close(struct td *td)
{
	coco_sim_free(td->sim);
	munmap(td->shared, TD_MEMORY_SIZE);
	munmap(td->source, PAGE);
}

int td_command_struct(struct td *td, int fd, struct uapi_tdx_command *command)
{
	return td_ioctl(td, fd, KVM_MEMORY_ENCRYPT_OP, (uintptr_t)command);
}

int td_command(struct td *td, int fd, uint32_t id, uint32_t flags, uint64_t data)
{
	struct uapi_tdx_command command = {.id = id, .flags = flags, .data = data};

	return td_command_struct(td, fd, &command);
}

struct uapi_tdx_init_vm *td_make_init(const struct td *td)
{
	struct uapi_tdx_capabilities *capabilities;
	struct uapi_tdx_command command = {.id = UAPI_TDX_CAPABILITIES};
	struct uapi_tdx_init_vm *init;
	const size_t list = CPUID_MAX * sizeof(struct kvm_cpuid_entry2);

	capabilities = calloc(1, sizeof(*capabilities) + list);
	init = calloc(1, sizeof(*init) + list);
	ck_assert(capabilities && init);
	capabilities->nent = CPUID_MAX;
	command.data = (uintptr_t)capabilities;
	ck_assert_int_eq(td->platform->ops->ioctl(td->platform->context, td->vm,
						  KVM_MEMORY_ENCRYPT_OP, (uintptr_t)&command),
			 0);
	init->attributes = td->attributes;
	init->nent = capabilities->nent;
	for (uint32_t i = 0; i < init->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &init->entries[i];

		entry->function = capabilities->entries[i].function;
		entry->index = capabilities->entries[i].index;
		entry->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		if (entry->function == ADDRESS_LEAF)
			entry->eax = td->address_bits << 16;
	}
	free(capabilities);
	return init;
}

int td_init_vm(struct td *td)
{
	struct uapi_tdx_init_vm *init = td_make_init(td);
	int rc = td_command(td, td->vm, UAPI_TDX_INIT_VM, 0, (uintptr_t)init);

	free(init);
	return rc;
}

int td_create_vcpu(struct td *td, uint32_t id)
{
	int fd = td_ioctl(td, td->vm, KVM_CREATE_VCPU, id);

	for (int i = 0; fd >= 0 && i < TD_VCPUS_MAX; i++)
		if (td->vcpus[i] < 0) {
			td->vcpus[i] = fd;
			break;
		}
	return fd;
}

int td_set_cpuid(struct td *td, int vcpu, bool x2apic)
{
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));
	int rc;

	ck_assert_ptr_nonnull(cpuid);
	cpuid->nent = CPUID_MAX;
	ck_assert_int_eq(td_ioctl(td, td->kvm, KVM_GET_SUPPORTED_CPUID, (uintptr_t)cpuid), 0);
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		if (entry->function == 1)
			entry->ecx = x2apic ? entry->ecx | 1u << 21 : entry->ecx & ~(1u << 21);
		if (entry->function == ADDRESS_LEAF)
			entry->eax = (entry->eax & 0xff00ffffu) | td->address_bits << 16;
	}
	rc = td_ioctl(td, vcpu, KVM_SET_CPUID2, (uintptr_t)cpuid);
	free(cpuid);
	return rc;
}

int td_set_private(struct td *td, uint64_t gpa, uint64_t size, bool private)
{
	struct uapi_memory_attributes attributes = {
		.address = gpa,
		.size = size,
		.attributes = private ? UAPI_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	return td_ioctl(td, td->vm, UAPI_SET_MEMORY_ATTRIBUTES, (uintptr_t)&attributes);
}

int td_init_region(struct td *td, int vcpu, struct uapi_tdx_init_mem_region *region, uint32_t flags)
{
	return td_command(td, vcpu, UAPI_TDX_INIT_MEM_REGION, flags, (uintptr_t)region);
}

int td_pre_fault(struct td *td, uint64_t gpa, uint64_t size)
{
	uint64_t range[8] = {gpa, size};

	return td_ioctl(td, td->vcpus[0], PRE_FAULT, (uintptr_t)range);
}

static void split_irqchip(struct td *td)
{
	struct kvm_enable_cap cap = {.cap = CAP_SPLIT, .args = {24}};

	if (!td->no_irqchip)
		ck_assert_int_eq(td_ioctl(td, td->vm, KVM_ENABLE_CAP, (uintptr_t)&cap), 0);
}

void td_reach(struct td *td, enum td_stage stage)
{
	bool vcpu = stage >= TD_V1_C0, initialized = stage == TD_V1_C1 || stage == TD_V2_C1;

	split_irqchip(td);
	if (stage >= TD_V1)
		ck_assert_int_eq(td_init_vm(td), 0);
	if (vcpu) {
		ck_assert_int_ge(td_create_vcpu(td, 0), 0);
		ck_assert_int_eq(td_set_cpuid(td, td->vcpus[0], true), 0);
	}
	if (initialized)
		ck_assert_int_eq(td_command(td, td->vcpus[0], UAPI_TDX_INIT_VCPU, 0, 0x1234), 0);
	if (stage >= TD_V2_C0)
		ck_assert_int_eq(td_command(td, td->vm, UAPI_TDX_FINALIZE_VM, 0, 0), 0);
}

static struct coco_sim_account account(struct td *td)
{
	struct coco_sim_account out = {.struct_size = sizeof(out)};
	struct coco_error error;

	expect_ok(coco_sim_get_account(td->sim, &out, &error), &error);
	return out;
}

uint64_t td_pages(struct td *td)
{
	return account(td).tdx_pages;
}

uint32_t td_keys_used(struct td *td)
{
	return account(td).tdx_keys_used;
}
