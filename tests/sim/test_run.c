/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* KVM_RUN: who is let in, what is completed, several vCPUs, interrupts, and being called off. */
#include "machine.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

PROGRAM(changes);
PROGRAM(halts);
PROGRAM(msrs);
PROGRAM(opens);
PROGRAM(spins);
PROGRAM(starts);
PROGRAM(started);

static struct machine machine;

static void close_machine(void)
{
	machine_close(&machine);
}

static void open_alone(void)
{
	machine_open(&machine, NO_IRQCHIP, 1);
}

static void open_split(void)
{
	machine_open(&machine, SPLIT_IRQCHIP, 2);
}

static void set_cpuid(uint32_t vcpu)
{
	struct {
		struct kvm_cpuid2 header;
		struct kvm_cpuid_entry2 entry[2];
	} cpuid = {
		.header = {.nent = 2},
		.entry = {{.function = 0, .eax = 1}, {.function = 1, .ecx = 1u << 21}},
	};

	ck_assert_int_eq(bench_ioctl(&machine.bench, machine.vcpu[vcpu], KVM_SET_CPUID2, &cpuid),
			 0);
}

/* --- being called off: tdx 4.4 (6) */

START_TEST(immediate_exit_completes_and_returns)
{
	machine_load(&machine, &changes, LONG);
	expect_result(&machine, 1);
	machine.run[0]->immediate_exit = 1;
	ck_assert_int_eq(machine_run(&machine, 0), -EINTR);
	ck_assert_int_eq(machine_run(&machine, 0), -EINTR);
	/* The OUT is done: RIP is at the jump after it. */
	ck_assert_uint_eq(machine_regs(&machine, 0).rip, CODE_AT + 7);
	machine.run[0]->immediate_exit = 0;
	expect_result(&machine, 1);
}
END_TEST

START_TEST(sync_registers_that_are_unknown_are_refused)
{
	machine_load(&machine, &changes, LONG);
	machine.run[0]->kvm_valid_regs = 1ull << 40;
	ck_assert_int_eq(machine_run(&machine, 0), -EINVAL);
	machine.run[0]->kvm_valid_regs = 0;
	expect_result(&machine, 1);
}
END_TEST

START_TEST(argument_must_be_zero)
{
	machine_load(&machine, &changes, LONG);
	ck_assert_int_eq(bench_ioctl_value(&machine.bench, machine.vcpu[0], KVM_RUN, 1), -EINVAL);
}
END_TEST

static void on_signal(int number)
{
	(void)number;
}

static void *run_thread(void *argument)
{
	const uint32_t vcpu = *(const uint32_t *)argument;

	return (void *)(intptr_t)machine_run(&machine, vcpu);
}

static pthread_t start_vcpu(uint32_t *vcpu)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, run_thread, vcpu), 0);
	return thread;
}

static int join(pthread_t thread)
{
	void *result;

	ck_assert_int_eq(pthread_join(thread, &result), 0);
	return (int)(intptr_t)result;
}

static void call_off(pthread_t thread, uint32_t vcpu)
{
	*(volatile uint8_t *)&machine.run[vcpu]->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
}

/* A guest that spins has no exits. */
START_TEST(a_spinning_vcpu_is_called_off)
{
	uint32_t vcpu = 0;
	pthread_t thread;

	machine_load(&machine, &spins, LONG);
	thread = start_vcpu(&vcpu);
	call_off(thread, vcpu);
	ck_assert_int_eq(join(thread), -EINTR);
}
END_TEST

/* A slot that comes while a vCPU executes: the ioctl waits until it has left guest code. */
START_TEST(memory_changes_under_a_spinning_vcpu)
{
	uint32_t vcpu = 0;
	const uint32_t value = 0x99;
	pthread_t thread;

	machine_load(&machine, &spins, LONG);
	thread = start_vcpu(&vcpu);
	for (uint32_t i = 0; i < 50; i++) {
		ck_assert_int_eq(bench_slot(&machine.bench, 1, 0, 0x40000000, 0x1000), 0);
		ck_assert_int_eq(bench_slot(&machine.bench, 1, 0, 0x40000000, 0), 0);
	}
	memcpy(machine.bench.memory + DATA_AT, &value, sizeof(value));
	ck_assert_int_eq(join(thread), 0);
	ck_assert_uint_eq(machine.run[0]->exit_reason, KVM_EXIT_IO);
}
END_TEST

/* --- registers between exits */

START_TEST(registers_may_be_changed_between_exits)
{
	struct kvm_regs regs;

	machine_load(&machine, &spins, LONG);
	machine.bench.memory[DATA_AT] = 5;
	expect_result(&machine, 5);
	regs = machine_regs(&machine, 0);
	ck_assert_uint_eq(regs.rax, 5);
	regs.rbx = 0xabcdef;
	machine_set_regs(&machine, 0, &regs);
	expect_result(&machine, 5);
	ck_assert_uint_eq(machine_regs(&machine, 0).rbx, 0xabcdef);
}
END_TEST

