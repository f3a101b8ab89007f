/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a sequence has made on one side, and what is measured and in use there. */
#include "diff.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim_psp.h"

#define RESERVED_PAGES (2 * (size_t)DIFF_RAM_PAGES)
#define DIGEST_SIZE    48

int diff_ioctl_value(struct diff_side *side, int fd, unsigned long request, uintptr_t value)
{
	return side->platform->ops->ioctl(side->platform->context, fd, request, value);
}

int diff_ioctl(struct diff_side *side, int fd, unsigned long request, const void *argument)
{
	return diff_ioctl_value(side, fd, request, (uintptr_t)argument);
}

void diff_close(struct diff_side *side, int *fd)
{
	if (*fd >= 0)
		side->platform->ops->close(side->platform->context, *fd);
	*fd = -1;
}

int diff_vcpu(const struct diff_vm *vm, uint8_t choice)
{
	return vm->vcpus[choice % DIFF_VCPUS];
}

void diff_put(struct diff_result *result, const void *bytes, size_t size)
{
	if (size > sizeof(result->out) - result->size)
		abort();
	memcpy(result->out + result->size, bytes, size);
	result->size += size;
}

void diff_put_word(struct diff_result *result, uint64_t word)
{
	diff_put(result, &word, sizeof(word));
}

void diff_fill_page(uint8_t *page, unsigned number)
{
	for (size_t i = 0; i < DIFF_PAGE; i++)
		page[i] = (uint8_t)(i * 7 + i / 251 + number * 29 + 1);
}

/* Page 0 is a CPUID table that the firmware takes, page 1 one that it corrects. */
void diff_fill_source(struct diff_side *side)
{
	struct uapi_snp_cpuid_table *good = (void *)side->source;
	struct uapi_snp_cpuid_table *bad = (void *)(side->source + DIFF_PAGE);

	memset(side->source, 0, 2 * (size_t)DIFF_PAGE);
	good->count = 2;
	good->entries[0].eax_in = 1;
	good->entries[0].eax = 0xa00f11;
	good->entries[1].eax_in = 0x80000008;
	good->entries[1].eax = 0x3030;
	memcpy(bad, good, DIFF_PAGE);
	bad->entries[0].ecx = 0x20; /* VMX */
	for (unsigned i = 2; i < DIFF_SOURCE_PAGES; i++)
		diff_fill_page(side->source + (size_t)i * DIFF_PAGE, i);
}

static void new_vm(struct diff_vm *vm)
{
	*vm = (struct diff_vm){.fd = -1};
	for (unsigned i = 0; i < DIFF_GMEMS; i++)
		vm->gmems[i] = -1;
	for (unsigned i = 0; i < DIFF_VCPUS; i++)
		vm->vcpus[i] = -1;
	/* Addresses are as far from the next 2 MiB on both sides. */
	vm->ram = mmap(NULL, RESERVED_PAGES * DIFF_PAGE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->ram == MAP_FAILED)
		abort();
	if (mprotect(vm->ram, (size_t)DIFF_RAM_PAGES * DIFF_PAGE, PROT_READ | PROT_WRITE) ||
	    mprotect(vm->ram + (size_t)DIFF_RAM_PAGES * DIFF_PAGE, DIFF_PAGE, PROT_READ))
		abort();
}

void diff_drop_vm(struct diff_side *side, struct diff_vm *vm)
{
	for (unsigned i = 0; i < DIFF_VCPUS; i++) {
		if (vm->runs[i])
			side->platform->ops->munmap(side->platform->context, vm->runs[i],
						    side->run_size);
		diff_close(side, &vm->vcpus[i]);
	}
	diff_close(side, &vm->fd);
	for (unsigned i = 0; i < DIFF_GMEMS; i++)
		diff_close(side, &vm->gmems[i]);
	munmap(vm->ram, RESERVED_PAGES * DIFF_PAGE);
	new_vm(vm);
}

