/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* VMs: how they come, what keeps them, how they go. */
#include "sim/vm.h"

#include <errno.h>
#include <stdlib.h>

#include "sim/gmem.h"
#include "sim/knobs.h"
#include "sim/request.h"
#include "sim/slots.h"
#include "sim/vm_config.h"

static void free_vm(struct sim_vm *vm)
{
	sim_vm_config_free(vm);
	pthread_cond_destroy(&vm->turn);
	pthread_cond_destroy(&vm->idle);
	free(vm->vcpus);
	free(vm);
}

static struct sim_vm *make_vm(struct coco_sim *sim, const struct sim_tech *tech)
{
	struct sim_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	pthread_cond_init(&vm->turn, NULL);
	pthread_cond_init(&vm->idle, NULL);
	vm->sim = sim;
	vm->tech = tech;
	vm->max_vcpus = sim->knobs->options.max_vcpus;
	vm->tsc_khz = SIM_TSC_KHZ;
	vm->vcpus = calloc(vm->max_vcpus, sizeof(struct sim_vcpu *));
	if (!vm->vcpus || sim_vm_config_new(vm)) {
		free_vm(vm);
		return NULL;
	}
	return vm;
}

static void unlink_vm(struct sim_vm *vm)
{
	struct sim_vm **at = &vm->sim->vms;

	while (*at != vm)
		at = &(*at)->next;
	*at = vm->next;
}

/* kvm_destroy_vm() */
void sim_vm_put(struct sim_vm *vm)
{
	if (--vm->references)
		return;
	unlink_vm(vm);
	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		sim_vcpu_free(vm->vcpus[i]);
	sim_slots_free(vm);
	if (vm->tech->destroy_vm)
		vm->tech->destroy_vm(vm);
	sim_attributes_free(vm);
	free_vm(vm);
}

/* kvm_vm_release(): irqfds go with the last descriptor of the VM, everything else with its last
 * reference. */
static void release(struct sim_file *file)
{
	sim_irqfd_shut_down(file->vm);
}

int sim_create_vm(struct sim_file *file, uintptr_t argument)
{
	struct coco_sim *sim = file->sim;
	const struct sim_tech *tech = sim_tech_of_type(sim, argument);
	struct sim_file *vm_file;
	struct sim_vm *vm;
	int r;

	if (!tech)
		return -EINVAL;
	vm = make_vm(sim, tech);
	if (!vm)
		return -ENOMEM;
	r = tech->create_vm ? tech->create_vm(vm) : 0;
	if (r) {
		free_vm(vm);
		return r;
	}
	vm->next = sim->vms;
	sim->vms = vm;
	vm_file = sim_file_new(sim, SIM_FILE_VM, vm, vm, -1);
	if (!vm_file) {
		vm->references = 1;
		sim_vm_put(vm);
		return -ENOMEM;
	}
	vm_file->release = release;
	return sim_file_open(vm_file, true);
}

int sim_vm_bug(struct sim_vm *vm)
{
	vm->dead = true;
	return -EIO;
}

static int set_nr_mmu_pages(struct sim_file *file, uintptr_t argument)
{
	if (argument < 64) /* KVM_MIN_ALLOC_MMU_PAGES */
		return -EINVAL;
	file->vm->config->nr_mmu_pages = argument;
	return 0;
}

static int set_tss_address(struct sim_file *file, uintptr_t argument)
{
	if (argument > 0xffffd000ull) /* -3 pages, as unsigned int */
		return -EINVAL;
	file->vm->config->tss_address = argument;
	file->vm->config->tss_set = true;
	return 0;
}

static int set_identity_map(struct sim_file *file, uintptr_t argument)
{
	uint64_t address;

	if (file->vm->vcpu_count)
		return -EINVAL;
	if (sim_copy_in(&address, argument, sizeof(address)))
		return -EFAULT;
	file->vm->config->identity_map = address;
	return 0;
}

static int set_boot_cpu(struct sim_file *file, uintptr_t argument)
{
	struct sim_vm *vm = file->vm;
	const uint32_t most = vm->config->caps.max_vcpu_id;

	if (vm->vcpu_count)
		return -EBUSY;
	if (argument > sim_max_vcpu_ids(vm->sim) || (most && argument > most))
		return -EINVAL;
	vm->boot_vcpu_id = (uint32_t)argument;
	return 0;
}

