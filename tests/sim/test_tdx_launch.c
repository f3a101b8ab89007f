/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the commands of a TD's launch check, in which order, and what they leave behind:
 * sections 2.3, 3.2 to 3.5, 5.3, 9.2, 9.4 and 9.7 of the TDX reference.
 */
#define _GNU_SOURCE /* FALLOC_FL_* */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "td.h"

#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

#define UNREADABLE      8ull
#define OPERAND_INVALID 0xC000010000000000ull
#define OPERAND_BUSY    0x8000020000000080ull
#define NO_ENTROPY      0x8000020300000000ull
#define OTHER_STATUS    0xC000050000000000ull
#define MEASURE         UAPI_TDX_MEASURE

/* --- 2.3 CAPABILITIES */

struct capabilities_row {
	const char *name;
	uint32_t flags;
	uint32_t room;
	bool unreadable;
	int result;
};

static const struct capabilities_row capabilities_rows[] = {
	{"flags", 1, 256, false, -EINVAL},
	{"nent unreadable", 0, 256, true, -EFAULT},
	{"no room", 0, 0, false, -E2BIG},
	{"room for 256", 0, 256, false, 0},
};

START_TEST(capabilities)
{
	const struct capabilities_row *row = &capabilities_rows[_i];
	struct uapi_tdx_capabilities *out = calloc(1, sizeof(*out) + 256 * sizeof(out->entries[0]));
	struct td td;
	int rc;

	ck_assert_ptr_nonnull(out);
	td_open(&td, 4);
	out->nent = row->room;
	rc = td_command(&td, td.vm, UAPI_TDX_CAPABILITIES, row->flags,
			row->unreadable ? UNREADABLE : (uintptr_t)out);
	ck_assert_msg(rc == row->result, "2.3 %s: %d", row->name, rc);
	if (rc == -E2BIG)
		ck_assert_uint_eq(out->nent, 0); /* pitfall 6: the need is not told */
	if (rc == 0) {
		uint32_t need = out->nent;

		ck_assert_uint_eq(out->supported_attrs, 1u << 28);
		ck_assert_uint_eq(out->supported_xfam & 7, 7);
		ck_assert_uint_eq(out->user_tdvmcallinfo_1_r11, 2);
		ck_assert_uint_eq(out->kernel_tdvmcallinfo_1_r11, 0);
		/* One entry too few is as bad as none. */
		out->nent = need - 1;
		ck_assert_int_eq(td_command(&td, td.vm, UAPI_TDX_CAPABILITIES, 0, (uintptr_t)out),
				 -E2BIG);
		out->nent = need;
		ck_assert_int_eq(td_command(&td, td.vm, UAPI_TDX_CAPABILITIES, 0, (uintptr_t)out),
				 0);
	}
	free(out);
	td_close(&td);
}
END_TEST

/* --- 3.2 INIT_VM */

enum init_change {
	NONE,
	FLAGS,
	DATA,
	COUNT_257,
	RESERVED_FIRST,
	RESERVED_LAST,
	PADDING,
	ATTRIBUTE_DEBUG,
	XFAM,
	TSC_LOW,
	CPUID_VALUE,
};

struct init_row {
	const char *name;
	enum init_change change;
	const char *fault; /* and with which errno and status */
	int fault_error;
	uint64_t fault_status;
	int result;
	uint64_t hw_error;
	bool dead;
	uint32_t keys_used;
};

