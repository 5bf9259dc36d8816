// SPDX-License-Identifier: GPL-2.0
/*
 * The PTP hardware clock of a netdevsim device, shared by its ports.
 *
 * Ideal time is TAI: the raw monotonic clock plus a constant. It is what a
 * perfect clock would show, and the only thing that nobody in the system can
 * change, so the distance from it is the true error of a clock.
 *
 * The clock is kept as its error, a function of raw time that consists of
 * straight segments. A segment ends where the frequency or the time is set and
 * at each step of the wander. All arithmetic is on integers: the error is in
 * 2^-64 ns and a rate in 2^-64 ns per ns, so that a segment may be cut anywhere
 * without changing the result. How often the clock is read has no influence on
 * what it shows.
 */

#include <linux/bitops.h>
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "netdevsim.h"
#include "compat.h"

/* TAI minus UTC since 2017; UTC is what CLOCK_REALTIME shows at boot */
#define NSIM_CLOCK_TAI_OFFSET	(37 * NSEC_PER_SEC)

/* parts per billion; as far as ptp4l wants to go and more */
#define NSIM_CLOCK_MAX_ADJ	100000000

#define NSIM_CLOCK_MAX_ERROR	(1000000000LL * NSEC_PER_SEC)
#define NSIM_CLOCK_MAX_DRIFT	500000000LL	/* ppt */
#define NSIM_CLOCK_MAX_WANDER	1000000ULL	/* ppt per square root of a second */

/* The frequency wanders in steps of 2^26 ns, 67 ms. */
#define NSIM_WANDER_SHIFT	26

/*
 * A step adds (number of ones in a 64-bit hash) - 32 to a sum: binomial, close
 * to Gaussian, of standard deviation 4. To walk 1 ppt in a second, one unit of
 * the sum is worth sqrt(2^26 / 10^9) / 4 ppt. This is that, as a rate of 2^-64,
 * with 20 more fractional bits.
 */
#define NSIM_WANDER_UNIT	1252707241875ULL
#define NSIM_WANDER_UNIT_SHIFT	20

/**
 * struct nsim_clock_segment - a stretch of constant frequency
 * @start: raw monotonic time of its begin, ns
 * @error: clock minus ideal time at @start, 2^-64 ns
 * @rate: growth of the error, 2^-64 ns per ns of raw time
 */
struct nsim_clock_segment {
	u64 start;
	s128 error;
	s64 rate;
};

/**
 * struct nsim_clock - PTP hardware clock of a device
 * @info: operations, for the PTP core
 * @ptp: the registered clock, NULL in a kernel without PTP clocks
 * @ddir: debugfs directory
 * @lock: protects what follows; taken in hard interrupts
 * @now: the segment that is going on
 * @before: the one before, for frames that arrived a moment ago
 * @adjustment: frequency set by adjfine, 2^-64
 * @drift_ppt: constant error of the oscillator
 * @wander_ppt: size of the random walk
 * @seed: of the random walk
 * @wander_start: raw time at which the walk began
 * @wander_steps: steps of the walk that have been made
 * @wander_sum: where the walk is
 */
struct nsim_clock {
	struct ptp_clock_info info;
	struct ptp_clock *ptp;
	struct dentry *ddir;

	spinlock_t lock;
	struct nsim_clock_segment now;
	struct nsim_clock_segment before;
	s64 adjustment;
	s64 drift_ppt;
	u64 wander_ppt;
	u64 seed;
	u64 wander_start;
	u64 wander_steps;
	s64 wander_sum;
};

/* Ideal time minus raw monotonic time, ns. Written once, when the driver starts, at boot. */
static s64 nsim_clock_epoch __read_mostly;

void nsim_clock_epoch_init(void)
{
	ktime_t real;
	u64 raw;

	nsim_now(&real, &raw);
	nsim_clock_epoch = ktime_to_ns(real) + NSIM_CLOCK_TAI_OFFSET - raw;
}

static s64 nsim_ideal(u64 raw)
{
	return raw + nsim_clock_epoch;
}

/* Rate of magnitude @value / @scale, in 2^-64. */
static s64 nsim_rate(s64 value, u64 unit, u64 scale)
{
	u64 magnitude = mul_u64_u64_div_u64(abs(value), unit, scale);

	return value < 0 ? -(s64)magnitude : magnitude;
}

