/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

uint8_t fixture_byte(uint64_t gpa)
{
	/* Differs from page to page and from byte to byte. */
	return (uint8_t)(gpa * 13 + (gpa >> 12) * 101 + 7);
}

static void add_data(struct fixture *f, uint64_t gpa, uint64_t size)
{
	uint8_t *bytes = malloc(size);
	struct coco_page_run run;

	ck_assert_ptr_nonnull(bytes);
	for (uint64_t i = 0; i < size; i++)
		bytes[i] = fixture_byte(gpa + i);
	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = size;
	run.kind = COCO_PAGE_DATA;
	run.bytes = bytes;
	expect_ok(coco_image_add(f->image, &run, &f->error), &f->error);
	free(bytes);
}

static void make_image(struct fixture *f)
{
	struct coco_page_run zeroes;

	expect_ok(coco_image_new(&f->image, &f->error), &f->error);
	add_data(f, DATA_GPA, DATA_SIZE);
	COCO_INIT(&zeroes);
	zeroes.gpa = ZERO_GPA;
	zeroes.size = ZERO_SIZE;
	zeroes.kind = COCO_PAGE_ZERO;
	expect_ok(coco_image_add(f->image, &zeroes, &f->error), &f->error);
	add_data(f, FIRMWARE_GPA, FIRMWARE_SIZE);
}

static void kick(void *payload, struct coco_vcpu *vcpu)
{
	(void)vcpu;
	fake_kvm_kick(payload);
}

void fixture_init(struct fixture *f, uint32_t tech)
{
	struct coco_host_options options;

	memset(f, 0, sizeof(*f));
	f->fake = fake_kvm_new();
	COCO_INIT(&options);
	options.platform = fake_kvm_platform(f->fake);
	expect_ok(coco_host_open(&options, &f->host, &f->error), &f->error);
	make_image(f);
	COCO_INIT(&f->options);
	f->options.tech = tech;
	f->options.vcpus = 1;
	f->options.image = f->image;
	f->options.irqchip = COCO_IRQCHIP_FULL;
	f->options.kick = kick;
	f->options.kick_payload = f->fake;
}

void fixture_reopen(struct fixture *f, const struct coco_platform *platform, coco_log_fn log,
		    void *log_payload)
{
	struct coco_host_options options;

	coco_host_close(f->host);
	COCO_INIT(&options);
	options.platform = platform;
	options.log = log;
	options.log_payload = log_payload;
	expect_ok(coco_host_open(&options, &f->host, &f->error), &f->error);
}

int fixture_add_memory(struct fixture *f, uint64_t gpa, uint64_t size, void *host, uint32_t flags)
{
	struct coco_memory memory;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	memory.host = host;
	memory.flags = flags;
	expect_spoil(&f->error);
	return coco_guest_add_memory(f->guest, &memory, &f->error);
}

static void label_memory(struct fixture *f, uint64_t gpa, uint64_t size, const char *label)
{
	void *address;

	if (coco_guest_host_address(f->guest, gpa, size, &address, NULL) == 0)
		fake_kvm_label_memory(f->fake, address, size, label);
}

void fixture_label(struct fixture *f)
{
	char label[24];

	fake_kvm_label_fd(f->fake, coco_guest_vm_fd(f->guest), "vm");
	for (uint32_t i = 0; i < f->options.vcpus; i++) {
		struct coco_vcpu *vcpu = coco_guest_vcpu(f->guest, i);

		snprintf(label, sizeof(label), "vcpu%u", i);
		fake_kvm_label_fd(f->fake, coco_vcpu_fd(vcpu), label);
		snprintf(label, sizeof(label), "run%u", i);
		fake_kvm_label_memory(f->fake, coco_vcpu_kvm_run(vcpu), FAKE_RUN_SIZE, label);
	}
	label_memory(f, 0, RAM_SIZE, "ram");
	label_memory(f, ROM_GPA, ROM_SIZE, "rom");
}

