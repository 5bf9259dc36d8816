// SPDX-License-Identifier: GPL-2.0
/* Numbers in debugfs files: strict decimal text. */

#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "nic.h"

/* A sign, 20 digits, a newline, and one more to notice what is too long. */
#define NSIM_KNOB_TEXT	24

static int nsim_knob_text(char buf[NSIM_KNOB_TEXT], const char __user *text,
			  size_t len, loff_t pos)
{
	if (pos || len >= NSIM_KNOB_TEXT)
		return -EINVAL;
	if (copy_from_user(buf, text, len))
		return -EFAULT;
	buf[len] = '\0';
	/* kstrto*() would not see what follows a NUL */
	return strlen(buf) == len ? 0 : -EINVAL;
}

int nsim_knob_parse_s64(const char __user *text, size_t len, loff_t pos,
			s64 *value)
{
	char buf[NSIM_KNOB_TEXT];
	int err;

	err = nsim_knob_text(buf, text, len, pos);
	if (err)
		return err;
	return kstrtos64(buf, 10, value) ? -EINVAL : 0;
}

int nsim_knob_parse_u64(const char __user *text, size_t len, loff_t pos,
			u64 *value)
{
	char buf[NSIM_KNOB_TEXT];
	int err;

	err = nsim_knob_text(buf, text, len, pos);
	if (err)
		return err;
	return kstrtou64(buf, 10, value) ? -EINVAL : 0;
}
