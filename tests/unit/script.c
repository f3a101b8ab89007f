/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "script.h"

#include "kvm/uapi.h"

static int follow(void *payload, struct fake_kvm *fake, const struct fake_entry *entry)
{
	struct script *script = payload;
	const struct script_step *step = &script->steps[script->next];
	struct kvm_run *run = entry->run;

	(void)fake;
	if (script->next > 0 && step[-1].kind == SCRIPT_IN)
		script->results[script->next - 1] = *((uint8_t *)run + 4096);
	else if (script->next > 0)
		script->results[script->next - 1] = entry->hypercall;
	if (step->kind != SCRIPT_END)
		script->next++;
	switch (step->kind) {
	case SCRIPT_MAP:
		(void)fake_exit_map_gpa_range(run, step->gpa, step->pages, step->to_private);
		run->hypercall.args[2] |= step->attributes;
		return 0;
	case SCRIPT_FAULT:
		return fake_exit_memory_fault(run, step->gpa, 4096, step->to_private);
	case SCRIPT_CODE:
		return step->code;
	case SCRIPT_OUT:
		return fake_exit_out(run, (uint16_t)step->gpa, 0x42);
	case SCRIPT_IN:
		(void)fake_exit_out(run, (uint16_t)step->gpa, 0);
		run->io.direction = KVM_EXIT_IO_IN;
		return 0;
	case SCRIPT_HYPERCALL:
		(void)fake_exit_map_gpa_range(run, 0, 0, false);
		run->hypercall.nr = step->gpa;
		return 0;
	default:
		return fake_exit_hlt(run);
	}
}

void script_start(struct script *script, struct fixture *f, const struct script_step *steps)
{
	memset(script, 0, sizeof(*script));
	for (unsigned i = 0; steps[i].kind != SCRIPT_END; i++) {
		ck_assert_uint_lt(i, SCRIPT_MAX - 1);
		script->steps[i] = steps[i];
	}
	memset(script->results, 0xff, sizeof(script->results));
	fake_kvm_on_run(f->fake, follow, script);
}

int script_run(struct fixture *f, struct coco_exit *exit)
{
	COCO_INIT(exit);
	expect_spoil(&f->error);
	return coco_vcpu_run(coco_guest_vcpu(f->guest, 0), exit, &f->error);
}

void script_run_to_end(struct fixture *f)
{
	struct coco_exit exit;

	expect_ok(script_run(f, &exit), &f->error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_KVM);
	ck_assert_uint_eq(exit.kvm_reason, KVM_EXIT_HLT);
}
