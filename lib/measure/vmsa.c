/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "measure/vmsa.h"

#include "measure/options.h"

#include "base/bytes.h"
#include "base/error.h"
#include "image/vmsa_layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

/* Short names, for the tables below. */
enum {
	ES = COCO_VMSA_ES,
	CS = COCO_VMSA_CS,
	SS = COCO_VMSA_SS,
	DS = COCO_VMSA_DS,
	FS = COCO_VMSA_FS,
	GS = COCO_VMSA_GS,
	GDTR = COCO_VMSA_GDTR,
	LDTR = COCO_VMSA_LDTR,
	IDTR = COCO_VMSA_IDTR,
	TR = COCO_VMSA_TR,
	/* A segment: selector, attributes, limit, base. */
	SEGMENT_ATTRIBUTES = COCO_VMSA_SEGMENT_ATTRIBUTES,
	SEGMENT_LIMIT = COCO_VMSA_SEGMENT_LIMIT,
	SEGMENT_BASE = COCO_VMSA_SEGMENT_BASE,

	EFER = COCO_VMSA_EFER,
	CR4 = COCO_VMSA_CR4,
	CR3 = COCO_VMSA_CR3,
	CR0 = COCO_VMSA_CR0,
	DR7 = COCO_VMSA_DR7,
	DR6 = COCO_VMSA_DR6,
	RFLAGS = COCO_VMSA_RFLAGS,
	RIP = COCO_VMSA_RIP,
	RSP = COCO_VMSA_RSP,
	RAX = COCO_VMSA_RAX,
	G_PAT = COCO_VMSA_G_PAT,
	RCX = COCO_VMSA_RCX,
	RDX = COCO_VMSA_RDX,
	RBX = COCO_VMSA_RBX,
	SEV_FEATURES = COCO_VMSA_SEV_FEATURES,
	XCR0 = COCO_VMSA_XCR0,
	MXCSR = COCO_VMSA_MXCSR,
	FCW = COCO_VMSA_FCW,
};

#define RESET_VECTOR 0xfffffff0u

/* What VMMs do differently. */
struct profile {
	uint16_t first_code; /* attributes of CS, first vCPU */
	uint16_t other_code; /* attributes of CS, other vCPUs */
	uint16_t stack;      /* attributes of SS */
	uint16_t data;       /* attributes of DS, ES, FS, GS */
	uint16_t task;       /* attributes of TR */
	uint32_t rdx;        /* 0: the vCPU signature */
	uint64_t pat;
	uint32_t mxcsr;
	uint16_t fcw;
};

/* The PAT that processors have after a reset, and the one that Google sets. */
#define PAT_RESET  0x0007040600070406ull
#define PAT_GOOGLE 0x0000000000070106ull
/* MXCSR and FCW after FNINIT; zero where KVM or a VMM leaves the FPU out. */
#define MXCSR_RESET 0x1f80
#define FCW_RESET   0x37f
/* KVM's own EDX after a reset: family 6, because CPUID is not known yet. */
#define RDX_KVM 0x600

static const struct profile profiles[] = {
	[COCO_VMM_QEMU] = {0x9b, 0x9b, 0x93, 0x93, 0x8b, 0, PAT_RESET, MXCSR_RESET, FCW_RESET},
	[COCO_VMM_EC2] = {0x9a, 0x9b, 0x92, 0x93, 0x83, RDX_KVM, PAT_RESET, 0, 0},
	[COCO_VMM_GCE] = {0x9b, 0x9b, 0x93, 0x93, 0x8b, RDX_KVM, PAT_GOOGLE, 0, 0},
	[COCO_VMM_KVM] = {0x9a, 0x9a, 0x92, 0x92, 0x83, RDX_KVM, PAT_RESET, MXCSR_RESET, FCW_RESET},
};

