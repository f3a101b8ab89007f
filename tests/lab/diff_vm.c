/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* VMs and vCPUs come and go; capabilities. */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>

#include "diff.h"

static void create_vm(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		      struct diff_result *result)
{
	static const uint64_t types[] = {4, 3, 2, 0, 1, 5, 6, 99, 1ull << 31};
	int fd = diff_ioctl_value(side, side->kvm, KVM_CREATE_VM, PICK(types, a[0]));

	result->rc = fd < 0 ? fd : 0;
	if (fd < 0)
		return;
	diff_drop_vm(side, vm);
	vm->fd = fd;
	vm->type = PICK(types, a[0]);
}

static void close_vm(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		     struct diff_result *result)
{
	(void)a;
	(void)result;
	diff_close(side, &vm->fd);
}

static void close_vcpu(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		       struct diff_result *result)
{
	(void)result;
	diff_close(side, &vm->vcpus[a[0]]);
}

static void close_gmem(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		       struct diff_result *result)
{
	(void)result;
	diff_close(side, &vm->gmems[a[0]]);
}

static void map_run(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		    struct diff_result *result)
{
	void *run;

	if (vm->runs[a[0]]) {
		result->rc = side->platform->ops->munmap(side->platform->context, vm->runs[a[0]],
							 side->run_size);
		vm->runs[a[0]] = NULL;
		return;
	}
	result->rc = side->platform->ops->mmap(side->platform->context, NULL, side->run_size,
					       PROT_READ | PROT_WRITE, MAP_SHARED,
					       diff_vcpu(vm, a[0]), 0, &run);
	if (!result->rc)
		vm->runs[a[0]] = run;
}

static void create_vcpu(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
			struct diff_result *result)
{
	static const unsigned long ids[] = {0, 1, 2, 4095, 4096, 0x80000000};
	int fd = diff_ioctl_value(side, vm->fd, KVM_CREATE_VCPU, PICK(ids, a[0]));

	result->rc = fd < 0 ? fd : 0;
	for (unsigned i = 0; fd >= 0 && i < DIFF_VCPUS; i++)
		if (vm->vcpus[i] < 0) {
			vm->vcpus[i] = fd;
			return;
		}
	diff_close(side, &fd);
}

/* Answers that are not compared. */
static bool depends_on_host(int cap)
{
	static const int caps[] = {
		/* the host's number of CPUs, and limits that the kernel was built with */
		KVM_CAP_NR_VCPUS,
		KVM_CAP_MAX_VCPUS,
		KVM_CAP_MAX_VCPU_ID,
		/* the lab's kernel is built without Hyper-V and without Xen */
		KVM_CAP_HYPERV,
		KVM_CAP_HYPERV_VAPIC,
		KVM_CAP_HYPERV_SPIN,
		KVM_CAP_HYPERV_TIME,
		KVM_CAP_HYPERV_SYNIC,
		KVM_CAP_HYPERV_SYNIC2,
		KVM_CAP_HYPERV_VP_INDEX,
		KVM_CAP_HYPERV_EVENTFD,
		KVM_CAP_HYPERV_TLBFLUSH,
		KVM_CAP_HYPERV_SEND_IPI,
		KVM_CAP_HYPERV_CPUID,
		KVM_CAP_SYS_HYPERV_CPUID,
		KVM_CAP_HYPERV_ENFORCE_CPUID,
		KVM_CAP_XEN_HVM,
		/* its CPU, QEMU's, has no TSC scaling, no bus lock threshold and no PMU */
		KVM_CAP_TSC_CONTROL,
		KVM_CAP_VM_TSC_CONTROL,
		KVM_CAP_X86_BUS_LOCK_EXIT,
		KVM_CAP_PMU_CAPABILITY,
		KVM_CAP_X86_NOTIFY_VMEXIT,
		/* not modelled by the simulator: nested virtualization, registers by number */
		KVM_CAP_NESTED_STATE,
		KVM_CAP_ONE_REG,
	};

	for (size_t i = 0; i < COUNT(caps); i++)
		if (caps[i] == cap)
			return true;
	return false;
}

static void check_extension(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
			    struct diff_result *result)
{
	int cap = a[0], fd = a[1] ? side->kvm : vm->fd;

