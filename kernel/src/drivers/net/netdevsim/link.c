// SPDX-License-Identifier: GPL-2.0
/*
 * The cable behind a netdevsim port, and hardware timestamps.
 *
 * A frame has one instant: the raw monotonic time at which its port sends it.
 * Its transmit stamp is what the sender's clock shows at that instant, its
 * receive stamp what the receiver's clock shows when the cable's delay has
 * passed. How long the kernel really takes has no influence on either, however
 * busy the machine is.
 *
 * Jitter and loss are a hash of the frame and a seed and not a sequence of
 * random numbers: one frame more or less does not change the fate of the others.
 */

#include <linux/debugfs.h>
#include <linux/etherdevice.h>
#include <linux/math64.h>
#include <linux/rtnetlink.h>
#include <linux/siphash.h>
#include <linux/timekeeping.h>
#include <net/net_namespace.h>

#include "netdevsim.h"
#include "compat.h"

#define NSIM_LINK_MAX_NS	1000000000LL
#define NSIM_LINK_MILLION	1000000

#define NSIM_LINK_SPEED		SPEED_25000

/*
 * Frames that may be on the way between two ports. Where time is virtual, a
 * switch floods hundreds of ports at one instant; nothing of that may get lost.
 */
#define NSIM_LINK_MAX_FRAMES	16384

/* Bytes of a frame that decide on its jitter and loss; a PTP message fits. */
#define NSIM_LINK_HASH_LEN	256

/**
 * struct nsim_link_cb - what a frame carries while it is under way
 * @arrival: raw monotonic time at which it reaches the far end, ns
 * @lost: it never does
 */
struct nsim_link_cb {
	u64 arrival;
	bool lost;
};

static struct nsim_link_cb *nsim_link_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct nsim_link_cb) > sizeof(skb->cb));
	return (struct nsim_link_cb *)skb->cb;
}

static struct nsim_link_model nsim_link_model(struct nsim_link *link)
{
	struct nsim_link_model model;
	unsigned long flags;

	spin_lock_irqsave(&link->lock, flags);
	model = link->model;
	spin_unlock_irqrestore(&link->lock, flags);

	return model;
}

/* Two purposes, two independent hashes. */
enum nsim_link_purpose {
	NSIM_LINK_JITTER,
	NSIM_LINK_LOSS,
};

static u64 nsim_link_hash(const struct sk_buff *skb, u64 seed,
			  enum nsim_link_purpose purpose)
{
	siphash_key_t key = { .key = { seed, (u64)purpose << 32 | skb->len } };
	unsigned int len = min_t(unsigned int, skb->len, NSIM_LINK_HASH_LEN);
	u8 buf[NSIM_LINK_HASH_LEN];
	const void *bytes;

	bytes = skb_header_pointer(skb, 0, len, buf);
	return bytes ? siphash(bytes, len, &key) : 0;
}

/*
 * -ln(hash / 2^64), with 32 fractional bits: exponentially distributed with
 * mean 1 if the hash is uniform. The binary logarithm comes bit by bit, from
 * squaring a number between 1 and 2: what reaches 2 gives a one and is halved.
 */
static u64 nsim_exponential(u64 hash)
{
	const u64 ln2 = 2977044472ULL;	/* 32 fractional bits */
	u64 fraction = 0;
	u64 mantissa;
	int zeros, bit;

	hash |= 1;
	zeros = 64 - fls64(hash);
	mantissa = hash << zeros >> 32;	/* 1 <= mantissa / 2^31 < 2 */

	for (bit = 31; bit >= 0; bit--) {
		mantissa = mantissa * mantissa >> 31;
		if (mantissa >> 32) {
			mantissa >>= 1;
			fraction |= BIT_ULL(bit);
		}
	}

	return mul_u64_u64_shr(((u64)(zeros + 1) << 32) - fraction, ln2, 32);
}

