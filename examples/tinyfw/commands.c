/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The commands that the VMM has for this life. README.md lists them. */
#include "cpu.h"
#include "tinyfw.h"

#define COMMAND_MAX   128
#define DEFAULT_CHUNK (2 * MIB)

/* A VMM that resets does so long before. */
#define RESET_TICKS 20000000000ull

static uint64_t chunk = DEFAULT_CHUNK;

/* One command without its separator. False at the end of all commands. */
static bool read_command(char *command, bool *too_long)
{
	static bool ended;
	size_t length = 0;
	char c;

	*too_long = false;
	if (ended)
		return false;
	while ((c = machine_command_byte()) != 0 && c != ';' && c != '\n') {
		if (length == 0 && c == ' ')
			continue;
		if (length < COMMAND_MAX - 1)
			command[length++] = c;
		else
			*too_long = true;
	}
	while (length > 0 && command[length - 1] == ' ')
		length--;
	command[length] = 0;
	ended = c == 0;
	return true;
}

/* What follows `word` in `text`, or NULL if `text` does not start with it. */
static const char *after_word(const char *text, const char *word)
{
	while (*word)
		if (*text++ != *word++)
			return NULL;
	if (*text != ' ' && *text != 0)
		return NULL;
	while (*text == ' ')
		text++;
	return text;
}

static bool is_word(const char *text, const char *word)
{
	const char *rest = after_word(text, word);

	return rest && *rest == 0;
}

/* A decimal number below 2^32; *rest is what follows it. */
static bool parse_number(const char *text, uint64_t *number, const char **rest)
{
	const char *digit = text;

	*number = 0;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		*number = *number * 10 + (uint64_t)(*digit - '0');
		if (*number > UINT32_MAX)
			return false;
	}
	if (digit == text || (*digit != ' ' && *digit != 0))
		return false;
	while (*digit == ' ')
		digit++;
	*rest = digit;
	return true;
}

static bool only_number(const char *text, uint64_t *number)
{
	const char *rest;

	return parse_number(text, number, &rest) && *rest == 0;
}

static bool do_touch(const char *argument)
{
	uint64_t mib;

	if (!only_number(argument, &mib))
		return false;
	memory_touch(mib, chunk);
	return true;
}

static bool do_chunk(const char *argument)
{
	uint64_t kib;

	if (!only_number(argument, &kib) || kib == 0 || kib * KIB % PAGE != 0)
		return false;
	chunk = kib * KIB;
	return true;
}

static bool do_scan(const char *argument)
{
	if (*argument)
		return false;
	secret_search();
	return true;
}

static bool do_convert(const char *argument)
{
	if (*argument)
		return false;
	conversion_check();
	return true;
}

static enum reset_kind parse_reset(const char *how)
{
	if (is_word(how, "cf9"))
		return RESET_CF9;
	if (is_word(how, "kbd"))
		return RESET_KBD;
	if (is_word(how, "triple"))
		return RESET_TRIPLE;
	return RESET_NONE;
}

static bool reset_on(uint32_t vcpu, const char *how)
{
	enum reset_kind kind = parse_reset(how);
	struct deadline deadline;

	if (kind == RESET_NONE)
		return false;
	if (vcpu == 0) {
		reset_ask(kind, 0);
	} else if (!vcpus_reset_on(vcpu, kind)) {
		print("tinyfw: FAILED: vCPU %u does not run\n", vcpu);
		check_failed();
		return true;
	}
	deadline_start(&deadline, RESET_TICKS);
	while (!deadline_passed(&deadline))
		;
	print("tinyfw: FAILED: no reset came\n");
	check_failed();
	return true;
}

static bool do_reset(const char *argument)
{
	return reset_on(0, argument);
}

static bool do_on(const char *argument)
{
	uint64_t vcpu;
	const char *how;

	if (!parse_number(argument, &vcpu, &how))
		return false;
	how = after_word(how, "reset");
	return how && reset_on((uint32_t)vcpu, how);
}

static bool do_halt(const char *argument)
{
	uint64_t status;

	if (!only_number(argument, &status) || status > UINT8_MAX)
		return false;
	machine_halt((uint32_t)status);
}

static bool do_spin(const char *argument)
{
	if (*argument)
		return false;
	print("tinyfw: spinning\n");
	for (;;)
		cpu_pause();
}

static bool do_idle(const char *argument)
{
	if (*argument)
		return false;
	print("tinyfw: idle\n");
	park();
}

static bool only_two_numbers(const char *text, uint64_t *first, uint64_t *second)
{
	const char *rest;

	return parse_number(text, first, &rest) && only_number(rest, second);
}

/* Both come here if the VMM lets the guest go on, or if there is no such request. */
static bool report_survival(bool asked)
{
	print("tinyfw: FAILED: %s\n",
	      asked ? "the VMM lets the guest go on" : "this kind of guest has no such request");
	check_failed();
	return true;
}

static bool do_terminate(const char *argument)
{
	uint64_t set, code;

	if (!only_two_numbers(argument, &set, &code) || set > 0xf || code > UINT8_MAX)
		return false;
	print("tinyfw: terminating with reason %lu of set %lu\n", code, set);
	return report_survival(platform_terminate((uint32_t)set, (uint32_t)code));
}

static bool do_fatal(const char *text)
{
	print("tinyfw: reporting a fatal error\n");
	return report_survival(platform_report_fatal_error(text));
}

static bool do_hashes(const char *argument)
{
	if (*argument)
		return false;
	hashes_print();
	return true;
}

static bool do_bring(const char *argument)
{
	if (is_word(argument, "back"))
		bring_look_back();
	else if (is_word(argument, "nothing"))
		bring_disable();
	else if (*argument == 0)
		bring_offer();
	else
		return false;
	return true;
}

static bool do_say(const char *text)
{
	print("tinyfw: %s\n", text);
	return true;
}

/* Each answers false if its arguments are not understood. */
static const struct {
	const char *name;
	bool (*run)(const char *argument);
} commands[] = {
	{"touch", do_touch},     {"chunk", do_chunk},         {"scan", do_scan},
	{"convert", do_convert}, {"reset", do_reset},         {"on", do_on},
	{"halt", do_halt},       {"spin", do_spin},           {"idle", do_idle},
	{"say", do_say},         {"terminate", do_terminate}, {"fatal", do_fatal},
	{"hashes", do_hashes},   {"bring", do_bring},
};

/* Answers what is wrong with the command, or NULL. */
static const char *run(const char *command)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *argument = after_word(command, commands[i].name);

		if (argument)
			return commands[i].run(argument) ? NULL : "bad argument";
	}
	return "unknown command";
}

void commands_run(void)
{
	char command[COMMAND_MAX];
	bool too_long;

	while (read_command(command, &too_long)) {
		const char *wrong = NULL;

		if (too_long)
			wrong = "command too long";
		else if (*command)
			wrong = run(command);
		if (!wrong)
			continue;
		print("tinyfw: FAILED: %s: %s\n", wrong, command);
		check_failed();
	}
}
