// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of the workload and the hypercall that converts them. See convert.h.
 *
 * A conversion loses the page's content: what was written while a page was private must never be seen once it is
 * shared (that would be a leak to the host), and the other way round nothing stale may come back. Each page therefore
 * carries a stamp unlike any other, so that one look tells whether a word is lost, leaked or merely unknown.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kvm_para.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "convert.h"

#define STAMP_MAGIC 0x5afeull
#define STAMP_SHIFT 48

static u64 next_stamp;

static struct page *page_at(const struct memory *m, u64 index)
{
	return m->blocks[index / PAGES_PER_BLOCK] + index % PAGES_PER_BLOCK;
}

static int by_address(const void *a, const void *b)
{
	unsigned long left = page_to_pfn(*(struct page *const *)a), right = page_to_pfn(*(struct page *const *)b);

	return left < right ? -1 : left > right;
}

static void find_extents(struct memory *m)
{
	for (u64 b = 0; b < m->nr_blocks; b++) {
		bool follows = b > 0 && page_to_pfn(m->blocks[b]) == page_to_pfn(m->blocks[b - 1]) + PAGES_PER_BLOCK;

		if (!follows)
			m->extents[m->nr_extents++].first = b * PAGES_PER_BLOCK;
		m->extents[m->nr_extents - 1].count += PAGES_PER_BLOCK;
	}
}

int memory_take(struct memory *m, u64 nr_blocks)
{
	m->blocks = kvcalloc(nr_blocks, sizeof(*m->blocks), GFP_KERNEL);
	m->extents = kvcalloc(nr_blocks, sizeof(*m->extents), GFP_KERNEL);
	m->state = kvcalloc(nr_blocks * PAGES_PER_BLOCK, sizeof(*m->state), GFP_KERNEL);
	if (!m->blocks || !m->extents || !m->state)
		return -ENOMEM;
	while (m->nr_blocks < nr_blocks) {
		struct page *block = alloc_pages(GFP_KERNEL | __GFP_NOWARN, BLOCK_ORDER);

		if (!block)
			return -ENOMEM;
		m->blocks[m->nr_blocks++] = block;
	}
	m->nr_pages = nr_blocks * PAGES_PER_BLOCK;
	sort(m->blocks, nr_blocks, sizeof(*m->blocks), by_address, NULL);
	find_extents(m);
	memory_fill(m, 0, m->nr_pages);
	return 0;
}

static bool block_is_shared(const struct memory *m, u64 block)
{
	for (u64 i = 0; m->nr_pages && i < PAGES_PER_BLOCK; i++)
		if (m->state[block * PAGES_PER_BLOCK + i].private)
			return false;
	return true;
}

/* A block that could not be made shared again is never given back: the rest of the kernel knows nothing of it. */
void memory_give_back(struct memory *m)
{
	for (u64 b = 0; b < m->nr_blocks; b++)
		if (block_is_shared(m, b))
			__free_pages(m->blocks[b], BLOCK_ORDER);
	kvfree(m->blocks);
	kvfree(m->extents);
	kvfree(m->state);
}

static void note_converted(struct memory *m, u64 first, u64 count, bool private)
{
	for (u64 i = first; i < first + count; i++) {
		if (m->state[i].private == private)
			continue;
		m->state[i].private = private;
		m->state[i].content = CONTENT_FRESH;
		m->made_private += private;
		m->made_shared += !private;
		m->private_now += private ? 1 : -1;
	}
	m->private_peak = max(m->private_peak, m->private_now);
}

long memory_convert(struct memory *m, u64 first, u64 count, bool private, struct timing *t)
{
	u64 gpa = page_to_phys(page_at(m, first));
	bool large = IS_ALIGNED(gpa, PMD_SIZE) && count % PAGES_PER_BLOCK == 0;
	unsigned long attributes = (private ? KVM_MAP_GPA_RANGE_ENCRYPTED : KVM_MAP_GPA_RANGE_DECRYPTED) |
				   (large ? KVM_MAP_GPA_RANGE_PAGE_SZ_2M : KVM_MAP_GPA_RANGE_PAGE_SZ_4K);
	u64 start = ktime_get_ns();
	long answer = kvm_hypercall3(KVM_HC_MAP_GPA_RANGE, gpa, count, attributes);
	u64 spent = ktime_get_ns() - start;

	cond_resched();
	if (answer) {
		if (!m->refused)
			m->refused = answer;
		return answer;
	}
	note_converted(m, first, count, private);
	if (t->count < t->room)
		t->ns[t->count++] = (u32)min_t(u64, spent, U32_MAX);
	t->bytes += count * PAGE_SIZE;
	t->total_ns += spent;
	return 0;
}

static void check_page(struct memory *m, u64 index)
{
	const struct page_state *state = &m->state[index];
	const u64 *words = page_address(page_at(m, index));

	for (unsigned int i = 0; i < PAGE_SIZE / sizeof(*words); i++) {
		u64 word = READ_ONCE(words[i]);

		if (state->content == CONTENT_STAMP)
			m->lost += word != state->stamp;
		else if (word >> STAMP_SHIFT == STAMP_MAGIC)
			m->leaks++;
		else
			m->not_zero += word != 0;
	}
}

void memory_check(struct memory *m, u64 first, u64 count)
{
	for (u64 i = first; i < first + count; i++)
		check_page(m, i);
	cond_resched();
}

void memory_fill(struct memory *m, u64 first, u64 count)
{
	for (u64 i = first; i < first + count; i++) {
		m->state[i].stamp = STAMP_MAGIC << STAMP_SHIFT | ++next_stamp;
		m->state[i].content = CONTENT_STAMP;
		memset64(page_address(page_at(m, i)), m->state[i].stamp, PAGE_SIZE / sizeof(u64));
	}
	cond_resched();
}