void fixture_guest(struct fixture *f)
{
	expect_ok(coco_guest_new(f->host, &f->options, &f->guest, &f->error), &f->error);
	expect_ok(fixture_add_memory(f, 0, RAM_SIZE, f->ram_host, f->memory_flags), &f->error);
	expect_ok(fixture_add_memory(f, ROM_GPA, ROM_SIZE, NULL, 0), &f->error);
	fixture_label(f);
	fake_kvm_transcript_clear(f->fake);
}

void fixture_launch(struct fixture *f, uint32_t tech)
{
	fixture_init(f, tech);
	fixture_guest(f);
	expect_ok(coco_guest_launch(f->guest, &f->error), &f->error);
	fixture_expect_state(f, COCO_STATE_RUNNABLE, 1);
	fake_kvm_transcript_clear(f->fake);
}

void fixture_reset(struct fixture *f, uint32_t strategy)
{
	struct coco_reset_options options;

	COCO_INIT(&options);
	options.strategy = strategy;
	expect_ok(coco_guest_reset_with(f->guest, &options, &f->error), &f->error);
}

void fixture_end(struct fixture *f)
{
	coco_guest_free(f->guest);
	coco_image_unref(f->image);
	coco_host_close(f->host);
	expect_clean(f->fake);
}

struct coco_guest_info fixture_info(struct fixture *f)
{
	struct coco_guest_info info;

	COCO_INIT(&info);
	expect_ok(coco_guest_get_info(f->guest, &info, &f->error), &f->error);
	return info;
}

void fixture_expect_state(struct fixture *f, uint32_t state, uint64_t generation)
{
	struct coco_guest_info info = fixture_info(f);

	ck_assert_str_eq(coco_state_name(info.state), coco_state_name(state));
	ck_assert_uint_eq(info.generation, generation);
	ck_assert_uint_eq(coco_guest_generation(f->guest), generation);
}

static void expect_pages(struct fixture *f, uint64_t gpa, uint64_t size, bool zeroes)
{
	int vm = coco_guest_vm_fd(f->guest);
	uint8_t *bytes = malloc(size);

	ck_assert_ptr_nonnull(bytes);
	ck_assert_msg(fake_kvm_read_guest(f->fake, vm, gpa, bytes, size),
		      "the guest has no memory at 0x%llx", (unsigned long long)gpa);
	/* Check's assertions are slow: only bytes that are wrong come to one. */
	for (uint64_t i = 0; i < size; i++)
		if (bytes[i] != (zeroes ? 0 : fixture_byte(gpa + i)))
			ck_abort_msg("the guest reads 0x%02x at 0x%llx", bytes[i],
				     (unsigned long long)(gpa + i));
	free(bytes);
}

void fixture_expect_image(struct fixture *f)
{
	expect_pages(f, DATA_GPA, DATA_SIZE, false);
	expect_pages(f, ZERO_GPA, ZERO_SIZE, true);
	expect_pages(f, FIRMWARE_GPA, FIRMWARE_SIZE, false);
}

static size_t expand(char *to, const struct fixture_part *part)
{
	size_t length = 0;

	for (const char *from = part->text; *from != '\0'; from++) {
		if (*from == '#')
			length += (size_t)sprintf(to + length, "%u", part->vm);
		else
			to[length++] = *from;
	}
	to[length] = '\0';
	return length;
}

void fixture_expect_conversation(struct fixture *f, const struct fixture_part *parts)
{
	size_t room = 1, length = 0;
	char *expected;

	for (const struct fixture_part *part = parts; part->text != NULL; part++)
		room += 10 * strlen(part->text);
	expected = calloc(1, room);
	ck_assert_ptr_nonnull(expected);
	for (const struct fixture_part *part = parts; part->text != NULL; part++)
		length += expand(expected + length, part);
	expect_transcript(f->fake, expected);
	free(expected);
}
