/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* KVM_RUN. */
#include <errno.h>

#include "sim/sim.h"

int sim_vcpu_run(struct sim_vcpu *vcpu)
{
	(void)vcpu;
	return -ENOSYS;
}

void sim_run_pause(struct sim_vm *vm)
{
	vm->memory_epoch++;
}

void sim_run_destroy_vcpu(struct sim_vcpu *vcpu)
{
	(void)vcpu;
}
