// SPDX-License-Identifier: GPL-2.0
/*
 * hostchan: byte streams between a program in the guest and programs on the host.
 *
 * "hostchan=N" on the command line names an inherited descriptor, a listening stream socket of
 * the host. Each open() of /dev/hostchan is one connection to it.
 *
 * With time travel, a wait for the host stops the whole guest: open() and read() block in the
 * host kernel with interrupts off, no timer fires and simulated time does not move. So an agent
 * that reads a command, obeys it and reads the next makes time pass only while it obeys. The
 * agent is init, and nobody else may open the device. A descriptor with O_NONBLOCK looks
 * without waiting, which lets a long command see a hang-up.
 *
 * In real time, waits put only the caller to sleep, as on any device.
 */
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/miscdevice.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/time-internal.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <irq_kern.h>
#include <irq_user.h>
#include <os.h>
#include <init.h>
#include "hostchan.h"

#define HOSTCHAN_CHUNK	(64 * 1024)

struct hostchan {
	int fd;
	int irq;
	wait_queue_head_t wait;
};

static struct hostchan listener = { .fd = -1 };

static irqreturn_t hostchan_irq(int irq, void *data)
{
	struct hostchan *c = data;

	wake_up_interruptible_all(&c->wait);
	return IRQ_HANDLED;
}

/* In real time the host's readiness arrives as an interrupt; with time travel nobody asks for it. */
static int hostchan_watch(struct hostchan *c)
{
	init_waitqueue_head(&c->wait);
	if (time_travel_mode != TT_MODE_OFF)
		return 0;
	c->irq = um_request_irq(UM_IRQ_ALLOC, c->fd, IRQ_READ, hostchan_irq, 0, "hostchan", c);
	return c->irq < 0 ? c->irq : 0;
}

/* Do op until it has something or fails; c is what to sleep on in real time. */
static int hostchan_do(struct hostchan *c, struct file *file, hostchan_op op, int fd, void *buf, int len)
{
	bool may_wait = !(file->f_flags & O_NONBLOCK);
	unsigned long flags;
	long left;
	int n;

	if (time_travel_mode != TT_MODE_OFF) {
		local_irq_save(flags);
		n = op(fd, buf, len, may_wait);
		local_irq_restore(flags);
		return n;
	}

	/* Look again now and then: becoming writable has no interrupt. */
	while ((n = op(fd, buf, len, 0)) == -EAGAIN && may_wait) {
		left = wait_event_interruptible_timeout(c->wait,
			(n = op(fd, buf, len, 0)) != -EAGAIN, HZ);
		if (n != -EAGAIN || left < 0)
			return n != -EAGAIN ? n : left;
	}
	return n;
}

static int hostchan_open(struct inode *inode, struct file *file)
{
	struct hostchan *c;
	int err;

	if (listener.fd < 0)
		return -ENODEV;
	/* Any other program would take the next caller away from the agent, and stop time while it waits. */
	if (!is_global_init(current))
		return -EPERM;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;

	c->fd = hostchan_do(&listener, file, hostchan_user_accept, listener.fd, NULL, 0);
	if (c->fd < 0) {
		err = c->fd;
		goto free;
	}
	err = hostchan_watch(c);
	if (err)
		goto close;

	file->private_data = c;
	return nonseekable_open(inode, file);

close:
	os_close_file(c->fd);
free:
	kfree(c);
	return err;
}

static int hostchan_release(struct inode *inode, struct file *file)
{
	struct hostchan *c = file->private_data;

	if (time_travel_mode == TT_MODE_OFF)
		um_free_irq(c->irq, c);
	os_close_file(c->fd);
	kfree(c);
	return 0;
}

static ssize_t hostchan_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	struct hostchan *c = file->private_data;
	int chunk = min_t(size_t, len, HOSTCHAN_CHUNK);
	void *buf = kvmalloc(chunk, GFP_KERNEL);
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	n = hostchan_do(c, file, hostchan_user_read, c->fd, buf, chunk);
	if (n > 0 && copy_to_user(to, buf, n))
		n = -EFAULT;
	kvfree(buf);
	return n;
}

static ssize_t hostchan_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	struct hostchan *c = file->private_data;
	int chunk = min_t(size_t, len, HOSTCHAN_CHUNK);
	void *buf = kvmalloc(chunk, GFP_KERNEL);
	ssize_t n = -EFAULT;

	if (!buf)
		return -ENOMEM;
	if (!copy_from_user(buf, from, chunk))
		n = hostchan_do(c, file, hostchan_user_write, c->fd, buf, chunk);
	kvfree(buf);
	return n;
}

static const struct file_operations hostchan_fops = {
	.owner		= THIS_MODULE,
	.open		= hostchan_open,
	.release	= hostchan_release,
	.read		= hostchan_read,
	.write		= hostchan_write,
};

static struct miscdevice hostchan_dev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "hostchan",
	.fops	= &hostchan_fops,
	.mode	= 0600,
};

static int __init hostchan_setup(char *arg)
{
	return kstrtoint(arg, 10, &listener.fd) ? -EINVAL : 0;
}
early_param("hostchan", hostchan_setup);

static int __init hostchan_init(void)
{
	int err;

	if (listener.fd < 0)
		return 0;
	err = hostchan_watch(&listener);
	if (err) {
		pr_err("hostchan: descriptor %d: error %d\n", listener.fd, err);
		return err;
	}
	return misc_register(&hostchan_dev);
}
device_initcall(hostchan_init);
