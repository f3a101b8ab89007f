/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sequences as text, and sequences from a seed: a launch with steps left out, doubled, swapped,
 * changed or put in between, or steps as they come. */
#include "diff.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct diff_op *const tables[] = {
	diff_vm_ops, diff_memory_ops, diff_irq_ops, diff_vcpu_ops, diff_sev_ops, diff_snp_ops,
};

/* --- text */

static const struct diff_op *find_op(const char *name, size_t length)
{
	for (size_t i = 0; i < COUNT(tables); i++)
		for (const struct diff_op *op = tables[i]; op->name; op++)
			if (strlen(op->name) == length && !strncmp(op->name, name, length))
				return op;
	return NULL;
}

/* NAME[.VM][=ARGUMENT[,ARGUMENT...]] */
static bool parse_step(const char **text, struct diff_step *out)
{
	const char *at = *text;
	char *end;

	while (islower((unsigned char)*at) || *at == '_' || isdigit((unsigned char)*at))
		at++;
	*out = (struct diff_step){.op = find_op(*text, (size_t)(at - *text))};
	if (!out->op)
		return false;
	if (*at == '.') {
		out->vm = (uint8_t)(strtoul(at + 1, &end, 10) % DIFF_VMS);
		at = end;
	}
	for (unsigned i = 0; i < DIFF_ARGS && *at == (i ? ',' : '='); i++) {
		unsigned long value = strtoul(at + 1, &end, 10);

		if (value >= out->op->choices[i])
			return false;
		out->a[i] = (uint8_t)value;
		at = end;
	}
	while (isspace((unsigned char)*at))
		at++;
	*text = at;
	return true;
}

bool diff_parse(const char *text, struct diff_sequence *out)
{
	while (isspace((unsigned char)*text))
		text++;
	for (out->count = 0; *text; out->count++)
		if (out->count == DIFF_MAX_STEPS || !parse_step(&text, &out->steps[out->count]))
			return false;
	return true;
}

void diff_print_step(const struct diff_step *step)
{
	unsigned last = DIFF_ARGS;

	printf("%s", step->op->name);
	if (step->vm)
		printf(".%u", step->vm);
	while (last && !step->a[last - 1])
		last--;
	for (unsigned i = 0; i < last; i++)
		printf("%c%u", i ? ',' : '=', step->a[i]);
}

void diff_print(const struct diff_sequence *sequence, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			putchar(' ');
		diff_print_step(&sequence->steps[i]);
	}
	putchar('\n');
}

/* --- by seed */

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static unsigned below(uint64_t *state, unsigned limit)
{
	return limit ? (unsigned)(next(state) % limit) : 0;
}

static const struct diff_op *random_op(uint64_t *state)
{
	unsigned total = 0, at;

	for (size_t i = 0; i < COUNT(tables); i++)
		for (const struct diff_op *op = tables[i]; op->name; op++)
			total += op->weight;
	at = below(state, total);
	for (size_t i = 0; i < COUNT(tables); i++)
		for (const struct diff_op *op = tables[i]; op->name; op++) {
			if (at < op->weight)
				return op;
			at -= op->weight;
		}
	abort();
}

/* Most steps are for the first VM, and most arguments are right. */
static struct diff_step random_step(uint64_t *state)
{
	struct diff_step step = {.op = random_op(state)};

	step.vm = below(state, 5) ? 0 : (uint8_t)below(state, DIFF_VMS);
	for (unsigned i = 0; i < DIFF_ARGS; i++)
		if (below(state, 5) > 2 || step.op->choices[i] > 8)
			step.a[i] = (uint8_t)below(state, step.op->choices[i]);
	return step;
}

static void insert(struct diff_sequence *sequence, size_t at, struct diff_step step)
{
	if (sequence->count == DIFF_MAX_STEPS)
		return;
	memmove(&sequence->steps[at + 1], &sequence->steps[at],
		(sequence->count - at) * sizeof(step));
	sequence->steps[at] = step;
	sequence->count++;
}

static void leave_out(struct diff_sequence *sequence, size_t at)
{
	memmove(&sequence->steps[at], &sequence->steps[at + 1],
		(--sequence->count - at) * sizeof(sequence->steps[0]));
}

static void change(struct diff_sequence *sequence, uint64_t *state)
{
	const unsigned at = below(state, (unsigned)sequence->count);
	struct diff_step *step = &sequence->steps[at], other;
	const unsigned argument = below(state, DIFF_ARGS);

	switch (below(state, 6)) {
	case 0:
		leave_out(sequence, at);
		break;
	case 1:
		insert(sequence, at, *step);
		break;
	case 2:
		if (at + 1 == sequence->count)
			break;
		other = step[0];
		step[0] = step[1];
		step[1] = other;
		break;
	case 3:
		step->a[argument] = (uint8_t)below(state, step->op->choices[argument]);
		break;
	default:
		insert(sequence, at + 1, random_step(state));
		break;
	}
}

void diff_make(uint64_t seed, struct diff_sequence *out)
{
	uint64_t state = seed;
	unsigned changes;

	out->count = 0;
	if (!below(&state, 8)) {
		out->steps[out->count++] = (struct diff_step){.op = &diff_vm_ops[0]};
		out->steps[0].a[0] = (uint8_t)below(&state, 4);
		while (out->count < 25)
			out->steps[out->count++] = random_step(&state);
		return;
	}
	if (!diff_parse(diff_launches[below(&state, diff_launch_count)], out))
		abort();
	changes = 1 + below(&state, 10);
	for (unsigned i = 0; i < changes && out->count; i++)
		change(out, &state);
}