static s64 nsim_clock_oscillator(const struct nsim_clock *clock)
{
	u64 unit = clock->wander_ppt * NSIM_WANDER_UNIT >> NSIM_WANDER_UNIT_SHIFT;

	/* drift / 10^12 * 2^64; the factor 4 keeps the second operand in range */
	return nsim_rate(clock->drift_ppt * 4, BIT_ULL(62), 1000000000000ULL) +
	       clock->wander_sum * (s64)unit;
}

/* The adjustment is a factor on what the oscillator gives, as in hardware. */
static s64 nsim_clock_rate(const struct nsim_clock *clock)
{
	s64 oscillator = nsim_clock_oscillator(clock);
	s64 product = ((s128)oscillator * clock->adjustment) >> 64;

	return oscillator + clock->adjustment + product;
}

static s128 nsim_segment_error(const struct nsim_clock_segment *segment,
			       u64 raw)
{
	return segment->error + (s128)(s64)(raw - segment->start) * segment->rate;
}

/* Begin a new segment at @raw, at the frequency that holds from then on. */
static void nsim_clock_turn(struct nsim_clock *clock, u64 raw)
{
	s128 error = nsim_segment_error(&clock->now, raw);

	/* A segment without length would tell nothing about the past. */
	if (clock->now.start != raw)
		clock->before = clock->now;
	clock->now.start = raw;
	clock->now.error = error;
	clock->now.rate = nsim_clock_rate(clock);
}

/* Make the steps of the wander that are due at @raw. */
static void nsim_clock_advance(struct nsim_clock *clock, u64 raw)
{
	const siphash_key_t key = { .key = { clock->seed } };

	if (!clock->wander_ppt || raw < clock->wander_start)
		return;
	while (clock->wander_steps < (raw - clock->wander_start) >> NSIM_WANDER_SHIFT) {
		clock->wander_steps++;
		clock->wander_sum +=
			(int)hweight64(siphash_1u64(clock->wander_steps, &key)) - 32;
		nsim_clock_turn(clock, clock->wander_start +
				       (clock->wander_steps << NSIM_WANDER_SHIFT));
	}
}

/* Clock minus ideal time at @raw, in whole ns. */
static s64 nsim_clock_error(struct nsim_clock *clock, u64 raw)
{
	unsigned long flags;
	s128 error;

	spin_lock_irqsave(&clock->lock, flags);
	nsim_clock_advance(clock, raw);
	error = nsim_segment_error(raw < clock->now.start ? &clock->before :
				   &clock->now, raw);
	spin_unlock_irqrestore(&clock->lock, flags);

	return error >> 64;
}

/**
 * nsim_clock_at - what the clock shows at an instant
 * @clock: the clock
 * @raw: the instant, raw monotonic time in ns, now or a moment ago
 *
 * Return: the time in ns
 */
ktime_t nsim_clock_at(struct nsim_clock *clock, u64 raw)
{
	return ns_to_ktime(nsim_ideal(raw) + nsim_clock_error(clock, raw));
}

/*
 * Begin a change: take the lock, bring the clock up to date, and return the
 * present instant. With interrupts off, reading the time takes none in a
 * simulation where time is virtual.
 */
static u64 nsim_clock_change(struct nsim_clock *clock, unsigned long *flags)
	__acquires(&clock->lock)
{
	u64 raw;

	spin_lock_irqsave(&clock->lock, *flags);
	raw = ktime_get_raw_ns();
	nsim_clock_advance(clock, raw);
	return raw;
}

/* End a change: it holds from @raw on. */
static void nsim_clock_changed(struct nsim_clock *clock, u64 raw,
			       unsigned long flags)
	__releases(&clock->lock)
{
	nsim_clock_turn(clock, raw);
	spin_unlock_irqrestore(&clock->lock, flags);
}

/* PTP clock operations */

static struct nsim_clock *nsim_clock_of(struct ptp_clock_info *info)
{
	return container_of(info, struct nsim_clock, info);
}

static int nsim_clock_adjfine(struct ptp_clock_info *info, long scaled_ppm)
{
	struct nsim_clock *clock = nsim_clock_of(info);
	unsigned long flags;
	u64 raw;

	raw = nsim_clock_change(clock, &flags);
	/* scaled_ppm / (10^6 * 2^16) * 2^64 */
	clock->adjustment = nsim_rate(scaled_ppm, BIT_ULL(48), 1000000);
	nsim_clock_changed(clock, raw, flags);

	return 0;
}

