/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "linux_boot.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "memory_map.h"
#include "options.h"

#define PAGE UINT64_C(4096)

/* Below 640 KiB: what the kernel needs to start, one behind the other. */
#define GDT          UINT64_C(0x6000)
#define BOOT_PARAMS  UINT64_C(0x7000)
#define COMMAND_LINE UINT64_C(0x8000)
#define PAGE_TABLES  UINT64_C(0x9000) /* a PML4, a PDPT, and a directory for each of 4 GiB */
#define LOW_END      UINT64_C(0xf000)
#define LOW_RAM_END  UINT64_C(0x9fc00)
#define HIGH_RAM     UINT64_C(0x100000)

/* Behind KVM's own pages on Intel processors (KVM_SET_TSS_ADDR): nobody's. */
#define TSS_ADDRESS 0xfffbd000ul

#define BOOT_CS       0x10 /* __BOOT_CS, __BOOT_DS of the boot protocol */
#define BOOT_DS       0x18
#define ENTRY_64      0x200
#define PRESENT_WRITE 3u
#define LARGE         0x80u

struct bytes {
	uint8_t *bytes;
	size_t size;
};

static int fail(struct coco_error *error, int code, const char *text, const char *file)
{
	memset(error, 0, sizeof(*error));
	error->code = code;
	error->stage = COCO_STAGE_ARGUMENT;
	snprintf(error->text, sizeof(error->text), "%s: %s", file, text);
	return code;
}

/* `room` bytes more than the file has are zeroes behind it. */
static int read_file(const char *path, size_t room, struct bytes *out, struct coco_error *error)
{
	FILE *file = fopen(path, "rb");
	struct stat status;
	int r = 0;

	*out = (struct bytes){0};
	if (!file || fstat(fileno(file), &status) || !S_ISREG(status.st_mode)) {
		r = fail(error, file ? -EINVAL : -errno, "can't be read", path);
	} else {
		out->size = (size_t)status.st_size;
		out->bytes = calloc(1, out->size + room);
		if (!out->bytes || fread(out->bytes, 1, out->size, file) != out->size)
			r = fail(error, -EIO, "can't be read", path);
	}
	if (file)
		fclose(file);
	return r;
}

/* Whole pages; what is behind the end reads as zeroes. */
static int add_pages(struct coco_image *image, uint64_t gpa, const uint8_t *bytes, size_t size,
		     const char *label, struct coco_error *error)
{
	struct coco_page_run run;

	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = (size + PAGE - 1) / PAGE * PAGE;
	run.kind = COCO_PAGE_DATA;
	run.bytes = bytes;
	run.label = label;
	return coco_image_add(image, &run, error);
}

static void map_identity(uint8_t *low)
{
	uint64_t *tables = (uint64_t *)(void *)(low + PAGE_TABLES - GDT);

	tables[0] = (PAGE_TABLES + PAGE) | PRESENT_WRITE;
	for (uint64_t i = 0; i < 4; i++)
		tables[512 + i] = (PAGE_TABLES + (2 + i) * PAGE) | PRESENT_WRITE;
	for (uint64_t i = 0; i < UINT64_C(4) * 512; i++)
		tables[1024 + i] = i << 21 | LARGE | PRESENT_WRITE;
}

static void describe_memory(struct boot_params *params, uint64_t ram)
{
	const struct boot_e820_entry map[] = {
		{.addr = 0, .size = LOW_RAM_END, .type = 1},
		{.addr = HIGH_RAM, .size = ram - HIGH_RAM, .type = 1},
	};

	memcpy(params->e820_table, map, sizeof(map));
	params->e820_entries = sizeof(map) / sizeof(map[0]);
}

/* What the kernel has about itself, checked, and what it is told. */
static int fill_params(struct boot_params *params, const struct bytes *kernel,
		       const struct options *options, struct coco_error *error)
{
	struct setup_header *header = &params->hdr;
	size_t end;

	if (kernel->size < 0x1000)
		return fail(error, -EINVAL, "is no bzImage", options->kernel);
	end = 0x202u + kernel->bytes[0x201];
	memcpy(header, kernel->bytes + 0x1f1,
	       end - 0x1f1 < sizeof(*header) ? end - 0x1f1 : sizeof(*header));
	if (header->boot_flag != 0xaa55 || header->header != 0x53726448 ||
	    header->version < 0x020c || !(header->xloadflags & XLF_KERNEL_64))
		return fail(error, -EINVAL, "is no 64-bit bzImage", options->kernel);
	header->type_of_loader = 0xff;
	header->loadflags |= LOADED_HIGH;
	header->cmd_line_ptr = (uint32_t)COMMAND_LINE;
	header->vid_mode = 0xffff;
	describe_memory(params, low_memory_size(options));
	return 0;
}