static const struct init_row init_rows[] = {
	{"success", NONE, NULL, 0, 0, 0, 0, false, 1},
	{"flags", FLAGS, NULL, 0, 0, -EINVAL, 0, false, 0},
	{"struct unreadable", DATA, NULL, 0, 0, -EFAULT, 0, false, 0},
	{"nent > 256", COUNT_257, NULL, 0, 0, -E2BIG, 0, false, 0},
	{"reserved[0]", RESERVED_FIRST, NULL, 0, 0, -EINVAL, 0, false, 0},
	{"reserved[11]", RESERVED_LAST, NULL, 0, 0, -EINVAL, 0, false, 0},
	{"padding", PADDING, NULL, 0, 0, -EINVAL, 0, false, 0},
	{"attributes", ATTRIBUTE_DEBUG, NULL, 0, 0, -EINVAL, 0, false, 0},
	{"xfam", XFAM, NULL, 0, 0, -EINVAL, 0, false, 0},
	{"vCPU creation in flight", NONE, "TDX_INIT_VM", -EBUSY, 0, -EBUSY, 0, false, 0},
	{"fatal signal while locking", NONE, "TDX_INIT_VM", -EINTR, 0, -EINTR, 0, false, 0},
	{"entropy, MNG.CREATE", NONE, "TDH.MNG.CREATE", -EIO, NO_ENTROPY, -EAGAIN, 0, false, 0},
	{"entropy, MNG.ADDCX", NONE, "TDH.MNG.ADDCX", -EIO, NO_ENTROPY, -EAGAIN, 0, false, 0},
	{"MNG.CREATE fails", NONE, "TDH.MNG.CREATE", -EIO, OTHER_STATUS, -EIO, 0, true, 0},
	{"MNG.KEY.CONFIG fails", NONE, "TDH.MNG.KEY.CONFIG", -EIO, OTHER_STATUS, -EIO, 0, true, 0},
	{"MNG.INIT says operand invalid", NONE, "TDH.MNG.INIT", -EINVAL, OPERAND_INVALID | 64,
	 -EINVAL, OPERAND_INVALID | 64, false, 0},
	{"MNG.INIT fails otherwise", NONE, "TDH.MNG.INIT", -EIO, OTHER_STATUS, -EIO, 0, true, 0},
	{"TSC below 100 MHz is the module's", TSC_LOW, NULL, 0, 0, -EINVAL, OPERAND_INVALID | 70,
	 false, 0},
	{"CPUID value is the module's", CPUID_VALUE, NULL, 0, 0, -EINVAL, OPERAND_INVALID | 69,
	 false, 0},
};

static void change_init(struct td *td, struct uapi_tdx_init_vm *init, enum init_change change)
{
	switch (change) {
	case COUNT_257:
		init->nent = 257;
		break;
	case RESERVED_FIRST:
		init->reserved[0] = 1;
		break;
	case RESERVED_LAST:
		init->reserved[11] = 1;
		break;
	case PADDING:
		init->padding = 1;
		break;
	case ATTRIBUTE_DEBUG:
		init->attributes = 1;
		break;
	case XFAM:
		init->xfam = 1ull << 62;
		break;
	case TSC_LOW:
		ck_assert_int_eq(td_ioctl(td, td->vm, KVM_SET_TSC_KHZ, 99000), 0);
		break;
	case CPUID_VALUE:
		init->entries[0].eax = 1;
		break;
	default:
		break;
	}
}

START_TEST(init_vm)
{
	const struct init_row *row = &init_rows[_i];
	struct uapi_tdx_command command = {.id = UAPI_TDX_INIT_VM};
	struct uapi_tdx_init_vm *init;
	struct td td;
	int rc;

	td_open(&td, 4);
	init = td_make_init(&td);
	change_init(&td, init, row->change);
	if (row->fault)
		ck_assert_int_eq(coco_sim_fail(td.sim, row->fault, 1, 1, row->fault_error,
					       row->fault_status),
				 0);
	command.flags = row->change == FLAGS;
	command.data = row->change == DATA ? UNREADABLE : (uintptr_t)init;
	rc = td_command_struct(&td, td.vm, &command);
	ck_assert_msg(rc == row->result, "3.2 %s: %d", row->name, rc);
	ck_assert_msg(command.hw_error == row->hw_error, "3.2 %s: hw_error %#lx", row->name,
		      (unsigned long)command.hw_error);
	ck_assert_msg(td_keys_used(&td) == row->keys_used, "3.2 %s: %u key ids", row->name,
		      td_keys_used(&td));
	ck_assert_msg((td_ioctl(&td, td.vm, KVM_CHECK_EXTENSION, 0) == -EIO) == row->dead,
		      "3.2 %s: dead or not", row->name);
	free(init);
	/* Whatever is not fatal can be tried again with other parameters (9.2 V0). */
	if (rc && !row->dead) {
		ck_assert_int_eq(td_ioctl(&td, td.vm, KVM_SET_TSC_KHZ, 2000000), 0);
		rc = td_init_vm(&td);
		ck_assert_msg(rc == 0, "3.2 %s, again: %d", row->name, rc);
	}
	td_close(&td);
}
END_TEST