	result->rc = diff_ioctl_value(side, fd, KVM_CHECK_EXTENSION, (uintptr_t)cap);
	if (depends_on_host(cap))
		result->rc = 0;
}

static void sev_attribute(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
			  struct diff_result *result)
{
	uint64_t value = 0;
	struct kvm_device_attr attribute = {
		.group = a[1] == 1 ? 0 : 1, .attr = a[0], .addr = (uintptr_t)&value};

	(void)vm;
	if (a[1] == 2)
		attribute.addr = 8;
	if (a[1] == 1)
		attribute.attr = 99; /* 0 is what the host's CPU has for XCR0 */
	result->rc = diff_ioctl(side, side->kvm, a[2] ? KVM_HAS_DEVICE_ATTR : KVM_GET_DEVICE_ATTR,
				&attribute);
	diff_put_word(result, value);
}

static void enable_cap(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		       struct diff_result *result)
{
	static const struct {
		uint32_t cap;
		uint64_t right;
	} caps[] = {
		{121, 24}, /* SPLIT_IRQCHIP, its pins */
		{KVM_CAP_MAX_VCPU_ID, 16},
		{201, 1ull << 12}, /* EXIT_HYPERCALL: MAP_GPA_RANGE */
		{129, 3},          /* X2APIC_API */
		{188, 1},          /* X86_USER_SPACE_MSR */
		{168, 1},          /* MANUAL_DIRTY_LOG_PROTECT2 */
		{143, 1},          /* X86_DISABLE_EXITS */
		{204, 1},          /* EXIT_ON_EMULATION_FAILURE */
		{193, 1},          /* X86_BUS_LOCK_EXIT */
		{116, 2},          /* DISABLE_QUIRKS: CD_NW_CLEARED */
		{213, 2},          /* DISABLE_QUIRKS2 */
		{222, 1},          /* DISABLE_NX_HUGE_PAGES */
		{164, 1},          /* EXCEPTION_PAYLOAD */
		{218, 1},          /* X86_TRIPLE_FAULT_EVENT */
		{237, 20},         /* X86_APIC_BUS_CYCLES_NS */
		{206, 99},         /* VM_MOVE_ENC_CONTEXT_FROM */
		{197, 99},         /* VM_COPY_ENC_CONTEXT_FROM */
		{9999, 0},
	};
	struct kvm_enable_cap cap = {.cap = PICK(caps, a[0]).cap, .args = {PICK(caps, a[0]).right}};

	if (a[1] == 1)
		cap.flags = 1;
	else if (a[1] == 2)
		cap.args[0] = 0;
	else if (a[1] == 3)
		cap.args[0] = 1ull << 40;
	result->rc = diff_ioctl(side, vm->fd, KVM_ENABLE_CAP, &cap);
}

static void tsc_khz(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		    struct diff_result *result)
{
	static const unsigned long rates[] = {1000000, 0, 1ul << 31};
	int fd = a[1] ? diff_vcpu(vm, 0) : vm->fd;

	/* Which rates a vCPU may have depends on the host's CPU. */
	if (a[1] && PICK(rates, a[0]))
		return;
	result->rc = diff_ioctl_value(side, fd, KVM_SET_TSC_KHZ, PICK(rates, a[0]));
}

static void boot_cpu(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		     struct diff_result *result)
{
	result->rc = diff_ioctl_value(side, vm->fd, KVM_SET_BOOT_CPU_ID, a[0]);
}

const struct diff_op diff_vm_ops[] = {
	{"create_vm", create_vm, {9}, 2},
	{"close_vm", close_vm, {0}, 1},
	{"close_vcpu", close_vcpu, {DIFF_VCPUS}, 1},
	{"close_gmem", close_gmem, {DIFF_GMEMS}, 1},
	{"map_run", map_run, {DIFF_VCPUS}, 1},
	{"vcpu", create_vcpu, {6}, 6},
	{"cap", check_extension, {255, 2}, 4},
	{"sev_attribute", sev_attribute, {4, 3, 2}, 2},
	{"enable_cap", enable_cap, {18, 4}, 5},
	{"tsc_khz", tsc_khz, {3, 2}, 1},
	{"boot_cpu", boot_cpu, {3}, 1},
	{0},
};