START_TEST(msrs_and_cpuid)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry[2];
	} args = {.header = {.nmsrs = 2}, .entry = {{.index = 0xc0000100}, {.index = 0xc0000080}}};

	machine_load(&machine, &msrs, LONG);
	set_cpuid(0);
	memcpy(machine.bench.memory + DATA_AT, &(uint32_t){0x13572468}, 4);
	expect_result(&machine, 1u << 21);
	expect_result(&machine, 0);
	expect_result(&machine, 0x13572468);
	expect_result(&machine, 0xd01);
	expect_result(&machine, 0x90);
	ck_assert_int_eq(bench_ioctl(&machine.bench, machine.vcpu[0], KVM_GET_MSRS, &args), 2);
	ck_assert_uint_eq(args.entry[0].data, DATA_AT);
	ck_assert_uint_eq(args.entry[1].data, 0xd01);
	ck_assert_uint_eq(machine_sregs(&machine, 0).cr8, 9);
}
END_TEST

/* --- interrupts */

static void send_msi(uint32_t destination, uint8_t vector)
{
	const struct kvm_msi msi = {.address_lo = 0xfee00000 | destination << 12, .data = vector};

	ck_assert_int_ge(bench_ioctl(&machine.bench, machine.bench.vm, KVM_SIGNAL_MSI, &msi), 0);
}

/* HLT with an in-kernel local APIC is no exit: the vCPU waits for an interrupt. */
START_TEST(a_halted_vcpu_is_woken_up)
{
	uint32_t vcpu = 0;
	pthread_t thread;

	machine_load(&machine, &halts, LONG);
	set_cpuid(0);
	machine_gate(&machine, 0x40, CODE_AT + 0x40);
	machine_gate(&machine, 0x41, CODE_AT + 0x40);
	thread = start_vcpu(&vcpu);
	/* It may come before the guest has its APIC enabled, and is lost then. */
	while (machine.run[0]->exit_reason != KVM_EXIT_IO) {
		send_msi(0, 0x41);
		sched_yield();
	}
	ck_assert_int_eq(join(thread), 0);
	while (machine_result(&machine, 0) == 0x1111)
		;
	expect_result(&machine, 0x1111);
	expect_result(&machine, 0x3333);
	expect_result(&machine, 0x1111);
	expect_result(&machine, 0x4444);
	/* Interrupts are off, and it halts for good. */
	thread = start_vcpu(&vcpu);
	call_off(thread, vcpu);
	ck_assert_int_eq(join(thread), -EINTR);
}
END_TEST

/* It comes while interrupts are off, and is taken after the instruction that follows STI. */
START_TEST(an_interrupt_waits_for_its_window)
{
	machine_load(&machine, &opens, LONG);
	set_cpuid(0);
	machine_gate(&machine, 0x41, CODE_AT + 0x40);
	expect_result(&machine, 1);
	send_msi(0, 0x41);
	expect_result(&machine, 2);
	expect_result(&machine, 3);
	expect_result(&machine, 0x1111);
	expect_result(&machine, 4);
}
END_TEST

/* tdx 4.4 (3): a vCPU that was never started waits; sev 8.5: then EAGAIN. */
START_TEST(an_ap_waits_until_it_is_called_off)
{
	uint32_t vcpu = 1;
	pthread_t thread = start_vcpu(&vcpu);
	struct kvm_mp_state state = {0};

	call_off(thread, vcpu);
	ck_assert_int_eq(join(thread), -EINTR);
	ck_assert_int_eq(bench_ioctl(&machine.bench, machine.vcpu[1], KVM_GET_MP_STATE, &state), 0);
	ck_assert_uint_eq(state.mp_state, KVM_MP_STATE_UNINITIALIZED);
}
END_TEST

static void *ap_thread(void *argument)
{
	uint32_t *again = argument;
	int r = machine_run(&machine, 1);

	while (r == -EAGAIN) {
		++*again;
		r = machine_run(&machine, 1);
	}
	return (void *)(intptr_t)r;
}

START_TEST(an_ap_is_started)
{
	uint32_t again = 0;
	pthread_t thread;
	struct kvm_sregs sregs;

	machine_load(&machine, &starts, LONG);
	memcpy(machine.bench.memory + 0x3000, started.begin, (size_t)(started.end - started.begin));
	set_cpuid(0);
	set_cpuid(1);
	ck_assert_int_eq(pthread_create(&thread, NULL, ap_thread, &again), 0);
	expect_result(&machine, 0x300);
	call_off(thread, 1);
	ck_assert_int_eq(join(thread), -EINTR);
	ck_assert_uint_eq(again, 1);
	sregs = machine_sregs(&machine, 1);
	ck_assert_uint_eq(sregs.cs.base, 0x3000);
	ck_assert_uint_eq(sregs.cs.selector, 0x300);
}
END_TEST

static void add_case(Suite *suite, const char *name, const TTest *const *tests, void (*open)(void))
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, open, close_machine);
	for (; *tests; tests++)
		tcase_add_test(tcase, *tests);
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	const struct sigaction action = {.sa_handler = on_signal};
	const TTest *const alone[] = {
		immediate_exit_completes_and_returns,
		sync_registers_that_are_unknown_are_refused,
		argument_must_be_zero,
		a_spinning_vcpu_is_called_off,
		memory_changes_under_a_spinning_vcpu,
		registers_may_be_changed_between_exits,
		NULL,
	};
	const TTest *const split[] = {
		msrs_and_cpuid,
		a_halted_vcpu_is_woken_up,
		an_interrupt_waits_for_its_window,
		an_ap_waits_until_it_is_called_off,
		an_ap_is_started,
		NULL,
	};
	Suite *suite = suite_create("sim.run");

	sigaction(SIGUSR1, &action, NULL);
	add_case(suite, "alone", alone, open_alone);
	add_case(suite, "split", split, open_split);
	return expect_run(suite);
}
