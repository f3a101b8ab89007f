/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "cpu.h"
#include "tinyfw.h"

#define TICKS_PER_TURN 16 /* less than PAUSE and a look at the TSC take */

void deadline_start(struct deadline *deadline, uint64_t ticks)
{
	deadline->start = read_tsc();
	deadline->ticks = ticks;
	deadline->turns = ticks / TICKS_PER_TURN;
}

bool deadline_passed(struct deadline *deadline)
{
	cpu_pause();
	if (deadline->turns == 0 || read_tsc() - deadline->start >= deadline->ticks)
		return true;
	deadline->turns--;
	return false;
}
