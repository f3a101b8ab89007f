/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ioctls on /dev/kvm, and what it says it can do. */
#include "fake_internal.h"

#include "kvm/uapi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A kernel with guest_memfd and software-protected VMs. Later lines win. */
static const struct {
	int scope;
	unsigned capability;
	int value;
} defaults[] = {
	{FAKE_SCOPE_ALL, KVM_CAP_IRQCHIP, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_USER_MEMORY, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_SET_TSS_ADDR, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_EXT_CPUID, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_NR_VCPUS, 8},
	{FAKE_SCOPE_ALL, KVM_CAP_NR_MEMSLOTS, (int)FAKE_SLOTS},
	{FAKE_SCOPE_ALL, KVM_CAP_MP_STATE, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_VCPU_EVENTS, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_DEBUGREGS, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_ENABLE_CAP, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_XSAVE, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_XCRS, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_MAX_VCPUS, 1024},
	{FAKE_SCOPE_ALL, KVM_CAP_CHECK_EXTENSION_VM, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_ENABLE_CAP_VM, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_SPLIT_IRQCHIP, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_MAX_VCPU_ID, (int)FAKE_VM_IDS},
	{FAKE_SCOPE_ALL, KVM_CAP_IMMEDIATE_EXIT, 1},
	{FAKE_SCOPE_ALL, KVM_CAP_EXIT_HYPERCALL, 1 << UAPI_HC_MAP_GPA_RANGE},
	{FAKE_SCOPE_ALL, KVM_CAP_XSAVE2, 4096},
	{FAKE_SCOPE_ALL, UAPI_CAP_USER_MEMORY2, 1},
	{FAKE_SCOPE_ALL, 232 /* KVM_CAP_MEMORY_FAULT_INFO */, 1},
	{FAKE_SCOPE_ALL, UAPI_CAP_MEMORY_ATTRIBUTES, (int)UAPI_MEMORY_ATTRIBUTE_PRIVATE},
	{UAPI_VM_TYPE_DEFAULT, UAPI_CAP_MEMORY_ATTRIBUTES, 0},
	{FAKE_SCOPE_ALL, UAPI_CAP_GUEST_MEMFD, 1},
	{FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES,
	 1 << UAPI_VM_TYPE_DEFAULT | 1 << UAPI_VM_TYPE_SW_PROTECTED},
	{FAKE_SCOPE_ALL, UAPI_CAP_GUEST_MEMFD_FLAGS, 3},
	{UAPI_VM_TYPE_SW_PROTECTED, UAPI_CAP_GUEST_MEMFD_FLAGS, 1},
};

int fake_extension(const struct fake_kvm *fake, int scope, unsigned capability)
{
	int value = 0;

	for (const struct fake_extension *e = fake->extensions; e != NULL; e = e->next)
		if ((e->scope == scope || e->scope == FAKE_SCOPE_ALL) &&
		    e->capability == capability)
			return e->value;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if ((defaults[i].scope == scope || defaults[i].scope == FAKE_SCOPE_ALL) &&
		    defaults[i].capability == capability)
			value = defaults[i].value;
	return value;
}

void fake_kvm_set_extension(struct fake_kvm *fake, int scope, unsigned capability, int value)
{
	struct fake_extension *extension = calloc(1, sizeof(*extension));

	if (extension == NULL)
		abort();
	*extension = (struct fake_extension){scope, capability, value, NULL};
	pthread_mutex_lock(&fake->lock);
	extension->next = fake->extensions;
	fake->extensions = extension;
	pthread_mutex_unlock(&fake->lock);
}

void fake_kvm_set_api_version(struct fake_kvm *fake, int version)
{
	fake->api_version = version;
}

void fake_kvm_set_cpuid_count(struct fake_kvm *fake, unsigned count)
{
	fake->cpuid_count = count < 16 ? 16 : count > FAKE_CPUID_MAX ? FAKE_CPUID_MAX : count;
}

void fake_kvm_set_bad_msrs(struct fake_kvm *fake, uint32_t unreadable, uint32_t unwritable)
{
	fake->unreadable_msr = unreadable;
	fake->unwritable_msr = unwritable;
}

void fake_kvm_set_more_msrs(struct fake_kvm *fake, unsigned count)
{
	fake->more_msrs = count;
}

void fake_kvm_set_restless_power_on(struct fake_kvm *fake, bool restless)
{
	fake->restless = restless;
}