/* 2.4: one more TD than key ids is ENOSPC, until one is really gone. */
START_TEST(key_ids_run_out)
{
	struct td td, unused;
	int second;

	td_open(&td, 1);
	unused = td;
	ck_assert_int_eq(td_init_vm(&td), 0);
	second = td_ioctl(&td, td.kvm, KVM_CREATE_VM, UAPI_VM_TYPE_TDX);
	ck_assert_int_ge(second, 0);
	unused.vm = second;
	ck_assert_int_eq(td_init_vm(&unused), -ENOSPC);
	/* 5.1: the guest_memfd is a holder. */
	td.platform->ops->close(td.platform->context, td.vm);
	ck_assert_int_eq(td_init_vm(&unused), -ENOSPC);
	td.platform->ops->close(td.platform->context, td.gmem);
	ck_assert_uint_eq(td_keys_used(&td), 0);
	ck_assert_int_eq(td_init_vm(&unused), 0);
	td_close(&td);
}
END_TEST

/* --- 5.1: what keeps a TD, and its key id, alive */

enum holder { VM_FD, VCPU_FD, RUN_MAPPING, GMEM_FD, VM_DUP, HOLDERS };

static const char *const holder_names[] = {"VM file", "vCPU file", "mapping of kvm_run",
					   "guest_memfd", "dup of the VM file"};

START_TEST(holders)
{
	const struct coco_platform *platform;
	enum holder last = (enum holder)_i;
	void *run;
	int copy;
	struct td td;

	td_open(&td, 4);
	platform = td.platform;
	td_reach(&td, TD_V1_C1);
	ck_assert_int_eq(
		platform->ops->mmap(platform->context, NULL, 12288, 3, 1, td.vcpus[0], 0, &run), 0);
	copy = platform->ops->dup(platform->context, td.vm);
	ck_assert_int_ge(copy, 0);
	for (int i = 0; i <= HOLDERS; i++) {
		enum holder holder = (enum holder)((last + 1 + i) % HOLDERS);

		if (i == HOLDERS)
			break;
		ck_assert_msg(td_keys_used(&td) == 1, "5.1 %s keeps the key id",
			      holder_names[last]);
		if (holder == VM_FD)
			platform->ops->close(platform->context, td.vm);
		else if (holder == VCPU_FD)
			platform->ops->close(platform->context, td.vcpus[0]);
		else if (holder == RUN_MAPPING)
			platform->ops->munmap(platform->context, run, 12288);
		else if (holder == GMEM_FD)
			platform->ops->close(platform->context, td.gmem);
		else
			platform->ops->close(platform->context, copy);
	}
	ck_assert_msg(td_keys_used(&td) == 0, "5.3 after %s", holder_names[last]);
	td_close(&td);
}
END_TEST

/* 5.3: a key id that the module does not give back is lost. */
START_TEST(key_id_leaks)
{
	struct td td;

	td_open(&td, 4);
	td_reach(&td, TD_V1_C1);
	ck_assert_int_eq(coco_sim_fail(td.sim, "TDH.MNG.KEY.FREEID", 1, 1, -EIO, OTHER_STATUS), 0);
	td.platform->ops->close(td.platform->context, td.vcpus[0]);
	td.platform->ops->close(td.platform->context, td.gmem);
	td.platform->ops->close(td.platform->context, td.vm);
	ck_assert_uint_eq(td_keys_used(&td), 1);
	td_close(&td);
}
END_TEST

/* --- 3.3 INIT_VCPU */

struct vcpu_row {
	const char *name;
	uint32_t flags;
	const char *fault;
	int result;
	bool dead;
};

static const struct vcpu_row vcpu_rows[] = {
	{"success", 0, NULL, 0, false},
	{"flags", 1, NULL, -EINVAL, false},
	{"VP.CREATE fails", 0, "TDH.VP.CREATE", -EIO, true},
	{"VP.ADDCX fails", 0, "TDH.VP.ADDCX", -EIO, true},
	{"VP.INIT fails", 0, "TDH.VP.INIT", -EIO, true},
};

