/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What makes a netdevsim device a PTP NIC: one PTP hardware clock per device,
 * hardware timestamps, a cable with delay and noise, a PCI function per port.
 *
 * netdevsim.h includes this file; the structures below are members of
 * struct netdevsim, struct nsim_dev and struct nsim_bus_dev.
 */
#ifndef _NETDEVSIM_NIC_H
#define _NETDEVSIM_NIC_H

#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/ethtool.h>
#include <linux/hrtimer.h>
#include <linux/net_tstamp.h>
#include <linux/netdevice.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/string.h>

struct netdevsim;
struct nsim_bus_dev;
struct nsim_clock;
struct nsim_dev;
struct nsim_dev_port;
struct nsim_pci;
struct nsim_rq;

/* clock.c: the PTP hardware clock of a device */

void nsim_clock_epoch_init(void);
int nsim_clock_create(struct nsim_dev *nsim_dev);
void nsim_clock_destroy(struct nsim_dev *nsim_dev);
int nsim_clock_index(struct nsim_clock *clock);
ktime_t nsim_clock_at(struct nsim_clock *clock, u64 raw);

/* link.c: the cable behind a port, and the port's timestamps */

/**
 * struct nsim_link_model - what the cable does to the frames that a port sends
 * @delay_ns: propagation delay
 * @asymmetry_ns: added to @delay_ns; the sum is never negative
 * @jitter_ns: mean of an exponentially distributed further delay
 * @loss_ppm: frames of a million that get lost
 * @seed: of jitter and loss
 */
struct nsim_link_model {
	u64 delay_ns;
	s64 asymmetry_ns;
	u64 jitter_ns;
	u32 loss_ppm;
	u64 seed;
};

/**
 * struct nsim_link - the sending half of a port's cable
 * @lock: protects @model and @flight; taken in hard interrupts
 * @model: see there
 * @flight: frames between the two ends, the one that arrives first in front
 * @timer: fires when the first frame of @flight arrives
 * @tx_type: HWTSTAMP_TX_OFF or HWTSTAMP_TX_ON
 * @rx_filter: HWTSTAMP_FILTER_NONE or HWTSTAMP_FILTER_ALL
 * @ddir: debugfs directory "link"
 * @netdev_file: debugfs file "netdev"
 */
struct nsim_link {
	spinlock_t lock;
	struct nsim_link_model model;
	struct sk_buff_head flight;
	struct hrtimer timer;
	int tx_type;
	int rx_filter;
	struct dentry *ddir;
	struct dentry *netdev_file;
};

void nsim_link_init(struct netdevsim *ns);
void nsim_link_exit(struct netdevsim *ns);
void nsim_link_debugfs_init(struct netdevsim *ns);
void nsim_link_debugfs_exit(struct netdevsim *ns);
void nsim_link_tx(struct netdevsim *ns, struct sk_buff *skb);
bool nsim_link_full(struct netdevsim *ns, struct nsim_rq *rq);
void nsim_link_send(struct netdevsim *ns, struct sk_buff *skb);
void nsim_link_cut(struct netdevsim *ns);

int nsim_hwtstamp_get(struct net_device *dev,
		      struct kernel_hwtstamp_config *config);
int nsim_hwtstamp_set(struct net_device *dev,
		      struct kernel_hwtstamp_config *config,
		      struct netlink_ext_ack *extack);
int nsim_get_ts_info(struct net_device *dev,
		     struct kernel_ethtool_ts_info *info);
int nsim_get_link_ksettings(struct net_device *dev,
			    struct ethtool_link_ksettings *cmd);

/* pci.c: a PCI function for each port */

struct device *nsim_port_device(struct nsim_bus_dev *nsim_bus_dev,
				struct nsim_dev_port *nsim_dev_port);

#if IS_ENABLED(CONFIG_PCI) && IS_ENABLED(CONFIG_UML)
int nsim_pci_init(void);
void nsim_pci_exit(void);
struct nsim_pci *nsim_pci_create(const char *address, unsigned int functions);
void nsim_pci_destroy(struct nsim_pci *pci);
struct device *nsim_pci_device(struct nsim_pci *pci, unsigned int function);
int nsim_pci_show_clock(struct nsim_pci *pci, int index);
void nsim_pci_hide_clock(struct nsim_pci *pci);
#else
static inline int nsim_pci_init(void)
{
	return 0;
}

static inline void nsim_pci_exit(void)
{
}

static inline struct nsim_pci *nsim_pci_create(const char *address,
					       unsigned int functions)
{
	return *skip_spaces(address) ? ERR_PTR(-EOPNOTSUPP) : NULL;
}

static inline void nsim_pci_destroy(struct nsim_pci *pci)
{
}

static inline struct device *nsim_pci_device(struct nsim_pci *pci,
					     unsigned int function)
{
	return NULL;
}

static inline int nsim_pci_show_clock(struct nsim_pci *pci, int index)
{
	return 0;
}

static inline void nsim_pci_hide_clock(struct nsim_pci *pci)
{
}
#endif

/* knob.c: one decimal number in a debugfs file */

int nsim_knob_parse_s64(const char __user *text, size_t len, loff_t pos,
			s64 *value);
int nsim_knob_parse_u64(const char __user *text, size_t len, loff_t pos,
			u64 *value);

/*
 * Define file operations NAME_fops from NAME_get(ctx), which returns the number,
 * and NAME_set(ctx, number), which returns 0 or an error. ctx is the data
 * pointer of debugfs_create_file().
 *
 * debugfs' own attributes take hexadecimal and octal and cut long text short.
 * These take nothing but a whole decimal number. Through seq_file a reader sees
 * one number even if it reads byte by byte while the number changes.
 */
#define DEFINE_NSIM_KNOB(__name, __type, __format)			\
static int __name##_show(struct seq_file *s, void *unused)		\
{									\
	seq_printf(s, __format "\n", __name##_get(s->private));		\
	return 0;							\
}									\
									\
static ssize_t __name##_write(struct file *file, const char __user *text, \
			      size_t len, loff_t *pos)			\
{									\
	struct seq_file *s = file->private_data;			\
	__type value;							\
	int err;							\
									\
	err = nsim_knob_parse_##__type(text, len, *pos, &value);	\
	if (!err)							\
		err = __name##_set(s->private, value);			\
	return err ?: len;						\
}									\
DEFINE_SHOW_STORE_ATTRIBUTE(__name)

#endif /* _NETDEVSIM_NIC_H */
