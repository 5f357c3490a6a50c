// SPDX-License-Identifier: GPL-2.0
/*
 * The workload: which ranges are converted, and in which order. Every conversion is followed by a look at what the
 * pages hold. Also the arithmetic on conversion times. See convert.h.
 */
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "convert.h"

static long convert_and_check(struct memory *m, u64 first, u64 count, bool private, struct timing *t)
{
	long answer;

	memory_check(m, first, count);
	answer = memory_convert(m, first, count, private, t);
	if (answer)
		return answer;
	memory_check(m, first, count);
	memory_fill(m, first, count);
	memory_check(m, first, count);
	return 0;
}

long phase_steps(struct memory *m, u64 step, struct timing *to_private, struct timing *to_shared)
{
	long answer = 0;

	for (u64 i = 0; i < m->nr_pages && !answer; i += step)
		answer = convert_and_check(m, i, step, true, to_private);
	for (u64 i = 0; i < m->nr_pages && !answer; i += step)
		answer = convert_and_check(m, i, step, false, to_shared);
	return answer;
}

/* One page, some pages, whole blocks or anything up to 4 MiB, each in a quarter of the cases; within one extent. */
static void pick_range(const struct memory *m, struct rnd_state *rnd, u64 *first, u64 *count)
{
	u64 page = prandom_u32_state(rnd) % m->nr_pages, length = 1, end = 0;
	u32 kind = prandom_u32_state(rnd) % 4;

	if (kind == 1)
		length = 1 + prandom_u32_state(rnd) % 32;
	if (kind == 2) {
		page = rounddown(page, PAGES_PER_BLOCK);
		length = PAGES_PER_BLOCK * (1 + prandom_u32_state(rnd) % 2);
	}
	if (kind == 3)
		length = 1 + prandom_u32_state(rnd) % (2 * PAGES_PER_BLOCK);
	for (u64 e = 0; e < m->nr_extents && end <= page; e++)
		end = m->extents[e].first + m->extents[e].count;
	*first = page;
	*count = min(length, end - page);
}

/* Makes everything shared, extent by extent, whatever state the pages are in. */
static long all_shared(struct memory *m, struct timing *t)
{
	long answer = 0;

	for (u64 e = 0; e < m->nr_extents; e++)
		answer = convert_and_check(m, m->extents[e].first, m->extents[e].count, false, t) ?: answer;
	return answer;
}

long phase_mixed(struct memory *m, u64 rounds, u64 seed, struct timing *to_private, struct timing *to_shared)
{
	struct rnd_state rnd;
	long answer = 0;

	prandom_seed_state(&rnd, seed);
	for (u64 i = 0; i < rounds && !answer; i++) {
		bool private = prandom_u32_state(&rnd) % 2;
		u64 first, count;

		pick_range(m, &rnd, &first, &count);
		answer = convert_and_check(m, first, count, private, private ? to_private : to_shared);
	}
	return all_shared(m, to_shared) ?: answer;
}

int timing_start(struct timing *t, const char *phase, const char *direction, u64 room)
{
	*t = (struct timing){ .phase = phase, .direction = direction, .room = room };
	t->ns = kvcalloc(room, sizeof(*t->ns), GFP_KERNEL);
	return t->ns ? 0 : -ENOMEM;
}

static int by_value(const void *a, const void *b)
{
	u32 left = *(const u32 *)a, right = *(const u32 *)b;

	return left < right ? -1 : left > right;
}

void timing_finish(struct timing *t)
{
	sort(t->ns, t->count, sizeof(*t->ns), by_value, NULL);
}

u32 timing_percentile(const struct timing *t, unsigned int percent)
{
	return t->count ? t->ns[(t->count - 1) * percent / 100] : 0;
}

void timing_free(struct timing *t)
{
	kvfree(t->ns);
}