static int nsim_clock_adjtime(struct ptp_clock_info *info, s64 delta)
{
	struct nsim_clock *clock = nsim_clock_of(info);
	unsigned long flags;
	u64 raw;

	raw = nsim_clock_change(clock, &flags);
	nsim_clock_turn(clock, raw);
	clock->now.error += (s128)delta << 64;
	spin_unlock_irqrestore(&clock->lock, flags);

	return 0;
}

static void nsim_clock_step(struct nsim_clock *clock, u64 raw, s64 error)
{
	nsim_clock_turn(clock, raw);
	clock->now.error = (s128)error << 64;
}

static int nsim_clock_settime(struct ptp_clock_info *info,
			      const struct timespec64 *ts)
{
	struct nsim_clock *clock = nsim_clock_of(info);
	unsigned long flags;
	u64 raw;

	raw = nsim_clock_change(clock, &flags);
	nsim_clock_step(clock, raw, timespec64_to_ns(ts) - nsim_ideal(raw));
	spin_unlock_irqrestore(&clock->lock, flags);

	return 0;
}

/* Clock and system are read at one instant: before, at and after coincide. */
static int nsim_clock_gettimex(struct ptp_clock_info *info,
			       struct timespec64 *ts,
			       struct ptp_system_timestamp *sts)
{
	u64 raw = sts ? nsim_system_stamps(sts) : ktime_get_raw_ns();

	*ts = ktime_to_timespec64(nsim_clock_at(nsim_clock_of(info), raw));
	return 0;
}

static int nsim_clock_getcrosststamp(struct ptp_clock_info *info,
				     struct system_device_crosststamp *cts)
{
	u64 raw;
	int err;

	err = nsim_cross_stamps(cts, &raw);
	if (err)
		return err;
	cts->device = nsim_clock_at(nsim_clock_of(info), raw);
	return 0;
}

static const struct ptp_clock_info nsim_clock_info = {
	.owner		= THIS_MODULE,
	.name		= DRV_NAME,
	.max_adj	= NSIM_CLOCK_MAX_ADJ,
	.adjfine	= nsim_clock_adjfine,
	.adjtime	= nsim_clock_adjtime,
	.gettimex64	= nsim_clock_gettimex,
	.settime64	= nsim_clock_settime,
	.getcrosststamp	= nsim_clock_getcrosststamp,
};

/* debugfs */

static s64 nsim_true_error_get(struct nsim_clock *clock)
{
	return nsim_clock_error(clock, ktime_get_raw_ns());
}

static int nsim_true_error_set(struct nsim_clock *clock, s64 error)
{
	unsigned long flags;
	u64 raw;

	if (abs(error) > NSIM_CLOCK_MAX_ERROR)
		return -EINVAL;
	raw = nsim_clock_change(clock, &flags);
	nsim_clock_step(clock, raw, error);
	spin_unlock_irqrestore(&clock->lock, flags);
	return 0;
}
DEFINE_NSIM_KNOB(nsim_true_error, s64, "%lld");

static s64 nsim_drift_get(struct nsim_clock *clock)
{
	return READ_ONCE(clock->drift_ppt);
}

static int nsim_drift_set(struct nsim_clock *clock, s64 ppt)
{
	unsigned long flags;
	u64 raw;

	if (abs(ppt) > NSIM_CLOCK_MAX_DRIFT)
		return -EINVAL;
	raw = nsim_clock_change(clock, &flags);
	clock->drift_ppt = ppt;
	nsim_clock_changed(clock, raw, flags);
	return 0;
}
DEFINE_NSIM_KNOB(nsim_drift, s64, "%lld");

/*
 * The walk begins anew, at drift_ppt, so that it depends on nothing but size
 * and seed and the time since.
 */
static void nsim_wander_restart(struct nsim_clock *clock, u64 raw)
{
	clock->wander_start = raw;
	clock->wander_steps = 0;
	clock->wander_sum = 0;
}

static u64 nsim_wander_get(struct nsim_clock *clock)
{
	return READ_ONCE(clock->wander_ppt);
}

