// SPDX-License-Identifier: GPL-2.0
/* The host half of hostchan: see hostchan_kern.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "hostchan.h"

/* Wait until fd is ready, or only look. Signals to the guest are not lost: they stay pending. */
static int ready(int fd, short events, int wait)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		n = poll(&p, 1, wait ? -1 : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? 0 : -EAGAIN;
}

int hostchan_user_accept(int fd, void *unused, int zero, int wait)
{
	int err = ready(fd, POLLIN, wait);

	if (err)
		return err;
	fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int hostchan_user_read(int fd, void *buf, int len, int wait)
{
	int n, err = ready(fd, POLLIN, wait);

	if (err)
		return err;
	n = recv(fd, buf, len, 0);
	return n < 0 ? -errno : n;
}

int hostchan_user_write(int fd, void *buf, int len, int wait)
{
	int n, err = ready(fd, POLLOUT, wait);

	if (err)
		return err;
	n = send(fd, buf, len, MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}