static void open_eventfds(struct diff_side *side)
{
	for (unsigned i = 0; i < DIFF_EVENTFDS; i++)
		side->eventfds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

bool diff_side_open(struct diff_side *side, const struct coco_platform *platform,
		    struct coco_sim *sim)
{
	int size;

	*side = (struct diff_side){.platform = platform, .sim = sim};
	side->source = mmap(NULL, (size_t)DIFF_SOURCE_PAGES * DIFF_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (side->source == MAP_FAILED)
		abort();
	side->kvm = platform->ops->open(platform->context, "/dev/kvm");
	side->sev = platform->ops->open(platform->context, "/dev/sev");
	if (side->kvm < 0 || side->sev < 0)
		return false;
	size = diff_ioctl_value(side, side->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size <= 0)
		return false;
	side->run_size = (size_t)size;
	for (unsigned i = 0; i < DIFF_VMS; i++)
		new_vm(&side->vms[i]);
	open_eventfds(side);
	diff_fill_source(side);
	return true;
}

void diff_side_reset(struct diff_side *side)
{
	for (unsigned i = 0; i < DIFF_VMS; i++)
		if (side->vms[i].fd >= 0 || side->vms[i].ram[0] || side->vms[i].type)
			diff_drop_vm(side, &side->vms[i]);
	for (unsigned i = 0; i < DIFF_EVENTFDS; i++)
		close(side->eventfds[i]);
	open_eventfds(side);
	diff_fill_source(side);
}

/* --- what is measured and in use */

struct account {
	uint64_t guests;
	uint64_t pages; /* SNP: assigned to guests, VMSAs among them */
	uint32_t count;
	uint8_t digests[DIFF_VMS + 1][DIGEST_SIZE];
};

static bool add_digest(struct account *account, const uint8_t *digest, size_t size)
{
	if (account->count > DIFF_VMS)
		return false;
	memcpy(account->digests[account->count++], digest, size);
	return true;
}

static bool read_hex(const char *text, uint8_t *out, size_t *size)
{
	for (*size = 0; *size < DIGEST_SIZE; ++*size) {
		const char digits[] = {text[2 * *size], text[2 * *size + 1], 0};
		char *end;

		out[*size] = (uint8_t)strtoul(digits, &end, 16);
		if (end != digits + 2)
			break;
	}
	return *size > 0;
}

/* A guest's line: that of a SEV guest has its LD from LAUNCH_MEASURE on (state 2). */
static bool add_line(struct account *account, const char *line)
{
	const char *digest = strstr(line, " digest "), *ld = strstr(line, " ld "),
		   *state = strstr(line, " state ");
	uint8_t bytes[DIGEST_SIZE] = {0};
	size_t size;

	if (!strncmp(line, "snp ", 4))
		return digest && read_hex(digest + 8, bytes, &size) &&
		       add_digest(account, bytes, size);
	if (strncmp(line, "sev ", 4) != 0)
		return true; /* of a guest that is gone */
	if (!ld || !state)
		return false;
	return strtoul(state + 7, NULL, 10) < 2 ||
	       (read_hex(ld + 4, bytes, &size) && add_digest(account, bytes, size));
}

static bool read_kernel(struct account *account)
{
	FILE *file = fopen("/sys/kernel/debug/sim_psp/guests", "r");
	struct sim_stats stats;
	char line[1024];
	bool ok = file && sim_read_stats(&stats);

	while (ok && fgets(line, sizeof(line), file))
		ok = add_line(account, line);
	if (file)
		fclose(file);
	if (!ok)
		return false;
	account->guests = (uint64_t)(stats.sev_guests + stats.snp_guests);
	account->pages = (uint64_t)stats.guest_pages;
	return true;
}

static bool read_simulator(struct diff_side *side, struct account *account)
{
	struct coco_sim_account used = {.struct_size = sizeof(used)};

	if (coco_sim_get_account(side->sim, &used, NULL))
		return false;
	account->guests = used.sev_contexts;
	account->pages = used.rmp_pages;
	for (unsigned i = 0; i < DIFF_VMS; i++) {
		struct coco_sim_vm_info info = {.struct_size = sizeof(info)};
		int fd = side->vms[i].fd;

		/* The VM may have vCPUs yet. */
		for (unsigned j = 0; fd < 0 && j < DIFF_VCPUS; j++)
			fd = side->vms[i].vcpus[j];
		if (fd < 0 || coco_sim_get_vm_info(side->sim, fd, &info, NULL))
			continue;
		if (info.digest_size && !add_digest(account, info.digest, info.digest_size))
			return false;
	}
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

/* A VM of which only a guest_memfd or a mapping is left: the simulator tells of it by no number. */
static bool is_out_of_sight(const struct diff_vm *vm)
{
	bool kept = false;

	if (vm->fd >= 0)
		return false;
	for (unsigned i = 0; i < DIFF_VCPUS; i++) {
		if (vm->vcpus[i] >= 0)
			return false;
		kept = kept || vm->runs[i];
	}
	for (unsigned i = 0; i < DIFF_GMEMS; i++)
		kept = kept || vm->gmems[i] >= 0;
	return kept;
}

static bool read_account(struct diff_side *side, struct account *account)
{
	memset(account, 0, sizeof(*account));
	if (!(side->sim ? read_simulator(side, account) : read_kernel(account)))
		return false;
	for (unsigned i = 0; i < DIFF_VMS; i++)
		if (is_out_of_sight(&side->vms[i])) {
			account->count = 0;
			memset(account->digests, 0, sizeof(account->digests));
		}
	qsort(account->digests, account->count, DIGEST_SIZE, by_bytes);
	return true;
}

bool diff_put_account(struct diff_side *side, struct diff_result *result)
{
	struct account account;

	if (!read_account(side, &account))
		return false;
	diff_put(result, &account, sizeof(account));
	return true;
}

void diff_first_digest(struct diff_side *side, uint8_t digest[DIGEST_SIZE])
{
	struct account account;

	if (!read_account(side, &account))
		abort();
	memcpy(digest, account.digests[0], DIGEST_SIZE);
}
