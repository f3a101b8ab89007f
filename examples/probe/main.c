/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* cocoreset-probe: what this host can launch, and why not the rest. */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

/* The exit statuses. */
enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,       /* the host can't be opened or asked */
	STATUS_COMMAND_LINE = 2, /* a mistake on the command line */
};

struct options {
	const char *kvm_path;
	bool json;
	bool help;
	bool version;
};

static bool parse(struct options *options, int argc, char **argv)
{
	static const char kvm_equals[] = "--kvm=";

	*options = (struct options){.kvm_path = "/dev/kvm"};
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (!strcmp(word, "--kvm"))
			options->kvm_path = i + 1 < argc ? argv[++i] : "";
		else if (!strncmp(word, kvm_equals, sizeof(kvm_equals) - 1))
			options->kvm_path = word + sizeof(kvm_equals) - 1;
		else if (!strcmp(word, "--json"))
			options->json = true;
		else if (!strcmp(word, "--help") || !strcmp(word, "-h"))
			options->help = true;
		else if (!strcmp(word, "--version"))
			options->version = true;
		else {
			fprintf(stderr, "cocoreset-probe: %s \"%s\" (--help lists the options)\n",
				word[0] == '-' ? "unknown option" : "unexpected argument", word);
			return false;
		}
	}
	if (options->kvm_path[0])
		return true;
	fputs("cocoreset-probe: --kvm wants a path (--help lists the options)\n", stderr);
	return false;
}

static void print_help(void)
{
	puts("cocoreset-probe [--kvm PATH] [--json]\n"
	     "Tells which guests can be launched on this host, and why not the others.\n\n"
	     "  --kvm PATH\n        the KVM device (/dev/kvm)\n"
	     "  --json\n        one JSON document instead of a table\n"
	     "  --help\n        -h: this text\n"
	     "  --version\n        versions of program and library\n\n"
	     "Exit status: 0 if the host could be asked, whatever it answered; 1 if not;\n"
	     "2 a mistake on the command line.");
}

static void print_version(void)
{
	const uint32_t library = coco_version();

	printf("cocoreset-probe %d.%d.%d (libcocoreset %u.%u.%u)\n", COCO_VERSION_MAJOR,
	       COCO_VERSION_MINOR, COCO_VERSION_PATCH, library >> 16, library >> 8 & 0xff,
	       library & 0xff);
}

static void print_row(uint32_t tech, const struct coco_tech_info *info)
{
	char vcpus[16] = "-";

	if (info->max_vcpus)
		snprintf(vcpus, sizeof(vcpus), "%u", info->max_vcpus);
	printf("%-12s  %-10s  %9s  %-14s  %s\n", coco_tech_name(tech),
	       info->launchable ? "yes" : "no", vcpus, info->private_memory ? "yes" : "no",
	       info->reason[0] ? info->reason : "-");
}

static void add(struct json_object *array, uint32_t tech, const struct coco_tech_info *info)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "technology", json_object_new_string(coco_tech_name(tech)));
	json_object_object_add(object, "launchable",
			       json_object_new_boolean(info->launchable != 0));
	json_object_object_add(object, "max_vcpus", json_object_new_uint64(info->max_vcpus));
	json_object_object_add(object, "private_memory",
			       json_object_new_boolean(info->private_memory != 0));
	json_object_object_add(object, "guest_memfd_shared",
			       json_object_new_boolean(info->guest_memfd_shared != 0));
	/* 0 is what is not known. */
	if (info->firmware_major) {
		char version[40];

		snprintf(version, sizeof(version), "%u.%u.%u", info->firmware_major,
			 info->firmware_minor, info->firmware_build);
		json_object_object_add(object, "firmware", json_object_new_string(version));
	}
	if (info->keys) {
		json_object_object_add(object, "keys", json_object_new_uint64(info->keys));
		json_object_object_add(object, "keys_used",
				       json_object_new_uint64(info->keys_used));
	}
	json_object_object_add(object, "reason", json_object_new_string(info->reason));
	json_object_array_add(array, object);
}

/* `array`: where the answers go; NULL: they are printed as a table. */
static int probe_all(struct coco_host *host, struct json_object *array, struct coco_error *error)
{
	struct coco_tech_info info;
	int r = 0;

	if (!array)
		printf("%-12s  %-10s  %9s  %-14s  %s\n", "technology", "launchable", "max vCPUs",
		       "private memory", "why not");
	for (uint32_t tech = COCO_TECH_PLAIN; !r && coco_tech_name(tech); tech++) {
		COCO_INIT(&info);
		r = coco_host_probe(host, tech, &info, error);
		if (!r && array)
			add(array, tech, &info);
		else if (!r)
			print_row(tech, &info);
	}
	return r;
}

static int probe_as_json(struct coco_host *host, const char *kvm_path, struct coco_error *error)
{
	struct json_object *root = json_object_new_object();
	struct json_object *array = json_object_new_array();
	int r;

	json_object_object_add(root, "kvm", json_object_new_string(kvm_path));
	json_object_object_add(root, "technologies", array);
	r = probe_all(host, array, error);
	if (!r)
		puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return r;
}

static int run(const struct options *options)
{
	struct coco_host_options host_options;
	struct coco_host *host = NULL;
	struct coco_error error;
	int r;

	COCO_INIT(&host_options);
	host_options.kvm_path = options->kvm_path;
	r = coco_host_open(&host_options, &host, &error);
	if (!r && options->json)
		r = probe_as_json(host, options->kvm_path, &error);
	else if (!r)
		r = probe_all(host, NULL, &error);
	coco_host_close(host);
	if (!r)
		return STATUS_OK;
	fprintf(stderr, "cocoreset-probe: %s: %s%s%s\n", coco_stage_name(error.stage),
		error.field[0] ? error.field : error.call,
		error.field[0] || error.call[0] ? ": " : "", error.text);
	return STATUS_FAILED;
}

int main(int argc, char **argv)
{
	struct options options;
	int status = STATUS_OK;

	if (!parse(&options, argc, argv))
		return STATUS_COMMAND_LINE;
	if (options.help)
		print_help();
	else if (options.version)
		print_version();
	else
		status = run(&options);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "cocoreset-probe: standard output: %s\n", strerror(errno));
		return STATUS_FAILED;
	}
	return status;
}
