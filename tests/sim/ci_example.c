/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Does my VMM give everything back when the second launch finds no memory for a vCPU? */
#include <cocoreset/sim.h>
#include <stdio.h>

/* The VMM, which opens its host with these. */
int vmm_main(const struct coco_host_options *options);

int main(void)
{
	struct coco_sim_account left = {.struct_size = sizeof(left)};
	struct coco_host_options host = {.struct_size = sizeof(host)};
	struct coco_error error;
	struct coco_sim *sim;

	if (coco_sim_new_from_text("plain:fail=KVM_CREATE_VCPU@2/12", &sim, &error))
		return puts(error.text), 1;
	host.platform = coco_sim_get_platform(sim);
	if (vmm_main(&host) || coco_sim_get_account(sim, &left, &error) || left.vms || left.fds)
		return printf("%u VMs, %u descriptors are left\n", left.vms, left.fds), 1;
	coco_sim_free(sim);
	return 0;
}
