/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Finds the instructions that the engine must not execute. The engine tells where instructions
 * begin; here it is only told what they are. Opcodes: AMD APM volume 3, appendix A; Intel SDM
 * volume 2; for VMGEXIT, PVALIDATE, RMPADJUST APM volume 3, chapter 4; TDCALL: Intel's TDX module
 * ABI.
 */
#include <string.h>

#include "sim/cpu_internal.h"

struct prefixes {
	unsigned int length;
	bool operand_size;
	bool address_size;
	uint8_t repeat; /* 0xf2, 0xf3 or 0 */
	uint8_t segment;
	uint8_t rex;
};

static const uint8_t *read_prefixes(const uint8_t *bytes, unsigned int code_bits,
				    struct prefixes *out)
{
	*out = (struct prefixes){.segment = SIM_DS};
	for (; out->length < 14; out->length++, bytes++) {
		switch (*bytes) {
		case 0x26:
			out->segment = SIM_ES;
			continue;
		case 0x2e:
			out->segment = SIM_CS;
			continue;
		case 0x36:
			out->segment = SIM_SS;
			continue;
		case 0x3e:
			out->segment = SIM_DS;
			continue;
		case 0x64:
			out->segment = SIM_FS;
			continue;
		case 0x65:
			out->segment = SIM_GS;
			continue;
		case 0x66:
			out->operand_size = true;
			continue;
		case 0x67:
			out->address_size = true;
			continue;
		case 0xf0:
			continue;
		case 0xf2:
		case 0xf3:
			out->repeat = *bytes;
			continue;
		default:
			break;
		}
		break;
	}
	if (code_bits == 64 && (*bytes & 0xf0) == 0x40) {
		out->rex = *bytes++;
		out->length++;
	}
	return bytes;
}

static bool is(struct sim_decoded *out, enum sim_instruction kind, unsigned int length)
{
	out->own = OWN_NONE;
	out->insn.kind = kind;
	out->insn.length = (uint8_t)length;
	return true;
}

static bool is_own(struct sim_decoded *out, enum sim_own_instruction own, unsigned int length)
{
	out->own = own;
	out->insn.length = (uint8_t)length;
	return true;
}

/* 0f 01: `at` is at the ModRM byte, `length` includes it. */
static bool decode_group7(const uint8_t *at, const struct prefixes *prefixes, unsigned int length,
			  struct sim_decoded *out)
{
	out->modrm = *at;
	switch (*at) {
	case 0xc1: /* VMCALL */
		return is(out, SIM_INSN_HYPERCALL, length);
	case 0xcc:
		return prefixes->operand_size ? is(out, SIM_INSN_TDCALL, length) : false;
	case 0xd9:
		return is(out, prefixes->repeat ? SIM_INSN_VMGEXIT : SIM_INSN_HYPERCALL, length);
	case 0xfe:
		return prefixes->repeat == 0xf3 ? is(out, SIM_INSN_RMPADJUST, length) : false;
	case 0xff:
		return prefixes->repeat == 0xf2 ? is(out, SIM_INSN_PVALIDATE, length) : false;
	/* Virtualization is not for guests of guests: VMXON's kin, SVM's, SEAMCALL. */
	case 0xc0:
	case 0xc2:
	case 0xc3:
	case 0xc4:
	case 0xcd:
	case 0xce:
	case 0xcf:
	case 0xd8:
	case 0xda:
	case 0xdb:
	case 0xdc:
	case 0xdd:
	case 0xde:
	case 0xdf:
		return is_own(out, OWN_UNDEFINED, length);
	default:
		break;
	}
	switch (*at >> 3 & 7) {
	case 6: /* with a register; the engine's length counts for one in memory */
		return is_own(out, OWN_LMSW, *at >= 0xc0 ? length : 0);
	case 7:
		return *at < 0xc0 ? is_own(out, OWN_INVLPG, 0) : false;
	default:
		return false;
	}
}