static int nsim_wander_set(struct nsim_clock *clock, u64 ppt)
{
	unsigned long flags;
	u64 raw;

	if (ppt > NSIM_CLOCK_MAX_WANDER)
		return -EINVAL;
	raw = nsim_clock_change(clock, &flags);
	clock->wander_ppt = ppt;
	nsim_wander_restart(clock, raw);
	nsim_clock_changed(clock, raw, flags);
	return 0;
}
DEFINE_NSIM_KNOB(nsim_wander, u64, "%llu");

static u64 nsim_clock_seed_get(struct nsim_clock *clock)
{
	return READ_ONCE(clock->seed);
}

static int nsim_clock_seed_set(struct nsim_clock *clock, u64 seed)
{
	unsigned long flags;
	u64 raw;

	raw = nsim_clock_change(clock, &flags);
	clock->seed = seed;
	nsim_wander_restart(clock, raw);
	nsim_clock_changed(clock, raw, flags);
	return 0;
}
DEFINE_NSIM_KNOB(nsim_clock_seed, u64, "%llu");

static int nsim_clock_number_show(struct seq_file *s, void *unused)
{
	seq_printf(s, "%d\n", nsim_clock_index(s->private));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nsim_clock_number);

static void nsim_clock_debugfs_init(struct nsim_clock *clock,
				    struct dentry *parent)
{
	clock->ddir = debugfs_create_dir("clock", parent);
	debugfs_create_file("index", 0400, clock->ddir, clock,
			    &nsim_clock_number_fops);
	debugfs_create_file("true_error_ns", 0600, clock->ddir, clock,
			    &nsim_true_error_fops);
	debugfs_create_file("drift_ppt", 0600, clock->ddir, clock,
			    &nsim_drift_fops);
	debugfs_create_file("wander_ppt", 0600, clock->ddir, clock,
			    &nsim_wander_fops);
	debugfs_create_file("seed", 0600, clock->ddir, clock,
			    &nsim_clock_seed_fops);
}

/**
 * nsim_clock_index - number of the clock
 * @clock: the clock
 *
 * Return: N of /dev/ptpN, -1 in a kernel without PTP clocks
 */
int nsim_clock_index(struct nsim_clock *clock)
{
	return clock->ptp ? ptp_clock_index(clock->ptp) : -1;
}

/**
 * nsim_clock_create - give a device its clock
 * @nsim_dev: the device; its debugfs directory exists
 *
 * Return: 0 or an error
 */
int nsim_clock_create(struct nsim_dev *nsim_dev)
{
	struct nsim_bus_dev *nsim_bus_dev = nsim_dev->nsim_bus_dev;
	struct device *parent;
	struct nsim_clock *clock;
	int err;

	clock = kzalloc(sizeof(*clock), GFP_KERNEL);
	if (!clock)
		return -ENOMEM;
	spin_lock_init(&clock->lock);
	clock->now.start = ktime_get_raw_ns();
	clock->info = nsim_clock_info;

	parent = nsim_pci_device(nsim_bus_dev->pci, 0) ?: &nsim_bus_dev->dev;
	clock->ptp = ptp_clock_register(&clock->info, parent);
	if (IS_ERR(clock->ptp)) {
		err = PTR_ERR(clock->ptp);
		goto err_free;
	}

	if (clock->ptp) {
		err = nsim_pci_show_clock(nsim_bus_dev->pci,
					  nsim_clock_index(clock));
		if (err)
			goto err_unregister;
	}

	nsim_clock_debugfs_init(clock, nsim_dev->ddir);
	nsim_dev->clock = clock;
	return 0;

err_unregister:
	ptp_clock_unregister(clock->ptp);
err_free:
	kfree(clock);
	return err;
}

/**
 * nsim_clock_destroy - take the clock away again
 * @nsim_dev: the device; its ports are gone
 */
void nsim_clock_destroy(struct nsim_dev *nsim_dev)
{
	struct nsim_clock *clock = nsim_dev->clock;

	debugfs_remove_recursive(clock->ddir);
	nsim_pci_hide_clock(nsim_dev->nsim_bus_dev->pci);
	if (clock->ptp)
		ptp_clock_unregister(clock->ptp);
	nsim_dev->clock = NULL;
	kfree(clock);
}
