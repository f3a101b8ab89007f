/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A VMM makes its own VM and runs it, hands it over, and resets it: are its numbers and addresses
 * what they were, and is the next VM what it had made?
 */
#include "rig.h"
#include "snapshot.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM 0x100000ull

static struct rig rig;

/* The VMM: what it makes without the library. */
static struct {
	const struct coco_platform *platform;
	int kvm, vm, vcpu, event;
	size_t run_size;
	struct kvm_run *run;
	uint8_t *ram;
	uint8_t *rom;
	uint8_t firmware[4096];
} vmm;

static int do_ioctl(int fd, unsigned long request, const void *argument)
{
	const int r =
		vmm.platform->ops->ioctl(vmm.platform->context, fd, request, (uintptr_t)argument);

	ck_assert_int_ge(r, 0);
	return r;
}

static uint8_t *map_memory(size_t size)
{
	uint8_t *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(memory, MAP_FAILED);
	return memory;
}

static void set_slot(uint32_t slot, uint64_t gpa, uint64_t size, const void *host)
{
	const struct kvm_userspace_memory_region region = {.slot = slot,
							   .guest_phys_addr = gpa,
							   .memory_size = size,
							   .userspace_addr = (uintptr_t)host};

	do_ioctl(vmm.vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* mov al, 1; out 0x80, al; and again */
static const uint8_t code[] = {0xb0, 1, 0xe6, 0x80, 0xeb, 0xfa};

static const struct kvm_pit_config pit = {.flags = 1};

static struct kvm_irqfd irqfd(void)
{
	return (struct kvm_irqfd){.fd = (uint32_t)vmm.event, .gsi = 5};
}

static void make_vm(void)
{
	struct kvm_irqfd line;
	void *run;

	vmm.platform = coco_sim_get_platform(rig.sim);
	vmm.kvm = vmm.platform->ops->open(vmm.platform->context, "/dev/kvm");
	vmm.vm = do_ioctl(vmm.kvm, KVM_CREATE_VM, NULL);
	vmm.run_size = (size_t)do_ioctl(vmm.kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	vmm.ram = map_memory(RAM);
	vmm.rom = map_memory(0x10000);
	memcpy(vmm.firmware + 0xff0, code, sizeof(code));
	memcpy(vmm.rom + 0xf000, vmm.firmware, sizeof(vmm.firmware));
	do_ioctl(vmm.vm, KVM_CREATE_IRQCHIP, NULL);
	do_ioctl(vmm.vm, KVM_CREATE_PIT2, &pit);
	set_slot(0, 0, RAM, vmm.ram);
	set_slot(1, 0xffff0000, 0x10000, vmm.rom);
	vmm.vcpu = do_ioctl(vmm.vm, KVM_CREATE_VCPU, NULL);
	ck_assert_int_eq(vmm.platform->ops->mmap(vmm.platform->context, NULL, vmm.run_size,
						 PROT_READ | PROT_WRITE, MAP_SHARED, vmm.vcpu, 0,
						 &run),
			 0);
	vmm.run = run;
	vmm.event = rig_eventfd();
	line = irqfd();
	do_ioctl(vmm.vm, KVM_IRQFD, &line);
}

static void add_region(uint64_t gpa, uint64_t size, void *host)
{
	struct coco_memory memory;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	memory.host = host;
	memory.flags = COCO_MEMORY_ANONYMOUS;
	expect_ok(coco_guest_add_memory(rig.guest, &memory, &rig.error), &rig.error);
}

static void make_guest(void)
{
	rig_init(&rig);
	make_vm();
	rig.options.vcpus = 1;
	rig.options.kick = NULL;
	rig.options.flags = COCO_GUEST_OWN_LOOP;
	expect_ok(coco_guest_new(rig.host, &rig.options, &rig.guest, &rig.error), &rig.error);
	add_region(0, RAM, vmm.ram);
	add_region(0xffff0000, 0x10000, vmm.rom);
}

static struct coco_adopted_vcpu adopted;

static struct coco_adoption adoption(void)
{
	struct coco_adoption adoption;

	adopted = (struct coco_adopted_vcpu){.fd = vmm.vcpu, .run = vmm.run};
	COCO_INIT(&adoption);
	adoption.vm_fd = vmm.vm;
	adoption.vcpus = 1;
	adoption.vcpu = &adopted;
	return adoption;
}

static void adopt(void)
{
	const struct coco_adoption given = adoption();
	const struct kvm_irqfd line = irqfd();

	expect_ok(coco_vm_record(rig.guest, KVM_CREATE_IRQCHIP, 0, &rig.error), &rig.error);
	expect_ok(coco_vm_record(rig.guest, KVM_CREATE_PIT2, (uintptr_t)&pit, &rig.error),
		  &rig.error);
	expect_ok(coco_vm_record(rig.guest, KVM_IRQFD, (uintptr_t)&line, &rig.error), &rig.error);
	expect_ok(coco_guest_adopt(rig.guest, &given, &rig.error), &rig.error);
}

/* One round of the VMM's loop: the guest says OUT 0x80. */
static void run_once(uint64_t generation)
{
	struct coco_exit exit;
	int r;

	COCO_INIT(&exit);
	r = vmm.platform->ops->ioctl(vmm.platform->context, vmm.vcpu, KVM_RUN, 0);
	expect_ok(coco_vcpu_handle_exit(coco_guest_vcpu(rig.guest, 0), r, &exit, &rig.error),
		  &rig.error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_KVM);
	ck_assert_uint_eq(exit.kvm_reason, KVM_EXIT_IO);
	ck_assert_uint_eq(exit.generation, generation);
	ck_assert_uint_eq(vmm.run->io.port, 0x80);
}

static void tear_down(void)
{
	vmm.platform->ops->close(vmm.platform->context, vmm.kvm);
	rig_end(&rig);
	munmap(vmm.ram, RAM);
	munmap(vmm.rom, 0x10000);
	close(vmm.event);
}

START_TEST(an_adopted_vm_is_reset_in_place)
{
	make_guest();
	/* It runs, knowing of no library. */
	do_ioctl(vmm.vcpu, KVM_RUN, NULL);
	adopt();
	ck_assert_int_eq(coco_guest_vm_fd(rig.guest), vmm.vm);
	ck_assert_int_eq(coco_vcpu_fd(coco_guest_vcpu(rig.guest, 0)), vmm.vcpu);
	ck_assert_ptr_eq(coco_vcpu_kvm_run(coco_guest_vcpu(rig.guest, 0)), vmm.run);
	ck_assert_uint_eq(rig_account(&rig).vms, 1);
	run_once(1);
	for (uint64_t generation = 2; generation < 8; generation++) {
		vmm.ram[0x5000] = 0x77;
		rig_reset(&rig, generation % 2 ? COCO_STRATEGY_OVERLAP : COCO_STRATEGY_SEQUENTIAL);
		ck_assert_uint_eq(vmm.ram[0x5000], 0);
		ck_assert_mem_eq(vmm.rom + 0xfff0, code, sizeof(code));
		ck_assert_uint_eq(rig_account(&rig).vms, 1);
		ck_assert_uint_eq(rig_account(&rig).irqfds, 1);
		run_once(generation);
	}
	tear_down();
}
END_TEST

START_TEST(the_next_vm_is_what_the_vmm_had_made)
{
	char *before;

	make_guest();
	adopt();
	before = snapshot_take(&rig);
	/* CPUID is what the library gives its guests, if the VMM says nothing. */
	rig_reset(&rig, COCO_STRATEGY_SEQUENTIAL);
	free(before);
	before = snapshot_take(&rig);
	rig_reset(&rig, COCO_STRATEGY_OVERLAP);
	snapshot_expect_same(before, snapshot_take(&rig), "adopted");
	tear_down();
}
END_TEST

START_TEST(what_cant_be_right_is_refused)
{
	struct coco_adoption given;

	make_guest();
	given = adoption();
	given.vm_fd = -1;
	expect_error(coco_guest_adopt(rig.guest, &given, &rig.error), &rig.error, -EINVAL, "vm_fd");
	given = adoption();
	given.vcpus = 2;
	expect_error(coco_guest_adopt(rig.guest, &given, &rig.error), &rig.error, -EINVAL, "vcpus");
	given = adoption();
	adopted.run = (struct kvm_run *)(void *)((uint8_t *)vmm.run + 1);
	expect_error(coco_guest_adopt(rig.guest, &given, &rig.error), &rig.error, -EINVAL, "vcpu");
	adopt();
	given = adoption();
	expect_error(coco_guest_adopt(rig.guest, &given, &rig.error), &rig.error, -EBUSY, "state");
	tear_down();
}
END_TEST

START_TEST(private_memory_is_launched_not_adopted)
{
	struct coco_adoption given;

	rig_init(&rig);
	rig.options.tech = COCO_TECH_SWPROTECTED;
	rig.options.flags = COCO_GUEST_OWN_LOOP;
	rig.options.kick = NULL;
	rig_guest(&rig);
	COCO_INIT(&given);
	given.vm_fd = 3;
	given.vcpus = RIG_VCPUS;
	given.vcpu = &adopted;
	expect_error(coco_guest_adopt(rig.guest, &given, &rig.error), &rig.error, -EOPNOTSUPP,
		     "tech");
	rig_end(&rig);
}
END_TEST

/* The guest converts a page by touching it; the loop is the VMM's. */
START_TEST(a_loop_of_its_own_has_conversions_served)
{
	struct coco_vcpu *vcpu;
	struct coco_exit exit;

	rig_init(&rig);
	rig.options.tech = COCO_TECH_SWPROTECTED;
	rig.options.flags = COCO_GUEST_OWN_LOOP;
	rig.options.kick = NULL;
	rig_guest(&rig);
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	vcpu = coco_guest_vcpu(rig.guest, 0);
	ck_assert_uint_eq(rig_info(&rig).conversions, 0);
	/* As the kernel tells it. */
	coco_vcpu_kvm_run(vcpu)->exit_reason = KVM_EXIT_HYPERCALL;
	coco_vcpu_kvm_run(vcpu)->hypercall.nr = UAPI_HC_MAP_GPA_RANGE;
	coco_vcpu_kvm_run(vcpu)->hypercall.args[0] = 0x10000;
	coco_vcpu_kvm_run(vcpu)->hypercall.args[1] = 2;
	coco_vcpu_kvm_run(vcpu)->hypercall.args[2] = UAPI_MAP_GPA_RANGE_ENCRYPTED;
	COCO_INIT(&exit);
	expect_ok(coco_vcpu_handle_exit(vcpu, 0, &exit, &rig.error), &rig.error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_SERVED);
	ck_assert_uint_eq(coco_vcpu_kvm_run(vcpu)->hypercall.ret, 0);
	ck_assert_uint_eq(rig_info(&rig).conversions, 1);
	expect_ok(coco_vcpu_handle_exit(vcpu, -EINTR, &exit, &rig.error), &rig.error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_INTERRUPTED);
	ck_assert_int_eq(coco_vcpu_handle_exit(vcpu, -EIO, &exit, &rig.error), -EIO);
	rig_reset(&rig, COCO_STRATEGY_OVERLAP);
	rig_end(&rig);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_adopted_vm_is_reset_in_place,
		the_next_vm_is_what_the_vmm_had_made,
		what_cant_be_right_is_refused,
		private_memory_is_launched_not_adopted,
		a_loop_of_its_own_has_conversions_served,
		NULL,
	};

	return expect_run(expect_suite("adopt", tests));
}