static int add_initrd(struct coco_image *image, struct boot_params *params,
		      const struct options *options, struct coco_error *error)
{
	struct bytes initrd;
	uint64_t gpa, after = params->hdr.pref_address + params->hdr.init_size;
	int r;

	if (!options->initrd)
		return 0;
	r = read_file(options->initrd, PAGE, &initrd, error);
	if (!r) {
		gpa = (low_memory_size(options) - initrd.size) / PAGE * PAGE;
		if (initrd.size > low_memory_size(options) || gpa < after)
			r = fail(error, -ENOSPC, "does not fit: give the guest more --memory",
				 options->initrd);
	}
	if (!r) {
		params->hdr.ramdisk_image = (uint32_t)gpa;
		params->hdr.ramdisk_size = (uint32_t)initrd.size;
		r = add_pages(image, gpa, initrd.bytes, initrd.size, "initrd", error);
	}
	free(initrd.bytes);
	return r;
}

static int add_kernel(struct coco_image *image, const struct boot_params *params,
		      const struct bytes *kernel, const struct options *options,
		      struct coco_error *error)
{
	const size_t sectors = params->hdr.setup_sects ? params->hdr.setup_sects : 4;
	const size_t offset = (sectors + 1) * 512;
	const uint64_t gpa = params->hdr.pref_address;

	if (offset >= kernel->size || gpa < HIGH_RAM || gpa % PAGE ||
	    gpa + params->hdr.init_size > low_memory_size(options))
		return fail(error, -ENOSPC, "does not fit: give the guest more --memory",
			    options->kernel);
	return add_pages(image, gpa, kernel->bytes + offset, kernel->size - offset, "kernel",
			 error);
}

static int add_low(struct coco_image *image, uint8_t *low, const struct boot_params *params,
		   const struct options *options, struct coco_error *error)
{
	const uint64_t segments[] = {0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff};
	const char *line = options->append ? options->append : "console=ttyS0";

	if (strlen(line) >= PAGE)
		return fail(error, -EINVAL, "is longer than a page", "--append");
	memcpy(low, segments, sizeof(segments));
	memcpy(low + BOOT_PARAMS - GDT, params, sizeof(*params));
	memcpy(low + COMMAND_LINE - GDT, line, strlen(line));
	map_identity(low);
	return add_pages(image, GDT, low, LOW_END - GDT, "boot parameters", error);
}

int linux_add_image(struct coco_image *image, const struct options *options, uint64_t *entry,
		    struct coco_error *error)
{
	struct boot_params *params = calloc(1, sizeof(*params));
	uint8_t *low = calloc(1, LOW_END - GDT);
	struct bytes kernel = {0};
	int r = 0;

	if (!params || !low)
		r = fail(error, -ENOMEM, "no memory", options->kernel);
	if (!r)
		r = read_file(options->kernel, PAGE, &kernel, error);
	if (!r)
		r = fill_params(params, &kernel, options, error);
	if (!r)
		r = add_initrd(image, params, options, error);
	if (!r)
		r = add_kernel(image, params, &kernel, options, error);
	if (!r)
		r = add_low(image, low, params, options, error);
	*entry = r ? 0 : params->hdr.pref_address + ENTRY_64;
	free(kernel.bytes);
	free(low);
	free(params);
	return r;
}

int linux_configure(struct coco_guest *guest, struct coco_error *error)
{
	const struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	int r = coco_vm_ioctl(guest, KVM_SET_TSS_ADDR, TSS_ADDRESS, error);

	return r ? r : coco_vm_ioctl(guest, KVM_CREATE_PIT2, (uintptr_t)&pit, error);
}

static void set_segment(struct kvm_segment *segment, uint16_t selector, bool code)
{
	*segment = (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = code ? 0xb : 0x3,
		.present = 1,
		.s = 1,
		.l = code,
		.db = !code,
		.g = 1,
	};
}

int linux_set_registers(struct coco_guest *guest, uint64_t entry, struct coco_error *error)
{
	struct kvm_regs regs = {.rip = entry, .rsi = BOOT_PARAMS, .rflags = 2};
	struct coco_vcpu *vcpu = coco_guest_vcpu(guest, 0);
	struct kvm_sregs sregs;
	int r = coco_vcpu_ioctl(vcpu, KVM_GET_SREGS, (uintptr_t)&sregs, error);

	if (r < 0)
		return r;
	set_segment(&sregs.cs, BOOT_CS, true);
	set_segment(&sregs.ds, BOOT_DS, false);
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	sregs.gdt.base = GDT;
	sregs.gdt.limit = 4 * sizeof(uint64_t) - 1;
	sregs.cr3 = PAGE_TABLES;
	sregs.cr4 |= 1u << 5;             /* PAE */
	sregs.cr0 |= 1u | 1u << 31;       /* PE, PG */
	sregs.efer |= 1u << 8 | 1u << 10; /* LME, LMA */
	r = coco_vcpu_ioctl(vcpu, KVM_SET_SREGS, (uintptr_t)&sregs, error);
	return r < 0 ? r : coco_vcpu_ioctl(vcpu, KVM_SET_REGS, (uintptr_t)&regs, error);
}
