/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What keeps a VM alive, and what lets go of it? (Section 5.1 and 7 of KVM's generic ABI.) */
#define _GNU_SOURCE /* F_GETFD, fork */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define RUN_SIZE 12288u

static uint32_t vms(struct bench *bench)
{
	return bench_account(bench).vms;
}

/* --- 5.1, row by row: a holder is made, the VM's own descriptor goes, then the holder. */

static int hold_by_vcpu(struct bench *bench)
{
	return bench_vcpu(bench, 0);
}

static int hold_by_gmem(struct bench *bench)
{
	return bench_gmem(bench, 0x10000, 0);
}

static int hold_by_device(struct bench *bench)
{
	struct kvm_create_device args = {.type = KVM_DEV_TYPE_VFIO};

	ck_assert_int_eq(bench_ioctl(bench, bench->vm, KVM_CREATE_DEVICE, &args), 0);
	return (int)args.fd;
}

static int hold_by_vm_stats(struct bench *bench)
{
	int fd = bench_ioctl_value(bench, bench->vm, KVM_GET_STATS_FD, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static int hold_by_vcpu_stats(struct bench *bench)
{
	int vcpu = bench_vcpu(bench, 0);
	int fd = bench_ioctl_value(bench, vcpu, KVM_GET_STATS_FD, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bench_close_fd(bench, vcpu), 0);
	return fd;
}

static int hold_by_dup(struct bench *bench)
{
	int fd = bench->platform->ops->dup(bench->platform->context, bench->vm);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static const struct {
	const char *row;
	int (*hold)(struct bench *bench);
} holders[] = {
	{"5.1 VM file, by a duplicate", hold_by_dup}, {"5.1 each vCPU file", hold_by_vcpu},
	{"5.1 each gmem file", hold_by_gmem},         {"5.1 each KVM device file", hold_by_device},
	{"5.1 VM stats fd", hold_by_vm_stats},        {"5.1 vCPU stats fd", hold_by_vcpu_stats},
};

START_TEST(a_holder_keeps_the_vm)
{
	struct bench bench;
	int fd;

	bench_open(&bench, "all", UAPI_VM_TYPE_SW_PROTECTED);
	fd = holders[_i].hold(&bench);
	ck_assert_int_eq(bench_close_fd(&bench, bench.vm), 0);
	bench.vm = -1;
	ck_assert_msg(vms(&bench) == 1, "%s: the VM is gone", holders[_i].row);
	ck_assert_int_eq(bench_close_fd(&bench, fd), 0);
	ck_assert_msg(vms(&bench) == 0, "%s: the VM is still there", holders[_i].row);
	bench_close(&bench);
}
END_TEST

/* 5.1: each mapping of a vCPU fd; and of part of it (7.2, partial overlap). */
START_TEST(a_mapping_keeps_the_vm_to_its_last_page)
{
	struct bench bench;
	uint8_t *run;
	int vcpu, r;

	bench_open(&bench, "all", UAPI_VM_TYPE_DEFAULT);
	vcpu = bench_vcpu(&bench, 0);
	run = bench_map(&bench, vcpu, RUN_SIZE, &r);
	ck_assert_ptr_nonnull(run);
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	ck_assert_int_eq(bench_close_fd(&bench, bench.vm), 0);
	bench.vm = -1;
	bench_unmap(&bench, run, 4096);
	bench_unmap(&bench, run + 8192, 4096);
	ck_assert_uint_eq(vms(&bench), 1);
	bench_unmap(&bench, run + 4096, 4096);
	ck_assert_uint_eq(vms(&bench), 0);
	ck_assert_uint_eq(bench_account(&bench).mappings, 0);
	bench_close(&bench);
}
END_TEST

/* A hole in the middle leaves two mappings, and both hold. */
START_TEST(a_hole_leaves_both_sides)
{
	struct bench bench;
	uint8_t *run;
	int vcpu, r;

	bench_open(&bench, "all", UAPI_VM_TYPE_DEFAULT);
	vcpu = bench_vcpu(&bench, 0);
	run = bench_map(&bench, vcpu, RUN_SIZE, &r);
	bench_unmap(&bench, run + 4096, 4096);
	ck_assert_uint_eq(bench_account(&bench).mappings, 2);
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	ck_assert_int_eq(bench_close_fd(&bench, bench.vm), 0);
	bench.vm = -1;
	bench_unmap(&bench, run, 4096);
	ck_assert_uint_eq(vms(&bench), 1);
	bench_unmap(&bench, run + 8192, 4096);
	ck_assert_uint_eq(vms(&bench), 0);
	bench_close(&bench);
}
END_TEST

/* 7.2: MAP_FIXED over the old mapping drops the old vCPU, and the VM with it. */
START_TEST(a_mapping_put_over_another_replaces_it)
{
	const struct coco_platform_ops *ops;
	struct bench bench;
	struct kvm_run *run;
	void *again;
	int old_vm, old, new, r;

	bench_open(&bench, "all", UAPI_VM_TYPE_DEFAULT);
	ops = bench.platform->ops;
	old = bench_vcpu(&bench, 0);
	run = bench_map(&bench, old, RUN_SIZE, &r);
	run->cr8 = 5;
	old_vm = bench.vm;
	bench.vm = bench_vm(&bench, 0);
	new = bench_vcpu(&bench, 0);
	ck_assert_int_eq(bench_close_fd(&bench, old), 0);
	ck_assert_int_eq(bench_close_fd(&bench, old_vm), 0);
	ck_assert_uint_eq(vms(&bench), 2);
	r = ops->mmap(bench.platform->context, run, RUN_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_FIXED, new, 0, &again);
	ck_assert_int_eq(r, 0);
	ck_assert_ptr_eq(again, run);
	ck_assert_uint_eq(run->cr8, 0);
	ck_assert_uint_eq(vms(&bench), 1);
	ck_assert_uint_eq(bench_account(&bench).mappings, 1);
	bench_unmap(&bench, run, RUN_SIZE);
	ck_assert_int_eq(bench_close_fd(&bench, new), 0);
	bench_close(&bench);
}
END_TEST

/* 7.1: dup3 puts a new VM at the old one's number; the old one lives on by its vCPU alone. */
START_TEST(a_number_goes_from_one_vm_to_the_next)
{
	struct bench bench;
	int number, vcpu, vm;

	bench_open(&bench, "all", UAPI_VM_TYPE_DEFAULT);
	number = bench.vm;
	vcpu = bench_vcpu(&bench, 0);
	vm = bench_vm(&bench, 0);
	ck_assert_int_eq(bench_dup3(&bench, vm, number), number);
	ck_assert_int_eq(bench_close_fd(&bench, vm), 0);
	ck_assert_uint_eq(vms(&bench), 2);
	/* The number is the new VM's: id 0 is free there. */
	ck_assert_int_eq(bench_close_fd(&bench, bench_vcpu(&bench, 0)), 0);
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	ck_assert_uint_eq(vms(&bench), 1);
	bench_close(&bench);
}
END_TEST

START_TEST(dup3_refuses_what_the_kernel_refuses)
{
	struct bench bench;

	bench_open(&bench, "all", UAPI_VM_TYPE_DEFAULT);
	ck_assert_int_eq(bench_dup3(&bench, bench.vm, bench.vm), -EINVAL);
	ck_assert_int_eq(bench_dup3(&bench, 9999, bench.vm), -EBADF);
	ck_assert_int_eq(bench_dup3(&bench, bench.vm, -1), -EBADF);
	/* And nothing has changed. */
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP),
			 1);
	bench_close(&bench);
}
END_TEST

/* 5.4: a guest_memfd is born without close-on-exec, everything else with it. */
START_TEST(descriptors_are_close_on_exec_but_for_guest_memfd)
{
	struct bench bench;
	int gmem, vcpu;

	bench_open(&bench, "all", UAPI_VM_TYPE_SW_PROTECTED);
	gmem = bench_gmem(&bench, 0x1000, 0);
	vcpu = bench_vcpu(&bench, 0);
	ck_assert_int_eq(fcntl(bench.kvm, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(bench.vm, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(vcpu, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(gmem, F_GETFD), 0);
	ck_assert_int_eq(bench.platform->ops->set_cloexec(bench.platform->context, gmem), 0);
	ck_assert_int_eq(fcntl(gmem, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(bench_close_fd(&bench, gmem), 0);
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	bench_close(&bench);
}
END_TEST

/* 7.1: kvm->mm != current->mm. */
START_TEST(a_forked_child_is_refused)
{
	struct bench bench;
	int status;
	pid_t child;

	bench_open(&bench, "all", UAPI_VM_TYPE_DEFAULT);
	child = fork();
	if (child == 0)
		_exit(-bench_ioctl_value(&bench, bench.vm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), EIO);
	bench_close(&bench);
}
END_TEST

/* 7.2: page 0 is kvm_run, page 2 the VM's one coalesced ring, whichever vCPU's mapping shows it. */
START_TEST(vcpus_of_a_vm_share_the_coalesced_ring)
{
	struct bench bench;
	uint8_t *run[2];
	int vcpu[2], r;

	bench_open(&bench, "all", UAPI_VM_TYPE_DEFAULT);
	for (unsigned i = 0; i < 2; i++) {
		vcpu[i] = bench_vcpu(&bench, i);
		run[i] = bench_map(&bench, vcpu[i], RUN_SIZE, &r);
		ck_assert_ptr_nonnull(run[i]);
	}
	run[0][0] = 1;
	run[0][8192] = 7;
	ck_assert_uint_eq(run[1][0], 0);
	ck_assert_uint_eq(run[1][8192], 7);
	for (unsigned i = 0; i < 2; i++) {
		bench_unmap(&bench, run[i], RUN_SIZE);
		ck_assert_int_eq(bench_close_fd(&bench, vcpu[i]), 0);
	}
	bench_close(&bench);
}
END_TEST

/* What can't be mapped, and how. */
static const struct {
	const char *row;
	int kind; /* 0: /dev/kvm, 1: VM, 2: gmem without MMAP, 3: with, privately */
	int expected;
} unmappable[] = {
	{"/dev/kvm", 0, -ENODEV},
	{"a VM", 1, -ENODEV},
	{"11.2 mmap without the MMAP flag", 2, -ENODEV},
	{"11.2 a private mapping", 3, -EINVAL},
};

START_TEST(some_files_can_not_be_mapped)
{
	struct bench bench;
	void *out;
	int fd, flags = MAP_SHARED, r;

	bench_open(&bench, "all", UAPI_VM_TYPE_DEFAULT);
	fd = unmappable[_i].kind == 0 ? bench.kvm : bench.vm;
	if (unmappable[_i].kind >= 2)
		fd = bench_gmem(&bench, 0x1000, unmappable[_i].kind == 3 ? 3 : 0);
	if (unmappable[_i].kind == 3)
		flags = MAP_PRIVATE;
	r = bench.platform->ops->mmap(bench.platform->context, NULL, 4096, PROT_READ, flags, fd, 0,
				      &out);
	ck_assert_msg(r == unmappable[_i].expected, "%s: %d", unmappable[_i].row, r);
	if (unmappable[_i].kind >= 2)
		ck_assert_int_eq(bench_close_fd(&bench, fd), 0);
	bench_close(&bench);
}
END_TEST

/* Unknown requests, by the kind of file (6.0, last row). */
START_TEST(unknown_requests_have_the_errno_of_their_file)
{
	struct kvm_create_device device = {.type = KVM_DEV_TYPE_VFIO};
	struct bench bench;
	int vcpu, gmem;

	bench_open(&bench, "all", UAPI_VM_TYPE_DEFAULT);
	vcpu = bench_vcpu(&bench, 0);
	gmem = bench_gmem(&bench, 0x1000, 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_CREATE_DEVICE, &device), 0);
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.kvm, 0xaeff, 0), -EINVAL);
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, 0xaeff, 0), -ENOTTY);
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, KVM_GET_NR_MMU_PAGES, 0), -ENOTTY);
	ck_assert_int_eq(bench_ioctl_value(&bench, vcpu, 0xaeff, 0), -EINVAL);
	ck_assert_int_eq(bench_ioctl_value(&bench, vcpu, 0x1234, 0), -EINVAL);
	ck_assert_int_eq(bench_ioctl_value(&bench, (int)device.fd, 0xaeff, 0), -ENOTTY);
	ck_assert_int_eq(bench_ioctl_value(&bench, gmem, 0xaeff, 0), -ENOTTY);
	ck_assert_int_eq(bench_ioctl_value(&bench, 9999, KVM_RUN, 0), -EBADF);
	ck_assert_int_eq(bench_close_fd(&bench, (int)device.fd), 0);
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	ck_assert_int_eq(bench_close_fd(&bench, gmem), 0);
	bench_close(&bench);
}
END_TEST

