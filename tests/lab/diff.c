/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Is the simulator as strict as the kernel? The same sequences go to both, step by step, and what
 * they answer is compared: result, firmware status, what is written back, and after each step how
 * many guests and pages there are and what was measured. To be run in the lab, on a kernel with a
 * simulated secure processor.
 *
 *	diff [--sequences N] [--seed S] [--keep-going] [--steps "TEXT"]
 */
#include "diff.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define DEFAULT_SEQUENCES 2500
#define DEFAULT_SEED      1
#define MAX_SHOWN         40u
#define CAPS              255u

static struct diff_side kernel, simulator;
static unsigned long sequences, steps, differences;
static bool keep_going; /* to the next sequence after one that differs */
static bool verbose; /* each sequence before it is tried: the last one is what the kernel died of */
static bool to_the_end; /* of a sequence that differs */

static void run(struct diff_side *side, const struct diff_step *step, struct diff_result *result)
{
	result->rc = 0;
	result->status = 0;
	result->size = 0;
	step->op->run(side, &side->vms[step->vm], step->a, result);
	if (!diff_put_account(side, result)) {
		printf("not ok: what is in use can't be read\n");
		exit(1);
	}
}

static void show_word(const char *name, const struct diff_result *result, size_t at)
{
	uint64_t word = 0;
	size_t size = result->size - at < sizeof(word) ? result->size - at : sizeof(word);

	memcpy(&word, result->out + at, size);
	printf("#   %s has 0x%llx at %zu of %zu\n", name, (unsigned long long)word, at,
	       result->size);
}

static void show_difference(const struct diff_sequence *sequence, size_t at,
			    const struct diff_result *a, const struct diff_result *b)
{
	printf("not ok: ");
	diff_print_step(&sequence->steps[at]);
	printf(": kernel %d, status 0x%x; simulator %d, status 0x%x\n", a->rc, a->status, b->rc,
	       b->status);
	for (size_t i = 0; i < a->size && i < b->size; i++)
		if (a->out[i] != b->out[i]) {
			show_word("kernel", a, i / 8 * 8);
			show_word("simulator", b, i / 8 * 8);
			break;
		}
	printf("#   after: ");
	diff_print(sequence, at + 1);
}

static bool same(const struct diff_result *a, const struct diff_result *b)
{
	return a->rc == b->rc && a->status == b->status && a->size == b->size &&
	       !memcmp(a->out, b->out, a->size);
}

/* Ends at the first difference: from there on the two are in different states. */
static bool compare(const struct diff_sequence *sequence)
{
	static struct diff_result expected, actual;
	bool equal = true;

	sequences++;
	if (verbose)
		diff_print(sequence, sequence->count);
	for (size_t i = 0; i < sequence->count && (equal || to_the_end); i++) {
		bool alike;

		steps++;
		run(&kernel, &sequence->steps[i], &expected);
		run(&simulator, &sequence->steps[i], &actual);
		alike = same(&expected, &actual);
		if (!alike && differences++ < MAX_SHOWN)
			show_difference(sequence, i, &expected, &actual);
		equal = equal && alike;
	}
	diff_side_reset(&kernel);
	diff_side_reset(&simulator);
	return equal || keep_going;
}

static bool compare_text(const char *text)
{
	static struct diff_sequence sequence;

	if (!diff_parse(text, &sequence)) {
		printf("not ok: \"%s\" is no sequence\n", text);
		exit(2);
	}
	return compare(&sequence);
}

/* Nothing of a sequence may be left for the next. */
static void expect_idle(void)
{
	static struct diff_result expected, actual;
	static bool begun;
	static struct diff_result idle;

	expected.size = actual.size = 0;
	if (!diff_put_account(&kernel, &expected) || !diff_put_account(&simulator, &actual))
		exit(1);
	if (!begun)
		idle = expected;
	begun = true;
	if (!same(&expected, &idle) || !same(&actual, &idle)) {
		printf("not ok: something is left\n");
		differences++;
	}
}

/* Each capability, of each type of VM and of the host. */
static bool compare_caps(void)
{
	static const char *const types[] = {"create_vm=3 ", "create_vm=4 ", "create_vm=2 ",
					    "create_vm=1 ", "create_vm=0 "};
	bool equal = true;

	to_the_end = true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (unsigned cap = 0; cap < CAPS; cap += CAPS / 5) {
			char text[2048];
			size_t at = (size_t)snprintf(text, sizeof(text), "%s", types[i]);

			for (unsigned j = cap; j < cap + CAPS / 5; j++)
				at += (size_t)snprintf(text + at, sizeof(text) - at,
						       "cap=%u cap=%u,1 ", j, j);
			equal = compare_text(text) && equal;
		}
	to_the_end = false;
	return equal;
}

static bool compare_all(unsigned long count, uint64_t seed)
{
	static struct diff_sequence sequence;
	bool equal = compare_caps();

	for (unsigned i = 0; i < diff_launch_count && equal; i++)
		equal = compare_text(diff_launches[i]);
	for (size_t i = 0; diff_scripts[i] && equal; i++)
		equal = compare_text(diff_scripts[i]);
	printf("# %lu sequences by hand, %lu steps\n", sequences, steps);
	expect_idle();
	printf("# %lu sequences by seeds from %llu on\n", count, (unsigned long long)seed);
	for (unsigned long i = 0; i < count && equal; i++) {
		const unsigned long before = differences;

		diff_make(seed + i, &sequence);
		equal = compare(&sequence);
		if (differences != before && differences <= MAX_SHOWN)
			printf("#   seed %llu\n", (unsigned long long)(seed + i));
	}
	expect_idle();
	return equal;
}

/* The ASIDs are the lab's: COCO_LAB_APPEND in CMakeLists.txt. */
static bool open_both(void)
{
	struct coco_sim_options options;
	struct coco_error error;
	struct coco_sim *sim;

	COCO_INIT(&options);
	options.sev_asids = 4;
	options.sev_min_asid = 3;
	options.cpus = 2;
	options.techs = 1u << COCO_TECH_PLAIN | 1u << COCO_TECH_SWPROTECTED | 1u << COCO_TECH_SEV |
			1u << COCO_TECH_SEVES | 1u << COCO_TECH_SNP;
	if (coco_sim_new(&options, &sim, &error)) {
		printf("not ok: %s\n", error.text);
		return false;
	}
	if (!diff_side_open(&simulator, coco_sim_get_platform(sim), sim) ||
	    !diff_side_open(&kernel, coco_platform_kernel(), NULL)) {
		printf("not ok: there is no /dev/kvm or no /dev/sev\n");
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"sequences", required_argument, NULL, 'n'},
						{"seed", required_argument, NULL, 's'},
						{"keep-going", no_argument, NULL, 'k'},
						{"to-the-end", no_argument, NULL, 'e'},
						{"verbose", no_argument, NULL, 'v'},
						{"steps", required_argument, NULL, 't'},
						{0}};
	unsigned long count = DEFAULT_SEQUENCES;
	uint64_t seed = DEFAULT_SEED;
	const char *text = NULL;
	int option;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (option == 'n')
			count = strtoul(optarg, NULL, 10);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'k')
			keep_going = true;
		else if (option == 'e')
			to_the_end = true;
		else if (option == 'v')
			verbose = true;
		else if (option == 't')
			text = optarg;
		else
			return 2;
	if (!open_both())
		return 1;
	if (text)
		compare_text(text);
	else
		compare_all(count, seed);
	printf("%lu sequences, %lu steps, %lu differences\n", sequences, steps, differences);
	return differences != 0;
}
