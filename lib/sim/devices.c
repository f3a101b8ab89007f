/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* KVM_CREATE_DEVICE: the VFIO device, the only one that x86 has (virt/kvm/vfio.c). And statistics.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim/request.h"
#include "sim/vm.h"
#include "sim/vm_config.h"

/* What stands for a group or device of VFIO: it knows a VM, but has no reference on it. */
struct vfio {
	const struct sim_vm *vm;
};

static void release_vfio(struct sim_file *file)
{
	free(file->object);
}

int sim_open_vfio(struct coco_sim *sim)
{
	struct vfio *vfio = calloc(1, sizeof(*vfio));
	struct sim_file *file = vfio ? sim_file_new(sim, SIM_FILE_VFIO, NULL, vfio, -1) : NULL;

	if (!file) {
		free(vfio);
		return -ENOMEM;
	}
	file->release = release_vfio;
	return sim_file_open(file, true);
}

static void associate(struct sim_file *file, const struct sim_vm *vm)
{
	((struct vfio *)file->object)->vm = vm;
}

const struct sim_vm *sim_vfio_vm(const struct sim_file *file)
{
	return ((const struct vfio *)file->object)->vm;
}

/* kvm_vfio_release(): each file is told that it has no VM, even if another VM's device had told it
 * of that. */
static void release_device(struct sim_file *file)
{
	struct sim_vm_config *config = file->vm->config;

	while (config->vfio_files) {
		struct sim_vfio_file *gone = config->vfio_files;

		config->vfio_files = gone->next;
		associate(gone->file, NULL);
		sim_file_put(gone->file);
		free(gone);
	}
	config->vfio = NULL;
}

int sim_create_device(struct sim_file *file, uintptr_t argument)
{
	struct sim_vm *vm = file->vm;
	struct kvm_create_device args;
	struct sim_file *device;
	int fd;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	if (args.type != KVM_DEV_TYPE_VFIO)
		return -ENODEV;
	/* Other flags are not looked at. */
	if (args.flags & KVM_CREATE_DEVICE_TEST)
		return sim_copy_out(argument, &args, sizeof(args));
	if (vm->config->vfio)
		return -EBUSY;
	device = sim_file_new(vm->sim, SIM_FILE_DEVICE, vm, NULL, -1);
	if (!device)
		return -ENOMEM;
	device->release = release_device;
	vm->config->vfio = device;
	fd = sim_file_open(device, true);
	if (fd < 0)
		return fd;
	args.fd = (uint32_t)fd;
	/* The descriptor is there all the same, as in the kernel. */
	return sim_copy_out(argument, &args, sizeof(args));
}

static int add_file(struct sim_vm *vm, struct sim_file *file)
{
	struct sim_vfio_file **at = &vm->config->vfio_files;

	for (; *at; at = &(*at)->next)
		if ((*at)->file == file)
			return -EEXIST;
	*at = calloc(1, sizeof(**at));
	if (!*at)
		return -ENOMEM;
	file->references++;
	(*at)->file = file;
	associate(file, vm);
	return 0;
}

static int delete_file(struct sim_vm *vm, struct sim_file *file)
{
	struct sim_vfio_file **at = &vm->config->vfio_files;

	for (; *at; at = &(*at)->next) {
		struct sim_vfio_file *gone = *at;

		if (gone->file != file)
			continue;
		*at = gone->next;
		associate(file, NULL);
		sim_file_put(file);
		free(gone);
		return 0;
	}
	return -ENOENT;
}

static int set_attribute(struct sim_file *device, uintptr_t argument)
{
	struct kvm_device_attr attr;
	struct sim_file *file;
	int32_t fd;
	int r;

	if (sim_copy_in(&attr, argument, sizeof(attr)))
		return -EFAULT;
	if (attr.group != KVM_DEV_VFIO_GROUP ||
	    (attr.attr != KVM_DEV_VFIO_GROUP_ADD && attr.attr != KVM_DEV_VFIO_GROUP_DEL))
		return -ENXIO;
	if (sim_copy_in(&fd, (uintptr_t)attr.addr, sizeof(fd)))
		return -EFAULT;
	r = sim_file_of_argument(device->sim, fd, &file);
	if (r)
		return r;
	if (attr.attr == KVM_DEV_VFIO_GROUP_DEL)
		r = delete_file(device->vm, file);
	else
		r = file && file->kind == SIM_FILE_VFIO ? add_file(device->vm, file) : -EINVAL;
	sim_file_put(file);
	return r;
}

static int get_attribute(struct sim_file *device, uintptr_t argument)
{
	(void)device;
	(void)argument;
	return -EPERM; /* the device has no such function */
}

static int has_attribute(struct sim_file *device, uintptr_t argument)
{
	struct kvm_device_attr attr;

	(void)device;
	if (sim_copy_in(&attr, argument, sizeof(attr)))
		return -EFAULT;
	return attr.group == KVM_DEV_VFIO_GROUP && (attr.attr == KVM_DEV_VFIO_GROUP_ADD ||
						    attr.attr == KVM_DEV_VFIO_GROUP_DEL)
		       ? 0
		       : -ENXIO;
}

const struct sim_request sim_device_requests[] = {
	{KVM_SET_DEVICE_ATTR, "KVM_SET_DEVICE_ATTR", set_attribute, 0},
	{KVM_GET_DEVICE_ATTR, "KVM_GET_DEVICE_ATTR", get_attribute, 0},
	{KVM_HAS_DEVICE_ATTR, "KVM_HAS_DEVICE_ATTR", has_attribute, 0},
	{0, NULL, NULL, 0},
};

/* Nothing is counted, but the descriptor keeps the VM. */
int sim_get_stats_fd(struct sim_file *file, uintptr_t argument)
{
	struct sim_file *stats = sim_file_new(file->sim, SIM_FILE_STATS, file->vm, NULL, -1);

	(void)argument;
	return stats ? sim_file_open(stats, true) : -ENOMEM;
}