static u64 nsim_link_delay(const struct nsim_link_model *model,
			   const struct sk_buff *skb)
{
	u64 delay = model->delay_ns + model->asymmetry_ns;

	if (model->jitter_ns) {
		u64 hash = nsim_link_hash(skb, model->seed, NSIM_LINK_JITTER);

		delay += mul_u64_u64_shr(nsim_exponential(hash),
					 model->jitter_ns, 32);
	}
	return delay;
}

static bool nsim_link_loses(const struct nsim_link_model *model,
			    const struct sk_buff *skb)
{
	u64 hash;

	if (!model->loss_ppm)
		return false;
	hash = nsim_link_hash(skb, model->seed, NSIM_LINK_LOSS);
	return mul_u64_u64_shr(hash, NSIM_LINK_MILLION, 64) < model->loss_ppm;
}

static void nsim_link_tx_stamp(struct netdevsim *ns, struct sk_buff *skb, u64 raw)
{
	struct skb_shared_hwtstamps stamps = {};
	bool hardware;

	hardware = skb_shinfo(skb)->tx_flags & SKBTX_HW_TSTAMP &&
		   READ_ONCE(ns->link.tx_type) == HWTSTAMP_TX_ON;
	if (hardware)
		skb_shinfo(skb)->tx_flags |= SKBTX_IN_PROGRESS;

	skb_tx_timestamp(skb);

	if (hardware) {
		stamps.hwtstamp = nsim_clock_at(ns->nsim_dev->clock, raw);
		skb_tstamp_tx(skb, &stamps);
	}
}

/**
 * nsim_link_tx - a frame leaves its port
 * @ns: the port
 * @skb: the frame, as it goes on the cable
 *
 * Fix the frame's instant, report the transmit stamp, and decide when and
 * whether the frame reaches the far end.
 */
void nsim_link_tx(struct netdevsim *ns, struct sk_buff *skb)
{
	struct nsim_link_model model = nsim_link_model(&ns->link);
	u64 raw = ktime_get_raw_ns();
	u64 delay = nsim_link_delay(&model, skb);
	bool lost = nsim_link_loses(&model, skb);

	nsim_link_tx_stamp(ns, skb, raw);

	/*
	 * Clones share their timestamps: the one in the sender's error queue,
	 * those that a bridge sends to other ports. The frame on the cable
	 * becomes a copy of its own, which knows nothing of the sender's stamp,
	 * and does not ask for another one if the receiver forwards it.
	 */
	if (skb_unclone(skb, GFP_ATOMIC)) {
		lost = true;
	} else {
		*skb_hwtstamps(skb) = (struct skb_shared_hwtstamps) {};
		skb_shinfo(skb)->tx_flags = 0;
		skb_shinfo(skb)->tskey = 0;
	}

	nsim_link_cb(skb)->arrival = raw + delay;
	nsim_link_cb(skb)->lost = lost;
}

/* Let the timer fire when the first frame arrives. Call with the lock held. */
static void nsim_link_arm(struct nsim_link *link)
{
	u64 arrival = nsim_link_cb(skb_peek(&link->flight))->arrival;
	u64 now = ktime_get_raw_ns();

	/* Even a cable without delay takes a timer: a loop of bridges then
	 * takes time too, and virtual time goes on.
	 */
	hrtimer_start(&link->timer, arrival > now ? arrival - now : 0,
		      HRTIMER_MODE_REL);
}

/**
 * nsim_link_full - is there no room for a frame?
 * @ns: the sending port
 * @rq: the queue at the far end
 *
 * Return: true if a further frame has to be dropped
 */
bool nsim_link_full(struct netdevsim *ns, struct nsim_rq *rq)
{
	return skb_queue_len_lockless(&ns->link.flight) +
	       skb_queue_len_lockless(&rq->skb_queue) >= NSIM_LINK_MAX_FRAMES;
}