START_TEST(init_vcpu)
{
	const struct vcpu_row *row = &vcpu_rows[_i];
	struct uapi_tdx_command command = {.id = UAPI_TDX_INIT_VCPU, .flags = row->flags};
	struct td td;
	int rc;

	td_open(&td, 4);
	td_reach(&td, TD_V1_C0);
	if (row->fault)
		ck_assert_int_eq(coco_sim_fail(td.sim, row->fault, 1, 1, -EIO, OTHER_STATUS), 0);
	rc = td_command_struct(&td, td.vcpus[0], &command);
	ck_assert_msg(rc == row->result, "3.3 %s: %d", row->name, rc);
	ck_assert_uint_eq(command.hw_error, 0); /* 3.7: never written back */
	ck_assert_msg((td_ioctl(&td, td.vm, KVM_CHECK_EXTENSION, 0) == -EIO) == row->dead,
		      "3.3 %s: dead or not", row->name);
	td_close(&td);
}
END_TEST

/* 3.3: APs are runnable from INIT_VCPU on; before only the boot CPU is. */
START_TEST(mp_states)
{
	struct kvm_mp_state state;
	struct td td;

	td_open(&td, 4);
	td_reach(&td, TD_V1_C1);
	ck_assert_int_ge(td_create_vcpu(&td, 1), 0);
	ck_assert_int_eq(td_ioctl(&td, td.vcpus[1], KVM_GET_MP_STATE, (uintptr_t)&state), 0);
	ck_assert_uint_eq(state.mp_state, KVM_MP_STATE_UNINITIALIZED);
	ck_assert_int_eq(td_set_cpuid(&td, td.vcpus[1], true), 0);
	ck_assert_int_eq(td_command(&td, td.vcpus[1], UAPI_TDX_INIT_VCPU, 0, 0), 0);
	ck_assert_int_eq(td_ioctl(&td, td.vcpus[1], KVM_GET_MP_STATE, (uintptr_t)&state), 0);
	ck_assert_uint_eq(state.mp_state, KVM_MP_STATE_RUNNABLE);
	td_close(&td);
}
END_TEST

/* --- 3.3 GET_CPUID */

START_TEST(get_cpuid)
{
	struct kvm_cpuid2 *out = calloc(1, sizeof(*out) + 256 * sizeof(out->entries[0]));
	struct td td;
	uint32_t need;
	bool width = false;

	ck_assert_ptr_nonnull(out);
	td_open(&td, 4);
	td.address_bits = 52;
	td_reach(&td, TD_V1_C0);
	ck_assert_int_eq(td_command(&td, td.vcpus[0], TD_GET_CPUID, 0, (uintptr_t)out), -E2BIG);
	need = out->nent;
	ck_assert_uint_gt(need, 10);
	/* 3.7: flags are not looked at. */
	ck_assert_int_eq(td_command(&td, td.vcpus[0], TD_GET_CPUID, 5, (uintptr_t)out), 0);
	ck_assert_uint_eq(out->nent, need);
	for (uint32_t i = 0; i < need; i++)
		if (out->entries[i].function == 0x80000008u) {
			width = true;
			ck_assert_uint_eq(out->entries[i].eax >> 16 & 0xff, 52);
		}
	ck_assert(width);
	ck_assert_int_eq(td_command(&td, td.vcpus[0], TD_GET_CPUID, 0, UNREADABLE), -EFAULT);
	free(out);
	td_close(&td);
}
END_TEST

/* --- 3.4 and 9.4 INIT_MEM_REGION */

enum region_change {
	R_NONE,
	R_FLAG_2,
	R_DATA,
	R_SOURCE_UNALIGNED,
	R_GPA_UNALIGNED,
	R_NO_PAGES,
	R_WRAP,
	R_SHARED_FIRST,
	R_SHARED_LAST,
	R_NO_SLOT,
	R_SHARED_SLOT,
	R_NOT_PRIVATE,
	R_SECOND_NOT_PRIVATE,
	R_GMEM_CLOSED,
	R_SOURCE_BAD,
	R_SOURCE_NULL,
	R_SOURCE_NULL_NOT_PRIVATE,
	R_TWICE,
};

struct region_row {
	const char *name;
	enum region_change change;
	const char *fault;
	uint64_t nth;
	int fault_error;
	int result;
	uint64_t left; /* of the 3 pages */
	bool dead;
};

