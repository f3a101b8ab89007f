/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* KVM_RUN. */
#include <errno.h>

#include "sim/sim.h"
#include "sim/vm_config.h"

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

void sim_run_deliver(struct sim_vm *vm, uint32_t gsi, const struct kvm_irq_routing_entry *route,
		     int level)
{
	(void)vm;
	(void)gsi;
	(void)route;
	(void)level;
}
