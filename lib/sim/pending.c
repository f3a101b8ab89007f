/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is not written yet. */
#include <errno.h>

#include "sim/request.h"
#include "sim/slots.h"
#include "sim/vm.h"
#include "sim/vm_config.h"

const struct sim_request sim_irq_requests[] = {{0, NULL, NULL, 0}};
const struct sim_request sim_filter_requests[] = {{0, NULL, NULL, 0}};
const struct sim_request sim_device_requests[] = {{0, NULL, NULL, 0}};

int sim_create_device(struct sim_file *file, uintptr_t argument)
{
	(void)file;
	(void)argument;
	return -ENODEV;
}

int sim_get_stats_fd(struct sim_file *file, uintptr_t argument)
{
	(void)file;
	(void)argument;
	return -EMFILE;
}

int sim_get_dirty_log(struct sim_file *file, uintptr_t argument)
{
	(void)file;
	(void)argument;
	return -ENOENT;
}

int sim_clear_dirty_log(struct sim_file *file, uintptr_t argument)
{
	(void)file;
	(void)argument;
	return -ENOENT;
}

void sim_irqfd_shut_down(struct sim_vm *vm)
{
	(void)vm;
}

void sim_irqfd_prune(struct sim_vm *vm)
{
	(void)vm;
}
