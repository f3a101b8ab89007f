/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench.h"
int main(void)
{
	return 0;
}