/* What is left open is closed with the simulator. */
START_TEST(freeing_the_simulator_closes_everything)
{
	struct bench bench;
	int vcpu, r;

	bench_open(&bench, "all", UAPI_VM_TYPE_SW_PROTECTED);
	vcpu = bench_vcpu(&bench, 0);
	bench_gmem(&bench, 0x1000, 0);
	ck_assert_ptr_nonnull(bench_map(&bench, vcpu, RUN_SIZE, &r));
	coco_sim_free(bench.sim);
	ck_assert_int_eq(fcntl(vcpu, F_GETFD), -1);
	ck_assert_int_eq(fcntl(bench.vm, F_GETFD), -1);
	munmap(bench.memory, MEMORY_SIZE);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_mapping_keeps_the_vm_to_its_last_page,
		a_hole_leaves_both_sides,
		a_mapping_put_over_another_replaces_it,
		a_number_goes_from_one_vm_to_the_next,
		dup3_refuses_what_the_kernel_refuses,
		descriptors_are_close_on_exec_but_for_guest_memfd,
		a_forked_child_is_refused,
		vcpus_of_a_vm_share_the_coalesced_ring,
		unknown_requests_have_the_errno_of_their_file,
		freeing_the_simulator_closes_everything,
		NULL,
	};
	Suite *suite = expect_suite("sim.files", tests);
	TCase *rows = tcase_create("rows");

	tcase_add_loop_test(rows, a_holder_keeps_the_vm, 0, sizeof(holders) / sizeof(holders[0]));
	tcase_add_loop_test(rows, some_files_can_not_be_mapped, 0,
			    sizeof(unmappable) / sizeof(unmappable[0]));
	suite_add_tcase(suite, rows);
	return expect_run(suite);
}
