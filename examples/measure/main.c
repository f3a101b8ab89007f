/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* cocoreset-measure: launch measurements and signed ID blocks on the command line. */
#include <stdio.h>

#include "hex.h"
#include "id_block.h"
#include "igvm.h"
#include "launch.h"
#include "message.h"
#include "record.h"

/* What a sentence calls the mode's guests. */
static const char *guest_name(uint64_t mode)
{
	switch (mode) {
	case MODE_SEV:
		return "SEV";
	case MODE_SEVES:
	case MODE_SEVES_LEGACY:
		return "SEV-ES";
	case MODE_TDX:
		return "TDX";
	default:
		return "SEV-SNP";
	}
}

static int print_digest(const struct record *record, const struct options *options)
{
	char text[HEX_SIZE(COCO_DIGEST_MAX_SIZE)];
	struct coco_error error;

	if (options->format == FORMAT_HEX)
		hex_write(record->digest, record->size, text);
	else if (coco_base64_encode(record->digest, record->size, text, sizeof(text), &error))
		return library_failed(&error);
	if (options->verbose)
		printf("Calculated %s guest measurement: %s\n", guest_name(options->mode), text);
	else
		puts(text);
	return 0;
}

static int print_text(const struct record *record, const struct options *options,
		      const struct difference *difference)
{
	int status;

	if (options->explain)
		record_explain(record);
	status = print_digest(record, options);
	if (!status && difference)
		printf("%s: %s\n", difference_name(difference->kind), difference->text);
	return status;
}

static int print(const struct record *record, const struct options *options,
		 const struct difference *difference)
{
	return options->format == FORMAT_JSON
		       ? json_print(record_to_json(record, options, difference))
		       : print_text(record, options, difference);
}

static int compare(const struct record *record, const char *path, struct difference *difference)
{
	struct record before;
	int status = record_load(&before, path);

	if (!status)
		status = record_compare(&before, record, difference);
	record_free(&before);
	return status;
}

static int show(const struct launch *launch, const struct options *options)
{
	struct difference difference = {0};
	struct record record;
	int status = record_from_launch(&record, launch, options);

	if (!status && options->diff)
		status = compare(&record, options->diff, &difference);
	if (!status)
		status = print(&record, options, options->diff ? &difference : NULL);
	if (!status && difference.kind != COCO_DIFFERENCE_NONE)
		status = STATUS_DIFFERENT;
	record_free(&record);
	return status;
}

static int measure_run(const struct options *options)
{
	struct launch launch;
	int status = launch_measure(&launch, options, options->explain || options->diff);

	if (!status && options->dump_vmsa)
		status = vcpus_dump(&launch.vcpus);
	if (!status)
		status = show(&launch, options);
	launch_free(&launch);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	int status = STATUS_OK;

	if (igvm_wanted(argc, argv)) {
		status = igvm_run(argc, argv);
		return fflush(stdout) || ferror(stdout) ? file_failed("standard output") : status;
	}
	switch (options_parse(&options, argc, argv)) {
	case OPTIONS_RUN:
		status = options.command == COMMAND_MEASURE ? measure_run(&options)
							    : id_block_run(&options);
		break;
	case OPTIONS_DONE:
		break;
	case OPTIONS_BAD:
		return STATUS_COMMAND_LINE;
	}
	if (fflush(stdout) || ferror(stdout))
		return file_failed("standard output");
	return status;
}
