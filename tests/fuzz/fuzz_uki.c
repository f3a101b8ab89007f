/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Can a PE file do more than be refused? All that is told of an accepted one is looked at. */
#include <assert.h>
#include <cocoreset/cocoreset.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes that are told of are all there. */
static unsigned touch(const void *bytes, uint64_t size)
{
	const uint8_t *at = bytes;
	unsigned sum = 0;

	for (uint64_t i = 0; i < size; i++)
		sum += at[i];
	return sum;
}

static unsigned look_at(const struct coco_uki *uki, const struct coco_uki_info *info)
{
	unsigned sum = 0;

	for (uint32_t i = 0; i < info->sections; i++) {
		struct coco_uki_section section;

		COCO_INIT(&section);
		assert(!coco_uki_get_section(uki, i, &section, NULL));
		sum += touch(section.bytes, section.size);
	}
	for (uint32_t i = 0; i < info->firmwares; i++) {
		struct coco_uki_firmware firmware;

		COCO_INIT(&firmware);
		assert(!coco_uki_get_firmware(uki, i, &firmware, NULL));
		sum += touch(firmware.bytes, firmware.size) +
		       touch(firmware.id, strlen(firmware.id));
	}
	return sum;
}

static unsigned select_each(const struct coco_uki *uki, const struct coco_uki_info *info)
{
	unsigned sum = 0;

	for (uint32_t i = 0; i < info->hwids; i++) {
		struct coco_uki_firmware firmware;
		struct coco_uki_hwid hwid;

		COCO_INIT(&hwid);
		COCO_INIT(&firmware);
		assert(!coco_uki_get_hwid(uki, i, &hwid, NULL));
		sum += touch(hwid.name, strlen(hwid.name)) + touch(hwid.id, strlen(hwid.id));
		if (!coco_uki_select_firmware(uki, 0, hwid.chid, 1, &firmware, NULL))
			assert(*firmware.id);
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coco_kernel_hashes hashes;
	struct coco_uki_info info;
	struct coco_uki *uki;

	(void)coco_payload_kind(data, size);
	if (coco_uki_parse(data, size, &uki, NULL))
		return 0;
	COCO_INIT(&info);
	assert(!coco_uki_get_info(uki, &info, NULL));
	(void)(look_at(uki, &info) + select_each(uki, &info));
	for (uint32_t i = 0; i < 3; i++)
		(void)!coco_kernel_hashes_from_uki(uki, i, &hashes, NULL);
	coco_uki_free(uki);
	return 0;
}