/**
 * nsim_link_send - put a frame on the cable
 * @ns: the sending port
 * @skb: a frame that nsim_link_tx() has seen
 *
 * The frame keeps its socket until it is received: a sender that never waits
 * is held back by its send buffer and not by a full queue.
 */
void nsim_link_send(struct netdevsim *ns, struct sk_buff *skb)
{
	struct nsim_link *link = &ns->link;
	struct sk_buff *before;
	unsigned long flags;

	if (nsim_link_cb(skb)->lost) {
		dev_kfree_skb_any(skb);
		return;
	}

	spin_lock_irqsave(&link->lock, flags);
	/* Jitter lets frames overtake each other. Equal times keep their order. */
	skb_queue_reverse_walk(&link->flight, before)
		if (nsim_link_cb(before)->arrival <= nsim_link_cb(skb)->arrival)
			break;
	__skb_queue_after(&link->flight, before, skb);
	if (skb_peek(&link->flight) == skb)
		nsim_link_arm(link);
	spin_unlock_irqrestore(&link->lock, flags);
}

/* The port at the other end, or the port itself where it is looped back. */
static struct netdevsim *nsim_link_far_end(struct netdevsim *ns)
{
	if (ns->netdev->features & NETIF_F_LOOPBACK)
		return ns;
	return rcu_dereference(ns->peer);
}

static void nsim_link_deliver(struct netdevsim *rx, struct sk_buff *skb)
{
	struct nsim_rq *rq;

	/* A port that is down or has been plugged elsewhere hears nothing. */
	if (!rx || rx->netdev != skb->dev || !(rx->netdev->flags & IFF_UP) ||
	    !netif_carrier_ok(rx->netdev)) {
		dev_kfree_skb_any(skb);
		return;
	}

	if (READ_ONCE(rx->link.rx_filter) != HWTSTAMP_FILTER_NONE)
		skb_hwtstamps(skb)->hwtstamp =
			nsim_clock_at(rx->nsim_dev->clock,
				      nsim_link_cb(skb)->arrival);

	rq = nsim_port_rq(rx, skb_get_queue_mapping(skb) %
			      rx->netdev->num_rx_queues);
	skb_queue_tail(&rq->skb_queue, skb);
	napi_schedule(&rq->napi);
}

static enum hrtimer_restart nsim_link_arrive(struct hrtimer *timer)
{
	struct nsim_link *link = container_of(timer, struct nsim_link, timer);
	struct netdevsim *ns = container_of(link, struct netdevsim, link);
	u64 now = ktime_get_raw_ns();
	struct netdevsim *rx;
	struct sk_buff *skb;
	unsigned long flags;

	rcu_read_lock();
	rx = nsim_link_far_end(ns);
	spin_lock_irqsave(&link->lock, flags);
	while ((skb = skb_peek(&link->flight)) &&
	       nsim_link_cb(skb)->arrival <= now) {
		__skb_unlink(skb, &link->flight);
		nsim_link_deliver(rx, skb);
	}
	if (skb)
		nsim_link_arm(link);
	spin_unlock_irqrestore(&link->lock, flags);
	rcu_read_unlock();

	return HRTIMER_NORESTART;
}

/* Drop the frames that @ns has sent and that have not arrived. */
static void nsim_link_flush(struct netdevsim *ns)
{
	struct sk_buff_head flight;
	unsigned long flags;

	__skb_queue_head_init(&flight);
	spin_lock_irqsave(&ns->link.lock, flags);
	skb_queue_splice_init(&ns->link.flight, &flight);
	spin_unlock_irqrestore(&ns->link.lock, flags);
	__skb_queue_purge(&flight);
}

/**
 * nsim_link_cut - the cable of a port carries nothing any more
 * @ns: a port that stops, is unplugged, or goes away
 *
 * Both ends lose their carrier, and the frames between them are lost. Call with
 * rtnl held.
 */
void nsim_link_cut(struct netdevsim *ns)
{
	struct netdevsim *peer = rtnl_dereference(ns->peer);

	netif_carrier_off(ns->netdev);
	nsim_link_flush(ns);
	if (peer) {
		netif_carrier_off(peer->netdev);
		nsim_link_flush(peer);
	}
}

