/* SPDX-License-Identifier: GPL-2.0 */
/* The few places where the kernels that these files build with differ. */
#ifndef _NETDEVSIM_COMPAT_H
#define _NETDEVSIM_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/timekeeping.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)

static inline struct nsim_rq *nsim_port_rq(struct netdevsim *ns,
					   unsigned int index)
{
	return ns->rq[index];
}

static inline void nsim_now(ktime_t *real, u64 *raw)
{
	struct system_time_snapshot snap;

	ktime_get_snapshot_id(CLOCK_REALTIME, &snap);
	*real = snap.systime;
	*raw = ktime_to_ns(snap.monoraw);
}

/* Fill both system stamps and return their common raw instant. */
static inline u64 nsim_system_stamps(struct ptp_system_timestamp *sts)
{
	ktime_get_snapshot_id(sts->clockid, &sts->pre_sts);
	sts->post_sts = sts->pre_sts;
	/* An auxiliary clock has a raw clock of its own, off by a constant. */
	if (!sts->pre_sts.valid || sts->clockid >= CLOCK_AUX)
		return ktime_get_raw_ns();
	return ktime_to_ns(sts->pre_sts.monoraw);
}

/* Fill all but the device time and return the raw instant. */
static inline int nsim_cross_stamps(struct system_device_crosststamp *cts,
				    u64 *raw)
{
	struct system_time_snapshot snap;

	if (cts->clock_id >= CLOCK_AUX)
		return -EOPNOTSUPP;
	ktime_get_snapshot_id(cts->clock_id, &snap);
	if (!snap.valid)
		return -EAGAIN;
	cts->sys_counter.cycles = snap.cycles;
	cts->sys_counter.cs_id = snap.cs_id;
	cts->sys_systime = snap.systime;
	cts->sys_monoraw = snap.monoraw;
	*raw = ktime_to_ns(snap.monoraw);
	return 0;
}

#else /* 6.12 */

static inline struct nsim_rq *nsim_port_rq(struct netdevsim *ns,
					   unsigned int index)
{
	return &ns->rq[index];
}

static inline void nsim_now(ktime_t *real, u64 *raw)
{
	struct system_time_snapshot snap;

	ktime_get_snapshot(&snap);
	*real = snap.real;
	*raw = ktime_to_ns(snap.raw);
}

static inline u64 nsim_system_stamps(struct ptp_system_timestamp *sts)
{
	ktime_t real, system;
	u64 raw;

	nsim_now(&real, &raw);
	switch (sts->clockid) {
	case CLOCK_MONOTONIC:
		system = ktime_sub(real, ktime_mono_to_real(0));
		break;
	case CLOCK_MONOTONIC_RAW:
		system = ns_to_ktime(raw);
		break;
	default:
		system = real;
	}
	sts->pre_ts = ktime_to_timespec64(system);
	sts->post_ts = sts->pre_ts;
	return raw;
}

static inline int nsim_cross_stamps(struct system_device_crosststamp *cts,
				    u64 *raw)
{
	nsim_now(&cts->sys_realtime, raw);
	cts->sys_monoraw = ns_to_ktime(*raw);
	return 0;
}

#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}
#endif

#endif /* _NETDEVSIM_COMPAT_H */
