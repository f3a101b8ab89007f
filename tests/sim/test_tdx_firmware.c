/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The library on the simulator: TDX guests with the vectors' firmware launch, and reset in place,
 * and what the platform has measured is what the vectors say, in each incarnation, under another
 * key each time.
 */
#include <cocoreset/cocoreset.h>
#include <cocoreset/sim.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "vectors.h"

#define RESETS    3
#define FLASH_END 0x100000000ull
#define RAM_SIZE  (64ull << 20)

static struct json_object *file;

static void on_kick(int signal)
{
	(void)signal;
}

static struct coco_image *image_of(const uint8_t *bytes, size_t size)
{
	struct coco_firmware *firmware;
	struct coco_image *image;
	struct coco_error error;

	expect_ok(coco_firmware_parse(bytes, size, &firmware, &error), &error);
	expect_ok(coco_image_new(&image, &error), &error);
	expect_ok(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error);
	coco_firmware_free(firmware);
	return image;
}

static struct coco_guest *guest_of(struct coco_host *host, struct coco_image *image,
				   size_t flash_size)
{
	struct coco_guest_options options;
	struct coco_memory memory;
	struct coco_guest *guest;
	struct coco_error error;

	COCO_INIT(&options);
	options.tech = COCO_TECH_TDX;
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.vcpus = 2;
	options.image = image;
	options.kick_signal = SIGUSR1;
	expect_ok(coco_guest_new(host, &options, &guest, &error), &error);
	COCO_INIT(&memory);
	memory.size = RAM_SIZE;
	expect_ok(coco_guest_add_memory(guest, &memory, &error), &error);
	COCO_INIT(&memory);
	memory.gpa = FLASH_END - flash_size;
	memory.size = flash_size;
	expect_ok(coco_guest_add_memory(guest, &memory, &error), &error);
	return guest;
}

static struct coco_sim_vm_info info_of(struct coco_sim *sim, struct coco_guest *guest)
{
	struct coco_sim_vm_info info;
	struct coco_error error;

	COCO_INIT(&info);
	expect_ok(coco_sim_get_vm_info(sim, coco_guest_vm_fd(guest), &info, &error), &error);
	return info;
}

static void check_lives(struct coco_sim *sim, struct coco_guest *guest, const char *expected)
{
	uint8_t keys[RESETS + 1][32];
	struct coco_error error;

	expect_ok(coco_guest_launch(guest, &error), &error);
	for (int life = 0; life <= RESETS; life++) {
		struct coco_sim_vm_info info = info_of(sim, guest);

		vectors_expect_hex("MRTD", info.digest, 48, expected);
		memcpy(keys[life], info.key, sizeof(info.key));
		for (int before = 0; before < life; before++)
			ck_assert_mem_ne(keys[before], keys[life], sizeof(info.key));
		if (life < RESETS)
			expect_ok(coco_guest_reset(guest, &error), &error);
	}
}

static void check_nothing_left(struct coco_sim *sim)
{
	struct coco_sim_account left;
	struct coco_error error;

	COCO_INIT(&left);
	expect_ok(coco_sim_get_account(sim, &left, &error), &error);
	ck_assert_uint_eq(left.vms, 0);
	ck_assert_uint_eq(left.fds, 0);
	ck_assert_uint_eq(left.mappings, 0);
	ck_assert_uint_eq(left.tdx_keys_used, 0);
	ck_assert_uint_eq(left.tdx_pages, 0);
	ck_assert_uint_eq(left.memory_used, 0);
}

START_TEST(vector)
{
	struct json_object *given = vectors_at(file, _i);
	struct coco_host_options options;
	struct coco_image *image;
	struct coco_guest *guest;
	struct coco_host *host;
	struct coco_error error;
	struct coco_sim *sim;
	uint8_t *firmware;
	size_t size;

	/* Other orders of pages are other kernels'; malformed firmware is no platform's matter. */
	if (!vectors_get(given, "sections") ||
	    strcmp(vectors_text(given, "page_order"), "single-pass") != 0)
		return;
	firmware = vectors_firmware(file, vectors_text(given, "firmware"), &size);
	if (!firmware) {
		vectors_skip(file, _i);
		return;
	}
	/* One key id: a reset has to give it back before it takes it again. */
	expect_ok(coco_sim_new_from_text("tdx:tdx_keys=1", &sim, &error), &error);
	COCO_INIT(&options);
	options.platform = coco_sim_get_platform(sim);
	expect_ok(coco_host_open(&options, &host, &error), &error);
	image = image_of(firmware, size);
	guest = guest_of(host, image, size);
	check_lives(sim, guest, vectors_text(given, "expected"));
	coco_guest_free(guest);
	coco_image_unref(image);
	coco_host_close(host);
	check_nothing_left(sim);
	coco_sim_free(sim);
	free(firmware);
}
END_TEST

int main(void)
{
	const struct sigaction kick = {.sa_handler = on_kick};
	int rc;

	sigaction(SIGUSR1, &kick, NULL);
	file = vectors_load("tdx-mrtd.json");
	rc = expect_run(vectors_suite("tdx_firmware", file, vector->fn));
	json_object_put(file);
	return rc;
}
