/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __UM_HOSTCHAN_H
#define __UM_HOSTCHAN_H

/*
 * The host half of hostchan. Each returns a negative errno, or what it got: a descriptor, or a number
 * of bytes. With wait, it waits in the host kernel, and everything in the guest stands still.
 */
typedef int (*hostchan_op)(int fd, void *buf, int len, int wait);

int hostchan_user_accept(int fd, void *unused, int zero, int wait);
int hostchan_user_read(int fd, void *buf, int len, int wait);
int hostchan_user_write(int fd, void *buf, int len, int wait);

#endif
