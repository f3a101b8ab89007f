/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "tinyfw.h"

void *memcpy(void *to, const void *from, size_t size)
{
	void *p = to;

	__asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(size) : : "memory");
	return to;
}

void *memset(void *to, int value, size_t size)
{
	void *p = to;

	__asm__ volatile("rep stosb" : "+D"(p), "+c"(size) : "a"(value) : "memory");
	return to;
}
