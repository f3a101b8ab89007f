/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Guest code executes: modes, translation, exceptions, code that changes, devices. */
#include "machine.h"

PROGRAM(real_arithmetic);
PROGRAM(real_interrupt);
PROGRAM(real_to_protected);
PROGRAM(real_strings);
PROGRAM(long_arithmetic);
PROGRAM(faults);
PROGRAM(mends);
PROGRAM(changes);
PROGRAM(changes_itself);
PROGRAM(device);
PROGRAM(strings);

static struct machine machine;

static void open_machine(void)
{
	machine_open(&machine, NO_IRQCHIP, 1);
}

static void close_machine(void)
{
	machine_close(&machine);
}

static void expect_halt(void)
{
	machine_expect_exit(&machine, 0, KVM_EXIT_HLT);
}

/* --- modes */

START_TEST(test_real_arithmetic)
{
	machine_load(&machine, &real_arithmetic, REAL);
	expect_result(&machine, 0x2234);
	expect_result(&machine, 0x55aa);
	expect_halt();
}
END_TEST

START_TEST(test_real_interrupt)
{
	const uint16_t vector[2] = {0x1020, 0};

	machine_load(&machine, &real_interrupt, REAL);
	memcpy(machine.bench.memory + 0x21 * 4, vector, sizeof(vector));
	expect_result(&machine, 8);
	expect_result(&machine, 2); /* the flags came back */
	expect_halt();
}
END_TEST

START_TEST(test_real_to_protected)
{
	uint32_t word;

	machine_load(&machine, &real_to_protected, REAL);
	expect_result(&machine, 0x12345678);
	expect_result(&machine, 0x11);
	expect_halt();
	memcpy(&word, machine.bench.memory + 0x180000, sizeof(word));
	ck_assert_uint_eq(word, 0x12345678);
	ck_assert_uint_eq(machine_sregs(&machine, 0).cs.selector, 8);
	ck_assert_uint_eq(machine_sregs(&machine, 0).cs.db, 1);
}
END_TEST

START_TEST(test_strings_of_ports)
{
	struct kvm_run *run = machine.run[0];
	const uint16_t words[2] = {0x1122, 0x3344};

	machine_load(&machine, &real_strings, REAL);
	memcpy(machine.bench.memory + DATA_AT, "abc", 3);
	for (unsigned int i = 0; i < 3; i++) {
		machine_expect_exit(&machine, 0, KVM_EXIT_IO);
		ck_assert_int_eq(run->io.size, 1);
		ck_assert_int_eq(*((const char *)run + run->io.data_offset), "abc"[i]);
	}
	for (unsigned int i = 0; i < 2; i++) {
		machine_expect_exit(&machine, 0, KVM_EXIT_IO);
		ck_assert_int_eq(run->io.direction, KVM_EXIT_IO_IN);
		ck_assert_int_eq(run->io.port, PORT_INPUT);
		ck_assert_int_eq(run->io.size, 2);
		memcpy((char *)run + run->io.data_offset, &words[i], 2);
	}
	expect_result(&machine, 0x33441122);
	expect_result(&machine, 0x01040000);
	expect_halt();
}
END_TEST

START_TEST(test_long_arithmetic)
{
	machine_load(&machine, &long_arithmetic, LONG);
	expect_result(&machine, 0x11223344);
	expect_result(&machine, 0x01020304); /* over the end of a page */
	expect_result(&machine, TABLES_AT);
	expect_result(&machine, 0xd00); /* LME, LMA, NXE */
	expect_halt();
	ck_assert_uint_eq(machine_regs(&machine, 0).rcx, 0xc0000080);
}
END_TEST

/* --- exceptions */

static const struct fault_row {
	uint32_t number; /* of the instruction */
	uint32_t vector;
	uint32_t error_code;
	uint32_t rip;
	uint32_t cr2;
} fault_rows[] = {
	{0, 0, 0, 0x1302, 0},         {1, 6, 0, 0x1310, 0},
	{2, 14, 0, 0x1320, 0x600000}, {3, 14, 2, 0x1330, 0x600000},
	{4, 14, 3, 0x1340, 0x200000}, {5, 14, 0x10, 0x600000, 0x600000},
	{6, 13, 0, 0x1365, 0},        {7, 3, 0, 0x1371, 0},
	{8, 13, 0x1238, 0x1385, 0},   {9, 14, 0, 0x1390, 0x600000},
	{10, 13, 0, 0x13aa, 0},
};

START_TEST(test_exception)
{
	const struct fault_row *row = &fault_rows[_i];
	struct kvm_regs regs;

	machine_load(&machine, &faults, LONG);
	machine.tables[1025] &= ~2ull; /* HIGH is read-only */
	for (uint32_t i = 0; i < 32; i++)
		machine_gate(&machine, (uint8_t)i, CODE_AT + 0x100 + i * 16);
	regs = machine_regs(&machine, 0);
	regs.rdi = row->number;
	machine_set_regs(&machine, 0, &regs);
	expect_result(&machine, row->vector);
	expect_result(&machine, row->error_code);
	expect_result(&machine, row->rip);
	expect_result(&machine, row->cr2);
	expect_halt();
	/* A frame of five words and the error code was popped twice. */
	ck_assert_uint_eq(machine_regs(&machine, 0).rsp, STACK_TOP - 32);
	ck_assert_uint_eq(machine_regs(&machine, 0).rflags & 1 << 9, 0);
}
END_TEST

