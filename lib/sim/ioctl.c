/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ioctls: from the file's kind to the table, and what is checked before any of them is served. */
#include <errno.h>

#include "sim/request.h"

/* _IOC_TYPE of all KVM requests. */
#define REQUEST_TYPE(number) (((number) >> 8) & 0xff)

const struct sim_request *sim_request_find(const struct sim_request *table, unsigned long number)
{
	for (const struct sim_request *request = table; request->name; request++)
		if (request->number == number)
			return request;
	return NULL;
}

static const struct sim_request *const vm_tables[] = {sim_vm_requests, sim_irq_requests,
						      sim_filter_requests, NULL};
static const struct sim_request *const vcpu_tables[] = {sim_vcpu_requests, sim_register_requests,
							NULL};
static const struct sim_request *const system_tables[] = {sim_system_requests, NULL};
static const struct sim_request *const device_tables[] = {sim_device_requests, NULL};
static const struct sim_request *const no_tables[] = {NULL};

static const struct sim_request *const *tables_of(const struct sim_file *file)
{
	switch (file->kind) {
	case SIM_FILE_SYSTEM:
		return system_tables;
	case SIM_FILE_VM:
		return vm_tables;
	case SIM_FILE_VCPU:
		return vcpu_tables;
	case SIM_FILE_DEVICE:
		return device_tables;
	case SIM_FILE_SEV:
	case SIM_FILE_GMEM:
	case SIM_FILE_STATS:
	case SIM_FILE_VFIO:
		break;
	}
	return no_tables;
}

static const struct sim_request *find_in(const struct sim_request *const *tables,
					 unsigned long number)
{
	const struct sim_request *request = NULL;

	for (; *tables && !request; tables++)
		request = sim_request_find(*tables, number);
	return request;
}

static int serve(struct sim_file *file, const struct sim_request *request, uintptr_t argument)
{
	int r = sim_fault(file->sim, request->name, NULL);

	return r ? r : request->serve(file, argument);
}

static int vm_ioctl(struct sim_file *file, unsigned long number, uintptr_t argument)
{
	const struct sim_request *request = find_in(vm_tables, number);
	struct sim_vm *vm = file->vm;
	int r = 0;

	if (vm->dead)
		return -EIO;
	if (request && request->flags & SIM_CHANGES_MEMORY) {
		sim_run_pause(vm);
		if (vm->dead)
			return -EIO;
	}
	if (vm->tech->refuse_vm_ioctl)
		r = vm->tech->refuse_vm_ioctl(vm, number, argument);
	if (r)
		return r;
	return request ? serve(file, request, argument) : -ENOTTY;
}

static int vcpu_ioctl(struct sim_file *file, unsigned long number, uintptr_t argument)
{
	const struct sim_request *request = find_in(vcpu_tables, number);
	struct sim_vcpu *vcpu = file->object;
	struct sim_vm *vm = file->vm;
	int r = 0;

	if (vm->dead || REQUEST_TYPE(number) != KVMIO)
		return vm->dead ? -EIO : -EINVAL;
	/* The kernel's vCPU mutex: one ioctl at a time, KVM_RUN among them. */
	while (vcpu->in_run)
		pthread_cond_wait(&vm->idle, &file->sim->lock);
	if (request && request->flags & SIM_CHANGES_MEMORY)
		sim_run_pause(vm);
	if (vm->tech->refuse_vcpu_ioctl)
		r = vm->tech->refuse_vcpu_ioctl(vcpu, number);
	if (r)
		return r;
	return request ? serve(file, request, argument) : -EINVAL;
}

static int system_ioctl(struct sim_file *file, unsigned long number, uintptr_t argument)
{
	const struct sim_request *request = sim_request_find(sim_system_requests, number);

	return request ? serve(file, request, argument) : -EINVAL;
}

static int device_ioctl(struct sim_file *file, unsigned long number, uintptr_t argument)
{
	const struct sim_request *request = sim_request_find(sim_device_requests, number);

	if (file->vm->dead)
		return -EIO;
	return request ? serve(file, request, argument) : -ENOTTY;
}

const char *sim_ioctl_name(const struct sim_file *file, unsigned long number)
{
	const struct sim_request *request = find_in(tables_of(file), number);

	return request ? request->name : "ioctl";
}

int sim_ioctl(struct sim_file *file, unsigned long number, uintptr_t argument)
{
	switch (file->kind) {
	case SIM_FILE_SYSTEM:
		return system_ioctl(file, number, argument);
	case SIM_FILE_SEV:
		return sim_sev_ioctl(file->sim, number, argument);
	case SIM_FILE_VM:
		return vm_ioctl(file, number, argument);
	case SIM_FILE_VCPU:
		return vcpu_ioctl(file, number, argument);
	case SIM_FILE_DEVICE:
		return device_ioctl(file, number, argument);
	case SIM_FILE_GMEM:
	case SIM_FILE_STATS:
	case SIM_FILE_VFIO:
		break;
	}
	return -ENOTTY;
}
