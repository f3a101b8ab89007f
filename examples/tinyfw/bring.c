/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bringing firmware for the next life, through ../common/fwupdate_port.h. */
#include "cpu.h"
#include "fwupdate_port.h"
#include "tinyfw.h"

#define MESSAGE_MAX 40

static bool is_there(void)
{
	return in32(FWUPDATE_PORT_MAGIC) == FWUPDATE_PORT_MAGIC_VALUE;
}

static void put_byte(uint8_t byte)
{
	out8(FWUPDATE_PORT_DATA, byte);
}

static void put_number(uint64_t number)
{
	for (int i = 0; i < 8; i++)
		put_byte((uint8_t)(number >> 8 * i));
}

static uint32_t commit(void)
{
	out32(FWUPDATE_PORT_COMMIT, 0);
	return in32(FWUPDATE_PORT_RESULT);
}

static uint32_t get_word(void)
{
	uint32_t word = 0;

	for (int i = 0; i < 4; i++)
		word |= (uint32_t)in8(FWUPDATE_PORT_DATA) << 8 * i;
	return word;
}

/* For whoever comes next: who was here. */
static void leave_message(void)
{
	static const char text[] = "left by incarnation ";
	uint32_t number = machine.incarnation;
	char digits[10];
	int count = 0;

	out32(FWUPDATE_PORT_SELECT, FWUPDATE_FIELD_OPAQUE);
	for (const char *c = text; *c; c++)
		put_byte((uint8_t)*c);
	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (count)
		put_byte((uint8_t)digits[--count]);
	put_byte(0);
	(void)commit();
}

void bring_offer(void)
{
	uint32_t size, result;

	if (!is_there() || in32(FWUPDATE_PORT_OFFER_SIZE) == 0) {
		print("tinyfw: FAILED: there is no firmware to bring\n");
		check_failed();
		return;
	}
	leave_message();
	size = in32(FWUPDATE_PORT_OFFER_SIZE);
	out32(FWUPDATE_PORT_SELECT, FWUPDATE_FIELD_BLOB);
	put_number(size);
	put_number(in32(FWUPDATE_PORT_OFFER_GPA));
	result = commit();
	if (result)
		print("tinyfw: brought firmware of %u bytes: refused, error %u\n", size, result);
	else
		print("tinyfw: brought firmware of %u bytes: accepted\n", size);
}

void bring_disable(void)
{
	out32(FWUPDATE_PORT_SELECT, FWUPDATE_FIELD_DISABLE);
	put_byte(1);
	print("tinyfw: no more firmware in this life: error %u\n", commit());
}

void bring_look_back(void)
{
	static const char *const states[] = {"idle", "staged", "refused", "launched"};
	char message[MESSAGE_MAX];
	uint32_t state, code;

	if (!is_there()) {
		print("tinyfw: FAILED: there is no way to bring firmware\n");
		check_failed();
		return;
	}
	out32(FWUPDATE_PORT_SELECT, FWUPDATE_FIELD_STATUS);
	state = get_word();
	code = get_word();
	print("tinyfw: firmware update: %s, error %u\n", state < 4 ? states[state] : "?", code);
	out32(FWUPDATE_PORT_SELECT, FWUPDATE_FIELD_OPAQUE);
	for (size_t i = 0; i < MESSAGE_MAX; i++)
		message[i] = (char)in8(FWUPDATE_PORT_DATA);
	message[MESSAGE_MAX - 1] = 0;
	print("tinyfw: message: %s\n", message);
}
