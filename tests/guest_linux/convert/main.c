// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the module runs the workload; /proc/convert then holds the results: a table for people, and a line
 * "CONVERT key=value ..." for each fact, for programs. The last of them says result=passed, failed or refused (the
 * hypervisor does not convert at all). See convert.h.
 */
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "convert.h"

static unsigned int size_mib = 64;
module_param(size_mib, uint, 0444);
MODULE_PARM_DESC(size_mib, "memory to convert, in MiB, a multiple of 2 (64)");

static unsigned int rounds = 1000;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "conversions of random ranges (1000)");

static ulong seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "what the random ranges come from (1)");

enum { PHASE_4K, PHASE_2M, PHASE_MIXED, NR_PHASES };
static const char *const phase_names[NR_PHASES] = { "4k", "2m", "mixed" };

static struct memory memory;
static struct timing timings[NR_PHASES][2];	/* to private, to shared */
static const char *result = "failed", *reason = "none";

static void show_table(struct seq_file *out)
{
	seq_puts(out, "\n  range  direction   conversions      MiB   us each   median      p99\n");
	for (int p = 0; p < NR_PHASES; p++)
		for (int d = 0; d < 2; d++) {
			const struct timing *t = &timings[p][d];
			u64 each = t->count ? t->total_ns / t->count : 0;
			u32 median = timing_percentile(t, 50), p99 = timing_percentile(t, 99);

			if (t->count)
				seq_printf(out, "  %-5s  %-10s  %11llu %8llu  %6llu.%llu  %5u.%u  %5u.%u\n", t->phase, t->direction,
					   t->count, t->bytes >> 20, each / 1000, each / 100 % 10, median / 1000,
					   median / 100 % 10, p99 / 1000, p99 / 100 % 10);
		}
	seq_putc(out, '\n');
}

static void show_lines(struct seq_file *out)
{
	for (int p = 0; p < NR_PHASES; p++)
		for (int d = 0; d < 2; d++) {
			const struct timing *t = &timings[p][d];

			if (t->count)
				seq_printf(out, "CONVERT phase=%s direction=%s count=%llu bytes=%llu ns_total=%llu ns_median=%u ns_p99=%u ns_max=%u\n",
					   t->phase, t->direction, t->count, t->bytes, t->total_ns, timing_percentile(t, 50),
					   timing_percentile(t, 99), timing_percentile(t, 100));
		}
	seq_printf(out, "CONVERT memory_bytes=%llu extents=%llu made_private_bytes=%llu made_shared_bytes=%llu peak_private_bytes=%llu private_bytes=%llu\n",
		   memory.nr_pages * PAGE_SIZE, memory.nr_extents, memory.made_private * PAGE_SIZE,
		   memory.made_shared * PAGE_SIZE, memory.private_peak * PAGE_SIZE, memory.private_now * PAGE_SIZE);
	seq_printf(out, "CONVERT lost_words=%llu leaked_words=%llu not_zero_words=%llu\n", memory.lost, memory.leaks,
		   memory.not_zero);
	seq_printf(out, "CONVERT result=%s reason=%s answer=%ld\n", result, reason, memory.refused);
}

static int show(struct seq_file *out, void *unused)
{
	if (memory.made_private)
		show_table(out);
	show_lines(out);
	return 0;
}

static u64 room_of(int phase)
{
	u64 pages = (u64)size_mib << (20 - PAGE_SHIFT);

	return phase == PHASE_4K ? pages : phase == PHASE_2M ? pages / PAGES_PER_BLOCK : rounds + pages / PAGES_PER_BLOCK;
}

static int prepare(void)
{
	for (int p = 0; p < NR_PHASES; p++)
		if (timing_start(&timings[p][0], phase_names[p], "to_private", room_of(p)) ||
		    timing_start(&timings[p][1], phase_names[p], "to_shared", room_of(p)))
			return -ENOMEM;
	return memory_take(&memory, size_mib / 2);
}

static long run_phase(int phase)
{
	struct timing *to_private = &timings[phase][0], *to_shared = &timings[phase][1];
	long answer;

	pr_info("convert: %s ranges over %u MiB\n", phase_names[phase], size_mib);
	if (phase == PHASE_MIXED)
		answer = phase_mixed(&memory, rounds, seed, to_private, to_shared);
	else
		answer = phase_steps(&memory, phase == PHASE_4K ? 1 : PAGES_PER_BLOCK, to_private, to_shared);
	timing_finish(to_private);
	timing_finish(to_shared);
	return answer;
}

static void judge(void)
{
	if (memory.refused && !memory.made_private) {
		result = "refused";
		reason = memory.refused == -KVM_ENOSYS ? "the-vmm-does-not-offer-conversion" : "first-conversion-failed";
	} else if (memory.refused || memory.private_now) {
		reason = "a-conversion-failed";
	} else if (memory.leaks) {
		reason = "content-leaked";
	} else if (memory.lost) {
		reason = "content-lost";
	} else {
		result = "passed";
	}
}

static void run(void)
{
	if (!kvm_para_available()) {
		result = "refused";
		reason = "no-kvm-below";
		return;
	}
	if (prepare() != 0) {
		reason = "not-enough-memory";
		return;
	}
	for (int p = 0; p < NR_PHASES; p++)
		if (run_phase(p) != 0)
			break;
	judge();
}

static int __init convert_init(void)
{
	if (size_mib < 2 || size_mib % 2 != 0 || size_mib > 65536 || rounds > 10000000) {
		pr_err("convert: size_mib is an even number from 2 to 65536, rounds at most 10000000\n");
		return -EINVAL;
	}
	run();
	memory_give_back(&memory);
	pr_info("convert: %s\n", result);
	return proc_create_single("convert", 0444, NULL, show) ? 0 : -ENOMEM;
}

static void __exit convert_exit(void)
{
	remove_proc_entry("convert", NULL);
	for (int p = 0; p < NR_PHASES; p++) {
		timing_free(&timings[p][0]);
		timing_free(&timings[p][1]);
	}
}

module_init(convert_init);
module_exit(convert_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Converts guest memory between private and shared, and checks it");
