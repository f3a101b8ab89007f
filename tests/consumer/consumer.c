/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program of somebody else's: built against the installed package only, as C11 and as C++17,
 * and run without a KVM device.
 */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int failures;

static void expect(int holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "not so: %s\n", what);
		failures++;
	}
}

static void version_is_that_of_the_headers(void)
{
	const uint32_t expected =
		COCO_VERSION_MAJOR << 16 | COCO_VERSION_MINOR << 8 | COCO_VERSION_PATCH;

	printf("libcocoreset %u.%u.%u\n", coco_version() >> 16, coco_version() >> 8 & 0xff,
	       coco_version() & 0xff);
	expect(coco_version() == expected, "library and headers have the same version");
}

static void missing_device_is_told(void)
{
	struct coco_host_options options;
	struct coco_host *host = NULL;
	struct coco_error error;
	int result;

	COCO_INIT(&options);
	options.kvm_path = "/nonexistent/kvm";
	memset(&error, 0xa5, sizeof(error)); /* needs no initialising */
	result = coco_host_open(&options, &host, &error);
	printf("%s: %s\n", coco_stage_name(error.stage), error.text);

	expect(result == -ENOENT, "coco_host_open() without a device returns -ENOENT");
	expect(host == NULL, "a failed call leaves its result alone");
	expect(error.code == result, "error.code is what the call returned");
	expect(error.stage == COCO_STAGE_HOST, "error.stage is COCO_STAGE_HOST");
	expect(error.status == 0, "error.status is 0: no firmware was asked");
	expect(error.call[0] != '\0', "error.call names the system call");
	expect(strstr(error.text, "/nonexistent/kvm") != NULL, "error.text names the path");

	expect(coco_host_open(&options, &host, NULL) == -ENOENT, "the error struct may be NULL");
}

static void image_is_made(void)
{
	struct coco_image *image = NULL;
	struct coco_page_run run;
	struct coco_error error;

	expect(coco_image_new(&image, &error) == 0, "an image is made");
	if (!image)
		return;

	COCO_INIT(&run);
	run.kind = COCO_PAGE_ZERO;
	expect(coco_image_add(image, &run, &error) == -EINVAL, "a run without a size is refused");
	expect(error.code == -EINVAL, "error.code is what the call returned");
	expect(error.stage == COCO_STAGE_ARGUMENT, "error.stage is COCO_STAGE_ARGUMENT");
	expect(strstr(error.field, "size") != NULL, "error.field names the size");
	expect(error.call[0] == '\0', "error.call is empty: nothing was called");
	expect(error.text[0] != '\0', "error.text says what is wrong");
	expect(coco_image_run_count(image) == 0, "the image is as it was after an error");

	run.size = COCO_PAGE_SIZE;
	memset(&error, 0xa5, sizeof(error));
	expect(coco_image_add(image, &run, &error) == 0, "a page of zeroes is taken");
	expect(error.code == (int32_t)0xa5a5a5a5, "a call that succeeds leaves the error alone");
	expect(coco_image_run_count(image) == 1, "the image has that run");

	COCO_INIT(&run);
	expect(coco_image_get_run(image, 0, &run, NULL) == 0 && run.size == COCO_PAGE_SIZE &&
		       run.kind == COCO_PAGE_ZERO,
	       "the run reads back");
	coco_image_unref(image);
}

int main(void)
{
	version_is_that_of_the_headers();
	missing_device_is_told();
	image_is_made();
	return failures ? 1 : 0;
}