static const struct region_row region_rows[] = {
	{"success", R_NONE, NULL, 0, 0, 0, 0, false},
	{"unknown flag", R_FLAG_2, NULL, 0, 0, -EINVAL, 3, false},
	{"region unreadable", R_DATA, NULL, 0, 0, -EFAULT, 3, false},
	{"source unaligned", R_SOURCE_UNALIGNED, NULL, 0, 0, -EINVAL, 3, false},
	{"gpa unaligned", R_GPA_UNALIGNED, NULL, 0, 0, -EINVAL, 3, false},
	{"no pages", R_NO_PAGES, NULL, 0, 0, -EINVAL, 0, false},
	{"wrap", R_WRAP, NULL, 0, 0, -EINVAL, 1ull << 52, false},
	{"first byte shared", R_SHARED_FIRST, NULL, 0, 0, -EINVAL, 3, false},
	{"last byte shared", R_SHARED_LAST, NULL, 0, 0, -EINVAL, 3, false},
	{"signal before the first page", R_NONE, "TDX_INIT_MEM_REGION.page", 1, -EINTR, -EINTR, 3,
	 false},
	{"signal before the third page", R_NONE, "TDX_INIT_MEM_REGION.page", 3, -EINTR, -EINTR, 1,
	 false},
	{"no slot", R_NO_SLOT, NULL, 0, 0, -EINVAL, 3, false},
	{"slot without gmem", R_SHARED_SLOT, NULL, 0, 0, -EINVAL, 3, false},
	{"gmem closed", R_GMEM_CLOSED, NULL, 0, 0, -EFAULT, 3, false},
	{"source not there", R_SOURCE_BAD, NULL, 0, 0, -EFAULT, 3, false},
	{"not PRIVATE", R_NOT_PRIVATE, NULL, 0, 0, -EINVAL, 3, false},
	{"second page not PRIVATE", R_SECOND_NOT_PRIVATE, NULL, 0, 0, -EINVAL, 2, false},
	{"no source", R_SOURCE_NULL, NULL, 0, 0, -EOPNOTSUPP, 3, false},
	{"no source, and not PRIVATE", R_SOURCE_NULL_NOT_PRIVATE, NULL, 0, 0, -EINVAL, 3, false},
	{"same gpa twice (pitfall 8)", R_TWICE, NULL, 0, 0, -EIO, 3, false},
	{"PAGE.ADD of the second page fails", R_NONE, "TDH.MEM.PAGE.ADD", 2, -EIO, -EIO, 2, true},
	{"MR.EXTEND in the third page fails", R_NONE, "TDH.MR.EXTEND", 40, -EIO, -EIO, 1, true},
};

static void change_region(struct td *td, struct uapi_tdx_init_mem_region *region,
			  enum region_change change)
{
	const uint64_t shared = 1ull << 47;
	struct uapi_memory_region2 slot = {.slot = 9,
					   .guest_phys_addr = 0x80000000,
					   .memory_size = 0x3000,
					   .userspace_addr = (uintptr_t)td->shared};
	struct uapi_tdx_init_mem_region first = *region;

	switch (change) {
	case R_SOURCE_UNALIGNED:
		region->source_addr += 8;
		break;
	case R_GPA_UNALIGNED:
		region->gpa += 8;
		break;
	case R_NO_PAGES:
		region->nr_pages = 0;
		break;
	case R_WRAP:
		region->nr_pages = 1ull << 52;
		break;
	case R_SHARED_FIRST:
		region->gpa |= shared;
		break;
	case R_SHARED_LAST:
		region->gpa = shared - 0x2000;
		break;
	case R_NO_SLOT:
		region->gpa = 0x90000000;
		break;
	case R_SHARED_SLOT:
		ck_assert_int_eq(
			td_ioctl(td, td->vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&slot), 0);
		region->gpa = slot.guest_phys_addr;
		break;
	case R_GMEM_CLOSED:
		td->platform->ops->close(td->platform->context, td->gmem);
		break;
	case R_SOURCE_BAD:
		region->source_addr = 0x1000;
		break;
	case R_SOURCE_NULL_NOT_PRIVATE:
	case R_NOT_PRIVATE:
		ck_assert_int_eq(td_set_private(td, region->gpa, 0x3000, false), 0);
		if (change == R_SOURCE_NULL_NOT_PRIVATE)
			region->source_addr = 0;
		break;
	case R_SECOND_NOT_PRIVATE:
		ck_assert_int_eq(td_set_private(td, region->gpa + 0x1000, 0x1000, false), 0);
		break;
	case R_SOURCE_NULL:
		region->source_addr = 0;
		break;
	case R_TWICE:
		ck_assert_int_eq(td_init_region(td, td->vcpus[0], &first, 0), 0);
		break;
	default:
		break;
	}
}