/* No gate for the exception, none for #GP, none for #DF. */
START_TEST(test_triple_fault)
{
	machine_load(&machine, &faults, LONG);
	machine_expect_exit(&machine, 0, KVM_EXIT_SHUTDOWN);
}
END_TEST

START_TEST(test_fault_is_mended)
{
	machine_load(&machine, &mends, LONG);
	machine.tables[1025] = 0;
	machine_gate(&machine, 14, CODE_AT + 0x80);
	expect_result(&machine, 0x77);
	expect_result(&machine, 0x2000e3);
	expect_halt();
	ck_assert_uint_eq(machine.bench.memory[HIGH_AT + 0x123], 0x77);
}
END_TEST

/* Without EFER.NXE the bit is reserved. */
START_TEST(test_reserved_bit)
{
	struct kvm_sregs sregs;

	machine_load(&machine, &mends, LONG);
	sregs = machine_sregs(&machine, 0);
	sregs.efer &= ~(1ull << 11);
	machine_set_sregs(&machine, 0, &sregs);
	machine.tables[1025] |= 1ull << 63;
	machine_gate(&machine, 14, CODE_AT + 0x80);
	expect_result(&machine, 0x77);
	ck_assert_uint_eq(machine_sregs(&machine, 0).cr2, HIGH_AT + 0x123);
	expect_result(&machine, 0x2000e3);
	expect_halt();
}
END_TEST

/* --- code that changes */

START_TEST(test_user_space_changes_code)
{
	machine_load(&machine, &changes, LONG);
	for (uint32_t i = 1; i < 6; i++) {
		expect_result(&machine, i);
		machine.bench.memory[CODE_AT + 1] = (uint8_t)(i + 1);
	}
}
END_TEST

START_TEST(test_guest_changes_code)
{
	machine_load(&machine, &changes_itself, LONG);
	expect_result(&machine, 0x10);
	for (uint32_t i = 1; i < 6; i++)
		expect_result(&machine, i);
}
END_TEST

/* --- strings, devices */

START_TEST(test_strings)
{
	machine_load(&machine, &strings, LONG);
	expect_result(&machine, 0x5a5a5a5a);
	expect_result(&machine, 0);
	expect_result(&machine, DATA_AT + 0x1030);
	expect_result(&machine, 0x11223344);
	expect_result(&machine, 0x66666666);
	expect_halt();
}
END_TEST

static void expect_read(uint64_t offset, uint32_t size, uint64_t answer)
{
	struct kvm_run *run = machine.run[0];

	machine_expect_exit(&machine, 0, KVM_EXIT_MMIO);
	ck_assert_uint_eq(run->mmio.phys_addr, DEVICE_AT + offset);
	ck_assert_uint_eq(run->mmio.len, size);
	ck_assert_uint_eq(run->mmio.is_write, 0);
	memcpy(run->mmio.data, &answer, size);
}

static void expect_write(uint64_t offset, uint32_t size, uint64_t value)
{
	const struct kvm_run *run = machine.run[0];
	uint64_t written = 0;

	machine_expect_exit(&machine, 0, KVM_EXIT_MMIO);
	ck_assert_uint_eq(run->mmio.phys_addr, DEVICE_AT + offset);
	ck_assert_uint_eq(run->mmio.len, size);
	ck_assert_uint_eq(run->mmio.is_write, 1);
	memcpy(&written, run->mmio.data, size);
	ck_assert_uint_eq(written, value);
}

START_TEST(test_device)
{
	machine_load(&machine, &device, LONG);
	expect_read(0, 4, 0xcafebabe);
	expect_result(&machine, 0xcafebabe);
	expect_write(4, 2, 0xbeef);
	expect_read(8, 4, 10);
	expect_write(8, 4, 15);
	expect_read(12, 1, 0x81);
	expect_result(&machine, 0x81);
	expect_read(16, 8, 0x1122334455667788);
	expect_result(&machine, 0x55667788);
	expect_read(24, 8, 0x99);
	expect_result(&machine, 0x99);
	expect_read(32, 1, 0x40);
	expect_write(32, 1, 0x41);
	expect_halt();
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("sim.cpu");
	TCase *modes = tcase_create("modes");
	TCase *exceptions = tcase_create("exceptions");
	TCase *code = tcase_create("code");
	TCase *memory = tcase_create("memory");

	tcase_add_checked_fixture(modes, open_machine, close_machine);
	tcase_add_test(modes, test_real_arithmetic);
	tcase_add_test(modes, test_real_interrupt);
	tcase_add_test(modes, test_real_to_protected);
	tcase_add_test(modes, test_strings_of_ports);
	tcase_add_test(modes, test_long_arithmetic);
	suite_add_tcase(suite, modes);
	tcase_add_checked_fixture(exceptions, open_machine, close_machine);
	tcase_add_loop_test(exceptions, test_exception, 0,
			    (int)(sizeof(fault_rows) / sizeof(fault_rows[0])));
	tcase_add_test(exceptions, test_triple_fault);
	tcase_add_test(exceptions, test_fault_is_mended);
	tcase_add_test(exceptions, test_reserved_bit);
	suite_add_tcase(suite, exceptions);
	tcase_add_checked_fixture(code, open_machine, close_machine);
	tcase_add_test(code, test_user_space_changes_code);
	tcase_add_test(code, test_guest_changes_code);
	suite_add_tcase(suite, code);
	tcase_add_checked_fixture(memory, open_machine, close_machine);
	tcase_add_test(memory, test_strings);
	tcase_add_test(memory, test_device);
	suite_add_tcase(suite, memory);
	return suite;
}

int main(void)
{
	return expect_run(suite());
}
