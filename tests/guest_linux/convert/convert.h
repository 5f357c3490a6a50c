/* SPDX-License-Identifier: GPL-2.0 */
/*
 * convert: a guest's side of page conversion, as a workload. The module takes some of the guest's own memory, asks the
 * hypervisor to make ranges of it private and shared again, and checks after each step that memory holds what it must.
 *
 *   memory.c  the pages, what each holds, and the one hypercall (KVM_HC_MAP_GPA_RANGE)
 *   phases.c  the workload: 4 KiB, 2 MiB and mixed ranges
 *   main.c    parameters, and the results in /proc/convert
 */
#ifndef CONVERT_H
#define CONVERT_H

#include <linux/types.h>

/* How long the conversions in one direction took. */
struct timing {
	const char *phase;
	const char *direction;
	u32 *ns;	/* one per conversion, in the order made; sorted by finish_timing() */
	u64 count, room, bytes, total_ns;
};

enum content {
	CONTENT_FRESH,	/* nothing of ours: the page was converted and not written since */
	CONTENT_STAMP,	/* every word holds the page's stamp */
};

struct page_state {
	u64 stamp;
	bool private;
	enum content content;
};

/* Consecutive pages [first, first + count) that are consecutive in guest-physical memory too. */
struct extent {
	u64 first, count;
};

struct memory {
	struct page **blocks;	/* of 2 MiB each, in order of address */
	u64 nr_blocks, nr_pages, nr_extents;
	struct extent *extents;
	struct page_state *state;
	/* What went wrong, and how often. */
	u64 lost;	/* words that are not what was written there */
	u64 leaks;	/* words that show what the page held before a conversion */
	u64 not_zero;	/* words of converted pages that are neither; not an error, TDX and SNP do so */
	long refused;	/* the hypervisor's first error, or 0 */
	u64 made_private, made_shared;	/* pages that changed sides */
	u64 private_now, private_peak;	/* pages */
};

#define BLOCK_ORDER 9
#define PAGES_PER_BLOCK (1ul << BLOCK_ORDER)

int memory_take(struct memory *m, u64 nr_blocks);
void memory_give_back(struct memory *m);
/* Converts pages [first, first + count) of one extent; the hypervisor's answer, 0 if it did it. */
long memory_convert(struct memory *m, u64 first, u64 count, bool private, struct timing *t);
/* Checks that each page of the range holds what it must, and counts what is wrong. */
void memory_check(struct memory *m, u64 first, u64 count);
/* Gives each page of the range a new stamp and writes it all over the page. */
void memory_fill(struct memory *m, u64 first, u64 count);

int timing_start(struct timing *t, const char *phase, const char *direction, u64 room);
void timing_finish(struct timing *t);
/* The value below which `percent` of the conversions lie, in ns; only after timing_finish(). */
u32 timing_percentile(const struct timing *t, unsigned int percent);
void timing_free(struct timing *t);

/* Converts the whole memory to private and back in steps of `step` pages. */
long phase_steps(struct memory *m, u64 step, struct timing *to_private, struct timing *to_shared);
/* Makes `rounds` conversions of ranges of random place, length and direction, then makes all of it shared. */
long phase_mixed(struct memory *m, u64 rounds, u64 seed, struct timing *to_private, struct timing *to_shared);

#endif
