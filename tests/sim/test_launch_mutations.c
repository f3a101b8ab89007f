/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The library's own launch on the simulator, with one call of it swallowed, made twice, or made
 * after the next one. Somebody has to notice each time: the launch fails, or what was measured is
 * not what was predicted, or the guest does not come up as it should.
 */
#define _GNU_SOURCE /* process_vm_readv */

#include <cocoreset/cocoreset.h>
#include <cocoreset/sim.h>
#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "expect.h"
#include "forward.h"
#include "kvm/uapi.h"
#include "kvm/uapi_sev.h"
#include "kvm/uapi_tdx.h"

#define MAX_CALLS 4096
#define RAM       (1u << 20)
#define DATA_SIZE 8192
#define FIRMWARE  COCO_PAGE_SIZE

enum mutation { NONE, LEFT_OUT, TWICE, LATE };
static const char *const mutation_names[] = {"as it is", "left out", "twice", "after the next"};

struct call {
	unsigned long request;
	uint32_t id;   /* of KVM_MEMORY_ENCRYPT_OP */
	uint64_t gpa;  /* of slots, attributes, and what is loaded */
	uint64_t size; /* of slots and attributes */
};

/* The platform in between. */
struct meddler {
	struct forward forward;
	bool tdx;
	int refused; /* what the second of two calls came back with */
	bool awake;  /* during the launch only */
	enum mutation mutation;
	unsigned which;
	unsigned count;
	struct call calls[MAX_CALLS];
	/* The call that is late, with its arguments: those that it was made with are gone by then.
	 */
	bool held;
	int fd;
	unsigned long request;
	struct uapi_sev_command command;
	uint8_t data[DATA_SIZE];
};

struct row {
	uint32_t tech;
	const char *sim;
};

static const struct row rows[] = {
	{COCO_TECH_SNP, "snp"},
	{COCO_TECH_SEVES, "seves"},
	{COCO_TECH_SEV, "sev"},
	{COCO_TECH_TDX, "tdx"},
};

struct outcome {
	int launched;
	int refused; /* by the platform, whatever the library made of it */
	int verified;
	int ran;
	uint32_t exit;
	uint32_t kvm_exit;
};

static bool is_launch_call(unsigned long request)
{
	return request == KVM_MEMORY_ENCRYPT_OP || request == UAPI_SET_MEMORY_ATTRIBUTES ||
	       request == UAPI_SET_USER_MEMORY_REGION2;
}

/* What asks only, or what a guest can do without: nobody needs to notice. */
static bool is_question(bool tdx, uint32_t id)
{
	return tdx ? id == UAPI_TDX_CAPABILITIES : id == UAPI_SEV_GUEST_STATUS;
}

/* The progress that a command reports: as if all of it had been done. */
static void pretend(struct meddler *meddler, unsigned long request, uintptr_t argument)
{
	const struct uapi_sev_command *command = (const void *)argument;
	struct uapi_snp_launch_update *update;
	struct uapi_tdx_init_mem_region *region;

	if (request != KVM_MEMORY_ENCRYPT_OP)
		return;
	if (command->id == UAPI_SNP_LAUNCH_UPDATE) {
		update = (void *)(uintptr_t)command->data;
		update->gfn_start += update->len / COCO_PAGE_SIZE;
		update->uaddr += update->type == UAPI_SNP_PAGE_ZERO ? 0 : update->len;
		update->len = 0;
	} else if (meddler->tdx && command->id == UAPI_TDX_INIT_MEM_REGION) {
		region = (void *)(uintptr_t)command->data;
		region->source_addr += region->nr_pages * COCO_PAGE_SIZE;
		region->gpa += region->nr_pages * COCO_PAGE_SIZE;
		region->nr_pages = 0;
	} else if (!meddler->tdx && command->id == UAPI_SEV_LAUNCH_START) {
		((struct uapi_sev_launch_start *)(uintptr_t)command->data)->handle = 1;
	}
}