static int set_tsc_khz(struct sim_file *file, uintptr_t argument)
{
	const uint32_t khz = (uint32_t)argument;

	if (khz >= SIM_MAX_TSC_KHZ || file->vm->vcpu_count)
		return -EINVAL;
	file->vm->tsc_khz = khz ? khz : SIM_TSC_KHZ;
	return 0;
}

static int get_tsc_khz(struct sim_file *file, uintptr_t argument)
{
	(void)argument;
	return (int)file->vm->tsc_khz;
}

/* The rings' entries are user space's to take out; none is put in here. */
static int reset_dirty_rings(struct sim_file *file, uintptr_t argument)
{
	(void)argument;
	return file->vm->config->caps.dirty_ring_bytes ? 0 : -EINVAL;
}

static int encrypt_op(struct sim_file *file, uintptr_t argument)
{
	struct sim_vm *vm = file->vm;

	return vm->tech->vm_command ? vm->tech->vm_command(vm, argument) : -ENOTTY;
}

static int change_region(struct sim_file *file, uintptr_t argument,
			 int (*change)(struct sim_vm *vm, const struct kvm_enc_region *region))
{
	struct kvm_enc_region region;

	if (sim_copy_in(&region, argument, sizeof(region)))
		return -EFAULT;
	return change ? change(file->vm, &region) : -ENOTTY;
}

static int register_region(struct sim_file *file, uintptr_t argument)
{
	return change_region(file, argument, file->vm->tech->register_region);
}

static int unregister_region(struct sim_file *file, uintptr_t argument)
{
	return change_region(file, argument, file->vm->tech->unregister_region);
}

const struct sim_request sim_vm_requests[] = {
	{KVM_CREATE_VCPU, "KVM_CREATE_VCPU", sim_create_vcpu, 0},
	{KVM_ENABLE_CAP, "KVM_ENABLE_CAP", sim_enable_cap, 0},
	{KVM_CHECK_EXTENSION, "KVM_CHECK_EXTENSION", sim_check_extension, 0},
	{KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION", sim_set_memory_region,
	 SIM_CHANGES_MEMORY},
	{UAPI_SET_USER_MEMORY_REGION2, "KVM_SET_USER_MEMORY_REGION2", sim_set_memory_region2,
	 SIM_CHANGES_MEMORY},
	{UAPI_SET_MEMORY_ATTRIBUTES, "KVM_SET_MEMORY_ATTRIBUTES", sim_set_attributes,
	 SIM_CHANGES_MEMORY},
	{UAPI_CREATE_GUEST_MEMFD, "KVM_CREATE_GUEST_MEMFD", sim_create_guest_memfd, 0},
	{KVM_GET_DIRTY_LOG, "KVM_GET_DIRTY_LOG", sim_get_dirty_log, SIM_CHANGES_MEMORY},
	{KVM_CLEAR_DIRTY_LOG, "KVM_CLEAR_DIRTY_LOG", sim_clear_dirty_log, SIM_CHANGES_MEMORY},
	{KVM_RESET_DIRTY_RINGS, "KVM_RESET_DIRTY_RINGS", reset_dirty_rings, 0},
	{KVM_CREATE_DEVICE, "KVM_CREATE_DEVICE", sim_create_device, 0},
	{KVM_GET_STATS_FD, "KVM_GET_STATS_FD", sim_get_stats_fd, 0},
	{KVM_SET_NR_MMU_PAGES, "KVM_SET_NR_MMU_PAGES", set_nr_mmu_pages, 0},
	{KVM_SET_TSS_ADDR, "KVM_SET_TSS_ADDR", set_tss_address, 0},
	{KVM_SET_IDENTITY_MAP_ADDR, "KVM_SET_IDENTITY_MAP_ADDR", set_identity_map, 0},
	{KVM_SET_BOOT_CPU_ID, "KVM_SET_BOOT_CPU_ID", set_boot_cpu, 0},
	{KVM_SET_TSC_KHZ, "KVM_SET_TSC_KHZ", set_tsc_khz, 0},
	{KVM_GET_TSC_KHZ, "KVM_GET_TSC_KHZ", get_tsc_khz, 0},
	{KVM_MEMORY_ENCRYPT_OP, "KVM_MEMORY_ENCRYPT_OP", encrypt_op, SIM_CHANGES_MEMORY},
	{KVM_MEMORY_ENCRYPT_REG_REGION, "KVM_MEMORY_ENCRYPT_REG_REGION", register_region, 0},
	{KVM_MEMORY_ENCRYPT_UNREG_REGION, "KVM_MEMORY_ENCRYPT_UNREG_REGION", unregister_region, 0},
	{0, NULL, NULL, 0},
};