START_TEST(init_region)
{
	const struct region_row *row = &region_rows[_i];
	struct uapi_tdx_init_mem_region region = {0, TD_MEMORY_GPA, 3};
	struct td td;
	int rc;

	td_open(&td, 4);
	region.source_addr = (uintptr_t)td.shared;
	td_reach(&td, TD_V1_C1);
	ck_assert_int_eq(td_set_private(&td, TD_MEMORY_GPA, TD_MEMORY_SIZE, true), 0);
	change_region(&td, &region, row->change);
	if (row->fault)
		ck_assert_int_eq(coco_sim_fail(td.sim, row->fault, row->nth, 1, row->fault_error,
					       OTHER_STATUS),
				 0);
	rc = td_command(&td, td.vcpus[0], UAPI_TDX_INIT_MEM_REGION,
			row->change == R_FLAG_2 ? 2 : MEASURE,
			row->change == R_DATA ? UNREADABLE : (uintptr_t)&region);
	ck_assert_msg(rc == row->result, "3.4 %s: %d", row->name, rc);
	ck_assert_msg(region.nr_pages == row->left, "3.4 %s: %lu pages left", row->name,
		      (unsigned long)region.nr_pages);
	ck_assert_msg((td_ioctl(&td, td.vm, KVM_CHECK_EXTENSION, 0) == -EIO) == row->dead,
		      "3.4 %s: dead or not", row->name);
	/* 3.4: after a signal the same struct goes on where it was. */
	if (rc == -EINTR) {
		ck_assert_int_eq(td_init_region(&td, td.vcpus[0], &region, MEASURE), 0);
		ck_assert_uint_eq(region.gpa, TD_MEMORY_GPA + 0x3000);
		ck_assert_uint_eq(td_pages(&td), 3);
	}
	td_close(&td);
}
END_TEST

/* --- 3.5 FINALIZE */

struct finalize_row {
	const char *name;
	uint64_t status;
	int result;
	bool dead;
};

static const struct finalize_row finalize_rows[] = {
	{"success", 0, 0, false},
	{"busy", OPERAND_BUSY, -EBUSY, false},
	{"other failure", OTHER_STATUS, -EIO, true},
};

START_TEST(finalize)
{
	const struct finalize_row *row = &finalize_rows[_i];
	/* 3.7: flags and data are not looked at. */
	struct uapi_tdx_command command = {.id = UAPI_TDX_FINALIZE_VM, .flags = 3, .data = 77};
	struct td td;
	int rc;

	td_open(&td, 4);
	td_reach(&td, TD_V1);
	if (row->status)
		ck_assert_int_eq(coco_sim_fail(td.sim, "TDH.MR.FINALIZE", 1, 1, -EIO, row->status),
				 0);
	rc = td_command_struct(&td, td.vm, &command);
	ck_assert_msg(rc == row->result, "3.5 %s: %d", row->name, rc);
	ck_assert_msg(command.hw_error == row->status, "3.5 %s: hw_error", row->name);
	ck_assert_msg((td_ioctl(&td, td.vm, KVM_CHECK_EXTENSION, 0) == -EIO) == row->dead,
		      "3.5 %s: dead or not", row->name);
	if (rc == -EBUSY) {
		/* Pitfall 7: as it came back it is refused. */
		ck_assert_int_eq(td_command_struct(&td, td.vm, &command), -EINVAL);
		command.hw_error = 0;
		ck_assert_int_eq(td_command_struct(&td, td.vm, &command), 0);
	}
	td_close(&td);
}
END_TEST

/* --- 9.5, as far as it needs no guest */

enum page_event { TO_SHARED, PUNCH, CLOSE, DELETE_SLOT, PAGE_EVENTS };

static const char *const event_names[] = {"attributes to shared", "PUNCH_HOLE", "gmem close",
					  "slot delete"};