static void put_segment(unsigned char *at, uint16_t selector, uint16_t attributes, uint64_t base)
{
	coco_put_le16(at, selector);
	coco_put_le16(at + SEGMENT_ATTRIBUTES, attributes);
	coco_put_le32(at + SEGMENT_LIMIT, 0xffff);
	coco_put_le64(at + SEGMENT_BASE, base);
}

static void put_segments(unsigned char *page, const struct profile *profile, bool first,
			 uint32_t start)
{
	put_segment(page + ES, 0, profile->data, 0);
	put_segment(page + CS, 0xf000, first ? profile->first_code : profile->other_code,
		    start & 0xffff0000u);
	put_segment(page + SS, 0, profile->stack, 0);
	put_segment(page + DS, 0, profile->data, 0);
	put_segment(page + FS, 0, profile->data, 0);
	put_segment(page + GS, 0, profile->data, 0);
	put_segment(page + GDTR, 0, 0, 0);
	put_segment(page + LDTR, 0, 0x82, 0);
	put_segment(page + IDTR, 0, 0, 0);
	put_segment(page + TR, 0, profile->task, 0);
}

/* Protected mode with flat segments, as Coconut's SVSM wants to be entered. */
static void put_svsm(unsigned char *page, const struct coco_measure_options *options)
{
	static const uint16_t data[] = {ES, SS, DS, FS};

	for (size_t i = 0; i < sizeof(data) / sizeof(*data); i++) {
		put_segment(page + data[i], 0x10, 0xc93, 0);
		coco_put_le32(page + data[i] + SEGMENT_LIMIT, UINT32_MAX);
	}
	put_segment(page + CS, 0x08, 0xc9b, 0);
	coco_put_le32(page + CS + SEGMENT_LIMIT, UINT32_MAX);
	coco_put_le64(page + CR0, 0x11); /* PE, ET */
	coco_put_le64(page + RIP, options->svsm_entry);
	coco_put_le64(page + RDX, options->vcpu_signature);
	if (options->vmm == COCO_VMM_QEMU)
		coco_put_le16(page + FCW, 0);
}

static void put_control(unsigned char *page, uint32_t flags)
{
	coco_put_le64(page + EFER, 0x1000); /* SVME: KVM always sets it */
	coco_put_le64(page + CR4, flags & COCO_VMSA_NO_MCE ? 0 : 0x40);
	coco_put_le64(page + CR0, flags & COCO_VMSA_CD_NW ? 0x60000010 : 0x10);
	coco_put_le64(page + DR7, 0x400);
	coco_put_le64(page + DR6, 0xffff0ff0);
	coco_put_le64(page + RFLAGS, 2);
	coco_put_le64(page + XCR0, 1);
}

void coco_vmsa_write(const struct coco_measure_options *options, uint32_t index,
		     unsigned char page[COCO_PAGE_SIZE])
{
	const struct profile *profile =
		&profiles[options->svsm_entry ? COCO_VMM_QEMU : options->vmm];
	bool first = !index || options->vmm == COCO_VMM_KVM;
	uint32_t start = first ? RESET_VECTOR : (uint32_t)options->ap_start;

	memset(page, 0, COCO_PAGE_SIZE);
	put_segments(page, profile, first, start);
	put_control(page, options->vmsa_flags);
	coco_put_le64(page + RIP, start & 0xffff);
	coco_put_le64(page + RDX, profile->rdx ? profile->rdx : options->vcpu_signature);
	coco_put_le64(page + G_PAT, profile->pat);
	coco_put_le64(page + SEV_FEATURES, options->sev_features);
	if (!(options->vmsa_flags & COCO_VMSA_LEGACY)) {
		coco_put_le32(page + MXCSR, profile->mxcsr);
		coco_put_le16(page + FCW, profile->fcw);
	}
	if (options->svsm_entry)
		put_svsm(page, options);
}

int coco_vmsa_build(const struct coco_measure_options *options, uint32_t index, void *out,
		    struct coco_error *error)
{
	struct coco_measure_options given;
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = coco_measure_read_options(&given, options, error);
	if (!r)
		r = coco_measure_check_vcpus(&given, index, error);
	if (!r)
		coco_vmsa_write(&given, index, out);
	return r;
}