/* So much of it as is there. */
static int copy_in(void *to, uintptr_t from, size_t size)
{
	struct iovec local = {to, size}, remote = {(void *)from, size};

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

static void hold(struct meddler *meddler, int fd, unsigned long request, uintptr_t argument)
{
	meddler->held = true;
	meddler->fd = fd;
	meddler->request = request;
	if (request != KVM_MEMORY_ENCRYPT_OP) {
		/* What is behind it does not matter. */
		ck_assert_int_eq(copy_in(meddler->data, argument,
					 request == UAPI_SET_MEMORY_ATTRIBUTES
						 ? sizeof(struct uapi_memory_attributes)
						 : sizeof(struct uapi_memory_region2)),
				 0);
		return;
	}
	memcpy(&meddler->command, (const void *)argument, sizeof(meddler->command));
	if (!meddler->command.data || (meddler->tdx && meddler->command.id == UAPI_TDX_INIT_VCPU))
		return;
	/* As much as there may be: the largest is TDX's, with its CPUID. */
	for (size_t size = DATA_SIZE; size >= 8; size /= 2)
		if (!copy_in(meddler->data, meddler->command.data, size))
			break;
	meddler->command.data = (uintptr_t)meddler->data;
}

static int release(struct meddler *meddler)
{
	const bool command = meddler->request == KVM_MEMORY_ENCRYPT_OP;

	meddler->held = false;
	return forward_ioctl(meddler, meddler->fd, meddler->request,
			     command ? (uintptr_t)&meddler->command : (uintptr_t)meddler->data);
}

/* A command is made again with what it was made with, not with what came back. */
static int make_twice(struct meddler *meddler, int fd, unsigned long request, uintptr_t argument)
{
	int r, again;

	hold(meddler, fd, request, argument);
	r = forward_ioctl(meddler, fd, request, argument);
	again = release(meddler);
	meddler->refused = again;
	return r ? r : again;
}

/* It loads something into memory. */
static bool is_load(const struct call *call, bool tdx)
{
	return call->request == KVM_MEMORY_ENCRYPT_OP &&
	       call->id == (tdx ? UAPI_TDX_INIT_MEM_REGION : UAPI_SNP_LAUNCH_UPDATE);
}

static struct call describe(const struct meddler *meddler, unsigned long request,
			    uintptr_t argument)
{
	const struct uapi_memory_attributes *attributes = (const void *)argument;
	const struct uapi_memory_region2 *region = (const void *)argument;
	const struct uapi_sev_command *command = (const void *)argument;
	const struct uapi_tdx_init_mem_region *load;
	struct call call = {.request = request};

	if (request == UAPI_SET_MEMORY_ATTRIBUTES) {
		call.gpa = attributes->address;
		call.size = attributes->size;
	} else if (request == UAPI_SET_USER_MEMORY_REGION2) {
		call.gpa = region->guest_phys_addr;
		call.size = region->memory_size;
	} else if (command) {
		call.id = command->id;
		load = (const void *)(uintptr_t)command->data;
		if (is_load(&call, meddler->tdx))
			call.gpa =
				meddler->tdx
					? load->gpa
					: ((const struct uapi_snp_launch_update *)load)->gfn_start *
						  COCO_PAGE_SIZE;
	}
	return call;
}

static int meddle(void *context, int fd, unsigned long request, uintptr_t argument)
{
	struct meddler *meddler = context;
	const uint32_t id = request == KVM_MEMORY_ENCRYPT_OP && argument
				    ? ((const struct uapi_sev_command *)argument)->id
				    : 0;
	bool chosen;
	int r, late;

	if (!is_launch_call(request) || !meddler->awake ||
	    (request == KVM_MEMORY_ENCRYPT_OP && is_question(meddler->tdx, id)))
		return forward_ioctl(context, fd, request, argument);
	chosen = meddler->mutation != NONE && meddler->count == meddler->which;
	ck_assert_uint_lt(meddler->count, MAX_CALLS);
	meddler->calls[meddler->count++] = describe(meddler, request, argument);
	if (chosen && meddler->mutation == TWICE)
		return make_twice(meddler, fd, request, argument);
	if (chosen) {
		if (meddler->mutation == LATE)
			hold(meddler, fd, request, argument);
		pretend(meddler, request, argument);
		return 0;
	}
	r = forward_ioctl(context, fd, request, argument);
	if (!meddler->held)
		return r;
	late = release(meddler);
	return r ? r : late;
}

static const struct coco_platform_ops ops = {
	.struct_size = sizeof(ops),
	.name = "meddler",
	.open = forward_open,
	.close = forward_close,
	.dup = forward_dup,
	.dup3 = forward_dup3,
	.set_cloexec = forward_set_cloexec,
	.ioctl = meddle,
	.mmap = forward_mmap,
	.munmap = forward_munmap,
	.madvise = forward_madvise,
	.fallocate = forward_fallocate,
};

/* --- the guest */

static void on_kick(int signal)
{
	(void)signal;
}

/* Says that it ends (SEV-ES, SNP: by the GHCB's MSR), or writes to a port. */
static const uint8_t *firmware_of(uint32_t tech)
{
	static const uint8_t ends[] = {0x66, 0xb9, 0x30, 0x01, 0x01, 0xc0, 0x66, 0xb8,
				       0x00, 0x11, 0x02, 0x00, 0x66, 0x31, 0xd2, 0x0f,
				       0x30, 0xf3, 0x0f, 0x01, 0xd9, 0xeb, 0xfe};
	static const uint8_t writes[] = {0xe6, 0x64, 0xeb, 0xfe};
	/* jmp to the page's beginning */
	static const uint8_t vector[] = {0xe9, 0x0d, 0xf0};
	static uint8_t page[FIRMWARE];

	memset(page, 0, sizeof(page));
	if (tech == COCO_TECH_TDX) {
		memcpy(page + FIRMWARE - 16, writes, sizeof(writes));
		return page;
	}
	if (tech == COCO_TECH_SEV)
		memcpy(page, writes, sizeof(writes));
	else
		memcpy(page, ends, sizeof(ends));
	memcpy(page + FIRMWARE - 16, vector, sizeof(vector));
	return page;
}

static void add_pages(struct coco_image *image, uint64_t gpa, uint32_t kind, const void *bytes)
{
	struct coco_page_run run;
	struct coco_error error;

	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = COCO_PAGE_SIZE;
	run.kind = kind;
	run.bytes = bytes;
	expect_ok(coco_image_add(image, &run, &error), &error);
}

static struct coco_guest *make_guest(struct coco_host *host, uint32_t tech)
{
	static uint8_t data[COCO_PAGE_SIZE];
	const uint8_t *firmware = firmware_of(tech);
	struct coco_guest_options options;
	struct coco_memory memory;
	struct coco_guest *guest;
	struct coco_image *image;
	struct coco_error error;

	expect_ok(coco_image_new(&image, &error), &error);
	expect_ok(coco_image_add_firmware(image, firmware, FIRMWARE, &error), &error);
	/* Other bytes: an LD does not tell where they are. */
	memset(data, 0x5a, sizeof(data));
	add_pages(image, 0x10000, COCO_PAGE_DATA, data);
	if (tech == COCO_TECH_SNP)
		add_pages(image, 0x12000, COCO_PAGE_SECRETS, NULL);
	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = 1;
	options.image = image;
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.kick_signal = SIGUSR1;
	expect_ok(coco_guest_new(host, &options, &guest, &error), &error);
	coco_image_unref(image);
	COCO_INIT(&memory);
	memory.size = RAM;
	expect_ok(coco_guest_add_memory(guest, &memory, &error), &error);
	COCO_INIT(&memory);
	memory.gpa = 0x100000000 - FIRMWARE;
	memory.size = FIRMWARE;
	expect_ok(coco_guest_add_memory(guest, &memory, &error), &error);
	return guest;
}

/* The platform's own account against the library's prediction. */
static int verify(struct coco_sim *sim, struct coco_guest *guest, uint32_t tech)
{
	struct coco_digest_account account;
	struct coco_sim_vm_info info;
	struct coco_digest *measured;
	struct coco_error error;
	int r;

	COCO_INIT(&info);
	expect_ok(coco_sim_get_vm_info(sim, coco_guest_vm_fd(guest), &info, &error), &error);
	if (!info.digest_size)
		return -ENODATA;
	COCO_INIT(&account);
	account.tech = tech;
	account.digest_size = info.digest_size;
	account.digest = info.digest;
	expect_ok(coco_digest_from_steps(&account, &measured, &error), &error);
	r = coco_guest_verify_digest(guest, measured, NULL, &error);
	coco_digest_free(measured);
	return r;
}

static struct outcome live(const struct row *row, struct meddler *meddler)
{
	struct outcome outcome = {0};
	const struct coco_platform platform = {&ops, meddler};
	struct coco_host_options options;
	struct coco_guest *guest;
	struct coco_error error;
	struct coco_host *host;
	struct coco_exit exit;
	struct coco_sim *sim;

	expect_ok(coco_sim_new_from_text(row->sim, &sim, &error), &error);
	meddler->forward.inner = coco_sim_get_platform(sim);
	meddler->tdx = row->tech == COCO_TECH_TDX;
	COCO_INIT(&options);
	options.platform = &platform;
	expect_ok(coco_host_open(&options, &host, &error), &error);
	guest = make_guest(host, row->tech);
	meddler->awake = true;
	outcome.launched = coco_guest_launch(guest, &error);
	outcome.refused = meddler->refused;
	meddler->awake = false;
	if (!outcome.launched)
		outcome.verified = verify(sim, guest, row->tech);
	if (!outcome.launched && !outcome.verified) {
		COCO_INIT(&exit);
		outcome.ran = coco_vcpu_run(coco_guest_vcpu(guest, 0), &exit, &error);
		outcome.exit = exit.reason;
		outcome.kvm_exit = exit.kvm_reason;
	}
	coco_guest_free(guest);
	coco_host_close(host);
	coco_sim_free(sim);
	return outcome;
}

static bool is_load_into(const struct call *load, const struct call *memory, bool tdx)
{
	return is_load(load, tdx) && load->gpa - memory->gpa < memory->size;
}

/*
 * Said twice it is the same: attributes, and slots of the VMM's own memory. Slots and attributes
 * know no order among one another; nor do commands care for them but those that load into them.
 */
static bool is_harmless(const struct meddler *clean, unsigned which, enum mutation mutation)
{
	const struct call *call = &clean->calls[which], *next = call + 1;

	if (mutation == TWICE)
		return call->request == UAPI_SET_MEMORY_ATTRIBUTES;
	if (mutation == LATE)
		return which + 1 == clean->count || ((call->request != KVM_MEMORY_ENCRYPT_OP ||
						      next->request != KVM_MEMORY_ENCRYPT_OP) &&
						     !is_load_into(call, next, clean->tdx) &&
						     !is_load_into(next, call, clean->tdx));
	return false;
}

START_TEST(somebody_notices)
{
	const struct row *row = &rows[_i];
	static struct meddler clean, meddler;
	struct outcome expected, outcome;
	unsigned noticed = 0;

	memset(&clean, 0, sizeof(clean));
	expected = live(row, &clean);
	ck_assert_msg(!expected.launched && !expected.verified && !expected.ran,
		      "%s does not launch", row->sim);
	for (unsigned which = 0; which < clean.count; which++)
		for (enum mutation mutation = LEFT_OUT; mutation <= LATE; mutation++) {
			if (is_harmless(&clean, which, mutation))
				continue;
			memset(&meddler, 0, sizeof(meddler));
			meddler.mutation = mutation;
			meddler.which = which;
			outcome = live(row, &meddler);
			ck_assert_msg(
				memcmp(&outcome, &expected, sizeof(outcome)) != 0,
				"%s: nobody notices that call %u (ioctl 0x%lx, command %u) is %s",
				row->sim, which, clean.calls[which].request, clean.calls[which].id,
				mutation_names[mutation]);
			noticed++;
		}
	printf("%s: %u launch calls, %u mutations noticed\n", row->sim, clean.count, noticed);
}
END_TEST

int main(void)
{
	const struct sigaction kick = {.sa_handler = on_kick};
	Suite *suite = suite_create("sim.launch_mutations");
	TCase *tests = tcase_create("launch_mutations");

	sigaction(SIGUSR1, &kick, NULL);
	tcase_add_loop_test(tests, somebody_notices, 0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(suite, tests);
	return expect_run(suite);
}
