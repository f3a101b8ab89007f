/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <cocoreset/base.h>

uint32_t coco_version(void)
{
	return COCO_VERSION_MAJOR << 16 | COCO_VERSION_MINOR << 8 | COCO_VERSION_PATCH;
}
