package podlogs

import "context"

// attend sees that somebody follows the stream, and that a later stream of the container is followed after it.
func (c *Collector) attend(l *log, stream Stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case stream.Restart < l.newest.Restart: // what the container printed before it started anew
		return
	case stream.Restart > l.newest.Restart || stream.Ended:
		l.newest = stream
	}
	if l.followed || l.complete && l.stream == l.newest {
		return
	}
	l.followed = true
	c.work.Go(func() { c.followLog(l) })
}

// followLog follows the streams of one container until there is nothing new: then the next look calls again.
func (c *Collector) followLog(l *log) {
	for {
		before := l.count()
		err := l.read(c.follow, c.source, l.current(), true)
		if c.follow.Err() != nil {
			l.release()
			return
		}
		more := l.count() > before
		if err == nil || more { // else nothing is known that was not known before
			l.setCut(err != nil)
		}
		if c.turn(c.follow, l) {
			continue
		}
		if more {
			continue
		}
		c.finishIfEnded(l)
		if l.releaseUnlessOld() {
			return
		}
	}
}

// turn goes on to the newest stream of a container that was started anew, and reads on the way what is left of the others.
// Those may be gone, which the file then says.
func (c *Collector) turn(ctx context.Context, l *log) (turned bool) {
	for l.isOld() {
		err := l.read(ctx, c.source, l.current(), false)
		if ctx.Err() != nil {
			return turned
		}
		if err != nil {
			l.lose(err)
		}
		l.goOn()
		turned = true
	}
	return turned
}

// readToNow reads what there is of a container, without waiting.
func (c *Collector) readToNow(ctx context.Context, l *log) error {
	c.turn(ctx, l)
	return l.read(ctx, c.source, l.current(), false)
}

// finishIfEnded notes that an ended stream has been read to its end.
func (c *Collector) finishIfEnded(l *log) {
	l.mu.Lock()
	ended := l.newest.Ended && l.newest.Restart == l.stream.Restart
	l.mu.Unlock()
	if !ended {
		return
	}
	if err := l.read(c.follow, c.source, l.current(), false); err == nil {
		l.mu.Lock()
		l.stream, l.complete = l.newest, true
		l.mu.Unlock()
	}
}
