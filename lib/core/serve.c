/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/serve.h"

#include "core/memory.h"

static void *find_shared(struct coco_vcpu *vcpu, uint64_t gpa, uint64_t size)
{
	return coco_memory_find_shared(vcpu->guest, gpa, size);
}

enum coco_served coco_serve_exit(struct coco_vcpu *vcpu)
{
	const struct coco_recipe *recipe = &vcpu->guest->recipe;
	struct coco_run_exit exit;
	enum coco_served served;

	if (!recipe->backend->serve_exit)
		return COCO_SERVED_NOT;
	exit = (struct coco_run_exit){
		.run = vcpu->run,
		.vcpu = vcpu,
		.config = recipe->config,
		.requests = &recipe->requests,
		.find_shared = find_shared,
		.termination = &vcpu->termination,
	};
	served = recipe->backend->serve_exit(&exit);
	vcpu->terminated = served == COCO_SERVED_TERMINATION;
	return served;
}