/**
 * nsim_port_device - parent of a port's network interface
 * @nsim_bus_dev: the device
 * @nsim_dev_port: its port
 *
 * Return: the port's PCI function, or the netdevsim device if it has none
 */
struct device *nsim_port_device(struct nsim_bus_dev *nsim_bus_dev,
				struct nsim_dev_port *nsim_dev_port)
{
	return nsim_pci_device(nsim_bus_dev->pci, nsim_dev_port->port_index) ?:
	       &nsim_bus_dev->dev;
}

/* ethtool and timestamp configuration */

int nsim_hwtstamp_get(struct net_device *dev,
		      struct kernel_hwtstamp_config *config)
{
	struct netdevsim *ns = netdev_priv(dev);

	config->flags = 0;
	config->tx_type = ns->link.tx_type;
	config->rx_filter = ns->link.rx_filter;
	return 0;
}

int nsim_hwtstamp_set(struct net_device *dev,
		      struct kernel_hwtstamp_config *config,
		      struct netlink_ext_ack *extack)
{
	struct netdevsim *ns = netdev_priv(dev);

	if (config->tx_type != HWTSTAMP_TX_OFF &&
	    config->tx_type != HWTSTAMP_TX_ON)
		return -ERANGE;
	/* Whoever asks for some frames gets a stamp on all of them. */
	if (config->rx_filter != HWTSTAMP_FILTER_NONE)
		config->rx_filter = HWTSTAMP_FILTER_ALL;

	WRITE_ONCE(ns->link.tx_type, config->tx_type);
	WRITE_ONCE(ns->link.rx_filter, config->rx_filter);
	return 0;
}

int nsim_get_ts_info(struct net_device *dev,
		     struct kernel_ethtool_ts_info *info)
{
	struct netdevsim *ns = netdev_priv(dev);

	info->phc_index = nsim_clock_index(ns->nsim_dev->clock);
	/* A virtual function has no cable, so nothing to stamp. */
	if (nsim_dev_port_is_vf(ns->nsim_dev_port))
		return 0;

	info->so_timestamping = SOF_TIMESTAMPING_TX_HARDWARE |
				SOF_TIMESTAMPING_TX_SOFTWARE |
				SOF_TIMESTAMPING_RX_HARDWARE |
				SOF_TIMESTAMPING_RX_SOFTWARE |
				SOF_TIMESTAMPING_SOFTWARE |
				SOF_TIMESTAMPING_RAW_HARDWARE;
	info->tx_types = BIT(HWTSTAMP_TX_OFF) | BIT(HWTSTAMP_TX_ON);
	info->rx_filters = BIT(HWTSTAMP_FILTER_NONE) | BIT(HWTSTAMP_FILTER_ALL);
	return 0;
}

int nsim_get_link_ksettings(struct net_device *dev,
			    struct ethtool_link_ksettings *cmd)
{
	ethtool_link_ksettings_zero_link_mode(cmd, supported);
	ethtool_link_ksettings_zero_link_mode(cmd, advertising);
	ethtool_link_ksettings_add_link_mode(cmd, supported, 25000baseCR_Full);
	ethtool_link_ksettings_add_link_mode(cmd, supported, FIBRE);
	cmd->base.speed = NSIM_LINK_SPEED;
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.autoneg = AUTONEG_DISABLE;
	cmd->base.port = PORT_FIBRE;
	return 0;
}

/* debugfs */

static int nsim_link_set(struct nsim_link *link,
			 const struct nsim_link_model *model)
{
	if (model->delay_ns > NSIM_LINK_MAX_NS ||
	    model->jitter_ns > NSIM_LINK_MAX_NS ||
	    model->asymmetry_ns > NSIM_LINK_MAX_NS ||
	    model->asymmetry_ns < -(s64)model->delay_ns ||
	    model->loss_ppm > NSIM_LINK_MILLION)
		return -EINVAL;
	link->model = *model;
	return 0;
}