START_TEST(pages_go)
{
	struct uapi_memory_region2 none = {.flags = UAPI_MEM_GUEST_MEMFD};
	enum page_event event = (enum page_event)(_i % PAGE_EVENTS);
	bool pending = _i >= PAGE_EVENTS;
	struct uapi_tdx_init_mem_region region = {0, TD_MEMORY_GPA, 2};
	struct td td;
	int rc = 0;

	td_open(&td, 4);
	region.source_addr = (uintptr_t)td.shared;
	td_reach(&td, TD_V1_C1);
	ck_assert_int_eq(td_set_private(&td, TD_MEMORY_GPA, 0x2000, true), 0);
	if (!pending)
		ck_assert_int_eq(td_init_region(&td, td.vcpus[0], &region, 0), 0);
	ck_assert_int_eq(td_command(&td, td.vm, UAPI_TDX_FINALIZE_VM, 0, 0), 0);
	if (pending)
		ck_assert_int_eq(td_pre_fault(&td, TD_MEMORY_GPA, 0x2000), 0);
	ck_assert_uint_eq(td_pages(&td), 2);
	if (event == TO_SHARED)
		rc = td_set_private(&td, TD_MEMORY_GPA, 0x2000, false);
	else if (event == PUNCH)
		rc = td.platform->ops->fallocate(td.platform->context, td.gmem,
						 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
						 0x2000);
	else if (event == CLOSE)
		rc = td.platform->ops->close(td.platform->context, td.gmem);
	else
		rc = td_ioctl(&td, td.vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&none);
	ck_assert_msg(rc == 0, "9.5 %s: %d", event_names[event], rc);
	ck_assert_msg(td_pages(&td) == 0, "9.5 %s of %s pages", event_names[event],
		      pending ? "PENDING" : "ADDED");
	td_close(&td);
}
END_TEST

/* 9.5 PRE_FAULT: of an absent page, of a page that is there, of a shared page, of nothing. */
START_TEST(pre_fault)
{
	struct td td;

	td_open(&td, 4);
	td_reach(&td, TD_V2_C1);
	ck_assert_int_eq(td_set_private(&td, TD_MEMORY_GPA, 0x1000, true), 0);
	ck_assert_int_eq(td_pre_fault(&td, TD_MEMORY_GPA, 0x1000), 0);
	ck_assert_uint_eq(td_pages(&td), 1);
	ck_assert_int_eq(td_pre_fault(&td, TD_MEMORY_GPA, 0x1000), 0);
	ck_assert_uint_eq(td_pages(&td), 1);
	ck_assert_int_eq(td_pre_fault(&td, TD_MEMORY_GPA + 0x1000, 0x1000), 0);
	ck_assert_uint_eq(td_pages(&td), 1);
	ck_assert_int_eq(td_pre_fault(&td, 0x90000000, 0x1000), -ENOENT);
	ck_assert_int_eq(td_pre_fault(&td, TD_MEMORY_GPA | 1ull << 47, 0x1000), -EINVAL);
	ck_assert_int_eq(td_set_private(&td, 0x90000000, 0x1000, true), 0);
	ck_assert_int_eq(td_pre_fault(&td, 0x90000000, 0x1000), -EFAULT);
	td_close(&td);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdx_launch");
	TCase *tests = tcase_create("tdx_launch");

	tcase_add_loop_test(tests, capabilities, 0, ROWS(capabilities_rows));
	tcase_add_loop_test(tests, init_vm, 0, ROWS(init_rows));
	tcase_add_test(tests, key_ids_run_out);
	tcase_add_loop_test(tests, holders, 0, HOLDERS);
	tcase_add_test(tests, key_id_leaks);
	tcase_add_loop_test(tests, init_vcpu, 0, ROWS(vcpu_rows));
	tcase_add_test(tests, mp_states);
	tcase_add_test(tests, get_cpuid);
	tcase_add_loop_test(tests, init_region, 0, ROWS(region_rows));
	tcase_add_loop_test(tests, finalize, 0, ROWS(finalize_rows));
	tcase_add_loop_test(tests, pages_go, 0, 2 * PAGE_EVENTS);
	tcase_add_test(tests, pre_fault);
	suite_add_tcase(suite, tests);
	return expect_run(suite);
}