/* Requests without an argument want 0. */
static int refuse_argument(struct fake_call *call)
{
	if (call->argument == 0)
		return 0;
	fake_blame(call->fake, "%s with an argument", call->name);
	return -EINVAL;
}

static int get_api_version(struct fake_call *call)
{
	int rc = refuse_argument(call);

	return rc != 0 ? rc : call->fake->api_version;
}

static int check_extension(struct fake_call *call)
{
	int scope = call->file->vm != NULL ? call->file->vm->type : FAKE_SCOPE_SYSTEM;
	int value = fake_extension(call->fake, scope, (unsigned)call->argument);

	text_add(&call->line, " %u", (unsigned)call->argument);
	snprintf(call->result, sizeof(call->result), "%d", value);
	return value;
}

static int get_vcpu_mmap_size(struct fake_call *call)
{
	int rc = refuse_argument(call);

	return rc != 0 ? rc : (int)FAKE_RUN_SIZE;
}

static int get_supported_cpuid(struct fake_call *call)
{
	struct kvm_cpuid2 *cpuid = (struct kvm_cpuid2 *)call->argument;

	if (cpuid == NULL)
		return -EFAULT;
	text_add(&call->line, " nent=%u", cpuid->nent);
	if (cpuid->nent < call->fake->cpuid_count)
		return -E2BIG;
	fake_cpuid(call->fake, cpuid->entries);
	cpuid->nent = call->fake->cpuid_count;
	return 0;
}

static int create_vm(struct fake_call *call)
{
	int type = (int)call->argument;
	int types = fake_extension(call->fake, FAKE_SCOPE_SYSTEM, UAPI_CAP_VM_TYPES);
	char name[24];
	struct fake_file *file;

	text_add(&call->line, " type=%d", type);
	if (type < 0 || type > 30 || (type != 0 && (types & 1 << type) == 0))
		return -EINVAL;
	snprintf(name, sizeof(name), "vm%u", call->fake->vms_made + 1);
	snprintf(call->result, sizeof(call->result), "%s", name);
	file = file_new(call->fake, FAKE_VM, vm_new(call->fake, type), name);
	return fd_new(call->fake, file, true);
}

/* The list's length goes out even if the list does not fit. */
static const uint32_t msr_indices[] = {
	0x10,       0x3b,       0x174,      0x175,      0x176,      0x1a0,
	0x277,      0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
	0xc0000102, 0xc0000103, 0x4b564d00, 0x4b564d01,
};

static int get_msr_index_list(struct fake_call *call)
{
	struct kvm_msr_list *list = (struct kvm_msr_list *)call->argument;
	const uint32_t own = sizeof(msr_indices) / sizeof(msr_indices[0]);
	const uint32_t count = own + call->fake->more_msrs;
	uint32_t room;

	if (list == NULL)
		return -EFAULT;
	room = list->nmsrs;
	text_add(&call->line, " n=%u", room);
	list->nmsrs = count;
	if (room < count)
		return -E2BIG;
	memcpy(list->indices, msr_indices, sizeof(msr_indices));
	for (uint32_t i = own; i < count; i++)
		list->indices[i] = FAKE_MORE_MSRS + i - own;
	return 0;
}

const struct fake_request fake_system_requests[] = {
	{KVM_GET_API_VERSION, "KVM_GET_API_VERSION", FAKE_KVM, true, get_api_version},
	{KVM_CHECK_EXTENSION, "KVM_CHECK_EXTENSION", FAKE_KVM, true, check_extension},
	{KVM_CHECK_EXTENSION, "KVM_CHECK_EXTENSION", FAKE_VM, true, check_extension},
	{KVM_GET_VCPU_MMAP_SIZE, "KVM_GET_VCPU_MMAP_SIZE", FAKE_KVM, true, get_vcpu_mmap_size},
	{KVM_GET_SUPPORTED_CPUID, "KVM_GET_SUPPORTED_CPUID", FAKE_KVM, true, get_supported_cpuid},
	{KVM_GET_MSR_INDEX_LIST, "KVM_GET_MSR_INDEX_LIST", FAKE_KVM, true, get_msr_index_list},
	{KVM_CREATE_VM, "KVM_CREATE_VM", FAKE_KVM, false, create_vm},
	{0, NULL, FAKE_KVM, false, NULL},
};