#define DEFINE_NSIM_LINK_KNOB(__member, __type, __format)		\
static __type nsim_##__member##_get(struct nsim_link *link)		\
{									\
	return nsim_link_model(link).__member;				\
}									\
									\
static int nsim_##__member##_set(struct nsim_link *link, __type value)	\
{									\
	struct nsim_link_model model;					\
	unsigned long flags;						\
	int err = -EINVAL;						\
									\
	spin_lock_irqsave(&link->lock, flags);				\
	model = link->model;						\
	model.__member = value;						\
	/* what does not fit the member is out of range as well */	\
	if (model.__member == value)					\
		err = nsim_link_set(link, &model);			\
	spin_unlock_irqrestore(&link->lock, flags);			\
	return err;							\
}									\
DEFINE_NSIM_KNOB(nsim_##__member, __type, __format)

DEFINE_NSIM_LINK_KNOB(delay_ns, u64, "%llu");
DEFINE_NSIM_LINK_KNOB(asymmetry_ns, s64, "%lld");
DEFINE_NSIM_LINK_KNOB(jitter_ns, u64, "%llu");
DEFINE_NSIM_LINK_KNOB(loss_ppm, u64, "%llu");
DEFINE_NSIM_LINK_KNOB(seed, u64, "%llu");

/* Where the port is: it may have been renamed and moved to any namespace. */
static int nsim_port_netdev_show(struct seq_file *s, void *unused)
{
	struct netdevsim *ns = s->private;

	rtnl_lock();
	seq_printf(s, "%d %u %s\n", ns->netdev->ifindex,
		   dev_net(ns->netdev)->ns.inum, ns->netdev->name);
	rtnl_unlock();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nsim_port_netdev);

void nsim_link_debugfs_init(struct netdevsim *ns)
{
	struct dentry *port = ns->nsim_dev_port->ddir;
	struct nsim_link *link = &ns->link;

	if (!nsim_dev_port_is_pf(ns->nsim_dev_port))
		return;
	link->netdev_file = debugfs_create_file("netdev", 0400, port, ns,
						&nsim_port_netdev_fops);
	link->ddir = debugfs_create_dir("link", port);
	debugfs_create_file("delay_ns", 0600, link->ddir, link,
			    &nsim_delay_ns_fops);
	debugfs_create_file("asymmetry_ns", 0600, link->ddir, link,
			    &nsim_asymmetry_ns_fops);
	debugfs_create_file("jitter_ns", 0600, link->ddir, link,
			    &nsim_jitter_ns_fops);
	debugfs_create_file("loss_ppm", 0600, link->ddir, link,
			    &nsim_loss_ppm_fops);
	debugfs_create_file("seed", 0600, link->ddir, link, &nsim_seed_fops);
}

/* Not under rtnl: waits for readers, and those of "netdev" take it. */
void nsim_link_debugfs_exit(struct netdevsim *ns)
{
	debugfs_remove(ns->link.ddir);
	debugfs_remove(ns->link.netdev_file);
}

/**
 * nsim_link_init - make the port's end of the cable
 * @ns: a port that is not registered yet
 */
void nsim_link_init(struct netdevsim *ns)
{
	struct nsim_link *link = &ns->link;

	spin_lock_init(&link->lock);
	__skb_queue_head_init(&link->flight);
	hrtimer_setup(&link->timer, nsim_link_arrive, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	/* The frame on the cable is modified: do not let others share it. */
	ns->netdev->priv_flags &= ~IFF_TX_SKB_SHARING;
}

/**
 * nsim_link_exit - remove the port's end of the cable
 * @ns: a port that is unregistered
 */
void nsim_link_exit(struct netdevsim *ns)
{
	hrtimer_cancel(&ns->link.timer);
	nsim_link_flush(ns);
}
