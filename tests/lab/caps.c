/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Prints what the lab's KVM offers, one "name=value" a line, and whether a vCPU
 * of each type of VM really runs; ends with 1 when there is no KVM that makes a
 * VM or one does not run. Needs no library but the C library, so that
 * the lab can be tried before anything else is built.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* Numbers of the KVM ABI that older headers lack. */
enum {
	cap_memory_attributes = 233,
	cap_guest_memfd = 234,
	cap_vm_types = 235,
	cap_guest_memfd_flags = 244,
};

/* Runs one HLT in real mode. Answers whether the vCPU came back for that. */
static int runs_guest_code(int kvm, int vm)
{
	uint8_t *memory =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 0;
	memory[0] = 0xf4; /* hlt */
	struct kvm_userspace_memory_region slot = {
		.guest_phys_addr = 0x1000,
		.memory_size = 4096,
		.userspace_addr = (uintptr_t)memory,
	};
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		return 0;
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vcpu < 0 || size < 0)
		return 0;
	struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		return 0;
	struct kvm_sregs sregs;
	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return 0;
	sregs.cs.base = 0x1000;
	sregs.cs.selector = 0x100;
	struct kvm_regs regs = {.rip = 0, .rflags = 2};
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		return 0;
	return ioctl(vcpu, KVM_RUN, 0) == 0 && run->exit_reason == KVM_EXIT_HLT;
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		perror("/dev/kvm");
		return 1;
	}
	int types = ioctl(kvm, KVM_CHECK_EXTENSION, cap_vm_types);
	printf("api=%d\n", ioctl(kvm, KVM_GET_API_VERSION, 0));
	printf("vm_types=0x%x\n", (unsigned)types);

	/* Type 0 is a plain VM, type 1 a software-protected one. What a VM can
	 * do depends on its type. */
	int working = 0, broken = 0;
	for (unsigned long type = 0; type <= 1; type++) {
		if (!(types & (1 << type)))
			continue;
		int vm = ioctl(kvm, KVM_CREATE_VM, type);
		if (vm < 0) {
			perror("KVM_CREATE_VM");
			return 1;
		}
		const char *name = type ? "protected" : "plain";
		printf("%s.guest_memfd=%d\n", name,
		       ioctl(vm, KVM_CHECK_EXTENSION, cap_guest_memfd));
		printf("%s.guest_memfd_flags=0x%x\n", name,
		       (unsigned)ioctl(vm, KVM_CHECK_EXTENSION, cap_guest_memfd_flags));
		printf("%s.memory_attributes=0x%x\n", name,
		       (unsigned)ioctl(vm, KVM_CHECK_EXTENSION, cap_memory_attributes));
		int runs = runs_guest_code(kvm, vm);
		printf("%s.runs=%d\n", name, runs);
		if (runs)
			working++;
		else
			broken++;
	}
	return working && !broken ? 0 : 1;
}