/* clang-format off */
static const struct coco_vmsa_field fields[] = {
	{"SEV_FEATURES", SEV_FEATURES, 8, COCO_DIFFERENCE_FEATURES},
	{"MXCSR", MXCSR, 4, COCO_DIFFERENCE_FPU},
	{"FCW", FCW, 2, COCO_DIFFERENCE_FPU},
	{"RDX", RDX, 8, COCO_DIFFERENCE_SIGNATURE},
	{"CS.base", CS + SEGMENT_BASE, 8, COCO_DIFFERENCE_AP_START},
	{"RIP", RIP, 8, COCO_DIFFERENCE_AP_START},
	{"CS.attributes", CS + SEGMENT_ATTRIBUTES, 2, COCO_DIFFERENCE_REGISTERS},
	{"SS.attributes", SS + SEGMENT_ATTRIBUTES, 2, COCO_DIFFERENCE_REGISTERS},
	{"DS.attributes", DS + SEGMENT_ATTRIBUTES, 2, COCO_DIFFERENCE_REGISTERS},
	{"TR.attributes", TR + SEGMENT_ATTRIBUTES, 2, COCO_DIFFERENCE_REGISTERS},
	{"G_PAT", G_PAT, 8, COCO_DIFFERENCE_REGISTERS},
	{"CR0", CR0, 8, COCO_DIFFERENCE_REGISTERS},
	{"CR3", CR3, 8, COCO_DIFFERENCE_REGISTERS},
	{"CR4", CR4, 8, COCO_DIFFERENCE_REGISTERS},
	{"EFER", EFER, 8, COCO_DIFFERENCE_REGISTERS},
	{"XCR0", XCR0, 8, COCO_DIFFERENCE_REGISTERS},
	{"RAX", RAX, 8, COCO_DIFFERENCE_REGISTERS},
	{"RBX", RBX, 8, COCO_DIFFERENCE_REGISTERS},
	{"RCX", RCX, 8, COCO_DIFFERENCE_REGISTERS},
	{"RSP", RSP, 8, COCO_DIFFERENCE_REGISTERS},
	{"RFLAGS", RFLAGS, 8, COCO_DIFFERENCE_REGISTERS},
};
/* clang-format on */

#define FIELD_COUNT (sizeof(fields) / sizeof(*fields))

uint64_t coco_vmsa_get(const unsigned char *page, const struct coco_vmsa_field *field)
{
	return coco_le(page + field->offset, field->size);
}

const struct coco_vmsa_field *coco_vmsa_compare(const unsigned char *first,
						const unsigned char *second)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (coco_vmsa_get(first, &fields[i]) != coco_vmsa_get(second, &fields[i]))
			return &fields[i];
	return NULL;
}

const char *coco_vmsa_register_name(uint32_t index)
{
	return index < FIELD_COUNT ? fields[index].name : NULL;
}

uint64_t coco_vmsa_get_register(const void *page, uint32_t index)
{
	return page && index < FIELD_COUNT ? coco_vmsa_get(page, &fields[index]) : 0;
}

int coco_vmsa_set_register(void *page, uint32_t index, uint64_t value, struct coco_error *error)
{
	const struct coco_vmsa_field *field;

	if (!page)
		return coco_fail_field(error, -EINVAL, "page", "page is NULL");
	if (index >= FIELD_COUNT)
		return coco_fail_field(error, -EINVAL, "index",
				       "there is no register %" PRIu32 ", there are %zu", index,
				       FIELD_COUNT);
	field = &fields[index];
	if (field->size < sizeof(value) && value >> 8 * field->size)
		return coco_fail_field(error, -EINVAL, "value",
				       "0x%" PRIx64 " is too large for %s, which has %u bytes",
				       value, field->name, field->size);
	coco_put_le((unsigned char *)page + field->offset, value, field->size);
	return 0;
}