static bool decode_0f(const uint8_t *at, const struct prefixes *prefixes, unsigned int length,
		      struct sim_decoded *out)
{
	switch (*at) {
	case 0x01:
		return decode_group7(at + 1, prefixes, length + 2, out);
	case 0x08: /* INVD */
	case 0x09:
		return is(out, SIM_INSN_WBINVD, length + 1);
	case 0x20:
	case 0x22:
		out->modrm = at[1];
		return is_own(out, *at == 0x20 ? OWN_MOV_FROM_CR : OWN_MOV_TO_CR, length + 2);
	case 0x30:
		return is(out, SIM_INSN_WRMSR, length + 1);
	case 0x32:
		return is(out, SIM_INSN_RDMSR, length + 1);
	case 0xa2:
		return is(out, SIM_INSN_CPUID, length + 1);
	default:
		return false;
	}
}

static uint8_t item_size(uint8_t opcode, const struct prefixes *prefixes, unsigned int code_bits)
{
	if (!(opcode & 1))
		return 1;
	return prefixes->operand_size == (code_bits == 16) ? 4 : 2;
}

static bool decode_io(const uint8_t *at, const struct prefixes *prefixes, unsigned int length,
		      unsigned int code_bits, struct sim_decoded *out)
{
	const bool immediate = *at >= 0xe4 && *at <= 0xe7;
	const bool string = *at < 0x80;

	out->insn.size = item_size(*at, prefixes, code_bits);
	out->insn.string = string;
	out->insn.port = immediate ? at[1] : 0;
	out->port_in_dx = !immediate;
	return is(out, *at & 2 ? SIM_INSN_OUT : SIM_INSN_IN, length + (immediate ? 2 : 1));
}

/* Byte by byte the engine would take long for what firmware clears and copies. */
static bool decode_string(const uint8_t *at, const struct prefixes *prefixes, unsigned int length,
			  unsigned int code_bits, struct sim_decoded *out)
{
	if (!prefixes->repeat)
		return false;
	out->insn.size = item_size(*at, prefixes, code_bits);
	if (prefixes->rex & 8 && *at & 1)
		out->insn.size = 8;
	return is_own(out, *at < 0xaa ? OWN_MOVS : OWN_STOS, length + 1);
}

static void set_addressing(const struct prefixes *prefixes, unsigned int code_bits,
			   struct sim_decoded *out)
{
	out->insn.repeat = prefixes->repeat;
	out->insn.segment = prefixes->segment;
	out->rex = prefixes->rex;
	if (code_bits == 64)
		out->insn.address_size = prefixes->address_size ? 4 : 8;
	else
		out->insn.address_size = prefixes->address_size == (code_bits == 16) ? 4 : 2;
}

bool sim_decode(const uint8_t *bytes, unsigned int code_bits, struct sim_decoded *out)
{
	struct prefixes prefixes;
	const uint8_t *at = read_prefixes(bytes, code_bits, &prefixes);
	const unsigned int length = (unsigned int)(at - bytes);

	memset(out, 0, sizeof(*out));
	set_addressing(&prefixes, code_bits, out);
	switch (*at) {
	case 0x0f:
		return decode_0f(at + 1, &prefixes, length + 1, out);
	case 0x17: /* POP SS */
	case 0xfb: /* STI */
		out->shadow = true;
		return false;
	case 0x8e:
		out->shadow = (at[1] >> 3 & 7) == SIM_SS;
		return false;
	case 0x6c:
	case 0x6d:
	case 0x6e:
	case 0x6f:
	case 0xe4:
	case 0xe5:
	case 0xe6:
	case 0xe7:
	case 0xec:
	case 0xed:
	case 0xee:
	case 0xef:
		return decode_io(at, &prefixes, length, code_bits, out);
	case 0xa4:
	case 0xa5:
	case 0xaa:
	case 0xab:
		return decode_string(at, &prefixes, length, code_bits, out);
	case 0xcc:
		out->vector = SIM_VECTOR_BP;
		return is_own(out, OWN_INT, length + 1);
	case 0xcd:
		out->vector = at[1];
		return is_own(out, OWN_INT, length + 2);
	case 0x90:
		out->pause = prefixes.repeat == 0xf3;
		return false;
	case 0xf4:
		return is(out, SIM_INSN_HLT, length + 1);
	default:
		return false;
	}
}
